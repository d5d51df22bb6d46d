//! A plan into text for people and JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::pipeline::context::Ref;
use crate::plan::{Effect, External, LeftOut, Need, Plan, PlannedJob, Reason, UnknownJob};
use crate::report::json::bytes;
use crate::source::{Sources, Span};

/// Most jobs that are listed one by one under a heading other than a stage.
const MOST_ROWS: usize = 40;
/// Most names of a group of jobs with the same reason.
const MOST_NAMES: usize = 5;

/// What a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the pipeline runs for.
    pub reference: &'a Ref,
    /// What was assumed in making it.
    pub assumptions: &'a [String],
    /// The files that its spans lie in.
    pub sources: &'a Sources,
    /// What stands before each path in text.
    pub prefix: &'a str,
}

impl Report<'_> {
    /// `plan --format json`.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let plan = self.plan;
        let value = json!({
            "version": 1,
            "event": plan.event.name(),
            "ref": self.reference.name(),
            "created": plan.created,
            "reason": plan.reason.as_ref().map(|reason| &reason.message),
            "reason_at": plan.reason.as_ref().and_then(|reason| reason.span).map(|span| self.place(span)),
            "stages": plan.stages,
            "jobs": plan.jobs.iter().map(|job| self.job(job)).collect::<Vec<_>>(),
            "left_out": plan.left_out.iter().map(|job| self.left_out(job)).collect::<Vec<_>>(),
            "unknown": plan.unknown.iter().map(|job| self.unknown(job)).collect::<Vec<_>>(),
            "unresolved_includes": plan.unresolved,
            "assumptions": self.assumptions,
            "problems": plan.problems.iter().map(|problem| json!({"id": problem.id, "message": problem.message, "at": self.place(problem.span)})).collect::<Vec<_>>(),
        });
        bytes(&value)
    }

    fn place(&self, span: Span) -> Json {
        json!({"file": self.sources.get(span.file).path(), "line": self.sources.start(span).line})
    }

    fn job(&self, job: &PlannedJob) -> Json {
        let mut value = json!({
            "name": job.name,
            "base": job.base,
            "stage": job.stage,
            "when": job.effect.when,
            "allow_failure": job.effect.allow_failure,
            "needs": job.needs.as_ref().map(|needs| needs.iter().map(|need| &need.job).collect::<Vec<_>>()),
            "rule": job.rule.map(|span| self.place(span)),
            "variables": job.variables,
            "file": self.sources.get(job.key.file).path(),
            "line": self.sources.start(job.key).line,
        });
        let members = value.as_object_mut().expect("an object was just made");
        if let Some(start_in) = &job.effect.start_in {
            members.insert("start_in".to_owned(), json!(start_in));
        }
        if let Some(trigger) = &job.trigger {
            let value =
                json!({"project": trigger.project, "branch": trigger.branch, "include": trigger.includes, "strategy": trigger.strategy});
            members.insert("trigger".to_owned(), value);
        }
        for (name, text) in [("environment", &job.environment), ("resource_group", &job.resource_group)] {
            if let Some(text) = text {
                members.insert(name.to_owned(), json!(text));
            }
        }
        if !job.tags.is_empty() {
            members.insert("tags".to_owned(), json!(job.tags));
        }
        if let Some(instance) = &job.instance {
            members.insert("parallel".to_owned(), json!({"index": instance.index, "total": instance.total}));
        }
        let optional: Vec<_> = job.needs.iter().flatten().filter(|need| need.optional).map(|need| &need.job).collect();
        if !optional.is_empty() {
            members.insert("optional_needs".to_owned(), json!(optional));
        }
        if !job.external.is_empty() {
            members.insert("external_needs".to_owned(), job.external.iter().map(external).collect());
        }
        value
    }

    fn left_out(&self, job: &LeftOut) -> Json {
        json!({"name": job.name, "why": job.why, "rule": job.rule.map(|span| self.place(span))})
    }

    fn unknown(&self, job: &UnknownJob) -> Json {
        let possible = job.possible.iter().map(|(effect, rule)| {
            json!({
                "when": effect.as_ref().map(|effect| &effect.when),
                "allow_failure": effect.as_ref().map(|effect| effect.allow_failure),
                "rule": rule.map(|span| self.place(span)),
            })
        });
        json!({"name": job.name, "base": job.base, "stage": job.stage, "why": job.why, "possible": possible.collect::<Vec<_>>()})
    }

    /// `plan --format text`, with ANSI colours or without.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let style = Style { colour };
        let mut out = String::new();
        let plan = self.plan;
        line(&mut out, format_args!("{}: {}", style.bold(&self.title()), self.verdict(style)));
        if plan.created == Some(false) && !plan.jobs.is_empty() {
            line(&mut out, format_args!("{}", style.dim("what would be in it:")));
        }
        for stage in &plan.stages {
            let jobs: Vec<&PlannedJob> = plan.jobs.iter().filter(|job| job.stage == *stage).collect();
            if jobs.is_empty() {
                continue;
            }
            line(&mut out, format_args!("\n{}", style.bold(stage)));
            let width = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or_default().min(48);
            for job in jobs {
                let rest = self.details(job);
                let name = format!("{:width$}", job.name);
                line(&mut out, format_args!("  {}", format!("{name}  {}", style.dim(&rest)).trim_end()));
            }
        }
        self.list(&mut out, style, "not known", plan.unknown.iter().map(|job| (&*job.name, job.why.clone(), None)).collect());
        self.list(&mut out, style, "left out", plan.left_out.iter().map(|job| (&*job.name, job.why.clone(), job.rule)).collect());
        self.list(
            &mut out,
            style,
            "includes that are not known",
            plan.unresolved.iter().map(|name| (&**name, String::new(), None)).collect(),
        );
        for problem in &plan.problems {
            line(
                &mut out,
                format_args!(
                    "\n{} {}",
                    style.red(&format!("{}[{}]:", problem.severity.name(), problem.id)),
                    self.located(&problem.message, Some(problem.span))
                ),
            );
        }
        for (index, assumption) in self.assumptions.iter().enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            line(&mut out, format_args!("{gap}{}", style.dim(&format!("assumed: {assumption}"))));
        }
        out
    }

    /// The event and what it is for.
    pub(super) fn title(&self) -> String {
        let event = match self.plan.event.name() {
            "mr" => "merge request",
            "parent_pipeline" => "child pipeline",
            other => other,
        };
        match self.reference {
            Ref::Branch(name) => format!("{event} on branch {name}"),
            Ref::Tag(name) if event == "tag" => format!("tag {name}"),
            Ref::Tag(name) => format!("{event} on tag {name}"),
            Ref::MergeRequest { source, target } => format!("{event} from {source} to {target}"),
        }
    }

    /// How many jobs are in, or why there is no pipeline, without colours.
    pub(super) fn plain_verdict(&self) -> String {
        self.verdict(Style { colour: false })
    }

    fn verdict(&self, style: Style) -> String {
        let plan = self.plan;
        let why = |reason: &Option<Reason>| reason.as_ref().map(|reason| self.located(&reason.message, reason.span)).unwrap_or_default();
        match plan.created {
            Some(true) => {
                let more = if plan.unknown.is_empty() { String::new() } else { format!(", {} not known", plan.unknown.len()) };
                let plural = if plan.jobs.len() == 1 { "" } else { "s" };
                format!("{} job{plural}{more}, {} left out", plan.jobs.len(), plan.left_out.len())
            }
            Some(false) => format!("{}: {}", style.red("no pipeline"), why(&plan.reason)),
            None => format!("perhaps a pipeline: {}", why(&plan.reason)),
        }
    }

    fn located(&self, message: &str, span: Option<Span>) -> String {
        span.map_or_else(
            || message.to_owned(),
            |span| format!("{message} ({}{}:{})", self.prefix, self.sources.get(span.file).path(), self.sources.start(span).line),
        )
    }

    /// How a job starts, what it needs, and the rule that let it in.
    pub(super) fn details(&self, job: &PlannedJob) -> String {
        let mut parts = Vec::new();
        parts.extend(effect(&job.effect));
        if let Some(needs) = &job.needs {
            let names: Vec<String> = self.grouped(needs).into_iter().chain(job.external.iter().map(external_text)).collect();
            parts.push(if names.is_empty() { "needs nothing".to_owned() } else { format!("needs {}", names.join(", ")) });
        }
        if let Some(trigger) = &job.trigger {
            let child = || format!("starts the child pipeline {}", trigger.includes.join(", "));
            parts.push(trigger.project.as_ref().map_or_else(child, |project| format!("starts a pipeline of {project}")));
        }
        if let Some(span) = job.rule {
            parts.push(format!("by the rule at {}{}:{}", self.prefix, self.sources.get(span.file).path(), self.sources.start(span).line));
        }
        parts.join(", ")
    }

    /// The needs, those of all jobs that `parallel` makes of one as its name and their number.
    fn grouped(&self, needs: &[Need]) -> Vec<String> {
        let bases: BTreeMap<&str, &str> = self.plan.jobs.iter().map(|job| (&*job.name, &*job.base)).collect();
        let base = |need: &Need| bases.get(&*need.job).copied();
        let groups = needs.chunk_by(|a, b| a.optional == b.optional && base(a).is_some() && base(a) == base(b));
        let total = |name: &str| self.plan.jobs.iter().filter(|job| *job.base == *name).count();
        groups
            .flat_map(|group| match base(&group[0]) {
                Some(name) if group.len() > 1 && group.len() == total(name) => vec![format!("{name} (all {})", group.len())],
                _ => group.iter().map(need).collect(),
            })
            .collect()
    }

    fn list(&self, out: &mut String, style: Style, title: &str, rows: Vec<(&str, String, Option<Span>)>) {
        if rows.is_empty() {
            return;
        }
        line(out, format_args!("\n{}", style.bold(title)));
        if rows.len() > MOST_ROWS {
            return self.grouped_rows(out, style, &rows);
        }
        let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default().min(48);
        for (name, why, span) in rows {
            let row = format!("{name:width$}  {}", style.dim(&self.located(&why, span)));
            line(out, format_args!("  {}", row.trim_end()));
        }
    }
}

impl Report<'_> {
    /// Many rows, by their reason: how many there are and the first of them.
    fn grouped_rows(&self, out: &mut String, style: Style, rows: &[(&str, String, Option<Span>)]) {
        let mut groups: IndexMap<&str, Vec<&str>> = IndexMap::new();
        for (name, why, _) in rows {
            groups.entry(why).or_default().push(name);
        }
        for (why, names) in groups {
            let shown = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(MOST_NAMES);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            line(out, format_args!("  {shown}{rest}  {}", style.dim(why)));
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}

fn effect(effect: &Effect) -> Option<String> {
    let mut text = match &*effect.when {
        "on_success" => String::new(),
        "delayed" => effect.start_in.as_ref().map_or_else(|| "delayed".to_owned(), |start_in| format!("delayed by {start_in}")),
        when => when.to_owned(),
    };
    if effect.allow_failure {
        text.push_str(if text.is_empty() { "may fail" } else { " (may fail)" });
    }
    Some(text).filter(|text| !text.is_empty())
}

fn need(need: &Need) -> String {
    if need.optional { format!("{} (optional)", need.job) } else { need.job.to_string() }
}

fn external_text(need: &External) -> String {
    let of = need.project.as_ref().or(need.pipeline.as_ref()).map(String::as_str).unwrap_or_default();
    need.job.as_ref().map_or_else(|| format!("the pipeline {of}"), |job| format!("{job} of {of}"))
}

fn external(need: &External) -> Json {
    json!({"project": need.project, "pipeline": need.pipeline, "job": need.job, "ref": need.reference})
}

#[derive(Clone, Copy)]
struct Style {
    colour: bool,
}

impl Style {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }
}
