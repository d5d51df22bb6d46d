//! The commands in the README print what the README says. `TRYCMD=overwrite cargo test --test readme` writes what they print now, for somebody to read.

#[test]
fn the_readme_shows_what_the_commands_print() {
    trycmd::TestCases::new().case("README.md").run();
}
