//! PIP1119: variables that refer to each other in a circle. Knows names and references, not values.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::expansion::references;
use crate::pipeline::{Job, Variable};

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1119", name: "circular-variables", severity: Severity::Error, page: include_str!("circular_variables.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for job in &context.pipeline.pipeline.jobs {
        if let Some(circle) = circle(job) {
            let place = circle.iter().filter_map(|name| job.variables.get(*name)?.value()).map(|value| value.span).max();
            let names: Vec<String> = circle.iter().chain(circle.first()).map(|name| format!("`{name}`")).collect();
            let message = format!("variables refer to each other in a circle: {}", names.join(" → "));
            let finding = RULE.at(place.unwrap_or(job.key), message).job(&job.name);
            findings.add(finding.help("give one of them a value that does not depend on the others"));
        }
    }
}

/// The names of the first circle of two variables or more, from the one that comes first in the alphabet on. One that refers to itself is none: it stays as it is written.
fn circle(job: &Job) -> Option<Vec<&str>> {
    let texts: BTreeMap<&str, String> = job.variables.iter().filter_map(|(name, variable)| Some((&**name, expanding(variable)?))).collect();
    let targets = |name: &str| -> Vec<&str> {
        let text = texts.get(name).map(String::as_str).unwrap_or_default();
        references(text).filter(|other| *other != name).filter_map(|other| texts.get_key_value(other)).map(|(name, _)| *name).collect()
    };
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in texts.keys() {
        let mut path: Vec<(&str, Vec<&str>)> = vec![(start, targets(start))];
        while let Some((name, open)) = path.last_mut() {
            let Some(next) = open.pop() else {
                done.insert(name);
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(name, _)| *name == next) {
                let mut names: Vec<&str> = path[at..].iter().map(|(name, _)| *name).collect();
                let first = (0..names.len()).min_by_key(|index| names[*index]).unwrap_or_default();
                names.rotate_left(first);
                return Some(names);
            }
            if !done.contains(next) {
                path.push((next, targets(next)));
            }
        }
    }
    None
}

/// The text, where GitLab looks for variables in it.
fn expanding(variable: &Variable) -> Option<String> {
    variable.text().filter(|text| variable.expands() && text.contains(['$', '%']))
}
