//! DEP706: Depot's token among the arguments. Knows where the client looks for a token, not what the token may do.

use std::ops::Range;

use crate::detect::{JobFacts, JobOperation, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Flag, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule, script_edit};
use crate::pipeline::{Job, Section};

/// The rule.
pub static RULE: Rule =
    Rule { id: "DEP706", name: "depot-token-flag", severity: Severity::Warning, page: include_str!("depot_token_flag.md"), check };

const VARIABLE: &str = "DEPOT_TOKEN";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (operation, step) in facts.own_operations().filter(|(operation, _)| operation.operation.tool == Tool::Depot) {
            if let Some(flag) = operation.operation.flag("token").filter(|flag| flag.value.as_deref() != Some("")) {
                findings.add(finding(context, job, facts, operation, step, flag));
            }
        }
    }
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, operation: &JobOperation, step: &Step, flag: &Flag) -> Diagnostic {
    let script = if operation.section == Section::AfterScript { &job.after_script } else { &job.script };
    let argv = step.invocation.argv();
    let range = argv[flag.words.start].range.range().start..argv[flag.words.end - 1].range.range().end;
    let message = "a token among the arguments can be read in the list of processes and in traces of the shell";
    let finding = RULE.at(job.place(script, range.clone()), message).job(&job.name);
    let own = flag.value.as_deref() == Some(&format!("${{{VARIABLE}}}"));
    let finding = finding.help(if own {
        format!("leave the flag out: Depot reads `{VARIABLE}` by itself")
    } else {
        format!("hand it over as the variable `{VARIABLE}`, which Depot reads by itself")
    });
    match fix(context, job, facts, operation, step, flag, range) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn fix(
    context: &Context<'_>,
    job: &Job,
    facts: &JobFacts,
    operation: &JobOperation,
    step: &Step,
    flag: &Flag,
    range: Range<usize>,
) -> Option<Fix> {
    let exact = operation.section != Section::AfterScript && !step.invocation.opaque && !step.invocation.damaged;
    let shell = facts.shell.as_ref().filter(|_| exact)?;
    let text = &shell.script.text;
    let blanks = text[..range.start].bytes().rev().take_while(|byte| *byte == b' ').count();
    let removed = script_edit::replace(context, &job.script, range.start - blanks..range.end, "")?;
    // A variable that the script itself assigns need not be one of the environment.
    let assigned = shell.evaluated.bindings.iter().any(|binding| binding.name == VARIABLE);
    if flag.value.as_deref() == Some(&format!("${{{VARIABLE}}}")) && !assigned {
        return Some(Fix { title: "leave the flag out".to_owned(), safety: Safety::Safe, edits: vec![removed] });
    }
    let (word, at) = flag.value_at?;
    let value = &text[step.invocation.argv().get(word)?.range.range()];
    let plain = at == 0
        && step.invocation.wrappers.is_empty()
        && step.invocation.environment.is_empty()
        && script_edit::runs_in_sh(job, facts, shell);
    let start = step.range().start;
    let assignment = script_edit::replace(context, &job.script, start..start, &format!("{VARIABLE}={value} ")).filter(|_| plain)?;
    let edits: Vec<Edit> = vec![assignment, removed];
    Some(Fix { title: format!("hand the token over as `{VARIABLE}`"), safety: Safety::Unsafe, edits })
}
