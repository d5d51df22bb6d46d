//! SEC604: secrets as build arguments. Knows names of variables, not the Dockerfile.

use std::sync::LazyLock;

use regex::Regex;

use crate::detect::registry::word_place;
use crate::detect::secret::is_secret_name;
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Flag, Tool};
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule =
    Rule { id: "SEC604", name: "secret-in-build-arg", severity: Severity::Error, page: include_str!("secret_in_build_arg.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (operation, step) in facts.own_operations() {
            for flag in operation.operation.flags_named("build-arg") {
                let Some((secret, at)) = secret(flag).zip(flag.value_at) else { continue };
                // Beside the key itself its name says nothing more.
                if is_identifier(secret) && operation.operation.flags_named("build-arg").filter_map(self::secret).any(is_key) {
                    continue;
                }
                let span = word_place(job, operation.section, step, at.0, flag.value.as_deref().unwrap_or_default());
                let span = behind_flag(context, span, flag);
                let message = format!("`{secret}` becomes part of the image's history and of the build cache");
                let help = match operation.operation.tool {
                    Tool::Kaniko => "kaniko has no secret mounts: build with BuildKit, and hand it over with `--secret`".to_owned(),
                    _ => format!(
                        "hand it over with `--secret id={0},env={0}`, and mount it in the Dockerfile's `RUN`",
                        secret.to_ascii_uppercase()
                    ),
                };
                let severity = if secret == "CI_JOB_TOKEN" || is_identifier(secret) { Severity::Warning } else { Severity::Error };
                findings.add(Diagnostic { severity, ..RULE.at(span, message).help(help).job(&job.name) });
            }
        }
    }
}

/// Whether the name is that of an access key, which a secret key of another name belongs to.
fn is_identifier(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    (upper.ends_with("ACCESS_KEY") || upper.ends_with("ACCESS_KEY_ID")) && !is_key(name)
}

fn is_key(name: &str) -> bool {
    name.to_ascii_uppercase().contains("SECRET")
}

/// The part of `--build-arg=NAME=value` behind the first `=`.
fn behind_flag(context: &Context<'_>, span: crate::source::Span, flag: &Flag) -> crate::source::Span {
    let joined = flag.words.len() == 1 && context.slice(span).starts_with("--build-arg=");
    if joined { crate::source::Span { start: span.start + 12, ..span } } else { span }
}

/// The name of the secret that an argument hands over: its own, or that of a variable in its value.
fn secret(flag: &Flag) -> Option<&str> {
    static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}").expect("a valid pattern"));
    let text = flag.value.as_deref()?;
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    if value == Some("") || name.contains("${") {
        return None;
    }
    let variables =
        || value.into_iter().flat_map(|value| VARIABLE.captures_iter(value)).filter_map(|found| found.get(1)).map(|name| name.as_str());
    if variables().any(|variable| variable == "CI_JOB_TOKEN") {
        return Some("CI_JOB_TOKEN");
    }
    let public_name = crate::detect::secret::is_public_name(name);
    if is_secret_name(name) {
        return Some(name);
    }
    variables().find(|variable| is_secret_name(variable)).filter(|_| !public_name)
}
