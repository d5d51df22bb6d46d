//! An expanded configuration and a plan into the configuration of the jobs that are in: rules gone, what they decide put in.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json, json};

use crate::plan::{Plan, PlannedJob};

/// Removes from `expanded` the jobs that `plan` leaves out, and puts into the others what their rules decide. A job of which something is not known
/// keeps its rules; one that `parallel` makes several of stays one, and keeps them too where they don't all become the same.
pub fn restrict(expanded: &mut Json, plan: &Plan) {
    let Json::Object(whole) = expanded else { return };
    let mut jobs: BTreeMap<&str, Vec<&PlannedJob>> = BTreeMap::new();
    for job in &plan.jobs {
        jobs.entry(&job.base).or_default().push(job);
    }
    let keywords = ["stages", "variables", "workflow"];
    let unknown: HashSet<&str> = plan.unknown.iter().map(|job| &*job.base).collect();
    if plan.created.is_some()
        && let Some(Json::Object(workflow)) = whole.get_mut("workflow")
    {
        workflow.shift_remove("rules");
    }
    whole.retain(|name, _| keywords.contains(&name.as_str()) || jobs.contains_key(name.as_str()) || unknown.contains(name.as_str()));
    if !plan.workflow_variables.is_empty() {
        let variables = whole.entry("variables").or_insert_with(|| json!({}));
        if let Json::Object(variables) = variables {
            variables.extend(plan.workflow_variables.iter().map(|(name, text)| (name.to_string(), json!(text))));
        }
    }
    for (name, planned) in jobs {
        let alike = planned.windows(2).all(|pair| pair[0].effect == pair[1].effect && pair[0].rule == pair[1].rule);
        if let Some(Json::Object(job)) = whole.get_mut(name)
            && alike
            && !unknown.contains(name)
        {
            decided(job, planned[0]);
        }
    }
}

fn decided(job: &mut Map<String, Json>, planned: &PlannedJob) {
    let Some(rules) = job.shift_remove("rules") else {
        job.shift_remove("only");
        job.shift_remove("except");
        return;
    };
    job.shift_remove("start_in");
    if planned.effect.when.as_ref() != "on_success" || job.contains_key("when") {
        job.insert("when".to_owned(), json!(planned.effect.when));
    }
    if let Some(start_in) = &planned.effect.start_in {
        job.insert("start_in".to_owned(), json!(start_in));
    }
    if planned.effect.allow_failure || !job.get("allow_failure").is_none_or(Json::is_object) {
        job.insert("allow_failure".to_owned(), json!(planned.effect.allow_failure));
    }
    let Some(index) = planned.rule_index else { return };
    let Some(rule) = flat(&rules).get(index).copied() else { return };
    if let Some(Json::Object(variables)) = rule.get("variables") {
        let all = job.entry("variables").or_insert_with(|| json!({}));
        if let Json::Object(all) = all {
            all.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    for keyword in ["needs", "interruptible"] {
        // A rule with an empty list of needs changes nothing.
        if let Some(value) = rule.get(keyword).filter(|value| keyword != "needs" || !flat(value).is_empty()) {
            job.insert(keyword.to_owned(), value.clone());
        }
    }
}

/// The rules of nested lists in order.
fn flat(rules: &Json) -> Vec<&Json> {
    match rules {
        Json::Array(items) => items.iter().flat_map(flat).collect(),
        Json::Null => Vec::new(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => vec![rules],
    }
}
