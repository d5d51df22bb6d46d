//! What each job does with Docker, as JSON or as text. Knows the names that scripts rely on, not how the facts are found.

use std::fmt::Write;

use serde::Serialize;

use crate::analysis::{Analysis, AnalyzedPipeline};
use crate::detect::{self, JobFacts, JobOperation, Kind, Verdict};
use crate::docker::{Op, Tool};
use crate::pipeline::Job;
use crate::shell::Certainty;
use crate::source::Sources;

/// What `inspect --format json` prints.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Inspection {
    /// The version of this shape.
    pub version: u32,
    /// The jobs, in the order of the pipeline.
    pub jobs: Vec<InspectedJob>,
}

/// One job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InspectedJob {
    /// Its name.
    pub name: String,
    /// Its stage.
    pub stage: String,
    /// The file that holds it.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The image it runs in, where it names one.
    pub image: Option<String>,
    /// The daemon that its commands talk to.
    pub daemon: Daemon,
    /// Its docker operations, in the order in which they run.
    pub operations: Vec<Operation>,
    /// `full`, `partial`, `blocked`, `done` or `none`.
    pub verdict: Verdict,
    /// Why the verdict is not `full`.
    pub reasons: Vec<Reason>,
}

/// The daemon of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Daemon {
    /// `dind`, `socket`, `tcp`, `none` or `unknown`.
    pub kind: Kind,
    /// The address that the job's commands use.
    pub host: Option<String>,
    /// `on`, `off`, `mismatch` or `unknown`.
    pub tls: detect::Tls,
    /// Where the daemon is declared.
    pub file: Option<String>,
    /// 1-based.
    pub line: Option<usize>,
}

/// One docker operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Operation {
    /// What it does: `build`, `push`, ….
    pub op: Op,
    /// With which command: `docker`, `buildx`, ….
    pub tool: Tool,
    /// `before_script`, `script`, `after_script` or a hook.
    pub section: String,
    /// The file that holds it.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The command as written.
    pub text: String,
    /// The image references that it reads or writes.
    pub images: Vec<String>,
    /// `always`, `conditional` or `repeated`.
    pub certainty: &'static str,
}

/// Why something stays as it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Reason {
    /// The registered code, which `undind explain` explains.
    pub code: String,
    /// In a sentence.
    pub message: String,
    /// The file that shows it.
    pub file: Option<String>,
    /// 1-based.
    pub line: Option<usize>,
}

impl Inspection {
    /// The inspection of `jobs`.
    #[must_use]
    pub fn new(jobs: Vec<InspectedJob>) -> Self {
        Self { version: 1, jobs }
    }

    /// The jobs of all pipelines of `analysis`, in their order.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let sources = analysis.documents.sources();
        Self::new(analysis.pipelines.iter().flat_map(AnalyzedPipeline::jobs).map(|(job, facts)| inspected(job, facts, sources)).collect())
    }

    /// A table of the jobs that use Docker or may do so out of sight, then each of them with its operations and reasons; the others are counted.
    /// `prefix` stands before every path: the root as seen from where the reader is.
    #[must_use]
    pub fn text(&self, prefix: &str) -> String {
        let idle = |job: &&InspectedJob| job.verdict == Verdict::None && job.operations.is_empty();
        let others: Vec<_> = self.jobs.iter().filter(idle).collect();
        let unknown = others.iter().filter(|job| !job.reasons.is_empty()).count();
        let shown: Vec<_> = self.jobs.iter().filter(|job| !idle(job) || !job.reasons.is_empty()).collect();
        let mut out = table(&shown);
        for job in &shown {
            push_job(&mut out, job, prefix);
        }
        if !shown.is_empty() {
            out.push('\n');
        }
        let all = self.jobs.len();
        match all - others.len() {
            0 if unknown > 0 => write!(out, "no job of {all} is known to use Docker"),
            0 => write!(out, "no job of {all} uses Docker"),
            count => write!(out, "{count} of {all} jobs use Docker"),
        }
        .and_then(|()| out.write_str(&not_known(unknown)))
        .and_then(|()| out.write_char('\n'))
        .expect("a string takes everything");
        out
    }
}

/// What a summary says of `count` jobs whose configuration is not at hand: `; 1 is built on configuration that is not in the repository`, or nothing.
#[must_use]
pub(super) fn not_known(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "; 1 is built on configuration that is not in the repository".to_owned(),
        _ => format!("; {count} are built on configuration that is not in the repository"),
    }
}

fn inspected(job: &Job, facts: &JobFacts, sources: &Sources) -> InspectedJob {
    let daemon = &facts.daemon;
    let kind = if daemon.kind == Kind::None && !job.missing.is_empty() { Kind::Unknown } else { daemon.kind };
    let place = daemon.span.map(|span| (sources.get(span.file).path().to_owned(), sources.start(span).line));
    let (file, line) = place.unzip();
    InspectedJob {
        name: job.name.to_string(),
        stage: job.stage().to_owned(),
        file: sources.get(job.key.file).path().to_owned(),
        line: sources.start(job.key).line,
        image: job.image().map(|image| image.text().to_owned()),
        daemon: Daemon { kind, host: daemon.host.clone(), tls: daemon.tls, file, line },
        operations: facts.operations.iter().map(|operation| inspected_operation(operation, sources)).collect(),
        verdict: facts.flow.verdict,
        reasons: facts.flow.reasons.iter().map(|reason| Reason::new(reason, sources)).collect(),
    }
}

fn inspected_operation(operation: &JobOperation, sources: &Sources) -> Operation {
    let start = sources.start(operation.span);
    Operation {
        op: operation.operation.op,
        tool: operation.operation.tool,
        section: operation.section.keyword().to_owned(),
        file: sources.get(operation.span.file).path().to_owned(),
        line: start.line,
        column: start.column,
        text: operation.text.clone(),
        images: operation.operation.images.iter().map(|image| as_written(&image.text, &operation.text)).collect(),
        certainty: match operation.certainty {
            Certainty::Always => "always",
            Certainty::Conditional => "conditional",
            Certainty::Repeated => "repeated",
        },
    }
}

/// A reference with variables (`${NAME}`) as people write it: `$NAME`, unless the command itself has the braces or needs them.
fn as_written(reference: &str, command: &str) -> String {
    if command.contains(reference) {
        return reference.to_owned();
    }
    let mut out = String::with_capacity(reference.len());
    let mut rest = reference;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let name = &after[..after.find(|character| !word(character)).unwrap_or(after.len())];
        let plain = after[name.len()..].starts_with('}') && !after[name.len() + 1..].starts_with(word);
        if plain && !name.is_empty() {
            out.push('$');
            out.push_str(name);
            rest = &after[name.len() + 1..];
        } else {
            out.push_str("${");
            rest = after;
        }
    }
    out + rest
}

impl Reason {
    /// The entry of a reason whose place lies in `sources`.
    #[must_use]
    pub fn new(reason: &detect::Reason, sources: &Sources) -> Self {
        Self {
            code: reason.code.to_owned(),
            message: reason.message.clone(),
            file: Some(sources.get(reason.span.file).path().to_owned()),
            line: Some(sources.start(reason.span).line),
        }
    }
}

/// The name that an enum has in JSON.
fn name(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A cell with more characters doesn't push the others apart.
const WIDEST_COLUMN: usize = 100;

fn table(jobs: &[&InspectedJob]) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let header = ["JOB", "STAGE", "DAEMON", "OPERATIONS", "VERDICT"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(jobs.iter().map(|job| row(job))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).filter(|width| *width <= WIDEST_COLUMN).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn row(job: &InspectedJob) -> [String; 5] {
    let mut operations: Vec<String> = Vec::new();
    for operation in job.operations.iter().map(|operation| name(operation.op)) {
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    [job.name.clone(), job.stage.clone(), daemon_words(&job.daemon), operations.join(", "), verdict_words(job)]
        .map(|cell| on_one_line(&cell))
}

fn verdict_words(job: &InspectedJob) -> String {
    if job.verdict == Verdict::None && !job.reasons.is_empty() { "not known".to_owned() } else { name(job.verdict) }
}

fn daemon_words(daemon: &Daemon) -> String {
    match &daemon.host {
        Some(host) => format!("{} {host} (TLS {})", name(daemon.kind), name(daemon.tls)),
        None => name(daemon.kind),
    }
}

fn push_job(out: &mut String, job: &InspectedJob, prefix: &str) {
    let image = job.image.as_ref().map_or(String::new(), |image| format!("  image {image}"));
    let _ = writeln!(out, "\n{}  {prefix}{}:{}{}", on_one_line(&job.name), job.file, job.line, on_one_line(&image));
    if let (Some(file), Some(line)) = (&job.daemon.file, job.daemon.line) {
        let _ = writeln!(out, "  {prefix}{file}:{line}  {}", on_one_line(&daemon_words(&job.daemon)));
    }
    for operation in &job.operations {
        let certainty = if operation.certainty == "always" { String::new() } else { format!(" ({})", operation.certainty) };
        let place = format!("{prefix}{}:{}:{}", operation.file, operation.line, operation.column);
        let _ = writeln!(out, "  {place}  {}{certainty}: {}", name(operation.op), on_one_line(&operation.text));
    }
    for reason in &job.reasons {
        let place = reason
            .file
            .as_ref()
            .map_or(String::new(), |file| format!(" ({prefix}{file}{})", reason.line.map_or(String::new(), |line| format!(":{line}"))));
        let _ = writeln!(out, "  {}: {} [{}]{place}", verdict_words(job), on_one_line(&reason.message), reason.code);
    }
}

/// `text` without line ends, continued lines and control characters, so that a row stays a row.
fn on_one_line(text: &str) -> String {
    let continued: Vec<&str> = text.split("\\\n").collect();
    let joined = if continued.len() > 1 { continued.into_iter().map(str::trim).collect::<Vec<_>>().join(" ") } else { text.to_owned() };
    joined.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, verdict: Verdict) -> InspectedJob {
        let daemon = Daemon {
            kind: Kind::Dind,
            host: Some("tcp://docker:2376".into()),
            tls: detect::Tls::On,
            file: Some("ci.yml".into()),
            line: Some(6),
        };
        let operation = Operation {
            op: Op::Build,
            tool: Tool::Docker,
            section: "script".into(),
            file: "ci.yml".into(),
            line: 9,
            column: 7,
            text: "docker build \\\n  .".into(),
            images: vec!["$IMAGE".into()],
            certainty: "conditional",
        };
        let reason = Reason {
            code: "runs-built-image".into(),
            message: "`docker run` needs the image".into(),
            file: Some("ci.yml".into()),
            line: Some(12),
        };
        let uses = verdict != Verdict::None;
        let operations = if uses { vec![operation.clone(), operation] } else { Vec::new() };
        InspectedJob {
            name: name.into(),
            stage: "build".into(),
            file: "ci.yml".into(),
            line: 4,
            image: Some("docker:27".into()),
            daemon,
            operations,
            verdict,
            reasons: if uses { vec![reason] } else { Vec::new() },
        }
    }

    #[test]
    fn a_job_is_a_row_and_a_list_of_its_operations_and_reasons() {
        let expected = "\
JOB  STAGE  DAEMON                           OPERATIONS  VERDICT
api  build  dind tcp://docker:2376 (TLS on)  build       partial

api  ci.yml:4  image docker:27
  ci.yml:6  dind tcp://docker:2376 (TLS on)
  ci.yml:9:7  build (conditional): docker build .
  ci.yml:9:7  build (conditional): docker build .
  partial: `docker run` needs the image [runs-built-image] (ci.yml:12)

1 of 2 jobs use Docker
";
        assert_eq!(Inspection::new(vec![job("api", Verdict::Partial), job("test", Verdict::None)]).text(""), expected);
    }

    #[test]
    fn a_reference_is_shown_as_the_command_has_it() {
        for (reference, command, expected) in [
            ("${IMAGE}:${TAG}", "docker build -t $IMAGE:$TAG .", "$IMAGE:$TAG"),
            ("${IMAGE}", "docker push \"${IMAGE}\"", "${IMAGE}"),
            ("${IMAGE}x", "docker push \"$IMAGE\"x", "${IMAGE}x"),
            ("a${B:-c}", "", "a${B:-c}"),
        ] {
            assert_eq!(as_written(reference, command), expected);
        }
    }

    #[test]
    fn a_very_long_name_is_shown_and_does_not_widen_the_table() {
        let long = "x".repeat(100_000);
        let text = Inspection::new(vec![job(&long, Verdict::Full), job("api", Verdict::Full)]).text("");
        assert!(text.contains(&long) && text.contains("\napi  build  "), "{}", &text[text.len() - 500..]);
    }

    #[test]
    fn a_job_with_unknown_configuration_is_not_counted_as_one_without_docker() {
        let mut unknown = job("deploy", Verdict::None);
        unknown.reasons = job("api", Verdict::Full).reasons;
        let text = Inspection::new(vec![unknown, job("test", Verdict::None)]).text("");
        assert!(text.contains("\ndeploy  ci.yml:4") && text.contains("[runs-built-image] (ci.yml:12)"), "{text}");
        let last = "no job of 2 is known to use Docker; 1 is built on configuration that is not in the repository\n";
        assert!(text.ends_with(last), "{text}");
    }

    #[test]
    fn a_pipeline_without_docker_says_so() {
        assert_eq!(Inspection::new(vec![job("test", Verdict::None)]).text(""), "no job of 1 uses Docker\n");
    }
}
