use serde_json::json;

use crate::{Folder, PIPELINE};

#[test]
fn yaml_prints_what_gitlab_s_loader_reads() {
    let folder =
        Folder::new(&[("a.yml", "a:\n  - yes\n  - 1:30\n  - 0777\n  - 3.1\n  - :x\nb: !reference [c, d]\n"), ("bad.yml", "a: b: c\n")]);
    let expected = json!({"a": [true, 5400, 511, {"$float": "3.1"}, {"$symbol": "x"}], "b": {"$reference": ["c", "d"]}});
    assert_eq!(folder.run(&["yaml", "a.yml"]).json(), expected);
    assert_eq!(folder.run_with(&["yaml", "-"], &[], b"a: 1").json(), json!({"a": 1}));
    assert_eq!(folder.run_with(&["yaml"], &[], b"a: 1").json(), json!({"a": 1}));
    folder.refuses(&["yaml", "bad.yml"], "bad.yml:1:5");
}

#[test]
fn expand_merges_and_says_where_values_come_from() {
    let folder = Folder::new(&[(".gitlab-ci.yml", ".base: {image: ruby}\njob:\n  extends: .base\n  script: 'true'\n")]);
    let pipeline = folder.run(&["expand", "--format", "json"]).json();
    assert_eq!(pipeline["job"]["image"], "ruby");
    assert!(pipeline.get(".base").is_none());
    let text = folder.run(&["expand"]).stdout;
    assert_eq!(folder.run_with(&["yaml"], &[], text.as_bytes()).json(), pipeline);
    let origins = folder.run(&["expand", "--format", "json", "--provenance"]).json();
    assert_eq!(origins["origins"]["job.image"], json!({"file": ".gitlab-ci.yml", "line": 1, "via": ["extends .base"]}));
}

#[test]
fn what_expand_prints_gives_each_job_the_variables_that_it_had() {
    let source = "\
default: {image: ruby, tags: [a]}
variables: {A: '1', B: '2'}
all: {script: 'true'}
one: {script: 'true', inherit: {variables: [A]}}
none: {script: 'true', inherit: {variables: false, default: false}}
";
    let folder = Folder::new(&[(".gitlab-ci.yml", source)]);
    let plan = |folder: &Folder| {
        let jobs = folder.run(&["plan", "--event", "push", "--format", "json"]).json()["jobs"].clone();
        let jobs = jobs.as_array().expect("a list of jobs").clone();
        jobs.into_iter()
            .map(|job| (job["name"].clone(), job["variables"].get("A").is_some(), job["variables"].get("B").is_some()))
            .collect::<Vec<_>>()
    };
    let expected = vec![(json!("all"), true, true), (json!("one"), true, false), (json!("none"), false, false)];
    assert_eq!(plan(&folder), expected);
    let again = Folder::new(&[(".gitlab-ci.yml", &folder.run(&["expand"]).stdout)]);
    assert_eq!(plan(&again), expected);
    let origins = folder.run(&["expand", "--format", "json", "--provenance"]).json();
    assert_eq!(origins["origins"]["one.inherit.variables[0]"], json!({"file": ".gitlab-ci.yml", "line": 4, "via": []}));
}

#[test]
fn inspect_lists_the_operations_with_their_places() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    let job = folder.run(&["inspect", "--format", "json"]).json()["jobs"][0].clone();
    assert_eq!((&job["name"], &job["daemon"]["kind"]), (&json!("build"), &json!("dind")));
    let build = &job["operations"][0];
    assert_eq!(
        (&build["op"], &build["line"], &build["column"], &build["images"]),
        (&json!("build"), &json!(8), &json!(7), &json!(["$IMAGE"]))
    );
    let text = folder.run(&["inspect"]).stdout;
    assert!(text.contains(".gitlab-ci.yml:8:7  build: docker build -t $IMAGE .") && text.contains("1 of 1 jobs use Docker"), "{text}");
}

#[test]
fn a_part_of_the_pipeline_is_inspected_in_it() {
    let base = ".docker: {image: docker:27, services: [docker:dind]}\ninclude: /ci/build.yml\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", base), ("ci/build.yml", "build: {extends: .docker, script: docker info}\n")]);
    let json = folder.run(&["inspect", "ci/build.yml", "--format", "json"]).json();
    assert_eq!(json["jobs"].as_array().unwrap().len(), 1);
    assert_eq!((&json["jobs"][0]["image"], &json["jobs"][0]["daemon"]["kind"]), (&json!("docker:27"), &json!("dind")));
}

#[test]
fn standard_input_is_a_pipeline_of_the_repository_in_which_the_command_runs() {
    let folder = Folder::new(&[("ci/job.yml", "job: {script: 'true'}\n")]);
    let ran = folder.run_with(&["expand", "--format", "json", "-"], &[], b"include: /ci/job.yml\n");
    assert_eq!(ran.json()["job"]["script"], json!(["true"]), "{}", ran.stderr);
}

#[test]
fn every_command_that_takes_one_file_reads_standard_input() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    for arguments in [
        &["lint", "--format", "json"][..],
        &["inspect", "--format", "json"],
        &["expand", "--format", "json"],
        &["migrate", "--to", "depot", "--report", "json"],
        &["yaml"],
    ] {
        let file = folder.run(&[arguments, &[".gitlab-ci.yml"]].concat());
        let stdin = folder.run_with(&[arguments, &["-"]].concat(), &[], PIPELINE.as_bytes());
        assert_eq!(stdin.code, file.code, "{arguments:?}: {}", stdin.stderr);
        assert_eq!(stdin.stdout.replace("<stdin>", ".gitlab-ci.yml"), file.stdout, "{arguments:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    for arguments in
        [&["lint", "--format", "sarif"][..], &["lint"], &["inspect"], &["expand"], &["migrate", "--to", "depot", "--report", "json"]]
    {
        let first = folder.run(arguments).stdout;
        assert!(!first.is_empty(), "{arguments:?}");
        for _ in 0..3 {
            assert_eq!(folder.run(arguments).stdout, first, "{arguments:?}");
        }
    }
}

#[test]
fn results_go_to_a_file_on_request() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    let ran = folder.run(&["inspect", "--format", "json", "-o", "out.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let text = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    assert_eq!(text, folder.run(&["inspect", "--format", "json"]).stdout);
    folder.refuses(&["inspect", "-o", "no/such/folder/out.json"], "the result can't be written");
}

#[test]
fn explain_knows_the_reasons() {
    let ran = Folder::new(&[]).run(&["explain", "runs-built-image"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("# runs-built-image"), "{}", ran.stdout);
}

/// The rules and lines of what is found wrong with the configuration `text` itself.
fn found(text: &str) -> Vec<(String, u64)> {
    let json = Folder::new(&[(".gitlab-ci.yml", text)]).run(&["lint", "--format", "json"]).json();
    let findings = json["findings"].as_array().unwrap().iter().filter(|finding| finding["id"].as_str().unwrap().starts_with("CFG"));
    findings.map(|finding| (finding["rule"].as_str().unwrap().to_owned(), finding["start"]["line"].as_u64().unwrap())).collect()
}

#[test]
fn extends_goes_through_eleven_levels_in_whatever_order_the_jobs_stand() {
    let chain = |levels: usize| (1..=levels).map(|level| format!("j{level}: {{extends: j{}}}\n", level - 1)).collect::<Vec<String>>();
    let first = "j0: {script: 'true'}\n";
    let reversed = |levels: usize| chain(levels).into_iter().rev().collect::<String>();
    assert!(found(&format!("{first}{}", chain(11).concat())).is_empty());
    assert!(found(&format!("{}{first}", reversed(11))).is_empty());
    assert_eq!(found(&format!("{first}{}", chain(12).concat())), [("extends-cycle".to_owned(), 13)]);
    assert_eq!(found(&format!("{}{first}", reversed(12))).len(), 1);
}

#[test]
fn references_in_scripts_make_lists_of_ten_levels_in_whatever_order_they_stand() {
    let chain = |levels: usize| {
        (1..=levels).map(|level| format!(".j{level}: {{script: [!reference [.j{}, script]]}}\n", level - 1)).collect::<Vec<String>>()
    };
    let ends = |levels: usize| format!(".j0: {{script: ['true']}}\njob: {{script: [!reference [.j{levels}, script]]}}\n");
    let reversed = |levels: usize| chain(levels).into_iter().rev().collect::<String>();
    assert!(found(&format!("{}{}", ends(8), chain(8).concat())).is_empty());
    assert!(found(&format!("{}{}", reversed(8), ends(8))).is_empty());
    for text in [format!("{}{}", ends(9), chain(9).concat()), format!("{}{}", chain(9).concat(), ends(9))] {
        assert_eq!(found(&text).first().map(|(rule, _)| rule.as_str()), Some("invalid-value"), "{text}");
    }
}

#[test]
fn plan_draws_a_picture_into_a_file() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    let ran = folder.run(&["plan", "--format", "svg", "--output", "plan.svg"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let picture = std::fs::read_to_string(folder.path().join("plan.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    assert_eq!(folder.run(&["plan", "--format", "svg"]).stdout, picture);
}
