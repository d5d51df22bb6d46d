//! The crates that come in, against what `deny.toml` allows: licences, bans and sources. `cargo deny check` says more, where it is installed.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_crate_has_an_allowed_licence_comes_from_the_registry_and_is_not_banned() {
    let root = env!("CARGO_MANIFEST_DIR");
    let rules: toml::Table = std::fs::read_to_string(format!("{root}/deny.toml")).unwrap().parse().unwrap();
    let texts =
        |list: &toml::Value| list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect::<BTreeSet<String>>();
    let allowed = texts(&rules["licenses"]["allow"]);
    let banned: BTreeSet<&str> = rules["bans"]["deny"].as_array().unwrap().iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    assert!(allowed.contains("MIT") && banned.contains("openssl-sys"), "deny.toml is not read as it is meant");

    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--locked"]).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        // `A/B` is how crates wrote `A OR B` before SPDX.
        let licence = package["license"].as_str().unwrap_or_default().replace('/', " OR ");
        let is_allowed = spdx::Expression::parse(&licence).is_ok_and(|expression| {
            expression.evaluate(|requirement| requirement.license.id().is_some_and(|id| allowed.contains(id.name)))
        });
        if !is_allowed {
            wrong.push(format!("{name} has the licence `{licence}`"));
        }
        if banned.contains(name) {
            wrong.push(format!("{name} is banned"));
        }
        if package["source"].as_str().is_some_and(|source| !source.starts_with("registry+")) {
            wrong.push(format!("{name} comes from {}", package["source"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
