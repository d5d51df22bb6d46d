//! SEC602: tokens, passwords and keys in plain text. Knows the forms of tokens, not whether one is still valid.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};
use crate::source::{FileId, Span};

/// The rule.
pub static RULE: Rule =
    Rule { id: "SEC602", name: "hard-coded-token", severity: Severity::Error, page: include_str!("hard_coded_token.md"), check };

/// What a token is called, and its form; the first group is the secret. GitLab's prefixes are listed at
/// <https://docs.gitlab.com/security/tokens/#token-prefixes>, others come from the vendors' documentation.
const FORMS: &[(&str, &str)] = &[
    ("GitLab personal access token", r"\b(glpat-(?:[0-9A-Za-z_-]{27,300}\.[0-9a-z]{9}|[0-9A-Za-z_-]{20}))\b"),
    ("GitLab deploy token", r"\b(gldt-[0-9A-Za-z_-]{20})\b"),
    ("GitLab runner token", r"\b((?:glrt|glrtr)-[0-9A-Za-z_-]{20,})"),
    ("GitLab runner registration token", r"\b(GR1348941[0-9A-Za-z_-]{20})\b"),
    ("GitLab trigger token", r"\b(glptt-[0-9a-f]{40})\b"),
    ("GitLab job token", r"\b(glcbt-[0-9A-Za-z]{1,5}_[0-9A-Za-z_-]{20})\b"),
    ("GitLab token", r"\b((?:glft|glimt|glsoat|glffct|glwt)-[0-9A-Za-z_-]{20,}|glagent-[0-9A-Za-z_-]{50}|gloas-[0-9a-f]{64})\b"),
    ("Docker Hub token", r"\b(dckr_(?:pat|oat)_[0-9A-Za-z_-]{20,})"),
    ("GitHub token", r"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{82})\b"),
    ("npm token", r"\b(npm_[0-9A-Za-z]{36})\b"),
    ("AWS access key", r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b"),
    ("AWS secret key", r#"(?i)aws_secret_access_key["']?\s*[:=]\s*["']?([0-9A-Za-z/+]{40})\b"#),
    ("Depot token", r"\b(depot_(?:org|project|user|oidc)_[0-9A-Za-z]{20,})\b"),
    ("Depot token", r#"\bDEPOT_TOKEN["']?\s*[:=]\s*["']?([0-9A-Za-z_.-]{16,})"#),
    ("Depot token", r#"\bdepot\b[^\n|;&#]*\s--token[ =]["']?([0-9A-Za-z_.-]{16,})"#),
    ("Dagger Cloud token", r"\b(dag_[a-z0-9-]+_[0-9A-Za-z-]{20,})"),
    ("Dagger Cloud token", r#"\bDAGGER_CLOUD_TOKEN["']?\s*[:=]\s*["']?([0-9A-Za-z_.-]{16,})"#),
    ("password in an address", r#"\bhttps?://([^\s:/$@"'%{<\[]+:[^\s@/$"'%{<\[*]{6,})@"#),
    ("registry password", r#"\\?"auth\\?"\s*:\s*\\?"([0-9A-Za-z+/]{10,}={0,2})\\?""#),
    ("private key", r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:\\n|\s)+[0-9A-Za-z+/=]{32,}"),
];

/// Words of values that only stand for a secret.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change-me",
    "your",
    "xxxx",
    "placeholder",
    "dummy",
    "redacted",
    "masked",
    "insert",
    "<",
    "password",
    "hunter2",
];
/// Bits of information in a character of something random, at least.
const LEAST_ENTROPY: f64 = 3.0;

fn check(context: &Context<'_>, findings: &mut Findings) {
    static PATTERNS: LazyLock<Vec<(&str, Regex)>> =
        LazyLock::new(|| FORMS.iter().map(|(kind, form)| (*kind, Regex::new(form).expect("a valid pattern"))).collect());
    for &file in &context.pipeline.pipeline.files {
        let text = context.analysis.documents.sources().get(file).text();
        let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
        for (kind, pattern) in PATTERNS.iter() {
            for found in pattern.captures_iter(text) {
                if let Some(range) =
                    secret(kind, &found).filter(|range| !seen.iter().any(|known| known.start < range.end && range.start < known.end))
                {
                    findings.add(RULE.at(place(file, &range), message(kind, &text[range.clone()])).help(HELP));
                    seen.push(range);
                }
            }
        }
    }
}

const HELP: &str = "revoke it, and store a new one as a masked variable in the project's settings";

fn place(file: FileId, range: &std::ops::Range<usize>) -> Span {
    Span::new(file, range.start, range.end)
}

/// The beginning of the secret is enough to find it; the rest must not reach a log.
fn message(kind: &str, secret: &str) -> String {
    let shown: String = secret.chars().take(6).collect();
    format!("{kind} in plain text: `{shown}…`")
}

fn secret(kind: &str, found: &Captures<'_>) -> Option<std::ops::Range<usize>> {
    let secret = found.get(1)?;
    let lower = secret.as_str().to_ascii_lowercase();
    let real = match kind {
        "private key" => true,
        "registry password" => is_user_and_password(secret.as_str()),
        "password in an address" => !is_placeholder(lower.split_once(':').map_or(&*lower, |(_, password)| password)),
        _ => entropy(secret.as_str()) >= LEAST_ENTROPY && !is_placeholder(&lower),
    };
    real.then(|| secret.range())
}

fn is_placeholder(lower: &str) -> bool {
    PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// Shannon's entropy of the characters, in bits for each.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX).max(1));
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / total).map(|share| -share * share.log2()).sum()
}

/// Whether base64 stands for `user:password` in printable text.
fn is_user_and_password(text: &str) -> bool {
    let decoded = crate::yaml::base64::decode(text.as_bytes());
    let Ok(decoded) = String::from_utf8(decoded) else { return false };
    let printable = decoded.chars().all(|letter| !letter.is_control());
    printable
        && decoded
            .split_once(':')
            .is_some_and(|(user, password)| !user.is_empty() && password.len() > 3 && !is_placeholder(&password.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::{entropy, is_user_and_password};

    #[test]
    fn repeated_characters_are_not_random() {
        assert!(entropy("xxxxxxxxxxxxxxxxxxxx") < 1.0);
        assert!(entropy("4f0c1d9be2a7483f9c51") > 3.0);
        assert!(entropy("").abs() < f64::EPSILON);
    }

    #[test]
    fn credentials_need_a_name_and_a_password() {
        assert!(is_user_and_password("Y2ktYm90OmszZXAwdXQtdzFsbA=="));
        assert!(!is_user_and_password("bm90aGluZyBvZiB0aGF0IGtpbmQ="));
    }
}
