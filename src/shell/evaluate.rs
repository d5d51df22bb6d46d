//! Words into symbolic arguments, commands into invocations, with the variables as they are at that point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::shell::ast::{Assignment, Command, Expansion, Part, PartKind, Script, Statement, TextRange, Variable, Word};
use crate::shell::invocation::{Argument, Binding, Certainty, Evaluated, Frame, Invocation};
use crate::shell::parse::{Place, parse_at};
use crate::shell::symbolic::{Atom, Cause, Env, Operation, Symbolic};
use crate::shell::wrappers::{Nested, Stripped, nested, strip};

/// Statements that are walked at most, function calls unrolled.
const MOST_STATEMENTS: usize = 200_000;
/// Calls of functions within one another that are followed.
const MOST_CALLS: usize = 8;
/// Atoms of a value that are remembered.
const LARGEST_VALUE: usize = 1_000;

/// Walks `script` in execution order, with `initial` as its environment. A shell under `set -eo pipefail` is assumed, as GitLab's
/// runner starts it (<https://docs.gitlab.com/runner/shells/>).
#[must_use]
pub fn evaluate(script: &Script, initial: &Env) -> Evaluated {
    let mut errors = script.errors.clone();
    errors.sort_unstable();
    let mut walker = Walker {
        text: Arc::clone(&script.text),
        errors,
        initial: initial.variables.clone(),
        variables: initial.variables.clone(),
        exported: initial.exported.clone(),
        journal: Vec::new(),
        generation: 0,
        next_id: 0,
        steps: 0,
        calls: 0,
        functions: BTreeMap::new(),
        parameters: None,
        local: Vec::new(),
        scope: Scope::default(),
        out: Evaluated::default(),
    };
    for (index, statement) in script.body.iter().enumerate() {
        walker.scope.top_level = index;
        walker.body(std::slice::from_ref(statement));
    }
    walker.out.functions = walker.functions.into_keys().collect();
    walker.out.after = Env { variables: walker.variables, exported: walker.exported };
    walker.out
}

/// What holds for the statements that are being walked.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) certainty: Certainty,
    pub(super) ignores_failure: bool,
    pub(super) statement: TextRange,
    pub(super) top_level: usize,
    pub(super) opaque: bool,
    pub(super) damaged: bool,
    pub(super) path: Vec<Frame>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            certainty: Certainty::Always,
            ignores_failure: false,
            statement: TextRange { start: 0, end: 0 },
            top_level: 0,
            opaque: false,
            damaged: false,
            path: Vec::new(),
        }
    }
}

pub(super) type Changes = BTreeMap<String, Option<Symbolic>>;

pub(super) struct Walker {
    text: Arc<str>,
    errors: Vec<TextRange>,
    initial: BTreeMap<String, Symbolic>,
    pub(super) variables: BTreeMap<String, Symbolic>,
    exported: BTreeSet<String>,
    /// What variables were before each change, to take the changes of a branch back.
    journal: Vec<(String, Option<Symbolic>)>,
    generation: u32,
    next_id: u32,
    steps: usize,
    calls: usize,
    pub(super) functions: BTreeMap<String, Arc<Statement>>,
    /// `$1` and so on, inside of a call.
    parameters: Option<Vec<Symbolic>>,
    /// Names that the function being called declared local.
    local: Vec<String>,
    pub(super) scope: Scope,
    pub(super) out: Evaluated,
}

/// A field that a word is split into.
#[derive(Default)]
struct Field {
    value: Symbolic,
    splittable: bool,
    present: bool,
}

impl Walker {
    /// Counts a statement; false when there were too many.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.out.truncated |= self.steps > MOST_STATEMENTS;
        !self.out.truncated
    }

    pub(super) fn opaque(&mut self, cause: Cause, range: TextRange) -> Symbolic {
        self.next_id += 1;
        Symbolic::atom(Atom::Opaque { id: self.next_id, cause, range })
    }

    pub(super) fn set(&mut self, name: &str, value: Symbolic, range: TextRange) {
        let value = if value.size() > LARGEST_VALUE { self.opaque(Cause::Expansion, range) } else { value };
        let old = self.variables.insert(name.to_owned(), value);
        self.journal.push((name.to_owned(), old));
    }

    fn forget(&mut self, name: &str) {
        let old = self.variables.remove(name);
        self.journal.push((name.to_owned(), old));
    }

    /// Runs `inner`, takes its changes back and gives them.
    pub(super) fn branch(&mut self, inner: impl FnOnce(&mut Self)) -> Changes {
        let mark = self.journal.len();
        let scope = self.scope.clone();
        inner(self);
        self.scope = scope;
        let mut changes = Changes::new();
        for (name, old) in self.journal.split_off(mark).into_iter().rev() {
            changes.entry(name.clone()).or_insert_with(|| self.variables.get(&name).cloned());
            match old {
                Some(value) => self.variables.insert(name, value),
                None => self.variables.remove(&name),
            };
        }
        changes
    }

    pub(super) fn within(&mut self, frame: Frame, inner: impl FnOnce(&mut Self)) {
        let scope = self.scope.clone();
        self.scope.path.push(frame);
        inner(self);
        self.scope = scope;
    }

    fn invalidate(&mut self) {
        self.generation += 1;
        let changed: Vec<String> =
            self.variables.iter().filter(|(name, value)| self.initial.get(*name) != Some(*value)).map(|(name, _)| name.clone()).collect();
        for name in changed {
            self.forget(&name);
        }
    }

    fn lookup(&mut self, name: &str, range: TextRange) -> Symbolic {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        if let Ok(index) = name.parse::<usize>() {
            let known = self.parameters.as_ref().map(|all| index.checked_sub(1).and_then(|at| all.get(at)).cloned().unwrap_or_default());
            let function = self.scope.path.iter().rev().find_map(|f| if let Frame::Definition(name) = f { Some(name) } else { None });
            let name = function.map_or(name.to_owned(), |function| format!("{function}:{name}"));
            return known.filter(|_| index > 0).unwrap_or_else(|| Symbolic::atom(Atom::Variable { name, generation: self.generation }));
        }
        match name {
            "@" | "*" => self.opaque(Cause::Argument, range),
            "?" | "$" | "!" | "-" | "#" | "RANDOM" | "SECONDS" | "LINENO" | "EPOCHSECONDS" | "_" | "" => self.opaque(Cause::Special, range),
            _ if name.ends_with(']') => self.opaque(Cause::Expansion, range),
            _ => Symbolic::atom(Atom::Variable { name: name.to_owned(), generation: self.generation }),
        }
    }

    /// The text of a word without splitting, as in an assignment.
    pub(super) fn expand(&mut self, word: &Word) -> Symbolic {
        let mut value = Symbolic::default();
        for part in &word.parts {
            let piece = self.part(part);
            value.extend(&piece);
        }
        value
    }

    fn part(&mut self, part: &Part) -> Symbolic {
        match &part.kind {
            PartKind::Literal { text, .. } | PartKind::Pattern(text) => Symbolic::literal(text),
            PartKind::Variable(variable) => self.variable(variable, part.range),
            PartKind::Substitution { body, .. } => {
                self.inner_shell(body, Frame::Substitution);
                self.opaque(Cause::Command, part.range)
            }
            PartKind::ProcessSubstitution { body } => {
                self.inner_shell(body, Frame::ProcessSubstitution);
                self.opaque(Cause::Command, part.range)
            }
            PartKind::Arithmetic => self.opaque(Cause::Arithmetic, part.range),
            PartKind::Interpolation => self.opaque(Cause::Interpolation, part.range),
        }
    }

    /// Statements that run in a shell of their own: what they assign is lost.
    pub(super) fn inner_shell(&mut self, body: &[Statement], frame: Frame) {
        self.branch(|walker| walker.within(frame, |walker| walker.body(body)));
    }

    fn variable(&mut self, variable: &Variable, range: TextRange) -> Symbolic {
        let base = self.lookup(&variable.name, range);
        match &variable.expansion {
            Expansion::Plain | Expansion::Required => base,
            Expansion::Default { assign, colon, word } => {
                let word = self.conditional_word(word);
                let value = apply_default(base, *colon, word);
                if *assign {
                    self.set(&variable.name, value.clone(), range);
                }
                value
            }
            Expansion::Alternative { colon, word } => {
                let word = self.conditional_word(word);
                match base.constant() {
                    Some(text) if *colon => {
                        if text.is_empty() {
                            Symbolic::default()
                        } else {
                            word
                        }
                    }
                    Some(_) => word,
                    None => derived(base, Operation::Alternative { colon: *colon, word }),
                }
            }
            Expansion::Trim { end, longest, pattern } => {
                let pattern = self.expand(pattern);
                trim(&base, *end, *longest, &pattern)
                    .unwrap_or_else(|| derived(base, Operation::Trim { end: *end, longest: *longest, pattern }))
            }
            Expansion::Replace { mode, pattern, replacement } => {
                let (pattern, replacement) = (self.expand(pattern), self.expand(replacement));
                replace(&base, *mode, &pattern, &replacement)
                    .unwrap_or_else(|| derived(base, Operation::Replace { mode: *mode, pattern, replacement }))
            }
            Expansion::Substring { offset, length } => {
                let offset = self.expand(offset);
                let length = length.as_ref().map(|length| self.expand(length));
                substring(&base, &offset, length.as_ref()).unwrap_or_else(|| {
                    match (offset.constant(), length.as_ref().map(Symbolic::constant)) {
                        (Some(offset), None) => derived(base, Operation::Other(format!(":{offset}"))),
                        (Some(offset), Some(Some(length))) => derived(base, Operation::Other(format!(":{offset}:{length}"))),
                        (_, Some(None)) | (None, _) => self.opaque(Cause::Expansion, range),
                    }
                })
            }
            Expansion::Other(operator) if operator.starts_with('!') => self.opaque(Cause::Expansion, range),
            Expansion::Other(operator) => derived(base, Operation::Other(operator.clone())),
        }
    }

    /// A word that is only expanded in some runs.
    fn conditional_word(&mut self, word: &Word) -> Symbolic {
        let certainty = self.scope.certainty;
        self.scope.certainty = certainty.max(Certainty::Conditional);
        let value = self.expand(word);
        self.scope.certainty = certainty;
        value
    }

    fn arguments(&mut self, words: &[Word]) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let fields = self.fields(word);
            let several = fields.len() != 1;
            arguments.extend(fields.into_iter().map(|field| Argument {
                value: field.value,
                word: index,
                range: word.range,
                splittable: field.splittable,
                field: several,
            }));
        }
        arguments
    }

    /// What the shell makes of a word: usually one field.
    fn fields(&mut self, word: &Word) -> Vec<Field> {
        let mut done = Vec::new();
        let mut now = Field::default();
        for part in &word.parts {
            if let PartKind::Variable(variable) = &part.kind
                && variable.name == "@"
                && let Some(parameters) = self.parameters.clone()
            {
                for (index, value) in parameters.iter().enumerate() {
                    if index > 0 {
                        done.push(std::mem::take(&mut now));
                    }
                    now.value.extend(value);
                    now.present = true;
                    now.splittable |= !part.quoted && value.constant().is_none();
                }
                continue;
            }
            let list = matches!(&part.kind, PartKind::Variable(variable) if variable.is_list());
            let value = self.part(part);
            match &part.kind {
                PartKind::Literal { .. } | PartKind::ProcessSubstitution { .. } => {
                    now.value.extend(&value);
                    now.present = true;
                }
                PartKind::Pattern(_) => {
                    now.value.extend(&value);
                    (now.present, now.splittable) = (true, true);
                }
                PartKind::Variable(_) | PartKind::Substitution { .. } | PartKind::Arithmetic | PartKind::Interpolation if part.quoted => {
                    now.value.extend(&value);
                    now.present = true;
                    now.splittable |= list;
                }
                PartKind::Variable(_) | PartKind::Substitution { .. } | PartKind::Arithmetic | PartKind::Interpolation => {
                    split(&value, &mut now, &mut done);
                }
            }
        }
        if now.present {
            done.push(now);
        }
        done
    }

    pub(super) fn command(&mut self, command: &Arc<Command>) {
        let arguments = self.arguments(&command.words);
        for redirection in &command.redirections {
            self.redirection_target(redirection);
        }
        let alone = command.words.is_empty();
        let mut environment = Vec::new();
        for assignment in &command.assignments {
            let value = self.assigned(assignment);
            if alone {
                self.bind(assignment, value, false);
            } else {
                environment.push((assignment.name.clone(), value));
            }
        }
        if alone {
            return;
        }
        self.declared(command);
        let stripped = strip(&arguments);
        environment.extend(stripped.environment.iter().cloned());
        self.emit(command, arguments, stripped, environment);
    }

    pub(super) fn redirection_target(&mut self, redirection: &crate::shell::Redirection) {
        match &redirection.heredoc {
            Some(heredoc) => {
                for part in &heredoc.parts {
                    self.part(part);
                }
            }
            None => {
                self.expand(&redirection.target);
            }
        }
    }

    fn assigned(&mut self, assignment: &Assignment) -> Symbolic {
        let value = self.expand(&assignment.value);
        if assignment.array {
            return self.opaque(Cause::Expansion, assignment.range);
        }
        if !assignment.append {
            return value;
        }
        let mut whole = self.lookup(&assignment.name, assignment.range);
        whole.extend(&value);
        whole
    }

    fn bind(&mut self, assignment: &Assignment, value: Symbolic, exported: bool) {
        if exported {
            self.exported.insert(assignment.name.clone());
        }
        self.set(&assignment.name, value.clone(), assignment.range);
        self.out.bindings.push(Binding {
            exported: self.exported.contains(&assignment.name),
            name: assignment.name.clone(),
            value,
            range: assignment.range,
            certainty: self.scope.certainty,
        });
    }

    /// `export A=b C`, `local d=e`. The words were expanded as arguments already, so that substitutions inside are not walked again.
    fn declared(&mut self, command: &Command) {
        let Some(keyword) = command.words.first().and_then(Word::literal) else { return };
        let export = keyword == "export";
        if !matches!(keyword.as_str(), "export" | "local" | "readonly" | "declare" | "typeset") {
            return;
        }
        for word in &command.words[1..] {
            let assignment = command.declared.iter().find(|assignment| assignment.range == word.range);
            let name = assignment.map(|assignment| assignment.name.clone()).or_else(|| word.literal()).unwrap_or_default();
            if self.calls > 0 && !export {
                let old = self.variables.get(&name).cloned();
                self.local.push(name.clone());
                self.journal.push((name.clone(), old));
            }
            match assignment {
                Some(assignment) => {
                    let known = assignment.value.parts.iter().all(|part| !walks(part));
                    let value = if known { self.assigned(assignment) } else { self.opaque(Cause::Command, assignment.range) };
                    self.bind(assignment, value, export);
                }
                None if export => {
                    self.exported.insert(name);
                }
                None => {}
            }
        }
    }

    fn emit(&mut self, command: &Arc<Command>, arguments: Vec<Argument>, stripped: Stripped, environment: Vec<(String, Symbolic)>) {
        let directory = self.lookup("PWD", command.range);
        let damaged =
            self.scope.damaged || self.errors.iter().take_while(|e| e.start < command.range.end).any(|e| e.overlaps(command.range));
        let invocation = Invocation {
            command: Arc::clone(command),
            statement: self.scope.statement,
            top_level: self.scope.top_level,
            program: stripped.program,
            wrappers: stripped.wrappers,
            unknown_arguments: stripped.unknown_arguments,
            arguments,
            environment,
            directory,
            certainty: self.scope.certainty,
            path: self.scope.path.clone(),
            ignores_failure: self.scope.ignores_failure,
            opaque: self.scope.opaque,
            damaged,
        };
        self.out.invocations.push(invocation.clone());
        self.effect(&invocation);
    }

    /// What the command does to this shell, and the commands that it runs in turn.
    fn effect(&mut self, invocation: &Invocation) {
        let Some(name) = invocation.name() else { return };
        let name = name.to_owned();
        let range = invocation.command.range;
        let argv = &invocation.argv()[1..];
        if invocation.wrappers.iter().all(|wrapper| matches!(wrapper.name.as_str(), "command" | "builtin" | "time")) {
            self.builtin(&name, argv, range);
        }
        if let Some(body) = self.functions.get(&name).cloned().filter(|_| invocation.wrappers.iter().all(|w| w.name == "time")) {
            self.call(&name, &body, argv);
        } else if let Some(nested) = nested(&name, &invocation.arguments, invocation.program) {
            self.nested(nested, invocation);
        }
    }

    fn builtin(&mut self, name: &str, argv: &[Argument], range: TextRange) {
        match name {
            "cd" | "pushd" | "popd" => self.change_directory(name, argv, range),
            "source" | "." => self.invalidate(),
            "eval" if argv.len() != 1 || argv[0].value.constant().is_none() => self.invalidate(),
            "unset" | "read" | "mapfile" | "readarray" | "getopts" => {
                let cause = if name == "unset" { Cause::Unset } else { Cause::Read };
                for name in argv.iter().filter_map(|argument| argument.value.constant()).filter(|name| !name.starts_with('-')) {
                    let value = self.opaque(cause, range);
                    self.set(name, value, range);
                }
            }
            "printf" if argv.first().and_then(|a| a.value.constant()) == Some("-v") => {
                if let Some(name) = argv.get(1).and_then(|argument| argument.value.constant()) {
                    let value = self.opaque(Cause::Expansion, range);
                    self.set(name, value, range);
                }
            }
            "exit" | "return" => self.out.early_exits.push(range),
            "shift" => {
                if let Some(parameters) = &mut self.parameters {
                    let count = argv.first().and_then(|a| a.value.constant()).map_or(Some(1), |n| n.parse().ok());
                    match count {
                        Some(count) => drop(parameters.drain(..parameters.len().min(count))),
                        None => self.parameters = None,
                    }
                }
            }
            "set" if argv.first().is_some_and(|argument| argument.value.constant() == Some("--")) => {
                self.parameters = Some(argv[1..].iter().map(|argument| argument.value.clone()).collect());
            }
            _ => {}
        }
    }

    fn change_directory(&mut self, name: &str, argv: &[Argument], range: TextRange) {
        let target = argv.iter().find(|argument| !matches!(argument.value.constant(), Some("-P" | "-L" | "--")));
        let known = target.filter(|target| name != "popd" && !target.splittable && target.value.constant() != Some("-"));
        let value = match known {
            Some(target) if target.value.known_prefix().starts_with('/') || target.value.known_prefix().is_empty() => target.value.clone(),
            Some(target) => {
                let mut path = self.lookup("PWD", range);
                let step = target.value.known_prefix().strip_prefix("./").map_or_else(|| target.value.clone(), |_| target.value.behind(2));
                if step.constant() != Some(".") && step.constant() != Some("") {
                    path.push_text("/");
                    path.extend(&step);
                }
                path
            }
            None => self.opaque(Cause::Expansion, range),
        };
        self.set("PWD", value, range);
    }

    fn call(&mut self, name: &str, body: &Arc<Statement>, argv: &[Argument]) {
        if self.calls == MOST_CALLS {
            return;
        }
        self.calls += 1;
        let parameters = argv.iter().all(|argument| !argument.splittable).then(|| argv.iter().map(|a| a.value.clone()).collect());
        let outer_parameters = std::mem::replace(&mut self.parameters, parameters);
        let outer_local = std::mem::take(&mut self.local);
        let mark = self.journal.len();
        self.within(Frame::Call(name.to_owned()), |walker| walker.body(std::slice::from_ref(body)));
        for name in std::mem::replace(&mut self.local, outer_local) {
            let old =
                self.journal[mark.min(self.journal.len())..].iter().find(|(changed, _)| *changed == name).and_then(|(_, old)| old.clone());
            match old {
                Some(value) => self.set(&name, value, body.range),
                None => self.forget(&name),
            }
        }
        self.parameters = outer_parameters;
        self.calls -= 1;
    }

    fn nested(&mut self, nested: Nested, invocation: &Invocation) {
        let (at, frame) = match nested {
            Nested::Shell(at) => (at, Frame::Shell),
            Nested::Eval(at) => (at, Frame::Eval),
            Nested::Trap(at) => (at, Frame::Trap),
            Nested::Remote(at) => (at, Frame::Remote),
        };
        let separate = !matches!(nested, Nested::Eval(_));
        if matches!(nested, Nested::Remote(_)) && at + 1 < invocation.arguments.len() {
            let mut remote = invocation.clone();
            remote.program = at;
            remote.path.push(Frame::Remote);
            self.out.invocations.push(remote);
            return;
        }
        let argument = &invocation.arguments[at];
        let Some((body, damaged, place)) = self.nested_text(invocation, argument) else { return };
        let scope = self.scope.clone();
        self.scope.opaque |= matches!(place, Place::Opaque(_));
        self.scope.damaged |= damaged;
        if matches!(nested, Nested::Trap(_)) {
            self.scope.certainty = self.scope.certainty.max(Certainty::Conditional);
            self.scope.ignores_failure = true;
        }
        if separate {
            self.inner_shell(&body, frame);
        } else {
            self.within(frame, |walker| walker.body(&body));
        }
        self.scope = scope;
    }

    /// The statements of a text in quotes: read in place where it stands there as it is, else from the value if that is known.
    fn nested_text(&self, invocation: &Invocation, argument: &Argument) -> Option<(Vec<Statement>, bool, Place)> {
        let word = invocation.command.words.get(argument.word)?;
        let depth = 30_usize.saturating_sub(self.scope.path.len());
        let verbatim = word.parts.iter().all(|part| match &part.kind {
            PartKind::Literal { text, .. } => self.text.get(part.range.range()) == Some(text),
            PartKind::Variable(variable) => part.quoted && variable.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            PartKind::Substitution { .. }
            | PartKind::ProcessSubstitution { .. }
            | PartKind::Arithmetic
            | PartKind::Pattern(_)
            | PartKind::Interpolation => false,
        });
        let (first, last) = (word.parts.first()?, word.parts.last()?);
        let inside = TextRange { start: first.range.start, end: last.range.end };
        let one_quote = word.parts.windows(2).all(|pair| pair[0].range.end == pair[1].range.start);
        if verbatim && one_quote && !self.scope.opaque && !argument.field {
            let place = Place::Shifted(inside.start as usize);
            let (body, errors) = parse_at(&self.text[inside.range()], place, depth);
            return Some((body, !errors.is_empty(), place));
        }
        let place = Place::Opaque(word.range);
        let (body, errors) = parse_at(argument.value.constant()?, place, depth);
        Some((body, !errors.is_empty(), place))
    }
}

/// Whether expanding it runs commands or numbers a value.
fn walks(part: &Part) -> bool {
    match &part.kind {
        PartKind::Substitution { .. } | PartKind::ProcessSubstitution { .. } => true,
        PartKind::Variable(variable) => match &variable.expansion {
            Expansion::Default { word, .. } | Expansion::Alternative { word, .. } => word.parts.iter().any(walks),
            Expansion::Trim { pattern, .. } => pattern.parts.iter().any(walks),
            Expansion::Replace { pattern, replacement, .. } => pattern.parts.iter().chain(&replacement.parts).any(walks),
            Expansion::Substring { .. } | Expansion::Plain | Expansion::Required | Expansion::Other(_) => false,
        },
        PartKind::Literal { .. } | PartKind::Arithmetic | PartKind::Pattern(_) | PartKind::Interpolation => false,
    }
}

/// Splits an unquoted value at blanks.
fn split(value: &Symbolic, now: &mut Field, done: &mut Vec<Field>) {
    for atom in &value.atoms {
        let Atom::Literal(text) = atom else {
            now.value.push(atom.clone());
            (now.present, now.splittable) = (true, true);
            continue;
        };
        for (index, piece) in text.split([' ', '\t', '\n']).enumerate() {
            if index > 0 && now.present {
                done.push(std::mem::take(now));
            }
            if !piece.is_empty() {
                now.value.push_text(piece);
                now.present = true;
                now.splittable |= piece.contains(['*', '?']);
            }
        }
    }
}

fn derived(base: Symbolic, operation: Operation) -> Symbolic {
    Symbolic::atom(Atom::Derived { base: Box::new(base), operation })
}

fn apply_default(base: Symbolic, colon: bool, word: Symbolic) -> Symbolic {
    match base.constant() {
        Some("") if colon => word,
        Some(_) => base,
        None if base.atoms.iter().any(|atom| matches!(atom, Atom::Literal(_))) => base,
        None => derived(base, Operation::Default { colon, word }),
    }
}

/// The longest text that operators are applied to.
const LONGEST_OPERAND: usize = 4096;

fn trim(base: &Symbolic, end: bool, longest: bool, pattern: &Symbolic) -> Option<Symbolic> {
    let (text, pattern) = (base.constant()?, pattern.constant()?);
    if text.len() > LONGEST_OPERAND || pattern.len() > 64 || pattern.contains(['[', '\\', '(']) {
        return None;
    }
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    if longest != end {
        cuts.reverse();
    }
    let matches = |&at: &usize| matches_glob(if end { &text[at..] } else { &text[..at] }, pattern);
    let kept = cuts.into_iter().find(matches).map_or(text, |at| if end { &text[..at] } else { &text[at..] });
    Some(Symbolic::literal(kept))
}

/// `*` and `?` alone, greedily with one place to go back to.
fn matches_glob(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut sign) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(sign) {
            Some('*') => {
                star = Some((at, sign));
                sign += 1;
            }
            Some(&c) if c == '?' || c == text[at] => (at, sign) = (at + 1, sign + 1),
            Some(_) | None => {
                let Some((from, back)) = star else { return false };
                star = Some((from + 1, back));
                (at, sign) = (from + 1, back + 1);
            }
        }
    }
    pattern[sign..].iter().all(|&c| c == '*')
}

fn replace(base: &Symbolic, mode: char, pattern: &Symbolic, replacement: &Symbolic) -> Option<Symbolic> {
    let (text, pattern, replacement) = (base.constant()?, pattern.constant()?, replacement.constant()?);
    if pattern.is_empty() || pattern.contains(['*', '?', '[', '\\', '(']) || text.len() > LONGEST_OPERAND {
        return None;
    }
    let replaced = match mode {
        '/' => text.replace(pattern, replacement),
        '#' => text.strip_prefix(pattern).map_or(text.to_owned(), |rest| format!("{replacement}{rest}")),
        '%' => text.strip_suffix(pattern).map_or(text.to_owned(), |rest| format!("{rest}{replacement}")),
        _ => text.replacen(pattern, replacement, 1),
    };
    Some(Symbolic::literal(&replaced))
}

fn substring(base: &Symbolic, offset: &Symbolic, length: Option<&Symbolic>) -> Option<Symbolic> {
    let text = base.constant()?;
    let offset: usize = offset.constant()?.trim().parse().ok()?;
    let length: usize = length.map_or(Some(usize::MAX), |length| length.constant()?.trim().parse().ok())?;
    Some(Symbolic::literal(&text.chars().skip(offset).take(length).collect::<String>()))
}
