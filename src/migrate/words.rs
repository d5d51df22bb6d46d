//! Places and forms of the words of a step. Knows the shell's text, not what becomes of it.

use std::ops::Range;

use crate::detect::Step;
use crate::docker::Operation;

/// The platforms that a build names, variables among them.
pub(super) fn platforms(operation: &Operation) -> impl Iterator<Item = &str> {
    operation.flags_named("platform").filter_map(|flag| flag.value.as_deref()).flat_map(|value| value.split(',')).map(str::trim)
}

/// The bytes of the word that an argument comes from.
pub(super) fn word_range(step: &Step, argument: usize) -> Range<usize> {
    step.invocation.argv()[argument].range.range()
}

/// The bytes from the program to the last word.
pub(super) fn command_words(step: &Step) -> Range<usize> {
    let last = step.invocation.argv().len() - 1;
    word_range(step, 0).start..word_range(step, last).end
}

/// A command over several lines on one line, where only continuations break it.
pub(super) fn joined_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (last, others) = lines.split_last()?;
    let mut joined = String::new();
    for line in others {
        joined.push_str(line.trim().strip_suffix('\\')?.trim_end());
        joined.push(' ');
    }
    joined.push_str(last.trim());
    Some(joined)
}
