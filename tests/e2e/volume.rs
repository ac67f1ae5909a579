//! Volumes that are full or read-only. A small file system is mounted for each story, which takes root; without, the story says
//! so and is skipped, unless `PULSARR_REQUIRE_MOUNTS=1` asks for it. A network file system cannot be had on loopback; the
//! refusal of those is tested in the store itself.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::Household;

use super::skipped::skipped;
use super::{adds, library, show, wanting_two};

/// A mounted memory file system, unmounted when dropped.
pub(super) struct Volume(PathBuf);

impl Volume {
    /// Mounts `kib` KiB as the data folder of a household. `None` where the machine does not let us.
    pub(super) fn mount(household: &Household, kib: u32) -> Option<Self> {
        let place = household.data_dir();
        std::fs::create_dir(&place).unwrap();
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(&place).output();
        let refusal = match done {
            Ok(done) if done.status.success() => return Some(Self(place)),
            Ok(done) => String::from_utf8_lossy(&done.stderr).lines().next().unwrap_or_default().to_owned(),
            Err(error) => error.to_string(),
        };
        let why = format!("nothing can be mounted: {refusal}");
        skipped("PULSARR_REQUIRE_MOUNTS", "a story about volumes", &why);
        None
    }

    pub(super) fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status().unwrap();
        assert!(done.success(), "who can mount can mount again");
    }

    /// Lets nobody write into one of its folders any more, whatever files are open there.
    pub(super) fn turn_read_only(&self, folder: &str) {
        let folder = self.0.join(folder);
        let done = Command::new("mount").args(["--bind", "-o", "ro"]).args([&folder, &folder]).status().unwrap();
        assert!(done.success(), "who can mount can mount again");
    }

    /// Takes all space but so many KiB.
    pub(super) fn fill(&self, left_kib: usize) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let block = [0_u8; 4096];
        while filler.write_all(&block).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(left_kib as u64 * 1024)).unwrap();
    }

    pub(super) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: a program that still has a file open must not leave the mount behind.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn wishes(household: &Household, count: i64) -> Vec<i64> {
    let owner = household.plex.owner_uuid();
    (0..count).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));
    (0..count).map(|n| 2_000_000 + n).collect()
}

#[test]
fn a_full_volume_is_told_and_the_next_run_with_room_loses_and_repeats_nothing() {
    // From no room at all to enough for some of the work.
    for left_kib in [0, 4, 16, 40, 64, 100, 150, 200] {
        let household = Household::new();
        let Some(volume) = Volume::mount(&household, 16_384) else { return };
        household.sync_well();
        let wanted = wishes(&household, 120);
        volume.fill(left_kib);

        let done = household.sync();

        assert!(!matches!(done.code, Some(0) | None), "{left_kib} KiB left: {:?}\n{}", done.code, done.stderr);
        assert!(
            done.stderr.contains("no space is left on its volume. Free some space on the volume of PULSARR_DATA_DIR"),
            "{left_kib} KiB left: {:?}\n{}",
            done.code,
            done.stderr
        );
        volume.free();
        household.sync_well();
        assert_eq!((library(&household.radarr), adds(&household.radarr)), (wanted, 120), "{left_kib} KiB left");
    }
}

#[test]
fn a_read_only_volume_is_told_and_nothing_is_added() {
    let household = wanting_two();
    let Some(volume) = Volume::mount(&household, 16_384) else { return };
    household.sync_well();
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    volume.remount("ro");

    let done = household.sync();

    assert_eq!(done.code, Some(78), "{}", done.stderr);
    assert!(
        done.stderr.contains("PULSARR_DATA_DIR") && done.stderr.to_lowercase().contains("read-only"),
        "{}",
        done.stderr
    );
    assert_eq!(adds(&household.radarr), 1);
    volume.remount("rw");
    household.sync_well();
    assert!(household.radarr.item(900_066).is_some());
    assert!(household.explain(&show().rating_key()).contains("requested"), "what was known is still known");
}

#[test]
fn a_folder_nobody_may_write_to_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let household = wanting_two();
    let shut = household.data_dir();
    std::fs::create_dir(&shut).unwrap();
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o555)).unwrap();
    if may_write(&shut) {
        let _ =
            writeln!(std::io::stderr().lock(), "SKIPPED: a story about permissions, because root may do everything");
        return;
    }
    let done = household.sync();
    assert_eq!(done.code, Some(78));
    assert!(
        done.stderr.contains("Check that PULSARR_DATA_DIR names a folder that this user may write to"),
        "{}",
        done.stderr
    );
    assert!(household.plex.journal().is_empty());
}

fn may_write(folder: &Path) -> bool {
    let probe = folder.join("probe");
    std::fs::write(&probe, "").is_ok() && std::fs::remove_file(&probe).is_ok()
}
