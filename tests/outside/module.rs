//! The module that a migration to Dagger writes for each case → what the tools of its language have against it, and what of the original jobs its functions don't do.
//!
//! Formatter and type checkers see every module. The real SDK calls the functions of some, in a session that answers by a schema and keeps what is asked for
//! (`module/session.py`); `module/check.py` compares that with the original pipeline. No engine runs anything.
//!
//! Takes Python with `venv` and packages of PyPI, which are put below the target folder once.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::binary::undind;
use crate::corpus::{Case, all_cases, module_fixtures};
use crate::{say, target_folder, workers};

const PACKAGES: &[&str] = &["dagger-io==0.21.11", "mypy", "pyright", "ruff", "graphql-core"];
/// Of so many modules of the corpus the functions of one are called.
const STRIDE: usize = 8;

/// A module with the pipeline that it comes from.
struct Written {
    case: String,
    /// The original, as `expand` gives it.
    pipeline: Value,
    /// The code of `main.py`.
    code: String,
}

#[test]
fn modules_are_formatted_typed_and_ask_for_what_the_jobs_did() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let own = module_fixtures();
    let called = own.len();
    let cases: Vec<Case> = own.into_iter().chain(all_cases()).collect();
    let written: Vec<Option<Written>> = workers::each(&cases, module);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut chosen = Vec::new();
    let mut count = 0;
    for (index, module) in written.iter().enumerate() {
        let Some(module) = module else { continue };
        let package = folder.path().join(format!("m{count}/ci"));
        fs::create_dir_all(&package).expect("the folder can be made");
        fs::write(package.join("__init__.py"), "from .main import Ci as Ci\n").expect("the file can be written");
        fs::write(package.join("main.py"), &module.code).expect("the file can be written");
        if index < called || count % STRIDE == 0 {
            chosen.push((module, package));
        }
        count += 1;
    }
    let mut wrong = tools(&python, folder.path(), count);
    wrong.extend(workers::each(&chosen, |(module, package)| differences(&python, module, package)).into_iter().flatten());
    say(&format!("{count} modules, the functions of {} of which were called", chosen.len()));
    wrong.iter().take(20).for_each(|line| say(line));
    assert!(count > 0 && wrong.is_empty(), "{} things are wrong with modules", wrong.len());
}

#[test]
fn a_module_that_does_something_else_is_found() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let cases = module_fixtures();
    let case = cases.iter().find(|case| case.name == "module/scripts/3").expect("the fixture is there");
    let sound = module(case).expect("its job moves");
    for (what, right, wrong) in [
        ("nothing", "", ""),
        ("a command is lost", "npm ci --cache .npm\n", ""),
        ("another image", "\"node:22\"", "\"node:20\""),
        ("another service", "\"postgres:16\"", "\"postgres:15\""),
        ("a name of a service", "\"db\", running", "\"dbx\", running"),
        ("a method that there is not", "with_workdir", "with_work_dir"),
        ("an argument of another type", "owner=user", "owner=3"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let package = folder.path().join("ci");
        fs::create_dir_all(&package).expect("the folder can be made");
        let code = sound.code.replacen(right, wrong, if right.is_empty() { 0 } else { usize::MAX });
        fs::write(package.join("__init__.py"), "from .main import Ci as Ci\n").expect("the file can be written");
        fs::write(package.join("main.py"), &code).expect("the file can be written");
        let found = differences(&python, &Written { case: case.name.clone(), pipeline: sound.pipeline.clone(), code }, &package);
        assert_eq!(found.is_empty(), what == "nothing", "{what}: {found:?}");
    }
}

/// The module of a case, if any of its jobs moves.
fn module(case: &Case) -> Option<Written> {
    let folder = case.checkout();
    let pipeline = undind(folder.path(), &["expand", &case.pipeline, "--format", "json"]).json()?;
    undind(folder.path(), &["migrate", &case.pipeline, "--to", "dagger", "--allow-partial", "--report", "json", "--write"]);
    let code = fs::read_to_string(folder.path().join("ci/dagger/src/ci/main.py")).ok()?;
    Some(Written { case: case.name.clone(), pipeline, code })
}

/// What formatter and type checkers say of all modules.
fn tools(python: &Path, folder: &Path, count: usize) -> Vec<String> {
    let bin = python.parent().expect("a program lies in a folder");
    let run = |name: &str, arguments: &[&str]| {
        let output = Command::new(bin.join(name)).args(arguments).arg(".").current_dir(folder).output().expect("it is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (!output.status.success()).then(|| format!("{name}: {}", text.lines().take(12).collect::<Vec<_>>().join("\n  ")))
    };
    // One package of one name can't be checked twice at once, but by its files.
    for number in 0..count {
        fs::rename(folder.join(format!("m{number}/ci/__init__.py")), folder.join(format!("m{number}/ci/init.txt"))).expect("it is there");
        fs::rename(folder.join(format!("m{number}/ci/main.py")), folder.join(format!("m{number}/ci/main{number}.py")))
            .expect("it is there");
    }
    let found = [
        run("ruff", &["format", "--check", "--diff", "--quiet"]),
        run("mypy", &["--strict", "--no-namespace-packages"]),
        run("pyright", &["--pythonpath", &python.to_string_lossy()]),
    ];
    for number in 0..count {
        fs::rename(folder.join(format!("m{number}/ci/init.txt")), folder.join(format!("m{number}/ci/__init__.py"))).expect("it is there");
        fs::rename(folder.join(format!("m{number}/ci/main{number}.py")), folder.join(format!("m{number}/ci/main.py")))
            .expect("it is there");
    }
    found.into_iter().flatten().collect()
}

/// What the functions of a module don't do, or can't.
fn differences(python: &Path, module: &Written, package: &Path) -> Vec<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/module");
    let folder = package.parent().expect("a package lies in a folder");
    let (log, pipeline) = (folder.join("log"), folder.join("pipeline.json"));
    fs::write(&log, "").expect("the file can be written");
    fs::write(&pipeline, module.pipeline.to_string()).expect("the file can be written");
    let mut session = Command::new(python)
        .arg(own.join("session.py"))
        .args([own.join("schema.graphqls"), log.clone()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut port = String::new();
    let answered = BufReader::new(session.stdout.take().expect("it is piped")).read_line(&mut port);
    let called = Command::new(python)
        .arg(own.join("call.py"))
        .arg(folder)
        .envs([("DAGGER_SESSION_PORT", port.trim()), ("DAGGER_SESSION_TOKEN", "none"), ("DO_NOT_TRACK", "1")])
        .output()
        .expect("Python starts");
    session.kill().and_then(|()| session.wait()).expect("the session ends");
    let mut wrong = Vec::new();
    if answered.is_err() || !called.status.success() {
        wrong.push(format!("{}: {}", module.case, String::from_utf8_lossy(&called.stderr).lines().last().unwrap_or("no answer")));
    }
    for line in String::from_utf8_lossy(&called.stdout).lines() {
        let told: Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(error) = told["error"].as_str() {
            wrong.push(format!("{}: {}: {error}", module.case, told["function"]));
        }
    }
    let checked =
        Command::new(python).arg(own.join("check.py")).args([&pipeline, &log, &package.join("main.py")]).output().expect("Python starts");
    if !checked.status.success() {
        wrong.push(format!("{}: {}", module.case, String::from_utf8_lossy(&checked.stderr)));
    }
    wrong.extend(String::from_utf8_lossy(&checked.stdout).lines().map(|line| format!("{}: {line}", module.case)));
    wrong
}

/// The Python that has all packages, or why there is none.
fn python() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(installed).clone()
}

fn installed() -> Result<PathBuf, String> {
    let folder = target_folder().join("dagger-python");
    let (python, done) = (folder.join("bin/python"), folder.join("installed"));
    if done.exists() {
        return Ok(python);
    }
    let venv = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    if !venv.as_ref().is_ok_and(|output| output.status.success()) {
        return Err("Python makes no virtual environment".to_owned());
    }
    let pip = Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES).output();
    if !pip.as_ref().is_ok_and(|output| output.status.success()) {
        return Err(format!("pip can't install {}", PACKAGES.join(", ")));
    }
    fs::write(done, "").map_err(|error| error.to_string())?;
    Ok(python)
}
