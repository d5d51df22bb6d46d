//! Buildah's commands and flags (containers/buildah 1.2x to 1.43, `docs/buildah-*.1.md`).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

const PERSISTENT: Table = Table {
    switches: "debug",
    values: "cgroup-manager cpu-profile default-mounts-file log-level memory-profile registries-conf registries-conf-dir root runroot
        short-name-alias-conf storage-driver",
    lists: "storage-opt userns-gid-map userns-uid-map",
    ..Table::EMPTY
};

const VERSION: Table = Table { switches: "v/version", ..Table::EMPTY };

/// Build flags that Podman knows too.
pub const BUILD: Table = Table {
    switches: "all-platforms compress created-annotation D/disable-compression disable-content-trust force-rm http-proxy identity-label
        inherit-annotations inherit-labels layers no-cache no-hostname no-hosts omit-history pull-always pull-never q/quiet
        rewrite-timestamp rm save-stages skip-unused-stages squash squash-all stage-labels stdin tls-verify",
    values: "arch authfile blob-cache cache-ttl cert-dir cgroup-parent cgroupns cni-config-dir cni-plugin-path compression-level
        cpu-period cpu-quota c/cpu-shares cpuset-cpus cpuset-mems creds cw format from gidmap ignorefile iidfile iidfile-raw ipc isolation
        jobs logfile loglevel manifest m/memory memory-swap metadata-file network|net os os-version o/output pid platform retry
        retry-delay runtime sbom sbom-output sbom-purl-output sbom-merge-strategy shm-size sign-by signature-policy source-date-epoch
        source-policy-file target timestamp transform-image userns userns-gid-map-group userns-uid-map-user uts variant",
    lists: "add-host annotation build-arg build-arg-file build-context cache-from cache-to cap-add cap-drop cpp-flag decryption-key device
        dns dns-option dns-search env f/file group-add hooks-dir label layer-label log-rusage os-feature runtime-flag sbom-image-command
        sbom-scanner-command sbom-scanner-image secret security-opt ssh t/tag ulimit unsetannotation unsetenv unsetlabel userns-gid-map
        userns-uid-map v/volume",
    optional: "pull",
};

/// What the images in a build's flags are for.
pub const BUILD_IMAGES: &[(&str, Role)] = &[
    ("tag", Role::Built),
    ("manifest", Role::Built),
    ("from", Role::Source),
    ("cache-from", Role::CacheFrom),
    ("cache-to", Role::CacheTo),
    ("build-context", Role::Source),
];

/// Flags of what moves images, which Podman knows too.
pub const TRANSFER: Table = Table {
    switches: "all a/all-tags add-compression D/disable-compression disable-content-trust force-compression q/quiet
        remove-signatures rm tls-verify",
    values: "arch authfile blob-cache cert-dir compression-format compression-level creds digestfile encrypt-layer f/format os platform
        policy retry retry-delay sign-by sign-by-sigstore sign-by-sigstore-private-key sign-passphrase-file signature-policy variant",
    lists: "decryption-key encryption-key",
    ..Table::EMPTY
};

/// Flags of `login` and `logout`, which Podman and Skopeo know too.
pub const LOGIN: Table = Table {
    switches: "a/all get-login password-stdin tls-verify v/verbose",
    values: "authfile cert-dir compat-auth-file p/password secret u/username",
    ..Table::EMPTY
};

const MANIFEST_FLAGS: Table = Table {
    switches: "a/all amend insecure p/purge artifact artifact-exclude-titles",
    values: "arch artifact-config artifact-config-type artifact-layer-type artifact-type features os os-version subject variant",
    lists: "annotation os-features artifact-annotation add-compression",
    ..Table::EMPTY
};

/// The subcommands of `manifest`, which Podman has too.
pub const MANIFEST: &[Command] = &[
    Command::new("create", Op::Manifest)
        .flags(&[&TRANSFER, &MANIFEST_FLAGS])
        .takes(&[Slot::Image(Role::Destination)])
        .then(Slot::Image(Role::Source)),
    Command::new("add", Op::Manifest)
        .flags(&[&TRANSFER, &MANIFEST_FLAGS])
        .takes(&[Slot::Image(Role::Destination)])
        .then(Slot::Image(Role::Source)),
    Command::new("push", Op::Manifest)
        .flags(&[&TRANSFER, &MANIFEST_FLAGS])
        .takes(&[Slot::Image(Role::Pushed), Slot::Image(Role::Destination)]),
    Command::new("annotate", Op::Manifest).flags(&[&MANIFEST_FLAGS]).takes(&[Slot::Image(Role::Destination), Slot::Image(Role::Source)]),
    Command::new("inspect|exists", Op::Manifest).flags(&[&TRANSFER, &MANIFEST_FLAGS]).takes(&[Slot::Image(Role::Inspected)]),
    Command::new("remove", Op::Manifest).takes(&[Slot::Image(Role::Destination), Slot::Name]),
    Command::new("rm", Op::Manifest).then(Slot::Image(Role::Removed)),
];

const FROM: Table = Table { switches: "pull-always pull-never", values: "cidfile name", optional: "pull", ..Table::EMPTY };
const LIST: Table =
    Table { switches: "a/all digests json no-trunc n/noheading q/quiet history", values: "format", lists: "f/filter", ..Table::EMPTY };

/// `buildah` and all its subcommands.
pub static ROOT: Command = Command::group(
    "buildah",
    &[
        Command::new("build|bud|build-using-dockerfile", Op::Build).flags(&[&BUILD]).takes(&[Slot::Context]).images(BUILD_IMAGES),
        Command::new("push", Op::Push).flags(&[&TRANSFER]).takes(&[Slot::Image(Role::Source), Slot::Image(Role::Destination)]),
        Command::new("pull", Op::Pull).flags(&[&TRANSFER]).then(Slot::Image(Role::Pulled)),
        Command::new("tag", Op::Tag).takes(&[Slot::Image(Role::Source)]).then(Slot::Image(Role::Tagged)),
        Command::new("login", Op::Login).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::new("logout", Op::Logout).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::group("manifest", MANIFEST),
        Command::new("from", Op::Other).flags(&[&FROM, &BUILD]).takes(&[Slot::Image(Role::Source)]),
        Command::new("commit", Op::Other)
            .flags(&[&TRANSFER, &BUILD, &Table { switches: "unsetenv-all", values: "config", lists: "change", ..Table::EMPTY }])
            .takes(&[Slot::Container, Slot::Image(Role::Built)]),
        Command::new("rmi", Op::Clean)
            .flags(&[&Table { switches: "a/all f/force p/prune", ..Table::EMPTY }])
            .then(Slot::Image(Role::Removed)),
        Command::new("rm|delete", Op::Clean).flags(&[&Table { switches: "a/all f/force", ..Table::EMPTY }]).then(Slot::Container),
        Command::new("prune", Op::Clean).flags(&[&Table { switches: "a/all f/force", ..Table::EMPTY }]),
        Command::new("images|containers|ls|list|ps", Op::Info).flags(&[&LIST]).takes(&[Slot::Name]),
        Command::new("inspect", Op::Inspect).flags(&[&Table { values: "f/format t/type", ..Table::EMPTY }]).takes(&[Slot::Name]),
        Command::new("info|version", Op::Info).flags(&[&Table { switches: "json D/debug", values: "format", ..Table::EMPTY }]),
        Command::unread("add|config|copy|mkcw|mount|rename|run|source|umount|unmount|unshare", Op::Other),
        Command::unread("help", Op::Info),
    ],
)
.flags(&[&VERSION])
.persistent(&[&PERSISTENT]);
