//! A diagram into the horizontal places of its columns and bands, as wide as their names are estimated to be.

use crate::report::svg::diagram::{Diagram, Node};
use crate::report::svg::markup::{shortened, width};

/// Round the picture.
pub const MARGIN: f64 = 24.0;
/// The height of a box.
pub const BOX: f64 = 34.0;
/// How far the boxes behind a box of several jobs stick out.
pub const STACK: f64 = 6.0;
/// Between two bands.
pub const BETWEEN: f64 = 16.0;
/// Font size of names.
pub const NAME: f64 = 13.0;
/// Characters of a name that are shown.
pub const LONGEST: usize = 34;
/// The width of a mark, with the space before it.
pub const MARK: f64 = 20.0;
/// Between the edge of a band and its boxes, left and right.
const INSET: f64 = 22.0;

/// Where columns and bands are, from left to right.
pub struct Columns<'a> {
    /// Left edge and width of each column.
    places: Vec<(f64, f64)>,
    /// Each stage with the left edge and the width of its band.
    pub bands: Vec<(&'a str, f64, f64)>,
    /// The band of each column.
    pub band_of: Vec<usize>,
    /// Of all, without margins.
    pub width: f64,
}

impl<'a> Columns<'a> {
    /// The columns of `diagram`.
    #[must_use]
    pub fn new(diagram: &Diagram<'a>) -> Self {
        let mut widths = vec![72.0_f64; diagram.columns.len()];
        for node in &diagram.boxes {
            widths[node.column] = widths[node.column].max(box_width(node));
        }
        let mut columns = Self { places: Vec::new(), bands: Vec::new(), band_of: Vec::new(), width: 0.0 };
        let gutters = gutters(diagram);
        let mut x = MARGIN;
        let stages: Vec<usize> = (0..diagram.columns.len()).collect();
        for group in stages.chunk_by(|a, b| diagram.columns[*a] == diagram.columns[*b]) {
            let stage = diagram.columns[group[0]];
            let between: Vec<f64> = group.iter().map(|&column| if column == group[0] { 0.0 } else { gutters[column] }).collect();
            let boxes: f64 = group.iter().map(|column| widths[*column]).sum::<f64>() + between.iter().sum::<f64>();
            // Where many links arrive, the space for their curves is part of the band's left side.
            let left = INSET + (gutters[group[0]] - 2.0 * INSET - BETWEEN).max(0.0);
            let title = width(&shortened(stage, LONGEST), 12.0) + 2.0 * 14.0;
            let spare = (title - boxes - left - INSET).max(0.0);
            let mut place = x + left + spare / 2.0;
            for (&column, between) in group.iter().zip(between) {
                place += between;
                columns.places.push((place, widths[column]));
                columns.band_of.push(columns.bands.len());
                place += widths[column];
            }
            let whole = left + boxes + INSET + spare;
            columns.bands.push((stage, x, whole));
            x += whole + BETWEEN;
        }
        columns.width = (x - BETWEEN - MARGIN).max(0.0);
        columns
    }

    /// The left edge of a column.
    #[must_use]
    pub fn left(&self, column: usize) -> f64 {
        self.places[column].0
    }

    /// The right edge of a column.
    #[must_use]
    pub fn right(&self, column: usize) -> f64 {
        self.places[column].0 + self.places[column].1
    }

    /// As wide as its column, but for the boxes that stick out behind it.
    #[must_use]
    pub fn box_width(&self, node: &Node<'_>) -> f64 {
        self.places[node.column].1 - if node.count > 1 { STACK } else { 0.0 }
    }
}

/// The space before each column: more where more links end in it, since their curves would be steep.
fn gutters(diagram: &Diagram<'_>) -> Vec<f64> {
    let mut ends = vec![0_usize; diagram.columns.len()];
    for link in diagram.links.iter().filter(|link| link.bundle.is_none()) {
        ends[diagram.boxes[link.to].column] += 1;
    }
    for bundle in &diagram.bundles {
        ends[diagram.boxes[bundle.to[0]].column] += 4 + bundle.from.len() + bundle.to.len();
    }
    ends.into_iter().map(|ends| (48.0 + 1.5 * ends as f64).min(110.0)).collect()
}

fn box_width(node: &Node<'_>) -> f64 {
    let count = if node.count > 1 { width(&counted(node), 12.0) + 18.0 + STACK } else { 0.0 };
    24.0 + width(&shortened(node.name, LONGEST), NAME) + count + MARK * node.marks.len() as f64
}

/// The text that says how many jobs a box stands for.
#[must_use]
pub fn counted(node: &Node<'_>) -> String {
    format!("×{}", node.count)
}
