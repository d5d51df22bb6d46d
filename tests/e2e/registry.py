#!/usr/bin/env python3
"""A registry's folder → what was published in it, in a form that is the same for two builds of the same image.

    registry.py seed FOLDER REPOSITORY:TAG BUSYBOX   put a base image for two platforms into a registry's folder
    registry.py compare BEFORE AFTER [REPOSITORY…]   tell what differs; exit code 1 if anything does

Of an image it keeps what a user of it can notice: kind of manifest, platforms, configuration, and for each layer the files with their owners, modes and contents. Digests
and times differ between any two builds and are left out. The folders are those of the registry's filesystem driver, so no server has to run.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json")
# Everything in an image's configuration but its times, its history and the digests of its layers.
CONFIGURATION = ("architecture", "os", "variant", "config")
# What the classic builder notes about the container that it built in.
BUILD_CONTAINER = ("Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image", "ArgsEscaped")


class Registry:
    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "docker/registry/v2"

    def references(self):
        for link in sorted(self.root.glob("repositories/**/_manifests/tags/*/current/link")):
            tag = link.parent.parent
            repository = tag.parent.parent.parent.relative_to(self.root / "repositories")
            yield f"{repository}:{tag.name}", link.read_text()

    def blob(self, digest):
        return self.blob_path(digest).read_bytes()

    def blob_path(self, digest):
        algorithm, _, value = digest.partition(":")
        return self.root / "blobs" / algorithm / value[:2] / value / "data"

    def write(self, repository, kind, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.blob_path(digest).parent.mkdir(parents=True, exist_ok=True)
        self.blob_path(digest).write_bytes(content)
        self.link(f"{repository}/{kind}/sha256/{digest[7:]}/link", digest)
        return {"digest": digest, "size": len(content)}

    def link(self, path, digest):
        link = self.root / "repositories" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.write_text(digest)


def published(folder, repositories):
    registry = Registry(folder)
    return {
        reference: image(registry, digest)
        for reference, digest in registry.references()
        if not repositories or any(reference.startswith((f"{name}:", f"{name}/")) for name in repositories)
    }


def image(registry, digest):
    manifest = json.loads(registry.blob(digest))
    kind = manifest.get("mediaType", "no media type")
    if kind in INDEXES:
        entries = [{"platform": entry.get("platform"), "manifest": content(registry, entry)} for entry in manifest["manifests"]]
        entries.sort(key=lambda entry: json.dumps(entry["platform"], sort_keys=True))
        return {"kind": kind, "manifests": entries}
    described = {"kind": kind, "layer kinds": [layer["mediaType"] for layer in manifest["layers"]]}
    if any("in-toto" in layer["mediaType"] for layer in manifest["layers"]):
        return described
    config = json.loads(registry.blob(manifest["config"]["digest"]))
    described.update((name, config[name]) for name in CONFIGURATION if name in config)
    described["config"] = {name: value for name, value in config.get("config", {}).items() if value and name not in BUILD_CONTAINER}
    # Where a process starts if nobody said where: BuildKit writes it down for an image from scratch.
    if described["config"].get("WorkingDir") == "/":
        del described["config"]["WorkingDir"]
    described["layers"] = layers(registry.blob(layer["digest"]) for layer in manifest["layers"])
    return described


def content(registry, entry):
    # The index of a build cache holds layers.
    return image(registry, entry["digest"]) if "manifest" in entry["mediaType"] or entry["mediaType"] in INDEXES else {"kind": entry["mediaType"]}


def layers(blobs):
    """What each layer adds, changes and (`.wh.` files) removes. A folder that a layer only mentions, as engines do differently, is left out."""
    found, below = [], {}
    for blob in blobs:
        with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
            files = dict(sorted((member.name.strip("/"), entry(archive, member)) for member in archive))
        found.append({name: what for name, what in files.items() if not (what.startswith("folder") and below.get(name) == what)})
        below.update(files)
    return found


def entry(archive, member):
    if pathlib.PurePath(member.name).name.startswith(".wh."):
        return "removes it"
    kind = "folder" if member.isdir() else f"type {member.type.decode()}"
    what = f"{kind} {member.mode:o} {member.uid}:{member.gid}"
    if member.issym() or member.islnk():
        return f"{what} -> {member.linkname}"
    if member.isfile():
        return f"{what} {hashlib.sha256(archive.extractfile(member).read()).hexdigest()[:16]}"
    return what


def differences(before, after, path=""):
    """Where two values differ, as `path: before → after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        if before.get("kind") != after.get("kind"):
            # Everything else differs too then, and tells nothing more.
            yield f"{path} › kind: {brief(before.get('kind'))} → {brief(after.get('kind'))}"
            return
        for name in sorted(before.keys() | after.keys()):
            yield from differences(before.get(name), after.get(name), f"{path} › {name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after)):
            yield from differences(*pair, f"{path} › {number}")
    elif before != after:
        yield f"{path}: {brief(before)} → {brief(after)}"


def brief(value):
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 160 else f"{text[:157]}…"


def seed(folder, reference, busybox):
    """An index with two images, of one layer with busybox and its applets, byte for byte the same each time. Only what isn't executed differs: the platform."""
    repository, tag = reference.split(":")
    program = pathlib.Path(busybox).read_bytes()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in ("bin", "etc", "root", "tmp", "proc", "sys", "dev"):
            add(archive, name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755)
        add(archive, "bin/busybox", tarfile.REGTYPE, 0o755, program)
        add(archive, "etc/passwd", tarfile.REGTYPE, 0o644, b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
        for applet in ("sh", "cat", "chmod", "cp", "echo", "grep", "id", "ln", "ls", "mkdir", "rm", "sed", "sleep", "test", "touch", "tr", "true", "wc"):
            add(archive, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox")
    registry = Registry(folder)
    diff = "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()
    layer = registry.write(repository, "_layers", gzip.compress(tar.getvalue(), mtime=0))
    manifests = [manifest(registry, repository, architecture, layer, diff) for architecture in ("amd64", "arm64")]
    index = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": manifests}
    digest = registry.write(repository, "_manifests/revisions", json.dumps(index).encode())["digest"]
    registry.link(f"{repository}/_manifests/tags/{tag}/current/link", digest)
    registry.link(f"{repository}/_manifests/tags/{tag}/index/sha256/{digest[7:]}/link", digest)


def manifest(registry, repository, architecture, layer, diff):
    created = "2024-01-01T00:00:00Z"
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [diff]},
        "history": [{"created": created, "created_by": "registry.py"}],
        "created": created,
    }
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    content = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **registry.write(repository, "_layers", json.dumps(config).encode())},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", **layer}],
    }
    written = registry.write(repository, "_manifests/revisions", json.dumps(content).encode())
    return {"mediaType": kind, **written, "platform": {"architecture": architecture, "os": "linux"}}


def add(archive, name, kind, mode, content=b"", link=""):
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.size, member.linkname, member.mtime = kind, mode, len(content), link, 1704067200
    archive.addfile(member, io.BytesIO(content))


def compare(before, after, *repositories):
    before, after = published(before, repositories), published(after, repositories)
    found = list(differences(before, after))
    for line in found:
        print(f"  {line}")
    if not found:
        print(f"  {len(before)} references, all the same: {', '.join(before) or 'none'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit({"seed": seed, "compare": compare}[sys.argv[1]](*sys.argv[2:]))
