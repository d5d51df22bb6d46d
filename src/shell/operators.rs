//! The operators of `${…}` on values: computed where all is known, kept as derived values where not.

use crate::shell::symbolic::{Atom, Operation, Symbolic};

pub(super) fn derived(base: Symbolic, operation: Operation) -> Symbolic {
    Symbolic::atom(Atom::Derived { base: Box::new(base), operation: Box::new(operation) })
}

pub(super) fn apply_default(base: Symbolic, colon: bool, word: Symbolic) -> Symbolic {
    match base.constant() {
        Some("") if colon => word,
        Some(_) => base,
        None if base.atoms.iter().any(|atom| matches!(atom, Atom::Literal(_))) => base,
        None => derived(base, Operation::Default { colon, word }),
    }
}

/// The longest text that operators are applied to.
const LONGEST_OPERAND: usize = 4096;

pub(super) fn trim(base: &Symbolic, end: bool, longest: bool, pattern: &Symbolic) -> Option<Symbolic> {
    let (text, pattern) = (base.constant()?, pattern.constant()?);
    if text.len() > LONGEST_OPERAND || pattern.len() > 64 || pattern.contains(['[', '\\', '(']) {
        return None;
    }
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    if longest != end {
        cuts.reverse();
    }
    let matches = |&at: &usize| matches_glob(if end { &text[at..] } else { &text[..at] }, pattern);
    let kept = cuts.into_iter().find(matches).map_or(text, |at| if end { &text[..at] } else { &text[at..] });
    Some(Symbolic::literal(kept))
}

/// `*` and `?` alone, greedily with one place to go back to.
fn matches_glob(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut sign) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(sign) {
            Some('*') => {
                star = Some((at, sign));
                sign += 1;
            }
            Some(&c) if c == '?' || c == text[at] => (at, sign) = (at + 1, sign + 1),
            Some(_) | None => {
                let Some((from, back)) = star else { return false };
                star = Some((from + 1, back));
                (at, sign) = (from + 1, back + 1);
            }
        }
    }
    pattern[sign..].iter().all(|&c| c == '*')
}

pub(super) fn replace(base: &Symbolic, mode: char, pattern: &Symbolic, replacement: &Symbolic) -> Option<Symbolic> {
    let (text, pattern, replacement) = (base.constant()?, pattern.constant()?, replacement.constant()?);
    if pattern.is_empty() || pattern.contains(['*', '?', '[', '\\', '(']) || text.len() > LONGEST_OPERAND {
        return None;
    }
    let replaced = match mode {
        '/' => text.replace(pattern, replacement),
        '#' => text.strip_prefix(pattern).map_or(text.to_owned(), |rest| format!("{replacement}{rest}")),
        '%' => text.strip_suffix(pattern).map_or(text.to_owned(), |rest| format!("{rest}{replacement}")),
        _ => text.replacen(pattern, replacement, 1),
    };
    Some(Symbolic::literal(&replaced))
}

pub(super) fn substring(base: &Symbolic, offset: &Symbolic, length: Option<&Symbolic>) -> Option<Symbolic> {
    let text = base.constant()?;
    let offset: usize = offset.constant()?.trim().parse().ok()?;
    let length: usize = length.map_or(Some(usize::MAX), |length| length.constant()?.trim().parse().ok())?;
    Some(Symbolic::literal(&text.chars().skip(offset).take(length).collect::<String>()))
}
