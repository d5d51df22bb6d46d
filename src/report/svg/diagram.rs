//! A plan into the boxes, links and columns of a picture. Knows neither sizes nor markup.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::pipeline::Pipeline;
use crate::plan::{Plan, PlannedJob, UnknownJob};
use crate::report::plan::Report;

/// As many jobs that `parallel` makes of one are drawn one by one.
const MOST_APART: usize = 3;

/// What a picture of a plan shows.
#[derive(Debug)]
pub struct Diagram<'a> {
    /// The boxes, by stage and in the order of the configuration.
    pub boxes: Vec<Node<'a>>,
    /// Who waits for whom, without repetition.
    pub links: Vec<Link>,
    /// Needs that several boxes of a column have in common, which one junction can stand for.
    pub bundles: Vec<Bundle>,
    /// The columns from left to right: each belongs to a stage, and those of a stage are neighbours.
    pub columns: Vec<&'a str>,
}

/// A job, or all that `parallel` makes of one.
#[derive(Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// What there is to say of it.
    pub details: String,
    /// Its column, by its index in [`Diagram::columns`].
    pub column: usize,
    /// How many jobs it stands for.
    pub count: usize,
    /// What is special about it, in the order of [`Mark::ALL`].
    pub marks: Vec<Mark>,
    /// Whether it waits for all jobs of the stages before.
    pub waits: bool,
}

/// What is special about a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mark {
    /// Whether it is in the pipeline is not known.
    Unknown,
    /// It needs a job that is not in the pipeline.
    Unmet,
    /// A person starts it.
    Manual,
    /// It waits for some time.
    Delayed,
    /// It runs if another failed.
    OnFailure,
    /// The pipeline passes although it fails.
    MayFail,
    /// It starts another pipeline.
    Trigger,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Unknown, Self::Unmet, Self::Manual, Self::Delayed, Self::OnFailure, Self::MayFail, Self::Trigger];
}

/// A need, from the box that is waited for to the one that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// The index of the box that is needed.
    pub from: usize,
    /// The index of the box that needs it.
    pub to: usize,
    /// Whether all of it may be absent.
    pub optional: bool,
    /// The bundle that it is part of, by its index in [`Diagram::bundles`].
    pub bundle: Option<usize>,
}

/// Boxes of one column that all need the same others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// The indices of what they need.
    pub from: Vec<usize>,
    /// Their indices.
    pub to: Vec<usize>,
}

impl<'a> Diagram<'a> {
    /// The diagram of what `report` shows; `pipeline` is what was planned.
    #[must_use]
    pub fn new(report: &Report<'a>, pipeline: &Pipeline) -> Self {
        let plan = report.plan;
        let drawn = drawn(plan);
        let links = links(&drawn);
        let triggers: BTreeSet<&str> = pipeline
            .jobs
            .iter()
            .filter(|job| job.config.get("trigger").is_some_and(|value| !value.is_null()))
            .map(|job| &*job.name)
            .collect();
        let unmet: BTreeSet<&str> = plan.unmet.iter().map(|unmet| &*unmet.job).collect();
        let stages: Vec<usize> = drawn.iter().map(|drawn| drawn.stage).collect();
        let (columns, column_of) = columns(plan, &stages, &links);
        let boxes = drawn.iter().zip(column_of).map(|(drawn, column)| Node {
            name: drawn.name,
            details: drawn.details(report),
            column,
            count: drawn.jobs.len(),
            marks: drawn.marks(&triggers, &unmet),
            waits: drawn.first_planned().is_some_and(|job| job.needs.is_none()),
        });
        let mut diagram = Self { boxes: boxes.collect(), columns, links, bundles: Vec::new() };
        diagram.bundle();
        diagram
    }

    /// Whether a link leads to a later column; others are part of a circle, or against the order of the stages.
    #[must_use]
    pub fn is_forward(&self, link: &Link) -> bool {
        self.boxes[link.from].column < self.boxes[link.to].column
    }

    /// Finds what several boxes need alike, where that saves lines.
    fn bundle(&mut self) {
        let mut needs: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for link in self.links.iter().filter(|link| !link.optional && self.is_forward(link)) {
            needs.entry(link.to).or_default().push(link.from);
        }
        let mut alike: IndexMap<(usize, Vec<usize>), Vec<usize>> = IndexMap::new();
        for (to, mut from) in needs {
            from.sort_unstable();
            alike.entry((self.boxes[to].column, from)).or_default().push(to);
        }
        let bundles = alike.into_iter().map(|((_, from), to)| Bundle { from, to });
        self.bundles = bundles.filter(|bundle| bundle.from.len() * bundle.to.len() > bundle.from.len() + bundle.to.len()).collect();
        let bundle_of: BTreeMap<usize, usize> =
            self.bundles.iter().enumerate().flat_map(|(number, bundle)| bundle.to.iter().map(move |to| (*to, number))).collect();
        for link in self.links.iter_mut().filter(|link| !link.optional) {
            link.bundle = bundle_of.get(&link.to).copied().filter(|number| self.bundles[*number].from.contains(&link.from));
        }
    }
}

/// One of the two kinds of jobs that a plan may create.
#[derive(Clone, Copy, Debug)]
enum Either<'a> {
    Planned(&'a PlannedJob),
    Unknown(&'a UnknownJob),
}

impl<'a> Either<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Planned(job) => &job.name,
            Self::Unknown(job) => &job.name,
        }
    }

    fn base(self) -> &'a str {
        match self {
            Self::Planned(job) => &job.base,
            Self::Unknown(job) => &job.base,
        }
    }

    fn stage(self) -> &'a str {
        match self {
            Self::Planned(job) => &job.stage,
            Self::Unknown(job) => &job.stage,
        }
    }

    /// Whether one box can stand for both.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Planned(a), Self::Planned(b)) => {
                let needs = |job: &'a PlannedJob| {
                    job.needs.as_ref().map(|needs| needs.iter().map(|need| (&*need.job, need.optional)).collect::<Vec<_>>())
                };
                a.effect == b.effect && a.external == b.external && a.rule == b.rule && needs(a) == needs(b)
            }
            (Self::Unknown(a), Self::Unknown(b)) => a.why == b.why && a.possible == b.possible,
            (Self::Planned(_), Self::Unknown(_)) | (Self::Unknown(_), Self::Planned(_)) => false,
        }
    }
}

/// A box before it has a column.
#[derive(Debug)]
struct Drawn<'a> {
    name: &'a str,
    stage: usize,
    jobs: Vec<Either<'a>>,
}

/// The boxes by stage, with jobs that are not known behind the others. A stage that is not declared comes last.
fn drawn(plan: &Plan) -> Vec<Drawn<'_>> {
    let mut bases: IndexMap<(&str, bool), Vec<Either<'_>>> = IndexMap::new();
    for job in plan.jobs.iter().map(Either::Planned).chain(plan.unknown.iter().map(Either::Unknown)) {
        bases.entry((job.base(), matches!(job, Either::Unknown(_)))).or_default().push(job);
    }
    let stage = |job: &Either<'_>| plan.stages.iter().position(|stage| **stage == *job.stage()).unwrap_or(plan.stages.len());
    let mut drawn = Vec::new();
    for ((base, _), jobs) in bases {
        if jobs.len() > MOST_APART && jobs.windows(2).all(|pair| pair[0].is_like(pair[1])) {
            drawn.push(Drawn { name: base, stage: stage(&jobs[0]), jobs });
        } else {
            drawn.extend(jobs.into_iter().map(|job| Drawn { name: job.name(), stage: stage(&job), jobs: vec![job] }));
        }
    }
    drawn.sort_by_key(|drawn| drawn.stage);
    drawn
}

impl<'a> Drawn<'a> {
    fn first_planned(&self) -> Option<&'a PlannedJob> {
        self.jobs.iter().find_map(|job| match job {
            Either::Planned(job) => Some(*job),
            Either::Unknown(_) => None,
        })
    }

    fn details(&self, report: &Report<'_>) -> String {
        let said = self.jobs.first().map(|job| match job {
            Either::Planned(job) => report.details(job),
            Either::Unknown(job) => format!("not known whether it is in: {}", job.why),
        });
        let count = (self.jobs.len() > 1).then(|| format!("{} jobs", self.jobs.len()));
        count.into_iter().chain(said).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn marks(&self, triggers: &BTreeSet<&str>, unmet: &BTreeSet<&str>) -> Vec<Mark> {
        let when = |wanted: &str| self.first_planned().is_some_and(|job| *job.effect.when == *wanted);
        let has = |mark: &Mark| match mark {
            Mark::Unknown => self.first_planned().is_none(),
            Mark::Unmet => self.jobs.iter().any(|job| unmet.contains(job.name())),
            Mark::Manual => when("manual"),
            Mark::Delayed => when("delayed"),
            Mark::OnFailure => when("on_failure"),
            // A manual job that may fail is the usual one, which nothing waits for.
            Mark::MayFail => !when("manual") && self.first_planned().is_some_and(|job| job.effect.allow_failure),
            Mark::Trigger => self.jobs.iter().any(|job| triggers.contains(job.base())),
        };
        Mark::ALL.into_iter().filter(has).collect()
    }
}

fn links(drawn: &[Drawn<'_>]) -> Vec<Link> {
    let boxes = drawn.iter().enumerate();
    let index: BTreeMap<&str, usize> = boxes.flat_map(|(index, drawn)| drawn.jobs.iter().map(move |job| (job.name(), index))).collect();
    let mut links: IndexMap<(usize, usize), bool> = IndexMap::new();
    for (to, job) in drawn.iter().enumerate().filter_map(|(to, drawn)| Some((to, drawn.first_planned()?))) {
        for need in job.needs.iter().flatten() {
            if let Some(&from) = index.get(&*need.job) {
                let optional = links.entry((from, to)).or_insert(true);
                *optional = *optional && need.optional;
            }
        }
    }
    links.into_iter().map(|((from, to), optional)| Link { from, to, optional, bundle: None }).collect()
}

/// The columns, and that of each box, whose stage is in `stages`: a box that needs another of its stage stands right of that.
fn columns<'a>(plan: &'a Plan, stages: &[usize], links: &[Link]) -> (Vec<&'a str>, Vec<usize>) {
    let depths = depths(stages, links);
    let used: BTreeSet<(usize, usize)> = stages.iter().copied().zip(depths.iter().copied()).collect();
    let index: BTreeMap<(usize, usize), usize> = used.iter().enumerate().map(|(index, place)| (*place, index)).collect();
    let undeclared = "stages that are not declared";
    let names = used.iter().map(|(stage, _)| plan.stages.get(*stage).map_or(undeclared, |stage| &**stage)).collect();
    (names, stages.iter().zip(depths).map(|(stage, depth)| index[&(*stage, depth)]).collect())
}

/// The most needs within its stage that lead to each box. A circle begins with the box of it that is met first; the need that closes it does not count.
fn depths(stages: &[usize], links: &[Link]) -> Vec<usize> {
    let mut next = vec![Vec::new(); stages.len()];
    for link in links.iter().filter(|link| stages[link.from] == stages[link.to]) {
        next[link.from].push(link.to);
    }
    let order = order(&next);
    let mut place = vec![0; stages.len()];
    for (index, &node) in order.iter().enumerate() {
        place[node] = index;
    }
    let mut depths = vec![0; stages.len()];
    for &node in &order {
        for &other in next[node].iter().filter(|other| place[node] < place[**other]) {
            depths[other] = depths[other].max(depths[node] + 1);
        }
    }
    depths
}

/// All nodes, each before those that it leads to, circles aside.
fn order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut order = Vec::new();
    for start in 0..next.len() {
        let mut path = if seen[start] { Vec::new() } else { vec![(start, 0)] };
        seen[start] = true;
        while let Some((node, position)) = path.last_mut() {
            match next[*node].get(*position) {
                Some(&other) => {
                    *position += 1;
                    if !seen[other] {
                        seen[other] = true;
                        path.push((other, 0));
                    }
                }
                None => {
                    order.push(*node);
                    path.pop();
                }
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(from: usize, to: usize) -> Link {
        Link { from, to, optional: false, bundle: None }
    }

    #[test]
    fn a_box_stands_right_of_what_it_needs_in_its_stage_even_in_a_circle() {
        assert_eq!(depths(&[0, 0, 0, 1], &[link(0, 1), link(1, 2), link(0, 2), link(2, 3)]), [0, 1, 2, 0]);
        assert_eq!(depths(&[0, 0], &[link(0, 0), link(1, 1)]), [0, 0]);
        assert_eq!(depths(&[0, 0, 0], &[link(0, 1), link(1, 2), link(2, 0)]), [0, 1, 2]);
        assert_eq!(depths(&[0, 0, 0, 0], &[link(3, 2), link(2, 3), link(3, 1), link(0, 1)]), [0, 2, 0, 1]);
    }
}
