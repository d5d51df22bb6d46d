//! A Dockerfile's text into instructions, stages and what they refer to (docs.docker.com/reference/dockerfile).
//! Does not expand variables and reads no files; instructions that it doesn't know are kept as they are.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A Dockerfile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dockerfile {
    /// The image of a `# syntax=` directive.
    pub syntax: Option<String>,
    /// The instructions in order.
    pub instructions: Vec<Instruction>,
}

/// One instruction with its continuation lines and here-documents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Its name in capitals: `FROM`.
    pub name: String,
    /// What follows its flags; continuation lines joined, comments between them left out.
    pub arguments: String,
    /// Its flags without dashes: `platform` and `Some("linux/amd64")`.
    pub flags: Vec<(String, Option<String>)>,
    /// The bodies of its here-documents.
    pub heredocs: Vec<String>,
    /// Its first line, counted from 1.
    pub line: usize,
    /// Its bytes, from the name to the end of its last line without the line end.
    pub span: Range<usize>,
}

/// A build stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// The base: an image, the name of an earlier stage or `scratch`, with variables as written.
    pub base: String,
    /// The name after `AS`, in lower case as BuildKit compares it.
    pub name: Option<String>,
    /// The value of `--platform`.
    pub platform: Option<String>,
    /// Whether `base` is an earlier stage.
    pub from_stage: bool,
    /// The line of its `FROM`, counted from 1.
    pub line: usize,
}

impl Dockerfile {
    /// Reads a Dockerfile; every text is one, if only of unknown instructions.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut lines = Lines::new(text);
        let directives = directives(text);
        let directive = |name: &str| directives.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let escape = if directive("escape").as_deref() == Some("`") { '`' } else { '\\' };
        let mut instructions = Vec::new();
        while let Some(instruction) = next_instruction(&mut lines, escape) {
            instructions.push(instruction);
        }
        Self { syntax: directive("syntax"), instructions }
    }

    /// The instructions called `name`, in capitals.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Instruction> {
        self.instructions.iter().filter(move |instruction| instruction.name == name)
    }

    /// The stages in order.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let mut names = HashSet::new();
        let mut stages = Vec::new();
        for from in self.named("FROM") {
            let words: Vec<&str> = from.arguments.split_whitespace().collect();
            let base = words.first().copied().unwrap_or_default().to_owned();
            let name = match words.get(1..) {
                Some([keyword, name]) if keyword.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
                _ => None,
            };
            let from_stage = names.contains(&base.to_ascii_lowercase());
            names.extend(name.clone());
            stages.push(Stage { base, name, platform: from.flag("platform").map(str::to_owned), from_stage, line: from.line });
        }
        stages
    }

    /// The stages with commands that BuildKit leaves out of a build of `target`, or of the last stage, since the result does not need them. The classic
    /// builder runs every stage up to the target (<https://docs.docker.com/build/building/multi-stage/>).
    #[must_use]
    pub fn unneeded_stages(&self, target: Option<&str>) -> Vec<String> {
        let stages = self.stages();
        let by_name: HashMap<&str, usize> =
            stages.iter().enumerate().filter_map(|(at, stage)| Some((stage.name.as_deref()?, at))).collect();
        let find = |name: &str| {
            let named = by_name.get(name.to_ascii_lowercase().as_str()).copied();
            named.or_else(|| name.parse::<usize>().ok().filter(|&number| number < stages.len()))
        };
        let Some(last) = target.map_or_else(|| stages.len().checked_sub(1), find) else { return Vec::new() };
        let mut sources: Vec<Vec<usize>> = vec![Vec::new(); stages.len()];
        let mut runs = vec![false; stages.len()];
        let mut at = None;
        for instruction in &self.instructions {
            if instruction.name == "FROM" {
                let next = at.map_or(0, |at: usize| at + 1);
                sources[next].extend(Some(&stages[next]).filter(|stage| stage.from_stage).and_then(|stage| find(&stage.base)));
                at = Some(next);
            }
            let Some(at) = at else { continue };
            runs[at] |= instruction.name == "RUN";
            let mounted = instruction.mounts();
            let from = instruction.flag("from").into_iter().chain(mounted.iter().filter_map(|mount| mount.get("from")));
            sources[at].extend(from.filter_map(find));
        }
        let mut needed = vec![false; stages.len()];
        let mut open = vec![last];
        while let Some(stage) = open.pop() {
            if !std::mem::replace(&mut needed[stage], true) {
                open.extend(&sources[stage]);
            }
        }
        let name = |at: usize| stages[at].name.clone().unwrap_or_else(|| at.to_string());
        (0..last).filter(|&at| !needed[at] && runs[at]).map(name).collect()
    }

    /// The `ARG`s before the first `FROM`, which `FROM` lines may use: names and defaults.
    #[must_use]
    pub fn global_arguments(&self) -> Vec<(String, Option<String>)> {
        let before = self.instructions.iter().take_while(|instruction| instruction.name != "FROM");
        before.filter(|instruction| instruction.name == "ARG").flat_map(Instruction::assignments).collect()
    }

    /// The images outside of this file that it builds on: of `FROM`, `COPY --from` and `RUN --mount=from=`, with variables as written.
    #[must_use]
    pub fn images(&self) -> Vec<(usize, String)> {
        let stages = self.stages();
        let known: std::collections::HashSet<&str> = stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
        let is_image = |name: &str| name.parse::<usize>().is_err() && !known.contains(name.to_ascii_lowercase().as_str());
        let mut images: Vec<_> = stages
            .iter()
            .filter(|stage| !stage.from_stage && stage.base != "scratch")
            .map(|stage| (stage.line, stage.base.clone()))
            .collect();
        for instruction in &self.instructions {
            let copied = instruction.flag("from").filter(|_| instruction.name == "COPY").map(str::to_owned);
            let mounted = instruction.mounts().into_iter().filter_map(|mount| mount.get("from").map(str::to_owned));
            images.extend(copied.into_iter().chain(mounted).filter(|name| is_image(name)).map(|name| (instruction.line, name)));
        }
        images
    }
}

impl Instruction {
    /// The value of the last flag called `name`.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref())
    }

    /// The `NAME=value` pairs of `ARG`, `ENV` and `LABEL`; quotes around a value are taken off.
    #[must_use]
    pub fn assignments(&self) -> Vec<(String, Option<String>)> {
        let words = words(&self.arguments);
        if let ("ENV", [name, rest @ ..]) = (self.name.as_str(), words.as_slice())
            && !name.contains('=')
        {
            return vec![(name.clone(), Some(rest.join(" ")))];
        }
        let pair = |word: String| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        words.into_iter().map(pair).collect()
    }

    /// The sources of `COPY` and `ADD`, in either form: all words but the last.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let mut words = match serde_json::from_str(&self.arguments) {
            Ok(list) => list,
            Err(_) => words(&self.arguments),
        };
        words.pop();
        words
    }

    /// The fields of each `RUN --mount=…`.
    #[must_use]
    pub fn mounts(&self) -> Vec<super::attributes::Attributes> {
        let values = self.flags.iter().filter(|(name, _)| name == "mount").filter_map(|(_, value)| value.as_deref());
        values.filter_map(super::attributes::Attributes::parse).collect()
    }

    /// The hosts of the `http`, `https` and `ftp` URLs in it, here-documents included; in order, with port.
    #[must_use]
    pub fn url_hosts(&self) -> Vec<String> {
        let texts = std::iter::once(&self.arguments).chain(&self.heredocs);
        texts.flat_map(|text| text.split("://").zip(text.split("://").skip(1))).filter_map(|(before, after)| host(before, after)).collect()
    }
}

fn host(before: &str, after: &str) -> Option<String> {
    if !["http", "https", "ftp"].iter().any(|scheme| before.ends_with(scheme)) {
        return None;
    }
    let end = after.find(|letter: char| letter == '/' || letter.is_whitespace() || "\"'`;|&)<>?#".contains(letter)).unwrap_or(after.len());
    let authority = &after[..end];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    (!host.is_empty()).then(|| host.to_owned())
}

/// Splits at white space outside of quotes and takes the quotes off.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for letter in text.chars() {
        match (quote, letter) {
            (None, '"' | '\'') => (quote, begun) = (Some(letter), true),
            (Some(open), _) if open == letter => quote = None,
            (None, _) if letter.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// `# name=value` lines at the very top, up to the first line of another kind.
fn directives(text: &str) -> Vec<(String, String)> {
    let lines = text.trim_start_matches('\u{feff}').lines();
    let directive = |line: &str| {
        let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        matches!(name.as_str(), "syntax" | "escape" | "check").then(|| (name, value.trim().to_owned()))
    };
    lines.map_while(directive).collect()
}

/// Lines with their numbers and byte offsets.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }, number: 0 }
    }

    /// The next line without its end, and where it begins.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        self.at += line.len();
        self.number += 1;
        Some((start, line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))))
    }
}

fn next_instruction(lines: &mut Lines<'_>, escape: char) -> Option<Instruction> {
    let (mut text, mut line, mut span) = (String::new(), 0, 0..0);
    while let Some((start, content)) = lines.next() {
        let trimmed = content.trim();
        let begun = line != 0;
        if trimmed.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        if !begun {
            (line, span.start) = (lines.number, start + (content.len() - content.trim_start().len()));
        }
        span.end = start + content.len();
        let Some(joined) = content.trim_end().strip_suffix(escape) else {
            text.push_str(content.trim_end());
            break;
        };
        text.push_str(joined);
    }
    if line == 0 {
        return None;
    }
    let text = text.trim();
    let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = name.to_ascii_uppercase();
    let (flags, arguments) = flags(arguments);
    let mut heredocs = Vec::new();
    if matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        for (word, indented) in heredoc_words(&arguments) {
            heredocs.push(heredoc(lines, &word, indented, &mut span));
        }
    }
    Some(Instruction { name, arguments, flags, heredocs, line, span })
}

fn flags(text: &str) -> (Vec<(String, Option<String>)>, String) {
    let mut rest = text.trim_start();
    let mut flags = Vec::new();
    while let Some(flag) = rest.strip_prefix("--") {
        let end = flag.find(char::is_whitespace).unwrap_or(flag.len());
        let (name, value) = flag[..end].split_once('=').map_or((&flag[..end], None), |(name, value)| (name, Some(value.to_owned())));
        flags.push((name.to_owned(), value));
        rest = flag[end..].trim_start();
    }
    (flags, rest.to_owned())
}

/// The words after `<<` and `<<-`, without quotes.
fn heredoc_words(text: &str) -> Vec<(String, bool)> {
    let after = text.match_indices("<<").filter(|&(at, _)| !text[..at].ends_with('<') && !text[at + 2..].starts_with('<'));
    let word = |at: usize| {
        let rest = &text[at + 2..];
        let (indented, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
        let rest = rest.trim_start_matches(['"', '\'']);
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).unwrap_or(rest.len());
        (end > 0 && !rest.starts_with(|letter: char| letter.is_ascii_digit())).then(|| (rest[..end].to_owned(), indented))
    };
    after.filter_map(|(at, _)| word(at)).collect()
}

fn heredoc(lines: &mut Lines<'_>, word: &str, indented: bool, span: &mut Range<usize>) -> String {
    let mut body = String::new();
    while let Some((start, content)) = lines.next() {
        span.end = start + content.len();
        let compared = if indented { content.trim_start_matches('\t') } else { content };
        if compared == word {
            break;
        }
        body.push_str(content);
        body.push('\n');
    }
    body
}
