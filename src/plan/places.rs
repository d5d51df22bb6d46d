//! The values of a job in which GitLab itself expands variables (<https://docs.gitlab.com/ci/variables/where_variables_can_be_used/>): its environment, its
//! tags, its resource group and the project that it triggers. What only a runner expands stays as written.

use crate::pipeline::context::Context;
use crate::pipeline::expansion::expanded;
use crate::pipeline::include::entries;
use crate::pipeline::script::flat;
use crate::plan::Trigger;
use crate::plan::variables::{Texts, look_up};
use crate::yaml::{Mapping, Value};

/// Where variables are looked up.
pub(super) struct Places<'a> {
    pub(super) context: &'a Context,
    pub(super) variables: &'a Texts,
}

impl Places<'_> {
    /// A text with what is known of its variables put in.
    pub(super) fn text(&self, value: Option<&Value>) -> Option<String> {
        let text = value.filter(|value| !value.is_null())?.scalar_text()?;
        Some(expanded(&text, &|name| look_up(self.context, self.variables, name)).text)
    }

    pub(super) fn environment(&self, job: &Mapping) -> Option<String> {
        let environment = job.get("environment")?;
        self.text(if environment.as_mapping().is_some() { environment.get("name") } else { Some(environment) })
    }

    pub(super) fn tags(&self, job: &Mapping) -> Vec<String> {
        let tags = job.get("tags").map(|tags| flat(tags, &mut Vec::new())).unwrap_or_default();
        tags.into_iter().filter_map(|tag| self.text(Some(tag))).collect()
    }

    pub(super) fn trigger(&self, job: &Mapping) -> Option<Trigger> {
        let trigger = job.get("trigger").filter(|trigger| !trigger.is_null())?;
        let of = |keyword| trigger.get(keyword);
        let project = if trigger.as_mapping().is_some() { of("project") } else { Some(trigger) };
        let includes = of("include").map(entries).unwrap_or_default();
        Some(Trigger {
            project: self.text(project),
            branch: self.text(of("branch")),
            includes: includes.into_iter().filter_map(included).collect(),
            strategy: of("strategy").and_then(Value::scalar_text),
        })
    }
}

/// What an entry of `trigger:include` names.
fn included(entry: &Value) -> Option<String> {
    let named = ["local", "artifact", "project", "remote", "template", "component"].into_iter().find_map(|keyword| entry.get(keyword));
    let text = named.unwrap_or(entry).scalar_text()?;
    let file = entry.get("file").and_then(Value::scalar_text);
    let job = entry.get("job").and_then(Value::scalar_text);
    Some(match (file, job) {
        (Some(file), _) => format!("{text}: {file}"),
        (None, Some(job)) => format!("{text} of {job}"),
        (None, None) => text,
    })
}
