//! SEC602: tokens, passwords and keys in plain text. Knows the forms of tokens, not whether one is still valid.

use std::sync::OnceLock;

use regex::{Captures, Regex};

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};
use crate::source::{FileId, Span};

/// The rule.
pub static RULE: Rule =
    Rule { id: "SEC602", name: "hard-coded-token", severity: Severity::Error, page: include_str!("hard_coded_token.md"), check };

/// How a kind of token is written.
struct Form {
    /// What it is called.
    kind: &'static str,
    /// A text with such a token has one of these; a pattern is compiled, which takes long, only when its file has.
    marks: &'static [&'static str],
    /// The first group is the secret.
    pattern: &'static str,
}

/// The forms of tokens. GitLab's prefixes are listed at
/// <https://docs.gitlab.com/security/tokens/#token-prefixes>, others come from the vendors' documentation.
const FORMS: &[Form] = &[
    Form {
        kind: "GitLab personal access token",
        marks: &["glpat-"],
        pattern: r"\b(glpat-(?:[0-9A-Za-z_-]{27,300}\.[0-9a-z]{9}|[0-9A-Za-z_-]{20}))\b",
    },
    Form { kind: "GitLab deploy token", marks: &["gldt-"], pattern: r"\b(gldt-[0-9A-Za-z_-]{20})\b" },
    Form { kind: "GitLab runner token", marks: &["glrt"], pattern: r"\b((?:glrt|glrtr)-[0-9A-Za-z_-]{20,})" },
    Form { kind: "GitLab runner registration token", marks: &["GR1348941"], pattern: r"\b(GR1348941[0-9A-Za-z_-]{20})\b" },
    Form { kind: "GitLab trigger token", marks: &["glptt-"], pattern: r"\b(glptt-[0-9a-f]{40})\b" },
    Form { kind: "GitLab job token", marks: &["glcbt-"], pattern: r"\b(glcbt-[0-9A-Za-z]{1,5}_[0-9A-Za-z_-]{20})\b" },
    Form {
        kind: "GitLab token",
        marks: &["glft-", "glimt-", "glsoat-", "glffct-", "glwt-", "glagent-", "gloas-"],
        pattern: r"\b((?:glft|glimt|glsoat|glffct|glwt)-[0-9A-Za-z_-]{20,}|glagent-[0-9A-Za-z_-]{50}|gloas-[0-9a-f]{64})\b",
    },
    Form { kind: "Docker Hub token", marks: &["dckr_"], pattern: r"\b(dckr_(?:pat|oat)_[0-9A-Za-z_-]{20,})" },
    Form {
        kind: "GitHub token",
        marks: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        pattern: r"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{82})\b",
    },
    Form { kind: "npm token", marks: &["npm_"], pattern: r"\b(npm_[0-9A-Za-z]{36})\b" },
    Form { kind: "AWS access key", marks: &["AKIA", "ASIA", "ABIA", "ACCA"], pattern: r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b" },
    Form {
        kind: "AWS secret key",
        marks: &["access_key", "ACCESS_KEY", "Access_Key"],
        pattern: r#"(?i)aws_secret_access_key["']?\s*[:=]\s*["']?([0-9A-Za-z/+]{40})\b"#,
    },
    Form { kind: "Depot token", marks: &["depot_"], pattern: r"\b(depot_(?:org|project|user|oidc)_[0-9A-Za-z]{20,})\b" },
    Form { kind: "Depot token", marks: &["DEPOT_TOKEN"], pattern: r#"\bDEPOT_TOKEN["']?\s*[:=]\s*["']?([0-9A-Za-z_.-]{16,})"# },
    Form { kind: "Depot token", marks: &["--token"], pattern: r#"\bdepot\b[^\n|;&#]*\s--token[ =]["']?([0-9A-Za-z_.-]{16,})"# },
    Form { kind: "Dagger Cloud token", marks: &["dag_"], pattern: r"\b(dag_[a-z0-9-]+_[0-9A-Za-z-]{20,})" },
    Form {
        kind: "Dagger Cloud token",
        marks: &["DAGGER_CLOUD_TOKEN"],
        pattern: r#"\bDAGGER_CLOUD_TOKEN["']?\s*[:=]\s*["']?([0-9A-Za-z_.-]{16,})"#,
    },
    Form { kind: "password in an address", marks: &["://"], pattern: r#"\bhttps?://([^\s:/$@"'%{<\[]+:[^\s@/$"'%{<\[*]{6,})@"# },
    Form { kind: "registry password", marks: &["auth"], pattern: r#"\\?"auth\\?"\s*:\s*\\?"([0-9A-Za-z+/]{10,}={0,2})\\?""# },
    Form { kind: "private key", marks: &["PRIVATE KEY"], pattern: r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:\\n|\s)+[0-9A-Za-z+/=]{32,}" },
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
    static PATTERNS: [OnceLock<Regex>; FORMS.len()] = [const { OnceLock::new() }; FORMS.len()];
    for &file in &context.pipeline.pipeline.files {
        let text = context.analysis.documents.sources().get(file).text();
        let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
        for (Form { kind, marks, pattern }, compiled) in FORMS.iter().zip(&PATTERNS) {
            if !marks.iter().any(|mark| text.contains(mark)) {
                continue;
            }
            let pattern = compiled.get_or_init(|| Regex::new(pattern).expect("a test compiles the pattern"));
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
    use super::{FORMS, Regex, entropy, is_user_and_password};

    #[test]
    fn patterns_compile_and_need_one_of_their_marks() {
        for form in FORMS {
            Regex::new(form.pattern).unwrap_or_else(|error| panic!("{}: {error}", form.kind));
            let stems = form.marks.iter().map(|mark| mark.to_ascii_lowercase());
            let pattern = form.pattern.to_ascii_lowercase();
            assert!(stems.into_iter().any(|stem| pattern.contains(stem.trim_end_matches(['-', '_']))), "{}", form.kind);
        }
    }

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
