//! The source against what ARCHITECTURE.md and CONTRIBUTING.md say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Lines that a file may have.
const MOST_LINES: usize = 500;
/// Files that may have more, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// A source file without its test module and without comment lines.
struct Source {
    /// From the root of the crate.
    path: String,
    /// The module below `src`; `cli` and `main` are the binary.
    module: String,
    text: String,
    code: String,
}

impl Source {
    fn is_library(&self) -> bool {
        self.module != "cli" && self.module != "main"
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines of code that `pattern` matches, as `path:line: text`.
    fn lines(&self, pattern: &Regex) -> Vec<String> {
        let lines = self.code.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        lines.map(|(index, line)| format!("{}:{}: {}", self.path, index + 1, line.trim())).collect()
    }
}

#[test]
fn modules_import_only_what_the_architecture_allows() {
    let allowed = table();
    let used = Regex::new(r"\bcrate::(?:\{([^}]*)\}|([a-z_]+))").unwrap();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.is_library() && !source.is_test() && source.module != "lib") {
        let Some(row) = allowed.get(&source.module) else {
            wrong.push(format!("{}: `{}` has no row in ARCHITECTURE.md", source.path, source.module));
            continue;
        };
        for found in used.captures_iter(&source.code) {
            let names = found.get(1).or(found.get(2)).expect("one of the two matched").as_str();
            let modules = names.split(',').map(|name| name.trim().split("::").next().unwrap_or_default().to_owned());
            wrong.extend(
                modules
                    .filter(|module| *module != source.module && !row.contains(module))
                    .map(|module| format!("{}: `{}` must not know `{module}`", source.path, source.module)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_has_no_circles() {
    let allowed = table();
    for (module, row) in &allowed {
        for other in row {
            assert!(allowed.contains_key(other), "`{module}` may use `{other}`, which has no row");
            assert!(!reaches(&allowed, other, module), "`{module}` and `{other}` know each other");
        }
    }
    assert!(allowed.len() > 10, "the table of ARCHITECTURE.md is not found");
}

#[test]
fn the_library_neither_prints_nor_exits_nor_unwraps() {
    none_of(r"\b(?:e?print(?:ln)?!|dbg!|process::exit|todo!|unimplemented!)|\.unwrap\(\)", Source::is_library);
}

#[test]
fn the_library_reads_no_files_clocks_or_environment() {
    // What runs jobs is what this is not about; it has a folder of its own. Lengths of time are no clock.
    let pattern =
        r"\bstd::(?:fs|net|process|thread)\b|\bstd::env::(?:var|args|current)|\bstd::time::(?:Instant|SystemTime|\{)|\bInstant::now";
    none_of(pattern, |source| source.is_library() && !source.path.starts_with("src/run/live/"));
}

#[test]
fn unsafe_code_stays_in_the_file_that_talks_to_libyaml() {
    none_of(r"\bunsafe\s*(?:\{|fn|impl|extern|trait)|unsafe_code", |source| source.path != "src/yaml/events.rs");
}

#[test]
fn lints_are_expected_with_a_reason_and_imports_are_named() {
    none_of(r"#!?\[allow\(|\bsuper::super::|^\s*(?:pub )?use .*::\*;", |_| true);
}

#[test]
fn every_file_says_what_it_makes() {
    let silent: Vec<String> =
        sources().into_iter().filter(|source| !source.is_test() && !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(silent.is_empty(), "these don't begin with `//!`: {silent:?}");
}

#[test]
fn files_are_short() {
    let long: BTreeMap<String, usize> =
        sources().into_iter().map(|source| (source.path, source.text.lines().count())).filter(|(_, lines)| *lines > MOST_LINES).collect();
    let excused: BTreeSet<&str> = LONG.iter().map(|(path, _)| *path).collect();
    let wrong: Vec<_> = long.iter().filter(|(path, _)| !excused.contains(path.as_str())).collect();
    assert!(wrong.is_empty(), "over {MOST_LINES} lines: {wrong:?}");
    let stale: Vec<_> = excused.into_iter().filter(|path| !long.contains_key(*path)).collect();
    assert!(stale.is_empty(), "no longer in need of an exception: {stale:?}");
}

#[test]
fn nothing_is_left_to_do_and_no_machine_is_named() {
    // Spelled apart, so that this file doesn't find itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")].join("|");
    let paths = [concat!("/wo", "rk/main"), concat!("/wo", "rk/shared"), concat!("/tmp/", "w/")].join("|");
    let pattern = Regex::new(&format!(r"\b(?:{words})\b|{paths}")).unwrap();
    let mut wrong = Vec::new();
    for path in texts() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        let lines = text.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        wrong.extend(lines.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fails with every line of code that `pattern` matches in the sources that `concerns` picks.
fn none_of(pattern: &str, concerns: impl Fn(&Source) -> bool) {
    let pattern = Regex::new(pattern).unwrap();
    let wrong: Vec<String> =
        sources().iter().filter(|source| !source.is_test() && concerns(source)).flat_map(|source| source.lines(&pattern)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each module with what it may use, from ARCHITECTURE.md.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let name = Regex::new("`([a-z_]+)`").unwrap();
    let names = |cell: &str| name.captures_iter(cell).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').collect();
        let module = cells[0].trim().trim_end_matches('`').to_owned();
        Some((module, names(cells.get(2)?).into_iter().collect()))
    });
    rows.collect()
}

fn reaches(allowed: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(module) = open.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            open.extend(allowed.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn sources() -> Vec<Source> {
    let patterns = Patterns {
        comment: Regex::new(r"(?m)^[ \t]*//.*$").unwrap(),
        tests: Regex::new(r"#\[cfg\(test\)\]\n(?:pub\(\w+\) )?mod \w+ \{").unwrap(),
    };
    let files = files_below(&root().join("src")).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut sources: Vec<Source> = files.map(|path| source(&path, &patterns)).collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "the sources are not found");
    sources
}

/// What is not code.
struct Patterns {
    comment: Regex,
    tests: Regex,
}

fn source(path: &Path, patterns: &Patterns) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let module = path["src/".len()..].split(['/', '.']).next().unwrap_or_default().to_owned();
    // A test module is the last thing in its file.
    let end = patterns.tests.find(&text).map_or(text.len(), |found| found.start());
    let code = patterns.comment.replace_all(&text[..end], "").into_owned();
    Source { path, module, text, code }
}

/// The texts that people read or that are compiled: everything but build output, fixtures and examples.
fn texts() -> Vec<String> {
    let folders = ["src", "docs", "templates", "schemas", "benches", "tests"];
    let files = folders.iter().flat_map(|folder| files_below(&root().join(folder)));
    let top = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file() && !path.ends_with(".git"));
    let paths = files.chain(top).map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"));
    paths.filter(|path| !(path.starts_with("tests/") && path.ends_with(".yml"))).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
