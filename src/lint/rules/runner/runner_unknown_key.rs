//! RUN402: keys that are nearly the runner's. Knows the keys of two sections; what resembles none of them may be a newer runner's.

use super::keys::{DOCKER, GLOBAL, KUBERNETES, RESOURCES};
use crate::diagnostic::Severity;
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::runner::Table;

/// The rule.
pub static RULE: Rule =
    Rule { id: "RUN402", name: "runner-unknown-key", severity: Severity::Warning, page: include_str!("runner_unknown_key.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries() {
        for setting in entry.table.settings.iter().filter(|setting| GLOBAL.contains(&&*setting.name)) {
            let message = format!("`{}` has no effect in `[[runners]]`, and the runner says nothing", setting.name);
            findings.add(RULE.at(setting.key, message).help("write it at the top of the file, before the first table"));
        }
        if let Some(section) = entry.docker() {
            misspelt(context, section, "[runners.docker]", &DOCKER.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), findings);
        }
        if let Some(section) = entry.kubernetes() {
            misspelt(context, section, "[runners.kubernetes]", &kubernetes(), findings);
        }
    }
}

/// The keys of `[runners.kubernetes]` that a person may have meant.
fn kubernetes() -> Vec<String> {
    let resources = RESOURCES.iter().flat_map(|key| ["", "service_", "helper_"].map(|of| format!("{of}{key}")));
    KUBERNETES.iter().map(|key| (*key).to_owned()).chain(resources).collect()
}

fn misspelt(context: &Context<'_>, section: &Table, name: &str, keys: &[String], findings: &mut Findings) {
    for setting in &section.settings {
        let key = &setting.name;
        let known = keys.iter().any(|known| known.eq_ignore_ascii_case(key)) || key.contains("overwrite");
        let Some(meant) = meant(key, keys).filter(|meant| !known && section.get(meant).is_none()) else { continue };
        let finding = RULE
            .at(setting.key, format!("`{key}` is no key of `{name}`, and the runner says nothing about it"))
            .help(format!("did you mean `{meant}`?"));
        let fix = Fix { title: format!("write `{meant}`"), safety: Safety::Unsafe, edits: vec![Edit::replace(setting.key, meant)] };
        // In a section that is written once the key is, too.
        findings.add(if context.slice(setting.key) == key && setting.value.as_table().is_none() { finding.fix(fix) } else { finding });
    }
}

/// The key that differs from `key` by a slip: one letter, two in long words, or the kind of line between words.
fn meant<'a>(key: &str, keys: &'a [String]) -> Option<&'a str> {
    // What Kubernetes' manifests call so has a rule of its own.
    if key.contains(|letter: char| letter.is_ascii_uppercase()) {
        return None;
    }
    let alike = keys.iter().filter(|known| known.chars().next() == key.chars().next());
    let near = alike.map(|known| (strsim::damerau_levenshtein(key, known), &**known));
    let lines = keys.iter().find(|known| known.replace('_', "") == key.replace(['-', '_'], "")).map(|known| &**known);
    lines.or_else(|| near.filter(|(slips, known)| *slips <= if known.len() >= 10 { 2 } else { 1 }).min().map(|(_, known)| known))
}

#[cfg(test)]
mod tests {
    use super::{kubernetes, meant};

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let keys = kubernetes();
        for (key, expected) in [
            ("image_pull_secret", Some("image_pull_secrets")),
            ("node-selector", Some("node_selector")),
            ("privilege", Some("privileged")),
            ("service_memory_limt", Some("service_memory_limit")),
            ("pod_topology", None),
            ("hosts_file", None),
            ("gpu_limit", None),
        ] {
            assert_eq!(meant(key, &keys), expected, "{key}");
        }
    }
}
