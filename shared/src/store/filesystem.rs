//! On what kind of filesystem the data folder lies. SQLite's WAL needs all its users on one kernel, so network filesystems are
//! refused.

use std::path::Path;

/// A filesystem as `statfs` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filesystem {
    /// Linux's `f_type`.
    pub magic: u64,
    /// Bytes an ordinary user may still write.
    pub free_bytes: u64,
}

/// How much more than a store itself has to be free for a copy of it: journal, and what others write meanwhile.
const SPARE_BYTES: u64 = 1024 * 1024;

/// Too little is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom {
    /// Bytes that have to be free.
    pub needed: u64,
    /// Bytes that are.
    pub free: u64,
}

impl Filesystem {
    /// Whether a copy of a store of so many bytes can be made here.
    ///
    /// # Errors
    /// [`NoRoom`] when not.
    pub const fn room_for_a_copy(self, bytes: u64) -> Result<(), NoRoom> {
        let needed = bytes.saturating_add(SPARE_BYTES);
        if self.free_bytes < needed { Err(NoRoom { needed, free: self.free_bytes }) } else { Ok(()) }
    }

    /// Asks the kernel about the filesystem of `path`.
    ///
    /// # Errors
    /// The kernel's own, for a path that is not there.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let stat = rustix::fs::statfs(path)?;
        // `f_type` is signed on some targets; the numbers below are its lower 32 bits everywhere.
        #[expect(clippy::cast_sign_loss, reason = "the type of f_type differs between targets")]
        let magic = (stat.f_type as u64) & 0xffff_ffff;
        #[expect(clippy::cast_sign_loss, reason = "the type of f_bsize differs between targets")]
        let block = stat.f_bsize as u64;
        Ok(Self { magic, free_bytes: stat.f_bavail.saturating_mul(block) })
    }
}

/// The name of the network filesystem with this `f_type`, or `None` for a local one. Numbers from Linux's `magic.h` and
/// `statfs(2)`. FUSE counts as one: what lies behind it is unknown.
#[must_use]
pub const fn network_filesystem(magic: u64) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x6573_5546 => Some("FUSE"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f => Some("AFS"),
        0x0116_1970 => Some("GFS2"),
        0x7461_636f => Some("OCFS2"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x0187 => Some("autofs"),
        _ => None,
    }
}

/// The name of the file system of one machine with this `f_type`, where it is one of the usual ones. Numbers as above.
#[must_use]
pub const fn local_filesystem(magic: u64) -> Option<&'static str> {
    match magic {
        0xef53 => Some("ext4"),
        0x5846_5342 => Some("xfs"),
        0x9123_683e => Some("btrfs"),
        0x2fc1_2fc1 => Some("zfs"),
        0xf2f5_2010 => Some("f2fs"),
        0x0102_1994 => Some("tmpfs"),
        0x794c_7630 => Some("overlayfs"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_filesystems_are_known_by_their_number_and_local_ones_pass() {
        assert_eq!(network_filesystem(0x6969), Some("NFS"));
        assert_eq!(network_filesystem(0xfe53_4d42), Some("SMB"));
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(network_filesystem(local), None, "{local:#x}");
        }
    }

    #[test]
    fn the_kernel_tells_about_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let here = Filesystem::of(folder.path()).unwrap();
        assert_ne!(here.magic, 0);
        assert!(here.free_bytes > 0);
        assert!(Filesystem::of(&folder.path().join("missing")).is_err());
    }
}
