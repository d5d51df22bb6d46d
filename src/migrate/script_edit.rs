//! Changes to a script's text into changes to its items: statements removed with their line, `;` or `&&`, other bytes kept. Knows shell and script items,
//! not docker.

use std::ops::Range;

use crate::edit::Edit;
use crate::pipeline::{Documents, Item, Script};
use crate::shell::{self, Branch, Expansion, ListOperator, Part, PartKind, Statement, StatementKind, Word};
use crate::source::Span;
use crate::yaml::ScalarStyle;
use crate::yaml::structure::scalar;

/// A change to a script's text: the bytes of `range` (of the text) become `text`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextEdit {
    /// What goes.
    pub range: Range<usize>,
    /// What comes.
    pub text: String,
}

/// Why a script cannot be changed so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// What stands in the way, as a fragment.
    pub why: &'static str,
    /// Where, in bytes of the script's text.
    pub at: usize,
}

impl TextEdit {
    /// Edits are sorted by place.
    fn key(&self) -> (usize, usize) {
        (self.range.start, self.range.end)
    }
}

/// The edits that remove the commands at `removed` (byte ranges of statements or operands), with what joins them to the rest.
///
/// # Errors
/// [`Stuck`] where what joins a command to the rest cannot go with it.
pub fn removals(script: &shell::Script, removed: &[Range<usize>]) -> Result<Vec<TextEdit>, Stuck> {
    let pruner = Pruner { script, removed };
    let mut edits = Vec::new();
    pruner.list(&script.body, true, &mut edits)?;
    edits.sort_by_key(TextEdit::key);
    Ok(edits)
}

struct Pruner<'a> {
    script: &'a shell::Script,
    removed: &'a [Range<usize>],
}

/// What becomes of a statement.
enum Prune {
    Keep,
    Remove,
    Partly(Vec<TextEdit>),
}

impl Pruner<'_> {
    /// Prunes a list of statements. A list inside of a construct must not become empty.
    fn list(&self, statements: &[Statement], may_empty: bool, edits: &mut Vec<TextEdit>) -> Result<bool, Stuck> {
        let mut gone = Vec::new();
        for statement in statements {
            match self.statement(statement)? {
                Prune::Keep => gone.push(false),
                Prune::Partly(inner) => {
                    edits.extend(inner);
                    gone.push(false);
                }
                Prune::Remove => gone.push(true),
            }
        }
        let emptied = gone.iter().all(|gone| *gone) && !statements.is_empty();
        for (index, statement) in statements.iter().enumerate().filter(|(index, _)| gone[*index]) {
            let range = statement.range.range();
            if emptied && !may_empty && index + 1 == statements.len() {
                edits.push(TextEdit { range, text: ":".to_owned() });
            } else {
                edits.push(TextEdit { range: self.with_line(&range), text: String::new() });
            }
        }
        Ok(emptied)
    }

    fn statement(&self, statement: &Statement) -> Result<Prune, Stuck> {
        let range = statement.range.range();
        if self.removed.contains(&range) {
            return Ok(Prune::Remove);
        }
        if !self.removed.iter().any(|removed| range.start <= removed.start && removed.end <= range.end) {
            return Ok(Prune::Keep);
        }
        let mut edits = Vec::new();
        match &statement.kind {
            StatementKind::List { first, rest } => return self.operands(statement, first, rest),
            StatementKind::If { branches, otherwise } => {
                if self.leaves_nothing(branches, otherwise.as_deref())? {
                    return Ok(Prune::Remove);
                }
                for branch in branches {
                    self.list(&branch.condition, false, &mut edits)?;
                    self.list(&branch.body, false, &mut edits)?;
                }
                if let Some(otherwise) = otherwise {
                    self.list(otherwise, false, &mut edits)?;
                }
            }
            StatementKind::For { body, .. } | StatementKind::Group(body) | StatementKind::Subshell(body) => {
                self.list(body, false, &mut edits)?;
            }
            StatementKind::While { condition, body, .. } => {
                self.list(condition, false, &mut edits)?;
                self.list(body, false, &mut edits)?;
            }
            StatementKind::Case { arms, .. } => {
                for arm in arms {
                    self.list(&arm.body, false, &mut edits)?;
                }
            }
            StatementKind::Command(_)
            | StatementKind::Pipeline { .. }
            | StatementKind::Function { .. }
            | StatementKind::Test(_)
            | StatementKind::Error => {
                return Err(Stuck { why: "the command is part of something that cannot be taken apart", at: range.start });
            }
        }
        Ok(Prune::Partly(edits))
    }

    /// Whether all that a choice would do goes, and its conditions do nothing but ask.
    fn leaves_nothing(&self, branches: &[Branch], otherwise: Option<&[Statement]>) -> Result<bool, Stuck> {
        for statement in branches.iter().flat_map(|branch| &branch.body).chain(otherwise.into_iter().flatten()) {
            if !matches!(self.statement(statement)?, Prune::Remove) {
                return Ok(false);
            }
        }
        Ok(branches.iter().flat_map(|branch| &branch.condition).all(only_asks))
    }

    fn operands(&self, statement: &Statement, first: &Statement, rest: &[(ListOperator, Statement)]) -> Result<Prune, Stuck> {
        let operands: Vec<&Statement> = std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)).collect();
        let mut gone = Vec::new();
        let mut edits = Vec::new();
        for operand in &operands {
            match self.statement(operand)? {
                Prune::Keep => gone.push(false),
                Prune::Remove => gone.push(true),
                Prune::Partly(inner) => {
                    edits.extend(inner);
                    gone.push(false);
                }
            }
        }
        if gone.iter().all(|gone| *gone) {
            return Ok(Prune::Remove);
        }
        if !gone.contains(&true) {
            return Ok(Prune::Partly(edits));
        }
        if rest.iter().any(|(operator, _)| *operator == ListOperator::Or) {
            return Err(Stuck { why: "an alternative follows the command", at: statement.range.range().start });
        }
        let mut kept: Option<usize> = None;
        for (index, operand) in operands.iter().enumerate() {
            let range = operand.range.range();
            if !gone[index] {
                kept = Some(index);
            } else if kept.is_some() {
                edits.push(TextEdit { range: operands[index - 1].range.range().end..range.end, text: String::new() });
            } else {
                edits.push(TextEdit { range: range.start..operands[index + 1].range.range().start, text: String::new() });
            }
        }
        Ok(Prune::Partly(edits))
    }

    /// The range with its whole line where nothing else stands there, else with the `;` behind or before it.
    fn with_line(&self, range: &Range<usize>) -> Range<usize> {
        let text = &*self.script.text;
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let behind = &text[range.end..];
        let blank = behind.len() - behind.trim_start_matches([' ', '\t', ';']).len();
        let begins = text[line_start..range.start].trim().is_empty();
        let rest = &behind[blank..];
        if begins && rest.starts_with('\n') {
            return line_start..range.end + blank + 1;
        }
        if begins && rest.is_empty() {
            return line_start.saturating_sub(usize::from(line_start > 0))..text.len();
        }
        if behind.trim_start_matches([' ', '\t']).starts_with(';') {
            return range.start..range.end + blank;
        }
        let before = text[..range.start].trim_end_matches([' ', '\t']);
        if before.ends_with(';') {
            return before.trim_end_matches([';', ' ', '\t']).len()..range.end;
        }
        range.clone()
    }
}

/// Whether a statement is a test whose words are made of text, variables and the name of the machine's architecture.
fn only_asks(statement: &Statement) -> bool {
    const ASKING: [&str; 6] = ["[", "test", "arch", "echo", "printf", "uname"];
    let is_still = |part: &Part| match &part.kind {
        PartKind::Substitution { body, .. } => body.iter().all(only_asks),
        PartKind::ProcessSubstitution { .. } | PartKind::Arithmetic(_) | PartKind::Interpolation => false,
        PartKind::Variable(variable) => !matches!(variable.expansion, Expansion::Default { assign: true, .. } | Expansion::Required),
        PartKind::Literal { .. } | PartKind::Pattern(_) => true,
    };
    let words = |words: &[Word]| words.iter().flat_map(|word| &word.parts).all(is_still);
    match &statement.kind {
        StatementKind::Command(command) => {
            let name = command.words.first().and_then(Word::literal).unwrap_or_default();
            let architecture = name == "apk" && command.words.get(1).and_then(Word::literal).as_deref() == Some("--print-arch");
            let known = architecture || ASKING.contains(&name.as_str());
            known && command.assignments.is_empty() && command.redirections.is_empty() && words(&command.words)
        }
        // `=~` leaves what it matched in a variable.
        StatementKind::Test(tested) => words(tested) && tested.iter().all(|word| word.literal().as_deref() != Some("=~")),
        StatementKind::Pipeline { stages, .. } => stages.iter().all(only_asks),
        StatementKind::List { first, rest } => only_asks(first) && rest.iter().all(|(_, operand)| only_asks(operand)),
        _ => false,
    }
}

/// What becomes of one script item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ItemChange {
    /// It goes.
    Remove,
    /// Its text changes, by these edits of its file; the text that it must then have.
    Rewrite(Vec<Edit>, String),
}

/// Distributes edits of a script's text (sorted, not overlapping) over its items: the index of each changed item with its change.
///
/// # Errors
/// [`Stuck`] where an edit touches bytes that are not written as they are read.
pub fn item_changes(script: &Script, documents: &Documents, edits: &[TextEdit]) -> Result<Vec<(usize, ItemChange)>, Stuck> {
    if let Some(edit) = writes_inputs_out(script, edits) {
        return Err(Stuck { why: "a name that an input is a part of would be written out", at: edit.range.start });
    }
    let mut changes = Vec::new();
    for (index, item) in script.items.iter().enumerate() {
        let own: Vec<TextEdit> = edits.iter().filter_map(|edit| within_item(edit, item)).collect();
        if own.is_empty() {
            continue;
        }
        let text = applied(&script.text[item.range.clone()], &own);
        let change = if text.trim().is_empty() { ItemChange::Remove } else { rewrite(item, documents, &own, text)? };
        changes.push((index, change));
    }
    Ok(changes)
}

/// The first edit that writes what may be the value of an input into the file: it has another value elsewhere. Where the values are short this may
/// also be chance, and is refused all the same.
fn writes_inputs_out<'e>(script: &Script, edits: &'e [TextEdit]) -> Option<&'e TextEdit> {
    let values: Vec<&str> = script
        .items
        .iter()
        .filter(|item| item.value.is_interpolated())
        .flat_map(|item| item.value.texts_put_in())
        .filter(|text| !text.is_empty())
        .collect();
    edits.iter().find(|edit| values.iter().any(|value| edit.text.contains(value)))
}

/// The part of an edit that lies in an item, relative to it; inserted text belongs to the item in which the edit begins.
fn within_item(edit: &TextEdit, item: &Item) -> Option<TextEdit> {
    let start = edit.range.start.max(item.range.start);
    let end = edit.range.end.min(item.range.end);
    let begins_here = item.range.start <= edit.range.start && edit.range.start <= item.range.end;
    let insertion = edit.range.is_empty() && begins_here;
    if start >= end && !insertion {
        return None;
    }
    let text = if begins_here { edit.text.clone() } else { String::new() };
    Some(TextEdit { range: start - item.range.start..end.max(start) - item.range.start, text })
}

/// The text with the edits applied.
#[must_use]
pub fn applied(text: &str, edits: &[TextEdit]) -> String {
    let mut out = String::new();
    let mut done = 0;
    for edit in edits {
        out.push_str(&text[done..edit.range.start.max(done)]);
        out.push_str(&edit.text);
        done = edit.range.end.max(done);
    }
    out.push_str(&text[done..]);
    out
}

fn rewrite(item: &Item, documents: &Documents, edits: &[TextEdit], text: String) -> Result<ItemChange, Stuck> {
    let stuck = |edit: &TextEdit| Stuck {
        why: "the text is written in a form that cannot be edited in place",
        at: item.range.start + edit.range.start,
    };
    let document = documents.get(item.value.span.file).ok_or_else(|| stuck(&edits[0]))?;
    let style = document.tree.scalar(item.value.node).ok_or_else(|| stuck(&edits[0]))?.style;
    let source = documents.sources().get(item.value.span.file);
    let in_place: Option<Vec<Edit>> = edits.iter().map(|edit| in_place(item, source.text(), style, edit)).collect();
    if let Some(edits) = in_place {
        return Ok(ItemChange::Rewrite(edits, text));
    }
    let flow = matches!(style, ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    let one_line = !source.text()[item.value.span.range()].contains('\n') && !text.contains('\n');
    // What inputs were put into is another text elsewhere, and would lose them.
    if flow && one_line && !item.value.is_interpolated() {
        return Ok(ItemChange::Rewrite(vec![Edit::replace(item.value.span, scalar(&text))], text));
    }
    Err(stuck(&edits[0]))
}

/// An edit of decoded text as an edit of the source, where both ends are written as they are read and the new text reads back as it is.
fn in_place(item: &Item, source: &str, style: ScalarStyle, edit: &TextEdit) -> Option<Edit> {
    let span = source_range(item, source, &edit.range)?;
    let text = match style {
        ScalarStyle::Plain if edit.text.contains(": ") || edit.text.contains(" #") || edit.text.ends_with(':') => return None,
        ScalarStyle::Plain if edit.range.start == 0 && scalar(&format!("{}x", edit.text)).starts_with(['\'', '"']) => return None,
        ScalarStyle::Folded | ScalarStyle::Plain if edit.text.contains('\n') => return None,
        ScalarStyle::SingleQuoted => edit.text.replace('\'', "''"),
        ScalarStyle::DoubleQuoted => edit.text.replace('\\', "\\\\").replace('"', "\\\""),
        // Where a line begins can't be told when inputs stand before it.
        ScalarStyle::Literal if edit.text.contains('\n') && item.value.is_interpolated() => return None,
        ScalarStyle::Literal if edit.text.contains('\n') => {
            block_lines(source, span, &item.value.as_str()?[..edit.range.start], &edit.text)
        }
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => edit.text.clone(),
    };
    Some(Edit::replace(span, text))
}

/// Lines of a literal block with the block's indentation behind each line end; `before` is the decoded text before them.
fn block_lines(source: &str, at: Span, before: &str, text: &str) -> String {
    let start = at.start as usize;
    let line = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let own = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
    let indentation = &source[line..start - own.min(start - line)];
    let newline = if source[..line].ends_with("\r\n") { "\r\n" } else { "\n" };
    text.replace('\n', &format!("{newline}{indentation}"))
}

/// The source bytes of a decoded range. A range of whole lines takes their indentation and line ends with it.
fn source_range(item: &Item, source: &str, range: &Range<usize>) -> Option<Span> {
    let map = item.map()?;
    let decoded = item.value.as_str()?;
    if range.is_empty() {
        let at = if range.start < decoded.len() {
            map.source(range.start..range.start + 1)?.start_point()
        } else {
            map.source(range.start.checked_sub(1)?..range.start)?.end_point()
        };
        return Some(at);
    }
    let content = &decoded[range.clone()];
    let lead = content.len() - content.trim_start().len();
    let tail = content.len() - content.trim_end().len();
    if lead + tail >= content.len() {
        return map.source(range.clone());
    }
    let first = range.start + lead;
    let last = range.end - tail;
    let first_char = decoded[first..].chars().next()?.len_utf8();
    let last_char = decoded[..last].chars().next_back()?.len_utf8();
    let mut start = map.source(first..first + first_char)?.start as usize;
    let mut end = map.source(last - last_char..last)?.end as usize;
    let takes_line = content[..lead].contains('\n') || content[content.len() - tail..].contains('\n');
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[end..].find('\n').map_or(source.len(), |at| end + at + 1);
    if takes_line
        && source[line_start..start].trim().is_empty()
        && source[end..line_end].trim_matches([' ', '\t', ';', '\r', '\n']).is_empty()
    {
        return Some(Span::new(item.value.span.file, line_start, line_end));
    }
    if lead > 0 {
        start = map
            .source(range.start..range.start + 1)
            .map_or_else(|| start - (start - source[..start].trim_end().len()), |span| span.start as usize);
    }
    if tail > 0 {
        end = map.source(range.end - 1..range.end)?.end as usize;
    }
    Some(Span::new(item.value.span.file, start, end))
}
