//! The marks and lines that a picture of a plan uses, into a legend that explains them.

use crate::report::svg::diagram::{Diagram, Mark};
use crate::report::svg::markup::{number, width};
use crate::report::svg::{border, head, push};
use crate::report::xml::escaped;

const FONT: f64 = 12.0;
const ROW: f64 = 24.0;
/// The width of a sample, with the space behind it.
const SAMPLE: f64 = 34.0;
/// Between two entries.
const BETWEEN: f64 = 22.0;

/// What a legend can explain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A line of a kind, by its class.
    Line(&'static str, &'static str),
    /// The bracket of jobs that wait for the stages before.
    Gate,
    /// A box of several jobs.
    Stack,
    /// A mark of a box.
    Box(Mark),
}

/// The entries for what occurs in `diagram`; none where all of it is plain.
#[must_use]
pub fn entries(diagram: &Diagram<'_>) -> Vec<Entry> {
    let forward: Vec<bool> = diagram.links.iter().filter(|link| diagram.is_forward(link)).map(|link| link.optional).collect();
    let first_stage = diagram.columns.first();
    let entries = [
        (forward.contains(&false), Entry::Line("link", "need")),
        (forward.contains(&true), Entry::Line("link optional", "optional need")),
        (forward.len() < diagram.links.len(), Entry::Line("link backward", "need that leads back")),
        (diagram.boxes.iter().any(|node| node.waits && Some(&diagram.columns[node.column]) != first_stage), Entry::Gate),
        (diagram.boxes.iter().any(|node| node.count > 1), Entry::Stack),
    ];
    let marks = Mark::ALL.into_iter().filter(|mark| diagram.boxes.iter().any(|node| node.marks.contains(mark)));
    entries.into_iter().filter(|(occurs, _)| *occurs).map(|(_, entry)| entry).chain(marks.map(Entry::Box)).collect()
}

/// The legend in rows of at most `widest`, whose left is at `left` and which come below `top`; and where it ends.
#[must_use]
pub fn rows(entries: &[Entry], left: f64, top: f64, widest: f64) -> (String, f64) {
    if entries.is_empty() {
        return (String::new(), top);
    }
    let (mut x, mut y) = (left, top + ROW);
    let mut out = String::from("<g class=\"legend\">\n");
    for entry in entries {
        let wide = SAMPLE + width(text(*entry), FONT);
        if x > left && x + wide > left + widest {
            (x, y) = (left, y + ROW);
        }
        out.push_str(&sample(*entry, x, y));
        push(
            &mut out,
            format_args!("<text class=\"small\" x=\"{}\" y=\"{}\">{}</text>", number(x + SAMPLE), number(y + 4.0), escaped(text(*entry))),
        );
        x += wide + BETWEEN;
    }
    out.push_str("</g>\n");
    (out, y + 6.0)
}

fn text(entry: Entry) -> &'static str {
    match entry {
        Entry::Line(_, text) => text,
        Entry::Gate => "waits for the stages before",
        Entry::Stack => "jobs that parallel makes of one",
        Entry::Box(mark) => match mark {
            Mark::Unknown => "not known whether it is in",
            Mark::Unmet => "needs a job that is not in",
            Mark::Manual => "started by hand",
            Mark::Delayed => "delayed",
            Mark::OnFailure => "runs if another job failed",
            Mark::MayFail => "may fail",
            Mark::Trigger => "starts another pipeline",
        },
    }
}

/// What an entry looks like, its left at `x` and its middle at `y`.
fn sample(entry: Entry, x: f64, y: f64) -> String {
    let rectangle = |class: &str, (x, y): (f64, f64), (wide, tall): (f64, f64)| {
        let [x, y, wide, tall] = [x, y, wide, tall].map(number);
        format!("<rect class=\"box{class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" rx=\"4\"/>")
    };
    match entry {
        Entry::Line("link backward", _) => format!("<path class=\"link backward\" d=\"M{} {}h24\"/>", number(x), number(y)),
        Entry::Line(class, _) => {
            format!("<path class=\"{class}\" d=\"M{} {}h20\"/><path class=\"head\" d=\"{}\"/>", number(x), number(y), head(x + 26.0, y))
        }
        Entry::Gate => format!(
            "<path class=\"gate\" d=\"M{} {}v12M{} {}h18\"/><path class=\"gatehead\" d=\"{}\"/>",
            number(x + 4.0),
            number(y - 6.0),
            number(x + 4.0),
            number(y),
            head(x + 26.0, y)
        ),
        Entry::Stack => rectangle("", (x + 4.0, y - 5.0), (22.0, 14.0)) + &rectangle("", (x, y - 9.0), (22.0, 14.0)),
        Entry::Box(mark) => {
            let class = border(mark).map(|style| format!(" {style}")).unwrap_or_default();
            let drawn = if class.is_empty() { String::new() } else { rectangle(&class, (x, y - 9.0), (26.0, 18.0)) };
            drawn + &icon(mark, x + 6.0, y - 7.0)
        }
    }
}

/// The icon of a mark, 14 wide and high, its upper left at a place.
#[must_use]
pub fn icon(mark: Mark, x: f64, y: f64) -> String {
    let circle = "M1.5 7a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0";
    let (class, path) = match mark {
        Mark::Unknown => ("unknown", "M4.8 4.8a2.3 2.3 0 1 1 3.4 2c-.8.5-1.2.9-1.2 1.9M7 11.4v.1".to_owned()),
        Mark::Unmet => ("unmet", "M3 3l8 8M11 3l-8 8".to_owned()),
        Mark::Manual => ("manual", "M4.2 2.6l6.6 4.4-6.6 4.4z".to_owned()),
        Mark::Delayed => ("delayed", format!("{circle}M7 3.8v3.4l2.2 1.4")),
        Mark::OnFailure => ("on_failure", format!("{circle}M5 5l4 4M9 5l-4 4")),
        Mark::MayFail => ("may_fail", "M7 1.8l5.6 10.2h-11.2zM7 5.6v2.8M7 10.2v.1".to_owned()),
        Mark::Trigger => ("trigger", "M3 2.5v5.5h8M8 5l3 3-3 3".to_owned()),
    };
    format!("<path class=\"icon {class}\" transform=\"translate({} {})\" d=\"{path}\"/>", number(x), number(y))
}
