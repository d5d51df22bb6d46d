//! Findings into names that survive edits elsewhere in the file. Knows neither baselines nor Code Quality, which both use them.

use std::collections::HashMap;

use crate::checksum::sha256;
use crate::report::finding::Found;

/// A fingerprint for each finding, in their order: SHA-256 in hexadecimal of rule, file, the finding's first line without
/// surrounding and repeated blanks, and how many equal findings came before it.
#[must_use]
pub fn fingerprints(found: &[Found<'_>]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut name = |found: &Found<'_>| {
        let identity = identity(found);
        let occurrence = seen.entry(identity.clone()).or_default();
        *occurrence += 1;
        sha256(&format!("{identity}\0{occurrence}"))
    };
    found.iter().map(&mut name).collect()
}

fn identity(found: &Found<'_>) -> String {
    let file = found.sources.get(found.diagnostic.span.file);
    let line = &file.text()[file.line_range(file.line_index(found.diagnostic.span.start as usize))];
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}\0{}{}\0{line}", found.diagnostic.rule, found.prefix, file.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    fn first_of(text: &str) -> String {
        let (sources, diagnostic) = example(text);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: "", prefix: "" };
        fingerprints(&[found, found]).swap_remove(0)
    }

    #[test]
    fn lines_above_and_indentation_do_not_change_a_fingerprint() {
        assert_eq!(first_of(TEXT), first_of(&format!("# a comment more\n\n{TEXT}")));
        assert_eq!(first_of(TEXT), first_of(&TEXT.replace("    DOCKER_HOST", "      DOCKER_HOST")));
        assert_ne!(first_of(TEXT), first_of(&TEXT.replace("DOCKER_HOST:", "OTHER:")));
    }

    #[test]
    fn two_findings_on_equal_lines_have_different_fingerprints() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: "", prefix: "" };
        let names = fingerprints(&[found, found]);
        assert_ne!(names[0], names[1]);
    }
}
