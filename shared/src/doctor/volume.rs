//! The data folder: is it there, may we write to it, on what does it lie, and how much room is left. Nothing is written to find out.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags};

use super::finding::{Area, Finding};
use crate::printable::size;
use crate::report::ProblemKind;
use crate::store::{Filesystem, local_filesystem, network_filesystem};

/// With less than this nothing can be relied on to be written.
const FULL_BELOW: u64 = 4 * 1024 * 1024;
/// With less than this somebody should know before it is full.
const SCARCE_BELOW: u64 = 64 * 1024 * 1024;

/// What was seen of a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where it is.
    pub folder: PathBuf,
    /// What is there; an error of the operating system where it does not tell.
    pub there: Result<There, String>,
    /// The user of this process.
    pub user: u32,
}

/// What is at the place of the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// Something else.
    NoFolder,
    /// A folder.
    Folder(Folder),
}

/// A folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    /// The user it belongs to.
    pub owner: u32,
    /// The group it belongs to.
    pub group: u32,
    /// Whether this process may write into it, as far as permissions go.
    pub writable: bool,
    /// Whether its file system takes no writes.
    pub read_only: bool,
    /// What it lies on.
    pub filesystem: Filesystem,
}

impl Volume {
    /// Looks.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        // The kernel's own folder about this process belongs to its user.
        let user = fs::metadata("/proc/self").map_or(0, |process| process.uid());
        Self { folder: folder.to_owned(), there: look(folder).map_err(|error| error.to_string()), user }
    }

    /// Whether files in it can be opened as a store is.
    #[must_use]
    pub fn takes_writes(&self) -> bool {
        matches!(&self.there, Ok(There::Folder(folder)) if folder.writable && !folder.read_only)
    }
}

fn look(path: &Path) -> std::io::Result<There> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(There::NoFolder),
        Err(error) => return Err(error),
    };
    if !metadata.is_dir() {
        return Ok(There::NoFolder);
    }
    let mounted = rustix::fs::statvfs(path)?;
    Ok(There::Folder(Folder {
        owner: metadata.uid(),
        group: metadata.gid(),
        writable: rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok(),
        read_only: mounted.f_flag.contains(StatVfsMountFlags::RDONLY),
        filesystem: Filesystem::of(path)?,
    }))
}

/// What is to be said about it. `store_bytes` is the size of the store, which a backup takes once more.
#[must_use]
pub fn judge(volume: &Volume, store_bytes: u64, allow_network_fs: bool) -> Vec<Finding> {
    let shown = volume.folder.display();
    let folder = match &volume.there {
        Ok(There::Folder(folder)) => folder,
        Ok(There::Nothing) => {
            let advice = "The first run or the service makes it. Where there was one before: is the volume mounted, and does \
                          PULSARR_DATA_DIR name it?";
            return vec![Finding::attention(Area::Volume, format!("{shown} is not there yet"), advice)];
        }
        Ok(There::NoFolder) => {
            let advice = "Set PULSARR_DATA_DIR to a folder.";
            return vec![ill(format!("{shown} is no folder"), advice)];
        }
        Err(detail) => {
            let advice = "Check PULSARR_DATA_DIR, and whether this user may look into the folders above it.";
            return vec![ill(format!("{shown} cannot be looked at: {detail}"), advice)];
        }
    };
    vec![
        of_access(volume, folder),
        of_filesystem(folder.filesystem, allow_network_fs),
        of_room(folder.filesystem.free_bytes, store_bytes),
    ]
}

fn of_access(volume: &Volume, folder: &Folder) -> Finding {
    let (shown, Folder { owner, group, .. }, user) = (volume.folder.display(), folder, volume.user);
    if folder.read_only {
        let advice = "Mount it for writing. One that turned read-only after a disk fault has to be mounted anew, and for that everything that \
                      uses it has to end first (in Kubernetes: scale to 0, wait for the jobs, scale to 1).";
        return ill(format!("{shown} lies on a file system that is read-only"), advice);
    }
    if !folder.writable {
        let advice = format!(
            "Give it to user {user} (in Kubernetes: `fsGroup` of the pod), or run pulsarr as the user it belongs to."
        );
        return ill(format!("{shown} belongs to {owner}:{group}, and user {user} may not write to it"), advice);
    }
    Finding::well(Area::Volume, format!("{shown} can be written to by user {user}; it belongs to {owner}:{group}"))
}

fn of_filesystem(filesystem: Filesystem, allow_network_fs: bool) -> Finding {
    const NETWORK: &str = "SQLite needs a disk of this machine's own. Use a block volume; PULSARR_ALLOW_NETWORK_FS=true only where no \
                           other machine ever mounts it.";
    let magic = filesystem.magic;
    match (network_filesystem(magic), local_filesystem(magic)) {
        (Some(kind), _) if allow_network_fs => Finding::attention(
            Area::Volume,
            format!("the file system is {kind}, a network's, which PULSARR_ALLOW_NETWORK_FS allows"),
            NETWORK,
        ),
        (Some(kind), _) => ill(format!("the file system is {kind}, a network's, which pulsarr refuses"), NETWORK),
        (None, Some(kind @ ("tmpfs" | "overlayfs"))) => Finding::attention(
            Area::Volume,
            format!("the file system is {kind}, which ends with this container or machine"),
            "Mount a volume at PULSARR_DATA_DIR, or everything is forgotten at the next start.",
        ),
        (None, Some(kind)) => Finding::well(Area::Volume, format!("the file system is {kind}, a local one")),
        (None, None) => Finding::well(
            Area::Volume,
            format!("the file system is none of a network's that pulsarr knows ({magic:#x})"),
        ),
    }
}

fn of_room(free_bytes: u64, store_bytes: u64) -> Finding {
    let sentence = format!("{} are free", size(free_bytes));
    if free_bytes < FULL_BELOW {
        let advice = "Enlarge the volume, or free some space: fewer backups (`pulsarr backup --keep`), folders `db-before-…` of restores.";
        return Finding::ill(Area::Volume, None, format!("the volume is full: {sentence}"), advice);
    }
    if free_bytes < SCARCE_BELOW.max(store_bytes.saturating_mul(2)) {
        let advice = format!(
            "Enlarge the volume before it is full: the store has {}, and a backup takes as much.",
            size(store_bytes)
        );
        return Finding::attention(Area::Volume, sentence, advice);
    }
    Finding::well(Area::Volume, sentence)
}

fn ill(sentence: String, advice: impl Into<String>) -> Finding {
    Finding::ill(Area::Volume, ProblemKind::Configuration, sentence, advice)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const EXT4: Filesystem = Filesystem { magic: 0xef53, free_bytes: 1 << 30 };

    const SOUND: Folder = Folder { owner: 10_001, group: 10_001, writable: true, read_only: false, filesystem: EXT4 };

    fn judged(there: There, allow_network_fs: bool) -> Vec<(Level, String)> {
        let volume = Volume { folder: "/app/data".into(), there: Ok(there), user: 10_001 };
        let findings = judge(&volume, 1 << 20, allow_network_fs);
        findings.into_iter().map(|finding| (finding.level, finding.sentence)).collect()
    }

    #[test]
    fn a_sound_volume_has_nothing_to_do() {
        let said = judged(There::Folder(SOUND), false);
        assert!(said.iter().all(|(level, _)| *level == Level::Well), "{said:?}");
        assert_eq!(said[1].1, "the file system is ext4, a local one");
        assert_eq!(said[2].1, "1.0 GiB are free");
    }

    #[test]
    fn whatever_keeps_us_from_writing_is_ill() {
        let read_only = Folder { read_only: true, ..SOUND };
        let foreign = Folder { writable: false, owner: 0, group: 0, ..SOUND };
        for (there, words) in [
            (There::NoFolder, "/app/data is no folder"),
            (There::Folder(read_only), "lies on a file system that is read-only"),
            (There::Folder(foreign), "belongs to 0:0, and user 10001 may not write to it"),
        ] {
            let said = judged(there, false);
            assert!(said[0].0 == Level::Ill && said[0].1.contains(words), "{said:?}");
        }
        assert_eq!(judged(There::Nothing, false)[0].0, Level::Attention);
    }

    #[test]
    fn network_file_systems_are_refused_and_memory_ends_with_the_machine() {
        let on = |magic| There::Folder(Folder { filesystem: Filesystem { magic, free_bytes: 1 << 30 }, ..SOUND });
        assert_eq!(
            judged(on(0x6969), false)[1],
            (Level::Ill, "the file system is NFS, a network's, which pulsarr refuses".into())
        );
        assert_eq!(judged(on(0x6969), true)[1].0, Level::Attention);
        assert_eq!(judged(on(0x0102_1994), false)[1].0, Level::Attention);
        assert_eq!(judged(on(0x1234), false)[1].0, Level::Well);
    }

    #[test]
    fn room_is_judged_by_what_a_backup_takes() {
        let level = |free_bytes, store_bytes| of_room(free_bytes, store_bytes).level;
        assert_eq!(level(1 << 20, 0), Level::Ill);
        assert_eq!(level(32 << 20, 0), Level::Attention);
        assert_eq!(level(300 << 20, 200 << 20), Level::Attention);
        assert_eq!(level(300 << 20, 10 << 20), Level::Well);
    }

    #[test]
    fn the_kernel_tells_about_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Volume::of(folder.path());
        assert!(seen.takes_writes(), "{seen:?}");
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(Volume::of(&folder.path().join("file")).there, Ok(There::NoFolder));
        assert_eq!(Volume::of(&folder.path().join("absent")).there, Ok(There::Nothing));
    }
}
