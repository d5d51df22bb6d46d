//! Findings as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). Knows no other format.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostic::Severity;
use crate::edit::Fix;
use crate::report::finding::{Found, page_url};
use crate::report::fingerprint::fingerprints;
use crate::source::Span;

/// The log with one run that holds `found`.
#[must_use]
pub fn log(found: &[Found<'_>]) -> Value {
    let rules: BTreeMap<&str, &str> = found.iter().map(|found| (found.diagnostic.id, found.diagnostic.rule)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<Value> =
        found.iter().zip(fingerprints(found)).map(|(found, fingerprint)| result(found, index[found.diagnostic.id], &fingerprint)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "undind",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(id, name)| rule(id, name)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(id: &str, name: &str) -> Value {
    let mut rule = json!({"id": id, "name": name});
    if let Some(url) = page_url(name) {
        rule["helpUri"] = url.into();
    }
    rule
}

fn result(found: &Found<'_>, rule_index: usize, fingerprint: &str) -> Value {
    let diagnostic = found.diagnostic;
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    let mut result = json!({
        "ruleId": diagnostic.id,
        "ruleIndex": rule_index,
        "level": level(diagnostic.severity),
        "message": {"text": format!("{}{help}", diagnostic.message)},
        "locations": [{"physicalLocation": location(found, diagnostic.span)}],
        "partialFingerprints": {"undind/v1": fingerprint},
    });
    if !diagnostic.related.is_empty() {
        let related = diagnostic.related.iter().enumerate();
        let related = related
            .map(|(id, label)| json!({"id": id, "physicalLocation": location(found, label.span), "message": {"text": label.message}}));
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &diagnostic.fix {
        result["fixes"] = json!([fix_entry(found, fix)]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn location(found: &Found<'_>, span: Span) -> Value {
    json!({"artifactLocation": {"uri": uri(&found.path(span))}, "region": region(found, span)})
}

fn region(found: &Found<'_>, span: Span) -> Value {
    let (start, end) = (found.sources.start(span), found.sources.end(span));
    json!({
        "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
        "byteOffset": span.start, "byteLength": span.end - span.start,
    })
}

fn fix_entry(found: &Found<'_>, fix: &Fix) -> Value {
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for edit in &fix.edits {
        let replacement = json!({"deletedRegion": region(found, edit.span), "insertedContent": {"text": edit.text}});
        by_file.entry(found.path(edit.span)).or_default().push(replacement);
    }
    let changes: Vec<Value> = by_file
        .into_iter()
        .map(|(path, replacements)| json!({"artifactLocation": {"uri": uri(&path)}, "replacements": replacements}))
        .collect();
    json!({"description": {"text": fix.title}, "artifactChanges": changes})
}

/// A path as a relative URI reference (RFC 3986): everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            use std::fmt::Write;
            write!(out, "%{byte:02X}").expect("strings take everything");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    #[test]
    fn a_result_names_its_rule_place_fix_and_related_place() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: ".gitlab-ci.yml", prefix: "a b/" };
        let run = &log(&[found])["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "TLS101");
        let result = &run["results"][0];
        assert_eq!((&result["ruleIndex"], &result["level"]), (&json!(0), &json!("error")));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/.gitlab-ci.yml");
        let expected = json!({"startLine": 5, "startColumn": 18, "endLine": 5, "endColumn": 35, "byteOffset": 68, "byteLength": 17});
        assert_eq!(place["region"], expected);
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "this daemon listens on 2376");
        assert_eq!(result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "tcp://docker:2376");
    }
}
