//! The modules that a migration to Dagger writes for each case, in each language → what the tools of the languages have against them, and what of the original
//! jobs their functions don't do.
//!
//! Formatters and type checkers see every module (`module/language.rs`). The SDKs for Python and TypeScript, and for Go a stand-in for the code that an engine
//! generates (`module/go`), call the functions of some in a session that answers by a schema and keeps what is asked for (`module/session.py`).
//! `module/check.py` compares that with the original pipeline and, in `module/compare.py`, the languages with each other. No engine runs anything.
//!
//! Takes Python with `venv`, packages of PyPI, node and packages of npm, which are put below the target folder once (`module/tools.rs`).

mod language;
mod mutants;
mod session;
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::binary::undind;
use crate::corpus::{Case, contents, module_fixtures, some_cases};
use crate::{say, workers};
use language::{Files, LANGUAGES, Language, Modules, Task, own};

/// Of so many modules of the corpus the functions of one are called.
const STRIDE: usize = 8;

/// The modules of a pipeline.
struct Written {
    case: String,
    /// The original, as `expand` gives it.
    pipeline: Value,
    /// The names of the jobs that were moved.
    moved: Value,
    /// The files of the module in each of [`LANGUAGES`].
    files: Vec<Files>,
}

/// What a comparison tells.
#[derive(Default)]
struct Told {
    wrong: Vec<String>,
    /// What can't be compared.
    unread: Vec<String>,
    /// How many jobs with builds were compared word for word.
    read: usize,
}

#[test]
fn modules_are_formatted_typed_and_ask_for_what_the_jobs_did() {
    let languages = match languages() {
        Ok(languages) => languages,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let own = module_fixtures();
    let always = own.len();
    let cases: Vec<Case> = own.into_iter().chain(some_cases()).collect();
    let written = workers::each(&cases, |case| {
        let folder = case.checkout();
        written(folder.path(), &case.pipeline, &case.name)
    });
    let chosen = written.iter().enumerate().filter_map(|(index, module)| module.is_some().then_some(index));
    let chosen: Vec<usize> = chosen.enumerate().filter(|&(at, index)| index < always || at % STRIDE == 0).map(|(at, _)| at).collect();
    let written: Vec<Written> = written.into_iter().flatten().collect();
    let laid: Vec<Modules> = languages
        .iter()
        .map(|&language| Modules::new(language, &written.iter().map(|module| module.of(language)).collect::<Vec<_>>()))
        .collect();
    let tasks: Vec<Task> = laid.iter().flat_map(Modules::tools).chain(laid.iter().flat_map(|modules| modules.calls(&chosen))).collect();
    let mut wrong: Vec<String> = workers::each(&tasks, |task| task()).into_iter().flatten().collect();
    let (mut unread, mut read) = (Vec::new(), 0);
    for told in told(&chosen.iter().map(|&number| (&written[number], number)).collect::<Vec<_>>(), &laid) {
        wrong.extend(told.wrong);
        unread.extend(told.unread);
        read += told.read;
    }
    let names: Vec<&str> = languages.iter().map(|language| language.name()).collect();
    say(&format!("{} modules in {}, the functions of {} of which were called", written.len(), names.join(", "), chosen.len()));
    say(&format!("{read} jobs that build images were compared command by command, {} jobs could not be:", unread.len()));
    unread.iter().take(20).for_each(|line| say(&format!("  {line}")));
    wrong.iter().take(20).for_each(|line| say(line));
    assert!(!written.is_empty() && wrong.is_empty(), "{} things are wrong with modules", wrong.len());
}

impl Written {
    fn of(&self, language: Language) -> &Files {
        &self.files[LANGUAGES.iter().position(|&other| other == language).expect("it is one of them")]
    }
}

/// What the functions of modules don't do, by what those asked for that have been called: each is a module with its number in the folders.
fn told(modules: &[(&Written, usize)], laid: &[Modules]) -> Vec<Told> {
    let mut files = Vec::new();
    for (module, number) in modules {
        let logs = laid.iter().map(|laid| json!({"log": laid.log(*number), "code": laid.module(*number).join(laid.language.code())}));
        let case = json!({"pipeline": module.pipeline, "moved": module.moved, "modules": logs.collect::<Vec<_>>()});
        let file = laid[0].module(*number).join(format!("{}.json", laid[0].language.name()));
        fs::write(&file, case.to_string()).expect("the file can be written");
        files.push(file);
    }
    let mut told: Vec<Told> = modules.iter().map(|_| Told::default()).collect();
    let output = Command::new(tools::python().expect("it is installed"))
        .arg(own("check.py"))
        .args(&files)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "the modules are compared: {}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("the comparison prints JSON");
        let number = files.iter().position(|file| line["case"] == file.display().to_string()).expect("it tells of a file it was given");
        let text = |kind: &str| line[kind].as_str().map(|text| format!("{}: {text}", modules[number].0.case));
        told[number].wrong.extend(text("wrong"));
        told[number].unread.extend(text("unread"));
        told[number].read += usize::from(text("read").is_some());
    }
    told
}

/// The modules of a pipeline, if any of its jobs moves.
fn written(folder: &Path, pipeline: &str, case: &str) -> Option<Written> {
    let before = contents(folder);
    let mut found = Written { case: case.to_owned(), pipeline: Value::Null, moved: Value::Null, files: Vec::new() };
    for language in LANGUAGES {
        let sdk = ["--sdk", language.name()];
        let migrate = ["migrate", pipeline, "--to", "dagger", "--allow-partial", "--report", "json", "--write"];
        let report = undind(folder, &[&migrate[..], &sdk].concat()).json()?;
        if !folder.join("ci/dagger").join(language.code()).exists() {
            assert!(found.files.is_empty(), "{case}: there is no module in {}, but in another language", language.name());
            return None;
        }
        found.files.push(contents(&folder.join("ci/dagger")));
        let moved = report["jobs"].as_array().into_iter().flatten().filter(|job| job["changed"] == true);
        let moved: Value = moved.map(|job| job["name"].clone()).collect();
        assert!(found.moved.is_null() || found.moved == moved, "{case}: other jobs move in {}", language.name());
        found.moved = moved;
        restore(folder, &before);
    }
    found.pipeline = undind(folder, &["expand", pipeline, "--format", "json"]).json()?;
    Some(found)
}

/// Makes a folder what it was.
fn restore(folder: &Path, before: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in contents(folder) {
        match before.get(&path) {
            Some(known) if *known == bytes => {}
            Some(known) => fs::write(folder.join(path), known).expect("the file can be written"),
            None => fs::remove_file(folder.join(path)).expect("the file can be removed"),
        }
    }
}

/// The languages whose tools are there, which Python's have to be, or why there are none.
fn languages() -> Result<Vec<Language>, String> {
    tools::python()?;
    let known = LANGUAGES.iter().filter(|language| language.missing().inspect(|why| say(&format!("skipped: {why}"))).is_none());
    Ok(known.copied().collect())
}
