use std::fs;

use crate::{Folder, PIPELINE};

const COMMANDS: [&[&str]; 5] = [&["lint"], &["lint", "--fix"], &["inspect"], &["expand"], &["migrate", "--to", "depot", "--write"]];

#[track_caller]
fn every_command_refuses(folder: &Folder, path: &str, message: &str) {
    for command in COMMANDS {
        let arguments: Vec<&str> = command.iter().copied().chain([path]).collect();
        folder.refuses(&arguments, message);
    }
}

#[test]
fn a_path_without_a_pipeline_is_refused_with_what_to_give_instead() {
    let folder = Folder::new(&[("empty/readme", ""), ("misnamed/.gitlab-ci.yaml", PIPELINE)]);
    every_command_refuses(&folder, ".", "there is no `.gitlab-ci.yml` in this folder");
    every_command_refuses(&folder, "empty", "give the path of a pipeline file");
    every_command_refuses(&folder, "misnamed", "there is a `.gitlab-ci.yaml`");
    every_command_refuses(&folder, "gone.yml", "there is no such file or folder");
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let folder = Folder::new(&[]);
    folder.write("latin1.yml", b"job: {script: caf\xe9}\n");
    folder.write("binary.yml", b"\x7fELF\x02\x01\x00\x00\xff\xfe");
    fs::create_dir_all(folder.path().join("folder/.gitlab-ci.yml")).unwrap();
    every_command_refuses(&folder, "latin1.yml", "not UTF-8 text (byte 17)");
    every_command_refuses(&folder, "binary.yml", "not UTF-8 text");
    every_command_refuses(&folder, "folder", "not a file");
}

#[test]
fn a_file_of_100_megabytes_is_not_read() {
    let folder = Folder::new(&[]);
    let file = fs::File::create(folder.path().join("big.yml")).unwrap();
    file.set_len(100 << 20).unwrap();
    for arguments in [&["lint", "big.yml"][..], &["yaml", "big.yml"], &["inspect", "big.yml"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("the file has 104857600 bytes; at most 10485760 are read"), "{}", ran.stderr);
    }
}

#[test]
fn files_that_are_no_pipelines_are_findings_and_nothing_is_written() {
    let bomb = (1..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let last = level - 1;
        format!("{text}a{level}: &a{level} [{}]\n", vec![format!("*a{last}"); 9].join(", "))
    });
    let deep = format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    for (name, text) in [("empty", ""), ("scalar", "just words\n"), ("syntax", "a: [\n"), ("bomb", bomb.as_str()), ("deep", deep.as_str())]
    {
        let folder = Folder::new(&[(".gitlab-ci.yml", text)]);
        let before = folder.files();
        let ran = folder.run(&["lint", "--fix", "--format", "json"]);
        assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
        let rule = ran.json()["findings"][0]["rule"].as_str().unwrap().to_owned();
        assert!(["syntax-error", "not-a-pipeline"].contains(&rule.as_str()), "{name}: {rule}");
        assert!(ran.stderr.len() < 2000, "{name}");
        assert_eq!(folder.files(), before, "{name}");
        folder.refuses(&["expand"], ".gitlab-ci.yml");
    }
}

#[test]
fn one_bad_file_does_not_keep_the_others_from_being_linted() {
    let folder = Folder::new(&[("a.yml", "a: ["), ("b.yml", "b: [")]);
    let ran = folder.run(&["lint", "--format", "json", "a.yml", "gone.yml", "b.yml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`gone.yml`: there is no such file"), "{}", ran.stderr);
    let files: Vec<String> = ran.json()["findings"].as_array().unwrap().iter().map(|finding| finding["file"].to_string()).collect();
    assert_eq!(files, ["\"a.yml\"", "\"b.yml\""]);
}

#[test]
fn includes_that_are_missing_or_go_in_circles_end() {
    let cycle = "include: /a.yml\n";
    for files in [
        &[(".gitlab-ci.yml", "include: /gone.yml\njob: {script: 'true'}\n")][..],
        &[(".gitlab-ci.yml", cycle), ("a.yml", "include: /.gitlab-ci.yml\n")],
        &[(".gitlab-ci.yml", "include: ../outside.yml\njob: {script: 'true'}\n")],
    ] {
        let folder = Folder::new(files);
        for arguments in [&["lint"][..], &["inspect"], &["expand"]] {
            let ran = folder.run(arguments);
            assert!(ran.code <= 2 && !ran.stderr.contains("panicked"), "{arguments:?}: {}", ran.stderr);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_pipeline_that_is_a_link_out_of_the_repository_is_refused() {
    let (folder, elsewhere) = (Folder::new(&[("keep", "")]), Folder::new(&[("ci.yml", PIPELINE)]));
    fs::create_dir(folder.path().join(".git")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("ci.yml"), folder.path().join(".gitlab-ci.yml")).unwrap();
    every_command_refuses(&folder, ".", "leads out of the workspace");
}
