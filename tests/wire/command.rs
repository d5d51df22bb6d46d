//! The words of a `docker build`, as a shell hands them over → its arguments, and the files that must be there for a client to take them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

/// Flags of `docker build` that stand alone; a flag that is none of them takes the next word, if it has no `=`.
const SWITCHES: &str = "--no-cache --pull --push --load --rm --force-rm --compress --squash --quiet -q --disable-content-trust --check --debug -D \
    --stream --detach -d --suppress-no-output-warning --save --lint";
/// Flags between `docker` and its command that take a value.
const GLOBAL: &str = "-H --host -c --context --config -l --log-level --tlscacert --tlscert --tlskey";

/// One `docker build`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Build {
    /// What follows the word `build`.
    pub arguments: Vec<String>,
}

impl Build {
    /// Reads `words`, which begin with the program; none where they build nothing.
    pub fn of(words: &[String]) -> Option<Self> {
        let (program, mut rest) = words.split_first()?;
        while let Some(flag) = rest.first().filter(|word| word.starts_with('-')) {
            let taken = if GLOBAL.split_whitespace().any(|known| known == flag) { 2 } else { 1 };
            rest = rest.get(taken..)?;
        }
        let arguments = match (program.as_str(), rest.iter().map(String::as_str).take(2).collect::<Vec<_>>().as_slice()) {
            ("docker", ["buildx" | "image" | "builder", "build"] | ["buildx", "b"]) => &rest[2..],
            ("docker" | "docker-buildx" | "depot", ["build", ..]) => &rest[1..],
            _ => return None,
        };
        Some(Self { arguments: arguments.to_vec() })
    }

    /// The values of a flag, by its names.
    pub fn values(&self, names: &[&str]) -> Vec<&str> {
        self.parts().filter_map(|part| part.flag.filter(|flag| names.contains(flag)).and(part.value)).collect()
    }

    /// The arguments without these flags and their values.
    pub fn without(&self, names: &[&str]) -> Vec<String> {
        let kept = self.parts().filter(|part| part.flag.is_none_or(|flag| !names.contains(&flag)));
        kept.flat_map(|part| part.words.iter().cloned()).collect()
    }

    /// The folder, archive or address that is built.
    pub fn context(&self) -> Option<&str> {
        self.parts().filter(|part| part.flag.is_none()).find_map(|part| part.value)
    }

    /// Ids by which a Dockerfile could ask for secrets and agents.
    pub fn ids(&self) -> BTreeSet<String> {
        let secrets = self.values(&["--secret"]).into_iter().flat_map(|value| fields(value, &["id"]));
        let agents = self.values(&["--ssh"]).into_iter().map(|value| value.split('=').next().unwrap_or(value).to_owned());
        secrets.chain(agents).collect()
    }

    /// Variables that the client reads by name, with a value for each.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let arguments = self.values(&["--build-arg"]).into_iter().filter(|value| !value.contains('=')).map(str::to_owned);
        let secrets = self.values(&["--secret"]).into_iter().flat_map(|value| {
            let by_id = if value.contains("type=env") { fields(value, &["id"]) } else { Vec::new() };
            [fields(value, &["env"]), by_id].concat()
        });
        arguments.chain(secrets).map(|name| (name.clone(), format!("value of {name}"))).collect()
    }

    /// Makes below `folder` what the command reads: its context, its Dockerfile and the files of its secrets. Every folder gets a file that tells it from others.
    pub fn lay_out(&self, folder: &Path) {
        let remote = |path: &str| path == "-" || path.contains("://") || path.starts_with("git@");
        let context = self.context().filter(|path| !remote(path)).unwrap_or(".");
        lay_folder(folder, context);
        let own = Path::new(context).join("Dockerfile").to_string_lossy().into_owned();
        let dockerfile = self.values(&["-f", "--file"]).into_iter().next_back().filter(|path| !remote(path));
        lay_file(folder, dockerfile.unwrap_or(&own), "FROM scratch\n");
        for value in self.values(&["--secret"]) {
            fields(value, &["src", "source"]).iter().for_each(|path| lay_file(folder, path, &format!("text of {path}\n")));
        }
        for value in self.values(&["--build-context"]) {
            if let Some((_, path)) = value.split_once('=').filter(|(_, path)| !remote(path)) {
                lay_folder(folder, path);
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = self.arguments.as_slice();
        std::iter::from_fn(move || {
            let word = rest.first()?;
            let (part, taken) = part(word, rest);
            rest = &rest[taken..];
            Some(part)
        })
    }
}

struct Part<'a> {
    flag: Option<&'a str>,
    value: Option<&'a str>,
    words: &'a [String],
}

fn part<'a>(word: &'a str, rest: &'a [String]) -> (Part<'a>, usize) {
    let alone = SWITCHES.split_whitespace().any(|switch| switch == word);
    let (flag, value, taken) = if word == "-" || !word.starts_with('-') {
        (None, Some(word), 1)
    } else if let Some((flag, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        (Some(flag), Some(value), 1)
    } else if alone {
        (Some(word), None, 1)
    } else if !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2) {
        (Some(&word[..2]), Some(word[2..].trim_start_matches('=')), 1)
    } else {
        (Some(word), rest.get(1).map(String::as_str), 2.min(rest.len()))
    };
    (Part { flag, value, words: &rest[..taken] }, taken)
}

/// The values of `NAME=VALUE` with one of `names`, between commas.
fn fields(value: &str, names: &[&str]) -> Vec<String> {
    let fields = value.split(',').filter_map(|field| field.split_once('='));
    fields.filter(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned()).collect()
}

/// Makes below `folder` the files that `script` reads into a command.
pub fn lay_out_redirections(script: &str, folder: &Path) {
    let redirection = regex::Regex::new(r"(?:^|\s)<\s*([\w./-]+)").expect("the pattern is valid");
    redirection.captures_iter(script).for_each(|found| lay_file(folder, &found[1], "FROM scratch\n"));
}

fn lay_file(folder: &Path, path: &str, text: &str) {
    let parent = Path::new(path).parent().unwrap_or(Path::new(""));
    if let Some(path) = inside(folder, path)
        && lay_folder(folder, &parent.to_string_lossy())
        && !path.is_dir()
    {
        let _ = fs::write(path, text);
    }
}

/// Makes a folder below `folder`, with a file of its own in it and in each folder on the way.
fn lay_folder(folder: &Path, path: &str) -> bool {
    let Some(path) = inside(folder, path) else { return false };
    let mut made = folder.to_owned();
    let steps = path.strip_prefix(folder).unwrap_or(Path::new("")).components();
    for step in std::iter::once(Component::CurDir).chain(steps) {
        made.push(step);
        let name = match step {
            Component::Normal(name) => name.to_string_lossy().into_owned(),
            _ => "root".to_owned(),
        };
        if fs::create_dir_all(&made).is_err() || fs::write(made.join(format!("this-is-{name}")), "").is_err() {
            return false;
        }
    }
    true
}

/// `path` from `folder`, if it does not lead out of it.
fn inside(folder: &Path, path: &str) -> Option<std::path::PathBuf> {
    let relative = Path::new(path).strip_prefix(folder).unwrap_or(Path::new(path));
    let inner = relative.components().all(|step| matches!(step, Component::Normal(_) | Component::CurDir));
    inner
        .then(|| relative.components().fold(folder.to_owned(), |made, step| if step == Component::CurDir { made } else { made.join(step) }))
}

#[test]
fn arguments_are_told_from_the_values_of_flags() {
    let words: Vec<String> = "docker -H tcp://d:1 --tls build --no-cache -tA -f=b/D --build-arg X --secret id=s,src=k -q c"
        .split(' ')
        .map(str::to_owned)
        .collect();
    let build = Build::of(&words).unwrap();
    assert_eq!(build.context(), Some("c"));
    assert_eq!((build.values(&["-t"]), build.values(&["-f"])), (vec!["A"], vec!["b/D"]));
    assert_eq!(build.ids(), BTreeSet::from(["s".to_owned()]));
    assert_eq!(build.without(&["--secret", "-q", "--build-arg"]).join(" "), "--no-cache -tA -f=b/D c");
    assert_eq!(Build::of(&["docker".to_owned(), "push".to_owned()]), None);
}
