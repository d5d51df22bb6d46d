"""What the functions of a module asked for → what of the original jobs is missing in it, or too much.

Usage: check.py CASE...    a CASE is a file in JSON: "pipeline" is the original as `undind expand --format json` gives it, "moved" the names of the jobs that
were moved, "modules" a list with the "log" of session.py and the "code" of the module in each language

Prints lines of JSON with the file of the "case": {"wrong": …} for a difference, {"unread": …} for what can't be compared, {"read": …} for a job of which the
builds were. The languages have to ask for the same (compare.py).

It reads the pipeline by itself and knows how GitLab treats its keywords; of the generator it knows only that a function says of which job it is.
"""

import ast
import json
import re
import sys

from compare import differences
from images import Script, Unread

GLOBAL = {"stages", "variables", "workflow", "default", "include"}
OF_THE_RUNNER = re.compile(r"GIT_|FF_|CACHE_|ARTIFACT_|KUBERNETES_|RUNNER_|TRANSFER_METER_|GET_SOURCES_|RESTORE_CACHE_|EXECUTOR_JOB_|DOCKER_AUTH_CONFIG$")
VARIABLE = re.compile(r"\$\$|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
ORDER = re.compile(r"container( withRegistryAuth)? from withDirectory withWorkdir( withMountedCache)*( withServiceBinding)*( with(Env|Secret)Variable)* withExec")
SOURCE = [["directory", {}], ["withNewFile", {"path": "here", "contents": ""}]]
PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "mongo": 27017, "rabbitmq": 5672, "elasticsearch": 9200}
USER = "the user"
# By which the client of a Docker daemon finds it. That of a function listens without TLS.
OF_A_DAEMON = {"DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS_CERTDIR"}
DAEMON = ["dockerd", "--host=unix:///var/run/docker.sock", "--host=tcp://0.0.0.0:2375", "--tls=false"]
# Programs that look at no variable but those in their words and the few of the system, which a job may lack if no word of it names them.
PLAIN = set(": [ [[ alias apk awk base64 basename cat cd chmod command cp curl cut date dirname echo exit export false find grep gunzip gzip head id jq ln ls mkdir mktemp mv printf pwd rm sed seq set sha256sum sleep sort stat tail tar tee test touch tr true uname uniq unzip wc wget zip".split())
# Programs that look at variables of their own, by the beginnings of their names.
LOOKS_AT = {
    "apt-get": r"APT_|DEB|DPKG_",
    "hadolint": r"HADOLINT_|NO_COLOR|XDG_",
    "ruff": r"RUFF_|CLICOLOR|FORCE_COLOR|NO_COLOR|RAYON_|TERM|VIRTUAL_ENV|XDG_",
    "shellcheck": r"SHELLCHECK_|TERM|XDG_",
    "yamllint": r"YAMLLINT_|PYTHON|XDG_",
}
PROGRAM = re.compile(
    r"(?:^|[\n;|&({!`]|\b(?:then|do|else|if|elif|while|until)\s)\s*(?:\w+=(?:[^\s$(`]|\$\w|\$\{)*\s+)*"
    r"(?!(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|in)\b)([\w./$-]+|\[\[?)(?=\s|$|;)"
)
OF_THE_SYSTEM = re.compile(r"(?i).*proxy|LC_\w+|PATH|TZ|LANG|LANGUAGE|HOME|TMPDIR|IFS|CURL_HOME|WGETRC")


def flat(items):
    for item in items if isinstance(items, list) else [] if items is None else [items]:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield str(item)


def bare(name):
    """A name as all languages have it."""
    return re.sub("[^a-z0-9]", "", name.lower())


def is_chain(value):
    return isinstance(value, list) and bool(value) and all(isinstance(call, list) and len(call) == 2 and isinstance(call[1], dict) for call in value)


def calls(value):
    """Every call of the chains in a value, with the chains in arguments."""
    if is_chain(value):
        for name, arguments in value:
            yield name, arguments
            yield from calls(list(arguments.values()))
    elif isinstance(value, list):
        for item in value:
            yield from calls(item)


def texts(value):
    """The texts in a value, without those of chains."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)) and not is_chain(value):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def functions(log):
    """The chains by the functions that asked for them."""
    found, current = {}, None
    with open(log, encoding="utf-8") as file:
        for line in file:
            chain = json.loads(line)
            begin = chain[0][0] == "setSecret" and re.match(r"begin (.*)", chain[0][1]["name"])
            if begin:
                current = found.setdefault(bare(begin[1]), [])
            elif chain != SOURCE and chain[0][0] != "setSecret":
                current.append(chain)
    return found


def plain(title):
    """A job's name as far as comments of all languages can have it."""
    title = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", title)
    for written, meant in [('"""', "'''"), ("＋", "+"), ("``", "`"), ("''", "'")]:
        title = title.replace(written, meant)
    return title.strip()


def titles(path):
    """The functions of a module by the job of which each says to be."""
    with open(path, encoding="utf-8") as file:
        code = file.read()
    if path.endswith(".py"):
        methods = [method for item in ast.parse(code).body if isinstance(item, ast.ClassDef) for method in item.body if isinstance(method, ast.AsyncFunctionDef)]
        found = [(re.fullmatch(r"The job `(.*)`\.", ast.get_docstring(method, clean=False) or ""), method.name) for method in methods]
        found = [(title[1], name) for title, name in found if title]
    elif path.endswith(".ts"):
        found = re.findall(r"/\*\*\n   \* The job `(.*)`\.\n(?:(?!\*/).*\n)*?   \*/\n  @func\(.*\)\n  async (\w+)\(", code)
        found = [(title.replace("*\\/", "*/"), name) for title, name in found]
    else:
        found = re.findall(r"// The job `(.*)`\.\n(?://.*\n)*func \(m \*Ci\) ([A-Z]\w*)\(", code)
    return {plain(title): bare(name) for title, name in found}


class Job:
    """A job of the pipeline beside what its function asked for."""

    def __init__(self, pipeline, job, chains):
        self.job, self.workflow, self.chains = job, pipeline.get("workflow"), chains
        inherited = (job.get("inherit") or {}).get("variables", True)
        shared = {name: value for name, value in (pipeline.get("variables") or {}).items() if inherited is True or isinstance(inherited, list) and name in inherited}
        self.variables = {name: self.value(value) for name, value in {**shared, **(job.get("variables") or {})}.items() if not OF_THE_RUNNER.match(name)}
        self.foreign = set(pipeline.get("variables") or {}).union(*(other["variables"] for other in pipeline.values() if isinstance(other, dict) and isinstance(other.get("variables"), dict)))

    @staticmethod
    def value(value):
        """The text of a variable, and whether it is the value as it is."""
        text = value.get("value", "") if isinstance(value, dict) else "" if value is None else value
        text = str(text).lower() if isinstance(text, bool) else str(text)
        return text, isinstance(value, dict) and value.get("expand") is False or not VARIABLE.search(text)

    def samples(self, name):
        """What a variable may be in a function: the sample for its parameter, or its value."""
        text, is_plain = self.variables.get(name, ("", False))
        return {f"<{bare(name)}>", f"<variable{bare(name)}>", *([text] if is_plain else ["/builds/project"] if name == "CI_PROJECT_DIR" else [])}

    def is_said(self, text, said):
        """Whether `said` is a text of the pipeline with samples for its variables."""
        pattern, at = "", 0
        for found in VARIABLE.finditer(text):
            pattern += re.escape(text[at : found.start()])
            name = found[1] or found[2]
            pattern += f"(?:{'|'.join(re.escape(sample) for sample in self.samples(name))})" if name else r"\$\$?"
            at = found.end()
        return re.fullmatch(pattern + re.escape(text[at:]), said) is not None

    def are_said(self, expected, said):
        """Whether each of the texts is said, in whatever order, and nothing else."""
        each = all(any(self.is_said(text, other) for other in said) for text in expected)
        return each and all(any(self.is_said(text, other) for text in expected) for other in said)

    def script(self):
        """What is wrong with a function that runs the script."""
        result = self.chains[-1]
        included, excluded = self.artifacts()
        match result:
            case [["directory", {}], ["withDirectory", {"path": "/", "source": [*container, ["directory", {"path": "."}]], **how}]]:
                always = (self.job.get("artifacts") or {}).get("when", "on_success") != "on_success"
                if not included:
                    yield "files come out of a job without artifacts"
                if not self.are_said([*included, *([".exit-code"] if always else [])], how.pop("include", [])):
                    yield f"other files come out than {included}: {result[-1][1].get('include')}"
                if not self.are_said(excluded, how.pop("exclude", [])):
                    yield f"other files are left out than {excluded}: {result[-1][1].get('exclude')}"
                if how:
                    yield f"files come out with {how}"
            case [["container", {}], *_]:
                container, always = result, False
                if included:
                    yield f"the artifacts don't come out: {included}"
            case _:
                yield f"the function returns {result}"
                return
        order = " ".join(name for name, _ in container)
        if not ORDER.fullmatch(order):
            yield f"the steps are {order}"
            return
        others = [chain for chain in self.chains if chain not in (result, [*container, ["directory", {"path": "."}]])]
        if any(name in ("withExec", "publish", "sync", "dockerBuild") for name, _ in calls(others)):
            yield "something is run besides the script"
        yield from self.command(container[-1][1], always)
        folder = next(arguments["path"] for name, arguments in container if name == "withWorkdir")
        yield from self.environment(container, folder)
        yield from self.files(container, folder)
        yield from self.image(container)
        yield from self.services(container)

    def command(self, arguments, always):
        main = "\n".join([*flat(self.job.get("before_script")), *flat(self.job.get("script"))])
        after = "\n".join(flat(self.job.get("after_script")))
        lines = lambda text: [line.rstrip() for line in text.rstrip().splitlines()]
        match arguments:
            case {"args": ["sh", "-c", _, "sh", first, second, third], **other} if not other:
                if lines(first) != lines(main) or lines(second) != lines(after):
                    yield f"no command runs {main!r} and then {after!r}"
                if third != (".exit-code" if always else ""):
                    yield f"the exit code goes to `{third}`"
            case _:
                yield f"the script is run with {arguments}"

    def environment(self, container, folder):
        given = {arguments["name"]: arguments["value"] for name, arguments in container if name == "withEnvVariable"}
        secret = {arguments["name"]: arguments["secret"] for name, arguments in container if name == "withSecretVariable"}
        script = "\n".join(flat([self.job.get(key) or [] for key in ("before_script", "script", "after_script")]))
        read = {name for name in re.findall(r"\$\{?(CI_[A-Z0-9_]+)\b", script) if name != "CI_JOB_STATUS" and not re.search(rf"\b{name}=", script)}
        own = {name for name in self.variables if not self.is_without_use(name, script)}
        missing = [name for name in {*own, *read, "CI", "GITLAB_CI", "CI_PROJECT_DIR"} if name not in given and name not in secret]
        if missing:
            yield f"variables are not set: {', '.join(missing)}"
        for name, value in given.items():
            right = {"CI": ["true"], "GITLAB_CI": ["true"], "CI_PROJECT_DIR": [folder]}.get(name) or self.samples(name)
            if self.daemons() and name in OF_A_DAEMON:
                right = ["tcp://docker:2375"] if name == "DOCKER_HOST" else []
            if value not in right:
                yield f"the variable {name} is {value}"
        for name, chain in secret.items():
            if chain[0][1]["name"] not in (bare(name), f"variable{bare(name)}"):
                yield f"the secret variable {name} is {chain[0][1]['name']}"
        known = json.dumps([self.job, self.workflow])
        strange = [name for name in ({*given, *secret} - {"CI_PROJECT_DIR", "CI", *(["DOCKER_HOST"] if self.daemons() else [])}) & self.foreign - self.variables.keys() if not re.search(rf"\b{name}\b", known)]
        if strange:
            yield f"variables of other jobs are set: {', '.join(strange)}"

    def is_without_use(self, name, script):
        """Whether nothing in the job can tell whether it has a variable."""
        if self.daemons() and name in OF_A_DAEMON:
            return True
        # Where a program's name stands, when what lies in quotes and behind `<<` is taken away.
        commands = re.sub(r"<<-?\s*['\"]?(\w+)['\"]?(.*?)\n\s*\1\s*(?=\n|$)", r"\2", re.sub(r"\\\n", " ", script), flags=re.DOTALL)
        commands = re.sub(r"[0-9]?>&[0-9]|'[^']*'|\"(?:\\.|(?!\$\()[^\"`\\])*\"", "''", commands)
        # Without more words `set` and `export` print all variables.
        programs = re.findall(PROGRAM, commands) + re.findall(r"(?:^|\n)\s*((?:set|export)\s*(?:$|[\n;|&]))", commands)
        # Set at the beginning of a line, and before that not read.
        begin = re.match(rf"((?!.*\b{name}\b|.*\b(?:if|for|while|until|case)\b).*\n)*(?:export )?{name}=(?!.*\b{name}\b)", script)
        is_named = not begin and re.search(rf"\b{name}\b", script) or re.search(rf"\b{name}\b", "\n".join(flat(self.job.get("after_script"))))
        is_looked_at = any(re.match(names, name) for program, names in LOOKS_AT.items() if program in programs)
        is_known = {*programs} <= PLAIN | LOOKS_AT.keys()
        return not is_named and not self.job.get("services") and not OF_THE_SYSTEM.fullmatch(name) and is_known and not is_looked_at

    def daemons(self):
        """The Docker daemons among the services."""
        services = [service if isinstance(service, dict) else {"name": service} for service in self.job.get("services") or []]
        return [service for service in services if re.search(r"(^|/)docker:[\w.-]*dind", service["name"])]

    def files(self, container, folder):
        """The checkout and the caches."""
        copied = next(arguments for name, arguments in container if name == "withDirectory")
        if copied.pop("source")[: len(SOURCE)] != SOURCE or copied != {"path": folder, "owner": USER} or folder not in self.samples("CI_PROJECT_DIR"):
            yield f"the files are copied as {copied} and the script runs in {folder}"
        caches = self.job.get("cache") or []
        caches = [cache for cache in (caches if isinstance(caches, list) else [caches]) if isinstance(cache, dict)]
        relative = lambda path: re.sub(r"^(\$\{?CI_PROJECT_DIR\}?/|\./)", "", path).rstrip("/")
        wanted = [(relative(path), cache) for cache in caches for path in flat(cache.get("paths"))]
        mounted = [arguments for name, arguments in container if name == "withMountedCache"]
        for cache in mounted:
            (_, volume), path = cache["cache"][0], cache["path"].removeprefix(f"{folder}/")
            keys = [str(other.get("key", "default")) for known, other in wanted if known == path]
            if not any(self.is_said(f"{key}-{path}-protected-$CI_COMMIT_REF_PROTECTED", volume["key"]) for key in keys):
                yield f"the cache {volume['key']} lies at {cache['path']}"
            if cache["path"] == path or cache.get("sharing") != "LOCKED" or cache.get("owner") != USER:
                yield f"the cache {volume['key']} is mounted in another way: {cache}"
        for path, cache in wanted:
            is_kept = re.fullmatch(r"[\w-][\w./-]*", path) and not isinstance(cache.get("key"), dict) and cache.get("policy", "pull-push") == "pull-push"
            if is_kept and not self.job.get("artifacts") and f"{folder}/{path}" not in {cache["path"] for cache in mounted}:
                yield f"nothing is mounted at {path}"

    def image(self, container):
        image = self.job["image"] if isinstance(self.job["image"], str) else self.job["image"]["name"]
        address = next(arguments["address"] for name, arguments in container if name == "from")
        if not self.is_said(image, address):
            yield f"no container is made of {image}: {address}"
        for login in (arguments for name, arguments in container if name == "withRegistryAuth"):
            names = [login["address"], login["username"], f"<{login['secret'][0][1]['name']}>"]
            if names not in (["<ciregistry>", "<ciregistryuser>", "<ciregistrypassword>"], ["<cidependencyproxyserver>", "<cidependencyproxyuser>", "<cidependencyproxypassword>"]):
                yield f"the image is fetched with {names}"

    def services(self, container):
        bound = [(arguments["alias"], arguments["service"]) for name, arguments in container if name == "withServiceBinding"]
        services = [service if isinstance(service, dict) else {"name": service} for service in self.job.get("services") or []]
        expected = {}
        for service in services:
            daemon = {"docker"} if service in self.daemons() else set()
            for name in (hosts(service["name"]) | set(re.split(r"[ ,]+", service.get("alias") or "")) | daemon) - {""}:
                expected.setdefault(name, []).append(service)
        for name in expected.keys() ^ {alias for alias, _ in bound}:
            yield f"a service is {'not called' if name in expected else 'called'} {name}"
        own = [(name, arguments) for name, arguments in container if name in ("withEnvVariable", "withSecretVariable")]
        for alias, chain in bound:
            problems = [list(self.service(service, chain, own)) for service in expected.get(alias, [])]
            if all(problems):
                yield from (f"the service {alias} {problem}" for problem in sum(problems, []))

    def service(self, service, chain, variables):
        (_, arguments), others = chain[1], chain[2:-1]
        usual = PORTS.get(service["name"].split("@")[0].rpartition("/")[2].split(":")[0])
        if [chain[0], chain[1][0]] != [["container", {}], "from"] or not self.is_said(service["name"], arguments["address"]):
            yield f"is not made of {service['name']}"
        given = [(name, arguments) for name, arguments in others if name in ("withEnvVariable", "withSecretVariable")]
        if given[: len(variables)] != variables:
            yield "has not the job's variables"
        added = {arguments["name"]: arguments["value"] for _, arguments in given[len(variables) :]}
        wanted = {name: self.value(value)[0] for name, value in (service.get("variables") or {}).items()}
        command, how = list(flat(service.get("command"))), {"useEntrypoint": True}
        storage = [arguments for name, arguments in others if name == "withMountedCache"]
        if service in self.daemons():
            command = [*DAEMON, *(word for word in command if word not in ("dockerd", "--tls=false"))]
            wanted, how, usual = {"DOCKER_TLS_CERTDIR": ""}, {**how, "insecureRootCapabilities": True}, 2375
            # Nobody else may have its images.
            if [(volume["path"], volume["cache"][0][1]["key"].endswith("<cijobid>")) for volume in storage] != [("/var/lib/docker", True)]:
                yield f"keeps its images in {storage}"
        elif storage:
            yield f"keeps files in {storage}"
        if added.keys() != wanted.keys() or not all(self.is_said(wanted[name], value) for name, value in added.items()):
            yield f"has the variables {added} and not {wanted}"
        entrypoint = [arguments["args"] for name, arguments in others if name == "withEntrypoint"]
        if entrypoint != [list(flat(words)) for words in [service.get("entrypoint")] if words]:
            yield f"has the entrypoint {entrypoint}"
        ports = [arguments["port"] for name, arguments in others if name == "withExposedPort"]
        if not ports or usual and usual not in ports:
            yield f"listens on {ports}"
        if chain[-1] != ["asService", {**({"args": command} if command else {}), **how}]:
            yield f"is run as {chain[-1]}"
        if {name for name, _ in others} - {"withEnvVariable", "withSecretVariable", "withEntrypoint", "withExposedPort", "withMountedCache"}:
            yield f"is made by {others}"

    def artifacts(self):
        artifacts = self.job.get("artifacts") or {}
        relative = lambda path: re.sub(r"^(\$\{?CI_PROJECT_DIR\}?/|\./)", "", path)
        reports = (artifacts.get("reports") or {}).values()
        reports = [path for report in reports for path in flat(report.get("path") if isinstance(report, dict) else report)]
        return [relative(path) for path in [*flat(artifacts.get("paths")), *reports]], [relative(path) for path in flat(artifacts.get("exclude"))]

    def builds(self):
        """What is wrong with a function that builds images instead of running the script; raises Unread."""
        script = Script([*flat(self.job.get("before_script")), *flat(self.job.get("script"))])
        built = []
        for chain in self.chains:
            (last, how), variants = chain[-1], [chain]
            if any(chain in (other[-1][1].get("platformVariants") or []) for other in self.chains):
                continue
            if last not in ("publish", "sync"):
                yield f"the function makes {chain}"
                continue
            logins = [(arguments["address"], arguments["username"], f"<{arguments['secret'][0][1]['name']}>") for name, arguments in chain if name == "withRegistryAuth"]
            if last == "publish" and not (len(logins) == len(script.logins) and all(any(all(map(self.is_said, one, said)) for said in logins) for one in script.logins)):
                yield f"{how['address']} is published with {logins}, the job has {script.logins}"
            for variant in how.get("platformVariants", variants):
                self.add(built, variant, how.get("address"))
        if len(built) != len(script.builds):
            yield f"{len(built)} images are built instead of {len(script.builds)}"
            return
        for wanted, made in zip(script.builds, built):
            if not made["source"]:
                yield "an image is built of other files than those of the checkout"
            if made["platforms"] == [None]:
                made["platforms"] = []
            one = lambda name: self.is_said(wanted[name], made[name])
            pairs = lambda name: wanted[name].keys() == made[name].keys() and all(self.is_said(value, made[name][key]) for key, value in wanted[name].items())
            right = {
                **{name: one(name) for name in ("context", "dockerfile", "target")},
                **{name: pairs(name) for name in ("arguments", "labels")},
                "platforms": wanted["platforms"] == sorted(made["platforms"]),
                # Docker takes a name without a tag for one with `latest`.
                "addresses": self.are_said({tagged(address) for address in wanted["addresses"]}, list(map(tagged, made["addresses"]))),
            }
            for name in (name for name, is_right in right.items() if not is_right):
                yield f"the build has {name} {made[name]} instead of {wanted[name]}"

    @staticmethod
    def add(built, chain, address):
        """Adds a chain that builds an image to the images that are built, in their order."""
        at = [name for name, _ in chain].index("dockerBuild")
        folders = [arguments["path"] for name, arguments in chain[len(SOURCE) : at]]
        options = chain[at][1]
        made = {
            "source": chain[: len(SOURCE)] == SOURCE and {name for name, _ in chain[len(SOURCE) : at]} <= {"directory"},
            "context": "/".join(folders) or ".",
            "dockerfile": options.get("dockerfile", "Dockerfile"),
            "target": options.get("target", ""),
            "arguments": {argument["name"]: argument["value"] for argument in options.get("buildArgs", [])},
            "labels": {arguments["name"]: arguments["value"] for name, arguments in chain[at:] if name == "withLabel"},
        }
        known = next((other for other in built if made.items() <= other.items()), None)
        if known is None or address is None and options.get("platform") in known["platforms"]:
            known = {**made, "platforms": [], "addresses": []}
            built.append(known)
        if options.get("platform") not in known["platforms"]:
            known["platforms"].append(options.get("platform"))
        known["addresses"] += [address] if address else []


def tagged(name):
    return f"{name}:latest" if ":" not in name.rpartition("/")[2] and re.search(r"[\w.-]$", name) and not re.search(r"\$\w+$", name) else name


def hosts(image):
    """The host names that a runner gives a service."""
    name = image.split("@")[0]
    path, _, last = name.rpartition("/")
    host, slash, rest = path.partition("/")
    joined = "/".join(part for part in [host.split(":")[0] + slash + rest, last.split(":")[0]] if part)
    return {joined.replace("/", "__"), joined.replace("/", "-")}


def told(pipeline, moved, log, code):
    """What there is to say of a module."""
    ran, known = functions(log), titles(code)
    if "CANARY" in open(code, encoding="utf-8").read():
        yield "wrong", "a secret is in the code"
    for name, chains in ran.items():
        for call, arguments in calls(chains):
            if call != "setSecret" and any("CANARY" in text for text in texts(list(arguments.values()))):
                yield "wrong", f"{name}: a secret is an argument of {call}"
    for title in moved:
        name = known.get(plain(title))
        if not ran.get(name):
            yield "wrong", f"{title}: it moved, and no function says that it is this job"
        elif title not in pipeline:
            yield "unread", f"{title}: it is a job of another pipeline"
        elif not any(call == "dockerBuild" for call, _ in calls(ran[name])):
            yield from (("wrong", f"{title}: {what}") for what in Job(pipeline, pipeline[title], ran[name]).script())
        else:
            try:
                yield from [("wrong", f"{title}: {what}") for what in Job(pipeline, pipeline[title], ran[name]).builds()]
                yield "read", title
            except Unread as why:
                yield "unread", f"{title}: {why}"
    strange = ran.keys() - {known.get(plain(title)) for title in moved} - {"all"}
    if strange:
        yield "wrong", f"functions of no job that moved: {', '.join(strange)}"


def main(cases):
    for path in cases:
        with open(path, encoding="utf-8") as file:
            case = json.load(file)
        say = lambda kind, what: print(json.dumps({"case": path, kind: what}))
        first, *others = [module["log"] for module in case["modules"]]
        for module in case["modules"]:
            for kind, what in told(case["pipeline"], case["moved"], module["log"], module["code"]):
                # What can't be read is the same in each language.
                if kind == "wrong" or module["log"] == first:
                    say(kind, f"{module['code'].rpartition('/')[2]}: {what}" if kind == "wrong" else what)
        for other in others:
            for difference in differences(first, other):
                say("wrong", difference)


if __name__ == "__main__":
    main(sys.argv[1:])
