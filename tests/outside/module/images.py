"""A job's script, read with shlex, into the images that it builds and publishes and the registries that it logs in to.

It takes plain commands only, and says of what it doesn't take. Texts stay as they are written, but for the variables that the script sets itself.
"""

import posixpath
import re
import shlex

TAKE_A_VALUE = {"tag", "file", "build-arg", "target", "platform", "label", "cache-from", "cache-to", "progress", "provenance", "builder", "memory"}
ALONE = {"push", "load", "pull", "rm", "force-rm", "compress", "no-cache"}
SHORT = {"-t": "--tag", "-f": "--file", "-q": "--quiet", "-u": "--username", "-p": "--password", "-m": "--memory"}
NOTHING = {"echo", "printf", "true", ":", "sleep", "set", "apk", "pwd", "ls", "date"}
# Commands of docker that change no image which is published.
ASIDE = re.compile(r"(info|version|pull|images|image (ls|prune|rm)|rmi|ps|logout|system \w+|buildx (create|use|ls|inspect|version|rm|prune)|builder prune|context \w+)\b")
EMULATION = re.compile(r"run\b.* (docker/binfmt|tonistiigi/binfmt|multiarch/qemu-user-static)\b")
VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


class Unread(Exception):
    """Why a script can't be read."""


def commands(lines):
    """The simple commands: what is in front of each, its words, and what is behind it."""
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if re.match(r"\s*(#|$)", line):
            continue
        odd = re.search(r"`|\$\(|\$\{\w*[^\w}]|<<|'[^']*\$[^']*'|\\\$|\s#|[*?~]\s|^\s*(if|for|while|case|then|else|fi|do|done|esac|function)\b", line)
        if odd:
            raise Unread(f"`{odd[0].strip()}` in `{line.strip()}`")
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            words = list(lexer)
        except ValueError as problem:
            raise Unread(f"{problem} in `{line.strip()}`") from problem
        before, command = "", []
        for word in [*words, ";"]:
            if not re.fullmatch(r"[();<>|&]+", word):
                command.append(word)
            elif word in ("&&", "||", "|", ";"):
                if command:
                    yield before, command, word
                before, command = word, []
            else:
                raise Unread(f"`{word}` in `{line.strip()}`")


def split(words, takes):
    """Flags with their values, and the words between them."""
    flags, others, words = [], [], iter(words)
    for word in words:
        word = SHORT.get(word, word)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("-"):
            others.append(word)
        elif not word.startswith("--"):
            raise Unread(f"`{word}`")
        elif name in takes:
            flags.append((name, value if equals else next(words, "")))
        else:
            flags.append((name, value or "true"))
    return flags, others


class Script:
    def __init__(self, lines):
        self.builds, self.logins, self.tags, self.folder, self.own = [], set(), {}, "", {}
        piped = None
        for before, command, behind in commands(lines):
            words = [VARIABLE.sub(lambda found: self.own.get(found[1] or found[2], found[0]), word) for word in command]
            self.read(words, piped if before == "|" else None, "||" in (before, behind))
            piped = words if behind == "|" else None

    def read(self, words, piped, is_choice):
        if words[:2] == ["docker", "image"] and words[2:3] in (["build"], ["pull"], ["push"], ["tag"]):
            words = ["docker", *words[2:]]
        line = " ".join(words)
        values = words[1:] if words[0] == "export" else words
        if all(re.match(r"[A-Za-z_]\w*=", word) for word in values):
            self.own |= dict(word.split("=", 1) for word in values)
        elif words[0] == "cd" and len(words) == 2 and "$" not in words[1]:
            self.folder = posixpath.join(self.folder, words[1])
        elif words[0] in NOTHING or words[0] == "docker" and (ASIDE.match(line[7:]) or EMULATION.match(line[7:])):
            pass
        elif words[0] != "docker" or is_choice:
            raise Unread(f"`{line}`")
        elif words[1:2] == ["build"] or words[1:3] in (["buildx", "build"], ["builder", "build"]):
            self.build(words[words.index("build") + 1 :])
        elif words[1] == "tag" and len(words) == 4:
            self.tags[words[3]] = self.built(words[2])
        elif words[1] == "push" and len(words) > 2 and not words[-1].startswith("-") and set(words[2:-1]) <= {"-q", "--quiet"}:
            self.built(words[-1])["addresses"].add(words[-1])
        elif words[1] == "login":
            self.login(words[2:], piped)
        else:
            raise Unread(f"`{line}`")

    def built(self, name):
        """The build that has a name."""
        other = name.removesuffix(":latest") if name.endswith(":latest") else f"{name}:latest"
        if name not in self.tags and other not in self.tags:
            raise Unread(f"`{name}` is not built before")
        return self.tags.get(name) or self.tags[other]

    def build(self, words):
        flags, others = split(words, TAKE_A_VALUE)
        strange = [name for name, _ in flags if name not in TAKE_A_VALUE | ALONE | {"quiet"}]
        if strange or len(others) != 1:
            raise Unread(f"a build with {', '.join(strange) or others}")
        given = lambda name: [value for flag, value in flags if flag == name]
        path = lambda value: posixpath.normpath(posixpath.join(self.folder, re.sub(r"^\$\{?CI_PROJECT_DIR\}?/?", "./", value)))
        context = path(others[0])
        file = path(given("file")[-1]) if given("file") else posixpath.join(context, "Dockerfile")
        arguments = dict(value.split("=", 1) if "=" in value else (value, f"${value}") for value in given("build-arg"))
        # It is about the cache of BuildKit, which the engine has of itself.
        arguments.pop("BUILDKIT_INLINE_CACHE", None)
        build = {
            "context": context,
            "dockerfile": posixpath.normpath(posixpath.relpath(file, context)),
            "target": (given("target") or [""])[-1],
            "arguments": arguments,
            "labels": dict(value.split("=", 1) for value in given("label")),
            "platforms": sorted(platform.strip() for value in given("platform") for platform in value.split(",")),
            "addresses": set(given("tag")) if "true" in given("push") else set(),
        }
        self.builds.append(build)
        self.tags |= dict.fromkeys(given("tag"), build)

    def login(self, words, piped):
        flags, others = split(words, {"username", "password"})
        flags = dict(flags)
        password = piped[-1] if "password-stdin" in flags and piped and piped[0] in ("echo", "printf") else flags.get("password")
        if not password or "username" not in flags:
            raise Unread(f"a login with {', '.join(flags)}")
        self.logins.add((others[0] if others else "docker.io", flags["username"], password))
