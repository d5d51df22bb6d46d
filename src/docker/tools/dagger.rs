//! Dagger's client (dagger/dagger 0.12 to 1.0). A function's own flags are defined by its module, so that they stay unread.

use crate::docker::command::Command;
use crate::docker::flags::Table;
use crate::docker::operation::Op;

const PERSISTENT: Table = Table {
    switches: "d/debug E/no-exit i/interactive q/quiet s/silent v/verbose w/web y/auto-apply M/no-mod",
    values: "cloud engine interactive-command m/mod dot-output dot-focus-field progress workdir W/workspace env-file",
    lists: "x-release",
    optional: "docker-tag",
};

/// `dagger` and its subcommands.
pub static ROOT: Command = Command::group(
    "dagger",
    &[
        Command::new("run", Op::Other).flags(&[&Table { switches: "cleanup", values: "cleanup-timeout focus", ..Table::EMPTY }]).runs(),
        Command::unread("call|api|core|query|shell|check|checks|generate|functions|session|up|script|llm", Op::Other),
        Command::unread("init|develop|install|uninstall|update|config|publish|toolchain|mod|module|workspace|migrate|watch", Op::Other),
        Command::unread("login", Op::Login),
        Command::unread("logout", Op::Logout),
        Command::unread("version|help|completion", Op::Info),
    ],
)
.persistent(&[&PERSISTENT]);
