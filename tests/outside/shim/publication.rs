//! A run's calls → the references that it published, each with what is behind it. A small model of an image store and a registry: names lead to contents, and a
//! content is the words that decide what is built.

use std::collections::BTreeMap;

use super::effect::{Build, Effect};
use super::sandbox::Trace;

/// What a run did to the world outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub succeeded: bool,
    /// Content by reference.
    pub published: BTreeMap<String, String>,
}

/// What one call was, independently of the tool: calls of an original and of its migration are the same step if they share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An image with this content is built.
    Build(String),
    /// Something is published under this reference.
    Publish(String),
    Login(String),
    /// Another command with these words.
    Command(String),
}

/// The images that exist while calls are replayed.
#[derive(Default)]
struct Images {
    local: BTreeMap<String, String>,
    published: BTreeMap<String, String>,
    saved: BTreeMap<String, (String, Vec<String>)>,
    /// Whether builds run elsewhere.
    remote_builder: bool,
}

/// Replays `trace`: its outcome, and the steps of each call that succeeded, by the call's index.
pub fn replay(trace: &Trace) -> (Outcome, Vec<Vec<Step>>) {
    let mut images = Images::default();
    let mut steps = Vec::with_capacity(trace.calls.len());
    for call in &trace.calls {
        let effect = if call.failed { Effect::Other } else { Effect::of(call) };
        steps.push(images.apply(effect, &call.words.join(" ")));
    }
    (Outcome { succeeded: trace.succeeded, published: images.published }, steps)
}

impl Images {
    fn apply(&mut self, effect: Effect, words: &str) -> Vec<Step> {
        match effect {
            Effect::Build(build) => self.build(build),
            Effect::Tag { from, to } => {
                let content = self.local(&from);
                self.local.insert(to, content);
                Vec::new()
            }
            Effect::Pull(image) => {
                let content = self.remote(&image);
                self.local.insert(image, content);
                Vec::new()
            }
            Effect::Push(image) => {
                let content = self.local(&image);
                self.publish(vec![image], &content)
            }
            Effect::Index { to, from, published } => {
                let sources: Vec<String> = from.iter().map(|image| self.remote(image)).collect();
                let content = if let [only] = &sources[..] { only.clone() } else { format!("an index of {}", sources.join(" + ")) };
                if published {
                    return self.publish(to, &content);
                }
                self.local.extend(to.into_iter().map(|image| (image, content.clone())));
                Vec::new()
            }
            Effect::PushSaved { to, build } => {
                let content = self.saved.get(&build).map_or_else(|| format!("the unknown build {build}"), |(content, _)| content.clone());
                self.publish(to, &content)
            }
            Effect::Login(registry) => vec![Step::Login(registry)],
            Effect::RemoteBuilder => {
                self.remote_builder = true;
                Vec::new()
            }
            Effect::Other => Vec::new(),
            Effect::Foreign => vec![Step::Command(words.to_owned())],
        }
    }

    fn build(&mut self, build: Build) -> Vec<Step> {
        let arguments: Vec<String> =
            build.arguments.iter().map(|argument| self.resolved(argument, build.remote || self.remote_builder)).collect();
        let content = if arguments.is_empty() { build.content } else { format!("{} given {}", build.content, arguments.join(", ")) };
        let mut steps = vec![Step::Build(content.clone())];
        if let Some(saved) = build.saved {
            self.saved.insert(saved, (content.clone(), build.tags.clone()));
        }
        self.local.extend(build.tags.iter().map(|tag| (tag.clone(), content.clone())));
        if build.publishes {
            steps.extend(self.publish(build.tags, &content));
        }
        steps
    }

    /// A build argument, with what is behind the reference that its value may be: a remote builder sees only what was published.
    fn resolved(&self, argument: &str, remote: bool) -> String {
        let (_, value) = argument.split_once('=').unwrap_or((argument, ""));
        let image = super::effect::canonical(value);
        let local = if remote { None } else { self.local.get(&image) };
        let content = local.or_else(|| self.published.get(&image));
        content.map_or_else(|| argument.to_owned(), |content| format!("{argument} ({content})"))
    }

    fn publish(&mut self, images: Vec<String>, content: &str) -> Vec<Step> {
        self.published.extend(images.iter().map(|image| (image.clone(), content.to_owned())));
        images.into_iter().map(Step::Publish).collect()
    }

    fn local(&self, image: &str) -> String {
        self.local.get(image).cloned().unwrap_or_else(|| format!("{image} from elsewhere"))
    }

    fn remote(&self, image: &str) -> String {
        self.published.get(image).cloned().unwrap_or_else(|| format!("{image} from elsewhere"))
    }
}
