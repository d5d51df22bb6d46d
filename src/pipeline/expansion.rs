//! `$NAME`, `${NAME}` and `%NAME%` in a text into values, where GitLab itself expands them (gitlab, `ExpandVariables.expand_existing`).
//! What a runner or a shell expands is not its business.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::pipeline::expression::Lookup;

/// A text with the variables that are known put in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expanded {
    /// The text; what does not exist stands in it as written.
    pub text: String,
    /// The variables in it of which the value is not known.
    pub unknown: BTreeSet<Arc<str>>,
}

/// Longest text that expansion may make of a text, in bytes; variables that refer to each other can multiply.
const MAX_BYTES: usize = 1 << 20;
/// Deepest chain of variables that refer to variables.
const MAX_DEPTH: usize = 20;

/// The name in a reference: group 1, 2 or 3.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\$|%%|\$([a-zA-Z_][a-zA-Z0-9_]*)|\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}|%([a-zA-Z_][a-zA-Z0-9_]*)%").expect("a valid pattern")
});

/// `text` with what `lookup` knows put in, and into what it puts in. A variable that refers back to itself stays as written.
#[must_use]
pub fn expanded<'a>(text: &str, lookup: &dyn Fn(&str) -> Lookup<'a>) -> Expanded {
    let mut expanded = Expanded { text: String::new(), unknown: BTreeSet::new() };
    expand(text, lookup, &mut Vec::new(), &mut expanded);
    expanded
}

/// The names of the variables that `text` refers to, in order.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    REFERENCE.captures_iter(text).filter_map(|found| (1..=3).find_map(|group| found.get(group)).map(|name| name.as_str()))
}

/// `text` with what `value` gives put in, once; what it does not give stands as written, and so do two dollar signs.
#[must_use]
pub fn substituted(text: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut put_in = |found: &regex::Captures<'_>| {
        let name = (1..=3).find_map(|group| found.get(group));
        name.and_then(|name| value(name.as_str())).unwrap_or_else(|| found[0].to_owned())
    };
    REFERENCE.replace_all(text, &mut put_in).into_owned()
}

fn expand<'a>(text: &str, lookup: &dyn Fn(&str) -> Lookup<'a>, above: &mut Vec<String>, into: &mut Expanded) {
    let mut from = 0;
    for found in REFERENCE.captures_iter(text) {
        let whole = found.get(0).expect("the whole match");
        into.text.push_str(&text[from..whole.start()]);
        from = whole.end();
        let Some(name) = (1..=3).find_map(|group| found.get(group)) else {
            into.text.push_str(whole.as_str());
            continue;
        };
        let name = name.as_str();
        match lookup(name) {
            Lookup::Defined(value)
                if above.len() < MAX_DEPTH && into.text.len() < MAX_BYTES && !above.iter().any(|above| above == name) =>
            {
                above.push(name.to_owned());
                expand(&value, lookup, above, into);
                above.pop();
            }
            Lookup::Defined(_) | Lookup::Undefined => into.text.push_str(whole.as_str()),
            Lookup::Present | Lookup::Unknown => {
                into.unknown.insert(name.into());
                into.text.push_str(whole.as_str());
            }
        }
    }
    into.text.push_str(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> (String, Vec<String>) {
        let lookup = |name: &str| match name {
            "A" => Lookup::Defined("a".into()),
            "B" => Lookup::Defined("<$A ${C}>".into()),
            "C" => Lookup::Defined("$B".into()),
            "U" => Lookup::Unknown,
            _ => Lookup::Undefined,
        };
        let Expanded { text, unknown } = expanded(text, &lookup);
        (text, unknown.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_exists_is_put_in_in_all_three_forms_and_the_rest_stays() {
        assert_eq!(expand("$A ${A} %A% $$A $X ${X} 100% $1").0, "a a a $$A $X ${X} 100% $1");
        assert_eq!(expand("$U/x"), ("$U/x".to_owned(), vec!["U".to_owned()]));
    }

    #[test]
    fn variables_in_variables_are_put_in_and_circles_end() {
        assert_eq!(expand("$B").0, "<a $B>");
    }
}
