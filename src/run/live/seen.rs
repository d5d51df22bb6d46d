//! Whether files are as they were, by what their file system says of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What every file and folder was when a job got them. A job that changes one, or adds one to a folder, changes its time of change, which nobody can set.
/// Only to be relied on where [`times_are_exact`].
#[derive(Debug)]
pub struct Seen(Vec<(PathBuf, [u64; 4])>);

impl Seen {
    /// What is in `project`; nothing where that is more than `most` entries.
    pub fn of(project: &Path, most: usize) -> Option<Self> {
        let mut seen = Vec::new();
        for entry in walkdir::WalkDir::new(project) {
            let path = entry.ok()?.into_path();
            seen.push((path.strip_prefix(project).ok()?.to_owned(), identity(&path)?));
            if seen.len() > most {
                return None;
            }
        }
        Some(Self(seen))
    }

    /// Whether all of it, and nothing else, is in `project` as it was, and beside the project in `builds` nothing but scripts.
    pub fn is_untouched(&self, builds: &Path, project: &Path) -> bool {
        let is_ours = |entry: &fs::DirEntry| entry.path() == project || entry.file_name().to_string_lossy().starts_with("script-");
        fs::read_dir(builds).is_ok_and(|entries| entries.filter_map(Result::ok).all(|entry| is_ours(&entry)))
            && self.0.iter().all(|(path, then)| identity(&project.join(path)).is_some_and(|now| now == *then))
    }
}

/// Whether the file system of `folder` gives a file another time of change with each change that somebody looks for. Linux does so from 6.13 on, where the file
/// system takes part; before that, two changes within some milliseconds have one time (<https://docs.kernel.org/filesystems/multigrain-ts.html>).
pub fn times_are_exact(folder: &Path) -> bool {
    let path = folder.join("times");
    let mut before = None;
    // So often that the clock's tick does not come between by chance.
    let is_exact = (0..8).all(|_| {
        let now = fs::write(&path, "x").ok().and_then(|()| identity(&path));
        let differs = now.is_some() && now != before;
        before = now;
        differs
    });
    let _ = fs::remove_file(path);
    is_exact
}

/// The inode of a path with its size and its time of change.
fn identity(path: &Path) -> Option<[u64; 4]> {
    let metadata = path.symlink_metadata().ok()?;
    Some([metadata.ino(), metadata.size(), metadata.ctime().cast_unsigned(), metadata.ctime_nsec().cast_unsigned()])
}
