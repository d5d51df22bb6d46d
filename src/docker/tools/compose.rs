//! Compose's commands and flags, version 2 and the Python version 1 (docs.docker.com/reference/cli/docker/compose).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Slot};

/// Known before the subcommand alone.
const GLOBAL: Table = Table {
    switches: "all-resources compatibility verbose no-ansi tls tlsverify skip-hostname-check insecure v/version D/debug",
    values: "ansi parallel progress project-directory|workdir p/project-name H/host c/context log-level tlscacert tlscert tlskey",
    lists: "env-file f/file profile",
    ..Table::EMPTY
};

/// Known by every subcommand.
const PERSISTENT: Table = Table { switches: "dry-run", ..Table::EMPTY };

const BUILD: Table = Table {
    switches: "check compress force-rm no-cache no-rm print pull push q/quiet with-dependencies no-parallel parallel",
    values: "builder m/memory progress provenance sbom",
    lists: "build-arg ssh",
    ..Table::EMPTY
};

const UP: Table = Table {
    switches: "abort-on-container-exit abort-on-container-failure always-recreate-deps attach-dependencies build d/detach force-recreate
        menu no-build no-color no-deps no-log-prefix no-recreate no-start quiet-build quiet-pull remove-orphans
        V/renew-anon-volumes timestamps wait w/watch y/yes",
    values: "exit-code-from pull t/timeout wait-timeout",
    lists: "attach no-attach scale",
    ..Table::EMPTY
};

const RUN: Table = Table {
    switches: "build d/detach i/interactive T/no-TTY|no-tty no-deps q/quiet quiet-build quiet-pull remove-orphans rm
        P/service-ports use-aliases t/tty",
    values: "entrypoint name pull u/user w/workdir",
    lists: "cap-add cap-drop e/env env-from-file l/label|labels p/publish v/volume|volumes",
    ..Table::EMPTY
};

const EXEC: Table = Table {
    switches: "d/detach i/interactive T/no-TTY|no-tty privileged t/tty",
    values: "index u/user w/workdir",
    lists: "e/env",
    ..Table::EMPTY
};

const PULL: Table =
    Table { switches: "ignore-buildable ignore-pull-failures include-deps parallel no-parallel q/quiet", values: "policy", ..Table::EMPTY };
const PUSH: Table = Table { switches: "ignore-push-failures include-deps q/quiet", ..Table::EMPTY };
const DOWN: Table = Table { switches: "remove-orphans v/volumes", values: "rmi t/timeout", ..Table::EMPTY };
const CREATE: Table = Table {
    switches: "build force-recreate no-build no-recreate quiet-pull remove-orphans y/yes",
    values: "pull",
    lists: "scale",
    ..Table::EMPTY
};
const REMOVE: Table = Table { switches: "f/force s/stop v/volumes a/all", ..Table::EMPTY };
const STOP: Table = Table { switches: "remove-orphans no-deps", values: "s/signal t/timeout", ..Table::EMPTY };
const LOGS: Table = Table { switches: "f/follow no-color no-log-prefix t/timestamps", values: "index since n/tail until", ..Table::EMPTY };
const PS: Table = Table { switches: "a/all no-trunc orphans q/quiet services", values: "filter format", lists: "status", ..Table::EMPTY };
const CONFIG: Table = Table {
    switches: "environment images lock-image-digests models networks no-consistency no-env-resolution no-interpolate no-normalize
        no-path-resolution profiles q/quiet resolve-image-digests services variables volumes",
    values: "format hash o/output",
    ..Table::EMPTY
};

/// `docker compose` and all its subcommands.
pub const GROUP: Command = Command::group(
    "compose",
    &[
        Command::new("build", Op::ComposeBuild).flags(&[&BUILD]).then(Slot::Service),
        Command::new("push", Op::ComposePush).flags(&[&PUSH]).then(Slot::Service),
        Command::new("up", Op::ComposeUp).flags(&[&UP]).then(Slot::Service),
        Command::new("run", Op::ComposeRun).flags(&[&RUN]).takes(&[Slot::Service]).runs(),
        Command::new("exec", Op::Exec).flags(&[&EXEC]).takes(&[Slot::Service]).runs(),
        Command::new("pull", Op::Other).flags(&[&PULL]).then(Slot::Service),
        Command::new("create", Op::Other).flags(&[&CREATE]).then(Slot::Service),
        Command::new("start|pause|unpause", Op::Other)
            .flags(&[&Table { switches: "wait", values: "wait-timeout", ..Table::EMPTY }])
            .then(Slot::Service),
        Command::new("restart", Op::Other).flags(&[&STOP]).then(Slot::Service),
        Command::new("scale", Op::Other).flags(&[&Table { switches: "no-deps", ..Table::EMPTY }, &STOP]).then(Slot::Name),
        Command::new("cp", Op::Other)
            .flags(&[&Table { switches: "all a/archive L/follow-link", values: "index", ..Table::EMPTY }])
            .takes(&[Slot::Path, Slot::Path]),
        Command::new("down", Op::Clean).flags(&[&DOWN]).then(Slot::Service),
        Command::new("stop|kill", Op::Clean).flags(&[&STOP]).then(Slot::Service),
        Command::new("rm", Op::Clean).flags(&[&REMOVE]).then(Slot::Service),
        Command::new("wait", Op::Wait).flags(&[&Table { switches: "down-project", ..Table::EMPTY }]).then(Slot::Service),
        Command::new("config|convert", Op::Info).flags(&[&CONFIG]).then(Slot::Service),
        Command::new("ps|ls", Op::Info).flags(&[&PS]).then(Slot::Service),
        Command::new("logs", Op::Info).flags(&[&LOGS]).then(Slot::Service),
        Command::new("images|top|volumes|stats|events|port", Op::Info)
            .flags(&[&Table { switches: "a/all json no-stream no-trunc q/quiet", values: "format index protocol", ..Table::EMPTY }])
            .then(Slot::Service),
        Command::new("version", Op::Info).flags(&[&Table { switches: "short", values: "f/format", ..Table::EMPTY }]),
        Command::unread("alpha|attach|bridge|commit|export|publish|watch|bundle", Op::Other),
        Command::unread("help", Op::Info),
    ],
)
.flags(&[&GLOBAL])
.persistent(&[&PERSISTENT]);

/// `docker-compose`, version 1 or 2.
pub static ROOT: Command = GROUP;
