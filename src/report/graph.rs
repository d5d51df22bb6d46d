//! A plan into the texts of graph languages: Mermaid and Graphviz' DOT. Stages are groups, needs are edges.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::plan::{Plan, PlannedJob};

/// An edge of a plan: the index of a job, the index of one that waits for it, and whether it may be absent.
pub type Edge = (usize, usize, bool);

/// The jobs of each stage that has some, as indices, in order.
#[must_use]
pub fn columns(plan: &Plan) -> Vec<(&str, Vec<usize>)> {
    let of = |stage: &str| plan.jobs.iter().enumerate().filter(|(_, job)| *job.stage == *stage).map(|(index, _)| index).collect::<Vec<_>>();
    plan.stages.iter().map(|stage| (&**stage, of(stage))).filter(|(_, jobs)| !jobs.is_empty()).collect()
}

/// Who waits for whom by `needs`, by the indices of `plan.jobs`.
#[must_use]
pub fn edges(plan: &Plan) -> Vec<Edge> {
    let index: BTreeMap<&str, usize> = plan.jobs.iter().enumerate().map(|(index, job)| (&*job.name, index)).collect();
    let needs = plan.jobs.iter().enumerate().flat_map(|(to, job)| job.needs.iter().flatten().map(move |need| (to, need)));
    needs.filter_map(|(to, need)| Some((*index.get(&*need.job)?, to, need.optional))).collect()
}

/// `plan --format mermaid`: a flowchart from left to right.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, (stage, jobs)) in columns(plan).into_iter().enumerate() {
        push(&mut out, format_args!("  subgraph s{number}[\"{}\"]", mermaid_text(stage)));
        for index in jobs {
            push(&mut out, format_args!("    j{index}[\"{}\"]", mermaid_text(&plan.jobs[index].name)));
        }
        push(&mut out, format_args!("  end"));
    }
    for (from, to, optional) in edges(plan) {
        push(&mut out, format_args!("  j{from} {} j{to}", if optional { "-.->" } else { "-->" }));
    }
    for (from, to) in between_stages(plan) {
        push(&mut out, format_args!("  s{from} ~~~ s{to}"));
    }
    out
}

/// Stages that no edge puts in order.
fn between_stages(plan: &Plan) -> Vec<(usize, usize)> {
    (1..columns(plan).len()).map(|number| (number - 1, number)).collect()
}

fn mermaid_text(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

/// `plan --format dot`.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let mut out = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for (number, (stage, jobs)) in columns(plan).into_iter().enumerate() {
        push(&mut out, format_args!("  subgraph cluster_{number} {{\n    label={};", quoted(stage)));
        for index in jobs {
            push(&mut out, format_args!("    j{index} [label={}{}];", quoted(&plan.jobs[index].name), attributes(&plan.jobs[index])));
        }
        push(&mut out, format_args!("  }}"));
    }
    for (from, to, optional) in edges(plan) {
        push(&mut out, format_args!("  j{from} -> j{to}{};", if optional { " [style=dashed]" } else { "" }));
    }
    out + "}\n"
}

fn attributes(job: &PlannedJob) -> &'static str {
    match &*job.effect.when {
        "manual" => ", style=\"rounded,dashed\"",
        _ => "",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a string takes everything");
}
