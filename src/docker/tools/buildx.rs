//! Buildx's commands and flags (docker/buildx 0.10 to 0.37; docs.docker.com/reference/cli/docker/buildx).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

use super::docker::CLASSIC_BUILD;

/// Known by every subcommand.
const PERSISTENT: Table = Table { switches: "D/debug", values: "builder", ..Table::EMPTY };

/// What the builder of BuildKit knows and the classic one does not.
pub const BUILD_ONLY: Table = Table {
    switches: "check load push",
    values: "builder call|print invoke|on metadata-file progress provenance sbom policy resource",
    lists: "allow annotation attest build-context cache-to no-cache-filter o/output secret ssh",
    ..Table::EMPTY
};

/// What the images in a build's flags are for.
pub const BUILD_IMAGES: &[(&str, Role)] = &[
    ("tag", Role::Built),
    ("output", Role::Built),
    ("cache-from", Role::CacheFrom),
    ("cache-to", Role::CacheTo),
    ("build-context", Role::Source),
];

/// The flags of `bake` that Depot knows too.
pub const BAKE: Table = Table {
    switches: "load no-cache print pull push",
    values: "metadata-file progress provenance sbom",
    lists: "f/file set",
    ..Table::EMPTY
};

const BAKE_ONLY: Table =
    Table { switches: "check debug list-targets list-variables q/quiet", values: "call list", lists: "allow var|variable", ..Table::EMPTY };

const CREATE: Table = Table {
    switches: "append bootstrap leave use",
    values: "buildkitd-flags buildkitd-config|config driver name node timeout",
    lists: "driver-opt platform",
    ..Table::EMPTY
};

const IMAGETOOLS: &[Command] = &[
    Command::new("create", Op::Imagetools)
        .flags(&[&Table {
            switches: "append dry-run prefer-index",
            values: "metadata-file progress",
            lists: "annotation f/file platform t/tag",
            ..Table::EMPTY
        }])
        .then(Slot::Image(Role::Source))
        .images(&[("tag", Role::Destination)]),
    Command::new("inspect", Op::Imagetools)
        .flags(&[&Table { switches: "raw", values: "format", ..Table::EMPTY }])
        .takes(&[Slot::Image(Role::Inspected)]),
];

/// `docker buildx` and all its subcommands.
pub const GROUP: Command = Command::group(
    "buildx",
    &[
        Command::new("build|b", Op::Build).flags(&[&CLASSIC_BUILD, &BUILD_ONLY]).takes(&[Slot::Context]).images(BUILD_IMAGES),
        Command::new("bake|f", Op::Bake).flags(&[&BAKE, &BAKE_ONLY]).then(Slot::Target),
        Command::new("create", Op::Builder).flags(&[&CREATE]).takes(&[Slot::Name]),
        Command::new("use", Op::Builder).flags(&[&Table { switches: "default global", ..Table::EMPTY }]).takes(&[Slot::Name]),
        Command::new("rm", Op::Builder)
            .flags(&[&Table { switches: "all-inactive f/force keep-daemon keep-state", values: "timeout", ..Table::EMPTY }])
            .then(Slot::Name),
        Command::new("stop", Op::Builder).takes(&[Slot::Name]),
        Command::new("ls", Op::Builder).flags(&[&Table { switches: "no-trunc", values: "format timeout", ..Table::EMPTY }]),
        Command::new("inspect", Op::Builder)
            .flags(&[&Table { switches: "bootstrap", values: "format timeout", ..Table::EMPTY }])
            .takes(&[Slot::Name]),
        Command::new("du|prune", Op::Builder).flags(&[&Table {
            switches: "a/all f/force verbose",
            values: "format keep-storage max-used-space min-free-space reserved-space timeout",
            lists: "filter",
            ..Table::EMPTY
        }]),
        Command::group("imagetools", IMAGETOOLS),
        Command::new("install|uninstall", Op::Builder),
        Command::new("version", Op::Info),
        Command::unread("history|debug|dap|dial-stdio|policy|replay", Op::Other),
        Command::unread("help", Op::Info),
    ],
)
.persistent(&[&PERSISTENT]);

/// `docker-buildx`, which some images install as a program.
pub static ROOT: Command = GROUP;
