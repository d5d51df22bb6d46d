//! Ruby's `File.fnmatch?` with `FNM_PATHNAME`, `FNM_DOTMATCH` and `FNM_EXTGLOB`, by which GitLab matches `rules:changes` and `rules:exists`.
//!
//! Its wildcards are not a shell's: `**` crosses folders only as `**/`, and at the end of a pattern it is a single `*`
//! (ruby, `dir.c`: `ruby_brace_expand`, `fnmatch`, `fnmatch_helper`, `bracket`).

use std::ops::Range;

/// Most patterns that are written on the way to those that the braces of one pattern stand for.
const MAX_ALTERNATIVES: usize = 10_000;
/// Most characters in all of them.
const MAX_CHARACTERS: usize = 500_000;

/// A pattern, its braces expanded.
#[derive(Clone, Debug)]
pub struct Pattern {
    alternatives: Vec<Vec<char>>,
}

impl Pattern {
    /// Reads a pattern; none where its braces stand for more than 10,000 patterns or 500,000 characters.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        let mut alternatives = Vec::new();
        let mut open = vec![pattern.chars().collect::<Vec<_>>()];
        let (mut count, mut characters) = (0, 0);
        while let Some(next) = open.pop() {
            match braces(&next) {
                Braces::None => alternatives.push(next),
                Braces::Unclosed => {}
                Braces::Pair(from, to) => {
                    let choices = choices(&next, from, to);
                    count += choices.len();
                    characters += choices.len() * next.len();
                    if count > MAX_ALTERNATIVES || characters > MAX_CHARACTERS {
                        return None;
                    }
                    let written = |choice: Range<usize>| [&next[..from], &next[choice], &next[to + 1..]].concat();
                    open.extend(choices.into_iter().rev().map(written));
                }
            }
        }
        Some(Self { alternatives })
    }

    /// Whether the whole of `path` matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        self.alternatives.iter().any(|pattern| matches(pattern, &path))
    }
}

enum Braces {
    None,
    /// Ruby matches nothing with such a pattern.
    Unclosed,
    /// Where the first outer pair stands.
    Pair(usize, usize),
}

fn braces(pattern: &[char]) -> Braces {
    let (mut nested, mut from, mut at) = (0_usize, None, 0);
    while at < pattern.len() {
        match pattern[at] {
            '{' => {
                if nested == 0 {
                    from = Some(at);
                }
                nested += 1;
            }
            '}' if from.is_some() => {
                nested -= 1;
                if nested == 0 {
                    return Braces::Pair(from.unwrap_or_default(), at);
                }
            }
            '\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    if from.is_some() { Braces::Unclosed } else { Braces::None }
}

/// Where the choices between the braces stand.
fn choices(pattern: &[char], from: usize, to: usize) -> Vec<Range<usize>> {
    let mut choices = Vec::new();
    let mut at = from;
    while at < to {
        at += 1;
        let start = at;
        let mut nested = 0_i32;
        while at < to && !(pattern[at] == ',' && nested == 0) {
            match pattern[at] {
                '{' => nested += 1,
                '}' => nested -= 1,
                '\\' => at += 1,
                _ => {}
            }
            at += 1;
        }
        choices.push(start..at.min(to));
    }
    choices
}

fn at(text: &[char], index: usize) -> Option<char> {
    text.get(index).copied()
}

fn starts_any_folders(pattern: &[char], p: usize) -> bool {
    pattern[p.min(pattern.len())..].starts_with(&['*', '*', '/'])
}

/// Segment by segment; `**/` may be tried again one folder deeper.
fn matches(pattern: &[char], path: &[char]) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if starts_any_folders(pattern, p) {
            while starts_any_folders(pattern, p) {
                p += 3;
            }
            retry = Some((p, s));
        }
        let (matched, next_p, next_s) = segment(pattern, p, path, s);
        (p, s) = (next_p, next_s);
        if matched {
            s = end_of_segment(path, s);
            match (at(pattern, p), at(path, s)) {
                (Some(_), Some(_)) => {
                    (p, s) = (p + 1, s + 1);
                    continue;
                }
                (None, None) => return true,
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
        let Some((again, from)) = retry else { return false };
        let from = end_of_segment(path, from);
        if from >= path.len() {
            return false;
        }
        (p, s) = (again, from + 1);
        retry = Some((again, from + 1));
    }
}

fn end_of_segment(path: &[char], from: usize) -> usize {
    path[from.min(path.len())..].iter().position(|c| *c == '/').map_or(path.len(), |length| from + length)
}

fn is_end(text: &[char], index: usize) -> bool {
    matches!(at(text, index), None | Some('/'))
}

fn unescaped(pattern: &[char], p: usize) -> usize {
    if at(pattern, p) == Some('\\') && at(pattern, p + 1).is_some() { p + 1 } else { p }
}

/// One segment of the pattern against one of the path: whether it matches, and where both were left.
fn segment(pattern: &[char], mut p: usize, path: &[char], mut s: usize) -> (bool, usize, usize) {
    let mut star: Option<(usize, usize)> = None;
    loop {
        let advanced = match at(pattern, p) {
            Some('*') => {
                while at(pattern, p) == Some('*') {
                    p += 1;
                }
                let end = unescaped(pattern, p);
                if is_end(pattern, end) {
                    return (true, end, s);
                }
                if is_end(path, s) {
                    return (false, p, s);
                }
                star = Some((p, s));
                true
            }
            Some('?') => {
                if is_end(path, s) {
                    return (false, p, s);
                }
                (p, s) = (p + 1, s + 1);
                true
            }
            Some('[') => {
                if is_end(path, s) {
                    return (false, p, s);
                }
                bracket(pattern, p + 1, path[s]).is_some_and(|next| {
                    (p, s) = (next, s + 1);
                    true
                })
            }
            Some(_) | None => {
                p = unescaped(pattern, p);
                if is_end(path, s) {
                    return (is_end(pattern, p), p, s);
                }
                let same = !is_end(pattern, p) && pattern[p] == path[s];
                if same {
                    (p, s) = (p + 1, s + 1);
                }
                same
            }
        };
        if advanced {
            continue;
        }
        let Some((again, from)) = star else { return (false, p, s) };
        (p, s) = (again, from + 1);
        star = Some((again, from + 1));
    }
}

/// Where the pattern goes on behind the bracket expression that begins before `p`, if it has `c`.
fn bracket(pattern: &[char], mut p: usize, c: char) -> Option<usize> {
    let negated = matches!(at(pattern, p)?, '!' | '^');
    p += usize::from(negated);
    let mut found = false;
    while p < pattern.len() {
        if pattern[p] == ']' {
            return (found != negated).then_some(p + 1);
        }
        let low = at(pattern, p + usize::from(pattern[p] == '\\'))?;
        p += 1 + usize::from(pattern[p] == '\\');
        let mut high = low;
        if at(pattern, p)? == '-' && at(pattern, p + 1) != Some(']') {
            let escaped = usize::from(at(pattern, p + 1) == Some('\\'));
            high = at(pattern, p + 1 + escaped)?;
            p += 2 + escaped;
        }
        found |= c == low || c == high || (low..=high).contains(&c);
    }
    None
}
