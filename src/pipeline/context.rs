//! What is known when a pipeline is created: the event, the variables, the changed files, the files of the repository. Knows no YAML.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::pipeline::expression::Lookup;
use crate::pipeline::predefined::{self, Fact};

/// What starts a pipeline, as users of the command line name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// A push to a branch.
    Push,
    /// A change of a merge request.
    MergeRequest,
    /// A push of a tag.
    Tag,
    /// A pipeline schedule.
    Schedule,
    /// The button in the web interface.
    Web,
    /// The pipelines API.
    Api,
    /// A trigger token.
    Trigger,
    /// A `trigger` job of another pipeline of the project.
    ParentPipeline,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 8] =
        [Self::Push, Self::MergeRequest, Self::Tag, Self::Schedule, Self::Web, Self::Api, Self::Trigger, Self::ParentPipeline];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::MergeRequest => "mr",
            Self::Tag => "tag",
            Self::Schedule => "schedule",
            Self::Web => "web",
            Self::Api => "api",
            Self::Trigger => "trigger",
            Self::ParentPipeline => "parent_pipeline",
        }
    }

    /// The value of `CI_PIPELINE_SOURCE`.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Push | Self::Tag => "push",
            Self::MergeRequest => "merge_request_event",
            Self::Schedule => "schedule",
            Self::Web => "web",
            Self::Api => "api",
            Self::Trigger => "trigger",
            Self::ParentPipeline => "parent_pipeline",
        }
    }
}

/// What a pipeline runs for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ref {
    /// A branch.
    Branch(Arc<str>),
    /// A tag.
    Tag(Arc<str>),
    /// A merge request, by the name of its source branch and its target branch.
    MergeRequest {
        /// The branch with the changes.
        source: Arc<str>,
        /// The branch that they are to be merged into.
        target: Arc<str>,
    },
}

impl Ref {
    /// `CI_COMMIT_REF_NAME`.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Branch(name) | Self::Tag(name) | Self::MergeRequest { source: name, .. } => name,
        }
    }
}

/// The paths that changed, for `rules:changes`.
pub trait History: Send + Sync {
    /// What the event changed; none where that is not known.
    fn changed(&self) -> Option<Vec<String>>;

    /// What changed since the commit in which `reference` and this one met; none where that is not known.
    fn changed_since(&self, reference: &str) -> Option<Vec<String>>;
}

/// A history of which only the changes of the event may be known.
#[derive(Clone, Default, Debug)]
pub struct Changed(pub Option<Vec<String>>);

impl History for Changed {
    fn changed(&self) -> Option<Vec<String>> {
        self.0.clone()
    }

    fn changed_since(&self, _reference: &str) -> Option<Vec<String>> {
        self.0.clone()
    }
}

/// What is known of the project and the commit; what is absent is not known.
#[derive(Clone, Default, Debug)]
pub struct Facts {
    /// `CI_DEFAULT_BRANCH`.
    pub default_branch: Option<Arc<str>>,
    /// `CI_PROJECT_PATH`, such as `group/project`.
    pub project: Option<Arc<str>>,
    /// `CI_SERVER_HOST`.
    pub server: Option<Arc<str>>,
    /// Values of other predefined variables, by name.
    pub variables: BTreeMap<Arc<str>, Arc<str>>,
}

/// All that is known of the moment at which a pipeline is created.
#[derive(Clone)]
pub struct Context {
    event: Option<(Event, Ref)>,
    predefined: BTreeMap<Arc<str>, Fact>,
    given: BTreeMap<Arc<str>, Arc<str>>,
    inputs: Option<BTreeMap<Arc<str>, serde_json::Value>>,
    complete: bool,
    project: Option<Arc<str>>,
    history: Arc<dyn History>,
    files: Option<Arc<Vec<String>>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("event", &self.event)
            .field("given", &self.given)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Nothing is known: what holds here, holds in every pipeline.
    #[must_use]
    pub fn any() -> Self {
        Self {
            event: None,
            predefined: BTreeMap::new(),
            given: BTreeMap::new(),
            inputs: None,
            complete: false,
            project: None,
            history: Arc::new(Changed::default()),
            files: None,
        }
    }

    /// `event` for `reference`, in a project of which `facts` are known.
    #[must_use]
    pub fn new(event: Event, reference: Ref, facts: &Facts) -> Self {
        let predefined = predefined::facts(event, &reference, facts);
        Self { event: Some((event, reference)), predefined, project: facts.project.clone(), ..Self::any() }
    }

    /// Adds variables that are set outside of the files, for the pipeline or the project; they have the last word.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        self.given.extend(variables);
        self
    }

    /// Says which values the entry file's inputs are given; the others have their defaults.
    #[must_use]
    pub fn with_inputs(mut self, inputs: impl IntoIterator<Item = (Arc<str>, serde_json::Value)>) -> Self {
        self.inputs = Some(inputs.into_iter().collect());
        self
    }

    /// Says that no other variable is set outside of the files: what nothing sets does not exist.
    #[must_use]
    pub fn with_no_other_variables(mut self) -> Self {
        self.complete = true;
        self
    }

    /// Adds what changed.
    #[must_use]
    pub fn with_history(mut self, history: Arc<dyn History>) -> Self {
        self.history = history;
        self
    }

    /// Adds the paths of all files of the repository, for `rules:exists`.
    #[must_use]
    pub fn with_files(mut self, mut files: Vec<String>) -> Self {
        files.sort();
        self.files = Some(Arc::new(files));
        self
    }

    /// The event; none in [`Context::any`].
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        self.event.as_ref().map(|(event, _)| *event)
    }

    /// What the pipeline runs for; none in [`Context::any`].
    #[must_use]
    pub fn reference(&self) -> Option<&Ref> {
        self.event.as_ref().map(|(_, reference)| reference)
    }

    /// The project's full path, where it is known.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The changed files.
    #[must_use]
    pub fn history(&self) -> &dyn History {
        &*self.history
    }

    /// The paths of the repository's files, sorted, where they are known.
    #[must_use]
    pub fn files(&self) -> Option<&[String]> {
        self.files.as_deref().map(Vec::as_slice)
    }

    /// The values given for the entry file's inputs, where that is known.
    #[must_use]
    pub fn inputs(&self) -> Option<&BTreeMap<Arc<str>, serde_json::Value>> {
        self.inputs.as_ref()
    }

    /// A variable that is set outside of the files and beats what they say.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|value| &**value)
    }

    /// The predefined variables of which the value is known, by name.
    pub fn predefined(&self) -> impl Iterator<Item = (&str, &str)> {
        self.predefined.iter().filter_map(|(name, fact)| match fact {
            Fact::Text(text) => Some((&**name, &**text)),
            Fact::Present | Fact::Unknown | Fact::Absent | Fact::WhenRunning => None,
        })
    }

    /// The variables that are set outside of the files, by name.
    pub fn all_given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Says that there is nothing but what is known here.
    #[must_use]
    pub fn settled(mut self) -> Self {
        let absent = |fact: &mut Fact| {
            if matches!(fact, Fact::Unknown | Fact::Present) {
                *fact = Fact::Absent;
            }
        };
        self.predefined.values_mut().for_each(absent);
        self.with_no_other_variables()
    }

    /// A variable that no file sets, as `rules` see it: those that only a job that runs has do not exist yet
    /// (<https://docs.gitlab.com/ci/variables/where_variables_can_be_used/#persisted-variables>).
    #[must_use]
    pub fn outside(&self, name: &str) -> Lookup<'_> {
        if let Some(value) = self.given(name) {
            return Lookup::Defined(Cow::Borrowed(value));
        }
        match self.predefined.get(name) {
            Some(Fact::Text(text)) => Lookup::Defined(Cow::Borrowed(text)),
            Some(Fact::Present) => Lookup::Present,
            Some(Fact::Absent | Fact::WhenRunning) => Lookup::Undefined,
            Some(Fact::Unknown) => Lookup::Unknown,
            None if self.event.is_some() && predefined::is_absent(name) => Lookup::Undefined,
            None if self.complete && !predefined::is_environment(name) => Lookup::Undefined,
            None => Lookup::Unknown,
        }
    }
}
