//! What a command line asks a container tool to do: the typed operation, its flags, words and images.

use std::collections::BTreeSet;
use std::ops::Range;

use super::attributes::Attributes;

/// What is done, by the names that `undind inspect --format json` prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Builds one image from a Dockerfile.
    Build,
    /// Builds the targets of a bake file.
    Bake,
    /// Sends an image to a registry.
    Push,
    /// Fetches an image from a registry.
    Pull,
    /// Names an image again.
    Tag,
    /// Stores credentials of a registry.
    Login,
    /// Forgets credentials of a registry.
    Logout,
    /// Runs a container.
    Run,
    /// Runs a command in a running container.
    Exec,
    /// Writes images to an archive.
    Save,
    /// Reads images from an archive.
    Load,
    /// Makes an image of a file system archive.
    Import,
    /// Makes, reads or pushes a manifest list.
    Manifest,
    /// Works on images in the registry with `docker buildx imagetools`.
    Imagetools,
    /// Builds the services of a Compose file.
    ComposeBuild,
    /// Pushes the images of a Compose file.
    ComposePush,
    /// Starts the services of a Compose file.
    ComposeUp,
    /// Runs one service of a Compose file once.
    ComposeRun,
    /// Creates, selects or removes a builder.
    Builder,
    /// Creates, selects or removes a Docker context.
    Context,
    /// Reads the details of an object.
    Inspect,
    /// Waits for a container or daemon.
    Wait,
    /// Stops or removes things.
    Clean,
    /// Prints a state or a version.
    Info,
    /// Anything else.
    Other,
}

/// Whose command line it is, by the names that `undind inspect --format json` prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// The Docker client without its plugins.
    Docker,
    /// `docker buildx` or `docker-buildx`.
    Buildx,
    /// `docker compose` or `docker-compose`.
    Compose,
    /// Kaniko's executor.
    Kaniko,
    /// Buildah.
    Buildah,
    /// Podman.
    Podman,
    /// Depot's client.
    Depot,
    /// Dagger's client.
    Dagger,
    /// `crane` of go-containerregistry.
    Crane,
    /// Skopeo.
    Skopeo,
}

/// A command line that was read. Every word of it is the program, in `command`, in a flag's `words`, the `terminator`, a
/// positional or in `unread`; only the flags of one cluster share a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// What is done.
    pub op: Op,
    /// Who does it.
    pub tool: Tool,
    /// The indices of the subcommand words: `buildx build` of `docker buildx build`.
    pub command: Vec<usize>,
    /// The flags, in the order in which they were written.
    pub flags: Vec<Flag>,
    /// The words which are neither subcommand nor flag.
    pub positionals: Vec<Positional>,
    /// The index of the `--` that ended the flags.
    pub terminator: Option<usize>,
    /// The images that are named in flags and positionals.
    pub images: Vec<ImageUse>,
    /// What was not understood; a command line with any of it must not be rewritten.
    pub unknown: Vec<Unknown>,
    /// The words that were not read: an unknown flag and all after it, or the words of a command without a table.
    pub unread: Range<usize>,
    /// Whether a builder that is not on the daemon surely does it. No command line says that by itself, so that it is not set here.
    pub remote: bool,
}

impl Operation {
    /// The flags called `name`, at any depth.
    pub fn flags_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(move |flag| flag.name == name)
    }

    /// The flag called `name` that counts (the last one), among the subcommand's own flags.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == name && flag.depth == self.command.len())
    }

    /// The flag called `name` that counts, among those before the subcommand; `--host`, `--config`, `--context`, `--tls…`.
    #[must_use]
    pub fn global(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == name && flag.depth < self.command.len().max(1))
    }

    /// The value of the flag called `name` that counts.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.flag(name).and_then(|flag| flag.value.as_deref())
    }

    /// Whether the switch called `name` is on; `None` where its value isn't a constant.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.flag(name).map_or(Some(false), Flag::is_on)
    }

    /// The positionals in the role `slot`.
    pub fn slot(&self, slot: Slot) -> impl Iterator<Item = &Positional> {
        self.positionals.iter().filter(move |positional| positional.slot == slot)
    }

    /// The images in the role `role`.
    pub fn images_as(&self, role: Role) -> impl Iterator<Item = &ImageUse> {
        self.images.iter().filter(move |image| image.role == role)
    }

    /// The build context: a path, a URL or `-`.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        let positional = self.slot(Slot::Context).next().map(|positional| positional.text.as_str());
        positional.or_else(|| (self.tool == Tool::Kaniko).then(|| self.value("context")).flatten())
    }

    /// The registry that is logged in to or out of, as written; Docker takes its absence for Docker Hub.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        self.slot(Slot::Registry).next().map(|positional| positional.text.as_str())
    }

    /// The platforms that `--platform` names, as far as they are written out, each once.
    #[must_use]
    pub fn platforms(&self) -> BTreeSet<&str> {
        let values = self.flags_named("platform").filter_map(|flag| flag.value.as_deref());
        values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|platform| !platform.is_empty() && !platform.contains("${"))
            .collect()
    }

    /// What a build writes besides its own cache: `--output`, and `--push` and `--load` in those words.
    #[must_use]
    pub fn outputs(&self) -> Vec<Attributes> {
        let written = self.flags_named("output").filter_map(|flag| Attributes::output(flag.value.as_deref()?));
        let short = [("push", "type=registry"), ("load", "type=docker")];
        let short = short.into_iter().filter(|&(name, _)| self.switch(name) == Some(true));
        written.chain(short.filter_map(|(_, output)| Attributes::output(output))).collect()
    }

    /// Whether a build pushes what it builds; `None` where that depends on a variable or on a file.
    #[must_use]
    pub fn pushes(&self) -> Option<bool> {
        match self.op {
            Op::Push | Op::ComposePush => Some(true),
            Op::Build | Op::Bake | Op::ComposeBuild if self.tool == Tool::Kaniko => self.switch("no-push").map(|no_push| !no_push),
            Op::Build | Op::Bake | Op::ComposeBuild => {
                let by_flag = self.switch("push");
                if self.outputs().iter().any(Attributes::pushes) { Some(true) } else { by_flag }
            }
            _ if self.unknown.is_empty() => Some(self.images_as(Role::Pushed).next().is_some()),
            _ => None,
        }
    }

    /// The host paths and volumes that `run` and `create` mount, as written in `--volume` and `--mount`.
    pub fn mounts(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().filter(|flag| matches!(flag.name, "volume" | "mount"))
    }
}

/// A flag with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// Its canonical long name without dashes, empty for an unknown flag written with `=`.
    pub name: &'static str,
    /// As written, with dashes, without the value: `--tag` or `-t`.
    pub spelled: String,
    /// The value, symbolic like the word it comes from.
    pub value: Option<String>,
    /// Where the value begins: index of the word and byte offset in its text.
    pub value_at: Option<(usize, usize)>,
    /// The indices of the words that make it, one or two; the flags of a cluster share one.
    pub words: Range<usize>,
    /// How it is spelled.
    pub form: Form,
    /// Whether every occurrence counts, not the last alone.
    pub list: bool,
    /// How many subcommand words stand before it: 0 for `docker --context x build`, 1 for a flag of `build`.
    pub depth: usize,
}

impl Flag {
    /// Whether a switch is on, by Go's `strconv.ParseBool`; `None` where its value isn't a constant.
    #[must_use]
    pub fn is_on(&self) -> Option<bool> {
        match self.value.as_deref() {
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
            Some(_) => None,
        }
    }

    /// The value's `key=value` fields, or its parts at commas.
    #[must_use]
    pub fn attributes(&self) -> Option<Attributes> {
        Attributes::parse(self.value.as_deref()?)
    }
}

/// How a flag is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `--tag X` or `--pull`.
    Long,
    /// `--tag=X`.
    LongEquals,
    /// `-t X` or `-q`, alone in its word.
    Letter,
    /// `-tX`, `-t=X` or in a cluster such as `-itd`, `-it X`.
    Letters {
        /// The byte offset of the letter in its word.
        at: usize,
    },
}

/// A word which is neither subcommand nor flag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Positional {
    /// The index of the word.
    pub arg: usize,
    /// What the command takes it for.
    pub slot: Slot,
    /// Its symbolic text.
    pub text: String,
}

/// What a command takes a positional for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// An image.
    Image(Role),
    /// A build context.
    Context,
    /// A registry's host.
    Registry,
    /// A word of the command that a container runs.
    Command,
    /// A container.
    Container,
    /// A Compose service.
    Service,
    /// A bake target.
    Target,
    /// A file or folder.
    Path,
    /// A builder, Docker context or endpoint, network, volume, build or other object.
    Name,
}

/// An image that an operation names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageUse {
    /// What happens to it.
    pub role: Role,
    /// The reference without a transport, symbolic.
    pub text: String,
    /// The transport where it isn't the registry or daemon that the tool uses anyway: `docker-daemon`, `containers-storage`.
    pub transport: Option<String>,
    /// The index of the word that names it.
    pub arg: usize,
    /// The byte offset of `text` in that word, `None` where quotes in a value hide it.
    pub at: Option<usize>,
}

/// What happens to an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// A build gives it this name.
    Built,
    /// It gets this name besides another one.
    Tagged,
    /// It is sent to its registry.
    Pushed,
    /// It is fetched from its registry.
    Pulled,
    /// A container is made of it.
    Run,
    /// A build reads its layers as a cache.
    CacheFrom,
    /// A build writes its cache there.
    CacheTo,
    /// It is read: tagged, copied, put into a manifest list or used as a base.
    Source,
    /// It is written from a source, in a registry.
    Destination,
    /// It is removed.
    Removed,
    /// Its details are read.
    Inspected,
    /// It is written to an archive.
    Saved,
}

/// A part of a command line that was not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unknown {
    /// A flag that is in no table; unless it has a `=`, nothing after it was read.
    Flag {
        /// The index of the word.
        arg: usize,
    },
    /// A subcommand that isn't known or not constant.
    Command {
        /// The index of the word.
        arg: usize,
    },
    /// A word among flags and positionals that may turn into any number of words.
    Word {
        /// The index of the word.
        arg: usize,
    },
    /// A flag's value (or flag and value) that may turn into any number of words.
    Value {
        /// The index of the word.
        arg: usize,
    },
    /// A flag at the end of the line whose value is missing.
    MissingValue {
        /// The index of the word.
        arg: usize,
    },
    /// A positional that the command has no place for.
    Extra {
        /// The index of the word.
        arg: usize,
    },
}

impl Unknown {
    /// The index of the word.
    #[must_use]
    pub fn arg(&self) -> usize {
        match *self {
            Self::Flag { arg }
            | Self::Command { arg }
            | Self::Word { arg }
            | Self::Value { arg }
            | Self::MissingValue { arg }
            | Self::Extra { arg } => arg,
        }
    }
}
