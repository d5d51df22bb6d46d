//! Words into symbolic arguments, commands into invocations, with the variables as they are at that point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::shell::ast::{Assignment, Command, Expansion, Part, PartKind, Script, Statement, TextRange, Word, overlaps_any};
use crate::shell::invocation::{Argument, Binding, Certainty, Evaluated, Frame, Invocation};
use crate::shell::symbolic::{Atom, Cause, Env, Symbolic};
use crate::shell::wrappers::{Stripped, strip};

/// Statements that are walked at most, function calls unrolled.
const MOST_STATEMENTS: usize = 200_000;
/// Atoms of a value that are remembered (16 bytes of text count as one).
const LARGEST_VALUE: usize = 256;

/// Walks `script` in execution order, with `initial` as its environment. A shell under `set -eo pipefail` is assumed, as GitLab's
/// runner starts it (<https://docs.gitlab.com/runner/shells/>).
#[must_use]
pub fn evaluate(script: &Script, initial: &Env) -> Evaluated {
    let mut walker = Walker {
        text: Arc::clone(&script.text),
        errors: script.errors.clone(),
        initial,
        changed: BTreeMap::new(),
        exported: BTreeSet::new(),
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

pub(super) struct Walker<'e> {
    pub(super) text: Arc<str>,
    errors: Vec<TextRange>,
    initial: &'e Env,
    /// The variables that are not as at the beginning; none where one is forgotten.
    changed: BTreeMap<String, Option<Symbolic>>,
    /// What the script exports.
    exported: BTreeSet<String>,
    /// What variables were before each change, to take the changes of a branch back.
    pub(super) journal: Vec<(String, Option<Option<Symbolic>>)>,
    pub(super) generation: u32,
    next_id: u32,
    steps: usize,
    pub(super) calls: usize,
    pub(super) functions: BTreeMap<String, Arc<Statement>>,
    /// `$1` and so on, inside of a call.
    pub(super) parameters: Option<Vec<Symbolic>>,
    /// Names that the function being called declared local.
    pub(super) local: Vec<String>,
    pub(super) scope: Scope,
    pub(super) out: Evaluated,
}

impl Walker<'_> {
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
        let old = self.changed.insert(name.to_owned(), Some(value));
        self.journal.push((name.to_owned(), old));
    }

    /// The value of a variable as it is now; none where it is not known.
    pub(super) fn known(&self, name: &str) -> Option<&Symbolic> {
        self.changed.get(name).map_or_else(|| self.initial.get(name), Option::as_ref)
    }

    /// The value that a variable had before a change.
    pub(super) fn before(&self, name: &str, old: Option<Option<Symbolic>>) -> Option<Symbolic> {
        old.unwrap_or_else(|| self.initial.get(name).cloned())
    }

    pub(super) fn forget(&mut self, name: &str) {
        let old = self.changed.insert(name.to_owned(), None);
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
            changes.entry(name.clone()).or_insert_with(|| self.known(&name).cloned());
            match old {
                Some(value) => self.changed.insert(name, value),
                None => self.changed.remove(&name),
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

    pub(super) fn invalidate(&mut self) {
        self.generation += 1;
        let changed: Vec<String> = self
            .changed
            .iter()
            .filter(|(name, value)| value.is_some() && self.initial.get(name) != value.as_ref())
            .map(|(name, _)| name.clone())
            .collect();
        for name in changed {
            self.forget(&name);
        }
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
            exported: self.exported.contains(&assignment.name) || self.initial.exported.contains(&assignment.name),
            name: assignment.name.clone(),
            value,
            range: assignment.range,
            certainty: self.scope.certainty,
            is_plain: self.scope.path.is_empty(),
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
                let old = self.changed.get(&name).cloned();
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
        let damaged = self.scope.damaged || overlaps_any(&self.errors, command.range);
        self.steps += arguments.iter().map(|argument| argument.value.size() / 8).sum::<usize>();
        let invocation = Arc::new(Invocation {
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
            unread_text: false,
        });
        let at = self.out.invocations.len();
        self.out.invocations.push(Arc::clone(&invocation));
        if !self.effect(&invocation) {
            drop(invocation);
            Arc::make_mut(&mut self.out.invocations[at]).unread_text = true;
        }
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
        PartKind::Arithmetic(inner) => inner.iter().any(walks),
        PartKind::Literal { .. } | PartKind::Pattern(_) | PartKind::Interpolation => false,
    }
}
