//! Recorded answers of Ruby's Psych against ours.

use std::path::{Path, PathBuf};

use undind::source::{SourceFile, Sources};
use undind::yaml::{Limits, compose, json_text, parse};

/// The value of the first document as JSON, or why it is refused.
fn load(text: &str) -> Result<serde_json::Value, String> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("case.yml", text));
    let limits = Limits::default();
    let tree = parse(file, text, 0..text.len(), &limits).map_err(|error| error.to_string())?;
    let value = compose(&tree, &limits).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&json_text(&value)).expect("what we write is JSON"))
}

fn conformance() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("UNDIND_CONFORMANCE").map_or(default, PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[test]
fn values_and_refusals_are_those_of_psych() {
    let Some(folder) = conformance() else {
        eprintln!("skipped: no folder of recorded answers, set UNDIND_CONFORMANCE");
        return;
    };
    let text = std::fs::read_to_string(folder.join("ruby-oracles/psych-safe_load.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let answer = load(case["yaml"].as_str().unwrap());
        let agrees = match &answer {
            // As texts, because the order of keys counts.
            Ok(value) => case["ok"] == true && format!("{value}") == format!("{}", case["value"]),
            Err(_) => case["ok"] == false,
        };
        if !agrees {
            wrong.push(format!("{}: we say {answer:?}, Psych {}", case["name"], case));
        }
    }
    assert!(text.lines().count() > 100, "the file of answers is cut short");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
