//! One attempt at a job from its files to its artifacts, in the order in which GitLab Runner does it: sources, caches, artifacts of others, script,
//! `after_script`, caches, artifacts (gitlab-runner, `common.Build.executeScript`).

use std::fs;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use crate::checksum::sha256;
use crate::run::dotenv;
use crate::run::event::{Level, Tests};
use crate::run::live::executor::{Ended, Executor, Fault, Place, Site};
use crate::run::live::log::Log;
use crate::run::live::runner::Message;
use crate::run::live::stop::{Cause, Stop};
use crate::run::live::store::Store;
use crate::run::mask::Mask;
use crate::run::schedule::{Failure, Outcome};
use crate::run::script;
use crate::run::task::{Artifacts, Cache, Key, Task};
use crate::run::wanted::Wanted;

/// Most bytes of a JUnit report that is read.
const MAX_JUNIT: u64 = 100 * 1024 * 1024;

/// What an attempt needs.
pub struct Attempt<'a> {
    pub task: &'a Task,
    pub site: Site<'a>,
    pub executor: &'a dyn Executor,
    pub store: &'a Store,
    pub stop: &'a Stop,
    pub secrets: &'a [String],
    pub events: SyncSender<Message>,
    /// Whether its place stays.
    pub keeps: bool,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Finished {
    pub outcome: Outcome,
    pub coverage: Option<f64>,
    /// The variables of its dotenv reports.
    pub variables: Vec<(String, String)>,
    pub tests: Option<Tests>,
}

impl Default for Finished {
    /// That of an attempt that could not be made.
    fn default() -> Self {
        Self { outcome: Outcome::Failed(Failure::Runner), coverage: None, variables: Vec::new(), tests: None }
    }
}

impl Attempt<'_> {
    /// Makes the attempt.
    pub fn run(self) -> Finished {
        let secrets = self.secrets.iter().map(String::as_str);
        let path = self.store.log(&self.task.name);
        let mut log = Log::new(self.task.name.clone(), self.events.clone(), Mask::new(secrets), &path, self.task.coverage.as_deref());
        let mut finished = Finished::default();
        match self.all(&mut log, &mut finished) {
            Ok(outcome) => finished.outcome = outcome,
            Err(_) if self.stop.cause().is_some() => finished.outcome = Outcome::Canceled,
            Err(fault) => log.note(Level::Error, fault.0),
        }
        log.end();
        finished.coverage = log.covered;
        finished
    }

    fn all(&self, log: &mut Log, finished: &mut Finished) -> Result<Outcome, Fault> {
        let deadline = Instant::now() + self.task.timeout;
        self.store.forget(&self.task.name)?;
        let mut place = self.executor.open(self.task, &self.site, self.stop)?;
        if self.keeps {
            log.note(Level::Info, format!("its files stay in `{}`", place.keep()));
        }
        let (project, _) = self.executor.directories(&self.site);
        let warnings = self.task.warnings.iter().cloned().chain(self.site.source.absent_of(self.task)).chain(place.warnings());
        warnings.for_each(|warning| log.note(Level::Warning, warning));
        for (path, text) in &self.task.files {
            place.write(path, text)?;
        }
        let keys: Vec<String> = self.task.caches.iter().map(|cache| self.key(&cache.key)).collect();
        for (cache, key) in self.task.caches.iter().zip(&keys).filter(|(cache, _)| cache.pulls) {
            self.restore(cache, key, &mut *place, log)?;
        }
        for source in &self.task.sources {
            let folder = self.store.artifacts(source);
            if folder.is_dir() {
                place.put(&folder)?;
            }
        }
        let outcome = self.scripts(&mut *place, &project, deadline, log)?;
        if self.stop.cause().is_some_and(|cause| cause >= Cause::Interrupted) {
            return Ok(Outcome::Canceled);
        }
        let passed = outcome == Outcome::Success;
        for (cache, key) in self.task.caches.iter().zip(&keys).filter(|(cache, _)| cache.pushes && cache.when.has_come(passed)) {
            self.save(cache, key, &project, &mut *place, log)?;
        }
        let collected = self.collect(passed, &project, &mut *place, log, finished)?;
        Ok(if passed && !collected { Outcome::Failed(Failure::Script(1)) } else { outcome })
    }

    /// Runs the scripts.
    fn scripts(&self, place: &mut dyn Place, project: &str, deadline: Instant, log: &mut Log) -> Result<Outcome, Fault> {
        let mut values = self.task.values.clone();
        let limit = deadline.min(Instant::now() + self.task.script_timeout);
        let ended = place.run(&script::text(&self.task.script, &values, project), &values, limit, self.stop, log)?;
        log.end();
        let (outcome, status) = match ended {
            Ended::Code(0) => (Outcome::Success, "success"),
            Ended::Code(code) => (Outcome::Failed(Failure::Script(code)), "failed"),
            Ended::Timeout => (Outcome::Failed(Failure::Timeout), "failed"),
            Ended::Stopped => (Outcome::Canceled, "canceled"),
        };
        let is_interrupted = self.stop.cause().is_some_and(|cause| cause >= Cause::Interrupted);
        if self.task.after_script.is_empty() || is_interrupted || Instant::now() >= deadline {
            return Ok(outcome);
        }
        values.set("CI_JOB_STATUS", status);
        let limit = deadline.min(Instant::now() + self.task.after_script_timeout);
        // A pipeline that is canceled lets it run; only an interruption ends it.
        let stop = Stop::default();
        let told = stop.clone();
        let _listening = self.stop.listen(move |cause| {
            if cause >= Cause::Interrupted {
                told.tell(cause)
            }
        });
        let ended = place.run(&script::text(&self.task.after_script, &values, project), &values, limit, &stop, log);
        log.end();
        match ended? {
            Ended::Code(0) => {}
            Ended::Code(code) => log.note(Level::Warning, format!("`after_script` failed with exit code {code}, which changes nothing")),
            Ended::Timeout => log.note(Level::Warning, "`after_script` took longer than it may and was ended, which changes nothing"),
            Ended::Stopped => return Ok(Outcome::Canceled),
        }
        Ok(outcome)
    }

    /// The key of a cache as a text; of files that are not there GitLab makes `default`.
    fn key(&self, key: &Key) -> String {
        match key {
            Key::Text(text) => text.clone(),
            Key::Files { files, prefix } => {
                let contents: Vec<String> = files
                    .iter()
                    .filter_map(|file| fs::read(self.site.source.folder().join(file)).ok())
                    .map(|bytes| sha256(&String::from_utf8_lossy(&bytes)))
                    .collect();
                let own = if contents.is_empty() { "default".to_owned() } else { sha256(&contents.join("\n"))[..40].to_owned() };
                prefix.as_ref().map_or_else(|| own.clone(), |prefix| format!("{prefix}-{own}"))
            }
        }
    }

    fn restore(&self, cache: &Cache, key: &str, place: &mut dyn Place, log: &Log) -> Result<(), Fault> {
        for key in std::iter::once(key).chain(cache.fallback.iter().map(String::as_str)) {
            if self.store.cached(key, |folder| place.put(folder))? {
                log.note(Level::Info, format!("the cache `{key}` was restored"));
                return Ok(());
            }
        }
        log.note(Level::Info, format!("there is no cache `{key}` yet"));
        Ok(())
    }

    fn save(&self, cache: &Cache, key: &str, project: &str, place: &mut dyn Place, log: &Log) -> Result<(), Fault> {
        let tracked = cache.untracked.then(|| self.site.source.tracked().clone());
        let mut wanted = Wanted::new(project, &cache.paths, &[], tracked).map_err(Fault)?;
        let count = self.store.save(key, |folder| place.take(&mut wanted, folder))?;
        missing(&wanted, "cache:paths", log);
        if count > 0 {
            log.note(Level::Info, format!("the cache `{key}` was saved: {count} files and folders"));
        }
        Ok(())
    }

    /// Collects artifacts and reports. Gives false where a report is wrong, with which GitLab lets the job fail.
    fn collect(&self, passed: bool, project: &str, place: &mut dyn Place, log: &Log, finished: &mut Finished) -> Result<bool, Fault> {
        let artifacts = &self.task.artifacts;
        if !artifacts.is_empty() && artifacts.when.has_come(passed) {
            let tracked = artifacts.untracked.then(|| self.site.source.tracked().clone());
            let mut wanted = Wanted::new(project, &artifacts.paths, &artifacts.exclude, tracked).map_err(Fault)?;
            let taken = place.take(&mut wanted, &self.store.artifacts(&self.task.name));
            // Half of them would be taken for all by others.
            let count = taken.inspect_err(|_| drop(self.store.forget(&self.task.name)))?;
            missing(&wanted, "artifacts:paths", log);
            match count {
                0 => log.note(Level::Warning, "there are no artifacts to keep"),
                _ => log.note(Level::Info, format!("artifacts: {count} files and folders")),
            }
        }
        let Artifacts { dotenv, junit, .. } = artifacts;
        // Reports are collected whatever became of the job and `artifacts:when` says (<https://docs.gitlab.com/ci/yaml/#artifactsreports>).
        let mut take = |kind: &str, paths: &[String]| -> Result<Vec<Vec<u8>>, Fault> {
            if paths.is_empty() {
                return Ok(Vec::new());
            }
            let folder = self.store.reports(&self.task.name, kind);
            let mut wanted = Wanted::new(project, paths, &[], None).map_err(Fault)?;
            place.take(&mut wanted, &folder)?;
            missing(&wanted, &format!("artifacts:reports:{kind}"), log);
            let limit = if kind == "dotenv" { dotenv::MAX_BYTES + 1 } else { MAX_JUNIT };
            files(&folder, limit)
        };
        for text in take("dotenv", dotenv)? {
            match dotenv::variables(&text) {
                Ok(variables) => finished.variables.extend(variables),
                Err(why) => {
                    log.note(Level::Error, why);
                    return Ok(false);
                }
            }
        }
        for text in take("junit", junit)? {
            match tests(&text) {
                Some(more) => {
                    let all = finished.tests.get_or_insert_default();
                    (all.total, all.failed, all.skipped) = (all.total + more.total, all.failed + more.failed, all.skipped + more.skipped);
                }
                None => log.note(Level::Warning, "a JUnit report is no XML and was left out"),
            }
        }
        Ok(true)
    }
}

/// Says which paths match nothing, and which lie outside of the project.
fn missing(wanted: &Wanted, keyword: &str, log: &Log) {
    for path in wanted.unmatched() {
        log.note(Level::Warning, format!("`{keyword}`: nothing matches `{path}`, which is looked for in the folder of the project"));
    }
    for path in &wanted.outside {
        log.note(Level::Warning, format!("`{keyword}`: `{path}` lies outside of the project and is left out"));
    }
}

/// The contents of the files in `folder`, as far as `limit` bytes of each.
fn files(folder: &Path, limit: u64) -> Result<Vec<Vec<u8>>, Fault> {
    use std::io::Read;
    let mut contents = Vec::new();
    for entry in
        walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file())
    {
        let mut bytes = Vec::new();
        let read = fs::File::open(entry.path()).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        read.map_err(|error| Fault::io("a report can't be read", &error))?;
        contents.push(bytes);
    }
    Ok(contents)
}

/// The cases of a JUnit report; nothing where it is no XML.
fn tests(report: &[u8]) -> Option<Tests> {
    let text = std::str::from_utf8(report).ok()?;
    let options = roxmltree::ParsingOptions { nodes_limit: 5_000_000, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text.trim_start_matches('\u{feff}'), options).ok()?;
    let mut tests = Tests::default();
    for case in document.descendants().filter(|node| node.has_tag_name("testcase")) {
        let has = |names: &[&str]| case.children().any(|child| names.contains(&child.tag_name().name()));
        tests.total += 1;
        tests.failed += usize::from(has(&["failure", "error"]));
        tests.skipped += usize::from(has(&["skipped"]));
    }
    Some(tests)
}

#[cfg(test)]
mod tests_of_reports {
    use super::*;

    #[test]
    fn cases_of_a_junit_report_are_counted() {
        let report = br#"<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>
            <testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase></testsuite></testsuites>"#;
        assert_eq!(tests(report), Some(Tests { total: 4, failed: 2, skipped: 1 }));
        assert_eq!(tests(b"<a>"), None);
    }
}
