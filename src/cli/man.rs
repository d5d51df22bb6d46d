//! `undind man`: the man page, with every command's options.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Context;
use crate::cli::args::Arguments;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Prints the page.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let page = page(&command).map_err(|error| Failure::new(format!("the man page can't be made: {error}")))?;
    context.output.result(None, &page)?;
    Ok(Exit::Success)
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render(&mut page)?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH \"UNDIND {name}\"\n").as_bytes());
        let man = Man::new(command.clone());
        let mut part = Vec::new();
        man.render_description_section(&mut part)?;
        man.render_synopsis_section(&mut part)?;
        man.render_options_section(&mut part)?;
        // A command's sections become parts of its own section.
        page.extend_from_slice(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").as_bytes());
    }
    Ok(page)
}
