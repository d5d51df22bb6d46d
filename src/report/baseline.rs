//! Accepted findings as a file and back. Knows fingerprints, not how findings come about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::report::finding::Found;
use crate::report::fingerprint::fingerprints;

/// Findings that are accepted, as `--write-baseline` writes them.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this shape.
    pub version: u32,
    /// The accepted findings, by file and place.
    pub findings: Vec<Accepted>,
}

/// One accepted finding; only the fingerprint counts, the rest is for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// What a finding must equal.
    pub fingerprint: String,
    /// The rule's name.
    pub rule: String,
    /// The file.
    pub file: String,
}

impl Baseline {
    /// The baseline that accepts all of `found`.
    #[must_use]
    pub fn of(found: &[Found<'_>]) -> Self {
        let accepted = found.iter().zip(fingerprints(found)).map(|(found, fingerprint)| Accepted {
            fingerprint,
            rule: found.diagnostic.rule.to_owned(),
            file: found.path(found.diagnostic.span),
        });
        Self { version: 1, findings: accepted.collect() }
    }

    /// The baseline that `text` holds.
    ///
    /// # Errors
    /// A message with the place where `text` is not a baseline.
    pub fn parse(text: &str) -> Result<Self, String> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if baseline.version == 1 { Ok(baseline) } else { Err(format!("version {} is not known", baseline.version)) }
    }

    /// Those of `found` that this baseline does not accept.
    #[must_use]
    pub fn rest<'a>(&self, found: &[Found<'a>]) -> Vec<Found<'a>> {
        let accepted: BTreeSet<&str> = self.findings.iter().map(|accepted| accepted.fingerprint.as_str()).collect();
        let names = fingerprints(found);
        found.iter().zip(names).filter(|(_, name)| !accepted.contains(name.as_str())).map(|(found, _)| *found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    #[test]
    fn a_baseline_accepts_what_it_was_written_from_and_nothing_more() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: ".gitlab-ci.yml", prefix: "" };
        let text = serde_json::to_string(&Baseline::of(&[found])).unwrap();
        let baseline = Baseline::parse(&text).unwrap();
        assert!(baseline.rest(&[found]).is_empty());
        assert_eq!(baseline.rest(&[found, found]).len(), 1);
    }

    #[test]
    fn a_file_that_is_not_a_baseline_is_refused() {
        for text in ["[]", "{\"version\": 2, \"findings\": []}", "{\"version\": 1}"] {
            assert!(Baseline::parse(text).is_err(), "{text}");
        }
    }
}
