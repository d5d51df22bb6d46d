//! Which image a reference means at a point of a script: one that a build made, or one that was pulled.

use crate::docker::reference::{Reference, Same};

/// Where an image came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Origin {
    /// The build with this step.
    Build(usize),
    /// The pull with this step.
    Pull(usize),
}

/// Names that images have in the job's daemon so far.
#[derive(Default, Debug)]
pub(super) struct Images {
    named: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    text: String,
    reference: Option<Reference>,
    origin: Origin,
}

/// What a reference means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// This image.
    Known(Origin),
    /// No image of this job.
    Foreign,
    /// It cannot be told.
    Unsure,
}

impl Images {
    /// Gives the image of `origin` the name `text`, which it takes from any other.
    pub(super) fn name(&mut self, text: &str, origin: Origin) {
        self.named.push(Named { text: text.to_owned(), reference: Reference::parse(text), origin });
    }

    /// What `text` means now; the newest name counts.
    pub(super) fn meaning(&self, text: &str) -> Meaning {
        if let Some(named) = self.named.iter().rev().find(|named| named.text == text) {
            return Meaning::Known(named.origin);
        }
        let reference = Reference::parse(text);
        let mut unsure = false;
        for named in self.named.iter().rev().filter(|named| !differ(&named.text, text)) {
            match same(named, reference.as_ref()) {
                Same::Yes if unsure => return Meaning::Unsure,
                Same::Yes => return Meaning::Known(named.origin),
                Same::Unknown => unsure = true,
                Same::No => {}
            }
        }
        if unsure { Meaning::Unsure } else { Meaning::Foreign }
    }
}

fn same(named: &Named, reference: Option<&Reference>) -> Same {
    match (&named.reference, reference) {
        (Some(a), Some(b)) => a.same(b),
        (None, _) | (_, None) => Same::Unknown,
    }
}

/// Whether two texts differ in literal characters between equal ends, whatever their variables hold: `${A}/api` and `${A}/web`.
/// A missing tag means `latest`, so that an end that may be a tag decides nothing.
fn differ(a: &str, b: &str) -> bool {
    let (a, b) = (pieces(a), pieces(b));
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let literal = |pieces: &[&str]| !pieces.is_empty() && pieces.iter().all(|piece| !piece.starts_with("${"));
    let tags = |pieces: &[&str]| pieces.concat() == ":latest";
    literal(a) && literal(b) && !tags(a) && !tags(b)
}

/// Variables whole, literals by character.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("${") { rest.find('}').map_or(rest.len(), |end| end + 1) } else { first.len_utf8() };
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}
