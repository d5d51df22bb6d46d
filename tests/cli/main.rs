//! The built binary: arguments, files and standard input in; exit code, standard output, standard error and files out.

#[cfg(unix)]
mod bad_files;
mod bad_input;
mod commands;
#[cfg(feature = "fetch")]
mod fetch;
mod limits;
mod lint;
mod plan;
mod runner_config;
mod schemas;
mod targets;
mod usage;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with files in which the binary runs.
pub struct Folder(tempfile::TempDir);

/// What a run left behind.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Folder {
    /// A folder that holds `files`, pairs of path and text.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| folder.write(path, text.as_bytes()));
        folder
    }

    /// Writes a file, and the folders that it needs.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Every file with its bytes, by path.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut open = vec![self.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path())
                } else {
                    files.push((entry.path(), fs::read(entry.path()).unwrap()))
                }
            }
        }
        files.sort();
        files
    }

    /// Runs the binary here.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], b"")
    }

    /// Runs the binary here with variables and standard input; everything else of the environment is gone.
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
        command.args(arguments).current_dir(self.path()).env_clear().envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A command that ends without reading closes the pipe, which is not this test's business.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().expect("the process was not killed"), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the binary here and checks its code, that it says `message` on standard error without a backtrace, and that no file changed.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str], message: &str) {
        let before = self.files();
        let ran = self.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?} says {:?}, not {message:?}", ran.stderr);
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("RUST_BACKTRACE"), "{}", ran.stderr);
        assert_eq!(self.files(), before, "{arguments:?}");
    }
}

impl Ran {
    /// Standard output, which has to be JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A pipeline with a Docker-in-Docker build.
pub const PIPELINE: &str = "\
build:
  image: docker:27
  services: [docker:27-dind]
  variables:
    DOCKER_HOST: tcp://docker:2376
    DOCKER_TLS_CERTDIR: /certs
  script:
    - docker build -t $IMAGE .
    - docker push $IMAGE
";
