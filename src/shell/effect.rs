//! What commands do to the shell that runs them, and the texts and functions that they run in turn.

use std::sync::Arc;

use crate::shell::ast::{PartKind, Statement, TextRange};
use crate::shell::evaluate::Walker;
use crate::shell::invocation::{Argument, Certainty, Frame, Invocation};
use crate::shell::parse::{Place, parse_at};
use crate::shell::symbolic::Cause;
use crate::shell::wrappers::{Nested, nested};

/// Calls of functions within one another that are followed.
const MOST_CALLS: usize = 8;

impl Walker<'_> {
    /// What the command does to this shell, and the commands that it runs in turn; false where it runs a text that is not known.
    pub(super) fn effect(&mut self, invocation: &Invocation) -> bool {
        let Some(name) = invocation.name() else { return true };
        let name = name.to_owned();
        let range = invocation.command.range;
        let argv = &invocation.argv()[1..];
        if invocation.wrappers.iter().all(|wrapper| matches!(wrapper.name.as_str(), "command" | "builtin" | "time")) {
            self.builtin(&name, argv, range);
        }
        if let Some(body) = self.functions.get(&name).cloned().filter(|_| invocation.wrappers.iter().all(|w| w.name == "time")) {
            self.call(&name, &body, argv);
        } else if let Some(nested) = nested(&name, &invocation.arguments, invocation.program) {
            return self.nested(nested, invocation);
        }
        true
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
            let changed = self.journal[mark.min(self.journal.len())..].iter().find(|(changed, _)| *changed == name);
            match changed.and_then(|(_, old)| self.before(&name, old.clone())) {
                Some(value) => self.set(&name, value, body.range),
                None => self.forget(&name),
            }
        }
        self.parameters = outer_parameters;
        self.calls -= 1;
    }

    fn nested(&mut self, nested: Nested, invocation: &Invocation) -> bool {
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
            self.out.invocations.push(Arc::new(remote));
            return true;
        }
        let argument = &invocation.arguments[at];
        let Some((body, damaged, place)) = self.nested_text(invocation, argument) else { return false };
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
        true
    }

    /// The statements of a text in quotes: read in place where it stands there as it is, else from the value if that is known.
    fn nested_text(&self, invocation: &Invocation, argument: &Argument) -> Option<(Vec<Statement>, bool, Place)> {
        let word = invocation.command.words.get(argument.word)?;
        let depth = 30_usize.saturating_sub(self.scope.path.len());
        let verbatim = word.parts.iter().all(|part| match &part.kind {
            PartKind::Literal { text, .. } => self.text.get(part.range.range()) == Some(text),
            PartKind::Variable(variable) => {
                // In a text that was decoded, the place is that of the whole text.
                let stands_there = self.text.get(part.range.range()).is_some_and(|text| text.starts_with('$'));
                part.quoted && stands_there && variable.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }
            PartKind::Substitution { .. }
            | PartKind::ProcessSubstitution { .. }
            | PartKind::Arithmetic(_)
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
