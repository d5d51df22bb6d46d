//! Kaniko's executor (GoogleContainerTools/kaniko and its forks, `cmd/executor/cmd/root.go`).
//!
//! The executor ignores positionals, so that `--cache true` is `--cache` and a word without effect; they are reported.

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role};

const FLAGS: Table = Table {
    switches: "cache cache-copy-layers cache-run-layers cleanup compressed-caching force force-build-metadata ignore-var-run insecure
        insecure-pull log-timestamp no-push no-push-cache preserve-context push-ignore-immutable-tag-errors reproducible
        run-step-cache-probe single-snapshot skip-default-registry-fallback skip-push-permission-check skip-tls-verify
        skip-tls-verify-pull skip-unused-stages use-new-run use-oci-stages version whitelist-var-run",
    values: "b/bucket cache-dir cache-repo cache-ttl compression compression-level c/context context-sub-path
        custom-platform|customPlatform digest-file f/dockerfile image-download-retry image-fs-extract-retry image-name-tag-with-digest-file
        image-name-with-digest-file kaniko-dir log-format oci-layout-path push-retry snapshot-mode|snapshotMode tar-path|tarPath target
        v/verbosity azure-container-registry-config",
    lists: "build-arg credential-helpers d/destination git ignore-path insecure-registry label registry-certificate registry-client-cert
        registry-map registry-mirror secret skip-tls-verify-registry annotation",
    ..Table::EMPTY
};

/// `/kaniko/executor`.
pub static ROOT: Command =
    Command::new("executor", Op::Build).flags(&[&FLAGS]).images(&[("destination", Role::Built), ("cache-repo", Role::CacheTo)]);
