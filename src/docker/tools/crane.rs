//! Crane's commands and flags (google/go-containerregistry, `cmd/crane/doc`).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

const PERSISTENT: Table = Table { switches: "allow-nondistributable-artifacts insecure v/verbose", values: "platform", ..Table::EMPTY };

const SOURCE: Slot = Slot::Image(Role::Source);
const DESTINATION: Slot = Slot::Image(Role::Destination);
const INSPECTED: Slot = Slot::Image(Role::Inspected);

const MUTATE: Table = Table {
    values: "o/output r/repo t/tag u/user w/workdir set-platform",
    lists: "a/annotation append cmd entrypoint e/env exposed-ports l/label",
    ..Table::EMPTY
};
const APPEND: Table =
    Table { switches: "set-base-image-annotations", values: "b/base t/new_tag o/output", lists: "f/new_layer", ..Table::EMPTY };
const INDEX: Table = Table { switches: "flatten", values: "t/tag docker-empty-base", lists: "m/manifest", ..Table::EMPTY };

/// `crane` and its subcommands.
pub static ROOT: Command = Command::group(
    "crane",
    &[
        Command::new("copy|cp", Op::Push)
            .flags(&[&Table { switches: "a/all-tags n/no-clobber", values: "j/jobs", ..Table::EMPTY }])
            .takes(&[SOURCE, DESTINATION]),
        Command::new("tag", Op::Tag).takes(&[SOURCE, Slot::Name]),
        Command::new("push", Op::Push)
            .flags(&[&Table { switches: "index", values: "image-refs", ..Table::EMPTY }])
            .takes(&[Slot::Path, Slot::Image(Role::Pushed)]),
        Command::new("pull", Op::Pull)
            .flags(&[&Table { switches: "annotate-ref", values: "c/cache_path format", ..Table::EMPTY }])
            .takes(&[Slot::Image(Role::Pulled), Slot::Path]),
        Command::new("digest", Op::Inspect)
            .flags(&[&Table { switches: "full-ref", values: "tarball", ..Table::EMPTY }])
            .takes(&[INSPECTED]),
        Command::new("manifest|config|validate", Op::Inspect)
            .flags(&[&Table { switches: "fast", values: "remote tarball", ..Table::EMPTY }])
            .takes(&[INSPECTED]),
        Command::new("ls|catalog", Op::Info)
            .flags(&[&Table { switches: "full-ref O/omit-digest-tags", ..Table::EMPTY }])
            .takes(&[Slot::Name]),
        Command::new("delete", Op::Clean).takes(&[Slot::Image(Role::Removed)]),
        Command::new("export", Op::Other).takes(&[SOURCE, Slot::Path]),
        Command::new("mutate", Op::Other)
            .flags(&[&MUTATE])
            .takes(&[SOURCE])
            .images(&[("tag", Role::Destination), ("repo", Role::Destination)]),
        Command::new("append", Op::Other).flags(&[&APPEND]).images(&[("base", Role::Source), ("new_tag", Role::Destination)]),
        Command::new("flatten|rebase|annotate", Op::Other)
            .flags(&[&MUTATE, &Table { values: "original old_base new_base rebased", ..Table::EMPTY }])
            .takes(&[SOURCE])
            .images(&[("tag", Role::Destination)]),
        Command::group(
            "index",
            &[
                Command::new("append|filter", Op::Manifest)
                    .flags(&[&INDEX])
                    .takes(&[SOURCE])
                    .images(&[("tag", Role::Destination), ("manifest", Role::Source)]),
                Command::new("list", Op::Inspect).takes(&[INSPECTED]),
            ],
        ),
        Command::group(
            "auth",
            &[
                Command::new("login", Op::Login)
                    .flags(&[&Table { switches: "password-stdin", values: "p/password u/username", ..Table::EMPTY }])
                    .takes(&[Slot::Registry]),
                Command::new("logout", Op::Logout).takes(&[Slot::Registry]),
                Command::unread("get|token", Op::Info),
            ],
        ),
        Command::unread("blob|registry|serve|repos", Op::Other),
        Command::unread("version|help|completion", Op::Info),
    ],
)
.persistent(&[&PERSISTENT]);
