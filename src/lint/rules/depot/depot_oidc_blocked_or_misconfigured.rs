//! DEP710: GitLab's ID token for Depot that the client doesn't come to use. Knows the client's order of tokens, not what Depot's side accepts.

use crate::detect::installer::Installer;
use crate::detect::{JobFacts, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Value};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP710",
    name: "depot-oidc-blocked-or-misconfigured",
    severity: Severity::Warning,
    page: include_str!("depot_oidc_blocked_or_misconfigured.md"),
    check,
};

/// The variable that the client reads in a GitLab job (depot/cli, `pkg/oidc/gitlab.go`).
const ID_TOKEN: &str = "DEPOT_OIDC_TOKEN";
/// A token that goes before it (depot/cli, `pkg/helpers/token.go`).
const TOKEN: &str = "DEPOT_TOKEN";
/// The first version of the client that reads [`ID_TOKEN`].
const READS_ID_TOKEN: [u32; 3] = [2, 101, 68];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let asks = |operation: Op| matches!(operation, Op::Build | Op::Bake | Op::Push | Op::Pull);
        let uses_depot = facts.operations.iter().any(|found| found.operation.tool == Tool::Depot && asks(found.operation.op));
        let Some(tokens) = job.config.get("id_tokens").and_then(Value::as_mapping).filter(|_| uses_depot) else { continue };
        findings.add_some(match tokens.entry(ID_TOKEN) {
            Some(entry) => overruled(job, entry).or_else(|| too_old(job, facts)),
            None => misnamed(job, facts, tokens),
        });
    }
}

/// `DEPOT_TOKEN` beside the ID token, which the client then never reads.
fn overruled(job: &Job, entry: &Entry) -> Option<Diagnostic> {
    let token = setting(job, TOKEN).filter(|token| !token.text.is_empty())?;
    let message = format!("Depot takes `{TOKEN}` before `{ID_TOKEN}`, so that the ID token of this job is never used");
    let help = format!("remove `{TOKEN}` here and in the project's settings, or the ID token");
    Some(RULE.at(token.span, message).label(entry.key.span, "this token has no effect").help(help).job(&job.name))
}

/// A client from before the ID token was read.
fn too_old(job: &Job, facts: &JobFacts) -> Option<Diagnostic> {
    let (version, span) = installed(job, facts).or_else(|| of_image(facts))?;
    let numbers: Vec<u32> = version.trim_start_matches('v').split('.').map_while(|part| part.parse().ok()).collect();
    let old = numbers.len() == READS_ID_TOKEN.len() && numbers.as_slice() < READS_ID_TOKEN.as_slice();
    let message = format!("Depot {version} does not read `{ID_TOKEN}`; 2.101.68 is the first version that does");
    old.then(|| RULE.at(span, message).help("use a newer version").job(&job.name))
}

/// The version that the installer is told to fetch: `sh -s 2.100.0`.
fn installed(job: &Job, facts: &JobFacts) -> Option<(String, Span)> {
    let shell = facts.shell.as_ref()?;
    let installer = Installer::all(shell).find(|installer| installer.address("depot.dev/install-cli.sh").is_some())?;
    let argument = installer.run.invocation.argv().iter().skip(1).find(|argument| argument.value.constant().is_some_and(is_version))?;
    Some((argument.value.constant()?.to_owned(), job.place(&job.script, argument.range.range())))
}

fn of_image(facts: &JobFacts) -> Option<(String, Span)> {
    let image = facts.image.as_ref().filter(|image| image.program().is_some_and(|program| program.program == "depot"))?;
    let (_, tag) = image.name_and_tag();
    is_version(tag).then(|| (tag.to_owned(), image.image.name.span))
}

fn is_version(text: &str) -> bool {
    text.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()) && text.contains('.')
}

/// An ID token for Depot under a name that nothing in the job reads.
fn misnamed(job: &Job, facts: &JobFacts, tokens: &Mapping) -> Option<Diagnostic> {
    let by_flag = facts.operations.iter().any(|found| found.operation.tool == Tool::Depot && found.operation.flag("token").is_some());
    if job.variables.contains_key(TOKEN) || by_flag || !facts.opaque.is_empty() || job.script.text.contains(ID_TOKEN) {
        return None;
    }
    let (name, entry) = tokens.named().find(|(_, entry)| is_for_depot(&entry.value))?;
    let is_read = |text: &str| text.contains(name);
    let by_variable = job.variables.values().any(|variable| variable.text().is_some_and(|text| is_read(&text)));
    if is_read(&job.script.text) || is_read(&job.after_script.text) || by_variable {
        return None;
    }
    let message = format!("Depot reads its ID token from `{ID_TOKEN}`, and nothing in this job reads `{name}`");
    let edits = vec![Edit::replace(entry.key.span, ID_TOKEN)];
    let finding = RULE.at(entry.key.span, message).help(format!("call the token `{ID_TOKEN}`")).job(&job.name);
    Some(finding.fix(Fix { title: format!("call the token `{ID_TOKEN}`"), safety: Safety::Unsafe, edits }))
}

/// Whether the token's audience is Depot.
fn is_for_depot(token: &Value) -> bool {
    let names = |value: &Value| value.scalar_text().is_some_and(|text| text.contains("depot.dev"));
    token.get("aud").is_some_and(|audience| names(audience) || audience.as_sequence().is_some_and(|items| items.iter().any(names)))
}
