//! The README against the binary: its commands print what it says, and its configuration is one.
//! `TRYCMD=overwrite cargo test --test readme` writes what the commands print now, for somebody to read.

use undind::config::Config;

const README: &str = include_str!("../README.md");

#[test]
fn the_readme_shows_what_the_commands_print() {
    trycmd::TestCases::new().case("README.md").run();
}

#[test]
fn the_configuration_in_the_readme_is_read_to_its_last_key() {
    let section = README.split("\n## Configuration\n").nth(1).expect("the section is there");
    let block = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it begins with an example");
    let config = Config::parse(block).unwrap_or_else(|error| panic!("line {}: {error}", error.line));
    assert_eq!(config.lint.per_file_ignores.len(), 1);
    assert_eq!(config.depot.projects.len(), 1);
    assert_eq!(config.targets["buildkit"].len(), 2);
    assert_eq!(config.runner_tags["privileged"], ["linux-small"]);
    assert_eq!(config.run.variables.len(), 1);
}
