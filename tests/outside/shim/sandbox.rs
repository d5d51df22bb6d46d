//! A script, variables and the calls that fail → the calls that it made and how it ended. The script runs in bash in a sandbox of namespaces without network,
//! in which no program exists but harmless text tools and a stand-in for everything else (`standin.bash`).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::binary::finish;

/// Programs with a stand-in of their own, so that `env`, `xargs` and `exec` find it too. Unknown names are recorded wherever bash itself looks for them.
const RECORDED: &str = "docker depot docker-buildx docker-compose buildctl rootlesskit podman buildah skopeo crane regctl executor curl wget git apk apt-get apt yum dnf pip pip3 npm npx yarn \
    make kubectl helm aws gcloud az vault ssh scp ssh-add ssh-agent ssh-keyscan trivy cosign python python3 node go mvn gradle chown";
/// Programs that only compute text or touch the sandbox's own files.
const REAL: &str = "awk base64 basename cat chmod cp cut date dirname echo env expr false find grep head jq ln ls md5sum mkdir mv printf readlink realpath \
    rev rm rmdir sed seq sha1sum sha256sum sort tail tee test touch tr true uniq wc xargs timeout nice";
const LIMIT: Duration = Duration::from_secs(4);
const HOME: &str = "/builds/group/project";

/// What is run: the two shells of one GitLab job.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scripts {
    /// before_script and script.
    pub main: String,
    pub after: String,
}

/// One call of an external command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The folder in which it ran.
    pub folder: String,
    pub failed: bool,
    /// The number that the stand-in gave a build, as it is in its metadata file.
    pub build: String,
    pub words: Vec<String>,
    /// Name and arguments as the stand-in records and compares them.
    pub line: String,
}

/// What a run did.
pub struct Trace {
    pub calls: Vec<Call>,
    pub succeeded: bool,
    pub stderr: String,
}

/// The folder with the stand-ins, made once for a job's runs.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// Prepares the stand-ins and those of the commands that `scripts` calls by a path.
    pub fn new(scripts: &[&Scripts]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("the stand-ins' folder can be created");
        fs::write(folder.path().join("standin.bash"), include_str!("standin.bash")).expect("the stand-in can be written");
        let caller = "#!/usr/bin/bash\nstandin \"${0##*/}\" \"$@\"\n";
        for name in RECORDED.split_whitespace() {
            program(&bin.join(name), caller);
        }
        for name in ["sh", "bash", "ash"] {
            program(&bin.join(name), "#!/usr/bin/bash\nexec /usr/bin/bash \"$@\"\n");
        }
        for name in REAL.split_whitespace() {
            // A machine without the program has it recorded like any other.
            if let Ok(real) = fs::canonicalize(Path::new("/usr/bin").join(name)) {
                symlink(real, bin.join(name)).expect("the link can be made");
            }
        }
        let paths: Vec<String> = scripts.iter().flat_map(|scripts| called_by_path(&scripts.main)).collect();
        program(&folder.path().join("by-path"), caller);
        fs::write(folder.path().join("paths"), paths.join("\n")).expect("the list can be written");
        Self { folder }
    }

    /// Runs `scripts`, or gives `None` where they do not end in time. `failing` are `Call::line`s.
    pub fn run(&self, scripts: &Scripts, variables: &BTreeMap<String, String>, remote: bool, failing: &[String]) -> Option<Trace> {
        let out = tempfile::tempdir().expect("a temporary folder can be created");
        fs::write(out.path().join("main"), &scripts.main).expect("the script can be written");
        fs::write(out.path().join("after"), &scripts.after).expect("the script can be written");
        let mut command = self.command(out.path());
        command.envs(variables);
        command.envs([("PATH", "/standin/bin"), ("HOME", "/root"), ("LC_ALL", "C.UTF-8"), ("BASH_ENV", "/standin/standin.bash")]);
        command.envs([
            ("STANDIN_NAMES", RECORDED),
            ("STANDIN_REMOTE", if remote { "1" } else { "" }),
            ("STANDIN_FAIL", &failing.join("\n")),
        ]);
        let run = finish(command, LIMIT);
        run.code?;
        let log = fs::read(out.path().join("log")).unwrap_or_default();
        let status = fs::read_to_string(out.path().join("status")).unwrap_or_default();
        Some(Trace { calls: calls(&String::from_utf8_lossy(&log)), succeeded: status.trim() == "0", stderr: run.stderr })
    }

    fn command(&self, out: &Path) -> Command {
        let mut command = bubblewrap();
        command.arg("--ro-bind").arg(self.folder.path()).arg("/standin");
        command.arg("--bind").arg(out).arg("/out");
        command.args(["--dir", "/root", "--dir", "/tmp", "--dir", HOME, "--chdir", HOME]);
        command.args(["/usr/bin/dash", "-c", DRIVER]);
        command
    }
}

/// Puts commands with a path where the script looks for them, then runs the job's two shells as GitLab's runner does.
const DRIVER: &str = r#"
while read -r path || [ -n "$path" ]; do
  [ -n "$path" ] && /usr/bin/mkdir -p "$(/usr/bin/dirname "$path")" && [ ! -e "$path" ] && /usr/bin/ln -s /standin/by-path "$path"
done </standin/paths 2>/dev/null
STANDIN_SECTION=script /usr/bin/bash -eo pipefail /out/main </dev/null
echo $? >/out/status
STANDIN_SECTION=after_script /usr/bin/bash -eo pipefail /out/after </dev/null
exit 0
"#;

/// Whether this machine can make the sandbox, or why not. Tried once.
pub fn available() -> Result<(), String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    let attempt = || {
        if !Path::new("/usr/bin/bash").exists() || !Path::new("/usr/bin/dash").exists() {
            return Err("bash and dash are not both in /usr/bin".to_owned());
        }
        let mut command = bubblewrap();
        command.arg("/usr/bin/true");
        let output = command.output().map_err(|error| format!("bubblewrap does not start: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("bubblewrap can't make a sandbox: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
    };
    TRIED.get_or_init(attempt).clone()
}

/// An empty root with the system's programs and libraries to read, and no network.
pub fn bubblewrap() -> Command {
    let mut command = Command::new("/usr/bin/bwrap");
    command.env_clear();
    command.args([
        "--unshare-all",
        "--die-with-parent",
        "--ro-bind",
        "/usr",
        "/usr",
        "--symlink",
        "usr/bin",
        "/bin",
        "--symlink",
        "usr/lib",
        "/lib",
    ]);
    command.args(["--symlink", "usr/lib64", "/lib64", "--dev", "/dev", "--proc", "/proc"]);
    command
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).expect("the stand-in can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the stand-in can be made executable");
}

/// Words with a slash in a command's place, such as `./gradlew`; a path outside of the sandbox's own folders is left out.
fn called_by_path(script: &str) -> Vec<String> {
    static PLACE: OnceLock<regex::Regex> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        regex::Regex::new(r"(?m)(?:^|[;&|({!]|\bthen\b|\bdo\b|\belse\b|\bsudo\b)[ \t]*((?:\./|/|[\w.-]+/)[\w./-]+)")
            .expect("the pattern is valid")
    });
    let found = place.captures_iter(script).map(|captures| captures[1].to_owned());
    found.filter(|path| !["/usr", "/bin", "/dev", "/proc", "/out", "/standin"].iter().any(|own| path.starts_with(own))).collect()
}

fn calls(log: &str) -> Vec<Call> {
    log.lines().filter_map(call).collect()
}

fn call(line: &str) -> Option<Call> {
    let mut fields = line.splitn(5, '\u{1f}');
    let (_section, folder, status, build, line) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let words: Vec<String> = line.split('\u{1f}').map(|word| word.replace('\u{1e}', "\n")).collect();
    Some(Call { folder: folder.to_owned(), failed: status != "0", build: build.to_owned(), words, line: line.to_owned() })
}

#[test]
fn a_script_meets_only_stand_ins() {
    if let Err(why) = available() {
        return crate::say(&format!("skipped: {why}"));
    }
    let main = "docker build -t \"$A\" .\necho x | docker login -p - --password-stdin\n./gradlew 'two words' && unheard-of\nenv X=1 docker push a\nID=$(git rev-parse HEAD)\necho \"$ID\" | cut -c1-4 | xargs docker tag a";
    let scripts = Scripts { main: main.to_owned(), after: "docker logout".to_owned() };
    let variables = BTreeMap::from([("A".to_owned(), "a b".to_owned())]);
    let sandbox = Sandbox::new(&[&scripts]);
    let trace = sandbox.run(&scripts, &variables, true, &[]).unwrap();
    let lines: Vec<String> = trace.calls.iter().map(|call| call.words.join("|")).collect();
    let expected = [
        "docker|build|-t|a b|.",
        "docker|login|-p|-|--password-stdin",
        "gradlew|two words",
        "unheard-of",
        "docker|push|a",
        "git|rev-parse|HEAD",
        "docker|tag|a|0123",
        "docker|logout",
    ];
    assert_eq!(lines, expected, "{}", trace.stderr);
    assert!(trace.succeeded);
    let failing = sandbox.run(&scripts, &variables, true, &[trace.calls[4].line.clone()]).unwrap();
    assert!(!failing.succeeded);
    assert_eq!(failing.calls.iter().map(|call| call.failed).collect::<Vec<_>>(), [false, false, false, false, true, false]);
}
