//! The pipelines that tests read when they are there, and changes to texts that are the same in every run.

use std::path::{Path, PathBuf};

/// The YAML files of the corpus in order of their paths; none, with a reason printed, where it is absent.
pub fn files() -> Vec<(String, String)> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("UNDIND_CORPUS").map_or(default, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: no corpus of pipelines, set UNDIND_CORPUS");
        return Vec::new();
    }
    let mut paths: Vec<PathBuf> = walkdir::WalkDir::new(&folder)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| Some((path.display().to_string(), std::fs::read_to_string(path).ok()?));
    paths.into_iter().filter_map(read).collect()
}

/// Marsaglia's xorshift: numbers that look random and are the same for the same seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `bound`, which isn't 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }
}

/// Inserts, deletes or moves a little of `text`; what is inserted is one of `inserts`.
pub fn mutate(text: &str, inserts: &[&str], numbers: &mut Numbers) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..=numbers.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = numbers.below(lines.len());
        match numbers.below(5) {
            0 => drop(lines.remove(at)),
            1 => {
                let other = numbers.below(lines.len());
                lines.swap(at, other);
            }
            2 => {
                let line = &mut lines[at];
                let place = boundary(line, numbers);
                line.insert_str(place, inserts[numbers.below(inserts.len())]);
            }
            3 => lines[at].insert_str(0, &"  "[..=numbers.below(2)]),
            _ => {
                let line = &mut lines[at];
                let place = boundary(line, numbers);
                if place < line.len() {
                    line.remove(place);
                }
            }
        }
    }
    lines.concat()
}

fn boundary(text: &str, numbers: &mut Numbers) -> usize {
    let mut at = numbers.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
