//! Follows a job's commands into the texts and files that they run, and notes what reaches out.

use std::collections::{BTreeMap, BTreeSet};

use crate::detect::Program;
use crate::detect::outside::engine::{Client, chosen};
use crate::detect::outside::programs::{acts, speaks};
use crate::detect::outside::{Effects, fed, first_line, push};
use crate::detect::steps::{JobShell, Step};
use crate::detect::variables::setting;
use crate::pipeline::Job;
use crate::shell::{Binding, Frame};
use crate::workspace::Workspace;

/// Script files and texts that are followed within each other, at most.
const MAX_FOLLOWED: usize = 8;

/// Largest file that is looked into, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Texts of a job that are looked into, in bytes.
const MAX_READ: usize = 8 << 20;

/// A text of commands that is looked at.
struct Text<'s> {
    shell: &'s JobShell,
    /// Where it chooses an engine.
    chosen: Vec<&'s Binding>,
    /// How many texts led to it.
    depth: usize,
}

/// What is known on the way through a job's commands.
pub struct Reader<'a> {
    workspace: &'a Workspace,
    /// Names of hosts that belong to the job.
    local: Vec<String>,
    /// Files that were read.
    seen: BTreeSet<String>,
    /// Files that the job wrote, as far as its script has their texts.
    written: BTreeMap<String, String>,
    client: Client,
    left: usize,
    effects: &'a mut Effects,
}

impl<'a> Reader<'a> {
    /// A reader of the scripts of `job`, which has the names `local` for hosts of its own.
    pub fn new(workspace: &'a Workspace, job: &Job, local: Vec<String>, effects: &'a mut Effects) -> Self {
        let variable = |name| setting(job, name).map(|setting| setting.text).filter(|text| !text.is_empty());
        let client = Client::new(variable("DOCKER_HOST"), variable("DOCKER_CONTEXT"));
        Self { workspace, local, seen: BTreeSet::new(), written: BTreeMap::new(), client, left: MAX_READ, effects }
    }

    /// Looks at the commands of a script of the job, or, deeper, of a text that it runs.
    pub fn shell(&mut self, shell: &JobShell, depth: usize) {
        let whole = Text { shell, chosen: chosen(shell), depth };
        for (index, step) in shell.steps.iter().enumerate() {
            // What a function does is seen where it is called.
            if step.invocation.is_definition() {
                continue;
            }
            let text = &shell.script.text[step.range()];
            // The operations of the job's own script are known, with the job's variables.
            if let Some(operation) = step.operation.as_ref().filter(|_| depth > 0) {
                self.effects.pushes.extend(push(operation, &step.argv, text));
            }
            if let Some(engine) = self.engine(step, &whole) {
                self.effects.deploys.push(format!("it runs `{}` at the engine of {engine}", first_line(text)));
            } else if step.invocation.is_remote() || self.acts(step) {
                self.effects.deploys.push(format!("it runs `{}`", first_line(text)));
            } else if runs_download(step, shell, index) {
                self.effects.deploys.push(format!("it runs `{}`", first_line(shell.slice(step.statement()))));
            } else if fed::is_shell(step) || fed::is_python(step) {
                self.fed(&whole, index);
            } else if let Program::Runs(index) = step.program
                && let Some(file) = step.argv.get(index)
            {
                self.file(step, &whole, &file.text);
            } else if let Some(name) = step.argv.first().filter(|_| matches!(step.program, Program::Opaque)) {
                self.file(step, &whole, &name.text);
            }
            self.keep(shell, index);
        }
    }

    /// The engine elsewhere at which a step changes something.
    fn engine(&mut self, step: &Step, whole: &Text<'_>) -> Option<String> {
        let operation = step.operation.as_ref()?;
        let mut client = self.client.at(step, &whole.chosen);
        let elsewhere = client.elsewhere(operation, &self.local);
        client.learn(operation, &step.argv);
        self.client.keep_contexts(client);
        elsewhere
    }

    fn acts(&self, step: &Step) -> bool {
        let Some((name, arguments)) = step.argv.split_first() else { return false };
        let arguments: Vec<&str> = arguments.iter().map(|argument| &*argument.text).collect();
        let local: Vec<&str> = self.local.iter().map(String::as_str).collect();
        acts(&name.text, &arguments, &local) || self.is_sent_by_a_file(&name.text, &arguments)
    }

    /// Whether a file of the repository that is no shell script, and that an interpreter is given, sends requests.
    fn is_sent_by_a_file(&self, name: &str, arguments: &[&str]) -> bool {
        let runs_files = ["python", "python3", "node", "ruby", "php", "perl"].contains(&name.rsplit('/').next().unwrap_or(name));
        let file = || arguments.iter().find(|argument| !argument.starts_with('-')).and_then(|file| repository_path(file));
        runs_files && file().is_some_and(|path| self.text(&path).is_some_and(|text| sends(&text)))
    }

    /// Looks at the text that the shell or interpreter of step `index` has as its standard input.
    fn fed(&mut self, whole: &Text<'_>, index: usize) {
        let step = &whole.shell.steps[index];
        if let Some(text) = fed::input(whole.shell, index) {
            if fed::is_shell(step) {
                self.follow(step, whole, &text);
            } else if sends(&text) {
                self.effects.deploys.push(format!("it runs `{}`", first_line(whole.shell.slice(step.range()))));
            }
        }
        for cat in fed::before(whole.shell, index).filter(|before| before.name() == Some("cat")) {
            for file in cat.argv.iter().skip(1) {
                self.file(cat, whole, &file.text);
            }
        }
    }

    /// Keeps the text of a file that a step writes.
    fn keep(&mut self, shell: &JobShell, index: usize) {
        let step = &shell.steps[index];
        for (file, adds) in fed::files(step) {
            let Some(path) = place(step, &file) else { continue };
            let text = fed::output(step, shell).or_else(|| (step.name() == Some("tee")).then(|| fed::input(shell, index)).flatten());
            let Some(text) = text else { continue };
            self.seen.remove(&path);
            let known = self.written.entry(path).or_default();
            if !adds {
                known.clear();
            }
            if known.len() < MAX_FILE {
                known.push_str(&text);
            }
        }
    }

    /// Looks at a script file that a step runs: at its name, and into it where it is in the repository.
    fn file(&mut self, step: &Step, whole: &Text<'_>, file: &str) {
        // `. /etc/os-release` is no release.
        if speaks(file) && !file.starts_with("/etc/") {
            return self.effects.deploys.push(format!("it runs `{}`", first_line(whole.shell.slice(step.range()))));
        }
        let Some(path) = place(step, file) else { return };
        if self.seen.insert(path.clone())
            && let Some(text) = self.text(&path)
        {
            self.follow(step, whole, &text);
        }
    }

    /// Looks at the commands of a text that `step` of `shell` has run.
    fn follow(&mut self, step: &Step, whole: &Text<'_>, text: &str) {
        if whole.depth >= MAX_FOLLOWED || text.len() > self.left {
            return;
        }
        self.left -= text.len();
        let outer = self.client.clone();
        self.client = outer.at(step, &whole.chosen);
        self.shell(&JobShell::of_text(text), whole.depth + 1);
        let inner = std::mem::replace(&mut self.client, outer);
        self.client.keep_contexts(inner);
    }

    /// The text of a file, as the job wrote it or as it is in the repository.
    fn text(&self, path: &str) -> Option<String> {
        let of_repository = || self.workspace.text(path).ok().filter(|_| !path.starts_with('/')).map(|text| text.to_string());
        self.written.get(path).cloned().or_else(of_repository).filter(|text| text.len() < MAX_FILE)
    }
}

/// Whether a program's text sends requests or files, roughly.
fn sends(text: &str) -> bool {
    ["requests.post(", "requests.put(", "requests.patch(", "requests.delete(", "twine upload", "git push", "method=\"POST\""]
        .iter()
        .any(|part| text.contains(part))
}

/// Whether what a step runs comes from an address that says of itself that it reaches out: `bash <(curl -s https://codecov.io/bash)`.
fn runs_download(step: &Step, shell: &JobShell, index: usize) -> bool {
    let speaks_out = |step: &Step| {
        matches!(step.name(), Some("curl" | "wget"))
            && step.argv.iter().filter_map(|word| word.text.split_once("://")).any(|(_, address)| {
                let host = address.split('/').next().unwrap_or_default();
                matches!(host, "codecov.io" | "uploader.codecov.io") || address.split_once('/').is_some_and(|(_, path)| speaks(path))
            })
    };
    (step.invocation.path.contains(&Frame::ProcessSubstitution) && speaks_out(step))
        || (fed::is_shell(step) && fed::before(shell, index).any(speaks_out))
}

/// The path of `file`, which a step names: as the workspace knows it, or from the root. Where the step's folder is not known, it is most likely the one in
/// which the script began.
fn place(step: &Step, file: &str) -> Option<String> {
    if file.starts_with('/') {
        return (!file.contains("${")).then(|| file.to_owned());
    }
    let file = repository_path(file)?;
    let folder = step.folder().filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}/")).unwrap_or_default();
    Some(format!("{folder}{file}"))
}

/// A path as the workspace knows it, where it surely lies in the repository.
fn repository_path(text: &str) -> Option<String> {
    let own = ["${CI_PROJECT_DIR}/", "${PWD}/", "./"];
    let path = own.iter().fold(text, |path, beginning| path.strip_prefix(beginning).unwrap_or(path));
    (!path.starts_with('/') && !path.is_empty() && !path.contains("${") && !path.contains("..")).then(|| path.to_owned())
}
