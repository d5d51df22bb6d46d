"""What the functions of a module asked for → what of the original jobs is missing in it, or too much.

Usage: check.py PIPELINE LOG CODE    PIPELINE is the original as `undind expand --format json` gives it, LOG is from session.py, CODE is the module's code;
prints a line for each difference

It reads the pipeline by itself and knows how GitLab names services; of the generator it knows only that a function says of which job it is.
"""

import json
import re
import sys

GLOBAL = {"stages", "variables", "workflow"}
OF_THE_RUNNER = re.compile(r"GIT_|FF_|CACHE_|ARTIFACT_|KUBERNETES_|RUNNER_|TRANSFER_METER_|GET_SOURCES_|RESTORE_CACHE_|EXECUTOR_JOB_|DOCKER_AUTH_CONFIG$")


def flat(items):
    for item in items if isinstance(items, list) else [] if items is None else [items]:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield str(item)


def calls(chain):
    """Every call of a chain and of the chains in its arguments."""
    for name, arguments in chain:
        yield name, arguments
        for value in arguments.values():
            for inner in value if isinstance(value, list) and value and isinstance(value[0], list) and isinstance(value[0][0], list) else [value]:
                if isinstance(inner, list) and inner and isinstance(inner[0], list) and isinstance(inner[0][0], str):
                    yield from calls(inner)


def functions(log):
    """The chains by the functions that asked for them."""
    found, current = {}, None
    for line in open(log, encoding="utf-8"):
        chain = json.loads(line)
        begin = chain[0][0] == "setSecret" and re.match(r"begin (.*)", chain[0][1]["name"])
        if begin:
            current = found.setdefault(begin[1], [])
        elif current is not None:
            current.append(chain)
    return found


def names(image):
    """The host names that a runner gives a service."""
    name = image.split("@")[0]
    path, _, last = name.rpartition("/")
    host, slash, rest = path.partition("/")
    joined = "/".join(part for part in [host.split(":")[0] + slash + rest, last.split(":")[0]] if part)
    return {joined.replace("/", "__"), joined.replace("/", "-")}


def pattern(text):
    """A text of the pipeline as what it may be with samples for its variables."""
    parts = re.split(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?", str(text))
    return re.compile(".*".join(re.escape(part) for part in parts) + r"\Z", re.DOTALL)


def scripts(job, asked):
    main = "\n".join([*flat(job.get("before_script")), *flat(job.get("script"))])
    after = "\n".join(flat(job.get("after_script")))
    runs = [arguments["args"] for name, arguments in asked if name == "withExec"]
    strip = lambda text: "\n".join(line.rstrip() for line in text.splitlines()).strip()
    if not any(strip(args[-3]) == strip(main) and strip(args[-2]) == strip(after) for args in runs):
        yield f"no command runs {main!r} and then {after!r}"


def environment(pipeline, job, asked):
    variables = {**(pipeline.get("variables") or {}), **(job.get("variables") or {})}
    given = {arguments["name"] for name, arguments in asked if name in ("withEnvVariable", "withSecretVariable")}
    missing = [name for name in variables if not OF_THE_RUNNER.match(name) and name not in given]
    if missing:
        yield f"variables are not set: {', '.join(missing)}"


def containers(job, asked):
    image = job["image"] if isinstance(job["image"], str) else job["image"]["name"]
    addresses = [arguments["address"] for name, arguments in asked if name == "from"]
    if not any(pattern(image).match(address) for address in addresses):
        yield f"no container is made of {image}: {addresses}"
    bound = {arguments["alias"] for name, arguments in asked if name == "withServiceBinding"}
    for service in job.get("services", []):
        service = service if isinstance(service, dict) else {"name": service}
        if not any(pattern(service["name"]).match(address) for address in addresses):
            yield f"no service is made of {service['name']}"
        missing = (names(service["name"]) | set(re.split(r"[ ,]+", service.get("alias", "")))) - bound - {""}
        if missing:
            yield f"a service is not called {missing}"


def main(pipeline, log, code):
    pipeline = json.load(open(pipeline, encoding="utf-8"))
    text = open(code, encoding="utf-8").read()
    ran = functions(log)
    if "CANARY" in text:
        print("a secret is in the code")
    for name, chains in ran.items():
        for chain in chains:
            for call, arguments in calls(chain):
                if call != "setSecret" and "CANARY" in json.dumps([value for value in arguments.values() if not isinstance(value, list) or not value or not isinstance(value[0], list)]):
                    print(f"{name}: a secret is an argument of {call}")
    titles = {title: name.rstrip("_") for name, title in re.findall(r'async def (\w+)\((?:(?!async def).)*?"""The job `(.*?)`\."""', text, re.DOTALL)}
    for title, job in pipeline.items():
        function = ran.get(titles.get(title))
        if title in GLOBAL or not isinstance(job, dict) or function is None:
            continue
        asked = [call for chain in function for call in calls(chain)]
        if any(name == "dockerBuild" for name, _ in asked):
            published = [arguments["address"] for name, arguments in asked if name == "publish"]
            pushes = len(re.findall(r"docker push|--push", "\n".join(flat(job.get("script")))))
            if pushes and not published:
                print(f"{title}: nothing is published")
            continue
        for what in [*scripts(job, asked), *environment(pipeline, job, asked), *containers(job, asked)]:
            print(f"{title}: {what}")
    strange = [name for name in ran if name not in titles.values() and name != "all"]
    if strange:
        print(f"functions of no job: {', '.join(strange)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
