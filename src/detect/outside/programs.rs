//! Command lines into whether they change something elsewhere, by what is known of their programs. Knows no shell and no files.

use crate::detect::outside::requests;
use crate::detect::outside::tables::{
    ALWAYS, BUILDERS, CONTAINER_VALUED, HARMFUL, HARMLESS, INSTALLS, INTERPRETERS, LANES, LOOKS, MAKES, QUIET, REACHING, RSYNC, RUNNERS,
    SCRIPTS, SURELY, TASKS, VALUED, WORDS,
};

/// Most words of a command line that are looked at as a command of their own.
const MAX_WORDS: usize = 64;

/// The name of a program as the tables have it: without folder, ending of Windows, tag of an image and a version behind it.
fn plain(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    let name = name.split('@').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let name = [".exe", ".cmd", ".bat"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-').to_owned()
}

/// Whether the program `name` with `arguments`, in which unknown variables stand as `${NAME}`, changes something elsewhere. `local` are names of hosts that
/// belong to the job.
pub fn acts(name: &str, arguments: &[&str], local: &[&str]) -> bool {
    let exact = name.rsplit('/').next().unwrap_or(name);
    at_depth(exact, name, arguments, local, 0)
}

/// Programs that run others within each other, at most.
const MAX_WITHIN: usize = 2;

fn at_depth(exact: &str, name: &str, arguments: &[&str], local: &[&str], depth: usize) -> bool {
    names(name).chain([exact.to_owned()]).any(|name| by_name(&name, arguments, local, depth))
}

/// What the tables may call a program: an image is often called `amazon/aws-cli`.
fn names(name: &str) -> impl Iterator<Item = String> {
    let plain = plain(name);
    let shorter = plain.strip_suffix("-cli").map(str::to_owned);
    std::iter::once(plain).chain(shorter)
}

fn by_name(name: &str, arguments: &[&str], local: &[&str], depth: usize) -> bool {
    let has = |wanted: &[&str]| arguments.iter().any(|argument| wanted.contains(argument));
    if is_rehearsal(name, arguments) {
        return false;
    }
    if ALWAYS.contains(&name) {
        let makes = |first: &str| BUILDERS.contains(&name) && matches!(first, "build" | "package");
        let first = words(arguments, VALUED).first().copied().filter(|_| !REACHING.contains(&name));
        let is_quiet = first.is_some_and(|first| QUIET.contains(&first) || makes(first));
        return arguments.is_empty()
            || !(is_quiet || arguments.iter().all(|argument| matches!(*argument, "--version" | "version" | "-V" | "--help" | "help")));
    }
    let told = words(arguments, VALUED);
    if let Some((_, harmless)) = HARMLESS.iter().find(|(known, _)| *known == name) {
        let is_told = harmless.iter().any(|known| known.starts_with('-') && has(&[known]));
        let is_asked = told.is_empty() && has(&["--version", "--help", "-h"]);
        return !(is_told || is_asked || only_fetches(name, &told) || harmless.iter().any(|known| begins(&told, known)));
    }
    // Elsewhere a short option may be a switch, and what stands behind it is what is done: `mvn -e deploy`.
    let words = words(arguments, if matches!(name, "mvn" | "mvnw") { &["-pl", "--projects"] } else { &[] });
    let harmful = HARMFUL.iter().find(|(known, _)| *known == name);
    let is_kept_here = name == "git" && words.first() == Some(&"stash");
    if !is_kept_here && harmful.is_some_and(|(_, harmful)| harmful.iter().any(|known| within(&words, arguments, known))) {
        return true;
    }
    match name {
        "curl" => requests::curl(arguments, local),
        "wget" => requests::wget(arguments, local),
        _ if requests::DATABASES.contains(&name) => requests::database(arguments, local),
        "http" | "https" | "xh" => has(&["POST", "PUT", "PATCH", "DELETE"]),
        "rsync" => arguments.iter().rfind(|argument| !argument.starts_with('-')).is_some_and(|to| {
            let own = ["${CI_PROJECT_DIR}", "${PWD}", "${HOME}", "${TMPDIR}"];
            to.contains(':') || (to.starts_with("${") && !own.iter().any(|own| to.starts_with(own)))
        }),
        "invoke-restmethod" | "invoke-webrequest" | "irm" | "iwr" => {
            arguments.iter().any(|argument| ["post", "put", "patch", "delete"].contains(&&*argument.to_ascii_lowercase()))
        }
        "buildctl" | "buildctl-daemonless.sh" => arguments.iter().any(|argument| argument.contains("push=true")),
        "terraform" | "tofu" | "terragrunt" if !words.is_empty() && words.iter().all(|word| word.starts_with("${")) => true,
        "gh" | "glab" if begins(&words, "api") => {
            has(&["-X", "--method", "-f", "--raw-field", "-F", "--field", "--input"]) && !has(&["GET"])
        }
        "vault" => begins(&words, "write") && !words.get(1).is_some_and(|path| path.starts_with("auth/") && path.contains("login")),
        // `cargo build --profile release` is none.
        "cargo" => words.iter().find(|word| !word.starts_with('+')) == Some(&"release"),
        "goreleaser" => words.is_empty() && !has(&["--version", "-v", "--help"]),
        "dagger" => begins(&words, "call") && words.iter().skip(1).any(|word| speaks(word)),
        _ if TASKS.contains(&name) && task(name, arguments) => true,
        _ if INTERPRETERS.contains(&name) && file(arguments).is_some_and(speaks) => true,
        _ if INTERPRETERS.contains(&name) && words.first().is_some_and(|first| TASKS.contains(&&*plain(first))) => {
            let first = arguments.iter().position(|argument| !argument.starts_with('-')).unwrap_or_default();
            task(&plain(arguments[first]), &arguments[first + 1..])
        }
        _ if RUNNERS.contains(&name) && depth < MAX_WITHIN => inner(name, arguments, local, depth + 1),
        _ => false,
    }
}

/// Whether nothing but a look is taken. `-n` means that to few programs.
fn is_rehearsal(name: &str, arguments: &[&str]) -> bool {
    // What these are given is done elsewhere, whatever it is.
    if matches!(name, "ssh" | "sshpass" | "mosh" | "scp" | "sftp") {
        return false;
    }
    arguments.iter().any(|argument| match argument.split_once('=') {
        Some(("--dry-run" | "--dryrun", how)) => !matches!(how, "none" | "false" | "0"),
        Some(_) => false,
        None => {
            matches!(*argument, "--dry-run" | "--dryrun")
                || (*argument == "-n" && matches!(name, "git" | "cargo" | "make" | "rsync"))
                || (*argument == "-m" && matches!(name, "gradle" | "gradlew"))
                || (*argument == "-d" && (name == "semantic-release" || arguments.contains(&"semantic-release")))
                || (name == "rsync"
                    && argument
                        .strip_prefix('-')
                        .is_some_and(|cluster| cluster.contains('n') && cluster.chars().all(|flag| RSYNC.contains(flag))))
                || (*argument == "--snapshot" && name == "goreleaser")
        }
    })
}

/// The words that are no options, without the values of those in `valued`.
fn words<'a>(arguments: &[&'a str], valued: &[&str]) -> Vec<&'a str> {
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if valued.contains(argument) {
            rest.next();
        } else if !argument.starts_with('-') && !argument.is_empty() {
            words.push(*argument);
        }
    }
    words
}

/// Whether `words` begin with those of `known`.
fn begins(words: &[&str], known: &str) -> bool {
    known.split(' ').enumerate().all(|(index, part)| words.get(index).is_some_and(|word| is(word, part)))
}

/// Whether the words of `known` stand one behind the other anywhere among the words that are no options, or a single one among all.
fn within(words: &[&str], all: &[&str], known: &str) -> bool {
    if known.starts_with('-') {
        return all.contains(&known);
    }
    (0..words.len()).any(|from| {
        begins(&words[from..], known) || (!known.contains(' ') && words[from].rsplit(':').next().is_some_and(|last| is(last, known)))
    })
}

fn is(word: &str, known: &str) -> bool {
    known.strip_suffix('*').map_or(word == known, |beginning| word.starts_with(beginning))
}

/// Whether `aws` only brings something here, or asks.
fn only_fetches(name: &str, words: &[&str]) -> bool {
    let asks =
        |word: &&str| ["describe-", "list-", "get-", "head-", "validate-", "wait"].iter().any(|beginning| word.starts_with(beginning));
    let fetches = match words {
        ["s3", "cp" | "sync", from, to, ..] => from.starts_with("s3://") && !to.starts_with("s3://") && !to.starts_with("${"),
        // To the standard output.
        ["s3", "cp", from] => from.starts_with("s3://"),
        _ => false,
    };
    name == "aws" && (fetches || words.get(1).is_some_and(asks))
}

/// Whether a task is named that reaches out.
fn task(name: &str, arguments: &[&str]) -> bool {
    let own = arguments.split(|argument| *argument == "--").next().unwrap_or_default();
    let is_make = matches!(name, "make" | "gmake");
    let mut words = Vec::new();
    let mut rest = own.iter();
    while let Some(argument) = rest.next() {
        let has_value =
            matches!(*argument, "--directory" | "--file" | "--prefix" | "--filter" | "--workspace" | "-F" | "-pl" | "--projects")
                || (is_make && matches!(*argument, "-C" | "-f"));
        if has_value {
            rest.next();
        } else if (!argument.starts_with('-') || matches!(name, "tox" | "nox")) && !argument.contains('=') {
            words.push(*argument);
        }
    }
    if matches!(name, "npm" | "pnpm" | "yarn" | "composer" | "bun") && words.first().is_some_and(|first| INSTALLS.contains(first)) {
        return false;
    }
    // Of a database, most likely the one of the job.
    if words.windows(2).any(|pair| pair == ["migrate", "deploy"]) {
        return false;
    }
    // Gradle and Mage write their tasks as one word: what is done stands first in it. Publishing to the machine itself stays here.
    let is_gradle = matches!(name, "gradle" | "gradlew");
    let says = |word: &&str| {
        let last = if is_gradle { word.rsplit(':').next().unwrap_or(word) } else { word };
        let ends = |ends: &[&str]| ends.iter().any(|end| last.ends_with(end));
        let inside = is_gradle && ["Push", "Publish", "Deploy", "Upload"].iter().any(|part| last.contains(part));
        !matches!(last, "publishToMavenLocal" | "publishLocal" | "publishM2")
            && (speaks(last) || inside || last == "apply" || ends(&["-apply", ":apply", "_apply"]))
    };
    words.iter().any(says)
        || own.contains(&"--publishImage")
        || (name == "fastlane"
            && !words.is_empty()
            && !words.iter().any(|word| LANES.iter().any(|lane| word.to_ascii_lowercase().contains(lane))))
}

/// The file that an interpreter is given.
fn file<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let first = arguments.iter().find(|argument| !argument.starts_with('-'))?;
    (!arguments.iter().any(|argument| matches!(*argument, "-c" | "-e" | "-m")) && first.contains('.')).then_some(*first)
}

/// Whether one of the words begins a command that changes something elsewhere, or is the text of one.
fn inner(name: &str, arguments: &[&str], local: &[&str], depth: usize) -> bool {
    let start = start(name, arguments);
    let is_value = |at: usize| at > 0 && CONTAINER_VALUED.contains(&arguments[at - 1]);
    // What is installed is not run. A container or a file may be called so.
    let installs = |at: &usize| {
        let before = at.checked_sub(1).map_or("", |before| arguments[before]);
        INSTALLS.contains(&arguments[*at]) && !before.starts_with('-') && !matches!(before, "run" | "exec")
    };
    let end = (0..arguments.len()).find(installs).unwrap_or(arguments.len());
    // A module is named at once.
    let end = if matches!(name, "python" | "py") { end.min(start + 1) } else { end.min(start + MAX_WORDS) };
    (start..end).any(|at| {
        let (word, rest) = (arguments[at], &arguments[at + 1..]);
        let is_name = !word.starts_with('-') && !word.contains(['=', ' ']) && !is_value(at);
        let is_script = is_name && SCRIPTS.iter().any(|end| word.ends_with(end)) && speaks(word) && !rest.contains(&"--dry-run");
        let exact = word.rsplit('/').next().unwrap_or(word);
        is_script
            || (is_name && (pushes(word, rest) || (is_tabled(word) && at_depth(exact, word, rest, local, depth))))
            || (word == "-c" && rest.first().is_some_and(|text| is_text_of_one(text, local)))
    })
}

/// Whether a container of the image `word` sends images: those of kaniko and of tools for registries are called like their programs.
fn pushes(word: &str, arguments: &[&str]) -> bool {
    let has = |wanted: &[&str]| arguments.iter().any(|argument| wanted.contains(argument));
    let has_destination = arguments.iter().any(|argument| argument.starts_with("--destination"));
    match &*plain(word) {
        "executor" | "kaniko-executor" => has_destination && !has(&["--no-push"]),
        "crane" | "skopeo" | "regctl" | "buildah" | "docker" => word.contains(['/', ':']) && has(&["copy", "cp", "push", "sync"]),
        _ => false,
    }
}

/// Where another program may begin among the arguments of one that runs others.
fn start(name: &str, arguments: &[&str]) -> usize {
    let behind = |options: &[&str]| arguments.iter().position(|argument| options.contains(argument)).map_or(arguments.len(), |at| at + 1);
    match name {
        "docker" | "podman" | "nerdctl" | "docker-compose" => {
            let start = behind(&["run", "exec"]);
            let names_a_container = name == "docker-compose" || arguments[..start].iter().any(|word| matches!(*word, "exec" | "compose"));
            let is_it = |at: &usize| !arguments[*at].starts_with('-') && !CONTAINER_VALUED.contains(&arguments[*at - 1]);
            if names_a_container { (start..arguments.len()).find(is_it).map_or(arguments.len(), |at| at + 1) } else { start }
        }
        "find" => behind(&["-exec", "-execdir", "-ok"]),
        "python" | "py" => behind(&["-m"]),
        "su" | "runuser" => behind(&["-c", "--command"]).saturating_sub(1),
        _ => 0,
    }
}

/// Whether the tables say what a program does with its words.
pub fn is_listed(name: &str) -> bool {
    names(name).any(|name| {
        let among = |table: &[(&str, &[&str])]| table.iter().any(|(known, _)| *known == name);
        let runs = |table: &[&str]| table.contains(&&*name);
        among(HARMLESS) || among(HARMFUL) || runs(ALWAYS) || runs(TASKS) || runs(&["curl", "wget", "rsync"]) || runs(requests::DATABASES)
    })
}

/// Whether a program may be one that changes something elsewhere, or runs another one.
fn is_tabled(name: &str) -> bool {
    is_listed(name) || names(name).any(|name| INTERPRETERS.contains(&&*name) || RUNNERS.contains(&&*name))
}

/// Whether a line or text that some shell is given has such a command, roughly: by its words.
pub fn is_text_of_one(text: &str, local: &[&str]) -> bool {
    text.split(['\n', ';', '|', '&']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        let start = words.iter().position(|word| !word.contains('=')).unwrap_or_default();
        words.get(start).is_some_and(|name| acts(name, &words[start + 1..], local))
    })
}

/// Whether one of the words of `name`, the last part of a path, is one of [`WORDS`]: `deploy-prod`, `publishPlugins`, `docker_push.sh`.
pub fn speaks(name: &str) -> bool {
    let last = name.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(name);
    let parts: Vec<&str> = last.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let first_of = |part: &str| {
        let end = part.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase()).map_or(part.len(), |(at, _)| at);
        // All in capitals is one word.
        let end = if part.chars().all(|c| !c.is_ascii_lowercase()) { part.len() } else { end };
        part[..end].to_ascii_lowercase()
    };
    let firsts: Vec<String> = parts.iter().map(|part| first_of(part)).collect();
    let has = |table: &[&str]| firsts.iter().any(|word| table.contains(&&**word));
    !has(LOOKS) && (has(SURELY) || (has(WORDS) && !has(MAKES)))
}
