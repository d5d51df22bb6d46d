//! DAG803: a client of Dagger, or a module, and an engine of another version. Knows the versions that the files name, not what runs elsewhere.

use crate::detect::dagger::{ENGINE, engine_call};
use crate::detect::setting;
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::reference::Reference;
use crate::lint::runners::Takers;
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG803",
    name: "dagger-engine-version-mismatch",
    severity: Severity::Error,
    page: include_str!("dagger_engine_version_mismatch.md"),
    check,
};

/// Major, minor and patch.
type Version = (u32, u32, u32);

/// The oldest client that engines since that version accept (dagger/dagger, `engine/version.go`).
const OLDEST_CLIENT: (u32, u32) = (0, 19);

fn check(context: &Context<'_>, findings: &mut Findings) {
    let module = module_version(context);
    for (job, _) in context.jobs().filter(|(_, facts)| engine_call(facts).is_some()) {
        let client = setting(job, "DAGGER_VERSION").filter(|version| version.is_known());
        for (engine, span) in engines(context, job) {
            if let Some((text, wanted)) = module.as_ref().filter(|(_, wanted)| *wanted > engine && !has_other_module(job)) {
                let message = format!("the engine is {}, and the module in `dagger.json` asks for {text} or later", shown(engine));
                findings.add(RULE.at(span, message).help(format!("use the engine {}", shown(*wanted))).job(&job.name));
            }
            let Some((client, version)) = client.as_ref().and_then(|client| Some((client, version(&client.text)?))) else { continue };
            if (version.0, version.1) == (engine.0, engine.1) {
                continue;
            }
            let refused = (version.0, version.1) < OLDEST_CLIENT && (engine.0, engine.1) >= OLDEST_CLIENT;
            let severity = if refused { Severity::Error } else { Severity::Warning };
            let finding = RULE
                .at(span, format!("the engine is {}, and the client that the job installs is {}", shown(engine), shown(version)))
                .help("use one version for both, that of `engineVersion` in your `dagger.json`")
                .label(client.span, "the client's version")
                .job(&job.name);
            findings.add(Diagnostic { severity, ..finding });
        }
    }
}

/// The engines of a fixed version that the job is told to start, by its own variable or by its runners, with the place.
fn engines(context: &Context<'_>, job: &Job) -> Vec<(Version, Span)> {
    if let Some(own) = setting(job, ENGINE) {
        return engine_version(&own.text).map(|version| (version, own.span)).into_iter().collect();
    }
    if job.variables.contains_key(ENGINE) || job.conditional.iter().any(|(name, _)| &**name == ENGINE) {
        return Vec::new();
    }
    let Some(takers) = Takers::of(context, job) else { return Vec::new() };
    let of = |entry: &'_ crate::runner::Entry| {
        let variables = entry.environment();
        let found = variables.iter().find(|variable| variable.name == ENGINE)?;
        Some((engine_version(found.value)?, found.span))
    };
    // Where one of the runners has another engine, the job may be meant for that.
    takers.entries.iter().map(|(_, entry)| of(entry)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The version in `image://registry.dagger.io/engine:v0.21.4`.
fn engine_version(host: &str) -> Option<Version> {
    let (scheme, image) = host.split_once("://")?;
    if !scheme.starts_with("image") && scheme != "docker-image" {
        return None;
    }
    version(Reference::parse(image.split('?').next()?)?.tag.as_deref()?)
}

/// What the module at the root of the repository asks for.
fn module_version(context: &Context<'_>) -> Option<(String, Version)> {
    let module: serde_json::Value = serde_json::from_str(&context.analysis.workspace.text("dagger.json").ok()?).ok()?;
    let text = module.get("engineVersion")?.as_str()?;
    Some((text.to_owned(), version(text)?))
}

/// Whether the job may call another module than that at the root.
fn has_other_module(job: &Job) -> bool {
    [" -m ", " --mod", "DAGGER_MODULE"].iter().any(|word| job.script.text.contains(word)) || job.variables.contains_key("DAGGER_MODULE")
}

/// `v0.21.4` or `0.21.4`; what has more or fewer parts, or other signs, isn't compared.
fn version(text: &str) -> Option<Version> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

fn shown((major, minor, patch): Version) -> String {
    format!("`v{major}.{minor}.{patch}`")
}
