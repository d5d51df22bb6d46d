use super::dockerfile::Dockerfile;
use super::engine_image::{EngineImage, Variant};
use super::reference::{Reference, Same, registry_host};
use super::{Arg, Op, Operation, Role, Slot, Tool, Unknown, operation};

/// Words at spaces; `?word` is opaque.
fn argv(line: &str) -> Vec<Arg> {
    line.split_ascii_whitespace()
        .map(|word| match word.strip_prefix('?') {
            Some(text) => Arg { text: text.to_owned(), opaque: true },
            None => Arg::word(word),
        })
        .collect()
}

fn read(line: &str) -> Operation {
    operation(&argv(line)).unwrap_or_else(|| panic!("{line}: not a container tool"))
}

/// Command lines that must be understood: line, tool, operation, images as `role text`.
const UNDERSTOOD: &[(&str, Tool, Op, &str)] = &[
    ("docker build -t ${I}:1 .", Tool::Docker, Op::Build, "Built ${I}:1"),
    ("/usr/bin/docker image build --tag=a --tag b -f- -", Tool::Docker, Op::Build, "Built a, Built b"),
    ("docker builder build --pull --no-cache -qta .", Tool::Docker, Op::Build, "Built a"),
    ("docker -H tcp://docker:2376 --tlsverify -c ctx build -c 512 .", Tool::Docker, Op::Build, ""),
    (
        "docker buildx --builder b build --push -t a --cache-from type=registry,ref=c:1 --cache-to type=registry,mode=max,ref=c:2 .",
        Tool::Buildx,
        Op::Build,
        "Built a, CacheFrom c:1, CacheTo c:2, Pushed a",
    ),
    ("docker buildx build -o type=image,name=x:1,push=true .", Tool::Buildx, Op::Build, "Built x:1, Pushed x:1"),
    ("docker buildx build --builder b -t a . --provenance=false --platform linux/amd64,linux/arm64", Tool::Buildx, Op::Build, "Built a"),
    ("docker build --cache-from a:1,a:2 .", Tool::Docker, Op::Build, "CacheFrom a:1, CacheFrom a:2"),
    ("docker buildx bake -f b.hcl --set *.platform=linux/amd64 --push app web", Tool::Buildx, Op::Bake, ""),
    ("docker buildx imagetools create -t a:1 a:amd a:arm", Tool::Buildx, Op::Imagetools, "Destination a:1, Source a:amd, Source a:arm"),
    ("docker buildx create --use --driver docker-container --name b ctx", Tool::Buildx, Op::Builder, ""),
    ("docker context create tls", Tool::Docker, Op::Context, ""),
    ("docker push --all-tags a", Tool::Docker, Op::Push, "Pushed a"),
    ("docker image push -q a:1", Tool::Docker, Op::Push, "Pushed a:1"),
    ("docker pull a", Tool::Docker, Op::Pull, "Pulled a"),
    ("docker tag a b", Tool::Docker, Op::Tag, "Source a, Tagged b"),
    ("docker login -u u -p p r.example.com", Tool::Docker, Op::Login, ""),
    ("docker --config /tmp/c login --username u --password-stdin", Tool::Docker, Op::Login, ""),
    ("docker logout", Tool::Docker, Op::Logout, ""),
    ("docker run --rm -itv /var/run/docker.sock:/s --net=host a:1 sh -c x --rm", Tool::Docker, Op::Run, "Run a:1"),
    ("docker exec -it c sh -c ls", Tool::Docker, Op::Exec, ""),
    ("docker save -o x.tar a b", Tool::Docker, Op::Save, "Saved a, Saved b"),
    ("docker load -i x.tar", Tool::Docker, Op::Load, ""),
    ("docker import x.tar a", Tool::Docker, Op::Import, "Built a"),
    ("docker manifest create --amend a b c", Tool::Docker, Op::Manifest, "Destination a, Source b, Source c"),
    ("docker manifest push -p a", Tool::Docker, Op::Manifest, "Pushed a"),
    ("docker system prune -af --volumes", Tool::Docker, Op::Clean, ""),
    ("docker rmi -f a", Tool::Docker, Op::Clean, "Removed a"),
    ("docker --version", Tool::Docker, Op::Info, ""),
    ("docker build --help", Tool::Docker, Op::Info, ""),
    ("docker info", Tool::Docker, Op::Info, ""),
    ("docker wait c", Tool::Docker, Op::Wait, ""),
    ("docker image inspect -f x a", Tool::Docker, Op::Inspect, "Inspected a"),
    ("docker compose -f a -p b --profile c build --push svc", Tool::Compose, Op::ComposeBuild, ""),
    ("docker-compose -f a.yml up -d --build --scale w=2 web", Tool::Compose, Op::ComposeUp, ""),
    ("docker compose push", Tool::Compose, Op::ComposePush, ""),
    ("docker compose run --rm -T web npm test --watch", Tool::Compose, Op::ComposeRun, ""),
    ("docker-compose exec -T db psql -U u", Tool::Compose, Op::Exec, ""),
    ("docker compose down -v --remove-orphans", Tool::Compose, Op::Clean, ""),
    (
        "/kaniko/executor --context ${D} --dockerfile ${D}/F --destination a:1 --destination=a:2 --cache=true",
        Tool::Kaniko,
        Op::Build,
        "Built a:1, Built a:2, Pushed a:1, Pushed a:2",
    ),
    ("executor -c . -d a --no-push", Tool::Kaniko, Op::Build, "Built a"),
    ("buildah bud --format docker -t a -f F .", Tool::Buildah, Op::Build, "Built a"),
    ("buildah push --format=v2s2 a", Tool::Buildah, Op::Push, "Pushed a"),
    ("buildah push a docker://r.example.com/a:1", Tool::Buildah, Op::Push, "Source a, Destination r.example.com/a:1"),
    ("buildah --storage-driver vfs login -u u --password-stdin r", Tool::Buildah, Op::Login, ""),
    ("podman build --pull=always -t a -f Containerfile .", Tool::Podman, Op::Build, "Built a"),
    ("podman run --rm a sh", Tool::Podman, Op::Run, "Run a"),
    ("depot build --project p -t a --platform linux/amd64,linux/arm64 . --push", Tool::Depot, Op::Build, "Built a, Pushed a"),
    ("depot bake -f c.yml --save --push", Tool::Depot, Op::Bake, ""),
    ("depot push -t a:1 build", Tool::Depot, Op::Push, "Pushed a:1"),
    ("dagger -m ./ci call test --source .", Tool::Dagger, Op::Other, ""),
    ("crane cp a b", Tool::Crane, Op::Push, "Source a, Destination b"),
    ("crane tag a:1 latest", Tool::Crane, Op::Tag, "Source a:1"),
    ("crane auth login r -u u -p p", Tool::Crane, Op::Login, ""),
    ("crane push x.tar a", Tool::Crane, Op::Push, "Pushed a"),
    ("skopeo copy --all --dest-creds=u:p docker-archive:x.tar docker://a:1", Tool::Skopeo, Op::Push, "Destination a:1"),
    ("skopeo --insecure-policy delete docker://a:1 --tls-verify=false", Tool::Skopeo, Op::Clean, "Removed a:1"),
];

#[test]
fn real_command_lines_become_operations_with_their_images() {
    for (line, tool, op, images) in UNDERSTOOD {
        let read = read(line);
        assert_eq!((read.tool, read.op), (*tool, *op), "{line}");
        assert_eq!(read.unknown, [], "{line}");
        let uses: Vec<_> = read.images.iter().map(|image| format!("{:?} {}", image.role, image.text)).collect();
        assert_eq!(uses.join(", "), *images, "{line}");
    }
}

/// Command lines that must not be rewritten, and why.
const NOT_UNDERSTOOD: &[(&str, Unknown)] = &[
    ("docker build --frobnicate x .", Unknown::Flag { arg: 2 }),
    ("docker build -Z .", Unknown::Flag { arg: 2 }),
    ("docker build -qZt a .", Unknown::Flag { arg: 2 }),
    ("docker build --frobnicate=x .", Unknown::Flag { arg: 2 }),
    ("docker build ?${ARGS} .", Unknown::Word { arg: 2 }),
    ("docker build -t ?${IMAGE} .", Unknown::Value { arg: 3 }),
    ("docker build --tag=${IMAGE} -t", Unknown::MissingValue { arg: 3 }),
    ("docker build . ../other", Unknown::Extra { arg: 3 }),
    ("docker frobnicate a", Unknown::Command { arg: 1 }),
    ("docker ${CMD} a", Unknown::Command { arg: 1 }),
    ("docker compose up -f a.yml", Unknown::Flag { arg: 3 }),
    ("depot build --builder b .", Unknown::Flag { arg: 2 }),
    ("/kaniko/executor --cache true --no-push", Unknown::Extra { arg: 2 }),
];

#[test]
fn what_is_not_in_the_tables_is_reported_and_not_guessed() {
    for (line, expected) in NOT_UNDERSTOOD {
        assert!(read(line).unknown.contains(expected), "{line}: {:?}", read(line).unknown);
    }
}

#[test]
fn every_word_of_a_command_line_is_accounted_for_exactly_once() {
    let lines = UNDERSTOOD.iter().map(|line| line.0).chain(NOT_UNDERSTOOD.iter().map(|line| line.0));
    for line in lines.chain(["docker run -- a -x", "docker", "docker help build", "docker stack deploy -c x y"]) {
        let operation = read(line);
        let mut seen = vec![0; argv(line).len()];
        seen[0] += 1;
        let mut flags: Vec<_> = operation.flags.iter().map(|flag| flag.words.clone()).collect();
        flags.dedup_by(|next, flag| {
            next.start == flag.start && {
                flag.end = flag.end.max(next.end);
                true
            }
        });
        let words = operation.command.iter().chain(&operation.terminator).copied();
        let words = words.chain(operation.positionals.iter().map(|positional| positional.arg)).chain(operation.unread.clone());
        words.chain(flags.into_iter().flatten()).for_each(|word| seen[word] += 1);
        assert!(seen.iter().all(|&count| count == 1), "{line}: {seen:?}");
    }
}

#[test]
fn an_image_use_points_at_its_text_in_its_word() {
    for (line, ..) in UNDERSTOOD {
        let words = argv(line);
        for image in read(line).images {
            let at = image.at.expect("no value of the table is quoted");
            assert!(words[image.arg].text[at..].starts_with(&image.text), "{line}: {image:?}");
        }
    }
}

#[test]
fn a_cluster_of_letters_gives_each_flag_and_its_place() {
    let operation = read("docker run -itd -vx:/y a");
    let flags: Vec<_> = operation.flags.iter().map(|flag| (flag.name, flag.value.as_deref(), flag.value_at)).collect();
    assert_eq!(flags, [("interactive", None, None), ("tty", None, None), ("detach", None, None), ("volume", Some("x:/y"), Some((3, 2)))]);
}

#[test]
fn flags_before_the_subcommand_are_kept_apart_from_its_own() {
    let operation = read("docker -H tcp://d -c ctx build -c 512 .");
    assert_eq!(operation.global("context").and_then(|flag| flag.value.as_deref()), Some("ctx"));
    assert_eq!(operation.global("host").and_then(|flag| flag.value.as_deref()), Some("tcp://d"));
    assert_eq!(operation.value("cpu-shares"), Some("512"));
    assert_eq!(operation.context(), Some("."));
}

#[test]
fn the_command_of_a_container_is_not_read_for_flags() {
    let operation = read("docker run --rm a sh --privileged -v x");
    assert_eq!(operation.slot(Slot::Command).count(), 4);
    assert_eq!(operation.switch("privileged"), Some(false));
    assert_eq!(operation.mounts().count(), 0);
    assert_eq!(operation.images_as(Role::Run).count(), 1);
}

#[test]
fn whether_a_build_pushes_depends_on_flags_and_outputs() {
    let cases = [
        ("docker buildx build .", Some(false)),
        ("docker buildx build --push .", Some(true)),
        ("docker buildx build --push=false .", Some(false)),
        ("docker buildx build --push=${P} .", None),
        ("docker buildx build -o type=registry .", Some(true)),
        ("docker buildx build -o out .", Some(false)),
        ("/kaniko/executor --no-push=${N}", None),
        ("/kaniko/executor --destination a", Some(true)),
    ];
    for (line, expected) in cases {
        assert_eq!(read(line).pushes(), expected, "{line}");
    }
}

#[test]
fn other_programs_are_not_container_tools() {
    for line in ["echo docker build .", "${DOCKER} build .", "executor --jobs 2", "/busybox/sh -c x", "docker-credential-helper get"] {
        assert_eq!(operation(&argv(line)), None, "{line}");
    }
    assert_eq!(operation(&[]), None);
}

#[test]
fn a_reference_has_registry_repository_tag_and_digest() {
    let cases = [
        ("alpine", Some("docker.io"), Some("library/alpine"), Some("latest"), None),
        ("docker.io/library/alpine:latest", Some("docker.io"), Some("library/alpine"), Some("latest"), None),
        ("index.docker.io/me/a", Some("docker.io"), Some("me/a"), Some("latest"), None),
        ("localhost:5000/a/b:1", Some("localhost:5000"), Some("a/b"), Some("1"), None),
        ("r.example.com/a@sha256:0f", Some("r.example.com"), Some("a"), None, Some("sha256:0f")),
        ("r.example.com/a:${T:-x/y:z}", Some("r.example.com"), Some("a"), Some("${T:-x/y:z}"), None),
        ("${I}:1", None, None, Some("1"), None),
        ("${I}", None, None, None, None),
        ("r.${D}/a:1", None, None, Some("1"), None),
        ("r.example.com/${I}", Some("r.example.com"), None, None, None),
    ];
    for (text, registry, repository, tag, digest) in cases {
        let reference = Reference::parse(text).unwrap();
        let parts = (reference.registry.as_deref(), reference.repository.as_deref(), reference.tag.as_deref(), reference.digest.as_deref());
        assert_eq!(parts, (registry, repository, tag, digest), "{text}");
    }
    assert_eq!(Reference::parse(""), None);
}

#[test]
fn references_are_the_same_only_where_no_variable_can_tell_otherwise() {
    let cases = [
        ("alpine", "docker.io/library/alpine:latest", Same::Yes),
        ("alpine:1", "alpine:2", Same::No),
        ("${A}:1", "${A}:1", Same::Yes),
        ("${A}:1", "${A}:2", Same::No),
        ("${A}:1", "${B}:1", Same::Unknown),
        ("${A}:${T}", "${A}:1", Same::Unknown),
        ("${?1}:1", "${?1}:1", Same::Unknown),
        ("a:1", "a@sha256:0f", Same::Unknown),
    ];
    for (one, other, expected) in cases {
        let (one, other) = (Reference::parse(one).unwrap(), Reference::parse(other).unwrap());
        assert_eq!(one.same(&other), expected, "{one:?} {other:?}");
        assert_eq!(other.same(&one), expected, "{other:?} {one:?}");
    }
}

#[test]
fn the_server_of_a_login_matches_the_host_of_a_reference() {
    for (server, host) in [("https://index.docker.io/v1/", "docker.io"), ("r.example.com:5000/v2", "r.example.com:5000"), ("", "docker.io")]
    {
        assert_eq!(registry_host(server), host);
    }
}

#[test]
fn a_dind_image_is_recognised_through_mirrors_and_proxies() {
    let cases: &[(&str, &[u32], Variant, bool, bool)] = &[
        ("docker:27.3.1-dind-rootless", &[27, 3, 1], Variant::Daemon, false, true),
        ("docker:dind", &[], Variant::Daemon, true, true),
        ("docker:stable-dind", &[], Variant::Daemon, true, true),
        ("docker", &[], Variant::Client, true, true),
        ("docker:24-git", &[24], Variant::Client, false, true),
        ("docker.io/library/docker:20.10", &[20, 10], Variant::Client, false, true),
        ("${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/docker:dind", &[], Variant::Daemon, true, true),
        ("${PREFIX}docker:18.09-dind", &[18, 9], Variant::Daemon, false, true),
        ("docker:${V}-dind", &[], Variant::Daemon, true, true),
        ("r.example.com/ci/custom-dind:1.2", &[1, 2], Variant::Daemon, false, false),
    ];
    for (text, version, variant, floating, official) in cases {
        let image = EngineImage::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            (image.version.as_slice(), image.variant, image.floating, image.official),
            (*version, *variant, *floating, *official),
            "{text}"
        );
    }
    assert!(EngineImage::parse("docker:27.3.1-dind-rootless").unwrap().rootless);
    for text in ["alpine", "r.example.com/docker-compose:1", "postgres:16"] {
        assert_eq!(EngineImage::parse(text), None, "{text}");
    }
}

const DOCKERFILE: &str = "# syntax=docker/dockerfile:1\n\
    ARG BASE=alpine\n\n\
    FROM --platform=$BUILDPLATFORM ${BASE}:3 AS Build\n\
    RUN --mount=type=secret,id=npm,from=busybox \\\n  # why\n  curl https://u:p@example.com:8443/x \\\n  && true\n\
    RUN <<EOF\nFROM nothing\nEOF\n\
    FROM build\nENV TOKEN secret value\nCOPY --from=docker:cli [\"a b\", \"c/\"]\nADD x y z/\n";

#[test]
fn a_dockerfile_has_stages_images_arguments_and_hosts() {
    let file = Dockerfile::parse(DOCKERFILE);
    assert_eq!(file.syntax.as_deref(), Some("docker/dockerfile:1"));
    assert_eq!(file.global_arguments(), [("BASE".to_owned(), Some("alpine".to_owned()))]);
    let stages = file.stages();
    assert_eq!(
        stages.iter().map(|stage| (stage.base.as_str(), stage.from_stage, stage.line)).collect::<Vec<_>>(),
        [("${BASE}:3", false, 4), ("build", true, 12)]
    );
    assert_eq!((stages[0].name.as_deref(), stages[0].platform.as_deref()), (Some("build"), Some("$BUILDPLATFORM")));
    let images: Vec<_> = file.images().into_iter().map(|(_, image)| image).collect();
    assert_eq!(images, ["${BASE}:3", "busybox", "docker:cli"]);
    let runs: Vec<_> = file.named("RUN").collect();
    assert_eq!(runs[0].url_hosts(), ["example.com:8443"]);
    assert_eq!(&DOCKERFILE[runs[1].span.clone()], "RUN <<EOF\nFROM nothing\nEOF");
    assert_eq!(file.named("ENV").next().unwrap().assignments(), [("TOKEN".to_owned(), Some("secret value".to_owned()))]);
    assert_eq!(file.named("COPY").next().unwrap().sources(), ["a b"]);
    assert_eq!(file.named("ADD").next().unwrap().sources(), ["x", "y"]);
}

#[test]
fn broken_dockerfiles_neither_panic_nor_lose_the_rest() {
    for text in ["", "\u{feff}", "FROM", "RUN <<", "RUN <<EOF", "RUN \\", "COPY [\"", "# escape=`\r\nFROM a`\r\n as b\r\n", "ü --ü=ü"] {
        assert!(Dockerfile::parse(text).stages().len() <= 1, "{text:?}");
    }
    let windows = Dockerfile::parse("# escape=`\r\nFROM a `\r\n as b\r\n").stages();
    assert_eq!(windows[0].name.as_deref(), Some("b"));
}

#[test]
fn stages_that_nothing_takes_from_are_not_needed() {
    let text = "FROM a AS build\nRUN make\nFROM build AS test\nRUN make test\nFROM a AS notes\nCOPY x y\nFROM b AS tools\nRUN x\n\
                FROM a\nCOPY --from=build /x /x\nRUN --mount=from=tools,target=/t true\n";
    let file = Dockerfile::parse(text);
    assert_eq!(file.unneeded_stages(None), ["test"]);
    assert_eq!(file.unneeded_stages(Some("TEST")), Vec::<String>::new());
    assert_eq!(file.unneeded_stages(Some("3")), ["build", "test"]);
    assert_eq!(file.unneeded_stages(Some("nobody")), Vec::<String>::new());
    assert_eq!(Dockerfile::parse("").unneeded_stages(None), Vec::<String>::new());
    let chain: String = (1..20_000).map(|at| format!("FROM alpine AS s{at}\nCOPY --from=s{} a a\nRUN b\n", at - 1)).collect();
    let long = Dockerfile::parse(&format!("FROM alpine AS s0\nRUN a\nFROM alpine AS aside\nRUN c\n{chain}"));
    assert_eq!(long.unneeded_stages(None), ["aside"]);
}
