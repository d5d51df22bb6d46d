//! `$[[ inputs.name | function ]]` in a loaded document into values (gitlab, `Gitlab::Ci::Config::Interpolation::Template`). Knows no header.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::expansion::expanded;
use crate::pipeline::expression::Lookup;
use crate::pipeline::input::{Input, Inputs, text};
use crate::pipeline::problem::INVALID_INPUT;
use crate::source::Span;
use crate::yaml::{Data, Entry, Key, Mapping, Step, Value};

/// Most functions of one block (`Block::MAX_FUNCTIONS`).
const MAX_FUNCTIONS: usize = 3;
/// Longest text with a block, in bytes (`Config::MAX_NODE_SIZE`).
const MAX_BYTES: usize = 1 << 20;
/// Most values that interpolation may make of one document.
const MAX_VALUES: usize = 500_000;

static BLOCK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\[\[\s*(\S.*?\S)\s*\]\]").expect("a valid pattern"));

/// What blocks may refer to.
pub struct Interpolation<'a> {
    /// The inputs.
    pub inputs: &'a Inputs,
    /// What `$[[ component.… ]]` stands for, by name; empty where the file is no component.
    pub component: BTreeMap<Arc<str>, Option<Arc<str>>>,
    /// The variables for `expand_vars`.
    pub lookup: &'a dyn Fn(&str) -> Lookup<'a>,
    /// Whether inputs may be declared that are not known.
    pub lenient: bool,
    /// Mistakes.
    pub problems: Vec<Diagnostic>,
    /// How many values were made.
    values: usize,
}

/// What a block stands for.
enum Replacement {
    Known(Input),
    /// It stays as it is.
    Unknown,
}

impl<'a> Interpolation<'a> {
    /// Blocks that refer to `inputs`.
    #[must_use]
    pub fn new(inputs: &'a Inputs, lookup: &'a dyn Fn(&str) -> Lookup<'a>) -> Self {
        Self { inputs, component: BTreeMap::new(), lookup, lenient: false, problems: Vec::new(), values: 0 }
    }

    /// `mapping` with the blocks in its keys and values replaced, except those whose values are not known.
    pub fn mapping(&mut self, mapping: &Mapping) -> Mapping {
        let mut replaced = Mapping::default();
        for (key, entry) in &mapping.entries {
            let value = self.value(&entry.value);
            let shadowed = entry.shadowed.iter().map(|below| Entry { value: self.value(&below.value), ..below.clone() }).collect();
            let (key, written) = match key {
                Key::String(name) if name.contains("$[[") => {
                    let new = self.value(&entry.key);
                    (new.scalar_text().map_or_else(|| key.clone(), |text| Key::String(text.into())), new)
                }
                Key::String(_) | Key::Other(_) => (key.clone(), entry.key.clone()),
            };
            replaced.entries.insert(key, Entry { key: written, value, via: entry.via.clone(), shadowed });
        }
        replaced
    }

    fn value(&mut self, value: &Value) -> Value {
        self.values += 1;
        match &value.data {
            Data::String(text) | Data::Symbol(text) if text.contains("$[[") => self.scalar(value, text),
            Data::Sequence(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                Value { data: Data::Sequence(Arc::new(items)), ..value.clone() }
            }
            Data::Mapping(mapping) => Value { data: Data::Mapping(Arc::new(self.mapping(mapping))), ..value.clone() },
            Data::Reference(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                Value { data: Data::Reference(Arc::new(items)), ..value.clone() }
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) => value.clone(),
        }
    }

    fn problem(&mut self, span: Span, message: String) {
        self.problems.push(Diagnostic::new(INVALID_INPUT, Severity::Error, span, message));
    }

    fn scalar(&mut self, value: &Value, whole: &str) -> Value {
        if whole.len() > MAX_BYTES || self.values > MAX_VALUES {
            self.problem(value.span, "this text is too long to put inputs in, or there are too many values".to_owned());
            return value.clone();
        }
        let mut out = String::new();
        let (mut from, mut reached) = (0, value.clone());
        for found in BLOCK.captures_iter(whole) {
            let block = found.get(0).expect("the whole match");
            let name = found[1].split('|').next().unwrap_or_default().trim();
            let name = name.strip_prefix("inputs.").unwrap_or(name).to_owned();
            match self.block(&found[1], value) {
                Ok(Replacement::Unknown) => {
                    out.push_str(&whole[from..block.end()]);
                }
                Ok(Replacement::Known(input)) => {
                    let step = |length| Step::Input { name: name.as_str().into(), block: block.range(), length };
                    if block.len() == whole.len() {
                        self.values += 1;
                        return respanned(&input.data, &reached.reached_by(step(None), input.span));
                    }
                    out.push_str(&whole[from..block.start()]);
                    let put_in = text(&input.data).unwrap_or_default();
                    if matches!(input.data, Data::Mapping(_) | Data::Reference(_)) {
                        self.problem(value.span, format!("`{}` is no text that could stand within another", &found[1]));
                    } else if out.len() + put_in.len() > MAX_BYTES {
                        self.problem(value.span, "the inputs make this text too long".to_owned());
                    }
                    reached = reached.reached_by(step(Some(put_in.len())), input.span);
                    out.push_str(&put_in);
                }
                Err(message) => {
                    self.problem(value.span, message);
                    out.push_str(&whole[from..block.end()]);
                }
            }
            from = block.end();
        }
        out.push_str(&whole[from..]);
        Value { data: Data::String(out.into()), ..reached }
    }

    fn block(&self, inside: &str, at: &Value) -> Result<Replacement, String> {
        let mut parts = inside.split('|').map(str::trim);
        let access = parts.next().unwrap_or_default();
        let (context, name) = access.split_once('.').ok_or_else(|| format!("`{access}` refers to nothing: an input is `inputs.NAME`"))?;
        let functions: Vec<&str> = parts.collect();
        if functions.len() > MAX_FUNCTIONS {
            return Err(format!("a block may have {MAX_FUNCTIONS} functions at most"));
        }
        if let Some(function) = functions.iter().find(|function| !is_function(function)) {
            return Err(unknown(function));
        }
        let mut input = match context {
            // The values of a matrix are put in when its jobs are made.
            "matrix" => return Ok(Replacement::Unknown),
            "component" => match self.component.get(name) {
                None => {
                    return Err(format!(
                        "`{access}` is not known here: it has to be listed in the header's `spec:component` of a component"
                    ));
                }
                Some(None) => return Ok(Replacement::Unknown),
                Some(Some(text)) => Input { data: Data::String(text.clone()), span: at.span },
            },
            "inputs" => match self.inputs.values.get(name) {
                None if self.lenient => return Ok(Replacement::Unknown),
                None => return Err(format!("the file declares no input `{name}`")),
                Some(None) => return Ok(Replacement::Unknown),
                Some(Some(input)) => input.clone(),
            },
            _ => return Err(format!("`{access}` refers to nothing: an input is `inputs.NAME`")),
        };
        for function in functions {
            input.data = self.applied(function, &input.data, at)?;
        }
        Ok(Replacement::Known(input))
    }

    fn applied(&self, function: &str, data: &Data, at: &Value) -> Result<Data, String> {
        let text = |what: &str| match data {
            Data::String(text) => Ok(text),
            _ => Err(format!("`{what}` takes a text only")),
        };
        if function == "expand_vars" {
            return Ok(Data::String(expanded(text(function)?, self.lookup).text.into()));
        }
        if function == "posix_escape" || function == "posix_quote" {
            return Ok(Data::String(shell_escaped(text(function)?).into()));
        }
        if let Some(found) = TRUNCATE.captures(function) {
            let number = |group: usize| found[group].parse::<usize>().unwrap_or(usize::MAX);
            let kept: String = text("truncate")?.chars().skip(number(1)).take(number(2)).collect();
            return Ok(Data::String(kept.into()));
        }
        if let Some(found) = SPLIT.captures(function).filter(|found| !found[1].is_empty()) {
            let whole = text("split")?;
            let parts = whole.split(&found[1]).map(str::trim).filter(|part| !part.is_empty());
            let items = parts.map(|part| Data::String(part.into()).at(at));
            return Ok(Data::Sequence(Arc::new(items.collect())));
        }
        Err(unknown(function))
    }
}

static TRUNCATE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^truncate\(\s*([0-9]+)\s*,\s*([0-9]+)\s*\)?$").expect("a valid pattern"));
static SPLIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^split\('([^']*)'\)$").expect("a valid pattern"));

fn is_function(text: &str) -> bool {
    ["expand_vars", "posix_escape", "posix_quote"].contains(&text) || TRUNCATE.is_match(text) || SPLIT.is_match(text)
}

fn unknown(function: &str) -> String {
    format!("there is no function `{function}`: there are `expand_vars`, `truncate(…, …)`, `posix_escape` and `split('…')`")
}

/// `data` at the place of `at`: what is put in stands, to edits, where the block stands.
fn respanned(data: &Data, at: &Value) -> Value {
    let data = match data {
        Data::Sequence(items) => Data::Sequence(Arc::new(items.iter().map(|item| respanned(&item.data, at)).collect())),
        Data::Mapping(mapping) => {
            let entries = mapping.entries.iter().map(|(key, entry)| {
                let new =
                    Entry { key: respanned(&entry.key.data, at), value: respanned(&entry.value.data, at), via: None, shadowed: Vec::new() };
                (key.clone(), new)
            });
            Data::Mapping(Arc::new(Mapping { entries: entries.collect() }))
        }
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Reference(_) => {
            data.clone()
        }
    };
    Value { data, ..at.clone() }
}

/// Ruby's `Shellwords.shellescape`.
fn shell_escaped(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' {
            escaped.push_str("'\n'");
            continue;
        }
        if !(c.is_ascii_alphanumeric() || "_-.,:+/@".contains(c)) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::shell_escaped;

    #[test]
    fn a_shell_reads_back_what_was_escaped() {
        assert_eq!(shell_escaped("a b'c$d\n"), "a\\ b\\'c\\$d'\n'");
        assert_eq!(shell_escaped(""), "''");
    }
}
