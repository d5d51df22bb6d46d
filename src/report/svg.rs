//! A plan into a picture for people: `plan --format svg`. Stages are bands from left to right, jobs are boxes, needs are curves. Light and dark follow the reader's
//! settings; the style avoids what renderers outside of browsers don't know, such as variables, and there are neither scripts nor fonts.

mod columns;
mod diagram;
mod layout;
mod legend;
mod lines;
mod markup;

use std::fmt::Write;

use indexmap::IndexSet;

use crate::pipeline::Pipeline;
use crate::report::plan::Report;
use crate::report::xml::escaped;
use columns::{BETWEEN, BOX, Columns, LONGEST, MARGIN, MARK, NAME, STACK, counted};
use diagram::{Diagram, Mark, Node};
use layout::{Item, Layout, layout};
use lines::Lines;
use markup::{number, shortened, width, wrapped};

const STYLE: &str = include_str!("svg/style.css");

/// The upper part of a band, where the stage's name is.
const HEADER: f64 = 40.0;
/// The lower part of a band, in which needs that lead back have their curves.
const FOOTER: f64 = 26.0;
/// The least width of what is inside the margins.
const NARROWEST: f64 = 460.0;

/// `plan --format svg`: a picture of what `report` shows; `pipeline` is what was planned.
#[must_use]
pub fn svg(report: &Report<'_>, pipeline: &Pipeline) -> String {
    let diagram = Diagram::new(report, pipeline);
    let items: Vec<Item> = diagram.boxes.iter().map(|node| Item { column: node.column, height: height(node) }).collect();
    let links: Vec<(usize, usize)> = diagram.links.iter().map(|link| (link.from, link.to)).collect();
    let layout = layout(&items, &links);
    let columns = Columns::new(&diagram);
    let inner = columns.width.max(NARROWEST);
    let heading = heading(report, inner);
    let mut picture = Picture { top: heading.bottom + HEADER, diagram: &diagram, layout: &layout, columns: &columns, out: String::new() };
    picture.bands();
    picture.gates();
    let (below, above) = Lines::new(&diagram, &layout, &columns, picture.top).drawn();
    picture.out.push_str(&below);
    picture.boxes();
    picture.out.push_str(&above);
    let bottom = if diagram.boxes.is_empty() { heading.bottom } else { picture.top + layout.height + FOOTER };
    let (legend, bottom) = legend::rows(&legend::entries(&diagram), MARGIN, bottom, inner);
    let (total_width, total_height) = (number(inner + 2.0 * MARGIN), number(bottom + MARGIN));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total_width}\" height=\"{total_height}\" viewBox=\"0 0 {total_width} {total_height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{}{}{legend}</svg>\n",
        escaped(&report.title()),
        heading.markup,
        picture.out
    )
}

/// What stands above the bands.
struct Heading {
    markup: String,
    bottom: f64,
}

fn heading(report: &Report<'_>, inner: f64) -> Heading {
    let plan = report.plan;
    let mut y = MARGIN + 14.0;
    let title = wrapped(&report.title(), 17.0, inner, 2);
    let mut markup = String::new();
    for line in &title {
        push(&mut markup, format_args!("<text class=\"title\" x=\"{}\" y=\"{}\">{}</text>", number(MARGIN), number(y), escaped(line)));
        y += 24.0;
    }
    let kind = match plan.created {
        Some(true) => "yes",
        Some(false) => "no",
        None => "perhaps",
    };
    push(&mut markup, format_args!("<circle class=\"{kind}\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/>", number(MARGIN + 5.0), number(y - 4.5)));
    for line in wrapped(&report.plain_verdict(), NAME, inner - 18.0, 4) {
        push(&mut markup, format_args!("<text x=\"{}\" y=\"{}\">{}</text>", number(MARGIN + 18.0), number(y), escaped(&line)));
        y += 19.0;
    }
    for line in remarks(report).iter().flat_map(|remark| wrapped(remark, 12.0, inner, 2)) {
        push(&mut markup, format_args!("<text class=\"small\" x=\"{}\" y=\"{}\">{}</text>", number(MARGIN), number(y), escaped(&line)));
        y += 18.0;
    }
    Heading { markup, bottom: y - 4.0 }
}

/// What a reader has to know besides the verdict.
fn remarks(report: &Report<'_>) -> Vec<String> {
    let plan = report.plan;
    let shown = plan.jobs.len() + plan.unknown.len();
    let would = (plan.created == Some(false) && shown > 0).then(|| "Drawn are the jobs that would be in.".to_owned());
    let includes: IndexSet<&str> = plan.unresolved.iter().map(String::as_str).collect();
    let unread = (!includes.is_empty()).then(|| {
        let plural = if includes.len() == 1 { "" } else { "s" };
        let names: Vec<&str> = includes.iter().copied().collect();
        format!("{} include{plural} could not be read and may add jobs: {}", includes.len(), names.join(", "))
    });
    would.into_iter().chain(unread).collect()
}

fn height(node: &Node<'_>) -> f64 {
    if node.count > 1 { BOX + STACK } else { BOX }
}

/// The markup of everything in the bands, as it grows.
struct Picture<'a> {
    diagram: &'a Diagram<'a>,
    layout: &'a Layout,
    columns: &'a Columns<'a>,
    /// Where the topmost box begins.
    top: f64,
    out: String,
}

impl Picture<'_> {
    fn bands(&mut self) {
        for (stage, left, whole) in &self.columns.bands {
            let (y, tall) = (self.top - HEADER, HEADER + self.layout.height + FOOTER);
            push(
                &mut self.out,
                format_args!(
                    "<g class=\"stage\"><title>{}</title><rect class=\"band\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\"/>\
                     <text class=\"stage\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
                    escaped(stage),
                    number(*left),
                    number(y),
                    number(*whole),
                    number(tall),
                    number(left + whole / 2.0),
                    number(y + 24.0),
                    escaped(&shortened(stage, LONGEST))
                ),
            );
        }
    }

    /// The middle of a box's left side.
    fn entry(&self, index: usize) -> (f64, f64) {
        (self.columns.left(self.diagram.boxes[index].column), self.top + self.layout.tops[index] + BOX / 2.0)
    }

    /// One bracket a band for its jobs that wait for all stages before, instead of lines from all to all.
    fn gates(&mut self) {
        for band in 1..self.columns.bands.len() {
            let waits = |node: &Node<'_>| node.waits && self.columns.band_of[node.column] == band;
            let waiting = self.diagram.boxes.iter().enumerate().filter(|(_, node)| waits(node));
            let mut ends: Vec<(f64, f64)> = waiting.map(|(index, _)| self.entry(index)).collect();
            ends.sort_by(|a, b| a.1.total_cmp(&b.1));
            let (Some(first), Some(last)) = (ends.first(), ends.last()) else { continue };
            let (_, left, _) = self.columns.bands[band];
            let bar = left + 9.0;
            let mut path = format!("M{} {}H{}", number(left - BETWEEN), number(first.1), number(bar));
            write!(path, "M{} {}V{}", number(bar), number(first.1), number(last.1)).expect("a string takes everything");
            let mut heads = String::new();
            for &(x, y) in &ends {
                write!(path, "M{} {}H{}", number(bar), number(y), number(x - 4.0)).expect("a string takes everything");
                heads.push_str(&head(x, y));
            }
            push(
                &mut self.out,
                format_args!("<g class=\"waits\"><path class=\"gate\" d=\"{path}\"/><path class=\"gatehead\" d=\"{heads}\"/></g>"),
            );
        }
    }

    fn boxes(&mut self) {
        for (index, node) in self.diagram.boxes.iter().enumerate() {
            let (x, middle) = self.entry(index);
            let (y, wide) = (middle - BOX / 2.0, self.columns.box_width(node));
            let styles: String = node.marks.iter().filter_map(|mark| border(*mark)).map(|style| format!(" {style}")).collect();
            let details = if node.details.is_empty() { String::new() } else { format!(": {}", node.details) };
            push(&mut self.out, format_args!("<g class=\"job\"><title>{}{}</title>", escaped(node.name), escaped(&details)));
            let behind: &[f64] = if node.count > 1 { &[STACK, STACK / 2.0, 0.0] } else { &[0.0] };
            for offset in behind {
                push(
                    &mut self.out,
                    format_args!(
                        "<rect class=\"box{styles}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"7\"/>",
                        number(x + offset),
                        number(y + offset),
                        number(wide),
                        number(BOX)
                    ),
                );
            }
            let dim = if node.marks.contains(&Mark::Unknown) { " unknown" } else { "" };
            let name = escaped(&shortened(node.name, LONGEST));
            push(
                &mut self.out,
                format_args!("<text class=\"name{dim}\" x=\"{}\" y=\"{}\">{name}</text>", number(x + 12.0), number(middle + 4.5)),
            );
            self.out.push_str(&marks(node, x + wide - 10.0, middle));
            self.out.push_str("</g>\n");
        }
    }
}

/// The count and the icons of a box, whose right ends at `right`.
fn marks(node: &Node<'_>, right: f64, middle: f64) -> String {
    let mut out = String::new();
    let mut x = right;
    for mark in node.marks.iter().rev() {
        out.push_str(&legend::icon(*mark, x - 14.0, middle - 7.0));
        x -= MARK;
    }
    if node.count > 1 {
        let wide = width(&counted(node), 12.0) + 12.0;
        push(
            &mut out,
            format_args!(
                "<rect class=\"count\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"18\" rx=\"9\"/><text class=\"small\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                number(x - wide),
                number(middle - 9.0),
                number(wide),
                number(x - wide / 2.0),
                number(middle + 4.0),
                counted(node)
            ),
        );
    }
    out
}

/// The style of the border of a box with a mark.
fn border(mark: Mark) -> Option<&'static str> {
    match mark {
        Mark::Unknown => Some("unknown"),
        Mark::Unmet => Some("unmet"),
        Mark::Manual => Some("manual"),
        Mark::Delayed | Mark::OnFailure | Mark::MayFail | Mark::Trigger => None,
    }
}

/// The head of an arrow to the right whose tip is at a place.
fn head(x: f64, y: f64) -> String {
    format!("M{} {}l-7 -3.5v7z", number(x), number(y))
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a string takes everything");
}
