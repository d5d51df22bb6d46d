//! REG501: a job's own `before_script` in place of the default one that logs in. Knows logins, not what a registry allows.

use crate::detect::registry::{Push, Registry, RegistryUse};
use crate::detect::variables::expand;
use crate::detect::{JobFacts, JobShell};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::Op;
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule};
use crate::pipeline::Job;
use crate::source::Span;
use crate::yaml::structure::{Page, scalar};
use crate::yaml::{Data, Entry, Step, Value};

/// The rule.
pub static RULE: Rule = Rule {
    id: "REG501",
    name: "login-lost-by-before-script",
    severity: Severity::Error,
    page: include_str!("login_lost_by_before_script.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let Some(default) = DefaultLogin::of(context) else { return };
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        if let Some(lost) = default.lost_in(job, facts) {
            findings.add(finding(context, &default, job, &lost));
        }
    }
}

fn finding(context: &Context<'_>, default: &DefaultLogin, job: &Job, lost: &Lost) -> Diagnostic {
    let message = match lost.override_at {
        Override::Own(_) => "this `before_script` replaces the default one, and with it the registry login that the push needs",
        Override::NotInherited => "without the default `before_script` the job has no registry login, which its push needs",
    };
    let span = match lost.override_at {
        Override::Own(span) => span,
        Override::NotInherited => job.own.as_mapping().and_then(|own| own.entry("inherit")).map_or(job.key, |entry| entry.key.span),
    };
    let finding = RULE
        .at(span, message)
        .help("add `- !reference [default, before_script]`, or the login line")
        .label(default.span, "the login that is lost")
        .label(lost.push.image, "pushed here")
        .job(&job.name);
    match fix(context, default, job) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// The default `before_script`, as far as it authenticates.
pub(super) struct DefaultLogin {
    /// The first item that logs in.
    span: Span,
    /// The hosts that it logs in to, as written.
    hosts: Vec<Option<String>>,
    /// The items that log in.
    items: Vec<String>,
    /// Whether it writes a credentials file, for whatever host.
    writes_file: bool,
}

/// A job that pushes without the login that the default has.
pub(super) struct Lost {
    push: Push,
    override_at: Override,
}

enum Override {
    Own(Span),
    NotInherited,
}

impl DefaultLogin {
    pub(super) fn of(context: &Context<'_>) -> Option<Self> {
        let root = &context.pipeline.pipeline.root;
        let value = root.get("default").and_then(|default| default.get("before_script")).or_else(|| root.get("before_script"))?;
        let mut found: Option<Self> = None;
        for item in commands(context, value, 0) {
            let Some(text) = item.as_str() else { continue };
            let shell = JobShell::of_text(text);
            let logins: Vec<_> =
                shell.steps.iter().filter_map(|step| step.operation.as_ref()).filter(|operation| operation.op == Op::Login).collect();
            let writes_file = text.contains("config.json") && (text.contains('>') || text.contains("cp ") || text.contains("mv "));
            if logins.is_empty() && !writes_file {
                continue;
            }
            let found = found.get_or_insert_with(|| Self { span: item.span, hosts: Vec::new(), items: Vec::new(), writes_file: false });
            found.hosts.extend(logins.iter().map(|login| login.registry().map(str::to_owned)));
            found.items.push(text.to_owned());
            found.writes_file |= writes_file;
        }
        found
    }

    /// The first push of `job` that this login would have served.
    pub(super) fn lost_in(&self, job: &Job, facts: &JobFacts) -> Option<Lost> {
        let override_at = match job.config.entry("before_script") {
            Some(entry) if is_default(entry) => return None,
            Some(entry) => Override::Own(entry.key.span),
            None => Override::NotInherited,
        };
        let registries = RegistryUse::of(job, facts);
        let push = registries.pushes.iter().find(|push| registries.lacks(&push.registry) && self.serves(job, &push.registry))?;
        Some(Lost { push: push.clone(), override_at })
    }

    fn serves(&self, job: &Job, registry: &Registry) -> bool {
        let host = |host: &Option<String>| Registry::of_login(host.as_deref().map(|host| expand(job, host)).as_deref());
        self.writes_file || self.hosts.iter().any(|login| !host(login).surely_differs(registry))
    }
}

fn is_default(entry: &Entry) -> bool {
    let steps = std::iter::successors(entry.via.as_deref(), |via| via.next.as_deref());
    steps.chain(entry.value.steps()).any(|via| via.step == Step::Default)
}

/// The string items of a command list, references to other lists followed.
fn commands<'a>(context: &Context<'a>, value: &'a Value, depth: usize) -> Vec<&'a Value> {
    const DEEPEST: usize = 5;
    match &value.data {
        Data::Sequence(items) if depth < DEEPEST => items.iter().flat_map(|item| commands(context, item, depth + 1)).collect(),
        Data::Reference(path) if depth < DEEPEST => {
            let mut keys = path.iter().filter_map(Value::as_str);
            let first = keys.next().and_then(|key| context.pipeline.pipeline.root.get(key));
            let target = keys.try_fold(first, |value, key| value.map(|value| value.get(key))).flatten();
            target.map(|target| commands(context, target, depth + 1)).unwrap_or_default()
        }
        Data::String(_) => vec![value],
        Data::Sequence(_)
        | Data::Reference(_)
        | Data::Null
        | Data::Bool(_)
        | Data::Integer(_)
        | Data::Float(_)
        | Data::Symbol(_)
        | Data::Mapping(_) => Vec::new(),
    }
}

/// The login lines at the head of the job's list, where that is written in the job alone.
fn fix(context: &Context<'_>, default: &DefaultLogin, job: &Job) -> Option<Fix> {
    let entry = job.config.entry("before_script").filter(|entry| entry.via.is_none() && entry.value.via.is_none())?;
    let first = entry.value.as_sequence()?.first().filter(|first| first.via.is_none())?;
    let one_line = default.items.iter().all(|item| !item.trim_end().contains('\n'));
    if default.writes_file || !one_line {
        return None;
    }
    let file = first.span.file;
    let page = Page { tree: context.tree(file)?, source: context.analysis.documents.sources().get(file) };
    let lines: Vec<String> = default.items.iter().map(|item| scalar(item.trim_end())).collect();
    let edits = page.insert_items_before(first.node, &lines).ok()?;
    let safety = if default.items.iter().all(|item| reads_predefined_alone(item)) { Safety::Safe } else { Safety::Unsafe };
    Some(Fix { title: "log in as the default `before_script` does".to_owned(), safety, edits })
}

/// Whether every variable in `text` is one that GitLab sets for the project's registry.
fn reads_predefined_alone(text: &str) -> bool {
    text.split('$').skip(1).all(|behind| {
        let name = behind.trim_start_matches('{');
        ["CI_REGISTRY", "CI_JOB_TOKEN"].iter().any(|known| name.starts_with(known))
    })
}
