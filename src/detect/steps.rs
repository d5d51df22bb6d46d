//! A job's scripts into steps: every command in execution order with its place, its docker operation, and the block of statements it stands in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::detect::builder::{self, Driver};
use crate::detect::bundle::without_bundles;
use crate::detect::commands::{self, Program};
use crate::detect::variables::{expand, varies};
use crate::docker::{self, Arg, Op, Operation, Unknown};
use crate::pipeline::{Job, Script};
use crate::shell::{self, Atom, Env, Evaluated, Invocation, Statement, StatementKind, Symbolic, TextRange};

/// One command of a job.
#[derive(Clone, Debug)]
pub struct Step {
    /// As the shell runs it.
    pub invocation: Arc<Invocation>,
    /// The program and its arguments, with variables as `${NAME}`.
    pub argv: Vec<Arg>,
    /// What it asks a container tool to do.
    pub operation: Option<Operation>,
    /// What is known of the program where it is no container tool.
    pub program: Program,
    /// The blocks of statements around it, outermost first; equal for two steps that run one after the other under the same conditions.
    pub block: Vec<Block>,
    /// Where it is done, if it is a build by `docker` or Buildx.
    pub driver: Driver,
}

/// A list of statements within a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Where the statement that holds the list begins, in bytes of the script's text.
    pub statement: u32,
    /// Which of its lists: a condition and its body count separately.
    pub part: u32,
}

impl Step {
    /// The bytes of the command in the script's text, wrappers and redirections included.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.invocation.command.range.range()
    }

    /// The bytes of the whole statement it belongs to, with `&&`, `|` and all.
    #[must_use]
    pub fn statement(&self) -> Range<usize> {
        self.invocation.statement.range()
    }

    /// The folder it runs in, relative to the one in which the job's script begins (the repository): empty for that one; none where it is not known.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        let atoms = match self.invocation.directory.atoms.as_slice() {
            [Atom::Variable { name, generation: 0 }, rest @ ..] if name == "PWD" || name == "CI_PROJECT_DIR" => rest,
            rest => rest,
        };
        let path = match atoms {
            [] => "",
            [Atom::Literal(path)] => path,
            _ => return None,
        };
        let outside = path.contains("..") || (path.starts_with('/') && atoms.len() == self.invocation.directory.atoms.len());
        (!outside).then(|| path.trim_matches('/').to_owned())
    }

    /// The name of the program, where it is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.invocation.name()
    }

    /// The text of the argument `index` (0 is the program) where it is constant.
    #[must_use]
    pub fn constant(&self, index: usize) -> Option<&str> {
        self.invocation.argv().get(index)?.value.constant()
    }
}

/// One of a job's two scripts: `before_script` with `script`, or `after_script`.
#[derive(Clone, Debug)]
pub struct JobShell {
    /// The parsed text.
    pub script: Arc<shell::Script>,
    /// What it does.
    pub evaluated: Evaluated,
    /// Its commands, in execution order.
    pub steps: Vec<Step>,
}

impl JobShell {
    /// Reads one of the scripts of `job`.
    #[must_use]
    pub fn read(job: &Job, script: &Script) -> Self {
        Self::new(script, Arc::new(shell::parse(&script.text, shell::Limits::default())), &environment(job))
    }

    /// Reads shell text of which nothing is known from outside.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::evaluated(Arc::new(shell::parse(text, shell::Limits::default())), &Env::default())
    }

    pub(super) fn new(script: &Script, parsed: Arc<shell::Script>, environment: &Env) -> Self {
        debug_assert_eq!(script.text.len(), parsed.text.len());
        Self::evaluated(parsed, environment)
    }

    pub(super) fn evaluated(parsed: Arc<shell::Script>, environment: &Env) -> Self {
        let evaluated = shell::evaluate(&parsed, environment);
        let mut names = Names::default();
        let invocations = evaluated.invocations.iter();
        let mut steps: Vec<Step> = invocations.map(|invocation| step(invocation, &parsed, &evaluated, environment, &mut names)).collect();
        builder::mark(&mut steps, environment, &evaluated.bindings);
        Self { script: parsed, evaluated, steps }
    }

    /// The same script with nothing known from outside: what YAML sets, somebody may set otherwise when a pipeline runs.
    #[must_use]
    pub fn from_nothing(&self) -> Self {
        Self::evaluated(Arc::clone(&self.script), &Env::default())
    }

    /// The text of `range` of the script.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> &str {
        self.script.text.get(range).unwrap_or_default()
    }

    /// Whether one of `names` is assigned by a statement between the bytes `range` of the script.
    #[must_use]
    pub fn assigns_within(&self, range: &Range<usize>, names: &[String]) -> bool {
        let within = |place: TextRange| range.start <= place.start as usize && (place.start as usize) < range.end;
        self.evaluated.bindings.iter().any(|binding| within(binding.range) && names.contains(&binding.name))
    }
}

/// What a job's shell starts with: the variables that YAML sets and no rule or matrix changes.
#[must_use]
pub fn environment(job: &Job) -> Env {
    let mut environment = Env::default();
    for (name, variable) in &job.variables {
        if varies(job, name) {
            continue;
        }
        if let Some(text) = variable.text() {
            let value = if variable.expands() { Symbolic::from_gitlab(&expand(job, &text)) } else { Symbolic::literal(&text) };
            environment.set(name, value);
        }
    }
    environment
}

fn step(invocation: &Arc<Invocation>, script: &shell::Script, evaluated: &Evaluated, environment: &Env, names: &mut Names) -> Step {
    let argv: Vec<Arg> = invocation
        .argv()
        .iter()
        .map(|argument| Arg { text: names.text(&argument.value), opaque: argument.splittable && lone(&argument.value) })
        .collect();
    let operation = if invocation.is_remote() || argv.is_empty() {
        None
    } else {
        read(without_bundles(&argv, invocation, evaluated, environment).as_deref().unwrap_or(&argv))
    };
    let program = if operation.is_some() { Program::Neutral } else { program(invocation, evaluated) };
    Step {
        invocation: Arc::clone(invocation),
        argv,
        operation,
        program,
        block: block(&script.body, invocation.command.range),
        driver: Driver::Unknown,
    }
}

/// Whether nothing but an expansion makes the word, so that it may hold options. A reference such as `$IMAGE:latest` is one word to everybody.
fn lone(value: &Symbolic) -> bool {
    value.atoms.len() == 1 && value.constant().is_none()
}

/// Reads a command line. An unquoted `$IMAGE` may become several words, but where a command takes images only, or a build has no other context,
/// it is meant as one.
fn read(argv: &[Arg]) -> Option<Operation> {
    let operation = docker::operation(argv)?;
    let lone: Vec<usize> =
        operation.unknown.iter().filter_map(|unknown| if let Unknown::Word { arg } = unknown { Some(*arg) } else { None }).collect();
    let meant = match operation.op {
        Op::Push | Op::Pull | Op::Tag | Op::Login | Op::Logout | Op::Manifest | Op::Imagetools | Op::Inspect | Op::Clean => {
            !lone.is_empty()
        }
        Op::Build => lone.len() == 1 && operation.positionals.iter().all(|positional| positional.arg == lone[0]),
        Op::Bake
        | Op::Run
        | Op::Exec
        | Op::Save
        | Op::Load
        | Op::Import
        | Op::ComposeBuild
        | Op::ComposePush
        | Op::ComposeUp
        | Op::ComposeRun
        | Op::Builder
        | Op::Context
        | Op::Wait
        | Op::Info
        | Op::Other => false,
    };
    if !meant {
        return Some(operation);
    }
    let argv: Vec<Arg> =
        argv.iter().enumerate().map(|(at, arg)| Arg { opaque: arg.opaque && !lone.contains(&at), ..arg.clone() }).collect();
    docker::operation(&argv)
}

fn program(invocation: &Invocation, evaluated: &Evaluated) -> Program {
    let argv = invocation.argv();
    let Some(first) = argv.first() else { return Program::Neutral };
    if invocation.is_remote() {
        return Program::Neutral;
    }
    if invocation.unread_text {
        return Program::Opaque;
    }
    let Some(name) = first.value.constant() else { return Program::Opaque };
    if evaluated.functions.iter().any(|function| function == name) {
        return Program::Neutral;
    }
    let arguments: Vec<Option<String>> = argv[1..].iter().map(|argument| argument.value.constant().map(str::to_owned)).collect();
    commands::program(name, &arguments)
}

/// Numbers for what has no name.
#[derive(Default)]
struct Names(BTreeMap<Atom, usize>);

impl Names {
    fn text(&mut self, value: &Symbolic) -> String {
        let mut text = String::new();
        for atom in &value.atoms {
            match atom {
                Atom::Literal(literal) => text.push_str(literal),
                Atom::Variable { name, generation: 0 } => text.push_str(&format!("${{{name}}}")),
                Atom::Variable { .. } | Atom::Opaque { .. } | Atom::Derived { .. } => {
                    let next = self.0.len();
                    let number = *self.0.entry(atom.clone()).or_insert(next);
                    text.push_str(&format!("${{?{number}}}"));
                }
            }
        }
        text
    }
}

/// The blocks around the byte range `place`, outermost first.
fn block(body: &[Statement], place: TextRange) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lists: Vec<&[Statement]> = vec![body];
    while let Some(list) = lists.pop() {
        let Some(statement) = holding(list, place) else { break };
        let inner = inner_lists(statement);
        let found = inner.iter().position(|list| holding(list, place).is_some());
        if let Some(part) = found {
            blocks.push(Block { statement: statement.range.start, part: u32::try_from(part).expect("few parts") });
            lists.push(inner[part]);
        }
    }
    blocks
}

/// The first of `list`, which are in source order, that holds `place`.
fn holding(list: &[Statement], place: TextRange) -> Option<&Statement> {
    let first = list.partition_point(|statement| statement.range.end < place.start);
    list[first..].iter().take_while(|statement| statement.range.start <= place.start).find(|statement| statement.range.contains(place))
}

/// The lists of statements directly in a statement. The operands of `&&` and the stages of a pipeline run under the conditions of their
/// statement, so their own lists count as the statement's.
fn inner_lists(statement: &Statement) -> Vec<&[Statement]> {
    match &statement.kind {
        StatementKind::Command(_) | StatementKind::Test(_) | StatementKind::Error => Vec::new(),
        StatementKind::List { first, rest } => {
            let operands = std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand));
            operands.flat_map(inner_lists).collect()
        }
        StatementKind::Pipeline { stages, .. } => stages.iter().flat_map(inner_lists).collect(),
        StatementKind::If { branches, otherwise } => {
            let branches = branches.iter().flat_map(|branch| [branch.condition.as_slice(), branch.body.as_slice()]);
            branches.chain(otherwise.as_deref()).collect()
        }
        StatementKind::For { body, .. } => vec![body],
        StatementKind::While { condition, body, .. } => vec![condition, body],
        StatementKind::Case { arms, .. } => arms.iter().map(|arm| arm.body.as_slice()).collect(),
        StatementKind::Function { body, .. } => vec![std::slice::from_ref(&**body)],
        StatementKind::Group(body) | StatementKind::Subshell(body) => vec![body],
    }
}
