//! The text of an expression into tokens, as `Gitlab::Ci::Pipeline::Expression::Lexer` cuts it. Knows no order of tokens.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::expression::parse::ExpressionError;

/// Most tokens of one expression (`Lexer::MAX_TOKENS`); the last may not be followed by anything, not even by the end.
const MAX_TOKENS: usize = 100;

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Open,
    Close,
    Input,
    Variable,
    String,
    Pattern,
    Null,
    Boolean,
    Equals,
    Matches,
    NotEquals,
    NotMatches,
    And,
    Or,
    Not,
}

/// A token and the bytes that it was read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// In the order in which GitLab tries them.
static LEXEMES: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    [
        (Kind::Open, r"^\("),
        (Kind::Close, r"^\)"),
        (Kind::Input, r"^\$\[\[\s*inputs\.[0-9A-Za-z_]+\s*\]\]"),
        (Kind::Variable, r"^\$[0-9A-Za-z_]+"),
        (Kind::String, r#"^(?:".*?"|'.*?')"#),
        (Kind::Pattern, r"^/(?:[^/]|\\/)+[^\\]/[ismU]*"),
        (Kind::Null, r"^null"),
        (Kind::Boolean, r"^(?:true|false)(?-u:\b)"),
        (Kind::Equals, r"^=="),
        (Kind::Matches, r"^=~"),
        (Kind::NotEquals, r"^!="),
        (Kind::NotMatches, r"^!~"),
        (Kind::And, r"^&&"),
        (Kind::Or, r"^\|\|"),
        (Kind::Not, r"^!"),
    ]
    .into_iter()
    .map(|(kind, pattern)| (kind, Regex::new(pattern).expect("a valid pattern")))
    .collect()
});

/// The tokens of `text`.
///
/// # Errors
/// The bytes from which on nothing is known, or that there are too many tokens.
pub fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
        if tokens.len() == MAX_TOKENS {
            return Err(ExpressionError::new(at..text.len(), format!("an expression may have {} tokens at most", MAX_TOKENS - 1)));
        }
        if at == text.len() {
            return Ok(tokens);
        }
        let found = LEXEMES.iter().find_map(|(kind, pattern)| Some((*kind, pattern.find(&text[at..])?.end())));
        let Some((kind, length)) = found else { return Err(unknown(text, at)) };
        tokens.push(Token { kind, range: at..at + length });
        at += length;
    }
}

/// What stands at `at`, which is nothing that the language has.
fn unknown(text: &str, at: usize) -> ExpressionError {
    let rest = &text[at..];
    let word = rest.find(|c: char| c.is_whitespace() || "()".contains(c)).unwrap_or(rest.len()).max(1);
    let word = rest.char_indices().map(|(start, c)| start + c.len_utf8()).find(|end| *end >= word).unwrap_or(rest.len());
    let shown = &rest[..word];
    let message = if rest.starts_with("${") {
        format!("`{shown}`: a variable is written `$NAME` here, without braces")
    } else if rest.starts_with('=') {
        "`=` is no operator; a comparison is written `==`".to_owned()
    } else if rest.starts_with('&') || rest.starts_with('|') {
        format!("`{}` is no operator; it is written twice", &rest[..1])
    } else if rest.starts_with('/') {
        "a pattern needs at least two characters and a `/` at its end".to_owned()
    } else if rest.starts_with(['"', '\'']) {
        "this text has no closing quote".to_owned()
    } else {
        format!("`{shown}` is neither a variable (`$NAME`) nor a text in quotes, a pattern (`/…/`) or an operator")
    };
    ExpressionError::new(at..at + word, message)
}
