//! The jobs of a run as a picture: a bar for each from its beginning to its end. Without scripts and fonts; light and dark follow the reader's settings.

use std::fmt::Write;

use crate::report::run::{Ended, length, result};
use crate::report::xml::escaped;
use crate::run::{JobReport, Status};

/// Height of a row, and what stands left of the bars, in pixels.
const ROW: usize = 24;
const NAMES: usize = 240;
/// The width of the whole run.
const WIDTH: f64 = 720.0;
/// Room behind the longest bar for what it says.
const BEHIND: usize = 220;
/// Longest name that is shown, in characters.
const MAX_NAME: usize = 34;

const STYLE: &str = "text{font:13px sans-serif;fill:#24292f}.page{fill:#fff}.grid{stroke:#d0d7de}.passed{fill:#1a7f37}.failed{fill:#cf222e}\
.other{fill:#9a6700}.small{font-size:11px;fill:#57606a}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.grid{stroke:#30363d}\
.passed{fill:#3fb950}.failed{fill:#f85149}.other{fill:#d29922}.small{fill:#8b949e}}";

/// The picture: jobs that ran, by their beginning.
#[must_use]
pub fn timeline(ended: Ended<'_>) -> String {
    let mut jobs: Vec<&JobReport> = ended.jobs.iter().filter(|job| job.started.is_some()).collect();
    jobs.sort_by_key(|job| job.started);
    let whole = ended.duration.as_secs_f64().max(0.001);
    let at = |seconds: f64| seconds / whole * WIDTH;
    let height = ROW * (jobs.len() + 2);
    let width = NAMES + BEHIND + 720;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}: {} jobs in {}</title>\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
        ended.status.name(),
        jobs.len(),
        length(ended.duration)
    );
    for step in 0..=4_u32 {
        let x = NAMES as f64 + WIDTH * f64::from(step) / 4.0;
        let label = length(ended.duration.mul_f64(f64::from(step) / 4.0));
        let _ = writeln!(out, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{ROW}\" y2=\"{}\"/>", height - ROW / 2);
        let _ = writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"16\" text-anchor=\"middle\">{label}</text>");
    }
    for (row, job) in jobs.iter().enumerate() {
        let y = ROW * (row + 1);
        let start = job.started.unwrap_or_default().as_secs_f64();
        let time = job.duration.unwrap_or_default();
        let (x, bar) = (NAMES as f64 + at(start), at(time.as_secs_f64()).max(1.0));
        let class = match job.status {
            Status::Success => "passed",
            Status::Failed if !job.allowed => "failed",
            _ => "other",
        };
        let name: String = if job.name.chars().count() > MAX_NAME {
            format!("{}…", job.name.chars().take(MAX_NAME - 1).collect::<String>())
        } else {
            job.name.to_string()
        };
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", NAMES - 10, y + 16, escaped(&name));
        let _ = writeln!(out, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{}\" width=\"{bar:.1}\" height=\"{}\" rx=\"3\"/>", y + 4, ROW - 8);
        let said = format!("{}, {}", result(job), length(time));
        let _ = writeln!(out, "<text class=\"small\" x=\"{:.1}\" y=\"{}\">{}</text>", x + bar + 6.0, y + 16, escaped(&said));
    }
    out + "</svg>\n"
}
