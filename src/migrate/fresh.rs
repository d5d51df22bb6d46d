//! Builds that are there to be done anew, although nothing in the repository changed. Knows schedules and dates, not targets.

use std::collections::BTreeSet;

use crate::detect::JobFacts;
use crate::docker::Operation;
use crate::pipeline::Job;
use crate::yaml::Value;

/// Whether a build began with nothing in a daemon of the job's own and is meant to: it runs on schedules alone, or gives its image a date as its name.
pub(super) fn is_done_anew(job: &Job, facts: &JobFacts, build: &Operation, names: &[String]) -> bool {
    let says = ["no-cache", "no-cache-filter", "cache-from", "cache-to"].iter().any(|flag| build.flag(flag).is_some());
    facts.has_dind() && !says && (runs_on_schedules_alone(job) || names.iter().any(|name| holds_date(name, &job.script.text)))
}

fn runs_on_schedules_alone(job: &Job) -> bool {
    let asks = |text: &str| text.to_ascii_lowercase().contains("schedule") && !["!=", "!~", "||"].iter().any(|sign| text.contains(sign));
    let is_never = |rule: &&Value| rule.get("when").and_then(Value::as_str) == Some("never");
    if let Some(rules) = job.config.get("rules").and_then(Value::as_sequence) {
        let mut rules = rules.iter().filter(|rule| !is_never(rule)).peekable();
        return rules.peek().is_some() && rules.all(|rule| rule.get("if").and_then(Value::as_str).is_some_and(asks));
    }
    let only = job.config.get("only");
    let refs = only.and_then(|only| only.get("refs")).or(only);
    let refs: Vec<&str> = match refs {
        Some(refs) => refs
            .as_str()
            .map_or_else(|| refs.as_sequence().unwrap_or_default().iter().filter_map(Value::as_str).collect(), |text| vec![text]),
        None => Vec::new(),
    };
    !refs.is_empty() && refs.iter().all(|text| *text == "schedules")
}

/// Whether a name is made of what `date` prints, by itself or by a variable of the script.
fn holds_date(name: &str, script: &str) -> bool {
    let prints = |text: &str| text.contains("$(date") || text.contains("`date");
    let values = |variable: &str| -> Vec<&str> {
        let commands = script.lines().flat_map(|line| line.split(';')).flat_map(|part| part.split("&&"));
        commands.filter_map(|command| assigned(command, variable)).collect()
    };
    let mut open: Vec<&str> = variables(name).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(variable) = open.pop().filter(|_| seen.len() < MAX_FOLLOWED) {
        if seen.insert(variable) {
            for value in values(variable) {
                if prints(value) {
                    return true;
                }
                open.extend(variables(value));
            }
        }
    }
    prints(name)
}

/// How many variables are followed.
const MAX_FOLLOWED: usize = 50;

/// What a command assigns to `variable`.
fn assigned<'a>(command: &'a str, variable: &str) -> Option<&'a str> {
    let command = command.trim_start().trim_start_matches("export ").trim_start();
    command.strip_prefix(variable)?.strip_prefix('=')
}

/// The variables in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(first_name).filter(|name| !name.is_empty())
}

fn first_name(text: &str) -> &str {
    let text = text.trim_start_matches('{');
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{MAX_FOLLOWED, holds_date, runs_on_schedules_alone};
    use crate::config::Config;
    use crate::workspace::Workspace;

    #[test]
    fn jobs_of_schedules_alone_are_told_from_others() {
        let of = |keywords: &str| {
            let text = format!("build:\n  script: [docker build .]\n{keywords}");
            let files = std::collections::BTreeMap::from([(".gitlab-ci.yml".to_owned(), text)]);
            let analysis = crate::analysis::analyze(&Workspace::memory(files), &[".gitlab-ci.yml".to_owned()], &Config::default());
            runs_on_schedules_alone(&analysis.pipelines[0].pipeline.jobs[0])
        };
        let schedule = "if: $CI_PIPELINE_SOURCE == \"schedule\"";
        for (keywords, alone) in [
            (format!("  rules: [{{{schedule}}}]\n"), true),
            (format!("  rules: [{{if: $NOT, when: never}}, {{{schedule}}}]\n"), true),
            (format!("  rules: [{{{schedule}}}, {{if: $CI_COMMIT_TAG}}]\n"), false),
            (format!("  rules: [{{{schedule}}}, {{when: manual}}]\n"), false),
            ("  rules: [{if: $CI_PIPELINE_SOURCE != \"schedule\"}]\n".to_owned(), false),
            ("  rules: [{if: '$CI_PIPELINE_SOURCE == \"schedule\" || $CI_COMMIT_TAG'}]\n".to_owned(), false),
            ("  rules: [{when: never}]\n".to_owned(), false),
            ("  only: [schedules]\n".to_owned(), true),
            ("  only: schedules\n".to_owned(), true),
            ("  only: {refs: [schedules]}\n".to_owned(), true),
            ("  only: [schedules, tags]\n".to_owned(), false),
            ("  except: [schedules]\n".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(of(&keywords), alone, "{keywords}");
        }
    }

    #[test]
    fn dates_are_found_in_names_and_in_variables_of_names() {
        let script = "export TAG=$(date +%Y%m%d)\nOTHER=x; NIGHT=\"n-`date`\"\nUPDATE=1\nSINCE=\"$TAG\"";
        for (name, holds) in [
            ("app:$(date +%F)", true),
            ("app:${TAG}", true),
            ("app:$NIGHT-x", true),
            ("app:${SINCE}", true),
            ("app:$OTHER", false),
            ("app:$UPDATE", false),
            ("app:$CI_COMMIT_SHA", false),
        ] {
            assert_eq!(holds_date(name, script), holds, "{name}");
        }
    }

    #[test]
    fn no_more_variables_are_followed_than_the_limit() {
        let chain = |links: usize| {
            let links: String = (0..links).map(|link| format!("V{link}=$V{}\n", link + 1)).collect();
            format!("{links}V{}=$(date)\n", links.lines().count())
        };
        assert!(holds_date("app:$V0", &chain(MAX_FOLLOWED - 1)));
        assert!(!holds_date("app:$V0", &chain(MAX_FOLLOWED)));
        assert!(!holds_date("app:$A", "A=$B; B=$A"));
    }
}
