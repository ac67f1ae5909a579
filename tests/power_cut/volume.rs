//! A block volume whose power can be cut: an ext4 in an image file, attached through a loop device that goes past the page cache. The image
//! lies on an XFS that clones files at one instant. The clone has what the device had been given by then, and nothing of what was only in
//! the memory of the machine: what another machine finds when it attaches the volume after this one has died.
//!
//! It stands for a device that keeps what it was given. One with a cache of its own that does not outlive the cut is none.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Mounted, until it is dropped.
pub(super) struct Volume {
    // Dropped in this order: what is mounted last is unmounted first.
    node: Mount,
    disk: Mount,
    _folder: TempDir,
}

/// What is on a device at one instant.
pub(super) struct Cut(());

impl Volume {
    /// A fresh volume. `None` where the machine does not let us: that is said, and with `PULSARR_REQUIRE_POWER_CUT=1` it is a failure.
    pub(super) fn attach() -> Option<Self> {
        let refusal = match Self::try_attach() {
            Ok(volume) => return Some(volume),
            Err(refusal) => refusal,
        };
        let required = std::env::var("PULSARR_REQUIRE_POWER_CUT").is_ok_and(|value| value == "1");
        assert!(!required, "PULSARR_REQUIRE_POWER_CUT=1, and there is no volume whose power could be cut: {refusal}");
        // Past the test harness, which would swallow it.
        let _ = writeln!(std::io::stderr().lock(), "SKIPPED: a story about power cuts: {refusal}");
        None
    }

    fn try_attach() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name);
        let (image, disk, node) = (at("disk.img"), at("disk"), at("node"));
        for place in [&disk, &node] {
            std::fs::create_dir(place).map_err(|error| error.to_string())?;
        }
        // As small as an XFS may be; both are sparse.
        sized(&image, 320)?;
        run(Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&disk))?;
        let disk = Mount(disk);
        let volume = disk.0.join("volume.img");
        sized(&volume, 64)?;
        // The device may have sectors of 4 KiB, and no block is smaller than those.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-b", "4096"]).arg(&volume))?;
        mount_volume(&volume, &node)?;
        let node = Mount(node);
        // Not every XFS clones.
        clone(&volume, &disk.0.join("cut.img"))?;
        Ok(Self { node, disk, _folder: folder })
    }

    /// Where it is mounted.
    pub(super) fn place(&self) -> &Path {
        &self.node.0
    }

    /// Keeps what the device has at this instant. Whoever writes goes on.
    pub(super) fn cut(&self) -> Cut {
        clone(&self.disk.0.join("volume.img"), &self.disk.0.join("cut.img")).unwrap();
        Cut(())
    }

    /// Detaches the volume and attaches what was on it at the cut, at the same place. Nobody may use it at the moment.
    pub(super) fn attach_again(&self, _cut: Cut) {
        run(Command::new("umount").arg(&self.node.0)).expect("nobody uses the volume");
        let volume = self.disk.0.join("volume.img");
        std::fs::rename(self.disk.0.join("cut.img"), &volume).unwrap();
        mount_volume(&volume, &self.node.0).expect("what ext4 has been given can always be mounted");
    }
}

/// Something mounted at this place, unmounted when dropped.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a program that still has a file open must not leave the mount behind.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn mount_volume(image: &Path, place: &Path) -> Result<(), String> {
    let device = run(Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(image))?;
    let device = device.trim();
    let mounted = run(Command::new("mount").arg(device).arg(place));
    // It goes with the mount that uses it, or at once.
    run(Command::new("losetup").args(["--detach", device]))?;
    mounted.map(|_| ())
}

fn sized(path: &Path, mib: u64) -> Result<(), String> {
    File::create(path).and_then(|file| file.set_len(mib * 1024 * 1024)).map_err(|error| error.to_string())
}

fn clone(from: &Path, to: &Path) -> Result<(), String> {
    let cloned = || rustix::fs::ioctl_ficlone(File::create(to)?, File::open(from)?).map_err(std::io::Error::from);
    cloned().map_err(|error: std::io::Error| format!("failed to clone a file at one instant: {error}"))
}

/// Standard output of a program that ends well; otherwise what it says about that.
fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("failed to start {program}: {error}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{program}: {}", said.lines().next().unwrap_or_default()))
}
