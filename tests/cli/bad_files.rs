//! Files that can't be read or written: not files at all, too big, forbidden, read-only.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::bad_input::COMMANDS;
use crate::{Folder, PIPELINE};

/// Every command that reads a file, with a path.
fn each_command(path: &str, check: impl Fn(&[&str])) {
    let all = COMMANDS.iter().copied().chain([&["yaml"][..]]);
    all.for_each(|command| check(&[command, &[path]].concat()));
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let (folder, with_pipe) = (Folder::new(&[(".gitlab-ci.yml", PIPELINE)]), Folder::new(&[]));
    let made = Command::new("mkfifo").arg(with_pipe.path().join("pipe.yml")).status();
    if made.is_ok_and(|status| status.success()) {
        each_command("pipe.yml", |arguments| {
            let ran = with_pipe.run(arguments);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
            assert!(ran.stderr.contains("`pipe.yml`: this is not a file"), "{arguments:?}: {}", ran.stderr);
        });
    }
    for path in ["/dev/null", "/dev/zero"] {
        each_command(path, |arguments| folder.refuses(arguments, "this is not a file"));
    }
    each_command(".gitlab-ci.yml/x", |arguments| folder.refuses(arguments, "there is no such file"));
}

#[test]
fn links_that_go_in_a_circle_end() {
    let folder =
        Folder::new(&[("ci/.gitlab-ci.yml", "include: '/**/*.yml'\njob: {script: 'true'}\n"), ("ci/a/b.yml", "b: {script: 'true'}\n")]);
    symlink("loop.yml", folder.path().join("loop.yml")).unwrap();
    symlink("../../ci", folder.path().join("ci/a/again")).unwrap();
    for command in COMMANDS {
        let ran = folder.run(&[command, &["loop.yml"]].concat());
        assert_eq!(ran.code, 2, "{command:?}");
        assert!(ran.stderr.contains("`loop.yml`: Too many levels of symbolic links"), "{command:?}: {}", ran.stderr);
    }
    let pipeline = folder.run(&["expand", "ci", "--format", "json"]).json();
    assert!(pipeline.get("b").is_some(), "{pipeline}");
}

#[test]
fn a_file_of_100_megabytes_is_not_read_from_standard_input_either() {
    let (folder, zero) = (Folder::new(&[]), || fs::File::open("/dev/zero").unwrap());
    for arguments in
        [&["lint", "-"][..], &["inspect", "-"], &["expand", "-"], &["migrate", "--to", "depot", "-"], &["yaml", "-"], &["yaml"]]
    {
        let output = command(&folder, arguments).stdin(zero()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("`<stdin>`: the file has 10485761 bytes"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let folder =
        Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("open/.gitlab-ci.yml", "include: /secret.yml\n"), ("open/secret.yml", PIPELINE)]);
    permit(folder.path(), 0o755);
    permit(&folder.path().join(".gitlab-ci.yml"), 0o000);
    permit(&folder.path().join("open/secret.yml"), 0o000);
    let Some(user) = Unprivileged::new() else { return };
    each_command(".gitlab-ci.yml", |arguments| {
        let (code, stdout, stderr) = user.run(&folder, arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains("`.gitlab-ci.yml`: permission denied"), "{arguments:?}: {stderr}");
    });
    let (code, stdout, _) = user.run(&folder, &["lint", "open"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("`secret.yml` cannot be included: permission denied"), "{stdout}");
}

#[test]
fn nothing_is_written_where_writing_is_forbidden() {
    let pipeline = "build: {image: docker, script: [docker login -u u -p $P, docker build -t $CI_REGISTRY_IMAGE ., docker push $CI_REGISTRY_IMAGE], services: [docker:dind]}\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline)]);
    permit(folder.path(), 0o755);
    let Some(user) = Unprivileged::new() else { return };
    let before = folder.files();
    for read_only_file in [false, true] {
        if read_only_file {
            permit(&folder.path().join(".gitlab-ci.yml"), 0o444);
            permit(folder.path(), 0o777);
        } else if !user.is_other {
            permit(folder.path(), 0o555);
        }
        for arguments in [&["lint", "--fix"][..], &["lint", "--unsafe-fixes"], &["migrate", "--to", "depot", "--write"]] {
            let (code, _, stderr) = user.run(&folder, arguments);
            assert_eq!(code, 2, "{arguments:?}: {stderr}");
            let why = if read_only_file { "`.gitlab-ci.yml` is read-only; nothing was written" } else { "Permission denied" };
            assert!(stderr.contains(why), "{arguments:?}: {stderr}");
            assert_eq!(folder.files(), before, "{arguments:?}");
        }
    }
    permit(folder.path(), 0o555);
    for arguments in [&["inspect", "-o", "out"][..], &["lint", "--write-baseline", "out"]] {
        let (code, _, stderr) = user.run(&folder, arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains("`out`: the result can't be written: permission denied\n"), "{arguments:?}: {stderr}");
    }
    permit(folder.path(), 0o755);
}

#[test]
fn a_full_disk_is_an_error_and_a_reader_that_stops_is_none() {
    let jobs: String = (0..3000).map(|job| format!("job{job}: {{script: docker info}}\n")).collect();
    let folder = Folder::new(&[(".gitlab-ci.yml", &jobs)]);
    for arguments in [&["expand"][..], &["inspect"], &["lint"], &["lint", "--format", "json"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(&folder, arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output can't be written"), "{arguments:?}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(&folder, arguments).stdout(writer).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    command
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Somebody whom the permissions of files bind: `nobody` where the tests run as root, else who runs the tests.
struct Unprivileged {
    binary: Folder,
    is_other: bool,
}

impl Unprivileged {
    const NOBODY: u32 = 65_534;

    /// None, with the reason printed, where root cannot become somebody else.
    fn new() -> Option<Self> {
        let binary = Folder::new(&[]);
        let is_other = fs::metadata(binary.path()).unwrap().uid() == 0;
        fs::copy(env!("CARGO_BIN_EXE_undind"), binary.path().join("undind")).unwrap();
        permit(binary.path(), 0o755);
        let user = Self { binary, is_other };
        // A process that another test starts meanwhile holds the copy open for writing until it is another program.
        let result = loop {
            match user.command(&user.binary, &["--version"]).output() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                result => break result,
            }
        };
        match result {
            Ok(output) if output.status.success() => Some(user),
            Ok(_) | Err(_) => {
                eprintln!("skipped: root can't run the binary as somebody else here");
                None
            }
        }
    }

    fn command(&self, folder: &Folder, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary.path().join("undind"));
        command.args(arguments).current_dir(folder.path()).env_clear();
        if self.is_other {
            command.uid(Self::NOBODY).gid(Self::NOBODY);
        }
        command
    }

    fn run(&self, folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(folder, arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().expect("the process was not killed"), text(output.stdout), text(output.stderr))
    }
}
