//! The language of `rules:if` and `only:variables`: text into a parsed expression, and that into what it may yield. Knows no YAML.

mod evaluate;
mod lex;
mod parse;
mod pattern;
mod re2;

pub use evaluate::{Lookup, Possible, Truth};
pub use parse::{Expression, ExpressionError};
pub use pattern::Pattern;
