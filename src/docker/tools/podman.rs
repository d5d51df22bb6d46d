//! Podman's commands and flags, those that Docker has too (containers/podman 4 and 5, `docs/source/markdown`).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

use super::buildah::{BUILD, BUILD_IMAGES, LOGIN, MANIFEST, TRANSFER};
use super::compose;
use super::docker::CONTAINER;

const GLOBAL: Table = Table { switches: "r/remote v/version", values: "c/connection identity url|host", ..Table::EMPTY };

const PERSISTENT: Table = Table {
    switches: "noout syslog transient-store",
    values: "cdi-spec-dir cgroup-manager config conmon db-backend events-backend imagestore log-level module network-cmd-path
        network-config-dir out root runroot runtime ssh storage-driver tls-ca tls-cert tls-key tmpdir volumepath",
    lists: "hooks-dir runtime-flag storage-opt",
    ..Table::EMPTY
};

const CONTAINER_ONLY: Table = Table {
    switches: "env-host http-proxy no-hosts no-hostname read-only-tmpfs replace rmi rootfs systemd tls-verify passwd",
    values: "arch authfile cert-dir chrootdirs conmon-pidfile creds decryption-key gpus group-entry health-on-failure hosts-file
        image-volume init-ctr init-path os passwd-entry pidfile pod pod-id-file rdt-class requires retry retry-delay sdnotify seccomp-policy
        subgidname subuidname timeout tz umask variant",
    lists: "cgroup-conf env-merge gidmap group-add personality preserve-fd secret uidmap unsetenv",
    ..Table::EMPTY
};

const PRINT: Table = Table {
    switches: "a/all digests external n/noheading no-trunc q/quiet size s history H/human",
    values: "format sort last t/type",
    lists: "f/filter",
    ..Table::EMPTY
};
const FORMAT: Table = Table { values: "f/format", ..Table::EMPTY };
const SAVE: Table =
    Table { switches: "compress m/multi-image-archive q/quiet uncompressed", values: "format o/output signature-policy", ..Table::EMPTY };
const REMOVE: Table = Table {
    switches: "a/all depend f/force i/ignore l/latest no-prune v/volumes external build-cache",
    values: "t/time",
    lists: "cidfile filter",
    ..Table::EMPTY
};
const EXEC_FLAGS: Table = Table {
    switches: "d/detach i/interactive l/latest privileged t/tty",
    values: "cidfile detach-keys preserve-fds u/user w/workdir",
    lists: "e/env env-file preserve-fd",
    ..Table::EMPTY
};

const BUILD_COMMAND: Command = Command::new("build", Op::Build).flags(&[&BUILD]).takes(&[Slot::Context]).images(BUILD_IMAGES);
const PUSH: Command =
    Command::new("push", Op::Push).flags(&[&TRANSFER]).takes(&[Slot::Image(Role::Source), Slot::Image(Role::Destination)]);
const PULL: Command = Command::new("pull", Op::Pull).flags(&[&TRANSFER]).then(Slot::Image(Role::Pulled));
const TAG: Command = Command::new("tag", Op::Tag).takes(&[Slot::Image(Role::Source)]).then(Slot::Image(Role::Tagged));
const RUN: Command = Command::new("run", Op::Run).flags(&[&CONTAINER, &CONTAINER_ONLY]).takes(&[Slot::Image(Role::Run)]).runs();
const EXEC: Command = Command::new("exec", Op::Exec).flags(&[&EXEC_FLAGS]).takes(&[Slot::Container]).runs();
const SAVE_COMMAND: Command = Command::new("save", Op::Save).flags(&[&SAVE]).then(Slot::Image(Role::Saved));
const LOAD: Command =
    Command::new("load", Op::Load).flags(&[&Table { switches: "q/quiet", values: "i/input signature-policy", ..Table::EMPTY }]);
const RMI: Command = Command::new("rmi", Op::Clean).flags(&[&REMOVE]).then(Slot::Image(Role::Removed));
const IMAGES: Command = Command::new("images", Op::Info).flags(&[&PRINT]).takes(&[Slot::Image(Role::Inspected)]);
const INSPECT: Command = Command::new("inspect", Op::Inspect).flags(&[&FORMAT, &PRINT]).then(Slot::Name);
const RM: Command = Command::new("rm", Op::Clean).flags(&[&REMOVE]).then(Slot::Container);
const STOP: Command =
    Command::new("stop|kill", Op::Clean).flags(&[&REMOVE, &Table { values: "s/signal", ..Table::EMPTY }]).then(Slot::Container);
const PRUNE: Command = Command::new("prune", Op::Clean).flags(&[&REMOVE]);
const CREATE: Command = Command::new("create", Op::Other).flags(&[&CONTAINER, &CONTAINER_ONLY]).takes(&[Slot::Image(Role::Run)]).runs();

/// `podman` and its subcommands.
pub static ROOT: Command = Command::group(
    "podman",
    &[
        BUILD_COMMAND,
        PUSH,
        PULL,
        TAG,
        RUN,
        CREATE,
        EXEC,
        SAVE_COMMAND,
        LOAD,
        RMI,
        RM,
        STOP,
        IMAGES,
        INSPECT,
        Command::group(
            "image",
            &[
                BUILD_COMMAND,
                PUSH,
                PULL,
                TAG,
                SAVE_COMMAND,
                LOAD,
                RMI.called("rm"),
                IMAGES.called("ls|list"),
                INSPECT,
                PRUNE,
                Command::new("exists", Op::Inspect).takes(&[Slot::Image(Role::Inspected)]),
            ],
        ),
        Command::group("container", &[RUN, CREATE, EXEC, RM, STOP, INSPECT, PRUNE]),
        Command::group("system", &[PRUNE]),
        Command::group("manifest", MANIFEST),
        Command::new("login", Op::Login).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::new("logout", Op::Logout).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::new("wait", Op::Wait)
            .flags(&[&Table { switches: "ignore l/latest", values: "i/interval", lists: "condition", ..Table::EMPTY }])
            .then(Slot::Container),
        Command::new("info|version", Op::Info).flags(&[&FORMAT]),
        Command::new("ps", Op::Info).flags(&[&PRINT]),
        compose::GROUP,
        Command::unread("logs|history|port|top|stats|diff|search|events|healthcheck", Op::Info),
        Command::unread("attach|commit|cp|export|farm|generate|import|init|kube|machine|mount|network|pause|play|pod|quadlet", Op::Other),
        Command::unread("rename|restart|secret|start|umount|unmount|unpause|unshare|untag|update|volume|artifact", Op::Other),
        Command::unread("help", Op::Info),
    ],
)
.flags(&[&GLOBAL])
.persistent(&[&PERSISTENT]);
