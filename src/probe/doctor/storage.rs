//! The place for results: its room, its file system and its disk.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::sys::{
    stat::{major, minor},
    statfs,
    statvfs::statvfs,
};

use super::finding::{Finding, Status};
use crate::{
    probe::kernel::{Files, fact},
    units::Unit,
};

/// A database with a year of runs fits into less.
const ROOMY: u64 = 5 << 30;

/// A build alone needs more.
const CRAMPED: u64 = 1 << 30;

/// File systems, as `statfs` numbers them (statfs(2)), that are no place for results, and why.
const FILE_SYSTEMS: [(i64, &str, &str); 6] = [
    (0x0102_1994, "tmpfs", "results would be gone after a restart, and no write would reach a disk"),
    (0x6969, "nfs", "the database needs locks that a network does not keep"),
    (0xff53_4d42, "cifs", "the database needs locks that a network does not keep"),
    (0xfe53_4d42, "smb2", "the database needs locks that a network does not keep"),
    (0x0102_1997, "9p", "the database needs locks that a shared folder does not keep"),
    (0x794c_7630, "overlay", "results go when the container does: mount a volume"),
];

/// The advice where a file system has no device of its own.
const NO_DEVICE: &str = "the kernel shows no device for this file system; see `durable writes` instead";

/// Examines the folder of results.
pub(super) fn examine(place: &Path, files: Files) -> [Finding; 3] {
    [disk(place), file_system(place), rotation(place, files)]
}

/// The folder itself, or the first above it that is there.
pub(super) fn nearest(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|folder| folder.is_dir()).map_or(path.clone(), Path::to_owned)
}

fn disk(place: &Path) -> Finding {
    let Ok(numbers) = statvfs(place) else { return Finding::unknown("disk", "is the folder of results readable?") };
    let free = numbers.blocks_available().saturating_mul(numbers.fragment_size());
    judge_disk(place, free)
}

fn judge_disk(place: &Path, free: u64) -> Finding {
    let status = if free < CRAMPED {
        Status::Bad
    } else if free < ROOMY {
        Status::Warn
    } else {
        Status::Ok
    };
    let found = format!("{} free for {}", Unit::Bytes.format(free as f64), place.display());
    Finding::new("disk", status, found, "make room, or set another folder for results with `--database`")
}

fn file_system(place: &Path) -> Finding {
    let Ok(numbers) = statfs::statfs(place) else {
        return Finding::unknown("file system", "is the folder of results readable?");
    };
    let kind = numbers.filesystem_type().0 & 0xffff_ffff;
    judge_file_system(kind)
}

fn judge_file_system(kind: i64) -> Finding {
    match FILE_SYSTEMS.iter().find(|(number, ..)| *number == kind) {
        Some((_, name, why)) => Finding::new("file system", Status::Warn, *name, why),
        None => Finding::fine("file system", "local"),
    }
}

/// Whether the results lie on a rotating disk.
fn rotation(place: &Path, files: Files) -> Finding {
    let Ok(data) = fs::metadata(place) else { return Finding::unknown("storage", NO_DEVICE) };
    judge_rotation(major(data.dev()), minor(data.dev()), files)
}

/// A partition has no queue of its own: its disk has, one folder above.
fn judge_rotation(major: u64, minor: u64, files: Files) -> Finding {
    let device = format!("/sys/dev/block/{major}:{minor}");
    let told =
        ["queue/rotational", "../queue/rotational"].iter().find_map(|file| fact(files, &format!("{device}/{file}")));
    match told.as_deref() {
        Some("0") => Finding::fine("storage", "not rotating"),
        Some(_) => Finding::new(
            "storage",
            Status::Note,
            "a rotating disk, or one that reports to be",
            "if it rotates, each durable write waits for it: put results (`--database`) on flash",
        ),
        None => Finding::unknown("storage", NO_DEVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_and_kind_of_a_disk_are_judged() {
        let status = |free| judge_disk(Path::new("results"), free).status;
        assert_eq!([status(CRAMPED - 1), status(CRAMPED), status(ROOMY)], [Status::Bad, Status::Warn, Status::Ok]);
        assert_eq!(judge_file_system(0x0102_1994).found, "tmpfs");
        assert_eq!(judge_file_system(0xef53).status, Status::Ok, "ext4");
    }

    #[test]
    fn a_disk_that_turns_is_told_from_flash_by_the_disk_of_the_partition() {
        let of = |path: &'static str, text: &'static str| {
            judge_rotation(254, 1, &move |asked: &str| (asked == path).then(|| text.to_owned())).status
        };
        assert_eq!(of("/sys/dev/block/254:1/queue/rotational", "0"), Status::Ok);
        assert_eq!(of("/sys/dev/block/254:1/../queue/rotational", "1"), Status::Note);
        assert_eq!(of("/elsewhere", "1"), Status::Unknown);
    }

    #[test]
    fn the_nearest_folder_stands_for_one_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&folder.path().join("not/there")), folder.path());
        assert_eq!(nearest(folder.path()), folder.path());
    }
}
