use crate::{Folder, PIPELINE};

#[test]
fn help_and_version_are_answers_on_standard_output() {
    let folder = Folder::new(&[]);
    for arguments in [&["--help"][..], &["-h"], &["help"], &["lint", "--help"], &["migrate", "-h"], &["--version"]] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.stdout.contains("undind"), "{arguments:?}: {}", ran.stdout);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_was_meant() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    for (arguments, message) in [
        (&[][..], "Usage"),
        (&["lnit"], "lint"),
        (&["lint", "--fromat", "json"], "--format"),
        (&["lint", "--format", "xml"], "possible values: text, json, sarif, codequality, junit"),
        (&["lint", "--select", "NOPE999"], "there is no rule `NOPE999`"),
        (&["lint", "--ignore", "nope"], "there is no rule `nope`"),
        (&["lint", "--min-severity", "fatal"], "possible values: info, warning, error"),
        (&["lint", "--baseline", "a", "--write-baseline", "b"], "cannot be used with"),
        (&["lint", "-", "a.yml"], "`-` is standard input"),
        (&["explain", "nope"], "there is no rule or reason `nope`"),
        (&["schema", "lnt"], "did you mean `lint`?"),
        (&["schema", "zzz"], "`.undind.yml`"),
        (&["completions", "cmd"], "possible values"),
        (&["migrate"], "--to"),
        (&["migrate", "--to", "dpeot"], "there is no target `dpeot`"),
        (&["migrate", "--to", "depot", "--write", "--check"], "cannot be used with"),
        (&["migrate", "--to", "depot", "--sdk", "python"], "are for `--to dagger`"),
        (&["migrate", "--to", "dagger", "--project", "x"], "are not for `--to dagger`"),
        (&["migrate", "--to", "buildkit", "--auth", "oidc"], "takes no OpenID Connect token"),
        (&["migrate", "--to", "buildkit", "--project", "x"], "has no projects"),
    ] {
        folder.refuses(arguments, message);
    }
}

#[test]
fn what_this_version_does_not_have_says_so() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("target/target.yml", "")]);
    for arguments in [&["verify", "--to", "depot"][..], &["migrate", "--to", "depot", "--report", "html"]] {
        folder.refuses(arguments, "not built yet");
    }
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    let folder = Folder::new(&[]);
    for arguments in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}");
        for command in ["lint", "inspect", "migrate", "expand", "plan", "verify", "yaml", "explain", "schema"] {
            assert!(ran.stdout.to_lowercase().contains(command), "{arguments:?} lacks {command}");
        }
    }
}

#[test]
fn a_configuration_error_ends_with_2_and_shows_its_place() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), (".undind.yml", "lint:\n  selct: [TLS]\n")]);
    folder.refuses(&["lint"], ".undind.yml:2:3: unknown key `selct`");
    folder.refuses(&["lint"], "did you mean `select`?");
    folder.refuses(&["migrate", "--to", "depot"], "unknown key `selct`");
    folder.refuses(&["lint", "--config", "missing.yml"], "`missing.yml`: there is no such file");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = Folder::new(&[(".gitlab-ci.yml", "a: [")]);
    assert!(!folder.run(&["lint"]).stdout.contains('\u{1b}'));
    assert!(folder.run(&["lint", "--color", "always"]).stdout.contains('\u{1b}'));
    assert!(!folder.run_with(&["lint", "--color", "never"], &[("NO_COLOR", "1")], b"").stdout.contains('\u{1b}'));
}

#[test]
fn verbose_says_how_long_each_stage_took_on_standard_error() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    let ran = folder.run(&["lint", "-v", "--format", "json"]);
    assert!(ran.stderr.contains("analyze: ") && ran.stderr.contains(" ms"), "{}", ran.stderr);
    ran.json();
}

#[cfg(unix)]
#[test]
fn a_reader_that_stops_reading_is_no_error() {
    use std::process::{Command, Stdio};

    let folder = Folder::new(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
    let mut child =
        command.args(["man"]).current_dir(folder.path()).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}
