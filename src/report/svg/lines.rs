//! The needs of a diagram into curves. Several curves on one way are drawn once.

use std::collections::BTreeSet;

use crate::report::svg::columns::{BOX, Columns};
use crate::report::svg::diagram::{Bundle, Diagram, Link};
use crate::report::svg::layout::Layout;
use crate::report::svg::markup::number;
use crate::report::svg::{head, push};
use crate::report::xml::escaped;

/// How far before a column a junction is, as a part of the space between it and the one before.
const JUNCTION: f64 = 0.55;
/// Between two junctions of a column, across and down.
const APART: (f64, f64) = (7.0, 12.0);

type Point = (f64, f64);

/// What is needed to draw lines.
pub(super) struct Lines<'a> {
    diagram: &'a Diagram<'a>,
    layout: &'a Layout,
    columns: &'a Columns<'a>,
    /// Where the topmost box begins.
    top: f64,
    /// The curves that are drawn already.
    seen: BTreeSet<String>,
    out: String,
}

impl<'a> Lines<'a> {
    pub(super) fn new(diagram: &'a Diagram<'a>, layout: &'a Layout, columns: &'a Columns<'a>, top: f64) -> Self {
        Self { diagram, layout, columns, top, seen: BTreeSet::new(), out: String::new() }
    }

    /// The markup of the lines that boxes come over, and of those that come over boxes.
    pub(super) fn drawn(mut self) -> (String, String) {
        let junctions = self.junctions();
        for (bundle, junction) in self.diagram.bundles.iter().zip(junctions) {
            self.bundle(bundle, junction);
        }
        // Dashes would disappear on a line that another has drawn, so whole lines come first.
        for optional in [false, true] {
            let alone = |link: &&Link| link.optional == optional && link.bundle.is_none() && self.diagram.is_forward(link);
            for link in self.diagram.links.iter().filter(alone).collect::<Vec<_>>() {
                self.link(link);
            }
        }
        let forward = self.diagram.links.iter().filter(|link| self.diagram.is_forward(link));
        let ends: BTreeSet<usize> = forward.map(|link| link.to).collect();
        let path: String = ends.into_iter().map(|index| self.entry(index)).map(|(x, y)| head(x, y)).collect();
        if !path.is_empty() {
            push(&mut self.out, format_args!("<path class=\"head\" d=\"{path}\"/>"));
        }
        let below = std::mem::take(&mut self.out);
        self.diagram
            .links
            .iter()
            .filter(|link| !self.diagram.is_forward(link))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|link| self.bow(link));
        (below, self.out)
    }

    fn name(&self, index: usize) -> &str {
        self.diagram.boxes[index].name
    }

    /// The middle of a box's left side.
    fn entry(&self, index: usize) -> Point {
        (self.columns.left(self.diagram.boxes[index].column), self.top + self.layout.tops[index] + BOX / 2.0)
    }

    /// The middle of a box's right side.
    fn exit(&self, index: usize) -> Point {
        let (x, y) = self.entry(index);
        (x + self.columns.box_width(&self.diagram.boxes[index]), y)
    }

    /// The places of the bundles' junctions: before the column of the boxes that wait, in the middle of their heights or, where others are, below those.
    fn junctions(&self) -> Vec<Point> {
        let bundles = self.diagram.bundles.iter().map(|bundle| {
            let heights = bundle.to.iter().map(|&index| self.entry(index).1);
            (self.diagram.boxes[bundle.to[0]].column, heights.sum::<f64>() / bundle.to.len() as f64)
        });
        let mut sorted: Vec<(usize, (usize, f64))> = bundles.enumerate().collect();
        sorted.sort_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut places = vec![(0.0, 0.0); sorted.len()];
        for group in sorted.chunk_by(|(_, a), (_, b)| a.0 == b.0) {
            let mut lowest = f64::NEG_INFINITY;
            for (position, &(bundle, (column, height))) in group.iter().enumerate() {
                let (left, before) = (self.columns.left(column), self.columns.right(column - 1));
                lowest = height.max(lowest + APART.1);
                places[bundle] = (left - (left - before) * JUNCTION - APART.0 * (position % 3) as f64, lowest);
            }
        }
        places
    }

    fn bundle(&mut self, bundle: &Bundle, junction: Point) {
        let names = |boxes: &[usize]| boxes.iter().map(|index| self.name(*index)).collect::<Vec<_>>().join(", ");
        let (needed, waiting) = (names(&bundle.from), names(&bundle.to));
        for &from in &bundle.from {
            let path = self.way(from, self.diagram.boxes[bundle.to[0]].column, junction);
            let title = format!("{} → {waiting}", self.name(from));
            self.line("link", &title, &path);
        }
        for &to in &bundle.to {
            let title = format!("{needed} → {}", self.name(to));
            let path = bend(junction, self.entry(to));
            self.line("link", &title, &path);
        }
        let (x, y) = (number(junction.0), number(junction.1));
        push(&mut self.out, format_args!("<circle class=\"junction\" cx=\"{x}\" cy=\"{y}\" r=\"2.6\"/>"));
    }

    fn link(&mut self, link: &Link) {
        let title = format!("{} → {}", self.name(link.from), self.name(link.to));
        let path = self.way(link.from, self.diagram.boxes[link.to].column, self.entry(link.to));
        self.line(if link.optional { "link optional" } else { "link" }, &title, &path);
    }

    fn line(&mut self, class: &str, title: &str, path: &str) {
        push(&mut self.out, format_args!("<g class=\"need\"><title>{}</title><path class=\"{class}\" d=\"{path}\"/></g>", escaped(title)));
    }

    /// From the right of a box to a place before a column, straight through the columns between them. Parts that are drawn already are left out.
    fn way(&mut self, from: usize, column: usize, end: Point) -> String {
        let mut parts = Vec::new();
        let mut place = self.exit(from);
        for between in self.diagram.boxes[from].column + 1..column {
            let Some(lane) = self.layout.lanes.get(&(from, between)).map(|lane| self.top + lane) else { continue };
            let right = self.columns.right(between);
            parts.push(format!("{}H{}", bend(place, (self.columns.left(between), lane)), number(right)));
            place = (right, lane);
        }
        parts.push(bend(place, end));
        parts.into_iter().filter(|part| self.seen.insert(part.clone())).collect()
    }

    /// A need that leads to its own or an earlier column, below both boxes.
    fn bow(&mut self, link: &Link) {
        let bottom = |index: usize, part: f64| {
            let (x, y) = self.entry(index);
            (x + self.columns.box_width(&self.diagram.boxes[index]) * part, y + BOX / 2.0)
        };
        let (from, to) = (bottom(link.from, 0.65), bottom(link.to, 0.35));
        let sag = number(from.1.max(to.1) + 18.0);
        let [x, y, to_x, to_y] = [from.0, from.1, to.0, to.1].map(number);
        let title = format!("{} → {}", self.name(link.from), self.name(link.to));
        self.line("link backward", &title, &format!("M{x} {y}C{x} {sag} {to_x} {sag} {to_x} {to_y}"));
        push(&mut self.out, format_args!("<path class=\"head backward\" d=\"M{to_x} {to_y}l-3.5 7h7z\"/>"));
    }
}

/// A curve that leaves and arrives level.
fn bend(from: Point, to: Point) -> String {
    let middle = number((from.0 + to.0) / 2.0);
    let [x, y, to_x, to_y] = [from.0, from.1, to.0, to.1].map(number);
    format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}")
}
