//! Pulls into caches that are not needed, copies within the registry, or questions for an image.

use crate::detect::flow::builds::{Planner, Pulled};
use crate::detect::flow::classify::{self, Between};
use crate::detect::flow::decide::variables;
use crate::detect::flow::images::{Images, Meaning, Origin};
use crate::detect::flow::{Action, Why};
use crate::detect::reason;
use crate::docker::Role;

impl Planner<'_> {
    pub(super) fn decide_pulls(&mut self) {
        let pulled = std::mem::take(&mut self.pulled);
        for pull in pulled.into_values() {
            self.decide_pull(&pull);
        }
    }

    fn decide_pull(&mut self, pull: &Pulled) {
        let step = &self.shell.steps[pull.step];
        if pull.pushes.is_empty() {
            let action =
                if step.invocation.ignores_failure { Action::Remove(Why::CachePull) } else { Action::Inspect { reference: pull.argument } };
            for &tag in &pull.tags {
                self.flow.actions.insert(tag, Action::Remove(Why::CopiedByRegistry));
            }
            self.drop_cache_flags(pull, step.invocation.ignores_failure);
            self.flow.actions.insert(pull.step, action);
            return;
        }
        let last = pull.pushes.iter().map(|push| push.step).max().unwrap_or(pull.step);
        let together = pull.pushes.iter().all(|push| {
            let other = &self.shell.steps[push.step];
            other.block == step.block && other.invocation.certainty == step.invocation.certainty && !other.invocation.ignores_failure
        });
        if step.invocation.ignores_failure || !pull.pushes.iter().all(|push| self.shell.steps[push.step].block.starts_with(&step.block)) {
            return self.refuse(last, reason::CONDITIONAL_BUILD, "an image is pulled under other conditions than it is pushed");
        }
        let own: Vec<usize> = pull.tags.iter().copied().chain(pull.pushes.iter().map(|push| push.step)).collect();
        let clear = together
            && (pull.step + 1..last)
                .filter(|index| !own.contains(index))
                .all(|index| classify::between(&self.shell.steps[index]) != Between::Opaque);
        let action = if clear { Action::Remove(Why::CopiedByRegistry) } else { Action::Inspect { reference: pull.argument } };
        let names = variables(step, pull.argument);
        if self.shell.assigns_within(&(step.range().end..self.shell.steps[last].range().start), &names) {
            return self.refuse(last, reason::UNKNOWN_IMAGE, "a variable in the pulled image's name changes before the push");
        }
        self.flow.actions.insert(pull.step, action);
        for &tag in &pull.tags {
            self.flow.actions.insert(tag, Action::Remove(Why::CopiedByRegistry));
        }
        for push in &pull.pushes {
            self.flow.actions.insert(push.step, Action::Promote { pull: pull.step, source: pull.argument, reference: push.argument });
        }
    }

    /// A cache that was only pulled for a build is not needed by a builder that keeps its own.
    fn drop_cache_flags(&mut self, pull: &Pulled, ignorable: bool) {
        if !ignorable {
            return;
        }
        for (&index, action) in &mut self.flow.actions {
            let (Action::Build(build) | Action::BuildHere(build)) = action else { continue };
            if !pull.cached_by.contains(&build.step) {
                continue;
            }
            debug_assert!(index >= build.step);
            let operation = self.shell.steps[build.step].operation.as_ref().expect("a build has an operation");
            let source = &self.shell.steps[pull.step].argv[pull.argument].text;
            let mut name = Images::default();
            name.name(source, Origin::Pull(pull.step));
            for (at, flag) in operation.flags.iter().enumerate().filter(|(_, flag)| flag.name == "cache-from") {
                let only = operation
                    .images_as(Role::CacheFrom)
                    .filter(|image| flag.words.contains(&image.arg))
                    .all(|image| name.meaning(&image.text) != Meaning::Foreign);
                if only && !build.dropped_flags.contains(&at) {
                    build.dropped_flags.push(at);
                }
            }
        }
    }
}
