//! Boxes in given columns, and links between them, into vertical positions with few crossings. The only file that knows the `dagre` crate; it knows nothing of plans
//! and of where a column is.

use std::collections::BTreeMap;

use dagre::graph::Graph;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir, Ranker};

/// Free space between two boxes of a column.
pub const GAP: f64 = 14.0;
/// Nodes and links that dagre may see for one picture. Its cost grows with their product: this many take it a fifth of a second. What goes beyond keeps the order
/// in which it came, and has no lanes.
const BUDGET: usize = 2_000;
/// The same for dagre's slower way of ranking.
const SLOW_BUDGET: usize = 700;
/// Between two columns in dagre's coordinates, in which boxes have no width.
const STEP: f64 = 100.0;
/// How far dagre's coordinates may be off.
const TOLERANCE: f64 = 0.5;

/// A box.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The column that it stands in, from 0.
    pub column: usize,
    /// Its height.
    pub height: f64,
}

/// Where things are; the topmost box is at 0.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The upper edge of each item, in the order of the items.
    pub tops: Vec<f64>,
    /// By an item and a column that its links cross on their way to a later one: the height at which they do so, free of boxes.
    pub lanes: BTreeMap<(usize, usize), f64>,
    /// The lower edge of the lowest box.
    pub height: f64,
}

/// Lays out `items` with `links`, pairs of their indices of which each leads to a later column. Items that hang together are laid out by dagre; these parts are put
/// below each other in the order of their first items, and then the items without links.
///
/// A link over more than one column goes through a lane that it shares with the others of its source. Where dagre doesn't keep the columns, or lets boxes overlap, a
/// part keeps its order instead.
#[must_use]
pub fn layout(items: &[Item], links: &[(usize, usize)]) -> Layout {
    let forward = |&&(from, to): &&(usize, usize)| from < items.len() && to < items.len() && items[from].column < items[to].column;
    let links: Vec<(usize, usize)> = links.iter().filter(forward).copied().collect();
    let mut out = Layout { tops: vec![0.0; items.len()], ..Layout::default() };
    let mut filled: Vec<f64> = vec![0.0; items.iter().map(|item| item.column + 1).max().unwrap_or_default()];
    let mut budget = BUDGET;
    let (single, joined): (Vec<Part>, Vec<Part>) = parts(items.len(), &links).into_iter().partition(|part| part.links.is_empty());
    for part in joined.iter().chain(&single) {
        let placed = arranged(items, part, &mut budget).unwrap_or_else(|| stacked(items, part));
        out.put(items, part, placed, &mut filled);
    }
    out
}

impl Layout {
    /// Moves a part below what fills its columns.
    fn put(&mut self, items: &[Item], part: &Part, placed: Placed, filled: &mut [f64]) {
        let boxes = part.items.iter().zip(&placed.tops).map(|(&item, &top)| (items[item].column, top, top + items[item].height));
        let lanes = placed.lanes.iter().map(|(&(_, column), &y)| (column, y, y));
        let spans: Vec<(usize, f64, f64)> = boxes.chain(lanes).collect();
        let start = spans.iter().map(|(column, top, _)| filled[*column] - top).fold(f64::NEG_INFINITY, f64::max);
        for (column, _, bottom) in &spans {
            filled[*column] = filled[*column].max(start + bottom + GAP);
        }
        for (&item, top) in part.items.iter().zip(&placed.tops) {
            self.tops[item] = start + top;
            self.height = self.height.max(start + top + items[item].height);
        }
        self.lanes.extend(placed.lanes.into_iter().map(|(lane, y)| (lane, start + y)));
    }
}

/// Items that hang together, in order, and their links.
#[derive(Debug, Default)]
struct Part {
    items: Vec<usize>,
    links: Vec<(usize, usize)>,
}

fn parts(count: usize, links: &[(usize, usize)]) -> Vec<Part> {
    let mut neighbours = vec![Vec::new(); count];
    for &(from, to) in links {
        neighbours[from].push(to);
        neighbours[to].push(from);
    }
    let mut part_of = vec![None; count];
    let mut parts: Vec<Part> = Vec::new();
    for start in 0..count {
        if part_of[start].is_some() {
            continue;
        }
        part_of[start] = Some(parts.len());
        let mut open = vec![start];
        let mut part = Part::default();
        while let Some(item) = open.pop() {
            part.items.push(item);
            for &other in &neighbours[item] {
                if part_of[other].is_none() {
                    part_of[other] = Some(parts.len());
                    open.push(other);
                }
            }
        }
        part.items.sort_unstable();
        parts.push(part);
    }
    for &link in links {
        if let Some(part) = part_of[link.0] {
            parts[part].links.push(link);
        }
    }
    parts
}

/// Where the items of a part are, before it is put below others.
struct Placed {
    tops: Vec<f64>,
    lanes: BTreeMap<(usize, usize), f64>,
}

/// One below the other in the order in which they come.
fn stacked(items: &[Item], part: &Part) -> Placed {
    let mut next: BTreeMap<usize, f64> = BTreeMap::new();
    let tops = part.items.iter().map(|&item| {
        let next = next.entry(items[item].column).or_default();
        let top = *next;
        *next += items[item].height + GAP;
        top
    });
    Placed { tops: tops.collect(), lanes: BTreeMap::new() }
}

/// As dagre has it; none where it is too much for it, or where it breaks what [`layout`] promises.
fn arranged(items: &[Item], part: &Part, budget: &mut usize) -> Option<Placed> {
    if part.links.is_empty() {
        return None;
    }
    let (lanes, steps) = lanes(items, part);
    let size = part.items.len() + lanes.len() + 2 * steps.len();
    *budget = budget.checked_sub(size)?;
    // The tree finds the columns nearly always, and is quicker than the simplex, which does so always.
    let rankers = [(Ranker::TightTree, BUDGET), (Ranker::NetworkSimplex, SLOW_BUDGET)];
    rankers.into_iter().filter(|(_, limit)| size <= *limit).find_map(|(ranker, _)| run(items, part, &lanes, &steps, ranker))
}

/// An item, or the place where the links of one cross a column.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Node {
    Item(usize),
    Lane(usize, usize),
}

impl Node {
    fn key(self) -> String {
        match self {
            Self::Item(item) => item.to_string(),
            Self::Lane(item, column) => format!("{item}/{column}"),
        }
    }
}

/// The lanes of a part, and all that lead from one column to the next or to a first lane.
fn lanes(items: &[Item], part: &Part) -> (Vec<Node>, Vec<(Node, Node)>) {
    let mut lanes: Vec<Node> = Vec::new();
    let mut steps: Vec<(Node, Node)> = Vec::new();
    let mut reached: BTreeMap<usize, usize> = BTreeMap::new();
    for &(from, to) in &part.links {
        let start = items[from].column;
        let node = |column: usize| if column == start { Node::Item(from) } else { Node::Lane(from, column) };
        let last = reached.entry(from).or_insert(start);
        while *last + 1 < items[to].column {
            lanes.push(node(*last + 1));
            steps.push((node(*last), node(*last + 1)));
            *last += 1;
        }
        steps.push((node(items[to].column - 1), Node::Item(to)));
    }
    (lanes, steps)
}

fn run(items: &[Item], part: &Part, lanes: &[Node], steps: &[(Node, Node)], ranker: Ranker) -> Option<Placed> {
    let first = part.items.iter().map(|&item| items[item].column).min()?;
    let mut graph: Graph<NodeLabel, EdgeLabel> = Graph::new();
    for &item in &part.items {
        graph.set_node(Node::Item(item).key(), Some(NodeLabel { height: items[item].height, ..NodeLabel::default() }));
    }
    for &lane in lanes {
        graph.set_node(lane.key(), Some(NodeLabel::default()));
    }
    for &(from, to) in steps {
        // Straight lanes matter more than straight links.
        let weight = if matches!(to, Node::Lane(..)) { 3 } else { 1 };
        let label = EdgeLabel { weight, label_offset: 0.0, ..EdgeLabel::default() };
        graph.set_edge(from.key(), to.key(), Some(label), None);
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        ranksep: STEP,
        nodesep: GAP,
        edgesep: GAP / 2.0,
        ranker,
        tie_keep_first: true,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let middle = |node: Node, column: usize| {
        let label = graph.node(&node.key())?;
        let (x, y) = (label.x?, label.y?);
        let wanted = (column - first) as f64 * STEP;
        (y.is_finite() && (x - wanted).abs() < TOLERANCE).then_some(y)
    };
    let tops = part.items.iter().map(|&item| Some(middle(Node::Item(item), items[item].column)? - items[item].height / 2.0));
    let tops: Vec<f64> = tops.collect::<Option<_>>()?;
    let lanes = lanes.iter().map(|&node| match node {
        Node::Lane(item, column) => Some(((item, column), middle(node, column)?)),
        Node::Item(_) => None,
    });
    let placed = Placed { tops, lanes: lanes.collect::<Option<_>>()? };
    is_free(items, part, &placed).then_some(placed)
}

/// Whether no box touches another or a lane.
fn is_free(items: &[Item], part: &Part, placed: &Placed) -> bool {
    let boxes = part.items.iter().zip(&placed.tops).map(|(&item, &top)| (items[item].column, top, top + items[item].height));
    let mut spans: Vec<(usize, f64, f64)> = boxes.chain(placed.lanes.iter().map(|(&(_, column), &y)| (column, y, y))).collect();
    spans.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    spans.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].2 + 1.0 < pair[1].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(columns: &[usize]) -> Vec<Item> {
        columns.iter().map(|&column| Item { column, height: 30.0 }).collect()
    }

    /// Whether boxes of a column keep apart.
    fn keeps_apart(items: &[Item], layout: &Layout) -> bool {
        let mut spans: Vec<(usize, f64)> = items.iter().zip(&layout.tops).map(|(item, top)| (item.column, *top)).collect();
        spans.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        spans.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].1 + 30.0 < pair[1].1)
    }

    #[test]
    fn nothing_has_a_layout_too() {
        let layout = layout(&[], &[(0, 1)]);
        assert!(layout.tops.is_empty() && layout.height == 0.0);
    }

    #[test]
    fn links_to_themselves_backwards_or_to_nothing_are_ignored() {
        let items = items(&[0, 1]);
        let layout = layout(&items, &[(0, 0), (1, 0), (0, 7), (0, 1), (0, 1)]);
        assert_eq!(layout.tops, [0.0, 0.0]);
    }

    #[test]
    fn two_links_that_cross_are_untangled() {
        let items = items(&[0, 0, 1, 1]);
        let layout = layout(&items, &[(0, 3), (1, 2)]);
        assert!((layout.tops[0] < layout.tops[1]) == (layout.tops[3] < layout.tops[2]), "{layout:?}");
    }

    #[test]
    fn a_link_passes_beside_the_box_of_a_column_between() {
        let items = items(&[0, 1, 2]);
        let layout = layout(&items, &[(0, 1), (1, 2), (0, 2)]);
        let lane = layout.lanes[&(0, 1)];
        assert!(lane < layout.tops[1] || lane > layout.tops[1] + 30.0, "{layout:?}");
    }

    #[test]
    fn columns_are_kept_where_the_longest_path_would_move_them() {
        // The tight tree alone takes 0 and 1 for neighbours of its root.
        let items = items(&[2, 0, 3, 9]);
        let links = [(0, 2), (1, 2), (0, 3)];
        let part = &parts(4, &links)[0];
        let placed = arranged(&items, part, &mut BUDGET.clone()).expect("dagre keeps the columns");
        assert!(placed.lanes.contains_key(&(1, 2)) && placed.lanes.contains_key(&(0, 8)), "{:?}", placed.lanes);
    }

    #[test]
    fn a_chain_of_many_columns_and_a_tangle_of_many_links_do_not_overflow() {
        let chain = items(&(0..600).collect::<Vec<_>>());
        let links: Vec<(usize, usize)> = (1..600).map(|to| (to - 1, to)).collect();
        assert!(layout(&chain, &links).height > 0.0);
        let tangle = items(&(0..1000).map(|index| index / 100).collect::<Vec<_>>());
        let links: Vec<(usize, usize)> =
            (0..900).flat_map(|from| (0..5).map(move |step| (from, (from / 100 + 1) * 100 + (from * 7 + step * 31) % 100))).collect();
        assert!(keeps_apart(&tangle, &layout(&tangle, &links)));
    }
}
