#!/usr/bin/env python3
"""A pipeline, as JSON on standard input → its jobs in the order of their stages, as files that a shell can run.

    jobs.py FOLDER    writes FOLDER/NN-JOB/{image,daemon,variables.sh,script.sh}

`daemon` is the image of the Docker-in-Docker service, and empty without one.

Reads what the pipelines of this test use, `default`, `variables`, `before_script` and nested lists, and refuses keywords that it would have to understand. Values of
variables are expanded as a runner does it, from the environment and from each other.
"""

import json
import os
import pathlib
import re
import shlex
import sys

GLOBAL = {"default", "stages", "variables", "image", "services", "before_script", "cache", "workflow"}
KNOWN = {"stage", "image", "services", "variables", "before_script", "script", "needs", "tags"}


def main(folder):
    pipeline = json.load(sys.stdin)
    stages = pipeline.get("stages", ["build", "test", "deploy"])
    jobs = [(name, job) for name, job in pipeline.items() if name not in GLOBAL and not name.startswith(".")]
    for name, job in jobs:
        unknown = job.keys() - KNOWN
        if unknown:
            raise SystemExit(f"{name}: jobs.py doesn't know {', '.join(sorted(unknown))}")
    jobs.sort(key=lambda job: stages.index(job[1].get("stage", "test")))
    for number, (name, job) in enumerate(jobs):
        place = pathlib.Path(folder) / f"{number:02}-{name}"
        place.mkdir(parents=True)
        write(place, pipeline, job)


def write(place, pipeline, job):
    default = pipeline.get("default", {})
    setting = lambda keyword: job.get(keyword, default.get(keyword, pipeline.get(keyword)))
    image = setting("image")
    variables = {**pipeline.get("variables", {}), **job.get("variables", {})}
    (place / "image").write_text(named(image))
    services = [named(service) for service in setting("services") or []]
    (place / "daemon").write_text("".join(service for service in services if "dind" in service))
    (place / "variables.sh").write_text("".join(f"export {name}={shlex.quote(expanded(name, variables))}\n" for name in variables))
    lines = [*flat(setting("before_script")), *flat(job["script"])]
    (place / "script.sh").write_text("".join(f"{line}\n" for line in lines))


def named(image):
    return image if isinstance(image, str) else image["name"]


def flat(script):
    if script is None:
        return
    for line in [script] if isinstance(script, str) else script:
        if isinstance(line, list):
            yield from flat(line)
        else:
            yield line


def expanded(name, variables, seen=()):
    def value(match):
        other = match[1] or match[2]
        if other in variables and other not in (*seen, name):
            return expanded(other, variables, (*seen, name))
        return os.environ.get(other, "")

    value_of = variables[name]["value"] if isinstance(variables[name], dict) else str(variables[name])
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, value_of)


if __name__ == "__main__":
    main(sys.argv[1])
