//! K8S308: tolerations of a runner with the effect at the wrong place. Knows the runner's notation, not which taints there are.

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::runner::Setting;

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S308",
    name: "runner-toleration-syntax",
    severity: Severity::Error,
    page: include_str!("runner_toleration_syntax.md"),
    check,
};

/// The effects of a taint; none stands for all of them.
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries() {
        let tolerations = entry.kubernetes().and_then(|section| section.table("node_tolerations"));
        for toleration in tolerations.iter().flat_map(|table| &table.settings) {
            findings.add_some(finding(context, toleration));
        }
    }
}

fn finding(context: &Context<'_>, toleration: &Setting) -> Option<Diagnostic> {
    let value = toleration.value.as_text()?;
    if value.contains("{{") || toleration.name.contains("{{") {
        return None;
    }
    if let Some((taint, effect)) = toleration.name.rsplit_once(':').filter(|(_, effect)| EFFECTS.contains(effect)) {
        let finding = RULE
            .at(toleration.key, format!("the effect `{effect}` is read as a part of the taint's value; Kubernetes refuses such a pod"))
            .help(format!("write `\"{taint}\" = \"{effect}\"`"));
        let quoted = context.slice(toleration.key) == format!("\"{}\"", toleration.name) && !taint.contains(['"', '\\']);
        let edits =
            vec![Edit::replace(toleration.key, format!("\"{taint}\"")), Edit::replace(toleration.value.span, format!("\"{effect}\""))];
        let fix = Fix { title: "make the effect the value".to_owned(), safety: Safety::Safe, edits };
        let agrees = value.is_empty() || value == effect;
        return Some(if quoted && agrees { finding.fix(fix) } else { finding });
    }
    if value.is_empty() || EFFECTS.contains(&value) {
        return None;
    }
    let finding = RULE.at(toleration.value.span, format!("`{value}` is no effect of a taint; Kubernetes refuses such a pod"));
    let meant = EFFECTS.iter().find(|effect| effect.eq_ignore_ascii_case(value));
    let help = meant.map_or_else(
        || "the key is `\"key=value\"`, the value `NoSchedule`, `PreferNoSchedule`, `NoExecute`, or empty for all of them".to_owned(),
        |effect| format!("write `{effect}`"),
    );
    Some(finding.help(help))
}
