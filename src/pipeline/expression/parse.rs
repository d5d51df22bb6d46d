//! Tokens into a tree, by the shunting-yard of `Gitlab::Ci::Pipeline::Expression::Parser`, which takes what GitLab takes and no more.

use std::ops::Range;
use std::sync::Arc;

use crate::pipeline::expression::lex::{Kind, Token, tokens};
use crate::pipeline::expression::pattern::Pattern;

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Expression {
    pub(super) root: Node,
}

/// Why a text is no expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// The bytes of the expression that are wrong.
    pub range: Range<usize>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
}

impl ExpressionError {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into() }
    }
}

/// An operator with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    Matches,
    NotMatches,
    And,
    Or,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    Text(Arc<str>),
    Pattern(Arc<Pattern>),
    Variable(Arc<str>),
    Input(Arc<str>),
    Not(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
}

impl Expression {
    /// Parses the value of an `if`.
    ///
    /// # Errors
    /// The place and the kind of the mistake for which GitLab says `invalid expression syntax`.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Err(ExpressionError::new(0..text.len(), "an expression can't be empty"));
        }
        let ordered = postfix(&tokens)?;
        Ok(Self { root: tree(text, &ordered)? })
    }

    /// The names of the variables, each once, in the order of their first use.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |node| {
            if let Node::Variable(name) = node
                && !names.contains(&&**name)
            {
                names.push(&**name);
            }
        });
        names
    }

    /// The names of the inputs (`$[[ inputs.name ]]`), each once.
    #[must_use]
    pub fn inputs(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |node| {
            if let Node::Input(name) = node
                && !names.contains(&&**name)
            {
                names.push(&**name);
            }
        });
        names
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a Node)) {
        let mut open = vec![&self.root];
        while let Some(node) = open.pop() {
            visitor(node);
            match node {
                Node::Not(operand) => open.push(operand),
                Node::Binary(_, left, right) => open.extend([&**right, &**left]),
                Node::Null | Node::Boolean(_) | Node::Text(_) | Node::Pattern(_) | Node::Variable(_) | Node::Input(_) => {}
            }
        }
    }
}

/// How loosely an operator binds; a parenthesis that opens binds loosest, so that nothing takes it.
fn precedence(kind: Kind) -> u16 {
    match kind {
        Kind::Not => 1,
        Kind::Equals | Kind::NotEquals | Kind::Matches | Kind::NotMatches => 10,
        Kind::And => 11,
        Kind::Or => 12,
        Kind::Close => 900,
        Kind::Open => 901,
        Kind::Input | Kind::Variable | Kind::String | Kind::Pattern | Kind::Null | Kind::Boolean => 0,
    }
}

fn postfix(tokens: &[Token]) -> Result<Vec<&Token>, ExpressionError> {
    let (mut output, mut operators): (Vec<&Token>, Vec<&Token>) = (Vec::new(), Vec::new());
    for token in tokens {
        match token.kind {
            Kind::Input | Kind::Variable | Kind::String | Kind::Pattern | Kind::Null | Kind::Boolean => output.push(token),
            Kind::Open | Kind::Not => operators.push(token),
            Kind::Equals | Kind::NotEquals | Kind::Matches | Kind::NotMatches | Kind::And | Kind::Or | Kind::Close => {
                while let Some(last) = operators.pop_if(|last| precedence(token.kind) >= precedence(last.kind)) {
                    output.push(last);
                }
                if token.kind != Kind::Close {
                    operators.push(token);
                } else if operators.pop().is_none() {
                    return Err(ExpressionError::new(token.range.clone(), "this parenthesis was never opened"));
                }
            }
        }
    }
    output.extend(operators.into_iter().rev());
    Ok(output)
}

fn tree(text: &str, postfix: &[&Token]) -> Result<Node, ExpressionError> {
    let mut results: Vec<(Node, Range<usize>)> = Vec::new();
    for token in postfix {
        let source = &text[token.range.clone()];
        let operator = match token.kind {
            Kind::Open => return Err(ExpressionError::new(token.range.clone(), "this parenthesis is never closed")),
            Kind::Close => unreachable!("a closing parenthesis is never put out"),
            Kind::Not => {
                let Some((operand, range)) = results.pop() else { return Err(lacks(token, source)) };
                results.push((Node::Not(Box::new(operand)), token.range.start..range.end));
                continue;
            }
            Kind::Equals => Operator::Equals,
            Kind::NotEquals => Operator::NotEquals,
            Kind::Matches => Operator::Matches,
            Kind::NotMatches => Operator::NotMatches,
            Kind::And => Operator::And,
            Kind::Or => Operator::Or,
            Kind::Input | Kind::Variable | Kind::String | Kind::Pattern | Kind::Null | Kind::Boolean => {
                results.push((value(token, source)?, token.range.clone()));
                continue;
            }
        };
        let (Some((right, after)), Some((left, before))) = (results.pop(), results.pop()) else { return Err(lacks(token, source)) };
        results.push((Node::Binary(operator, Box::new(left), Box::new(right)), before.start.min(after.start)..before.end.max(after.end)));
    }
    match (results.pop(), results.pop()) {
        (Some((root, _)), None) => Ok(root),
        (Some((_, range)), Some(_)) => Err(ExpressionError::new(range, "there is no operator before this")),
        (None, _) => Err(ExpressionError::new(0..text.len(), "an expression can't be empty")),
    }
}

fn lacks(token: &Token, source: &str) -> ExpressionError {
    ExpressionError::new(token.range.clone(), format!("`{source}` lacks an operand"))
}

fn value(token: &Token, source: &str) -> Result<Node, ExpressionError> {
    Ok(match token.kind {
        Kind::Variable => Node::Variable(source[1..].into()),
        Kind::String => Node::Text(source[1..source.len() - 1].into()),
        Kind::Boolean => Node::Boolean(source == "true"),
        Kind::Input => {
            let name = source.trim_start_matches("$[[").trim_end_matches("]]").trim();
            Node::Input(name.trim_start_matches("inputs.").into())
        }
        Kind::Pattern => {
            let pattern = Pattern::parse(source).map_err(|message| ExpressionError::new(token.range.clone(), message))?;
            Node::Pattern(Arc::new(pattern))
        }
        Kind::Null
        | Kind::Open
        | Kind::Close
        | Kind::Equals
        | Kind::Matches
        | Kind::NotEquals
        | Kind::NotMatches
        | Kind::And
        | Kind::Or
        | Kind::Not => Node::Null,
    })
}
