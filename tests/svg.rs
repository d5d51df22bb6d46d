//! What holds for every picture of a plan: it is XML, boxes stand in their stage's band and apart from each other, lines begin and end at them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use undind::Workspace;
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::{Documents, resolve};
use undind::plan::{Plan, plan};
use undind::report::plan::Report;
use undind::report::svg::svg;

const SMALL: &str = r#"
stages: [check, build, test, deploy, never]
lint: {stage: check, script: [x]}
images: {stage: build, needs: [lint], script: [x], parallel: 5}
docs: {stage: build, script: [x], when: delayed, start_in: 1 hour}
unit: {stage: test, script: [x], allow_failure: true}
whole: {stage: test, needs: [images, {job: perhaps, optional: true}], script: [x]}
browser: {stage: test, needs: [images, lint], script: [x], parallel: 3}
coverage: {stage: test, needs: [unit, whole, browser], script: [x]}
perhaps: {stage: build, needs: [], script: [x], rules: [{if: $UNKNOWN}]}
live: {stage: deploy, needs: [coverage, docs, lint], script: [x], when: manual}
other: {stage: deploy, trigger: {project: a/b}}
"#;

/// All that GitLab refuses in needs.
const REFUSED: &str = r#"
stages: [build, test, deploy]
a: {stage: build, script: [x], needs: [c]}
b: {stage: build, script: [x], needs: [a]}
c: {stage: build, script: [x], needs: [b]}
d: {stage: test, script: [x], needs: [d]}
e: {stage: test, script: [x], needs: [gone]}
f: {stage: test, script: [x], needs: [out]}
out: {stage: build, script: [x], rules: [{when: never}]}
g: {stage: build, script: [x], needs: [h, h]}
h: {stage: deploy, script: [x], needs: [a, a]}
i: {stage: undeclared, script: [x], needs: [a]}
"#;

#[test]
fn boxes_stand_in_their_bands_and_apart_and_lines_end_at_them() {
    for text in [SMALL.to_owned(), REFUSED.to_owned(), "a: {script: [x]}".to_owned(), many(60, 3), alike()] {
        let (plan, svg) = drawn(&text);
        let picture = Picture::read(&svg);
        picture.check();
        let stages: Vec<&str> =
            plan.stages.iter().map(|stage| &**stage).filter(|stage| plan.jobs.iter().any(|job| &*job.stage == *stage)).collect();
        let bands: Vec<&str> = picture.bands.iter().map(|(name, _)| name.as_str()).filter(|name| !name.contains(' ')).collect();
        assert_eq!(bands, stages);
        for job in &plan.jobs {
            let place = picture.of(&job.name).or_else(|| picture.of(&job.base)).unwrap_or_else(|| panic!("{} is not drawn", job.name));
            let band = picture.bands.iter().find(|(_, band)| band.holds(place)).unwrap_or_else(|| panic!("{} is in no band", job.name));
            assert!(band.0 == *job.stage || band.0.contains("not declared"), "{} is in {}", job.name, band.0);
        }
    }
}

#[test]
fn every_need_is_drawn() {
    for text in [SMALL.to_owned(), REFUSED.to_owned(), alike()] {
        let (plan, svg) = drawn(&text);
        let picture = Picture::read(&svg);
        let shown = |name: &str| {
            plan.jobs
                .iter()
                .find(|job| *job.name == *name && picture.of(name).is_none())
                .map_or_else(|| name.to_owned(), |job| job.base.to_string())
        };
        for job in &plan.jobs {
            for need in job.needs.iter().flatten().filter(|need| plan.jobs.iter().any(|job| job.name == need.job)) {
                let (from, to) = (shown(&need.job), shown(&job.name));
                let line = picture.needs.iter().find(|(title, _)| {
                    let (left, right) = title.split_once(" → ").unwrap();
                    left.split(", ").any(|name| name == from) && right.split(", ").any(|name| name == to)
                });
                assert!(line.is_some(), "{from} → {to}");
            }
        }
    }
}

#[test]
fn what_is_special_about_a_job_is_drawn_and_explained_and_nothing_else() {
    let (_, svg) = drawn(SMALL);
    for entry in [
        "optional need",
        "waits for the stages before",
        "jobs that parallel makes of one",
        "started by hand",
        "delayed",
        "may fail",
        "not known whether it is in",
        "starts another pipeline",
    ] {
        assert!(svg.contains(&format!(">{entry}</text>")), "{entry}");
    }
    assert!(!svg.contains("leads back") && !svg.contains("runs if another job failed"));
    assert!(svg.contains("×5") && !svg.contains("×3"));
    let (_, svg) = drawn("a: {script: [x]}");
    assert!(!svg.contains("class=\"legend\""));
}

#[test]
fn jobs_that_wait_for_stages_have_one_bracket_a_stage() {
    let mut text = "stages: [a, b, c]\n".to_owned();
    for index in 0..30 {
        writeln!(text, "a{index}: {{stage: a, script: [x]}}\nb{index}: {{stage: b, script: [x]}}\nc{index}: {{stage: c, script: [x]}}")
            .unwrap();
    }
    let (_, svg) = drawn(&text);
    assert_eq!((svg.matches("class=\"waits\"").count(), svg.matches("class=\"need\"").count()), (2, 0));
}

#[test]
fn no_pipeline_says_why_and_shows_what_would_be() {
    let (_, svg) = drawn("workflow: {rules: [{when: never}]}\na: {script: [x]}\n");
    assert!(svg.contains("no pipeline: a rule of `workflow` says `when: never`") && svg.contains("jobs that would be in"));
    assert!(Picture::read(&svg).of("a").is_some());
    let (_, svg) = drawn("a: {script: [x], rules: [{when: never}]}\n");
    assert!(Picture::read(&svg).boxes.is_empty() && svg.contains("no pipeline"));
}

#[test]
fn names_are_escaped_and_long_ones_shortened() {
    let long = "x".repeat(120);
    let text = format!(
        "stages: [\"<s> & 't'\"]\n\"a <b> & \\\"c\\\" \\e\": {{stage: \"<s> & 't'\", script: [x]}}\n{long}: {{stage: \"<s> & 't'\", script: [x]}}\n"
    );
    let (_, svg) = drawn(&text);
    let picture = Picture::read(&svg);
    picture.check();
    assert!(picture.of("a <b> & \"c\" \u{fffd}").is_some() && picture.of(&long).is_some());
    assert_eq!(picture.bands[0].0, "<s> & 't'");
    assert_eq!(svg.matches(&long).count(), 1, "only the title has the whole name");
}

#[test]
fn a_picture_is_the_same_every_time() {
    assert_eq!(drawn(&many(60, 3)).1, drawn(&many(60, 3)).1);
}

#[test]
fn a_thousand_jobs_with_thousands_of_needs_are_drawn() {
    let text = many(1000, 5);
    let picture = drawn(&text).1;
    let picture = Picture::read(&picture);
    picture.check();
    assert_eq!(picture.boxes.len(), 1000);
}

/// `count` jobs in ten stages, each of which needs `needs` of the stages before.
fn many(count: usize, needs: usize) -> String {
    let stage = count / 10;
    let mut text = format!("stages: [{}]\n", (0..10).map(|index| format!("s{index}")).collect::<Vec<_>>().join(", "));
    for index in 0..count {
        let own = index / stage;
        let from = |step: usize| (index * 31 + step * 17) % (own * stage).max(1);
        let list: Vec<String> = (0..needs).filter(|_| own > 0).map(|step| format!("j{}", from(step))).collect();
        writeln!(text, "j{index}: {{stage: s{own}, script: [x], needs: [{}]}}", list.join(", ")).unwrap();
    }
    text
}

/// Jobs with the same needs, which are drawn as a bundle.
fn alike() -> String {
    let mut text = "stages: [a, b, c]\n".to_owned();
    for index in 0..6 {
        writeln!(text, "a{index}: {{stage: a, script: [x]}}\nb{index}: {{stage: b, script: [x], needs: [a0, a1, a2, a3]}}").unwrap();
        writeln!(
            text,
            "c{index}: {{stage: c, script: [x], needs: [b0, b1, b2, a4]}}\nd{index}: {{stage: c, script: [x], needs: [b3, b4, a5]}}"
        )
        .unwrap();
    }
    text
}

fn drawn(text: &str) -> (Plan, String) {
    let workspace = Workspace::memory([(".gitlab-ci.yml".to_owned(), text.to_owned())]);
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, ".gitlab-ci.yml").unwrap();
    let reference = Ref::Branch("main".into());
    let facts = Facts { default_branch: Some(Arc::from("main")), ..Facts::default() };
    let context = Context::new(Event::Push, reference.clone(), &facts);
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    let plan = plan(&pipeline, &context, Vec::new());
    let report = Report { plan: &plan, reference: &reference, assumptions: &[], sources: documents.sources(), prefix: "" };
    let picture = svg(&report, &pipeline);
    (plan, picture)
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Rect {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Rect {
    fn holds(&self, other: &Self) -> bool {
        self.left <= other.left && self.top <= other.top && other.right <= self.right && other.bottom <= self.bottom
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// What is read back from a picture.
struct Picture {
    page: Rect,
    bands: Vec<(String, Rect)>,
    /// By name: all that is drawn of a box, and its front.
    boxes: Vec<(String, Rect, Rect)>,
    /// The titles and curves of needs.
    needs: Vec<(String, String)>,
    junctions: Vec<(f64, f64)>,
}

impl Picture {
    fn read(svg: &str) -> Self {
        let document = roxmltree::Document::parse(svg).unwrap();
        let root = document.root_element();
        let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let rect = |node: roxmltree::Node<'_, '_>| {
            let (left, top) = (number(node, "x"), number(node, "y"));
            Rect { left, top, right: left + number(node, "width"), bottom: top + number(node, "height") }
        };
        let page = Rect { left: 0.0, top: 0.0, right: number(root, "width"), bottom: number(root, "height") };
        let mut picture = Self { page, bands: Vec::new(), boxes: Vec::new(), needs: Vec::new(), junctions: Vec::new() };
        for node in root.descendants().filter(roxmltree::Node::is_element) {
            let part = |tag: &str| node.children().filter(|child| child.has_tag_name(tag)).collect::<Vec<_>>();
            let title = || part("title")[0].text().unwrap_or_default().to_owned();
            match node.attribute("class") {
                Some("stage") if node.tag_name().name() == "g" => picture.bands.push((title(), rect(part("rect")[0]))),
                Some("job") => {
                    let shapes = part("rect");
                    let shapes =
                        shapes.iter().filter(|shape| shape.attribute("class").unwrap().starts_with("box")).map(|shape| rect(*shape));
                    let shapes: Vec<Rect> = shapes.collect();
                    let front = *shapes.last().unwrap();
                    let all = shapes.iter().fold(front, |all, one| Rect {
                        left: all.left.min(one.left),
                        top: all.top.min(one.top),
                        right: all.right.max(one.right),
                        bottom: all.bottom.max(one.bottom),
                    });
                    picture.boxes.push((title(), all, front));
                }
                Some("need") => picture.needs.push((title(), part("path")[0].attribute("d").unwrap().to_owned())),
                Some("junction") => picture.junctions.push((number(node, "cx"), number(node, "cy"))),
                _ => {}
            }
        }
        picture
    }

    /// The whole box of a job, whose title begins with its name.
    fn of(&self, name: &str) -> Option<&Rect> {
        self.boxes
            .iter()
            .find(|(title, ..)| title == name || title.strip_prefix(name).is_some_and(|rest| rest.starts_with(": ")))
            .map(|(_, all, _)| all)
    }

    fn check(&self) {
        assert!(self.bands.iter().all(|(_, band)| self.page.holds(band)), "{:?}", self.bands);
        for pair in self.bands.windows(2) {
            assert!(pair[0].1.right < pair[1].1.left, "{pair:?}");
        }
        for (index, (name, all, _)) in self.boxes.iter().enumerate() {
            assert_eq!(self.bands.iter().filter(|(_, band)| band.holds(all)).count(), 1, "{name} is in no band");
            if let Some((other, ..)) = self.boxes[..index].iter().find(|(_, other, _)| other.meets(all)) {
                panic!("{name} covers {other}");
            }
        }
        let close = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 0.15 && (a.1 - b.1).abs() < 0.15;
        let parts: Vec<Vec<(f64, f64)>> = self.needs.iter().flat_map(|(_, path)| parts(path)).collect();
        let ends: BTreeSet<String> = parts.iter().map(|part| format!("{:?}", part.last())).collect();
        for part in &parts {
            let (start, end) = (part[0], *part.last().unwrap());
            let joint = self.junctions.iter().any(|place| close(*place, start)) || ends.contains(&format!("{:?}", Some(start)));
            let leaves = |front: &Rect| {
                close(start, (front.right, (front.top + front.bottom) / 2.0))
                    || ((front.bottom - start.1).abs() < 0.15 && front.left < start.0 && start.0 < front.right)
            };
            assert!(joint || self.boxes.iter().any(|(.., front)| leaves(front)), "nothing is where {part:?} begins");
            let arrives = |front: &Rect| {
                close(end, (front.left, (front.top + front.bottom) / 2.0))
                    || ((front.bottom - end.1).abs() < 0.15 && front.left < end.0 && end.0 < front.right)
            };
            let ends_in_lane = part.len() > 4;
            let junction = self.junctions.iter().any(|place| close(*place, end));
            assert!(ends_in_lane || junction || self.boxes.iter().any(|(.., front)| arrives(front)), "nothing is where {part:?} ends");
            // A lane crosses its column beside all boxes.
            if ends_in_lane {
                let lane = Rect { left: part[3].0, top: end.1 - 0.5, right: end.0, bottom: end.1 + 0.5 };
                assert!(self.boxes.iter().all(|(_, all, _)| !all.meets(&lane)), "{part:?} crosses a box");
            }
        }
    }
}

/// The points of each part of a path: those of a curve, and of the straight line behind it.
fn parts(path: &str) -> Vec<Vec<(f64, f64)>> {
    path.split('M')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (curve, line) = part.split_once('H').map_or((part, None), |(curve, line)| (curve, Some(line)));
            let numbers: Vec<f64> = curve.split(['C', ' ']).map(|number| number.parse().unwrap()).collect();
            let mut points: Vec<(f64, f64)> = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            let last = *points.last().unwrap();
            points.extend(line.map(|x| (x.parse().unwrap(), last.1)));
            points
        })
        .collect()
}
