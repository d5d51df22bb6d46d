//! The options of an event into the context of a pipeline, with what had to be assumed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use undind::pipeline::context::{Changed, Context, Event, Ref};
use undind::run::stand_ins;

use crate::cli::args::{EventName, EventOptions};
use crate::cli::discover::Repository;
use crate::cli::disk::read_limited;
use crate::cli::failure::Failure;
use crate::cli::git::{Git, GitHistory};

/// The branch that is taken for the default one where nothing tells.
const DEFAULT_BRANCH: &str = "main";

/// A context, and what was taken for granted in making it.
#[derive(Debug)]
pub struct Setting {
    /// What is known.
    pub context: Context,
    /// What was not known and is assumed: sentences.
    pub assumptions: Vec<String>,
}

/// The context of `event` in `repository`.
///
/// # Errors
/// Options that contradict each other, or a file of variables that can't be read.
pub fn setting(event: Event, options: &EventOptions, repository: &Repository) -> Result<Setting, Failure> {
    made(event, options, repository, None)
}

/// The context of `event` in `repository` for jobs that run: what nothing tells has a stand-in, or does not exist. `registry` takes the place of the
/// project's own.
///
/// # Errors
/// Those of [`setting`].
#[cfg(unix)]
pub fn running(event: Event, options: &EventOptions, repository: &Repository, registry: Option<&str>) -> Result<Context, Failure> {
    made(event, options, repository, Some(registry)).map(|setting| setting.context.settled())
}

/// The event that the options name.
pub fn event(options: &EventOptions) -> Event {
    match (options.event, &options.tag) {
        (Some(event), _) => event.into(),
        (None, Some(_)) => Event::Tag,
        (None, None) => Event::Push,
    }
}

fn made(event: Event, options: &EventOptions, repository: &Repository, runs: Option<Option<&str>>) -> Result<Setting, Failure> {
    let git = Git::open(&repository.root).filter(|_| !repository.stdin);
    let mut assumptions = Vec::new();
    let mut facts = git.as_ref().map(Git::facts).unwrap_or_default();
    if let Some(branch) = &options.default_branch {
        facts.default_branch = Some(branch.as_str().into());
    }
    let default_branch = facts.default_branch.clone().unwrap_or_else(|| {
        let local = git.as_ref().and_then(Git::branch).filter(|branch| ["main", "master"].contains(&branch.as_str()));
        let branch = local.unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        assumptions.push(format!("the default branch is taken to be `{branch}` (`--default-branch` says otherwise)"));
        branch.into()
    });
    facts.default_branch = Some(default_branch.clone());
    let reference = reference(event, options, git.as_ref(), &default_branch)?;
    let target = match &reference {
        Ref::MergeRequest { target, .. } => Some(target.to_string()),
        Ref::Branch(_) | Ref::Tag(_) => None,
    };
    assumptions.extend(assumed(event, &reference, &default_branch, options, git.is_some()));
    if let Some(registry) = runs {
        facts.variables.extend(registry.map(|registry| ("CI_REGISTRY".into(), registry.into())));
        let folder = repository.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        stand_ins(&mut facts, &reference, &folder);
    }
    let configured = runs.map(|_| repository.config.run.variables.iter()).into_iter().flatten();
    let configured: Vec<(Arc<str>, Arc<str>)> = configured.map(|(name, text)| (name.as_str().into(), text.0.as_str().into())).collect();
    let mut context =
        Context::new(event, reference, &facts).with_variables(configured).with_variables(variables(options)?).with_inputs(inputs(options)?);
    if options.no_other_vars {
        context = context.with_no_other_variables();
    }
    context = match (&options.changed[..], &git) {
        ([_, ..], _) => context.with_history(Arc::new(Changed(Some(options.changed.clone())))),
        ([], Some(git)) => context.with_history(Arc::new(GitHistory { git: git.clone(), target })),
        ([], None) => context,
    };
    let files = git.as_ref().and_then(Git::files).unwrap_or_else(|| repository.workspace.paths());
    Ok(Setting { context: context.with_files(files), assumptions })
}

impl From<EventName> for Event {
    fn from(name: EventName) -> Self {
        match name {
            EventName::Push => Self::Push,
            EventName::Mr => Self::MergeRequest,
            EventName::Tag => Self::Tag,
            EventName::Schedule => Self::Schedule,
            EventName::Web => Self::Web,
            EventName::Api => Self::Api,
            EventName::Trigger => Self::Trigger,
            EventName::ParentPipeline => Self::ParentPipeline,
        }
    }
}

fn reference(event: Event, options: &EventOptions, git: Option<&Git>, default_branch: &Arc<str>) -> Result<Ref, Failure> {
    let here = || git.and_then(Git::branch).map(Arc::<str>::from);
    let branch = options.branch.as_deref().map(Arc::<str>::from);
    match (event, &options.tag) {
        (Event::Tag, tag) => {
            if branch.is_some() {
                return Err(Failure::new("a tag has no branch: `--branch` and `--event tag` don't go together"));
            }
            let tag = tag.clone().or_else(|| git.and_then(Git::tag)).unwrap_or_else(|| "v1.0.0".to_owned());
            Ok(Ref::Tag(tag.into()))
        }
        (Event::Push | Event::MergeRequest, Some(_)) => {
            Err(Failure::new(format!("`--tag` and `--event {}` don't go together", event.name()))
                .help("`--event tag` is the push of a tag"))
        }
        (_, Some(tag)) => Ok(Ref::Tag(tag.as_str().into())),
        (Event::MergeRequest, None) => {
            let target = options.target_branch.as_deref().map_or_else(|| default_branch.clone(), Arc::from);
            let source = branch.or_else(|| here().filter(|branch| *branch != target)).unwrap_or_else(|| "feature".into());
            Ok(Ref::MergeRequest { source, target })
        }
        (Event::Push | Event::Schedule | Event::Web | Event::Api | Event::Trigger | Event::ParentPipeline, None) => {
            Ok(Ref::Branch(branch.or_else(here).unwrap_or_else(|| default_branch.clone())))
        }
    }
}

/// What `reference` and the history took for granted.
fn assumed(event: Event, reference: &Ref, default_branch: &str, options: &EventOptions, has_git: bool) -> Vec<String> {
    let mut assumptions = Vec::new();
    match reference {
        Ref::Tag(tag) if options.tag.is_none() => assumptions.push(format!("the tag is taken to be `{tag}` (`--tag` says otherwise)")),
        Ref::MergeRequest { source, .. } if options.branch.is_none() => {
            assumptions.push(format!("the merge request is taken to come from `{source}` (`--branch` says otherwise)"));
        }
        Ref::Branch(branch) if &**branch == default_branch => {
            assumptions.push(
                "no merge request is taken to be open from the default branch (`--var CI_OPEN_MERGE_REQUESTS=…` says otherwise)".to_owned(),
            );
        }
        Ref::Tag(_) | Ref::MergeRequest { .. } | Ref::Branch(_) => {}
    }
    if event == Event::Push && options.changed.is_empty() && has_git {
        assumptions.push("the push is taken to bring one commit (`--changed` names the files otherwise)".to_owned());
    }
    assumptions
}

fn variables(options: &EventOptions) -> Result<BTreeMap<Arc<str>, Arc<str>>, Failure> {
    let mut variables = BTreeMap::new();
    for path in &options.env_file {
        let bytes = read_limited(path).map_err(|error| Failure::at(path, error))?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::at(path, "the file is not UTF-8 text"))?;
        variables.extend(env_file(path, &text)?);
    }
    for pair in &options.var {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::new(format!("`--var {pair}`: a variable is given as NAME=VALUE")))?;
        variables.insert(name.into(), value.into());
    }
    if let Some(name) = variables.keys().find(|name| !is_name(name)) {
        return Err(Failure::new(format!("`{name}` is no name of a variable")).help("names have letters, digits and underscores"));
    }
    Ok(variables)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Lines of `NAME=VALUE`, as a dotenv report has them; also blank lines, comments, `export` and one pair of quotes round a value.
fn env_file(path: &Path, text: &str) -> Result<BTreeMap<Arc<str>, Arc<str>>, Failure> {
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pair = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        let (name, value) = pair.ok_or_else(|| Failure::at(path, format!("line {} is no NAME=VALUE", index + 1)))?;
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        variables.insert(name.trim().into(), quoted.unwrap_or(value).into());
    }
    Ok(variables)
}

/// Values of inputs: JSON where it is JSON other than a mapping, and text otherwise.
pub fn inputs(options: &EventOptions) -> Result<BTreeMap<Arc<str>, serde_json::Value>, Failure> {
    let mut inputs = BTreeMap::new();
    for pair in &options.input {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::new(format!("`--input {pair}`: an input is given as NAME=VALUE")))?;
        let parsed = serde_json::from_str::<serde_json::Value>(value).ok().filter(|value| !value.is_object() && !value.is_null());
        inputs.insert(name.into(), parsed.unwrap_or_else(|| value.into()));
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_variables_has_comments_exports_and_quotes() {
        let read = env_file(Path::new("f"), "# c\n\nA=1\nexport B='x y'\nC=\"a=b\"\nD=\n").unwrap();
        let pairs: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x y"), ("C", "a=b"), ("D", "")]);
        assert!(env_file(Path::new("f"), "A\n").is_err());
    }
}
