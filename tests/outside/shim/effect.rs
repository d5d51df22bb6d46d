//! A recorded call → what it does to images: builds, names, publishes, copies. It knows the command lines of docker, buildx, compose, depot, podman, buildah, kaniko,
//! crane, regctl and skopeo, and not what is in a registry.

use super::options::{BUILD_VALUES, COMPOSE_VALUES, GLOBAL_VALUES, KANIKO_VALUES, NEUTRAL};
use super::sandbox::Call;
use super::words::Words;

/// What one call does.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Build(Build),
    Tag {
        from: String,
        to: String,
    },
    Pull(String),
    Push(String),
    /// One index at each of `to`, made from `from`.
    Index {
        to: Vec<String>,
        from: Vec<String>,
        published: bool,
    },
    /// A saved build is published.
    PushSaved {
        to: Vec<String>,
        build: String,
    },
    Login(String),
    /// From here on builds run elsewhere.
    RemoteBuilder,
    /// Talks to the daemon or the client alone, and publishes nothing.
    Other,
    /// No tool that handles images.
    Foreign,
}

/// One image build.
#[derive(Debug, PartialEq, Eq)]
pub struct Build {
    /// Everything that decides what is in the image, in words; arguments that may name an image are apart.
    pub content: String,
    /// Values of `--build-arg`, which may name an image built before.
    pub arguments: Vec<String>,
    pub tags: Vec<String>,
    pub publishes: bool,
    /// Built elsewhere: images that exist only here can't be used.
    pub remote: bool,
    /// The number by which a saved build can be published later.
    pub saved: Option<String>,
}

impl Effect {
    /// What `call` does.
    pub fn of(call: &Call) -> Self {
        let name = call.words[0].as_str();
        let arguments = &call.words[1..];
        match name {
            "docker" | "podman" | "buildah" => client(call, arguments),
            "docker-buildx" => client(call, &[&["buildx".to_owned()], arguments].concat()),
            "docker-compose" | "podman-compose" => compose(call, arguments),
            "depot" => depot(call, arguments),
            "executor" => kaniko(call, arguments),
            "crane" | "skopeo" | "regctl" => copier(arguments),
            _ => Self::Foreign,
        }
    }
}

/// `reference` with the registry and the tag that Docker adds to it.
pub fn canonical(reference: &str) -> String {
    let bare = ["docker://", "docker.io/", "index.docker.io/", "library/"]
        .iter()
        .fold(reference, |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest));
    let last = bare.rsplit('/').next().unwrap_or(bare);
    if last.contains(':') || last.contains('@') { bare.to_owned() } else { format!("{bare}:latest") }
}

/// `path` seen from `folder`, without `.` and `..`.
pub fn placed(folder: &str, path: &str) -> String {
    if path.contains("://") || path == "-" || path.starts_with("git@") {
        return path.to_owned();
    }
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn client(call: &Call, arguments: &[String]) -> Effect {
    let (_, rest) = Words::global(arguments, GLOBAL_VALUES);
    let word = |index: usize| rest.get(index).map_or("", String::as_str);
    let operands = |from: usize, valued: &[&str]| Words::read(rest.get(from..).unwrap_or(&[]), valued).operands;
    match (word(0), word(1)) {
        ("build" | "bud", _) => build(call, &rest[1..], false),
        ("image" | "buildx" | "builder", "build" | "b") => build(call, &rest[2..], false),
        ("buildx", "create") if rest.windows(2).any(|pair| pair == ["--driver", "remote"]) => Effect::RemoteBuilder,
        ("buildx", "bake" | "f") => bake(call, &rest[2..], false),
        ("buildx", "imagetools") if word(2) == "create" => index(&rest[3..], true),
        ("compose", _) => compose(call, &rest[1..]),
        ("push", _) => push(&operands(1, &["authfile", "creds", "f:format", "digestfile"])),
        ("image", "push") => push(&operands(2, &[])),
        ("pull", _) => pull(&operands(1, &["platform", "authfile", "creds"])),
        ("image", "pull") => pull(&operands(2, &["platform"])),
        ("tag", _) => tag(&operands(1, &[])),
        ("image", "tag") => tag(&operands(2, &[])),
        ("manifest", "create") => index_operands(&operands(2, &[]), false),
        ("manifest", "push") => push(&operands(2, &["f:format", "authfile", "creds"])),
        ("login", _) => Effect::Login(operands(1, &["u:username", "p:password", "authfile"]).pop().unwrap_or_default()),
        _ => Effect::Other,
    }
}

fn depot(call: &Call, arguments: &[String]) -> Effect {
    let rest = arguments.get(1..).unwrap_or(&[]);
    match arguments.first().map(String::as_str) {
        Some("build" | "b") => build(call, rest, true),
        Some("bake" | "f") => bake(call, rest, true),
        Some("push") => {
            let words = Words::read(rest, &["t:tag", "project", "token", "target", "progress"]);
            let to = words.values("tag").iter().map(|tag| canonical(tag)).collect();
            Effect::PushSaved { to, build: words.operands.first().cloned().unwrap_or_default() }
        }
        _ => Effect::Other,
    }
}

fn build(call: &Call, arguments: &[String], remote: bool) -> Effect {
    let words = Words::read(arguments, BUILD_VALUES);
    let context = words.operands.first().map_or("none", String::as_str);
    let file = words.last("file").map(|file| placed(&call.folder, &file));
    let file = file.unwrap_or_else(|| format!("{}/Dockerfile", placed(&call.folder, context)));
    let mut rest: Vec<String> = words
        .options
        .iter()
        .filter(|(name, value)| !NEUTRAL.contains(&name.as_str()) && value.as_deref() != Some("false"))
        .map(|(name, value)| {
            let value = value.as_deref().filter(|value| *value != "true");
            format!("--{name} {}", value.unwrap_or(""))
        })
        .collect();
    rest.sort();
    rest.dedup();
    let outputs = words.values("output");
    let exported: Vec<String> =
        outputs.iter().filter_map(|output| output.split(',').find_map(|field| field.strip_prefix("name="))).map(canonical).collect();
    let archives = outputs.iter().filter(|output| output.contains("type=docker"));
    let archive = archives.filter_map(|output| output.split(',').find_map(|field| field.strip_prefix("dest="))).map(str::to_owned).next();
    let publishes = words.has("push") || outputs.iter().any(|output| output.contains("type=registry") || output.contains("push=true"));
    Effect::Build(Build {
        content: format!("build {} with {file} {}", placed(&call.folder, context), rest.join(" ")).trim_end().to_owned(),
        arguments: build_arguments(&words),
        tags: words.values("tag").iter().map(|tag| canonical(tag)).chain(exported).collect(),
        publishes,
        remote,
        saved: words.has("save").then(|| call.build.clone()).or(archive),
    })
}

/// The arguments of a build, sorted; what only steers the cache is left out.
fn build_arguments(words: &Words) -> Vec<String> {
    let mut arguments: Vec<String> =
        words.values("build-arg").into_iter().filter(|argument| !argument.starts_with("BUILDKIT_INLINE_CACHE")).collect();
    arguments.sort();
    arguments.dedup();
    arguments
}

fn kaniko(call: &Call, arguments: &[String]) -> Effect {
    let words = Words::read(arguments, KANIKO_VALUES);
    let context = words.last("context").unwrap_or_else(|| ".".to_owned());
    let context = placed(&call.folder, context.strip_prefix("dir://").unwrap_or(&context));
    let file = words.last("dockerfile").map_or_else(|| format!("{context}/Dockerfile"), |file| placed(&call.folder, &file));
    let mut rest: Vec<String> =
        ["target", "label"].iter().flat_map(|name| words.values(name).into_iter().map(move |value| format!("--{name} {value}"))).collect();
    rest.extend(
        words.values("customPlatform").into_iter().chain(words.values("custom-platform")).map(|platform| format!("--platform {platform}")),
    );
    rest.sort();
    Effect::Build(Build {
        content: format!("build {context} with {file} {}", rest.join(" ")).trim_end().to_owned(),
        arguments: build_arguments(&words),
        tags: words.values("destination").iter().map(|tag| canonical(tag)).collect(),
        publishes: !words.has("no-push") && !words.has("noPush"),
        remote: true,
        saved: None,
    })
}

/// A compose file's services stand for the references that it gives them, which are not known here.
fn services(call: &Call, files: &[String], names: &[String]) -> (String, Vec<String>) {
    let files: Vec<String> = files.iter().map(|file| placed(&call.folder, file)).collect();
    let files = if files.is_empty() { format!("the compose file of {}", placed(&call.folder, ".")) } else { files.join(" and ") };
    let all = ["*".to_owned()];
    let names = if names.is_empty() { &all[..] } else { names };
    let tags = names.iter().map(|name| format!("service {name} of {files}")).collect();
    (files, tags)
}

fn bake(call: &Call, arguments: &[String], remote: bool) -> Effect {
    let words = Words::read(arguments, COMPOSE_VALUES);
    let (files, tags) = services(call, &words.values("file"), &words.operands);
    let mut sets = words.values("set");
    sets.retain(|set| !set.contains(".args."));
    Effect::Build(Build {
        content: format!("build services of {files} {}", sets.join(" ")).trim_end().to_owned(),
        arguments: words.values("set").iter().filter_map(|set| set.split_once(".args.").map(|(_, argument)| argument.to_owned())).collect(),
        tags,
        publishes: words.has("push") || words.values("set").iter().any(|set| set.contains("type=registry")),
        remote,
        saved: words.has("save").then(|| call.build.clone()),
    })
}

fn compose(call: &Call, arguments: &[String]) -> Effect {
    let (global, rest) = Words::global(arguments, COMPOSE_VALUES);
    let words = Words::read(rest.get(1..).unwrap_or(&[]), COMPOSE_VALUES);
    let (files, tags) = services(call, &global.values("file"), &words.operands);
    match rest.first().map(String::as_str) {
        Some("build") => Effect::Build(Build {
            content: format!("build services of {files}"),
            arguments: build_arguments(&words),
            tags,
            publishes: words.has("push"),
            remote: false,
            saved: None,
        }),
        // Each service is pushed for itself, but a failed push ends the command: one reference stands for all.
        Some("push") => Effect::Push(tags.join(", ")),
        _ => Effect::Other,
    }
}

fn copier(arguments: &[String]) -> Effect {
    let valued = [
        "a:authfile",
        "authfile",
        "src-creds",
        "dest-creds",
        "platform",
        "src-tls-verify",
        "dest-tls-verify",
        "format",
        "u:username",
        "p:password",
    ];
    let words = Words::read(arguments, &valued);
    let operands: Vec<&str> = words.operands.iter().map(String::as_str).collect();
    match operands[..] {
        ["image", "copy", from, to] | ["copy" | "cp", from, to] => {
            Effect::Index { to: vec![canonical(to)], from: vec![canonical(from)], published: true }
        }
        ["tag", from, tag] => {
            let repository = from
                .rsplit_once('@')
                .or_else(|| from.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')))
                .map_or(from, |(repository, _)| repository);
            Effect::Index { to: vec![format!("{repository}:{tag}")], from: vec![canonical(from)], published: true }
        }
        ["push", archive, to] => Effect::PushSaved { to: vec![canonical(to)], build: archive.to_owned() },
        ["auth", "login", registry] | ["login", registry] | ["registry", "login", registry] => Effect::Login(registry.to_owned()),
        _ => Effect::Other,
    }
}

fn index(arguments: &[String], published: bool) -> Effect {
    let words = Words::read(arguments, &["t:tag", "f:file", "annotation", "builder", "progress", "metadata-file", "platform"]);
    Effect::Index {
        to: words.values("tag").iter().map(|tag| canonical(tag)).collect(),
        from: words.operands.iter().map(|from| canonical(from)).collect(),
        published,
    }
}

fn index_operands(operands: &[String], published: bool) -> Effect {
    let mut operands = operands.iter().map(|operand| canonical(operand));
    Effect::Index { to: operands.next().into_iter().collect(), from: operands.collect(), published }
}

/// `buildah push` and `manifest push` may name the place to push to after the image.
fn push(operands: &[String]) -> Effect {
    operands.last().map_or(Effect::Other, |image| Effect::Push(canonical(image)))
}

fn pull(operands: &[String]) -> Effect {
    operands.first().map_or(Effect::Other, |image| Effect::Pull(canonical(image)))
}

fn tag(operands: &[String]) -> Effect {
    match operands {
        [from, to] => Effect::Tag { from: canonical(from), to: canonical(to) },
        _ => Effect::Other,
    }
}
