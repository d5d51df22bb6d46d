//! Command trees of tools as static data, and the walk that turns an argv into an operation along them.

use super::Arg;
use super::flags::{Reader, Table};
use super::images;
use super::operation::{Op, Operation, Positional, Role, Slot, Tool, Unknown};

/// A command with its flags, arguments and subcommands.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name, and its aliases after `|`.
    pub names: &'static str,
    /// What it does; for a group, what it does without a subcommand.
    pub op: Op,
    /// Its flags; those of a group are only known before the subcommand.
    pub flags: &'static [&'static Table],
    /// The flags that its subcommands know too.
    pub persistent: &'static [&'static Table],
    /// What the positionals are, in order.
    pub slots: &'static [Slot],
    /// What all further positionals are.
    pub rest: Option<Slot>,
    /// Whether flags end at the first positional (`SetInterspersed(false)`).
    pub flags_first: bool,
    /// Its subcommands.
    pub subcommands: &'static [Command],
    /// What the images in its flags are for.
    pub images: &'static [(&'static str, Role)],
    /// Whether its own words are known; if not, they stay unread.
    pub read: bool,
}

impl Command {
    /// A command without flags and arguments.
    pub const fn new(names: &'static str, op: Op) -> Self {
        Self {
            names,
            op,
            flags: &[],
            persistent: &[],
            slots: &[],
            rest: None,
            flags_first: false,
            subcommands: &[],
            images: &[],
            read: true,
        }
    }

    /// A command that is known by name alone.
    pub const fn unread(names: &'static str, op: Op) -> Self {
        let mut command = Self::new(names, op);
        command.read = false;
        command
    }

    /// A group of subcommands.
    pub const fn group(names: &'static str, subcommands: &'static [Self]) -> Self {
        let mut command = Self::new(names, Op::Info);
        command.subcommands = subcommands;
        command
    }

    /// With these flags.
    pub const fn flags(mut self, flags: &'static [&'static Table]) -> Self {
        self.flags = flags;
        self
    }

    /// With these flags, which its subcommands know too.
    pub const fn persistent(mut self, flags: &'static [&'static Table]) -> Self {
        self.persistent = flags;
        self
    }

    /// With these positionals.
    pub const fn takes(mut self, slots: &'static [Slot]) -> Self {
        self.slots = slots;
        self
    }

    /// With any number of further positionals.
    pub const fn then(mut self, rest: Slot) -> Self {
        self.rest = Some(rest);
        self
    }

    /// With any number of words of another command from the end of the slots on, which end the flags.
    pub const fn runs(mut self) -> Self {
        self.rest = Some(Slot::Command);
        self.flags_first = true;
        self
    }

    /// With flags that name images.
    pub const fn images(mut self, images: &'static [(&'static str, Role)]) -> Self {
        self.images = images;
        self
    }

    /// Under another name.
    pub const fn called(mut self, names: &'static str) -> Self {
        self.names = names;
        self
    }

    fn is_called(&self, name: &str) -> bool {
        self.names.split('|').any(|known| known == name)
    }
}

/// Reads `argv` along the tree of `root`, whose name is the program's.
#[must_use]
pub fn walk(root: &'static Command, tool: Tool, argv: &[Arg]) -> Operation {
    let mut operation = Operation {
        op: root.op,
        tool,
        command: Vec::new(),
        flags: Vec::new(),
        positionals: Vec::new(),
        terminator: None,
        images: Vec::new(),
        unknown: Vec::new(),
        unread: 0..0,
        remote: false,
    };
    let mut reader = Reader::new(argv, 1);
    let mut persistent = Vec::new();
    let mut command = root;
    loop {
        persistent.extend_from_slice(command.persistent);
        let tables: Vec<_> = command.flags.iter().chain(&persistent).copied().collect();
        let depth = operation.command.len();
        if command.subcommands.is_empty() {
            arguments(&mut operation, &mut reader, command, &tables);
            break;
        }
        let Some(word) = reader.positional(&tables, depth) else { break };
        let Some(next) = subcommand(command, &argv[word]) else {
            reader.unknown.push(Unknown::Command { arg: word });
            operation.op = Op::Other;
            reader.next = word;
            reader.lost = true;
            break;
        };
        command = next;
        operation.command.push(word);
        operation.op = command.op;
        operation.tool = plugin(&operation, argv);
    }
    finish(operation, reader, argv, command)
}

fn subcommand(command: &'static Command, arg: &Arg) -> Option<&'static Command> {
    command.subcommands.iter().find(|subcommand| !arg.opaque && subcommand.is_called(&arg.text))
}

/// `docker buildx` and `docker compose` are tools of their own.
fn plugin(operation: &Operation, argv: &[Arg]) -> Tool {
    let [first, ..] = operation.command.as_slice() else { return operation.tool };
    match (operation.tool, argv[*first].text.as_str()) {
        (Tool::Docker, "buildx") => Tool::Buildx,
        (Tool::Docker, "compose") => Tool::Compose,
        (tool, _) => tool,
    }
}

fn arguments(operation: &mut Operation, reader: &mut Reader<'_>, command: &Command, tables: &[&'static Table]) {
    if !command.read {
        return;
    }
    let depth = operation.command.len();
    let mut slots = command.slots.iter().copied();
    while let Some(arg) = reader.positional(tables, depth) {
        let Some(slot) = slots.next().or(command.rest) else {
            reader.unknown.push(Unknown::Extra { arg });
            operation.positionals.push(Positional { arg, slot: Slot::Name, text: reader.text(arg) });
            continue;
        };
        operation.positionals.push(Positional { arg, slot, text: reader.text(arg) });
        if command.flags_first {
            reader.end_flags();
        }
    }
}

fn finish(mut operation: Operation, reader: Reader<'_>, argv: &[Arg], command: &Command) -> Operation {
    operation.terminator = reader.terminator;
    operation.unread = reader.next..argv.len();
    if let Some(&Unknown::Flag { arg }) = reader.unknown.last().filter(|_| reader.lost) {
        operation.unread.start = arg;
    }
    operation.flags = reader.flags;
    operation.unknown = reader.unknown;
    if operation.flags.iter().any(|flag| flag.name == "help") {
        operation.op = Op::Info;
    }
    operation.images = images::uses(&operation, command.images);
    operation
}
