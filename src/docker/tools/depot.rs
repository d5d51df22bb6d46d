//! Depot's client (depot/cli 2.102, `pkg/cmd`): Buildx's `build` and `bake` with some flags less and some more.

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::{Op, Role, Slot};

use super::buildx::{BAKE, BUILD_IMAGES};
use super::docker::CLASSIC_BUILD;

const PERSISTENT: Table = Table { values: "config", ..Table::EMPTY };

const BUILD_ONLY: Table = Table {
    switches: "lint load no-load push save suppress-no-output-warning",
    values: "build-platform lint-fail-on metadata-file print project progress provenance sbom sbom-dir token invoke",
    lists: "allow annotation attest build-context cache-to no-cache-filter o/output save-tag secret ssh",
    ..Table::EMPTY
};

const BAKE_ONLY: Table = Table {
    switches: "lint save suppress-no-output-warning",
    values: "build-platform lint-fail-on project sbom-dir token",
    lists: "save-tag",
    ..Table::EMPTY
};

const REGISTRY: Table = Table { values: "platform progress project target token user-agent", lists: "t/tag", ..Table::EMPTY };

const PROJECT: Table = Table { switches: "clear force", values: "org project token", ..Table::EMPTY };

/// `depot` and its subcommands.
pub static ROOT: Command = Command::group(
    "depot",
    &[
        Command::new("build|b", Op::Build).flags(&[&CLASSIC_BUILD, &BUILD_ONLY]).takes(&[Slot::Context]).images(BUILD_IMAGES),
        Command::new("bake|f", Op::Bake).flags(&[&BAKE, &BAKE_ONLY]).then(Slot::Target),
        Command::new("push", Op::Push).flags(&[&REGISTRY]).takes(&[Slot::Name]).images(&[("tag", Role::Pushed)]),
        Command::new("pull", Op::Pull).flags(&[&REGISTRY]).takes(&[Slot::Name]).images(&[("tag", Role::Pulled)]),
        Command::new("login", Op::Login).flags(&[&PROJECT]),
        Command::new("logout", Op::Logout),
        Command::new("configure-docker", Op::Builder).flags(&[&Table { switches: "uninstall", values: "project token", ..Table::EMPTY }]),
        Command::unread("list|ls|whoami|version|status", Op::Info),
        Command::unread("cache|init|exec|cargo|gocache|bazel|turbo|projects|project|org|ci|agent|pull-token|registry", Op::Other),
        Command::unread("image|claude|sandbox|tests|buildctl|buildkit|buildkitd|dialstdio|push-token|help", Op::Other),
    ],
)
.flags(&[&Table { switches: "v/version", ..Table::EMPTY }])
.persistent(&[&PERSISTENT]);
