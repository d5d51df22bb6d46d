//! Folders copied, filtered and removed, with links, permissions and empty folders kept.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use walkdir::WalkDir;

use crate::run::live::executor::Fault;
use crate::run::wanted::Wanted;

/// Most entries that one artifact or cache may have.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Copies all of `from` into `to`, over what is there.
pub fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry.map_err(|error| Fault(format!("a folder can't be read: {error}")))?;
        let relative = entry.path().strip_prefix(from).unwrap_or(entry.path());
        one(entry.path(), &to.join(relative))
            .map_err(|error| Fault::io(format_args!("`{}` can't be copied", relative.display()), &error))?;
    }
    permissions(from, from, to)
}

/// Copies what is wanted of `project` into `to`. Gives the number of entries, of which there may be [`MAX_ENTRIES`].
pub fn take(project: &Path, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault> {
    take_up_to(MAX_ENTRIES, project, wanted, to)
}

fn take_up_to(most: usize, project: &Path, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault> {
    let mut count = 0;
    for root in wanted.roots() {
        let start = project.join(&root);
        if start.symlink_metadata().is_err() {
            continue;
        }
        let walk = WalkDir::new(&start).into_iter().filter_entry(|entry| entry.path() != project.join(".git"));
        for entry in walk {
            let entry = entry.map_err(|error| Fault(format!("a folder of the job can't be read: {error}")))?;
            let relative = entry.path().strip_prefix(project).unwrap_or(entry.path());
            let name = relative.to_string_lossy();
            if name.is_empty() || !wanted.has(&name, entry.file_type().is_dir()) {
                continue;
            }
            count += 1;
            if count > most {
                return Err(Fault(format!("there are more than {most} files and folders")));
            }
            one(entry.path(), &to.join(relative)).map_err(|error| Fault::io(format_args!("`{name}` can't be copied"), &error))?;
        }
    }
    if count > 0 {
        permissions(to, project, to)?;
    }
    Ok(count)
}

/// Copies one entry, with the folders that it needs; not what a folder holds. Sockets, pipes and devices are left out.
pub fn one(from: &Path, to: &Path) -> io::Result<()> {
    let kind = from.symlink_metadata()?;
    if kind.is_dir() {
        return match to.symlink_metadata() {
            Ok(there) if there.is_dir() => Ok(()),
            Ok(_) => fs::remove_file(to).and_then(|()| fs::create_dir_all(to)),
            Err(_) => fs::create_dir_all(to),
        };
    }
    if !kind.is_file() && !kind.is_symlink() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    match to.symlink_metadata() {
        Ok(there) if there.is_dir() => remove(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => {}
    }
    if kind.is_symlink() { link(&fs::read_link(from)?, to) } else { fs::copy(from, to).map(drop) }
}

/// Gives the folders of `to` whose names are below `listed` the permissions that they have in `model`, from the deepest up: what is read-only had to be
/// written to until now.
fn permissions(listed: &Path, model: &Path, to: &Path) -> Result<(), Fault> {
    let folders = WalkDir::new(listed).min_depth(1).contents_first(true).into_iter().filter_map(Result::ok);
    for entry in folders.filter(|entry| entry.file_type().is_dir()) {
        let relative = entry.path().strip_prefix(listed).unwrap_or(entry.path());
        if let Ok(original) = model.join(relative).symlink_metadata()
            && original.is_dir()
        {
            fs::set_permissions(to.join(relative), original.permissions())
                .map_err(|error| Fault::io(format_args!("`{}` can't be given its permissions", relative.display()), &error))?;
        }
    }
    Ok(())
}

/// Removes a folder with all that it holds, also what is read-only.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => {
            // From the top down: a folder is opened before what it holds is asked for.
            let mut open = vec![folder.to_owned()];
            while let Some(folder) = open.pop() {
                let metadata = folder.symlink_metadata()?;
                fs::set_permissions(&folder, owned(&metadata))?;
                let inner = fs::read_dir(&folder)?.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                open.extend(inner.map(|entry| entry.path()));
            }
            fs::remove_dir_all(folder)
        }
        Ok(()) => Ok(()),
    }
}

#[cfg(unix)]
fn owned(metadata: &Metadata) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(metadata.permissions().mode() | 0o700)
}

#[cfg(not(unix))]
fn owned(metadata: &Metadata) -> fs::Permissions {
    let mut permissions = metadata.permissions();
    permissions.set_readonly(false);
    permissions
}

#[cfg(unix)]
fn link(target: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, to)
}

#[cfg(not(unix))]
fn link(target: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_the_limit_are_an_error_and_as_many_as_it_are_not() {
        let project = tempfile::tempdir().unwrap();
        for name in ["one", "two", "three"] {
            fs::write(project.path().join(name), name).unwrap();
        }
        let take = |most: usize| {
            let to = tempfile::tempdir().unwrap();
            let mut wanted = Wanted::new(project.path().to_str().unwrap(), &["*".to_owned()], &[], None).unwrap();
            take_up_to(most, project.path(), &mut wanted, to.path())
        };
        assert_eq!(take(3).unwrap(), 3);
        assert!(take(2).unwrap_err().0.contains("more than 2 files"));
    }
}
