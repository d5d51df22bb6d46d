//! Small pipelines, told step by step.

use std::sync::Arc;

use super::{AllowFailure, Failure, Job, Outcome, Retry, Schedule, When};
use crate::run::Status;

const FAILED: Outcome = Outcome::Failed(Failure::Script(1));

fn job(name: &str, stage: usize) -> Job {
    Job { name: Arc::from(name), stage, ..Job::default() }
}

fn needs(name: &str, stage: usize, needs: &[usize]) -> Job {
    Job { needs: Some(needs.to_vec()), ..job(name, stage) }
}

fn schedule(jobs: Vec<Job>) -> Schedule {
    Schedule::new(jobs, false).expect("no job waits for itself")
}

/// Starts all jobs that may, and gives their names.
fn start(schedule: &mut Schedule) -> Vec<String> {
    std::iter::from_fn(|| schedule.start()).collect::<Vec<_>>().into_iter().map(|job| schedule.jobs()[job].name.to_string()).collect()
}

/// Runs all jobs to their ends, those in `failing` to a failure, and gives the states by name.
fn run(mut schedule: Schedule, failing: &[&str]) -> (Vec<(String, Status)>, Status) {
    while let Some(job) = schedule.start() {
        let fails = failing.contains(&&*schedule.jobs()[job].name);
        schedule.finish(job, if fails { FAILED } else { Outcome::Success });
    }
    assert!(schedule.is_idle());
    let states = schedule.jobs().iter().enumerate().map(|(index, job)| (job.name.to_string(), schedule.status(index))).collect();
    (states, schedule.pipeline())
}

fn states(found: &[(String, Status)]) -> Vec<Status> {
    found.iter().map(|(_, status)| *status).collect()
}

#[test]
fn a_stage_starts_once_the_one_before_has_passed() {
    let mut pipeline = schedule(vec![job("build", 0), job("pack", 0), job("test", 1), job("deploy", 3)]);
    assert_eq!(start(&mut pipeline), ["build", "pack"]);
    pipeline.finish(1, Outcome::Success);
    assert_eq!(start(&mut pipeline), Vec::<String>::new());
    pipeline.finish(0, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["test"]);
    pipeline.finish(2, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["deploy"]);
    assert_eq!(pipeline.pipeline(), Status::Running);
    pipeline.finish(3, Outcome::Success);
    assert_eq!((pipeline.pipeline(), pipeline.is_idle()), (Status::Success, true));
}

#[test]
fn a_job_starts_the_moment_its_needs_are_met() {
    let jobs = vec![job("slow", 0), job("fast", 0), needs("after-fast", 1, &[1]), job("test", 1), needs("at-once", 2, &[])];
    let mut pipeline = schedule(jobs);
    assert_eq!(start(&mut pipeline), ["slow", "fast", "at-once"]);
    pipeline.finish(1, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["after-fast"]);
    pipeline.finish(2, Outcome::Success);
    pipeline.finish(4, Outcome::Success);
    assert_eq!(start(&mut pipeline), Vec::<String>::new());
    pipeline.finish(0, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["test"]);
}

#[test]
fn what_a_failure_starts_and_what_it_skips_is_what_when_says() {
    let when = |name: &str, when| Job { when, ..job(name, 1) };
    let jobs = vec![
        job("build", 0),
        when("test", When::OnSuccess),
        when("tell", When::OnFailure),
        when("tidy", When::Always),
        when("ask", When::Manual),
        when("later", When::Delayed),
    ];
    use Status::{Failed, Manual, Scheduled, Skipped, Success};
    let mut passing = schedule(jobs.clone());
    assert_eq!(start(&mut passing), ["build"]);
    passing.finish(0, Outcome::Success);
    assert_eq!(start(&mut passing), ["test", "tidy"]);
    assert_eq!((2..6).map(|job| passing.status(job)).collect::<Vec<_>>(), [Skipped, Status::Running, Manual, Scheduled]);
    assert!(passing.play(5) && !passing.play(2));
    assert_eq!(start(&mut passing), ["later"]);

    let (found, pipeline) = run(schedule(jobs), &["build"]);
    assert_eq!(states(&found), [Failed, Skipped, Success, Success, Skipped, Skipped]);
    assert_eq!(pipeline, Failed);
}

#[test]
fn a_failure_that_is_allowed_stops_nothing() {
    let allowed = |allow_failure| vec![Job { allow_failure, ..job("lint", 0) }, job("deploy", 1)];
    let (found, pipeline) = run(schedule(allowed(AllowFailure::Always)), &["lint"]);
    assert_eq!((states(&found), pipeline), (vec![Status::Failed, Status::Success], Status::Success));
    let (found, pipeline) = run(schedule(allowed(AllowFailure::ExitCodes([1, 3].into()))), &["lint"]);
    assert_eq!((states(&found), pipeline), (vec![Status::Failed, Status::Success], Status::Success));
    let (found, pipeline) = run(schedule(allowed(AllowFailure::ExitCodes([3].into()))), &["lint"]);
    assert_eq!((states(&found), pipeline), (vec![Status::Failed, Status::Skipped], Status::Failed));
}

#[test]
fn a_manual_job_holds_the_pipeline_up_only_where_it_may_not_fail() {
    let manual =
        |allow_failure| vec![Job { when: When::Manual, allow_failure, ..job("ask", 0) }, job("deploy", 1), needs("needing", 1, &[0])];
    let (found, pipeline) = run(schedule(manual(AllowFailure::Always)), &[]);
    assert_eq!((states(&found), pipeline), (vec![Status::Manual, Status::Success, Status::Skipped], Status::Success));
    let (found, pipeline) = run(schedule(manual(AllowFailure::Never)), &[]);
    assert_eq!((states(&found), pipeline), (vec![Status::Manual, Status::Created, Status::Created], Status::Manual));
}

#[test]
fn what_was_skipped_for_want_of_a_manual_job_waits_for_it_once_it_is_started() {
    let ask = Job { when: When::Manual, allow_failure: AllowFailure::Always, ..job("ask", 0) };
    let mut pipeline = schedule(vec![ask, needs("needing", 1, &[0]), needs("behind", 2, &[1]), job("last", 3)]);
    assert_eq!(start(&mut pipeline), ["last"]);
    pipeline.finish(3, Outcome::Success);
    assert_eq!(pipeline.status(2), Status::Skipped);
    assert!(pipeline.play(0));
    assert_eq!(start(&mut pipeline), ["ask"]);
    assert_eq!(pipeline.status(2), Status::Created);
    pipeline.finish(0, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["needing"]);
    pipeline.finish(1, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["behind"]);
}

#[test]
fn skipping_spreads_along_needs_and_not_along_stages() {
    let tell = Job { when: When::OnFailure, ..job("tell", 1) };
    let (found, pipeline) = run(schedule(vec![job("build", 0), tell, needs("needing", 2, &[1]), job("deploy", 2)]), &[]);
    assert_eq!(states(&found), [Status::Success, Status::Skipped, Status::Skipped, Status::Success]);
    assert_eq!(pipeline, Status::Success);
}

#[test]
fn a_job_is_run_again_as_often_as_it_says_and_after_what_it_says() {
    let ends = |retry: Retry, failure: Failure| {
        let mut pipeline = schedule(vec![Job { retry, ..job("test", 0) }, job("deploy", 1)]);
        let mut runs = 0;
        while let Some(0) = pipeline.start() {
            runs += 1;
            pipeline.finish(0, Outcome::Failed(failure));
        }
        assert_eq!((pipeline.status(0), pipeline.status(1), pipeline.failures(0)), (Status::Failed, Status::Skipped, runs));
        runs
    };
    let retry = |max, when: &[&str], codes: &[i32]| Retry {
        max,
        when: when.iter().map(|&name| name.to_owned()).collect(),
        exit_codes: codes.iter().copied().collect(),
    };
    assert_eq!(ends(Retry::default(), Failure::Script(1)), 1);
    assert_eq!(ends(retry(2, &[], &[]), Failure::Script(1)), 3);
    assert_eq!(ends(retry(2, &["always"], &[]), Failure::Timeout), 3);
    assert_eq!(ends(retry(2, &["job_execution_timeout"], &[]), Failure::Script(1)), 1);
    assert_eq!(ends(retry(1, &["job_execution_timeout"], &[137]), Failure::Script(137)), 2);
    assert_eq!(ends(retry(1, &[], &[137]), Failure::Script(1)), 1);
    assert_eq!(ends(retry(1, &["runner_system_failure"], &[]), Failure::Runner), 2);
}

#[test]
fn jobs_of_a_resource_group_run_one_at_a_time() {
    let of = |name: &str| Job { resource_group: Some(Arc::from("production")), ..job(name, 0) };
    let mut pipeline = schedule(vec![of("first"), of("second"), job("free", 0), of("third")]);
    assert_eq!(start(&mut pipeline), ["first", "free"]);
    assert_eq!(pipeline.status(1), Status::WaitingForResource);
    pipeline.finish(0, FAILED);
    assert_eq!(start(&mut pipeline), ["second"]);
    pipeline.finish(1, Outcome::Success);
    assert_eq!(start(&mut pipeline), ["third"]);
}

#[test]
fn the_first_failure_ends_the_pipeline_where_it_is_to() {
    let jobs = vec![Job { allow_failure: AllowFailure::Always, ..job("lint", 0) }, job("slow", 0), job("test", 0), job("deploy", 1)];
    let mut pipeline = Schedule::new(jobs, true).expect("no circle");
    assert_eq!(start(&mut pipeline), ["lint", "slow", "test"]);
    assert_eq!(pipeline.finish(0, FAILED), Vec::<usize>::new());
    assert_eq!(pipeline.finish(2, FAILED), [1]);
    pipeline.finish(1, Outcome::Canceled);
    assert_eq!(start(&mut pipeline), Vec::<String>::new());
    assert_eq!((pipeline.status(3), pipeline.pipeline()), (Status::Canceled, Status::Failed));
}

#[test]
fn nothing_starts_in_a_canceled_pipeline() {
    let retry = Retry { max: 2, ..Retry::default() };
    let mut pipeline = schedule(vec![Job { retry, ..job("build", 0) }, Job { when: When::Manual, ..job("ask", 0) }, job("deploy", 1)]);
    assert_eq!(start(&mut pipeline), ["build"]);
    assert_eq!(pipeline.cancel(), [0]);
    pipeline.finish(0, FAILED);
    assert_eq!(start(&mut pipeline), Vec::<String>::new());
    assert!(!pipeline.play(1));
    assert_eq!((pipeline.status(0), pipeline.status(2)), (Status::Failed, Status::Canceled));
    assert!(pipeline.is_idle());
}

#[test]
fn jobs_that_wait_for_each_other_are_named() {
    let circle = |jobs: Vec<Job>| Schedule::new(jobs, false).map(drop).map_err(|circle| circle.to_string());
    assert_eq!(
        circle(vec![job("free", 0), needs("a", 0, &[2]), needs("b", 0, &[1])]),
        Err("the jobs `a`, `b` wait for each other".to_owned())
    );
    // A job may need one of a later stage, unless that one waits for its stage.
    assert_eq!(circle(vec![needs("early", 0, &[1]), needs("late", 1, &[])]), Ok(()));
    assert_eq!(circle(vec![needs("early", 0, &[1]), job("late", 1)]), Err("the jobs `early`, `late` wait for each other".to_owned()));
}

#[test]
fn long_rows_and_wide_needs_are_no_trouble() {
    let count: usize = 2_000;
    let row: Vec<Job> =
        (0..count).map(|index| needs(&format!("job {index}"), 0, &index.checked_sub(1).map_or(vec![], |before| vec![before]))).collect();
    let (found, _) = run(schedule(row), &[]);
    assert!(found.iter().all(|(_, status)| *status == Status::Success));
    let all: Vec<usize> = (0..count).collect();
    let mut wide: Vec<Job> = (0..count).map(|index| job(&format!("job {index}"), 0)).collect();
    wide.push(needs("last", 1, &all));
    let (found, pipeline) = run(schedule(wide), &["job 7"]);
    assert_eq!((found[count].1, pipeline), (Status::Skipped, Status::Failed));
}
