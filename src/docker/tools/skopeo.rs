//! Skopeo's commands and flags (containers/skopeo, `docs/skopeo-*.1.md`).

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

use super::buildah::LOGIN;

const PERSISTENT: Table = Table {
    switches: "debug insecure-policy tls-verify v/version",
    values: "command-timeout override-arch override-os override-variant policy registries-conf registries.d tmpdir user-agent-prefix",
    ..Table::EMPTY
};

const COPY: Table = Table {
    switches: "a/all dry-run dest-compress dest-decompress dest-no-creds dest-oci-accept-uncompressed-layers dest-precompute-digests
        dest-tls-verify keep-going preserve-digests q/quiet remove-signatures src-no-creds src-tls-verify scoped",
    values: "append-suffix authfile d/dest dest-authfile dest-cert-dir dest-compress-format dest-compress-level dest-creds
        dest-daemon-host dest-password dest-registry-token dest-shared-blob-dir dest-username digestfile f/format image-parallel-copies
        multi-arch retry-delay retry-times s/src sign-by sign-by-sigstore sign-by-sigstore-private-key sign-identity
        sign-passphrase-file src-authfile src-cert-dir src-creds src-daemon-host src-password src-registry-token
        src-shared-blob-dir src-username",
    lists: "additional-tag decryption-key encrypt-layer encryption-key",
    ..Table::EMPTY
};

const READ: Table = Table {
    switches: "config n/no-tags raw no-creds manifest-digest",
    values: "authfile cert-dir creds daemon-host f/format password registry-token retry-delay retry-times shared-blob-dir username",
    ..Table::EMPTY
};

/// `skopeo` and its subcommands.
pub static ROOT: Command = Command::group(
    "skopeo",
    &[
        Command::new("copy", Op::Push).flags(&[&COPY]).takes(&[Slot::Image(Role::Source), Slot::Image(Role::Destination)]),
        Command::new("sync", Op::Push).flags(&[&COPY]).takes(&[Slot::Name, Slot::Name]),
        Command::new("inspect", Op::Inspect).flags(&[&READ]).takes(&[Slot::Image(Role::Inspected)]),
        Command::new("list-tags", Op::Inspect).flags(&[&READ]).takes(&[Slot::Image(Role::Inspected)]),
        Command::new("delete", Op::Clean).flags(&[&READ]).takes(&[Slot::Image(Role::Removed)]),
        Command::new("login", Op::Login).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::new("logout", Op::Logout).flags(&[&LOGIN]).takes(&[Slot::Registry]),
        Command::unread(
            "manifest-digest|standalone-sign|standalone-verify|generate-sigstore-key|layers|experimental-image-proxy",
            Op::Other,
        ),
        Command::unread("help|completion", Op::Info),
    ],
)
.persistent(&[&PERSISTENT]);
