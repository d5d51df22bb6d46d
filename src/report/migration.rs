//! What a migration would change, as diff, JSON, Markdown and a summary for people. Knows the names that scripts rely on, not how a rewrite comes about.

use std::fmt::Write;

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use crate::detect::{Verdict, reason};
use crate::migrate::Target;
use crate::migrate::module::Engine;
use crate::prove::{FileChange, Migration, Outcome};
use crate::report::diff::unified;
use crate::report::inspect::{Reason, not_known};
pub use crate::report::manual::ManualStep;
use crate::report::manual::{manual, manual_for_module};

/// What `migrate --report json` prints.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MigrationReport {
    /// The version of this shape.
    pub version: u32,
    /// The target's name.
    pub target: String,
    /// The target's name as people write it.
    #[serde(skip)]
    pub title: String,
    /// All jobs, in the order of the pipeline.
    pub jobs: Vec<MigratedJob>,
    /// The files that change or come into being, by path.
    pub files: Vec<ChangedFile>,
    /// What a person has to do besides.
    pub manual: Vec<ManualStep>,
    /// What was taken for granted.
    pub assumptions: Vec<Assumption>,
    /// Whether jobs change and none of them builds remotely afterwards; people are told.
    #[serde(skip)]
    pub only_daemons_go: bool,
    /// Whether jobs become functions, Docker or not; people are told.
    #[serde(skip)]
    pub functions: bool,
    /// How many of what.
    pub totals: Totals,
}

/// One entry of `jobs`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct MigratedJob {
    /// Its name.
    pub name: String,
    /// `full`, `partial`, `blocked`, `done` or `none`.
    pub verdict: String,
    /// Whether the rewrite touches it.
    pub changed: bool,
    /// Why not, or why not fully.
    pub reasons: Vec<Reason>,
}

/// One entry of `files`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChangedFile {
    /// From the root of the workspace.
    pub path: String,
    /// `edit` or `create`.
    pub action: &'static str,
    /// How many edits an existing file gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edits: Option<usize>,
    /// Why each place changes, by line of the file as it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangedPlace>,
    /// The unified diff.
    pub diff: String,
}

/// One entry of `changes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChangedPlace {
    /// 1-based, in the file as it was.
    pub line: usize,
    /// A fragment.
    pub why: String,
}

impl ChangedFile {
    /// The entry of a file that `edits` edits turn from `before` into `after`; without `before` it is new.
    #[must_use]
    pub fn new(path: &str, before: Option<&str>, after: &str, edits: usize) -> Self {
        let (action, edits) = if before.is_some() { ("edit", Some(edits)) } else { ("create", None) };
        Self { path: path.to_owned(), action, edits, changes: Vec::new(), diff: unified(path, before, after) }
    }

    fn of(file: &FileChange) -> Self {
        let changes = file.motives.iter().map(|(line, why)| ChangedPlace { line: *line, why: why.clone() }).collect();
        Self { changes, ..Self::new(&file.path, file.before.as_deref(), &file.after, file.edits) }
    }
}

/// One entry of `assumptions`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Assumption {
    /// The registered code.
    pub code: String,
    /// What was assumed.
    pub message: String,
    /// The jobs that rely on it.
    pub jobs: Vec<String>,
}

/// How many jobs there are, how many use Docker, and their verdicts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Totals {
    /// All jobs.
    pub jobs: usize,
    /// Those that use Docker.
    pub docker_jobs: usize,
    /// Verdict `full`.
    pub full: usize,
    /// Verdict `partial`.
    pub partial: usize,
    /// Verdict `blocked`.
    pub blocked: usize,
}

impl MigrationReport {
    /// The report of a proven migration to a remote builder.
    #[must_use]
    pub fn of(migration: &Migration, target: &Target) -> Self {
        let docker_jobs = |job: &Outcome| job.verdict != Verdict::None;
        Self::new(migration, &target.manifest.name, &target.manifest.title, manual(migration, target), &docker_jobs)
    }

    /// The report of a proven module.
    #[must_use]
    pub fn of_module(migration: &Migration, engine: Engine) -> Self {
        let docker_jobs = |job: &Outcome| migration.before.pipelines[job.id.pipeline].facts[job.id.job].flow.verdict != Verdict::None;
        let mut report = Self::new(migration, "dagger", "Dagger", manual_for_module(migration, engine), &docker_jobs);
        report.functions = true;
        report
    }

    fn new(migration: &Migration, target: &str, title: &str, manual: Vec<ManualStep>, is_docker: &dyn Fn(&Outcome) -> bool) -> Self {
        let sources = migration.before.documents.sources();
        let mut jobs: IndexSet<MigratedJob> = IndexSet::new();
        let mut docker_jobs = 0;
        for job in &migration.jobs {
            let migrated = MigratedJob {
                name: job.name.clone(),
                verdict: verdict(job.verdict).to_owned(),
                changed: job.changed.is_some(),
                reasons: job.reasons.iter().map(|reason| Reason::new(reason, sources)).collect(),
            };
            // A file that two entries include shows its jobs in both.
            docker_jobs += usize::from(jobs.insert(migrated) && is_docker(job));
        }
        let jobs: Vec<MigratedJob> = jobs.into_iter().collect();
        let count = |name: &str| jobs.iter().filter(|job| job.verdict == name).count();
        let totals = Totals { jobs: jobs.len(), docker_jobs, full: count("full"), partial: count("partial"), blocked: count("blocked") };
        let files = migration.files.iter().map(ChangedFile::of).collect();
        let mut changed = migration.jobs.iter().filter_map(|job| job.changed.as_ref()).peekable();
        let only_daemons_go = changed.peek().is_some() && changed.all(|changed| !changed.uses_target);
        Self {
            version: 1,
            target: target.to_owned(),
            title: title.to_owned(),
            jobs,
            files,
            manual,
            assumptions: assumptions(migration),
            only_daemons_go,
            functions: false,
            totals,
        }
    }

    /// The diffs of all files, for `git apply`.
    #[must_use]
    pub fn diff(&self) -> String {
        self.files.iter().map(|file| file.diff.as_str()).collect()
    }

    /// What the diff does not say: verdicts, what stays and why, steps, assumptions and totals.
    /// `prefix` stands before every path: the root as seen from where the reader is.
    #[must_use]
    pub fn summary(&self, prefix: &str) -> String {
        let mut out = String::new();
        for job in self.jobs.iter().filter(|job| !job.reasons.is_empty() && !job.is_unknown()) {
            let what = match (job.changed, job.verdict.as_str()) {
                (false, _) => ", left as it is",
                (true, "partial") if self.functions => ", moved as it was asked for",
                (true, "partial") => ", its builds move and its daemon stays",
                (true, _) => "",
            };
            let _ = writeln!(out, "{}: {}{what}", job.name, job.verdict);
            for reason in &job.reasons {
                let _ = writeln!(out, "  {}{} [{}]", place(prefix, reason), reason.message, reason.code);
            }
        }
        push_section(
            &mut out,
            "assumptions",
            self.assumptions.iter().map(|assumption| format!("{}{}", assumption.message, for_jobs(&assumption.jobs))),
        );
        push_section(&mut out, "to do by hand", self.manual.iter().map(|step| format!("{}: {}", step.title, step.why)));
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{}", self.words());
        out
    }

    /// The totals, with the jobs of which it is not known whether they use Docker, and with what a reader of the diff might miss in it.
    fn words(&self) -> String {
        if self.functions {
            let moved = self.jobs.iter().filter(|job| job.changed).count();
            return format!("{moved} of {} jobs become functions", self.totals.jobs);
        }
        let moves = if self.only_daemons_go { "; no build moves, the jobs only lose their daemon" } else { "" };
        self.totals.words() + &not_known(self.jobs.iter().filter(|job| job.is_unknown()).count()) + moves
    }

    /// The report as Markdown, for the description of a merge request.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("# Migration to {}\n\n{}\n", self.title, self.words());
        out.push_str("\n## Jobs\n\n| job | verdict | changed | reasons |\n|---|---|---|---|\n");
        for job in &self.jobs {
            let reasons: Vec<String> =
                job.reasons.iter().map(|reason| format!("{}{} (`{}`)", place("", reason), reason.message, reason.code)).collect();
            let changed = if job.changed { "yes" } else { "no" };
            let _ = writeln!(out, "| {} | {} | {changed} | {} |", cell(&job.name), job.verdict, cell(&reasons.join("; ")));
        }
        let why =
            |file: &ChangedFile| file.changes.iter().map(|place| format!("\n  - line {}: {}", place.line, place.why)).collect::<String>();
        push_markdown_list(&mut out, "Files", self.files.iter().map(|file| format!("- `{}` ({}){}", file.path, file.action, why(file))));
        push_markdown_list(&mut out, "To do by hand", self.manual.iter().map(|step| format!("- [ ] {}: {}", step.title, step.why)));
        let assumptions = self.assumptions.iter().map(|assumption| format!("- {}{}", assumption.message, for_jobs(&assumption.jobs)));
        push_markdown_list(&mut out, "Assumptions", assumptions);
        if !self.files.is_empty() {
            let diff = self.diff();
            let fence = fence(&diff);
            let _ = write!(out, "\n## Diff\n\n{fence}diff\n{diff}{fence}\n");
        }
        out
    }
}

impl MigratedJob {
    /// Whether nothing at hand uses Docker, but something that is not at hand may.
    fn is_unknown(&self) -> bool {
        self.verdict == "none" && self.reasons.iter().any(|reason| reason.code == reason::MISSING_CONFIGURATION)
    }
}

impl Totals {
    /// `3 of 9 jobs use Docker: 2 full, 1 partial, 0 blocked`.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { jobs, docker_jobs, full, partial, blocked } = self;
        format!("{docker_jobs} of {jobs} jobs use Docker: {full} full, {partial} partial, {blocked} blocked")
    }
}

fn place(prefix: &str, reason: &Reason) -> String {
    match (&reason.file, reason.line) {
        (Some(file), Some(line)) => format!("{prefix}{file}:{line}: "),
        (Some(file), None) => format!("{prefix}{file}: "),
        (None, _) => String::new(),
    }
}

fn for_jobs(jobs: &[String]) -> String {
    if jobs.is_empty() { String::new() } else { format!(" ({})", jobs.join(", ")) }
}

fn push_section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(out, "{title}:");
        }
        let _ = writeln!(out, "  - {line}");
    }
}

fn push_markdown_list(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = write!(out, "\n## {title}\n\n");
        }
        let _ = writeln!(out, "{line}");
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A fence that is longer than every run of backticks in `text`.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Full => "full",
        Verdict::Partial => "partial",
        Verdict::Blocked => "blocked",
        Verdict::Done => "done",
        Verdict::None => "none",
    }
}

fn assumptions(migration: &Migration) -> Vec<Assumption> {
    let mut jobs: IndexMap<(&str, &str), IndexSet<&str>> = IndexMap::new();
    for job in &migration.jobs {
        for (code, message) in job.changed.iter().flat_map(|changed| &changed.assumptions) {
            jobs.entry((*code, message.as_str())).or_default().insert(&job.name);
        }
    }
    let assumption = |((code, message), jobs): ((&str, &str), IndexSet<&str>)| Assumption {
        code: code.to_owned(),
        message: message.to_owned(),
        jobs: jobs.into_iter().map(str::to_owned).collect(),
    };
    jobs.into_iter().map(assumption).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> MigrationReport {
        let reason = Reason {
            code: "runs-built-image".into(),
            message: "`docker run` needs it".into(),
            file: Some("ci.yml".into()),
            line: Some(12),
        };
        MigrationReport {
            version: 1,
            target: "depot".into(),
            title: "Depot".into(),
            jobs: vec![
                MigratedJob { name: "build".into(), verdict: "full".into(), changed: true, reasons: Vec::new() },
                MigratedJob { name: "a|b".into(), verdict: "partial".into(), changed: false, reasons: vec![reason] },
            ],
            files: vec![ChangedFile::new("ci.yml", Some("a: ```\n"), "b: ```\n", 1), ChangedFile::new("depot.json", None, "{}\n", 0)],
            manual: vec![ManualStep {
                code: "variable".into(),
                title: "Create a token".into(),
                why: "build needs it".into(),
                ..ManualStep::default()
            }],
            assumptions: vec![Assumption { code: "x".into(), message: "the registry is reachable".into(), jobs: vec!["build".into()] }],
            only_daemons_go: false,
            functions: false,
            totals: Totals { jobs: 9, docker_jobs: 2, full: 1, partial: 1, blocked: 0 },
        }
    }

    #[test]
    fn the_summary_says_what_stays_what_to_do_and_what_was_assumed() {
        let expected = "\
a|b: partial, left as it is
  ci.yml:12: `docker run` needs it [runs-built-image]
assumptions:
  - the registry is reachable (build)
to do by hand:
  - Create a token: build needs it

2 of 9 jobs use Docker: 1 full, 1 partial, 0 blocked
";
        assert_eq!(report().summary(""), expected);
    }

    #[test]
    fn a_migration_that_moves_no_build_says_so() {
        let report = MigrationReport { only_daemons_go: true, ..report() };
        let end = "1 full, 1 partial, 0 blocked; no build moves, the jobs only lose their daemon\n";
        assert!(report.summary("").ends_with(end), "{}", report.summary(""));
        assert!(!serde_json::to_string(&report).unwrap().contains("daemons"));
    }

    #[test]
    fn markdown_escapes_names_and_fences_the_diff() {
        let text = report().markdown();
        assert!(text.contains("| a\\|b | partial | no |"), "{text}");
        assert!(text.contains("\n````diff\n--- a/ci.yml\n"), "{text}");
    }

    #[test]
    fn a_new_file_is_created_and_has_no_count_of_edits() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["files"][0]["edits"], 1);
        assert_eq!(json["files"][1]["action"], "create");
        assert!(json["files"][1].get("edits").is_none());
    }
}
