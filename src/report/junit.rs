//! Findings as a JUnit report, as GitLab's `artifacts:reports:junit` reads it
//! (<https://docs.gitlab.com/ci/testing/unit_test_reports/>). Knows no other format.

use std::fmt::Write;

use crate::report::finding::Found;
use crate::report::xml;

/// The report: a failed test case for each finding, one passed case where there is none.
#[must_use]
pub fn xml(found: &[Found<'_>]) -> String {
    let (tests, failures) = (found.len().max(1), found.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
    let _ = writeln!(out, "<testsuites {counts}>\n  <testsuite name=\"undind\" {counts}>");
    if found.is_empty() {
        out.push_str("    <testcase name=\"no findings\" classname=\"undind\"/>\n");
    }
    for found in found {
        test_case(&mut out, found);
    }
    out + "  </testsuite>\n</testsuites>\n"
}

fn test_case(out: &mut String, found: &Found<'_>) {
    let diagnostic = found.diagnostic;
    let path = found.path(diagnostic.span);
    let start = found.sources.start(diagnostic.span);
    let place = format!("{path}:{}:{}", start.line, start.column);
    let name = xml::escaped(&format!("{} {place}", diagnostic.rule));
    let _ = writeln!(
        out,
        "    <testcase name=\"{name}\" classname=\"{}\" file=\"{}\" line=\"{}\">",
        xml::escaped(diagnostic.rule),
        xml::escaped(&path),
        start.line
    );
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
    let text = xml::escaped(&format!("{place}: {}{help}", diagnostic.message));
    let _ = writeln!(
        out,
        "      <failure message=\"{}\" type=\"{}\">{text}</failure>\n    </testcase>",
        xml::escaped(&diagnostic.message),
        diagnostic.severity.name()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    #[test]
    fn a_finding_is_a_failed_test_case() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: ".gitlab-ci.yml", prefix: "" };
        let report = xml(&[found]);
        assert!(report.contains("<testsuites tests=\"1\" failures=\"1\" errors=\"0\">"));
        assert!(report.contains("file=\".gitlab-ci.yml\" line=\"5\""));
        assert!(report.contains("help: use port 2376</failure>"));
    }

    #[test]
    fn markup_and_control_characters_in_messages_keep_the_report_well_formed() {
        assert_eq!(xml::escaped("a<b & \"c\"\u{1}"), "a&lt;b &amp; &quot;c&quot;\u{fffd}");
    }

    #[test]
    fn no_findings_are_one_passed_test_case() {
        assert!(xml(&[]).contains("tests=\"1\" failures=\"0\""));
    }
}
