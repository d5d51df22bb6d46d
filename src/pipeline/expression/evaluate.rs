//! A parsed expression into what it may yield, where some variables are known and others are not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::pipeline::expression::parse::{Expression, Node, Operator};
use crate::pipeline::expression::pattern::Pattern;

/// What is known of a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lookup<'a> {
    /// It has this value.
    Defined(Cow<'a, str>),
    /// It does not exist, which is `null`.
    Undefined,
    /// It exists and is not blank, but its text is not known.
    Present,
    /// Nothing.
    Unknown,
}

/// Whether something holds, as far as can be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It depends on what is not known.
    Unknown,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            (Self::Unknown | Self::True, Self::Unknown | Self::True) => Self::Unknown,
        }
    }

    /// One of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// It does not hold.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a third value makes it another operation than that of `bool`")]
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What an expression may yield, and on which variables that depends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Possible {
    /// Whether it holds.
    pub truth: Truth,
    /// The variables whose values are not known and that it looks at; empty where the truth is known.
    pub depends: BTreeSet<Arc<str>>,
}

/// One value that a part of an expression may have.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Bool(bool),
    Text(Arc<str>),
    Pattern(Arc<Pattern>),
    /// A text that is not known and not blank: that of a variable.
    SomeText(Arc<str>),
}

/// Few, and each once.
type Values = Vec<Value>;

impl Expression {
    /// Evaluates it, with `lookup` for the variables and `input` for the inputs.
    pub fn evaluate<'a>(&self, lookup: &dyn Fn(&str) -> Lookup<'a>, input: &dyn Fn(&str) -> Lookup<'a>) -> Possible {
        let mut depends = BTreeSet::new();
        let values = Evaluation { lookup, input, depends: &mut depends }.values(&self.root);
        let holds = values.iter().any(Value::is_present);
        let fails = values.iter().any(|value| !value.is_present());
        let truth = match (holds, fails) {
            (true, true) => Truth::Unknown,
            (true, false) => Truth::True,
            (false, _) => Truth::False,
        };
        if truth != Truth::Unknown {
            depends.clear();
        }
        Possible { truth, depends }
    }
}

struct Evaluation<'e, 'a> {
    lookup: &'e dyn Fn(&str) -> Lookup<'a>,
    input: &'e dyn Fn(&str) -> Lookup<'a>,
    depends: &'e mut BTreeSet<Arc<str>>,
}

impl Evaluation<'_, '_> {
    fn values(&mut self, node: &Node) -> Values {
        match node {
            Node::Null => vec![Value::Null],
            Node::Boolean(value) => vec![Value::Bool(*value)],
            Node::Text(text) => vec![Value::Text(text.clone())],
            Node::Pattern(pattern) => vec![Value::Pattern(pattern.clone())],
            Node::Variable(name) => {
                let found = (self.lookup)(name);
                self.looked_up(found, name)
            }
            Node::Input(name) => {
                let found = (self.input)(name);
                self.looked_up(found, name)
            }
            Node::Not(operand) => distinct(self.values(operand).iter().map(|value| Value::Bool(!value.is_present())).collect()),
            Node::Binary(operator, left, right) => self.binary(*operator, left, right),
        }
    }

    fn looked_up(&mut self, found: Lookup<'_>, name: &Arc<str>) -> Values {
        match found {
            Lookup::Defined(text) => vec![Value::Text(text.as_ref().into())],
            Lookup::Undefined => vec![Value::Null],
            // Where it is enough that the variable exists, nothing depends on its text.
            Lookup::Present => vec![Value::SomeText(name.clone())],
            Lookup::Unknown => {
                self.depends.insert(name.clone());
                vec![Value::Null, Value::Text("".into()), Value::SomeText(name.clone())]
            }
        }
    }

    fn binary(&mut self, operator: Operator, left: &Node, right: &Node) -> Values {
        let left = self.values(left);
        match operator {
            // Ruby's operators, to which an empty text is true.
            Operator::And | Operator::Or => {
                let decides = |value: &&Value| value.is_ruby_true() == (operator == Operator::Or);
                let mut values: Values = left.iter().filter(decides).cloned().collect();
                if left.iter().any(|value| !decides(&value)) {
                    values.extend(self.values(right));
                }
                distinct(values)
            }
            Operator::Equals | Operator::NotEquals | Operator::Matches | Operator::NotMatches => {
                let right = self.values(right);
                let (mut holds, mut fails) = (false, false);
                for (left, right) in left.iter().flat_map(|left| right.iter().map(move |right| (left, right))) {
                    let truth = compared(operator, left, right);
                    holds |= truth != Truth::False;
                    fails |= truth != Truth::True;
                    if truth == Truth::Unknown {
                        self.depends.extend([left, right].into_iter().filter_map(Value::variable).cloned());
                    }
                }
                let bools = [(holds, true), (fails, false)];
                bools.into_iter().filter(|(may, _)| *may).map(|(_, value)| Value::Bool(value)).collect()
            }
        }
    }
}

fn compared(operator: Operator, left: &Value, right: &Value) -> Truth {
    match operator {
        Operator::Equals => equal(left, right),
        Operator::NotEquals => equal(left, right).not(),
        Operator::Matches => matches(left, right),
        Operator::NotMatches => matches(left, right).not(),
        Operator::And | Operator::Or => unreachable!("these don't compare"),
    }
}

fn equal(left: &Value, right: &Value) -> Truth {
    match (left, right) {
        (Value::Null, Value::Null) => Truth::True,
        (Value::Bool(left), Value::Bool(right)) => (left == right).into(),
        (Value::Text(left), Value::Text(right)) => (left == right).into(),
        (Value::SomeText(_), Value::Text(text)) | (Value::Text(text), Value::SomeText(_)) if !is_blank(text) => Truth::Unknown,
        (Value::SomeText(left), Value::SomeText(right)) => {
            if left == right {
                Truth::True
            } else {
                Truth::Unknown
            }
        }
        (Value::Null | Value::Bool(_) | Value::Text(_) | Value::Pattern(_) | Value::SomeText(_), _) => Truth::False,
    }
}

/// `text =~ pattern`; a pattern that is a text without slashes is looked for as it is, but the other way round: as Ruby's `String#scan` does.
fn matches(text: &Value, pattern: &Value) -> Truth {
    let known = match text {
        Value::Null => Some(Cow::Borrowed("")),
        Value::Bool(value) => Some(Cow::Owned(value.to_string())),
        Value::Text(text) => Some(Cow::Borrowed(&**text)),
        Value::Pattern(_) => return Truth::False,
        Value::SomeText(_) => None,
    };
    match pattern {
        Value::Null | Value::Bool(_) => Truth::False,
        Value::SomeText(_) => Truth::Unknown,
        Value::Pattern(pattern) => known.map_or(Truth::Unknown, |text| pattern.is_match(&text).into()),
        Value::Text(source) => match (Pattern::parse(source), known) {
            (_, None) => Truth::Unknown,
            (Ok(pattern), Some(text)) => pattern.is_match(&text).into(),
            (Err(_), Some(text)) => source.contains(&*text).into(),
        },
    }
}

impl Value {
    /// Ruby on Rails' `present?`.
    fn is_present(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Text(text) => !is_blank(text),
            Self::Pattern(_) | Self::SomeText(_) => true,
        }
    }

    /// The variable whose text it is.
    fn variable(&self) -> Option<&Arc<str>> {
        match self {
            Self::SomeText(name) => Some(name),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::Pattern(_) => None,
        }
    }

    fn is_ruby_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::SomeText(left), Self::SomeText(right)) => left == right,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Pattern(left), Self::Pattern(right)) => Arc::ptr_eq(left, right),
            (Self::Null | Self::Bool(_) | Self::Text(_) | Self::Pattern(_) | Self::SomeText(_), _) => false,
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

fn distinct(values: Values) -> Values {
    let mut few: Values = Vec::new();
    for value in values {
        if !few.iter().any(|known| known.same(&value)) {
            few.push(value);
        }
    }
    few
}
