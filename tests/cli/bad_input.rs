use std::fs;

use crate::{Folder, PIPELINE};

/// Commands that take the path of a pipeline.
pub const COMMANDS: [&[&str]; 5] = [&["lint"], &["lint", "--fix"], &["inspect"], &["expand"], &["migrate", "--to", "depot", "--write"]];

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
    folder.refuses(&["yaml", "latin1.yml"], "byte 17 is not UTF-8");
    folder.refuses(&["yaml", "folder"], "not a file");
}

#[test]
fn a_file_of_100_megabytes_is_not_read() {
    let folder = Folder::new(&[]);
    let file = fs::File::create(folder.path().join("big.yml")).unwrap();
    file.set_len(100 << 20).unwrap();
    for command in COMMANDS.into_iter().chain([&["yaml"][..]]) {
        let ran = folder.run(&[command, &["big.yml"]].concat());
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
        folder.refuses(&["migrate", "--to", "depot", "--write"], ".gitlab-ci.yml");
        folder.refuses(&["inspect"], ".gitlab-ci.yml");
        match name {
            "empty" | "scalar" => assert_eq!(folder.run(&["yaml", ".gitlab-ci.yml"]).code, 0, "{name} is YAML"),
            _ => folder.refuses(&["yaml", ".gitlab-ci.yml"], ".gitlab-ci.yml:"),
        }
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
fn includes_that_are_missing_or_go_in_circles_are_findings() {
    let migrated = PIPELINE.replace("build:\n", "other:\n");
    for (include, other, rule, message) in [
        ("/gone.yml", "{}", "include-not-found", "`gone.yml` cannot be included: there is no such file"),
        ("/a.yml", "include: /.gitlab-ci.yml\n", "include-cycle", "`.gitlab-ci.yml` includes itself"),
        ("/a.yml", "include: /a.yml\n", "include-cycle", "`a.yml` includes itself"),
        ("/../outside.yml", "{}", "include-not-found", "`../outside.yml` cannot be included: the path leads out of the workspace"),
    ] {
        let folder = Folder::new(&[(".gitlab-ci.yml", &format!("include: {include}\n{migrated}")), ("a.yml", other)]);
        let ran = folder.run(&["lint", "--format", "json"]);
        let findings = ran.json()["findings"].as_array().unwrap().clone();
        let finding = findings.iter().find(|finding| finding["rule"] == rule).unwrap_or_else(|| panic!("{include}: {findings:#?}"));
        assert_eq!((ran.code, &finding["severity"], &finding["message"]), (1, &"error".into(), &message.into()), "{include}");
        assert_eq!(folder.run(&["inspect"]).code, 0, "{include}");
        assert!(folder.run(&["expand"]).stdout.contains("\nother:\n"), "{include}");
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
