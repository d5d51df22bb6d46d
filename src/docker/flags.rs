//! Words of a command line into flags, as Go's pflag reads them. Knows no tool: the tables say which flags take a value.
//!
//! pflag's rules (`github.com/spf13/pflag`, `flag.go`): `--name=value` always works; `--name` of a switch stands alone and of
//! any other flag takes the next word, even one that begins with `-`; `-abc` is a cluster in which the first flag that takes a
//! value takes the rest; `--` ends the flags; `-` is a positional.

use std::ops::Range;

use super::Arg;
use super::operation::{Flag, Form, Unknown};

/// Flags that a command knows. Entries are separated by white space and spelled `[letter/]name[|alias…]`.
#[derive(Debug)]
pub struct Table {
    /// Stand alone or take `=true` and `=false`.
    pub switches: &'static str,
    /// Take a value; the last one counts.
    pub values: &'static str,
    /// Take a value; all of them count.
    pub lists: &'static str,
    /// Stand alone or take a value after `=`, never the next word.
    pub optional: &'static str,
}

impl Table {
    /// A table to fill in with struct update syntax.
    pub const EMPTY: Self = Self { switches: "", values: "", lists: "", optional: "" };
}

/// What a table says about a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    name: &'static str,
    /// Whether the flag takes the next word.
    takes_word: bool,
    list: bool,
}

fn names_of(entry: &'static str) -> (Option<char>, &'static str) {
    let mut letters = entry.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), Some('/')) => (Some(letter), &entry[letter.len_utf8() + 1..]),
        _ => (None, entry),
    }
}

fn find(tables: &[&'static Table], matches: impl Fn(Option<char>, &'static str) -> bool) -> Option<Entry> {
    for table in tables {
        let columns =
            [(table.switches, false, false), (table.values, true, false), (table.lists, true, true), (table.optional, false, false)];
        for (column, takes_word, list) in columns {
            for entry in column.split_ascii_whitespace() {
                let (letter, names) = names_of(entry);
                if matches(letter, names) {
                    let name = names.split('|').next().expect("split yields at least one part");
                    return Some(Entry { name, takes_word, list });
                }
            }
        }
    }
    None
}

const HELP: Entry = Entry { name: "help", takes_word: false, list: false };

/// Stands for a flag of which only the extent is known.
const UNKNOWN: Entry = Entry { name: "", takes_word: false, list: false };

fn by_name(tables: &[&'static Table], name: &str) -> Option<Entry> {
    find(tables, |_, names| names.split('|').any(|known| known == name)).or((name == "help").then_some(HELP))
}

fn by_letter(tables: &[&'static Table], letter: char) -> Option<Entry> {
    find(tables, |known, _| known == Some(letter)).or((letter == 'h').then_some(HELP))
}

/// Reads flags off the front of an argv.
pub struct Reader<'a> {
    argv: &'a [Arg],
    /// The next word.
    pub next: usize,
    /// All flags so far.
    pub flags: Vec<Flag>,
    /// What could not be read with certainty.
    pub unknown: Vec<Unknown>,
    /// The `--` that ended the flags.
    pub terminator: Option<usize>,
    ended: bool,
    /// Whether an unknown flag ended the reading; then `next` is the word after it.
    pub lost: bool,
}

impl<'a> Reader<'a> {
    /// Starts at the word `next`.
    #[must_use]
    pub fn new(argv: &'a [Arg], next: usize) -> Self {
        Self { argv, next, flags: Vec::new(), unknown: Vec::new(), terminator: None, ended: false, lost: false }
    }

    /// The next word that is not a flag of `tables`, after all flags before it; `None` at the end or once lost.
    pub fn positional(&mut self, tables: &[&'static Table], depth: usize) -> Option<usize> {
        while let Some(arg) = self.argv.get(self.next).filter(|_| !self.lost) {
            let word = self.next;
            let text = arg.text.as_str();
            if self.ended || text == "-" || !text.starts_with('-') {
                self.next += 1;
                if arg.opaque {
                    self.unknown.push(Unknown::Word { arg: word });
                }
                return Some(word);
            }
            self.next += 1;
            if arg.opaque {
                self.unknown.push(Unknown::Value { arg: word });
            }
            if text == "--" {
                (self.terminator, self.ended) = (Some(word), true);
            } else if let Some(name) = text.strip_prefix("--") {
                self.long(name, word, tables, depth);
            } else {
                self.cluster(&text[1..], word, tables, depth);
            }
        }
        None
    }

    /// Takes all further words for positionals.
    pub fn end_flags(&mut self) {
        self.ended = true;
    }

    /// The text of a word.
    #[must_use]
    pub fn text(&self, word: usize) -> String {
        self.argv[word].text.clone()
    }

    fn long(&mut self, name: &str, word: usize, tables: &[&'static Table], depth: usize) {
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        let Some(entry) = by_name(tables, name) else {
            self.unknown.push(Unknown::Flag { arg: word });
            self.lost = value.is_none();
            if !self.lost {
                self.push(UNKNOWN, format!("--{name}"), None, word..word + 1, Form::LongEquals, depth);
            }
            return;
        };
        let spelled = format!("--{name}");
        if let Some(value) = value {
            let at = spelled.len() + 1;
            self.push(entry, spelled, Some((value.to_owned(), word, at)), word..word + 1, Form::LongEquals, depth);
        } else {
            self.separate(entry, spelled, word, Form::Long, depth);
        }
    }

    fn separate(&mut self, entry: Entry, spelled: String, word: usize, form: Form, depth: usize) {
        if !entry.takes_word {
            return self.push(entry, spelled, None, word..word + 1, form, depth);
        }
        let Some(value) = self.argv.get(self.next) else {
            self.unknown.push(Unknown::MissingValue { arg: word });
            return self.push(entry, spelled, None, word..word + 1, form, depth);
        };
        if value.opaque {
            self.unknown.push(Unknown::Value { arg: self.next });
        }
        let value = Some((value.text.clone(), self.next, 0));
        self.next += 1;
        self.push(entry, spelled, value, word..word + 2, form, depth);
    }

    fn cluster(&mut self, letters: &str, word: usize, tables: &[&'static Table], depth: usize) {
        for (offset, letter) in letters.char_indices() {
            let at = offset + 1;
            let rest = &letters[offset + letter.len_utf8()..];
            let Some(entry) = by_letter(tables, letter) else {
                self.unknown.push(Unknown::Flag { arg: word });
                self.flags.retain(|flag| flag.words.start != word);
                self.lost = true;
                return;
            };
            let alone = offset == 0 && rest.is_empty();
            let spelled = format!("-{letter}");
            if let Some(value) = rest.strip_prefix('=') {
                let value = Some((value.to_owned(), word, at + letter.len_utf8() + 1));
                return self.push(entry, spelled, value, word..word + 1, Form::Letters { at }, depth);
            }
            let form = if alone { Form::Letter } else { Form::Letters { at } };
            if !entry.takes_word {
                self.push(entry, spelled, None, word..word + 1, form, depth);
            } else if rest.is_empty() {
                return self.separate(entry, spelled, word, form, depth);
            } else {
                let value = Some((rest.to_owned(), word, at + letter.len_utf8()));
                return self.push(entry, spelled, value, word..word + 1, form, depth);
            }
        }
    }

    fn push(
        &mut self,
        entry: Entry,
        spelled: String,
        value: Option<(String, usize, usize)>,
        words: Range<usize>,
        form: Form,
        depth: usize,
    ) {
        let value_at = value.as_ref().map(|&(_, arg, at)| (arg, at));
        let value = value.map(|(text, _, _)| text);
        self.flags.push(Flag { name: entry.name, spelled, value, value_at, words, form, list: entry.list, depth });
    }
}
