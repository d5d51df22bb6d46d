//! The `undind` command.

fn main() {}
