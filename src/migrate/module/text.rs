//! Texts in which variables have places.

use serde::{Deserialize, Serialize};

use crate::migrate::module::read::names_in;

/// A text with variables.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Text(pub Vec<Part>);

/// A part of a [`Text`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// As it is.
    Literal(String),
    /// The value of a parameter.
    Variable(String),
}

impl Text {
    /// `text` with `$NAME` and `${NAME}` told apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut at = 0;
        for (range, name) in names_in(text) {
            if at < range.start {
                parts.push(Part::Literal(text[at..range.start].to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            at = range.end;
        }
        if at < text.len() {
            parts.push(Part::Literal(text[at..].to_owned()));
        }
        Self(parts)
    }

    /// The variables in it.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }
}

/// `${NAME}` for a variable, and `$$` for a dollar sign.
impl From<Text> for String {
    fn from(text: Text) -> Self {
        let part = |part: Part| match part {
            Part::Literal(literal) => literal.replace('$', "$$"),
            Part::Variable(name) => format!("${{{name}}}"),
        };
        text.0.into_iter().map(part).collect()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                Some((name, behind)) => {
                    parts.extend((!literal.is_empty()).then(|| Part::Literal(std::mem::take(&mut literal))));
                    parts.push(Part::Variable(name.to_owned()));
                    rest = behind;
                }
                None => {
                    literal.push('$');
                    rest = rest.strip_prefix('$').unwrap_or(rest);
                }
            }
        }
        literal.push_str(rest);
        parts.extend((!literal.is_empty()).then_some(Part::Literal(literal)));
        Self(parts)
    }
}
