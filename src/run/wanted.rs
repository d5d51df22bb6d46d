//! `paths`, `exclude` and `untracked` of artifacts and caches into the files that they stand for, as GitLab Runner finds them
//! (gitlab-runner, `commands/helpers/file_archiver.go`, with the patterns of doublestar v4). Knows no file system.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex::Regex;

/// Which files of a project folder are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    paths: Vec<Pattern>,
    exclude: Vec<Pattern>,
    /// Where files that git does not know are wanted: those that it knows.
    tracked: Option<Arc<BTreeSet<String>>>,
    /// Paths outside of the project, as written.
    pub outside: Vec<String>,
}

/// One path, and whether something matched it.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// The path, relative to the project.
    relative: String,
    regex: Regex,
    found: bool,
}

impl Wanted {
    /// The files below `project`, an absolute path, that `paths` stand for and `exclude` does not; with `tracked`, also those that are none of these.
    ///
    /// # Errors
    /// A message where a pattern is none.
    pub fn new(project: &str, paths: &[String], exclude: &[String], tracked: Option<Arc<BTreeSet<String>>>) -> Result<Self, String> {
        let mut wanted = Self { paths: Vec::new(), exclude: Vec::new(), tracked, outside: Vec::new() };
        for path in paths {
            match within(project, path) {
                Some(relative) => wanted.paths.push(Pattern::new(path, &relative)?),
                None => wanted.outside.push(path.clone()),
            }
        }
        for path in exclude {
            if let Some(relative) = within(project, path) {
                wanted.exclude.push(Pattern::new(path, &relative)?);
            }
        }
        Ok(wanted)
    }

    /// Whether the entry at `path`, relative to the project and with `/`, is wanted: it or a folder above it matches, and itself is not excluded.
    pub fn has(&mut self, path: &str, is_folder: bool) -> bool {
        if path == ".git" || path.starts_with(".git/") {
            return false;
        }
        let untracked = !is_folder && self.tracked.as_ref().is_some_and(|tracked| !is_known(tracked, path));
        let mut matched = untracked;
        for pattern in &mut self.paths {
            if pattern.covers(path) {
                pattern.found = true;
                matched = true;
            }
        }
        matched && !self.exclude.iter().any(|pattern| pattern.regex.is_match(path))
    }

    /// The paths that nothing matched, as written.
    pub fn unmatched(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter(|pattern| !pattern.found).map(|pattern| pattern.text.as_str())
    }

    /// Folders that hold all that is wanted, relative to the project; the empty one is the project itself.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<String> {
        if self.tracked.is_some() {
            return BTreeSet::from([String::new()]);
        }
        let roots: BTreeSet<String> = self.paths.iter().map(Pattern::root).collect();
        // Of a folder and one below it the upper is enough.
        let below = |root: &String, other: &String| other.is_empty() || root.starts_with(&format!("{other}/"));
        roots.iter().filter(|root| !roots.iter().any(|other| *root != other && below(root, other))).cloned().collect()
    }
}

impl Pattern {
    fn new(text: &str, relative: &str) -> Result<Self, String> {
        let source = format!("^(?s:{})$", regex_of(relative));
        let regex = Regex::new(&source).map_err(|_| format!("`{text}` is no pattern of paths"))?;
        Ok(Self { text: text.to_owned(), relative: relative.to_owned(), regex, found: false })
    }

    /// Whether it matches `path` or a folder above it.
    fn covers(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        self.relative.is_empty() || ends.any(|end| self.regex.is_match(&path[..end]))
    }

    /// The folder in which everything lies that it matches, or the path itself where it is no pattern.
    fn root(&self) -> String {
        let literal: Vec<&str> = self.relative.split('/').take_while(|segment| !segment.contains(['*', '?', '[', '{', '\\'])).collect();
        literal.join("/")
    }
}

/// `path` relative to `project`; nothing where it lies outside.
fn within(project: &str, path: &str) -> Option<String> {
    let path = match path.strip_prefix('/') {
        Some(_) => {
            let rest = path.strip_prefix(project)?;
            if rest.is_empty() { "" } else { rest.strip_prefix('/')? }
        }
        None => path,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A regular expression for the whole of a path: `**` as a segment of its own is any number of folders, also none; within a segment it is a `*`.
fn regex_of(pattern: &str) -> String {
    let mut out = String::new();
    let segments: Vec<&str> = split(pattern);
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        if *segment == "**" {
            match (index, is_last) {
                (0, true) => out.push_str(".*"),
                // `dir/**` is also `dir` itself.
                (_, true) => {
                    out.truncate(out.len() - 1);
                    out.push_str("(?:/.*)?");
                }
                (_, false) => out.push_str("(?:[^/]+/)*"),
            }
            continue;
        }
        out.push_str(&segment_of(segment));
        if !is_last {
            out.push('/');
        }
    }
    out
}

/// The segments of a pattern; a `/` within braces does not split.
fn split(pattern: &str) -> Vec<&str> {
    let (mut depth, mut from, mut segments) = (0_usize, 0, Vec::new());
    for (index, character) in pattern.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                segments.push(&pattern[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    segments.push(&pattern[from..]);
    segments
}

fn segment_of(segment: &str) -> String {
    let mut out = String::new();
    let mut characters = segment.chars().peekable();
    let mut depth = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '*' => {
                while characters.next_if_eq(&'*').is_some() {}
                out.push_str("[^/]*");
            }
            '?' => out.push_str("[^/]"),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => out.push_str(&class(&mut characters)),
            '\\' => out.push_str(&regex::escape(&characters.next().unwrap_or('\\').to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out
}

/// A class of characters behind its `[`; a `[` that nothing closes is itself.
fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let rest: String = characters.clone().collect();
    let negated = rest.starts_with(['!', '^']);
    let inside = rest.strip_prefix(['!', '^']).unwrap_or(&rest);
    let Some(end) = inside.char_indices().skip(1).find(|(_, character)| *character == ']').map(|(index, _)| index) else {
        return regex::escape("[");
    };
    let skipped = inside[..end].chars().count() + 1 + usize::from(negated);
    characters.by_ref().take(skipped).for_each(drop);
    let escaped: String = inside[..end].chars().flat_map(|c| if "[]\\&~^".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    format!("[{}{escaped}]", if negated { "^/" } else { "" })
}

/// Whether git knows a file, or the submodule that it lies in, where it does not look.
fn is_known(tracked: &BTreeSet<String>, path: &str) -> bool {
    tracked.contains(path) || path.match_indices('/').any(|(at, _)| tracked.contains(&path[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(paths: &[&str], exclude: &[&str], path: &str, is_folder: bool) -> bool {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Wanted::new("/builds/p", &owned(paths), &owned(exclude), None).unwrap().has(path, is_folder)
    }

    #[test]
    fn a_folder_stands_for_all_that_it_holds() {
        assert!(wants(&["dist"], &[], "dist/a/b", false) && wants(&["dist/"], &[], "dist", true) && wants(&["."], &[], "x/y", false));
        assert!(!wants(&["dist"], &[], "distant", false) && !wants(&["."], &[], ".git/config", false));
    }

    #[test]
    fn two_stars_are_folders_where_they_stand_alone_and_one_star_elsewhere() {
        assert!(wants(&["path/**/*.txt"], &[], "path/a/b/c.txt", false) && wants(&["path/**/*.txt"], &[], "path/c.txt", false));
        assert!(wants(&["a**.txt"], &[], "abc.txt", false) && !wants(&["a**.txt"], &[], "a/b.txt", false));
        assert!(wants(&["*"], &[], "a/b", false) && wants(&["*"], &[], ".env", false) && !wants(&["*.txt"], &[], "a/b.txt", false));
    }

    #[test]
    fn what_is_excluded_is_excluded_entry_by_entry() {
        let exclude = ["a/d", "a/e/**", "b/**/*"];
        assert!(wants(&["a"], &exclude, "a/d/f", false) && !wants(&["a"], &exclude, "a/d", true));
        assert!(!wants(&["a"], &exclude, "a/e/f", false) && !wants(&["a"], &exclude, "a/e", true));
        assert!(!wants(&["b"], &exclude, "b/c", false) && wants(&["b"], &exclude, "b", true));
    }

    #[test]
    fn alternatives_and_classes() {
        assert!(wants(&["{a,b/c}/x"], &[], "b/c/x", false) && !wants(&["{a,b/c}/x"], &[], "b/x", false));
        assert!(wants(&["[!a]x"], &[], "bx", false) && !wants(&["[!a]x"], &[], "ax", false) && wants(&["[ab"], &[], "[ab", false));
    }

    #[test]
    fn paths_outside_of_the_project_are_told() {
        let paths = ["/builds/p/dist".to_owned(), "/etc/passwd".to_owned(), "../x".to_owned(), "/builds/p2".to_owned()];
        let mut wanted = Wanted::new("/builds/p", &paths, &[], None).unwrap();
        assert!(wanted.has("dist", true));
        assert_eq!(wanted.outside, ["/etc/passwd", "../x", "/builds/p2"]);
    }

    #[test]
    fn only_folders_that_can_hold_something_are_walked() {
        let roots = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            Wanted::new("/p", &paths, &[], None).unwrap().roots().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(roots(&["a.b/c-d/*.txt", "e", "e/f"]), ["a.b/c-d", "e"]);
        assert_eq!(roots(&["x/**", "**/y"]), [""]);
    }

    #[test]
    fn untracked_files_are_those_that_git_does_not_know() {
        let tracked = Arc::new(BTreeSet::from(["a".to_owned(), "submodule".to_owned()]));
        let mut wanted = Wanted::new("/p", &[], &[], Some(tracked)).unwrap();
        assert!(wanted.has("b/c", false) && !wanted.has("a", false) && !wanted.has("b", true));
    }
}
