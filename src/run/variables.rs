//! The variables of a job into what its shell gets: expanded as GitLab does it, then as GitLab Runner does. Knows no process.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::pipeline::expansion::substituted;

/// Longest value, in bytes, that expansion makes; variables that refer to each other can multiply.
const MAX_BYTES: usize = 1 << 20;

/// Variables by name; what is set later wins.
#[derive(Clone, Default, Debug)]
pub struct Variables(IndexMap<String, Variable>);

#[derive(Clone, Debug)]
struct Variable {
    text: String,
    /// Whether it stays as it is.
    raw: bool,
}

impl Variables {
    /// Sets a variable that may refer to others.
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), Variable { text: text.to_owned(), raw: false });
    }

    /// Sets a variable in which a `$` is nothing but that.
    pub fn set_raw(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), Variable { text: text.to_owned(), raw: true });
    }

    /// The variables with their values. GitLab puts variables into variables and leaves what it does not know
    /// (`Gitlab::Ci::Variables::Collection#sort_and_expand_all`); GitLab Runner then puts in what is left, once, and nothing for what it does not know
    /// (`common.JobVariables.Expand`), which makes one dollar sign of two. Variables that refer to each other in a circle stay as they are written.
    #[must_use]
    pub fn expanded(&self) -> Values {
        let mut server = Server { variables: &self.0, done: BTreeMap::new(), open: Vec::new() };
        let first: IndexMap<&str, String> = self.0.keys().map(|name| (name.as_str(), server.value(name).unwrap_or_default())).collect();
        let last = |(name, text): (&&str, &String)| {
            let value = if self.0[*name].raw { text.clone() } else { put_in(text, |name| first.get(name).map(String::as_str)) };
            ((*name).to_owned(), value)
        };
        Values(first.iter().map(last).collect())
    }
}

/// The server's pass.
struct Server<'a> {
    variables: &'a IndexMap<String, Variable>,
    done: BTreeMap<&'a str, String>,
    /// The variables into which the present one is put.
    open: Vec<&'a str>,
}

/// Deepest chain of variables that refer to variables.
const MAX_DEPTH: usize = 100;

impl<'a> Server<'a> {
    /// The value of `name`; nothing where there is none, or within itself.
    fn value(&mut self, name: &str) -> Option<String> {
        if let Some(value) = self.done.get(name) {
            return Some(value.clone());
        }
        let (_, name, variable) = self.variables.get_full(name)?;
        if self.open.len() > MAX_DEPTH || self.open.contains(&name.as_str()) {
            return None;
        }
        if variable.raw {
            return Some(variable.text.clone());
        }
        self.open.push(name);
        let mut room = MAX_BYTES;
        let value = substituted(&variable.text, &mut |other| {
            let value = self.value(other)?;
            room = room.checked_sub(value.len())?;
            Some(value)
        });
        self.open.pop();
        self.done.insert(name, value.clone());
        Some(value)
    }
}

/// Values of variables, in order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Values(IndexMap<String, String>);

impl Values {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `text` with the values put in, as GitLab Runner does it in the name of an image or a path.
    #[must_use]
    pub fn put_into(&self, text: &str) -> String {
        put_in(text, |name| self.get(name))
    }
}

/// Go's `os.Expand`, with one dollar sign for two and nothing for what there is not.
fn put_in<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, after) = reference(after);
        match name {
            Some("$") => out.push('$'),
            Some(name) => {
                let value = value(name).unwrap_or_default();
                out.push_str(if out.len() + value.len() > MAX_BYTES { "" } else { value });
            }
            None => {}
        }
        rest = after;
    }
    out + rest
}

/// The name of which a reference begins with `text`, behind its dollar sign, and what follows; no name where what stands there is eaten.
fn reference(text: &str) -> (Option<&str>, &str) {
    let Some(first) = text.chars().next() else { return (Some("$"), text) };
    if first == '{' {
        return match text[1..].split_once('}') {
            Some((name, after)) if !name.is_empty() => (Some(name), after),
            Some((_, after)) => (None, after),
            None => (None, &text[1..]),
        };
    }
    if first == '$' {
        return (Some("$"), &text[1..]);
    }
    if "*#@!?-0123456789".contains(first) {
        return (Some(&text[..1]), &text[1..]);
    }
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(text.len());
    if end == 0 { (Some("$"), text) } else { (Some(&text[..end]), &text[end..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pairs: &[(&str, &str)], name: &str) -> String {
        let mut variables = Variables::default();
        pairs.iter().for_each(|(name, text)| variables.set(name, text));
        variables.expanded().get(name).unwrap().to_owned()
    }

    #[test]
    fn variables_are_put_into_variables_whatever_their_order() {
        assert_eq!(expanded(&[("A", "<$B>"), ("B", "${C}"), ("C", "%D%"), ("D", "d")], "A"), "<d>");
    }

    #[test]
    fn two_dollar_signs_are_one_and_what_does_not_exist_is_nothing() {
        assert_eq!(expanded(&[("A", "$$HOME $NONE. $"), ("HOME", "h")], "A"), "$HOME . $");
    }

    #[test]
    fn a_variable_that_refers_to_itself_stays_as_it_is() {
        assert_eq!(expanded(&[("DEPOT_TOKEN", "$DEPOT_TOKEN")], "DEPOT_TOKEN"), "$DEPOT_TOKEN");
    }

    #[test]
    fn a_raw_variable_stays_as_it_is_also_within_others() {
        let mut variables = Variables::default();
        variables.set("B", "b");
        variables.set_raw("RAW", "$B$$");
        variables.set("A", "[$RAW]");
        assert_eq!(variables.expanded().get("RAW"), Some("$B$$"));
    }

    #[test]
    fn values_that_multiply_end() {
        let names: Vec<String> = (0..40).map(|number| format!("V{number}")).collect();
        let mut variables = Variables::default();
        for pair in names.windows(2) {
            variables.set(&pair[0], &format!("${0}${0}", pair[1]));
        }
        variables.set(&names[39], "x");
        assert!(variables.expanded().iter().all(|(_, value)| value.len() <= MAX_BYTES + 8));
    }
}
