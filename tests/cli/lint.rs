use serde_json::json;

use crate::Folder;

const QUIET: &str = "job:\n  script: 'true'\n";
const BROKEN: &str = "job: [\n";

#[test]
fn exit_codes_are_0_without_findings_and_1_with_them() {
    assert_eq!(Folder::new(&[(".gitlab-ci.yml", QUIET)]).run(&["lint"]).code, 0);
    let folder = Folder::new(&[(".gitlab-ci.yml", BROKEN)]);
    for format in ["text", "json", "sarif", "codequality", "junit"] {
        assert_eq!(folder.run(&["lint", "--format", format]).code, 1, "{format}");
    }
}

#[test]
fn text_shows_the_line_and_json_its_place() {
    let folder = Folder::new(&[("sub/.gitlab-ci.yml", BROKEN)]);
    let text = folder.run(&["lint", "sub"]).stdout;
    assert!(text.contains("error[") && text.contains("sub/.gitlab-ci.yml:") && text.contains("1 error in 1 file"), "{text}");
    let json = folder.run(&["lint", "sub", "--format", "json"]).json();
    assert_eq!((&json["version"], &json["tool"]["name"], &json["files"]), (&json!(1), &json!("undind"), &json!(1)));
    assert_eq!((&json["findings"][0]["file"], &json["findings"][0]["rule"]), (&json!(".gitlab-ci.yml"), &json!("syntax-error")));
}

#[test]
fn a_part_of_the_repository_s_pipeline_is_linted_through_it_and_shows_only_its_own_findings() {
    let folder = Folder::new(&[
        (".gitlab-ci.yml", "include: [/ci/a.yml, /ci/b.yml]\n"),
        ("ci/a.yml", "a: [\n"),
        ("ci/b.yml", "b: [\n"),
        ("other.yml", "c: [\n"),
    ]);
    let files = |arguments: &[&str]| {
        let json = folder.run(&[&["lint", "--format", "json"], arguments].concat()).json();
        json["findings"].as_array().unwrap().iter().map(|finding| finding["file"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(files(&["ci/a.yml"]), ["ci/a.yml"]);
    assert_eq!(files(&["ci/b.yml", "other.yml"]), ["ci/b.yml", "other.yml"]);
    assert_eq!(files(&[]), ["ci/a.yml", "ci/b.yml"]);
}

#[test]
fn several_repositories_are_told_apart_by_their_folders() {
    let folder = Folder::new(&[("a/.gitlab-ci.yml", BROKEN), ("b/.gitlab-ci.yml", BROKEN)]);
    let json = folder.run(&["lint", "b", "a", "--format", "json"]).json();
    assert_eq!((&json["findings"][0]["file"], &json["findings"][1]["file"]), (&json!("a/.gitlab-ci.yml"), &json!("b/.gitlab-ci.yml")));
}

#[test]
fn a_baseline_accepts_what_was_there_and_moves_with_it() {
    let folder = Folder::new(&[(".gitlab-ci.yml", "job: [\n")]);
    assert_eq!(folder.run(&["lint", "--write-baseline", "baseline.json"]).code, 0);
    let ran = folder.run(&["lint", "--baseline", "baseline.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("no findings in 1 file; 1 suppressed"), "{}", ran.stdout);
    folder.refuses(&["lint", "--baseline", ".gitlab-ci.yml"], "this is not a baseline");
    folder.refuses(&["lint", "--baseline", "gone.json"], "the baseline can't be read");
}

#[test]
fn a_finding_in_standard_input_is_named_so() {
    let folder = Folder::new(&[]);
    let ran = folder.run_with(&["lint", "-", "--format", "json"], &[], b"a: [");
    assert_eq!((ran.code, &ran.json()["findings"][0]["file"]), (1, &json!("<stdin>")), "{}", ran.stderr);
    let ran = folder.run_with(&["lint", "-"], &[], &[0xff]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`<stdin>`: the file is not UTF-8"), "{}", ran.stderr);
}

#[test]
fn ignored_files_get_no_findings() {
    let folder =
        Folder::new(&[(".gitlab-ci.yml", "include: /vendor/a.yml\n"), ("vendor/a.yml", BROKEN), (".undind.yml", "ignore: [vendor/]\n")]);
    assert_eq!(folder.run(&["lint"]).code, 0);
}
