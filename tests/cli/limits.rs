//! Input that is far too deep, too long or too much: an answer or a finding, never a crash. How long it may take is for the benchmarks to say.

use serde_json::Value;

use crate::Folder;

/// Runs every command on the pipeline; none may crash, and none may say that such a job could move.
#[track_caller]
fn survives(name: &str, pipeline: &str) {
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline)]);
    let before = folder.files();
    for arguments in [&["lint"][..], &["lint", "--diff"], &["inspect"], &["expand"], &["migrate", "--to", "depot"]] {
        let ran = folder.run(arguments);
        assert!(ran.code <= 3 && !ran.stderr.contains("panicked"), "{name}: {arguments:?}: {} {:.500}", ran.code, ran.stderr);
    }
    assert_eq!(folder.files(), before, "{name}");
}

fn in_script(script: &str) -> String {
    let lines: String = script.lines().map(|line| format!("      {line}\n")).collect();
    format!("build:\n  image: docker:27\n  services: [docker:27-dind]\n  script:\n    - |\n{lines}")
}

#[test]
fn shell_that_is_nested_10_000_deep_ends() {
    const DEEP: usize = 10_000;
    for (name, open, middle, close) in [
        ("subshells", "(", "docker build .", ")"),
        ("substitutions", "echo $(", "docker build .", ")"),
        ("substitutions in quotes", "echo \"$(", "docker build .", ")\""),
        ("backquotes", "`", "", ""),
        ("groups", "{ ", "docker build .", "; }"),
        ("conditions", "if true; then ", "docker build .", "; fi"),
        ("loops", "for i in 1; do ", "docker build .", "; done"),
        ("cases", "case x in x) ", "docker build .", ";; esac"),
        ("functions", "f() { ", "docker build .", "; }"),
        ("parameters", "${a:-", "docker", "}"),
        ("arithmetic", "$((", "1", "))"),
        ("negations", "! ", "docker build .", ""),
        ("wrappers", "sudo ", "docker build .", ""),
        ("inner shells", "sh -c '", "docker build .", "'"),
    ] {
        let closed = format!("docker info\n{}{middle}{}", open.repeat(DEEP), close.repeat(DEEP));
        survives(name, &in_script(&closed));
        survives(name, &in_script(&format!("docker info\n{}", open.repeat(DEEP))));
    }
}

#[test]
fn a_script_that_cannot_be_followed_to_its_end_is_left_alone() {
    let nested = format!("docker build -t a .\ndocker push a\n{}docker run a{}", "( ".repeat(10_000), " )".repeat(10_000));
    let folder = Folder::new(&[(".gitlab-ci.yml", &in_script(&nested))]);
    let ran = folder.run(&["migrate", "--to", "depot"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
}

#[test]
fn a_script_item_of_5_megabytes_is_read() {
    survives("one word", &in_script(&format!("docker build . && echo {}", "x".repeat(5 << 20))));
    survives("many lines", &in_script(&format!("docker info\n{}", "echo hello $X\n".repeat(100_000))));
}

#[test]
fn many_jobs_and_long_chains_of_them_are_read() {
    let jobs: String = (0..20_000).map(|job| format!("j{job}: {{script: docker info}}\n")).collect();
    survives("jobs", &jobs);
    let chain: String = (1..20_000).map(|job| format!("j{job}: {{extends: j{}}}\n", job - 1)).collect();
    survives("extends", &format!("j0: {{script: docker info}}\n{chain}"));
    let names = (0..5000).map(|base| format!(".b{base}")).collect::<Vec<_>>().join(", ");
    let bases: String = (0..5000).map(|base| format!(".b{base}: {{variables: {{V{base}: x}}}}\n")).collect();
    survives("names in one extends", &format!("{bases}job: {{script: docker info, extends: [{names}]}}\n"));
}

#[test]
fn references_that_multiply_are_cut_short_with_a_finding() {
    let level = |level: usize| {
        let below = format!("!reference [.r{}, script]", level - 1);
        format!(".r{level}: {{script: [{below}, {below}, {below}, {below}, {below}, {below}, {below}, {below}, {below}, {below}]}}\n")
    };
    let levels: String = (1..9).map(level).collect();
    let text = format!(".r0: {{script: [docker info]}}\n{levels}job: {{script: [!reference [.r8, script]]}}\n");
    survives("references", &text);
    let folder = Folder::new(&[(".gitlab-ci.yml", &text)]);
    let findings = folder.run(&["lint", "--format", "json"]).json()["findings"].clone();
    let cut = |finding: &serde_json::Value| finding["message"].as_str().is_some_and(|message| message.contains("all references together"));
    assert!(findings.as_array().is_some_and(|findings| findings.iter().any(cut)), "{findings:#}");
}

#[test]
fn includes_end_at_gitlab_s_limit() {
    let include: String = (0..2000).map(|file| format!("  - /ci/{file}.yml\n")).collect();
    let globs: String = (0..200).map(|_| "  - '/**/*.yml'\n").collect();
    let files: Vec<(String, String)> = (0..200).map(|file| (format!("ci/{file}.yml"), format!("j{file}: {{script: 'true'}}\n"))).collect();
    for include in [&include, &globs] {
        let folder = Folder::new(&[(".gitlab-ci.yml", &format!("include:\n{include}job: {{script: docker info}}\n"))]);
        files.iter().for_each(|(path, text)| folder.write(path, text.as_bytes()));
        let findings = folder.run(&["lint", "--format", "json"]).json()["findings"].clone();
        let limits = findings.as_array().unwrap().iter().filter(|finding| finding["rule"] == "include-limit").count();
        assert_eq!(limits, 1, "{findings:#}");
        assert!(folder.run(&["migrate", "--to", "depot"]).code <= 3);
    }
}

/// The findings of `lint` and the problems of `plan` for a pipeline.
fn problems(pipeline: &str) -> (Vec<Value>, Vec<Value>) {
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline)]);
    let findings = folder.run(&["lint", "--format", "json"]).json()["findings"].take();
    let problems = folder.run(&["plan", "--branch", "main", "--format", "json"]).json()["problems"].take();
    (serde_json::from_value(findings).unwrap(), serde_json::from_value(problems).unwrap())
}

/// How many of `problems` have `part` in their message.
fn count(problems: &[Value], part: &str) -> usize {
    problems.iter().filter(|problem| problem["message"].as_str().is_some_and(|message| message.contains(part))).count()
}

#[test]
fn jobs_and_needs_that_multiply_are_not_planned_to_the_end() {
    let jobs: String = (0..300).map(|job| format!("j{job}: {{script: a, parallel: 200}}\n")).collect();
    let needs: String = (0..50).map(|job| format!("j{job}, ")).collect();
    let needing: String = (0..4).map(|job| format!("n{job}: {{stage: deploy, script: a, parallel: 200, needs: [{needs}]}}\n")).collect();
    let some: String = jobs.split_inclusive('\n').take(50).collect();
    for (text, part) in [(jobs, "more than 50000 jobs"), (format!("{some}{needing}"), "more than 2000000 needs")] {
        let (findings, problems) = problems(&text);
        assert_eq!((count(&findings, part), count(&problems, part)), (1, 1), "{part}");
    }
}

#[test]
fn circles_of_needs_are_told_up_to_a_number() {
    let pairs: String =
        (0..30).map(|pair| format!("a{pair}: {{script: a, needs: [b{pair}]}}\nb{pair}: {{script: a, needs: [a{pair}]}}\n")).collect();
    let (findings, _) = problems(&pairs);
    assert_eq!(count(&findings, "in a circle: `a"), 20);
    let long: String = (0..1000).map(|job| format!("j{job}: {{script: a, needs: [j{}]}}\n", (job + 1) % 1000)).collect();
    let (findings, _) = problems(&long);
    assert_eq!(
        count(&findings, "in a circle: `j0` → `j1` → `j2` → `j3` → `j4` → `j5` → `j6` → `j7` → `j8` → `j9` → … (990 more) → `j0`"),
        1
    );
}

#[test]
fn a_mistake_that_10_000_jobs_share_is_one_with_all_of_them() {
    let jobs: String = (0..10_000).map(|job| format!("j{job}: {{<<: *base}}\n")).collect();
    let base = ".base: &base {script: a, needs: [nobody], retry: 9, rules: [{if: '$A =='}]}\n";
    let (findings, _) = problems(&format!("{base}{jobs}"));
    for part in ["`nobody` is needed", "`retry", "`==` lacks an operand"] {
        assert_eq!(count(&findings, part), 1, "{part}: {:#?}", findings.iter().map(|finding| &finding["message"]).collect::<Vec<_>>());
        let jobs = findings.iter().find(|finding| finding["message"].as_str().is_some_and(|message| message.contains(part))).unwrap();
        assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(10_000), "{part}");
    }
}
