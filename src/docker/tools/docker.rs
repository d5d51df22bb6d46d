//! The Docker client's commands and flags (docker/cli 28 and older ones; docs.docker.com/reference/cli/docker).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

use super::{buildx, compose};

const IMAGE: Slot = Slot::Image(Role::Inspected);
const NAME: Slot = Slot::Name;

/// Known before the subcommand alone.
pub const GLOBAL: Table = Table {
    switches: "D/debug tls tlsverify v/version",
    values: "config c/context l/log-level tlscacert tlscert tlskey",
    lists: "H/host",
    ..Table::EMPTY
};

/// The classic builder's flags that BuildKit's builder accepts too, if only to ignore them.
pub const CLASSIC_BUILD: Table = Table {
    switches: "compress force-rm no-cache pull q/quiet rm squash",
    values: "cgroup-parent cpu-period cpu-quota c/cpu-shares cpuset-cpus cpuset-mems f/file iidfile isolation m/memory memory-swap
        network|net shm-size target",
    lists: "add-host build-arg cache-from label platform security-opt t/tag ulimit",
    ..Table::EMPTY
};

/// The classic builder's flags that BuildKit's builder rejects.
const CLASSIC_ONLY: Table = Table { switches: "disable-content-trust stream", ..Table::EMPTY };

/// What `docker run` and `docker create` have in common; Podman knows them too.
pub const CONTAINER: Table = Table {
    switches: "disable-content-trust init i/interactive no-healthcheck oom-kill-disable privileged P/publish-all q/quiet read-only rm
        sig-proxy t/tty use-api-socket d/detach",
    values: "blkio-weight cgroup-parent cgroupns cidfile cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime
        c/cpu-shares cpus cpuset-cpus cpuset-mems detach-keys domainname entrypoint gpus health-cmd health-interval health-retries
        health-start-interval health-start-period health-timeout h/hostname io-maxbandwidth io-maxiops ip ip6 ipc isolation
        kernel-memory log-driver mac-address m/memory memory-reservation memory-swap memory-swappiness name oom-score-adj pid
        pids-limit platform pull restart runtime shm-size stop-signal stop-timeout u/user userns uts volume-driver w/workdir",
    lists: "add-host annotation a/attach blkio-weight-device cap-add cap-drop device device-cgroup-rule device-read-bps device-read-iops
        device-write-bps device-write-iops dns dns-option|dns-opt dns-search e/env env-file expose group-add l/label label-file link
        link-local-ip log-opt mount network|net network-alias|net-alias p/publish security-opt storage-opt sysctl tmpfs ulimit v/volume
        volumes-from",
    ..Table::EMPTY
};

const TRANSFER: Table = Table { switches: "a/all-tags disable-content-trust q/quiet", values: "platform", ..Table::EMPTY };

const LOGIN_FLAGS: Table = Table { switches: "password-stdin", values: "p/password u/username e/email", ..Table::EMPTY };

const EXEC_FLAGS: Table = Table {
    switches: "d/detach i/interactive privileged t/tty",
    values: "detach-keys u/user w/workdir",
    lists: "e/env env-file",
    ..Table::EMPTY
};

/// Flags of the commands that only print.
const PRINT: Table = Table {
    switches: "a/all digests no-trunc q/quiet s/size tree details follow t/timestamps no-stream H/human l/latest verbose",
    values: "format since until platform limit type",
    ..Table::EMPTY
};

const LIST: Table = Table { values: "n/last", lists: "f/filter", ..Table::EMPTY };
const FORMAT: Table = Table { values: "f/format", ..Table::EMPTY };
const LOG: Table = Table { switches: "f/follow", values: "n/tail", ..Table::EMPTY };
const PRUNE_FLAGS: Table = Table { switches: "a/all f/force volumes", lists: "filter", values: "keep-storage", ..Table::EMPTY };
const REMOVE: Table = Table { switches: "f/force l/link v/volumes no-prune", lists: "platform", ..Table::EMPTY };
const STOP_FLAGS: Table = Table { values: "s/signal t/timeout|time", ..Table::EMPTY };

const BUILD: Command = Command::new("build", Op::Build)
    .flags(&[&CLASSIC_BUILD, &CLASSIC_ONLY, &buildx::BUILD_ONLY])
    .takes(&[Slot::Context])
    .images(buildx::BUILD_IMAGES);
const RUN: Command = Command::new("run", Op::Run).flags(&[&CONTAINER]).takes(&[Slot::Image(Role::Run)]).runs();
const CREATE: Command = Command::new("create", Op::Other).flags(&[&CONTAINER]).takes(&[Slot::Image(Role::Run)]).runs();
const EXEC: Command = Command::new("exec", Op::Exec).flags(&[&EXEC_FLAGS]).takes(&[Slot::Container]).runs();
const PUSH: Command = Command::new("push", Op::Push).flags(&[&TRANSFER]).takes(&[Slot::Image(Role::Pushed)]);
const PULL: Command = Command::new("pull", Op::Pull).flags(&[&TRANSFER]).takes(&[Slot::Image(Role::Pulled)]);
const TAG: Command = Command::new("tag", Op::Tag).takes(&[Slot::Image(Role::Source), Slot::Image(Role::Tagged)]);
const SAVE: Command = Command::new("save", Op::Save)
    .flags(&[&Table { values: "o/output", lists: "platform", ..Table::EMPTY }])
    .then(Slot::Image(Role::Saved));
const LOAD: Command =
    Command::new("load", Op::Load).flags(&[&Table { switches: "q/quiet", values: "i/input", lists: "platform", ..Table::EMPTY }]);
const IMPORT: Command = Command::new("import", Op::Import)
    .flags(&[&Table { values: "m/message platform", lists: "c/change", ..Table::EMPTY }])
    .takes(&[Slot::Path, Slot::Image(Role::Built)]);
const COMMIT: Command = Command::new("commit", Op::Other)
    .flags(&[&Table { switches: "p/pause no-pause", values: "a/author m/message", lists: "c/change", ..Table::EMPTY }])
    .takes(&[Slot::Container, Slot::Image(Role::Built)]);
const IMAGES: Command = Command::new("images", Op::Info).flags(&[&PRINT, &LIST]).takes(&[IMAGE]);
const RMI: Command = Command::new("rmi", Op::Clean).flags(&[&REMOVE]).then(Slot::Image(Role::Removed));
const HISTORY: Command = Command::new("history", Op::Inspect).flags(&[&PRINT]).takes(&[IMAGE]);
const INSPECT: Command = Command::new("inspect", Op::Inspect).flags(&[&FORMAT, &PRINT]).then(NAME);
const INSPECT_IMAGE: Command = Command::new("inspect", Op::Inspect).flags(&[&FORMAT, &PRINT]).then(IMAGE);
const PRUNE: Command = Command::new("prune", Op::Clean).flags(&[&PRUNE_FLAGS]);

const PS: Command = Command::new("ps", Op::Info).flags(&[&PRINT, &LIST]);
const LOGS: Command = Command::new("logs", Op::Info).flags(&[&LOG, &PRINT]).takes(&[Slot::Container]);
const STOP: Command = Command::new("stop", Op::Clean).flags(&[&STOP_FLAGS]).then(Slot::Container);
const KILL: Command = Command::new("kill", Op::Clean).flags(&[&STOP_FLAGS]).then(Slot::Container);
const RM: Command = Command::new("rm", Op::Clean).flags(&[&REMOVE]).then(Slot::Container);
const WAIT: Command = Command::new("wait", Op::Wait).then(Slot::Container);
const START: Command = Command::new("start", Op::Other)
    .flags(&[&Table { switches: "a/attach i/interactive", values: "checkpoint checkpoint-dir detach-keys", ..Table::EMPTY }])
    .then(Slot::Container);
const RESTART: Command = Command::new("restart", Op::Other).flags(&[&STOP_FLAGS]).then(Slot::Container);
const COPY: Command = Command::new("cp", Op::Other)
    .flags(&[&Table { switches: "a/archive L/follow-link q/quiet", ..Table::EMPTY }])
    .takes(&[Slot::Path, Slot::Path]);
const EXPORT: Command = Command::new("export", Op::Other).flags(&[&Table { values: "o/output", ..Table::EMPTY }]).takes(&[Slot::Container]);
const ATTACH: Command = Command::new("attach", Op::Other)
    .flags(&[&Table { switches: "no-stdin sig-proxy", values: "detach-keys", ..Table::EMPTY }])
    .takes(&[Slot::Container]);
const TOP: Command = Command::new("top", Op::Info).takes(&[Slot::Container]).runs();
const PORT: Command = Command::new("port", Op::Info).takes(&[Slot::Container, NAME]);
const DIFF: Command = Command::new("diff", Op::Info).takes(&[Slot::Container]);
const STATS: Command = Command::new("stats", Op::Info).flags(&[&PRINT]).then(Slot::Container);
const PAUSE: Command = Command::new("pause|unpause", Op::Other).then(Slot::Container);
const RENAME: Command = Command::new("rename", Op::Other).takes(&[Slot::Container, NAME]);
const INFO: Command = Command::new("info", Op::Info).flags(&[&FORMAT]);
const EVENTS: Command = Command::new("events", Op::Info).flags(&[&LIST, &PRINT]);

const INSECURE: Table = Table { switches: "insecure", ..Table::EMPTY };

const MANIFEST: &[Command] = &[
    Command::new("create", Op::Manifest)
        .flags(&[&INSECURE, &Table { switches: "a/amend", ..Table::EMPTY }])
        .takes(&[Slot::Image(Role::Destination)])
        .then(Slot::Image(Role::Source)),
    Command::new("annotate", Op::Manifest)
        .flags(&[&Table { values: "arch os os-version variant", lists: "os-features", ..Table::EMPTY }])
        .takes(&[Slot::Image(Role::Destination), Slot::Image(Role::Source)]),
    Command::new("push", Op::Manifest)
        .flags(&[&INSECURE, &Table { switches: "p/purge", ..Table::EMPTY }])
        .takes(&[Slot::Image(Role::Pushed)]),
    Command::new("inspect", Op::Manifest).flags(&[&INSECURE, &Table { switches: "v/verbose", ..Table::EMPTY }]).takes(&[IMAGE, IMAGE]),
    Command::new("rm", Op::Manifest).then(Slot::Image(Role::Removed)),
];

const OBJECT_FLAGS: Table = Table {
    switches: "attachable config-only ingress internal ipv4 ipv6",
    values: "config-from d/driver ipam-driver scope name availability group type",
    lists: "aux-address gateway ip-range ipam-opt label o/opt subnet",
    ..Table::EMPTY
};
const CONNECT_FLAGS: Table =
    Table { switches: "f/force", values: "ip ip6 gw-priority", lists: "alias driver-opt link link-local-ip", ..Table::EMPTY };

const OBJECT: &[Command] = &[
    Command::new("create", Op::Other).flags(&[&OBJECT_FLAGS]).takes(&[NAME]),
    Command::new("connect|disconnect", Op::Other).flags(&[&CONNECT_FLAGS]).takes(&[NAME, Slot::Container]),
    Command::new("ls|list", Op::Info).flags(&[&PRINT, &LIST]),
    Command::new("rm|remove", Op::Clean).flags(&[&REMOVE]).then(NAME),
    INSPECT,
    PRUNE,
];

const CONTEXT: &[Command] = &[
    Command::new("create", Op::Context)
        .flags(&[&Table { values: "description docker from kubernetes default-stack-orchestrator", ..Table::EMPTY }])
        .takes(&[NAME]),
    Command::new("update", Op::Context).flags(&[&Table { values: "description docker", ..Table::EMPTY }]).takes(&[NAME]),
    Command::new("use", Op::Context).takes(&[NAME]),
    Command::new("rm|remove", Op::Context).flags(&[&REMOVE]).then(NAME),
    Command::new("ls|list|show", Op::Context).flags(&[&PRINT]),
    Command::new("inspect", Op::Context).flags(&[&FORMAT]).then(NAME),
    Command::new("export|import", Op::Context).takes(&[NAME, Slot::Path]),
];

const IMAGE_GROUP: &[Command] =
    &[BUILD, HISTORY, IMPORT, INSPECT_IMAGE, LOAD, IMAGES.called("ls|list"), PRUNE, PULL, PUSH, RMI.called("rm|remove"), SAVE, TAG];

const CONTAINER_GROUP: &[Command] = &[
    ATTACH,
    COMMIT,
    COPY,
    CREATE,
    DIFF,
    EXEC,
    EXPORT,
    INSPECT,
    KILL,
    LOGS,
    PS.called("ls|list|ps"),
    PAUSE,
    PORT,
    PRUNE,
    RENAME,
    RESTART,
    RM.called("rm|remove"),
    RUN,
    START,
    STATS,
    STOP,
    TOP,
    WAIT,
];

const SYSTEM_GROUP: &[Command] = &[Command::new("df", Op::Info).flags(&[&PRINT]), EVENTS, INFO, PRUNE];

/// `docker` and all its subcommands.
pub static ROOT: Command = Command::group(
    "docker",
    &[
        BUILD,
        buildx::GROUP,
        compose::GROUP,
        Command::group("builder", &[BUILD, PRUNE]),
        Command::group("image", IMAGE_GROUP),
        Command::group("container", CONTAINER_GROUP),
        Command::group("system", SYSTEM_GROUP),
        Command::group("manifest", MANIFEST),
        Command::group("context", CONTEXT),
        Command::group("network", OBJECT),
        Command::group("volume", OBJECT),
        RUN,
        CREATE,
        EXEC,
        PUSH,
        PULL,
        TAG,
        SAVE,
        LOAD,
        IMPORT,
        COMMIT,
        Command::new("login", Op::Login).flags(&[&LOGIN_FLAGS]).takes(&[Slot::Registry]),
        Command::new("logout", Op::Logout).takes(&[Slot::Registry]),
        IMAGES,
        RMI,
        HISTORY,
        INSPECT,
        PS.called("ps"),
        LOGS,
        STOP,
        KILL,
        RM,
        WAIT,
        START,
        RESTART,
        COPY,
        EXPORT,
        ATTACH,
        TOP,
        PORT,
        DIFF,
        STATS,
        PAUSE,
        RENAME,
        INFO,
        EVENTS,
        Command::new("version", Op::Info).flags(&[&FORMAT]),
        Command::new("search", Op::Info).flags(&[&PRINT, &LIST]).takes(&[NAME]),
        Command::unread(
            "update|trust|scout|sbom|scan|plugin|checkpoint|swarm|stack|service|node|secret|config|init|debug|dev|model",
            Op::Other,
        ),
        Command::unread("app|desktop|extension|mcp|offload|pass|sandbox|cloud|ai|agent|pushrm|slim", Op::Other),
        Command::unread("help", Op::Info),
    ],
)
.flags(&[&GLOBAL]);
