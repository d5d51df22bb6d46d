//! Observations → one row a case, the table of all, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::observation::Observation;
use super::report;

/// What one case adds to the table.
pub struct Row {
    case: String,
    jobs: usize,
    verdicts: BTreeMap<String, usize>,
    changed: usize,
    reasons: BTreeMap<String, usize>,
    slowest: (Duration, String),
}

impl Row {
    pub fn of(seen: &Observation) -> Self {
        let jobs = report::jobs(&seen.report);
        let mut verdicts = BTreeMap::new();
        let mut reasons = BTreeMap::new();
        for job in &jobs {
            *verdicts.entry(job.verdict.to_owned()).or_insert(0) += 1;
            for reason in job.reasons {
                *reasons.entry(reason["code"].as_str().unwrap_or("").to_owned()).or_insert(0) += 1;
            }
        }
        let slowest = seen.runs.iter().max_by_key(|run| run.elapsed).expect("every case runs commands");
        Self {
            case: seen.name.clone(),
            jobs: jobs.len(),
            verdicts,
            changed: jobs.iter().filter(|job| job.changed).count(),
            reasons,
            slowest: (slowest.elapsed, slowest.arguments.clone()),
        }
    }
}

/// All rows, with the number of violations in each case.
#[derive(Default)]
pub struct Summary {
    rows: Vec<(Row, usize)>,
}

impl Summary {
    pub fn add(&mut self, row: Row, violations: usize) {
        self.rows.push((row, violations));
    }

    /// The table for a terminal.
    pub fn table(&self) -> String {
        let verdicts = self.sum(|row| &row.verdicts);
        let verdict = |name: &str| verdicts.get(name).copied().unwrap_or(0);
        let docker: usize = ["full", "partial", "blocked", "done"].into_iter().map(verdict).sum();
        let mut table = String::new();
        let lines = [
            ("cases", self.rows.len()),
            ("jobs", self.rows.iter().map(|(row, _)| row.jobs).sum()),
            ("Docker jobs", docker),
            ("  full", verdict("full")),
            ("  partial", verdict("partial")),
            ("  blocked", verdict("blocked")),
            ("  done", verdict("done")),
            ("changed", self.rows.iter().map(|(row, _)| row.changed).sum()),
            ("violations", self.rows.iter().map(|(_, violations)| violations).sum()),
        ];
        for (name, number) in lines {
            let _ = writeln!(table, "{name:<14}{number:>7}");
        }
        if let Some((row, _)) = self.slowest() {
            let _ = writeln!(table, "slowest       {:>6.2} s  {} (`{}`)", row.slowest.0.as_secs_f32(), row.case, row.slowest.1);
        }
        let mut reasons: Vec<(String, usize)> = self.sum(|row| &row.reasons).into_iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (code, number) in reasons {
            let _ = writeln!(table, "{number:>7}  {code}");
        }
        table
    }

    /// The rows and the violations `(case, promise, what)`.
    pub fn json<'a>(&self, violations: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> String {
        let rows: Vec<Value> = self.rows.iter().map(|(row, violations)| row_json(row, *violations)).collect();
        let violations: Vec<Value> =
            violations.map(|(case, promise, what)| json!({"case": case, "promise": promise, "what": what})).collect();
        let all = json!({"verdicts": self.sum(|row| &row.verdicts), "reasons": self.sum(|row| &row.reasons), "violations": violations, "cases": rows});
        serde_json::to_string_pretty(&all).expect("strings and numbers are JSON")
    }

    fn slowest(&self) -> Option<&(Row, usize)> {
        self.rows.iter().max_by_key(|(row, _)| row.slowest.0)
    }

    fn sum(&self, counts: impl Fn(&Row) -> &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
        let mut sum = BTreeMap::new();
        for (key, number) in self.rows.iter().flat_map(|(row, _)| counts(row)) {
            *sum.entry(key.clone()).or_insert(0) += number;
        }
        sum
    }
}

fn row_json(row: &Row, violations: usize) -> Value {
    json!({
        "case": row.case, "jobs": row.jobs, "verdicts": row.verdicts, "changed": row.changed, "reasons": row.reasons,
        "violations": violations, "slowest": {"seconds": row.slowest.0.as_secs_f64(), "command": row.slowest.1},
    })
}
