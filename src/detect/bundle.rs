//! Variables that hold options, as in `docker build $ARGS .`: every value that a script gives one → whether none of them changes what the command line does
//! as a whole. Knows the flags of builds that only describe the build.

use crate::docker::{self, Arg, Op, Tool, Unknown};
use crate::shell::{Argument, Atom, Env, Evaluated, Invocation, PartKind, Symbolic};

/// Flags that neither decide where the result goes nor name a builder.
const DESCRIPTIVE: &[&str] = &["annotation", "build-arg", "cache-from", "cache-to", "label", "no-cache", "progress", "pull"];
/// Stands for a bundle when the command line is read; a flag that decides nothing.
const PLACEHOLDER: &str = "--label=bundle";

/// The command line with a placeholder for each word that only holds descriptive options; none where there is no such word.
#[must_use]
pub fn without_bundles(argv: &[Arg], invocation: &Invocation, evaluated: &Evaluated, environment: &Env) -> Option<Vec<Arg>> {
    if !argv.iter().any(|arg| arg.opaque) {
        return None;
    }
    let operation = docker::operation(argv)?;
    if operation.op != Op::Build || !matches!(operation.tool, Tool::Docker | Tool::Buildx | Tool::Depot) {
        return None;
    }
    let pushes = argv.iter().any(|arg| arg.text == "--push");
    let mut plain = argv.to_vec();
    for (arg, argument) in plain.iter_mut().zip(invocation.argv()).filter(|(arg, _)| arg.opaque) {
        let values = values(argument, invocation, evaluated, environment)?;
        if values.iter().all(|value| describes(value, pushes)) {
            *arg = Arg { text: PLACEHOLDER.to_owned(), opaque: false };
        }
    }
    Some(plain)
}

/// The values that the variable of a word may have, as far as the script and the pipeline give them; none where there are none.
fn values(argument: &Argument, invocation: &Invocation, evaluated: &Evaluated, environment: &Env) -> Option<Vec<Symbolic>> {
    let word = invocation.command.words.get(argument.word)?;
    let [part] = word.parts.as_slice() else { return Some(vec![Symbolic::atom(unknown())]) };
    let PartKind::Variable(variable) = &part.kind else { return Some(vec![Symbolic::atom(unknown())]) };
    let assigned = evaluated.bindings.iter().filter(|binding| binding.name == variable.name).map(|binding| binding.value.clone());
    let values: Vec<Symbolic> = environment.get(&variable.name).cloned().into_iter().chain(assigned).collect();
    Some(if values.is_empty() { vec![Symbolic::variable(&variable.name)] } else { values })
}

fn unknown() -> Atom {
    Atom::Variable { name: "?".to_owned(), generation: 0 }
}

/// Whether a value is nothing but descriptive options; with `--push` on the line itself also names for what is pushed.
fn describes(value: &Symbolic, pushes: bool) -> bool {
    let mut text = String::new();
    for atom in &value.atoms {
        match atom {
            Atom::Literal(literal) => text.push_str(literal),
            Atom::Variable { name, .. } => text.push_str(&format!("${{{name}}}")),
            Atom::Opaque { .. } | Atom::Derived { .. } => return false,
        }
    }
    let words = text.split_whitespace();
    let argv: Vec<Arg> =
        ["docker", "build"].into_iter().chain(words).chain(["."]).map(|word| Arg { text: word.to_owned(), opaque: false }).collect();
    let Some(operation) = docker::operation(&argv) else { return false };
    let read = operation.unread.is_empty() && operation.unknown.iter().all(|unknown| matches!(unknown, Unknown::Value { .. }));
    let known = |name: &str| DESCRIPTIVE.contains(&name) || (pushes && name == "tag");
    read && operation.positionals.len() == 1 && operation.flags.iter().all(|flag| known(flag.name))
}
