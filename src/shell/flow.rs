//! Statements in execution order: branches, loops, functions, and what each leaves certain.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::shell::ast::{Arm, Branch, Command, ListOperator, Statement, StatementKind, TextRange, Word};
use crate::shell::evaluate::{Changes, Walker};
use crate::shell::invocation::{Certainty, Frame, Side};
use crate::shell::symbolic::Cause;

impl Walker<'_> {
    pub(super) fn body(&mut self, statements: &[Statement]) {
        for statement in statements {
            if !self.step() {
                return;
            }
            let outer = std::mem::replace(&mut self.scope.statement, statement.range);
            if statement.background {
                let ignores = std::mem::replace(&mut self.scope.ignores_failure, true);
                self.branch(|walker| walker.within(Frame::Background, |walker| walker.statement(statement)));
                self.scope.ignores_failure = ignores;
            } else {
                self.statement(statement);
            }
            self.scope.statement = outer;
        }
    }

    fn statement(&mut self, statement: &Statement) {
        for redirection in &statement.redirections {
            self.redirection_target(redirection);
        }
        match &statement.kind {
            StatementKind::Command(command) => self.command(command),
            StatementKind::List { first, rest } => self.list(first, rest),
            StatementKind::Pipeline { negated, stages } => self.pipeline(*negated, stages),
            StatementKind::If { branches, otherwise } => self.conditional(branches, otherwise.as_deref(), statement.range),
            StatementKind::For { variable, words, body } => self.iteration(variable, words.as_deref(), body, statement.range),
            StatementKind::While { condition, body, .. } => self.repetition(condition, body, statement.range),
            StatementKind::Case { subject, arms } => self.case(subject, arms, statement.range),
            StatementKind::Function { name, body } => self.definition(name, body),
            StatementKind::Group(body) => self.within(Frame::Group, |walker| walker.body(body)),
            StatementKind::Subshell(body) => self.inner_shell(body, Frame::Subshell),
            StatementKind::Test(words) => {
                for word in words {
                    self.expand(word);
                }
            }
            StatementKind::Error => {}
        }
    }

    /// The right side of `&&` counts as certain unless something before it is a test: nothing before is taken to fail.
    fn list(&mut self, first: &Statement, rest: &[(ListOperator, Statement)]) {
        // Whether an `||` behind an operand goes on after its failure, from the last operand backwards.
        let mut forgiven = vec![false; rest.len() + 1];
        for (index, (operator, right)) in rest.iter().enumerate().rev() {
            forgiven[index] = forgiven[index + 1] || (*operator == ListOperator::Or && !stops(right));
        }
        let mut doubtful = is_test(first);
        let outer = self.scope.clone();
        if let Some((operator, _)) = rest.first() {
            self.scope.ignores_failure |= forgiven[0] || doubtful;
            self.within(Frame::List(*operator, Side::Left), |walker| walker.statement(first));
        }
        for (index, (operator, right)) in rest.iter().enumerate() {
            self.scope = outer.clone();
            self.scope.ignores_failure |= forgiven[index + 1];
            let frame = Frame::List(*operator, Side::Right);
            if *operator == ListOperator::And && !doubtful {
                self.within(frame, |walker| walker.statement(right));
            } else {
                self.scope.certainty = outer.certainty.max(Certainty::Conditional);
                let changes = self.branch(|walker| walker.within(frame, |walker| walker.statement(right)));
                self.merge(vec![changes], false, right.range);
            }
            doubtful |= is_test(right);
        }
        self.scope = outer;
    }

    fn pipeline(&mut self, negated: bool, stages: &[Statement]) {
        let outer = self.scope.clone();
        if negated {
            self.scope.path.push(Frame::Negated);
            self.scope.ignores_failure = true;
        }
        if let [only] = stages {
            self.statement(only);
        } else {
            for (stage, statement) in stages.iter().enumerate() {
                let frame = Frame::Pipeline { stage, of: stages.len() };
                self.branch(|walker| walker.within(frame, |walker| walker.statement(statement)));
            }
        }
        self.scope = outer;
    }

    fn conditional(&mut self, branches: &[Branch], otherwise: Option<&[Statement]>, range: TextRange) {
        let outer = self.scope.clone();
        let mut all = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            self.scope = outer.clone();
            self.scope.ignores_failure = true;
            if index > 0 {
                self.scope.certainty = outer.certainty.max(Certainty::Conditional);
            }
            self.within(Frame::If { branch: index, condition: true }, |walker| walker.body(&branch.condition));
            all.push(self.conditional_body(&outer, Frame::If { branch: index, condition: false }, &branch.body));
        }
        if let Some(body) = otherwise {
            all.push(self.conditional_body(&outer, Frame::If { branch: branches.len(), condition: false }, body));
        }
        self.scope = outer;
        self.merge(all, otherwise.is_some(), range);
    }

    fn conditional_body(&mut self, outer: &crate::shell::evaluate::Scope, frame: Frame, body: &[Statement]) -> Changes {
        self.scope = outer.clone();
        self.scope.certainty = outer.certainty.max(Certainty::Conditional);
        self.branch(|walker| walker.within(frame, |walker| walker.body(body)))
    }

    /// What variables are after one of several branches ran, or none if not `exhaustive`.
    fn merge(&mut self, branches: Vec<Changes>, exhaustive: bool, range: TextRange) {
        let names: BTreeSet<String> = branches.iter().flat_map(|changes| changes.keys().cloned()).collect();
        for name in names {
            let before = self.known(&name).cloned();
            let mut values = branches.iter().map(|changes| changes.get(&name).unwrap_or(&before)).chain((!exhaustive).then_some(&before));
            let Some(first) = values.next() else { continue };
            let agreed = values.all(|value| value == first).then(|| first.clone()).flatten();
            let value = agreed.unwrap_or_else(|| self.opaque(Cause::Branch, range));
            self.set(&name, value, range);
        }
    }

    fn iteration(&mut self, variable: &str, words: Option<&[Word]>, body: &[Statement], range: TextRange) {
        for word in words.unwrap_or_default() {
            self.expand(word);
        }
        self.repeat(&[], body, (!variable.is_empty()).then_some(variable), range);
    }

    fn repetition(&mut self, condition: &[Statement], body: &[Statement], range: TextRange) {
        self.repeat(condition, body, None, range);
    }

    fn repeat(&mut self, condition: &[Statement], body: &[Statement], variable: Option<&str>, range: TextRange) {
        let outer = self.scope.clone();
        let mut names = BTreeSet::new();
        names.extend(variable.map(str::to_owned));
        assigned_names(condition, &mut names);
        assigned_names(body, &mut names);
        let changes = self.branch(|walker| {
            for name in &names {
                let value = walker.opaque(Cause::Loop, range);
                walker.set(name, value, range);
            }
            walker.scope.certainty = Certainty::Repeated;
            let ignores = std::mem::replace(&mut walker.scope.ignores_failure, true);
            walker.within(Frame::Loop { condition: true }, |walker| walker.body(condition));
            walker.scope.ignores_failure = ignores;
            walker.within(Frame::Loop { condition: false }, |walker| walker.body(body));
        });
        self.scope = outer;
        self.merge(vec![changes], false, range);
    }

    fn case(&mut self, subject: &Word, arms: &[Arm], range: TextRange) {
        self.expand(subject);
        let outer = self.scope.clone();
        let mut all = Vec::new();
        let mut exhaustive = false;
        for (index, arm) in arms.iter().enumerate() {
            exhaustive |= arm.patterns.iter().any(is_anything);
            all.push(self.conditional_body(&outer, Frame::Case(index), &arm.body));
        }
        self.scope = outer;
        self.merge(all, exhaustive, range);
    }

    fn definition(&mut self, name: &str, body: &Arc<Statement>) {
        self.functions.insert(name.to_owned(), Arc::clone(body));
        let outer = self.scope.clone();
        self.scope.certainty = outer.certainty.max(Certainty::Conditional);
        let exits = self.out.early_exits.len();
        let bindings = self.out.bindings.len();
        self.branch(|walker| walker.within(Frame::Definition(name.to_owned()), |walker| walker.body(std::slice::from_ref(body))));
        self.out.early_exits.truncate(exits);
        self.out.bindings.truncate(bindings);
        self.scope = outer;
    }
}

fn is_anything(pattern: &Word) -> bool {
    use crate::shell::ast::PartKind;
    matches!(pattern.parts.as_slice(), [only] if matches!(&only.kind, PartKind::Pattern(text) if text == "*"))
}

/// Whether a statement is made to fail on some runs.
fn is_test(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Test(_) => true,
        StatementKind::Pipeline { negated, stages } => *negated || stages.last().is_some_and(is_test),
        StatementKind::Group(body) | StatementKind::Subshell(body) => body.last().is_some_and(is_test),
        StatementKind::List { first, rest } => is_test(first) || rest.iter().any(|(_, right)| is_test(right)),
        StatementKind::Command(command) => {
            let name = command_name(command);
            matches!(
                name.as_str(),
                "[" | "test" | "false" | "grep" | "egrep" | "fgrep" | "which" | "type" | "hash" | "command" | "cmp" | "diff"
            )
        }
        StatementKind::If { .. }
        | StatementKind::For { .. }
        | StatementKind::While { .. }
        | StatementKind::Case { .. }
        | StatementKind::Function { .. }
        | StatementKind::Error => false,
    }
}

/// Whether a statement behind `||` ends the script or fails itself.
fn stops(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Command(command) => matches!(command_name(command).as_str(), "exit" | "return" | "false" | "kill"),
        StatementKind::Group(body) | StatementKind::Subshell(body) => body.iter().any(stops),
        StatementKind::List { first, rest } => stops(first) || rest.iter().any(|(_, right)| stops(right)),
        StatementKind::Pipeline { negated, .. } => *negated,
        StatementKind::Test(_) | StatementKind::Error => true,
        StatementKind::If { .. }
        | StatementKind::For { .. }
        | StatementKind::While { .. }
        | StatementKind::Case { .. }
        | StatementKind::Function { .. } => false,
    }
}

fn command_name(command: &Command) -> String {
    command.words.first().and_then(Word::literal).unwrap_or_default()
}

/// The variables that statements assign in this shell, as far as their text tells.
fn assigned_names(statements: &[Statement], names: &mut BTreeSet<String>) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Command(command) => command_names(command, names),
            StatementKind::List { first, rest } => {
                assigned_names(std::slice::from_ref(first), names);
                for (_, right) in rest {
                    assigned_names(std::slice::from_ref(right), names);
                }
            }
            StatementKind::If { branches, otherwise } => {
                for branch in branches {
                    assigned_names(&branch.condition, names);
                    assigned_names(&branch.body, names);
                }
                assigned_names(otherwise.as_deref().unwrap_or_default(), names);
            }
            StatementKind::For { variable, body, .. } => {
                names.extend((!variable.is_empty()).then(|| variable.clone()));
                assigned_names(body, names);
            }
            StatementKind::While { condition, body, .. } => {
                assigned_names(condition, names);
                assigned_names(body, names);
            }
            StatementKind::Case { arms, .. } => arms.iter().for_each(|arm| assigned_names(&arm.body, names)),
            StatementKind::Function { body, .. } => assigned_names(std::slice::from_ref(body), names),
            StatementKind::Group(body) => assigned_names(body, names),
            StatementKind::Pipeline { stages, .. } => {
                if let [only] = stages.as_slice() {
                    assigned_names(std::slice::from_ref(only), names);
                }
            }
            StatementKind::Subshell(_) | StatementKind::Test(_) | StatementKind::Error => {}
        }
    }
}

fn command_names(command: &Command, names: &mut BTreeSet<String>) {
    names.extend(command.declared.iter().map(|assignment| assignment.name.clone()));
    if command.words.is_empty() {
        names.extend(command.assignments.iter().map(|assignment| assignment.name.clone()));
    }
    match command_name(command).as_str() {
        "cd" | "pushd" | "popd" => names.extend(["PWD".to_owned()]),
        "read" | "unset" | "getopts" | "mapfile" => {
            names.extend(command.words[1..].iter().filter_map(Word::literal).filter(|n| !n.starts_with('-')))
        }
        _ => {}
    }
}
