//! Follows a job's commands into the texts and files that they run, and notes what reaches out.

use std::collections::{BTreeMap, BTreeSet};

use crate::detect::Program;
use crate::detect::outside::engine::{Choice, Contexts, Variables, choices};
use crate::detect::outside::programs::{acts, is_listed, is_text_of_one, speaks};
use crate::detect::outside::{Effects, fed, first_line, push};
use crate::detect::steps::{JobShell, Step};
use crate::detect::variables::setting;
use crate::docker::Arg;
use crate::pipeline::Job;
use crate::shell::{Certainty, Dialect, Frame};
use crate::workspace::Workspace;

/// Script files and texts that are followed within each other, at most.
const MAX_FOLLOWED: usize = 8;

/// Largest file that is looked into, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Texts of a job that are looked into, in bytes.
const MAX_READ: usize = 2 << 20;

/// A text of commands that is looked at.
struct Text<'s> {
    shell: &'s JobShell,
    /// Where it chooses an engine.
    choices: Vec<Choice>,
    /// How many texts led to it.
    depth: usize,
    /// Whether what it defines stays in the shell that runs it.
    is_sourced: bool,
}

/// What is known on the way through a job's commands.
pub struct Reader<'a> {
    workspace: &'a Workspace,
    /// Names of hosts that belong to the job.
    local: Vec<String>,
    /// Files that were read, with where the engine was then.
    seen: BTreeMap<String, BTreeSet<String>>,
    /// Files that the job wrote, as far as its script has their texts.
    written: BTreeMap<String, String>,
    /// What the functions of sourced files do.
    functions: BTreeMap<String, Effects>,
    variables: Variables,
    contexts: Contexts,
    left: usize,
    effects: Effects,
}

impl<'a> Reader<'a> {
    /// A reader of the scripts of `job`, which has the names `local` for hosts of its own.
    pub fn new(workspace: &'a Workspace, job: &Job, local: Vec<String>) -> Self {
        let variable = |name| setting(job, name).map(|setting| setting.text).filter(|text| !text.is_empty());
        Self {
            workspace,
            local,
            seen: BTreeMap::new(),
            written: BTreeMap::new(),
            functions: BTreeMap::new(),
            variables: Variables::new(variable("DOCKER_HOST"), variable("DOCKER_CONTEXT")),
            contexts: Contexts::default(),
            left: MAX_READ,
            effects: Effects::default(),
        }
    }

    /// What was found.
    pub fn into_effects(self) -> Effects {
        self.effects
    }

    /// Looks at the commands of a script of the job.
    pub fn shell(&mut self, shell: &JobShell) {
        self.commands(&Text { shell, choices: choices(shell), depth: 0, is_sourced: false });
    }

    fn commands(&mut self, whole: &Text<'_>) {
        let shell = whole.shell;
        if shell.script.dialect != Dialect::Posix {
            return self.lines(&shell.script.text);
        }
        if shell.evaluated.truncated {
            self.effects.deploys.push("it has a script that is too long to be looked at".to_owned());
        }
        for (index, step) in shell.steps.iter().enumerate() {
            // What a function does is seen where it is called, if that is in the same text.
            let definition = step.invocation.path.iter().find_map(|frame| match frame {
                Frame::Definition(name) => Some(name),
                _ => None,
            });
            match definition {
                Some(name) if whole.is_sourced => {
                    let outer = std::mem::take(&mut self.effects);
                    self.command(whole, index);
                    let found = std::mem::replace(&mut self.effects, outer);
                    self.functions.entry(name.clone()).or_default().extend(found);
                }
                Some(_) => {}
                None => self.command(whole, index),
            }
        }
    }

    fn command(&mut self, whole: &Text<'_>, index: usize) {
        let (shell, step) = (whole.shell, &whole.shell.steps[index]);
        let text = shell.slice(step.range());
        // The operations of the job's own script are known, with the job's variables.
        if let Some(operation) = step.operation.as_ref().filter(|_| whole.depth > 0) {
            self.effects.pushes.extend(push(operation, &step.argv, text));
        }
        if let Some(engine) = self.engine(step, whole) {
            self.effects.deploys.push(format!("it runs `{}` at the engine of {engine}", first_line(text)));
        } else if step.invocation.is_remote() || self.acts(step) {
            self.effects.deploys.push(format!("it runs `{}`", first_line(text)));
        } else if runs_download(step, shell, index) {
            self.effects.deploys.push(format!("it runs `{}`", first_line(shell.slice(step.statement()))));
        } else if fed::is_checked(step) {
            // Nothing of it runs.
        } else if fed::is_shell(step) || fed::is_interpreter(step) {
            self.fed(whole, index);
        } else if let Some(text) = fed::text(step) {
            self.follow(step, whole, &text, false);
        } else if let Program::Runs(file) = step.program
            && let Some(name) = step.argv.get(file)
        {
            self.file(step, whole, &name.text, &step.argv[file + 1..]);
        } else if let Some(name) = step.argv.first() {
            if matches!(step.program, Program::Opaque) {
                self.file(step, whole, &name.text, &step.argv[1..]);
            } else if matches!(&*name.text, "." | "source")
                && let Some(file) = step.argv.get(1)
            {
                self.file(step, whole, &file.text, &[]);
            }
            if let Some(effects) = self.functions.get(&name.text) {
                self.effects.extend(effects.clone());
            }
        }
        self.keep(shell, index);
    }

    /// Looks at a text of another shell's commands, by its words.
    fn lines(&mut self, text: &str) {
        let local: Vec<&str> = self.local.iter().map(String::as_str).collect();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let pushes = words.contains(&"push") && words.iter().any(|word| word.starts_with("docker") || word.starts_with("podman"));
            if pushes || is_text_of_one(line, &local) {
                self.effects.deploys.push(format!("it runs `{}`", first_line(line)));
            }
        }
    }

    /// The engine elsewhere at which a step changes something.
    fn engine(&mut self, step: &Step, whole: &Text<'_>) -> Option<String> {
        let operation = step.operation.as_ref()?;
        let variables = self.variables.at(step, &whole.choices);
        let elsewhere = variables.elsewhere(operation, &step.argv, &self.contexts, &self.local);
        self.contexts.learn(operation, step, &variables);
        elsewhere
    }

    fn acts(&self, step: &Step) -> bool {
        let Some((name, arguments)) = step.argv.split_first() else { return false };
        let arguments: Vec<&str> = arguments.iter().map(|argument| &*argument.text).collect();
        let local: Vec<&str> = self.local.iter().map(String::as_str).collect();
        // A program that a variable names is most likely called like it.
        let named = name.text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).map(str::to_ascii_lowercase);
        acts(named.as_deref().unwrap_or(&name.text), &arguments, &local)
            || self.is_sent_by_a_file(&name.text, &arguments)
            || (matches!(step.program, Program::Opaque | Program::Runs(_)) && !is_listed(&name.text) && is_told_to(&arguments))
    }

    /// Whether a program's text, or a file of the repository that is no shell script, sends requests.
    fn is_sent_by_a_file(&self, name: &str, arguments: &[&str]) -> bool {
        let program = name.rsplit('/').next().unwrap_or(name);
        if !["python", "node", "ruby", "php", "perl"].iter().any(|known| program.starts_with(known)) {
            return !is_shell_script(name) && name.contains('/') && self.sends_in(name);
        }
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "-c" | "-e" | "-r" => return rest.next().is_some_and(|text| sends(text)),
                _ if argument.starts_with('-') => {}
                file => return self.sends_in(file),
            }
        }
        false
    }

    fn sends_in(&self, file: &str) -> bool {
        repository_path(file).is_some_and(|path| self.text(&path).is_some_and(|text| sends(&text)))
    }

    /// Looks at the text that the shell or interpreter of step `index` has as its standard input.
    fn fed(&mut self, whole: &Text<'_>, index: usize) {
        let step = &whole.shell.steps[index];
        let runs = |reader: &mut Self| reader.effects.deploys.push(format!("it runs `{}`", first_line(whole.shell.slice(step.range()))));
        if let Some(text) = fed::input(whole.shell, index) {
            if fed::is_shell(step) {
                self.follow(step, whole, &text, false);
            } else if sends(&text) {
                runs(self);
            }
        }
        for file in fed::input_files(whole.shell, index) {
            if fed::is_shell(step) {
                self.file(step, whole, &file, &[]);
            } else if self.sends_in(&file) {
                runs(self);
            }
        }
    }

    /// Keeps the text of a file that a step writes.
    fn keep(&mut self, shell: &JobShell, index: usize) {
        let step = &shell.steps[index];
        for (file, adds) in fed::files(step, shell) {
            let Some(path) = place(step, &file) else { continue };
            let text = fed::output(step, shell).or_else(|| (step.name() == Some("tee")).then(|| fed::input(shell, index)).flatten());
            let Some(text) = text else { continue };
            // What may not be written leaves what was there.
            let stays = adds || step.invocation.certainty != Certainty::Always;
            let mut whole = if stays { self.text(&path).unwrap_or_default() } else { String::new() };
            if whole.len() < MAX_FILE && text.len().max(LEAST) <= self.left {
                self.left -= text.len().max(LEAST);
                whole.push('\n');
                whole.push_str(&text);
            }
            self.seen.remove(&path);
            self.written.insert(path, whole);
        }
    }

    /// Looks at a script file that a step runs with `arguments`: at its name, and into it where it is in the repository.
    fn file(&mut self, step: &Step, whole: &Text<'_>, file: &str, arguments: &[Arg]) {
        let is_sourced = matches!(step.name(), Some("." | "source"));
        let is_rehearsed = arguments.iter().any(|word| matches!(&*word.text, "--dry-run" | "--dryrun" | "--help" | "-h"));
        // `. deploy.env` has variables, and `. /etc/os-release` is no release.
        let is_named = !is_rehearsed && !file.starts_with("/etc/") && (!is_sourced || is_shell_script(file));
        if is_named && speaks(file) {
            return self.effects.deploys.push(format!("it runs `{}`", first_line(whole.shell.slice(step.range()))));
        }
        let Some(path) = place(step, file) else { return };
        let client = format!("{:?}", self.variables.at(step, &whole.choices));
        if self.seen.entry(path.clone()).or_default().insert(client)
            && let Some(text) = self.text(&path)
        {
            self.follow(step, whole, &text, is_sourced);
        }
    }

    /// Looks at the commands of a text that `step` has run; what is sourced leaves its functions and variables behind.
    fn follow(&mut self, step: &Step, whole: &Text<'_>, text: &str, is_sourced: bool) {
        let cost = text.len().max(LEAST);
        if whole.depth >= MAX_FOLLOWED || cost > self.left {
            let text = first_line(whole.shell.slice(step.range()));
            return self.effects.deploys.push(format!("it runs more than is looked at: `{text}`"));
        }
        self.left -= cost;
        let variables = self.variables.at(step, &whole.choices);
        let outer = std::mem::replace(&mut self.variables, variables);
        let shell = JobShell::of_text(text);
        let inner = Text { shell: &shell, choices: choices(&shell), depth: whole.depth + 1, is_sourced };
        self.commands(&inner);
        let left = self.variables.after(&inner.choices);
        self.variables = if is_sourced { left } else { outer };
    }

    /// The text of a file, as the job wrote it or as it is in the repository.
    fn text(&self, path: &str) -> Option<String> {
        let of_repository = || self.workspace.text(path).ok().filter(|_| !path.starts_with('/')).map(|text| text.to_string());
        self.written.get(path).cloned().or_else(of_repository).filter(|text| text.len() < MAX_FILE)
    }
}

/// Whether the first of `arguments` says of a program that nobody knows what it is to do: `./build.sh deploy`, `python ci.py publish`.
fn is_told_to(arguments: &[&str]) -> bool {
    let does = |word: &&str| matches!(*word, "deploy" | "publish" | "push" | "upload" | "promote" | "rollback");
    let mut words = arguments.iter().filter(|word| !word.starts_with('-'));
    let is_rehearsed = arguments.iter().any(|word| matches!(*word, "--dry-run" | "--dryrun" | "--help"));
    let first = words.next();
    let behind_a_file = first.is_some_and(|word| word.contains('.')).then(|| words.next()).flatten();
    !is_rehearsed && [first, behind_a_file].into_iter().flatten().any(does)
}

fn is_shell_script(file: &str) -> bool {
    [".sh", ".bash"].iter().any(|end| file.ends_with(end)) || !file.rsplit('/').next().unwrap_or(file).contains('.')
}

/// What a text costs at least of what may be read, in bytes.
const LEAST: usize = 256;

/// Whether a program's text sends requests or files, roughly.
fn sends(text: &str) -> bool {
    let methods = ["post", "put", "patch", "delete"];
    let by = |client: &str| methods.iter().any(|method| text.contains(&format!("{client}.{method}(")));
    let runs = text.contains("subprocess") || text.contains("os.system") || text.contains("exec");
    ["requests", "httpx", "session", "axios"].iter().any(|client| by(client))
        || ["method=\"POST\"", "method='POST'", "method: \"POST\"", "method: 'POST'", "Net::HTTP.post", "requests.request(\"POST\""]
            .iter()
            .any(|part| text.contains(part))
        || (runs && ["twine upload", "git push", "kubectl apply", "docker push"].iter().any(|part| text.contains(part)))
}

/// Whether what a step runs comes from an address that says of itself that it reaches out: `bash <(curl -s https://codecov.io/bash)`.
fn runs_download(step: &Step, shell: &JobShell, index: usize) -> bool {
    let speaks_out = |step: &Step| {
        matches!(step.name(), Some("curl" | "wget"))
            && step.argv.iter().filter_map(|word| word.text.split_once("://")).any(|(_, address)| {
                let host = address.split('/').next().unwrap_or_default();
                matches!(host, "codecov.io" | "uploader.codecov.io" | "goreleaser.com")
                    || address.split_once('/').is_some_and(|(_, path)| speaks(path))
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
