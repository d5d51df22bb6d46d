//! Every case of `tests/schedule.yml`: in which order the jobs of a pipeline start, and what becomes of them and of it.

use std::collections::BTreeMap;

use undind::Workspace;
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::{Documents, resolve};
use undind::plan::{plan, refusals};
use undind::run::{Failure, Outcome, Schedule};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    pipeline: String,
    /// The exit codes of jobs that fail, those of later runs behind; the last one stays.
    #[serde(default)]
    fails: BTreeMap<String, Vec<i32>>,
    /// Jobs that somebody starts once nothing else happens.
    #[serde(default)]
    started: Vec<String>,
    /// The jobs that run side by side, each group until all of it are done.
    runs: Vec<Vec<String>>,
    /// What became of jobs, where it is not success.
    #[serde(default)]
    ends: BTreeMap<String, String>,
    result: String,
}

fn failures(case: &Case) -> Vec<String> {
    let context = Context::new(Event::Push, Ref::Branch("main".into()), &Facts::default()).with_no_other_variables();
    let files = BTreeMap::from([(".gitlab-ci.yml".to_owned(), case.pipeline.clone())]);
    let workspace = Workspace::memory(files);
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, ".gitlab-ci.yml").expect("it is there");
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    let planned = plan(&pipeline, &context, refusals(&pipeline, &documents));
    let mut wrong: Vec<String> = planned.problems.iter().map(|problem| problem.message.clone()).collect();
    let mut schedule = Schedule::of(&pipeline, &planned).expect("no job waits for itself");
    let name = |schedule: &Schedule, job: usize| schedule.jobs()[job].name.to_string();
    let (mut runs, mut counts, mut started) = (Vec::new(), BTreeMap::new(), case.started.iter());
    loop {
        let group: Vec<usize> = std::iter::from_fn(|| schedule.start()).collect();
        if group.is_empty() {
            let Some(next) = started.next() else { break };
            let job = schedule.jobs().iter().position(|job| &*job.name == next).expect("it is a job");
            assert!(schedule.play(job), "{next} can't be started");
            continue;
        }
        runs.push(group.iter().map(|&job| name(&schedule, job)).collect::<Vec<_>>());
        let mut stopped = Vec::new();
        for job in group {
            let count = counts.entry(job).or_insert(0);
            let code = case.fails.get(&name(&schedule, job)).and_then(|codes| codes.get(*count).or(codes.last()));
            *count += 1;
            let outcome = match code {
                _ if stopped.contains(&job) => Outcome::Canceled,
                Some(0) | None => Outcome::Success,
                Some(code) => Outcome::Failed(Failure::Script(*code)),
            };
            stopped.extend(schedule.finish(job, outcome));
        }
    }
    let ends: BTreeMap<String, String> = (0..schedule.jobs().len())
        .map(|job| (name(&schedule, job), format!("{:?}", schedule.status(job)).to_lowercase()))
        .filter(|(_, status)| status != "success")
        .collect();
    let result = format!("{:?}", schedule.pipeline()).to_lowercase();
    for (what, found, wanted) in [
        ("runs", format!("{runs:?}"), format!("{:?}", case.runs)),
        ("ends", format!("{ends:?}"), format!("{:?}", case.ends)),
        ("result", result, case.result.clone()),
    ] {
        if found != wanted {
            wrong.push(format!("{what}: {found} instead of {wanted}"));
        }
    }
    wrong
}

#[test]
fn jobs_start_in_the_order_of_their_case() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("schedule.yml")).expect("the cases are YAML");
    let wrong: Vec<String> =
        cases.iter().flat_map(|case| failures(case).into_iter().map(|what| format!("{}: {what}", case.title))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!cases.is_empty());
}
