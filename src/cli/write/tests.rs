use std::cell::Cell;
use std::fs;
use std::io;

use super::recover::Recovery;
use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn edit(path: &str, before: &str, after: &str) -> Change {
    Change { path: path.into(), before: Some(before.into()), after: after.into() }
}

fn creation(path: &str, after: &str) -> Change {
    Change { path: path.into(), before: None, after: after.into() }
}

/// Every file below `root` with its text, by path.
fn contents(root: &Path) -> Vec<(String, String)> {
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(entry.path()).unwrap())).collect()
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn three_changes() -> [Change; 3] {
    [edit("a.yml", "a", "A"), creation("new/deep/b.json", "B"), edit("c.yml", "c", "C")]
}

#[test]
fn all_files_are_written_and_nothing_else_is_left() {
    let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
    write_files(folder.path(), &three_changes()).unwrap();
    assert_eq!(contents(folder.path()), pairs(&[("a.yml", "A"), ("c.yml", "C"), ("new/deep/b.json", "B")]));
    assert!(!folder.path().join(FOLDER).exists());
}

#[test]
fn a_rename_that_fails_half_way_puts_every_file_back() {
    for failing in 0..3 {
        let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
        let count = Cell::new(0);
        let rename = |from: &Path, to: &Path| {
            let at = count.replace(count.get() + 1);
            if at == failing { Err(io::Error::other("disk full")) } else { fs::rename(from, to) }
        };
        let error = write_files_with(folder.path(), &three_changes(), &rename).unwrap_err();
        assert!(error.to_string().ends_with("disk full; nothing was written"), "{error}");
        assert_eq!(contents(folder.path()), pairs(&[("a.yml", "a"), ("c.yml", "c")]));
        assert!(!folder.path().join("new").exists() && !folder.path().join(FOLDER).exists());
    }
}

/// Leaves the disk as a process does that dies at rename number `at`.
fn crash(root: &Path, at: usize) {
    let targets: Vec<_> = three_changes().into_iter().collect();
    let targets: Vec<Target<'_>> = targets.iter().map(|change| Target::check(root, change).unwrap()).collect();
    drop(journal::lock(root).unwrap());
    let journal = Journal::new(root, &targets);
    assert!(stage(root, &journal, &targets).is_ok());
    for file in journal.files.iter().take(at) {
        fs::rename(root.join(&file.staged), root.join(&file.path)).unwrap();
    }
}

#[test]
fn the_run_after_a_crash_finishes_what_was_staged() {
    for at in 0..=3 {
        let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
        crash(folder.path(), at);
        let recovery = recover(folder.path()).unwrap().unwrap();
        assert!(recovery.words().contains("finished now: a.yml, new/deep/b.json, c.yml"), "{recovery:?}");
        assert_eq!(contents(folder.path()), pairs(&[("a.yml", "A"), ("c.yml", "C"), ("new/deep/b.json", "B")]));
        assert_eq!(recover(folder.path()).unwrap(), None);
    }
}

#[test]
fn the_run_after_a_crash_undoes_what_it_cannot_finish_and_keeps_what_the_user_wrote_since() {
    let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
    crash(folder.path(), 2);
    fs::write(folder.path().join("c.yml"), "mine").unwrap();
    assert!(matches!(recover(folder.path()).unwrap(), Some(Recovery::Undone(_))));
    assert_eq!(contents(folder.path()), pairs(&[("a.yml", "a"), ("c.yml", "mine")]));
}

#[test]
fn a_crash_while_staging_leaves_the_files_as_they_were() {
    let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
    crash(folder.path(), 0);
    let journal = Journal::load(folder.path()).unwrap().unwrap();
    journal.store(folder.path(), State::Staging).unwrap();
    fs::write(folder.path().join(".c.yml.undind"), "hal").unwrap();
    assert!(matches!(recover(folder.path()).unwrap(), Some(Recovery::Undone(_))));
    assert_eq!(contents(folder.path()), pairs(&[("a.yml", "a"), ("c.yml", "c")]));
    assert!(!folder.path().join("new").exists());
}

#[test]
fn a_journal_that_reaches_beyond_the_workspace_is_refused() {
    for path in ["../x", "/etc/x", "a/../../x"] {
        let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
        crash(folder.path(), 1);
        let journal = folder.path().join(journal::FILE);
        fs::write(&journal, fs::read_to_string(&journal).unwrap().replace("\"c.yml\"", &format!("\"{path}\""))).unwrap();
        let before = contents(folder.path());
        assert!(recover(folder.path()).unwrap_err().to_string().contains("outside of the workspace"));
        let after: Vec<_> = contents(folder.path()).into_iter().filter(|(path, _)| !path.ends_with("lock")).collect();
        assert_eq!(after, before.into_iter().filter(|(path, _)| !path.ends_with("lock")).collect::<Vec<_>>());
    }
}

#[test]
fn a_write_that_goes_on_in_another_process_is_neither_recovered_nor_disturbed() {
    let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
    crash(folder.path(), 1);
    let lock = journal::lock(folder.path()).unwrap();
    assert_eq!(recover(folder.path()).unwrap(), None);
    assert!(matches!(write_files(folder.path(), &[edit("c.yml", "c", "x")]), Err(WriteError::Busy(_))));
    drop(lock);
    assert!(recover(folder.path()).unwrap().is_some());
}

#[test]
fn nothing_is_written_when_one_file_is_not_what_was_read() {
    for (changes, expected) in [
        ([edit("a.yml", "a", "A"), edit("c.yml", "other", "C")], "`c.yml` was changed by somebody else"),
        ([edit("a.yml", "a", "A"), edit("gone.yml", "x", "C")], "`gone.yml` was changed by somebody else"),
        ([edit("a.yml", "a", "A"), creation("c.yml", "C")], "`c.yml` exists already"),
        ([edit("a.yml", "a", "A"), edit("../x", "x", "C")], "`../x` leads out of the workspace"),
        ([edit("a.yml", "a", "A"), edit("dir", "x", "C")], "`dir` is not a file"),
        ([edit("a.yml", "a", "A"), creation("c.yml/x", "C")], "is not a file"),
    ] {
        let folder = folder(&[("a.yml", "a"), ("c.yml", "c"), ("dir/d", "")]);
        let error = write_files(folder.path(), &changes).unwrap_err().to_string();
        assert!(error.contains(expected) && error.ends_with("nothing was written"), "{error}");
        assert_eq!(contents(folder.path()), pairs(&[("a.yml", "a"), ("c.yml", "c"), ("dir/d", "")]));
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn permissions_survive() {
        let folder = folder(&[("a.yml", "a")]);
        let path = folder.path().join("a.yml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_files(folder.path(), &[edit("a.yml", "a", "A")]).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_read_only_file_is_named_and_nothing_is_written() {
        let folder = folder(&[("a.yml", "a"), ("c.yml", "c")]);
        fs::set_permissions(folder.path().join("c.yml"), fs::Permissions::from_mode(0o444)).unwrap();
        let error = write_files(folder.path(), &[edit("a.yml", "a", "A"), edit("c.yml", "c", "C")]).unwrap_err();
        assert_eq!(error.to_string(), "`c.yml` is read-only; nothing was written");
        assert_eq!(contents(folder.path()), pairs(&[("a.yml", "a"), ("c.yml", "c")]));
    }

    #[test]
    fn a_symbolic_link_stays_one_and_its_target_is_written() {
        let folder = folder(&[("ci/real.yml", "a")]);
        symlink("ci/real.yml", folder.path().join("a.yml")).unwrap();
        write_files(folder.path(), &[edit("a.yml", "a", "A")]).unwrap();
        assert!(folder.path().join("a.yml").is_symlink());
        assert_eq!(contents(folder.path()), pairs(&[("ci/real.yml", "A")]));
    }

    #[test]
    fn a_symbolic_link_that_leads_out_of_the_workspace_is_refused() {
        let (folder, elsewhere) = (folder(&[]), folder(&[("b.yml", "b")]));
        symlink(elsewhere.path().join("b.yml"), folder.path().join("a.yml")).unwrap();
        symlink(elsewhere.path(), folder.path().join("dir")).unwrap();
        for change in [edit("a.yml", "b", "B"), creation("dir/new.yml", "x"), creation("a.yml", "x")] {
            let error = write_files(folder.path(), &[change]).unwrap_err();
            assert!(matches!(error, WriteError::Outside(_) | WriteError::Exists(_)), "{error}");
        }
        assert_eq!(contents(elsewhere.path()), pairs(&[("b.yml", "b")]));
    }
}
