//! Every `depot` command line that a migration of the corpus runs → whether the argument parser of the real Depot CLI takes it. Nothing is built: the CLI reads its
//! arguments before it looks for a token, and there is none.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::binary::finish;
use crate::clients::depot;
use crate::shim::{judged, sandbox};
use crate::target::Target;
use crate::{say, workers};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_real_depot_cli_takes_every_emitted_command_line() {
    let (cli, jobs) = match sandbox::available().and_then(|()| Ok((depot()?, judged(Target::Depot)))) {
        Ok(found) => found,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let mut users: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for job in &jobs {
        for line in job.depot() {
            users.entry(line.clone()).or_insert_with(|| format!("{}: {}", job.case, job.job));
        }
    }
    let lines: Vec<(Vec<String>, String)> = users.into_iter().collect();
    let refused: Vec<String> =
        workers::each(&lines, |(line, user)| refusal(&cli, &line[1..]).map(|why| format!("{user}: `{}`: {why}", line.join(" "))))
            .into_iter()
            .flatten()
            .collect();
    say(&format!("{} depot command lines, {} refused", lines.len(), refused.len()));
    refused.iter().take(20).for_each(|line| say(line));
    assert!(refused.is_empty(), "the Depot CLI refuses {} command lines", refused.len());
}

#[test]
fn the_probe_tells_a_wrong_argument_from_a_missing_token() {
    let cli = match sandbox::available().and_then(|()| depot()) {
        Ok(cli) => cli,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let refusal = |line: &str| refusal(&cli, &line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    for line in
        ["build --push -t a:b --provenance=false --project p .", "bake -f c.yml --push app", "build --save --metadata-file m -f D -t a x"]
    {
        assert_eq!(refusal(line), None, "{line}");
    }
    for line in ["build --nope .", "build --builder x .", "build -t a", "build . d", "bake --call x", "biuld ."] {
        assert!(refusal(line).is_some(), "{line}");
    }
}

/// The parser's complaint about `arguments`.
fn refusal(cli: &Path, arguments: &[String]) -> Option<String> {
    let mut command = sandbox::bubblewrap();
    command.arg("--ro-bind").arg(cli).args(["/depot", "--dir", "/work", "--chdir", "/work", "/depot"]).args(arguments);
    command.envs([
        ("HOME", "/work"),
        ("PATH", "/usr/bin"),
        ("DEPOT_API_URL", "http://127.0.0.1:1"),
        ("DEPOT_ERROR_TELEMETRY", "0"),
        ("DEPOT_NO_UPDATE_NOTIFIER", "1"),
    ]);
    command.envs([("DEPOT_NO_SUMMARY_LINK", "1"), ("CI", "true")]);
    let run = finish(command, LIMIT);
    let accepted = run.code == Some(0) || ["missing API token", "connection refused"].iter().any(|sign| run.stderr.contains(sign));
    // Printing help is what the CLI does with a command that it does not know.
    let help = run.code == Some(0) && String::from_utf8_lossy(&run.stdout).contains("Usage:");
    if accepted && !help { None } else { Some(run.stderr.lines().next().unwrap_or("no answer").to_owned()) }
}
