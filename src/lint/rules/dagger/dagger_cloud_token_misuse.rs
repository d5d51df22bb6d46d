//! DAG804: a cloud token of Dagger's that can't work on GitLab. Knows values in the files, not those in the project's settings.

use crate::detect::setting;
use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG804",
    name: "dagger-cloud-token-misuse",
    severity: Severity::Error,
    page: include_str!("dagger_cloud_token_misuse.md"),
    check,
};

const TOKEN: &str = "DAGGER_CLOUD_TOKEN";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, _) in context.jobs() {
        if let Some(token) = setting(job, TOKEN).filter(|token| token.text.eq_ignore_ascii_case("oidc")) {
            findings.add(
                RULE.at(token.span, format!("`{TOKEN}: oidc` works on GitHub alone"))
                    .help("remove it, and keep a token of Dagger Cloud as a masked variable in the project's settings")
                    .job(&job.name),
            );
        }
    }
}
