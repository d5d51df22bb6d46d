//! What `rules:if` makes of the expressions of `tests/expressions.yml`, and what RE2 and Ruby answered to patterns that were recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use undind::Workspace;
use undind::pipeline::context::{Changed, Context, Event, Facts, Ref};
use undind::pipeline::expression::{Expression, Lookup, Pattern, Truth};
use undind::pipeline::{Documents, resolve};
use undind::plan::plan;

#[derive(serde::Deserialize)]
struct Case {
    #[serde(rename = "if")]
    text: String,
    is: String,
}

fn lookup(name: &str) -> Lookup<'static> {
    match name {
        "FULL" => Lookup::Defined("my text".into()),
        "PATH" => Lookup::Defined("/a/path/value".into()),
        "EMPTY" => Lookup::Defined("".into()),
        "BLANK" => Lookup::Defined("  ".into()),
        "RE" => Lookup::Defined("/^my/".into()),
        "PART" => Lookup::Defined("text".into()),
        "SOME" => Lookup::Present,
        "OUT" => Lookup::Unknown,
        _ => Lookup::Undefined,
    }
}

#[test]
fn an_expression_holds_or_is_refused_as_gitlab_says() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expressions.yml")).unwrap();
    let groups: BTreeMap<String, serde_yaml::Value> = serde_yaml::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (_, cases) in groups.into_iter().filter(|(_, cases)| cases.is_sequence()) {
        for case in serde_yaml::from_value::<Vec<Case>>(cases).unwrap() {
            count += 1;
            let found = match Expression::parse(&case.text) {
                Err(error) => error.message,
                Ok(expression) => match expression.evaluate(&lookup, &|_| Lookup::Unknown).truth {
                    Truth::True => "yes".to_owned(),
                    Truth::False => "no".to_owned(),
                    Truth::Unknown => "?".to_owned(),
                },
            };
            let agrees = if ["yes", "no", "?"].contains(&&*case.is) { found == case.is } else { found.contains(&case.is) };
            if !agrees {
                wrong.push(format!("{}: {found}, not {}", case.text, case.is));
            }
        }
    }
    assert!(count > 90, "the file is cut short");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_expression_has_a_hundred_tokens_at_most() {
    let of = |variables: usize| Expression::parse(&vec!["$A"; variables].join(" || "));
    assert!(of(50).is_ok(), "99 tokens");
    assert!(of(51).unwrap_err().message.contains("99 tokens at most"));
    // Deep nesting needs no stack: a hundred parentheses are too many tokens.
    assert!(Expression::parse(&"(".repeat(100_000)).is_err());
}

#[test]
fn patterns_match_what_re2_matches() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/re2.jsonl");
    let mut wrong = Vec::new();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let pattern = Pattern::bare(case["pattern"].as_str().unwrap());
        let found: serde_json::Value = match &pattern {
            Err(_) => serde_json::Value::Null,
            Ok(pattern) => {
                let texts = case["texts"].as_object().into_iter().flat_map(|texts| texts.keys());
                texts.map(|text| (text.clone(), serde_json::Value::from(pattern.is_match(text)))).collect::<serde_json::Map<_, _>>().into()
            }
        };
        if found != case["texts"] {
            let differing = case["texts"].as_object().into_iter().flatten().filter(|(text, matches)| found.get(text) != Some(matches));
            wrong.push(format!("{}: {:?} {:?}", case["pattern"], differing.collect::<Vec<_>>(), pattern.err()));
        }
    }
    assert!(text.lines().count() > 150, "the file is cut short");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn conformance() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("UNDIND_CONFORMANCE").map_or(default, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Through `rules:changes` of a job, as a user meets them.
#[test]
fn wildcards_match_what_ruby_matches() {
    let Some(folder) = conformance() else {
        eprintln!("skipped: no folder of recorded answers, set UNDIND_CONFORMANCE");
        return;
    };
    let text = std::fs::read_to_string(folder.join("ruby-oracles/fnmatch.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (pattern, path) = (case["pattern"].as_str().unwrap(), case["path"].as_str().unwrap());
        if is_in(pattern, path) != case["match"].as_bool().unwrap() {
            wrong.push(line);
        }
    }
    assert!(text.lines().count() > 1_000, "the file of answers is cut short");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), text.lines().count(), wrong.join("\n"));
}

/// Whether a job with this pattern is in a pipeline in which this path changed.
fn is_in(pattern: &str, path: &str) -> bool {
    let pipeline = format!("job:\n  script: a\n  rules:\n    - changes: [{}]\n", serde_json::to_string(pattern).unwrap());
    let workspace = Workspace::memory([("p.yml", pipeline)]);
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, "p.yml").unwrap();
    let context = Context::new(Event::Push, Ref::Branch("main".into()), &Facts::default())
        .with_no_other_variables()
        .with_history(Arc::new(Changed(Some(vec![path.to_owned()]))));
    let pipeline = resolve(&workspace, &mut documents, "p.yml", entry, &context);
    let plan = plan(&pipeline, &context, Vec::new());
    assert!(plan.unknown.is_empty(), "{pattern}: {:?}", plan.unknown);
    plan.jobs.len() == 1
}

#[test]
fn braces_that_multiply_are_given_up() {
    let pattern = "{a,b,c,d,e,f,g,h,i,j}".repeat(6);
    assert!(undind::pipeline::fnmatch::Pattern::new(&pattern).is_none());
    let unclosed = format!("{}{{", "{,}".repeat(60));
    assert!(undind::pipeline::fnmatch::Pattern::new(&unclosed).is_none());
    let long = "*a".repeat(2_000);
    assert!(!undind::pipeline::fnmatch::Pattern::new(&long).unwrap().matches(&"b".repeat(5_000)));
}
