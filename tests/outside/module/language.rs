//! The modules of one language, laid out in a folder → what its tools have against them, and what their functions ask a session for. It does not know what is
//! right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use super::session::session;
use super::tools;

/// The files of a module by their paths in its folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Something to run beside other things, with what is wrong as its result.
pub type Task<'a> = Box<dyn Fn() -> Vec<String> + Sync + 'a>;

/// A language of modules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    Python,
    TypeScript,
    Go,
}

/// All languages; the first is the one that others are compared with.
pub const LANGUAGES: [Language; 3] = [Language::Python, Language::TypeScript, Language::Go];

impl Language {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Go => "go",
        }
    }

    /// The path of the code in a module's folder.
    pub fn code(self) -> &'static str {
        match self {
            Self::Python => "src/ci/main.py",
            Self::TypeScript => "src/index.ts",
            Self::Go => "main.go",
        }
    }

    /// Why there is nothing to judge its modules with.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Python => tools::python().err(),
            Self::TypeScript => tools::typescript().err(),
            Self::Go => tools::go().err(),
        }
    }
}

/// A folder with modules of one language: the folder of each is its number behind an `m`.
pub struct Modules {
    pub language: Language,
    folder: TempDir,
}

impl Modules {
    pub fn new(language: Language, modules: &[&Files]) -> Self {
        let folder = match language {
            Language::TypeScript => tempfile::tempdir_in(tools::typescript().expect("it is installed")),
            Language::Python | Language::Go => tempfile::tempdir(),
        };
        let laid = Self { language, folder: folder.expect("a temporary folder can be made") };
        for (number, files) in modules.iter().enumerate() {
            for (path, bytes) in *files {
                // All modules are packages of one Go module, with what an engine makes beside them.
                if language == Language::Go && path == "go.mod" {
                    laid.write(path, bytes);
                } else {
                    laid.write(&format!("m{number}/{path}"), bytes);
                }
            }
            match language {
                Language::Python => laid.write(&format!("apart/main{number}.py"), &files[language.code()]),
                Language::TypeScript => {}
                Language::Go => laid.write(&format!("m{number}/dagger.gen.go"), &fs::read(own("go/dagger.gen.go")).expect("it is there")),
            }
        }
        if language == Language::Go {
            for file in ["internal/dagger/dagger.go", "internal/dagger/session.go"] {
                laid.write(file, &fs::read(own("go").join(file)).expect("it is there"));
            }
        }
        laid
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder can be made");
        fs::write(path, bytes).expect("the file can be written");
    }

    /// The folder of a module.
    pub fn module(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("m{number}"))
    }

    /// What its functions asked for; nothing before they were called.
    pub fn log(&self, number: usize) -> PathBuf {
        self.module(number).join("log")
    }

    /// Formatter and type checkers, each over all modules.
    pub fn tools(&self) -> Vec<Task<'_>> {
        match self.language {
            Language::Python => self.python_tools(),
            Language::TypeScript => self.typescript_tools(),
            Language::Go => self.go_tools(),
        }
    }

    fn python_tools(&self) -> Vec<Task<'_>> {
        let python = tools::python().expect("it is installed");
        let bin = python.parent().expect("a program lies in a folder").to_owned();
        // One package of one name can't be checked twice at once, but by its files.
        let apart = self.folder.path().join("apart");
        let mut pythons = vec![python];
        match tools::next_python() {
            Ok(next) => pythons.push(next),
            Err(why) => crate::say(&format!("skipped: {why}")),
        }
        let mut tasks: Vec<Task> = Vec::new();
        for python in pythons {
            let mut mypy = Command::new(bin.join("mypy"));
            mypy.args(["--strict", "--no-namespace-packages", "--python-executable"]).arg(&python);
            mypy.arg("--cache-dir").arg(self.folder.path().join(format!("mypy{}", tasks.len()))).arg(".").current_dir(&apart);
            let mut pyright = Command::new(bin.join("pyright"));
            pyright.arg("--pythonpath").arg(&python).arg(".").current_dir(&apart);
            tasks.extend([judge("mypy", mypy), judge("pyright", pyright)]);
        }
        let mut ruff = Command::new(bin.join("ruff"));
        ruff.args(["format", "--check", "--diff", "--quiet", "."]).current_dir(&apart);
        tasks.push(judge("ruff", ruff));
        tasks
    }

    fn typescript_tools(&self) -> Vec<Task<'_>> {
        let packages = tools::typescript().expect("it is installed").join("node_modules");
        let node = |program: &str| {
            let mut node = Command::new("node");
            node.arg(packages.join(program)).current_dir(self.folder.path());
            node
        };
        let checked = |compiler: &str, sdk: &str| {
            let settings = serde_json::json!({
                "extends": "./m0/tsconfig.json",
                "compilerOptions": {
                    "paths": {"@dagger.io/dagger": [packages.join(sdk)]},
                    "types": [], "noEmit": true, "noUnusedLocals": true, "noUnusedParameters": true,
                },
                "include": ["m*/src/index.ts"],
            });
            self.write(&format!("{compiler}.json"), settings.to_string().as_bytes());
            let mut tsc = node(&format!("{compiler}/bin/tsc"));
            tsc.args(["--pretty", "false", "-p", &format!("{compiler}.json")]);
            judge("tsc", tsc)
        };
        let mut prettier = node("prettier/bin/prettier.cjs");
        prettier.args(["--no-config", "--no-editorconfig", "--check", "m*/src/*.ts", "m*/*.json"]);
        vec![judge("prettier", prettier), checked("typescript", "@dagger.io/dagger"), checked("typescript-next", "dagger-next")]
    }

    fn go_tools(&self) -> Vec<Task<'_>> {
        let mut gofmt = Command::new(tools::go().expect("it is installed").join("go/bin/gofmt"));
        gofmt.args(["-d", "."]).current_dir(self.folder.path());
        let mut vet = self.go();
        vet.args(["vet", "./..."]);
        vec![judge("go vet", vet), judge("gofmt", gofmt)]
    }

    fn go(&self) -> Command {
        let folder = tools::go().expect("it is installed");
        let mut go = Command::new(folder.join("go/bin/go"));
        go.current_dir(self.folder.path());
        go.envs([("GOCACHE", folder.join("cache")), ("GOPATH", folder.join("path"))]);
        go.envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOFLAGS", "-mod=mod"), ("GOTELEMETRY", "off"), ("CGO_ENABLED", "0")]);
        go
    }

    /// Calls the functions of modules, some at a time.
    pub fn calls(&self, numbers: &[usize]) -> Vec<Task<'_>> {
        let chunks: Vec<Vec<usize>> = numbers.chunks(12).map(<[usize]>::to_vec).collect();
        chunks.into_iter().map(|numbers| Box::new(move || self.call(&numbers)) as Task<'_>).collect()
    }

    /// Calls every function of the modules; what can't be called is wrong.
    pub fn call(&self, numbers: &[usize]) -> Vec<String> {
        let folders: Vec<PathBuf> = numbers.iter().map(|&number| self.module(number)).collect();
        folders.iter().for_each(|folder| fs::write(folder.join("log"), "").expect("the file can be written"));
        let mut wrong = String::new();
        let mut told = String::new();
        match self.language {
            Language::Python => {
                let mut call = Command::new(tools::python().expect("it is installed"));
                told += &asked(call.arg(own("call.py")).args(&folders), &mut wrong);
            }
            Language::TypeScript => {
                let mut call = Command::new("node");
                told += &asked(call.arg(own("call.mjs")).args(&folders), &mut wrong);
            }
            Language::Go => {
                let mut build = self.go();
                build.args(["build", "-ldflags=-s -w", "-o", "bin/"]).args(numbers.iter().map(|number| format!("./m{number}")));
                let output = build.output().expect("it is installed");
                wrong += &String::from_utf8_lossy(&output.stderr);
                for (number, folder) in numbers.iter().zip(&folders) {
                    let program = self.folder.path().join(format!("bin/m{number}"));
                    if program.exists() {
                        let mut call = Command::new(&program);
                        told += &asked(call.arg(folder).env("DAGGER_SESSION_TOKEN", folder.join("log")), &mut wrong);
                    } else {
                        let _ = writeln!(wrong, "{}: it is not compiled", folder.display());
                    }
                }
            }
        }
        for line in told.lines() {
            let told: Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(error) = told["error"].as_str() {
                let _ = writeln!(wrong, "{}: {}: {error}", told["module"], told["function"]);
            }
        }
        wrong.lines().map(|line| format!("{}: {line}", self.language.name())).collect()
    }
}

/// Runs a caller in the session and gives what it prints; what it complains of goes to `wrong`.
fn asked(caller: &mut Command, wrong: &mut String) -> String {
    caller.envs([("DAGGER_SESSION_PORT", session()), ("DO_NOT_TRACK", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    let output = caller.output().expect("the caller starts");
    if !output.status.success() {
        wrong.push_str(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("no answer"));
        wrong.push('\n');
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A tool that finds something where it fails.
fn judge<'a>(name: &'static str, tool: Command) -> Task<'a> {
    let tool = Mutex::new(tool);
    Box::new(move || {
        let output = tool.lock().expect("nobody else has it").output().expect("it is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let found = (!output.status.success()).then(|| format!("{name}: {}", text.lines().take(12).collect::<Vec<_>>().join("\n  ")));
        found.into_iter().collect()
    })
}

/// A file beside this one.
pub fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/module").join(path)
}
