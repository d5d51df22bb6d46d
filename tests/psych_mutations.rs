//! Mutated pipelines loaded by Ruby's Psych, in one process, and by us.

mod corpus;
#[path = "corpus/yaml.rs"]
mod yaml;

use std::io::Write;
use std::process::{Command, Stdio};

use corpus::{Numbers, mutate};
use undind::source::{SourceFile, Sources};
use undind::yaml::{Limits, YamlError, YamlErrorKind, compose, json_text, parse};

fn load(text: &str) -> Result<String, YamlError> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("case.yml", text));
    let tree = parse(file, text, 0..text.len(), &Limits::default())?;
    Ok(json_text(&compose(&tree, &Limits::default())?))
}

/// Psych's answers, in order; none where there is no Ruby.
fn psych(texts: &[String]) -> Option<Vec<serde_json::Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ruby/psych_load.rb");
    let mut child = Command::new("ruby").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| format!("{}\n", base64(text.as_bytes()))).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "the Ruby script failed");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            text.push(if at <= group.len() { char::from(LETTERS[bits >> (18 - 6 * at) & 63]) } else { '=' });
        }
    }
    text
}

/// Asserts that Psych and we say the same of each text, and that both say yes and no often enough.
fn compare(texts: &[String]) {
    let Some(answers) = psych(texts) else {
        eprintln!("skipped: no `ruby` to compare with");
        return;
    };
    assert_eq!(answers.len(), texts.len());
    let mut wrong = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for (text, answer) in texts.iter().zip(&answers) {
        let ours = load(text);
        let agrees = match &ours {
            Ok(json) => {
                accepted += 1;
                // As texts, because the order of keys counts.
                let ours: serde_json::Value = serde_json::from_str(json).unwrap();
                answer["ok"] == true && format!("{ours}") == format!("{}", answer["value"])
            }
            // Psych loads a recursive alias, GitLab then refuses it.
            Err(error) if error.kind == YamlErrorKind::Alias && error.message.contains("lies within") => true,
            Err(_) => {
                refused += 1;
                answer["ok"] == false
            }
        };
        if !agrees {
            wrong.push(format!("--- text\n{text}\n--- ours\n{ours:?}\n--- Psych\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), texts.len(), wrong[..wrong.len().min(3)].join("\n"));
    let few = texts.len() / 20;
    assert!(accepted > few && refused > few, "{accepted} accepted, {refused} refused: these texts test too little");
}

#[test]
fn mutated_pipelines_load_as_psych_loads_them() {
    let files = corpus::files();
    if files.is_empty() {
        return;
    }
    let mut numbers = Numbers(0x5EED_CA5E);
    let texts: Vec<String> = (0..1500)
        .map(|at| {
            let (_, text) = &files[(at * 7) % files.len()];
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let start = numbers.below(lines.len().max(1));
            // A part of a long file, so that a mutation touches what matters.
            let part = if lines.len() > 60 { lines[start..].iter().take(60).copied().collect() } else { text.clone() };
            mutate(&part, &yaml::INSERTS, &mut numbers)
        })
        .collect();
    compare(&texts);
}

#[test]
fn tags_merge_keys_and_aliases_load_as_psych_loads_them() {
    let pieces = [
        "a",
        "b: ",
        "- ",
        "? ",
        "\n",
        "\n  ",
        " ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&x ",
        "*x",
        "!t ",
        "!!str ",
        "! ",
        "!!float ",
        "!!omap ",
        "!!binary ",
        "'12'",
        "\"on\"",
        "<<: ",
        "\"<<\": ",
        "c: 1\n",
        "c: 2\n",
        "d: {a: 1, b: 2}\n",
        "<<: *x\n",
        "e: &x {a: 3, c: 4}\n",
        "~",
        "1:30",
        "0x1F",
        "yes",
        "on: 1\n",
        "1.0: a\n",
        "1: b\n",
        "[1]: c\n",
        "2001-01-1",
        "\n\n  no",
        ": !reference [",
        "'",
        ":\"x\"y",
    ];
    let mut numbers = Numbers(0x7AC5);
    compare(&(0..6000).map(|_| (0..numbers.below(14)).map(|_| pieces[numbers.below(pieces.len())]).collect()).collect::<Vec<String>>());
}

#[test]
fn numerals_load_as_psych_loads_them() {
    let mut numbers = Numbers(0x0D16);
    let text = |_| (0..numbers.below(9)).map(|_| char::from(b"01_,:.-+exb79Eo "[numbers.below(16)])).collect::<String>();
    let scalars: Vec<String> = (0..6000).map(text).map(|scalar| format!("a: {scalar}")).collect();
    compare(&scalars);
}
