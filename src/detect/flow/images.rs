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
        let reference = Reference::parse(text);
        let mut unsure = false;
        for named in self.named.iter().rev() {
            match same(named, text, reference.as_ref()) {
                Same::Yes if unsure => return Meaning::Unsure,
                Same::Yes => return Meaning::Known(named.origin),
                Same::Unknown => unsure = true,
                Same::No => {}
            }
        }
        if unsure { Meaning::Unsure } else { Meaning::Foreign }
    }
}

fn same(named: &Named, text: &str, reference: Option<&Reference>) -> Same {
    if named.text == text {
        return Same::Yes;
    }
    match (&named.reference, reference) {
        (Some(a), Some(b)) => a.same(b),
        (None, _) | (_, None) => Same::Unknown,
    }
}
