//! A module whose thin jobs are proven: rewrites are analysed again, and a job that would change in another way than meant stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::analysis::{Analysis, analyze};
use crate::config::Config;
use crate::detect::{JobFacts, Reason, Verdict, reason};
use crate::migrate::module::{Engine, Form, Generated, Record, TAG, Way, called, calls, generate, image, own, setup};
use crate::migrate::{Changed, JobId};
use crate::pipeline::Job;
use crate::pipeline::expand::expanded_job;
use crate::pipeline::script::flat;
use crate::prove::shadow::shadowed;
use crate::prove::toggle::toggled;
use crate::prove::{FileChange, MigrateOptions, Migration, Mode, Outcome, new_findings, same, variables};
use crate::workspace::Workspace;
use crate::yaml::{Data, Value};

/// Turns the jobs of the pipelines whose entries are `entries` into functions, as far as they can be, and proves the result.
#[must_use]
pub fn migrate_to_module(workspace: &Workspace, entries: &[String], config: &Config, way: Way, options: &MigrateOptions) -> Migration {
    let way = Way { rehearsal: options.mode == Mode::Shadow, ..way };
    let before = analyze(workspace, entries, config);
    let mut candidates = BTreeSet::new();
    for (pipeline, analyzed) in before.pipelines.iter().enumerate() {
        for (index, job) in analyzed.pipeline.jobs.iter().enumerate() {
            if options.jobs.is_empty() || options.jobs.iter().any(|name| **name == *job.name) {
                candidates.insert(JobId { pipeline, job: index });
            }
        }
    }
    let record = workspace.text(&Record::path()).ok().and_then(|text| Record::read(&text));
    let called = called(&before);
    let known = record.clone().map(|record| record.functions(&called.keys().cloned().collect())).unwrap_or_default();
    let mut refused: BTreeMap<JobId, Vec<Reason>> = BTreeMap::new();
    let generated = loop {
        let generated = generate(&before, way, options.allow_partial, &known, &candidates);
        let broken = if generated.moved.is_empty() { BTreeMap::new() } else { broken(&before, entries, way, &generated) };
        if broken.is_empty() {
            break generated;
        }
        for (id, why) in broken {
            let span = before.pipelines[id.pipeline].pipeline.jobs[id.job].key;
            candidates.remove(&id);
            refused.entry(id).or_default().push(Reason { code: reason::PROOF_FAILED, message: why, span });
        }
    };
    refused.extend(generated.refused.clone());
    let is_known = |name: &str| known.iter().any(|form| form.function == name);
    let callers = called.iter().filter(|(function, _)| !generated.moved.is_empty() && !is_known(function));
    let orphans = callers.map(|(_, job)| job.clone()).collect();
    let migration = Migration { orphans, ..outcome(before, generated, record.as_ref(), &mut refused) };
    match options.mode {
        Mode::Replace => migration,
        Mode::Toggle => toggled(migration, entries, "dagger", "Dagger"),
        Mode::Shadow => shadowed(migration, entries, "dagger", None),
    }
}

fn outcome(before: Analysis, mut generated: Generated, record: Option<&Record>, refused: &mut BTreeMap<JobId, Vec<Reason>>) -> Migration {
    let mut jobs = Vec::new();
    for (pipeline, analyzed) in before.pipelines.iter().enumerate() {
        for (index, job) in analyzed.pipeline.jobs.iter().enumerate() {
            let id = JobId { pipeline, job: index };
            let form = generated.moved.remove(&id);
            let reasons = refused.remove(&id).unwrap_or_default();
            let opaque = generated.opaque.remove(&id);
            let verdict = match (&form, reasons.first(), &opaque) {
                (Some(_), _, None) => Verdict::Full,
                (None, Some(first), _) if first.code == reason::NO_CHANGE => Verdict::Done,
                (None, Some(_), _) => Verdict::Blocked,
                (_, _, Some(_)) => Verdict::Partial,
                (None, None, None) => Verdict::None,
            };
            let reasons = opaque.into_iter().chain(reasons).collect::<Vec<_>>();
            let changed = form.map(|form| Changed { assumptions: form.assumptions, uses_target: true, ..Changed::default() });
            let reasons = if verdict == Verdict::Done { Vec::new() } else { reasons };
            jobs.push(Outcome { id, name: job.name.to_string(), verdict, changed, reasons });
        }
    }
    let sources = before.documents.sources();
    let edited = generated.files.iter().map(|(&file, after)| FileChange {
        path: sources.get(file).path().to_owned(),
        before: Some(sources.get(file).text().to_owned()),
        after: after.clone(),
        edits: generated.edits.iter().filter(|edit| edit.span.file == file).count(),
        motives: Vec::new(),
    });
    let mut changed_by_hand = Vec::new();
    let mut created = Vec::new();
    for (path, after) in &generated.created {
        let there = before.workspace.text(path).ok().map(|text| text.to_string());
        if there.as_ref() == Some(after) {
            continue;
        }
        if there.as_ref().is_some_and(|text| record.is_none_or(|record| !record.wrote(path, text))) {
            changed_by_hand.push(path.clone());
        }
        let edits = usize::from(there.is_some());
        created.push(FileChange { path: path.clone(), before: there, after: after.clone(), edits, motives: Vec::new() });
    }
    let files = edited.chain(created).collect();
    Migration { before, jobs, files, changed_by_hand, orphans: Vec::new(), toggle: None }
}

fn broken(before: &Analysis, entries: &[String], way: Way, generated: &Generated) -> BTreeMap<JobId, String> {
    let sources = before.documents.sources();
    let overlay = generated.files.iter().map(|(&file, text)| (sources.get(file).path().to_owned(), text.clone()));
    let after = analyze(&before.workspace.with_overlay(overlay), entries, &before.config);
    let everything = |why: &str| generated.moved.keys().map(|id| (*id, why.to_owned())).collect::<BTreeMap<_, _>>();
    if after.documents.problems().len() > before.documents.problems().len() || after.pipelines.len() != before.pipelines.len() {
        return everything("the result would not be read as YAML");
    }
    let mut broken = BTreeMap::new();
    for (index, (old, new)) in before.pipelines.iter().zip(&after.pipelines).enumerate() {
        if old.pipeline.jobs.len() != new.pipeline.jobs.len() || old.pipeline.unresolved.len() != new.pipeline.unresolved.len() {
            return everything("the result would have other jobs or includes");
        }
        for (job, (old, new)) in old.jobs().zip(new.jobs()).enumerate() {
            match generated.moved.get(&JobId { pipeline: index, job }) {
                Some(form) => {
                    if let Some(why) = broken_job(old.0, new, form, way) {
                        broken.insert(JobId { pipeline: index, job }, why.to_owned());
                    }
                }
                None if !same(old.0, new.0) => {
                    let why = format!("the job `{}`, which must not change, would change", old.0.name);
                    let givers: Vec<JobId> = generated.moved.keys().copied().filter(|id| gives(before, *id, old.0, way.engine)).collect();
                    if givers.is_empty() {
                        return everything(&why);
                    }
                    broken.extend(givers.into_iter().map(|id| (id, why.clone())));
                }
                None => {}
            }
        }
    }
    if !broken.is_empty() {
        return broken;
    }
    // An engine in a daemon of the job begins with no cache: that is what `Engine::Docker` is.
    let expected: &[&str] = if way.engine == Engine::Docker { &["dagger-cache-lost-with-dind"] } else { &[] };
    new_findings(before, &after, &generated.moved.keys().copied().collect(), expected)
}

/// Whether `other` extends a job that moves, or has what that one writes and loses.
fn gives(before: &Analysis, id: JobId, other: &Job, engine: Engine) -> bool {
    let pipeline = &before.pipelines[id.pipeline].pipeline;
    let job = &pipeline.jobs[id.job];
    let mut open = bases(other);
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if *name == *job.name {
            return true;
        }
        if seen.insert(name.clone()) {
            open.extend(pipeline.job(&name).map(bases).unwrap_or_default());
        }
    }
    let span = job.own.span;
    own(engine).iter().filter_map(|keyword| other.config.entry(keyword)).any(|entry| span.contains(entry.key.span))
        || other.script.items.iter().any(|item| span.contains(item.value.span))
}

/// The names that a job extends.
fn bases(job: &Job) -> Vec<String> {
    let extends = job.own.get("extends").map(|extends| flat(extends, &mut Vec::new())).unwrap_or_default();
    extends.into_iter().filter_map(Value::scalar_text).collect()
}

fn broken_job(old: &Job, (new, _): (&Job, &JobFacts), form: &Form, way: Way) -> Option<&'static str> {
    let engine = way.engine;
    let rest = |job: &Job| {
        let mut all = expanded_job(job);
        if let Json::Object(map) = &mut all {
            own(engine).iter().for_each(|keyword| drop(map.shift_remove(*keyword)));
        }
        all
    };
    let lines: Vec<String> = new.script.items.iter().map(|item| new.script.text[item.range.clone()].trim_end().to_owned()).collect();
    let wanted: Vec<String> = setup(way).into_iter().chain(calls(form)).collect();
    let is_empty = |value: &Value| match &value.data {
        Data::Null => true,
        Data::Sequence(items) => items.is_empty(),
        Data::Mapping(mapping) => mapping.entries.is_empty(),
        _ => false,
    };
    let left = |keyword: &str| new.config.get(keyword).is_some_and(|value| !is_empty(value));
    if rest(old) != rest(new) || variables(old, &[]) != variables(new, &[]) {
        Some("more than what the function does would change")
    } else if lines != wanted {
        Some("the call would not be read back as it was meant")
    } else if new.image().is_none_or(|found| found.text() != image(engine)) {
        Some("the job would not get the image that it needs")
    } else if left("after_script") || left("cache") || (engine != Engine::Docker && left("services")) {
        Some("something would be left of what the function does")
    } else if engine == Engine::Kubernetes && new.tags().iter().map(Value::scalar_text).collect::<Vec<_>>() != [Some(TAG.to_owned())] {
        Some("the job would not get the runner that it needs")
    } else {
        None
    }
}
