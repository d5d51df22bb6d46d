"""The logs of the modules of one pipeline in two languages → what a function asks for in one of them and not in the other.

Compared are the values that a function asks for (user, sync, publish) in their order, and the objects of which it asks for the identifiers, as a set. That excuses
- the order of identifiers: the clients ask for that of an argument when the call is made, or when the value behind it is wanted;
- the same identifier asked for twice;
- the identifier of what the caller gives, which not every client asks for;
- DOCKER beside DockerMediaTypes, two names of the API for one value (Go and TypeScript, Python).
Nothing else may differ. Functions are known by the letters and digits of their names, which is what the languages have in common.
"""

import json
import re

# What is made for the caller's arguments.
GIVEN = [["directory", {}], ["withNewFile", {"path": "here", "contents": ""}]]
VALUES = {"user", "sync", "publish", "exitCode"}
ALIKE = {"DOCKER": "DockerMediaTypes", "OCI": "OCIMediaTypes"}


def alike(value):
    if isinstance(value, list):
        return [alike(item) for item in value]
    if isinstance(value, dict):
        return {name: ALIKE.get(item, item) if name == "mediaTypes" else alike(item) for name, item in value.items()}
    return value


def functions(log):
    """The values and the objects that were asked for, by function."""
    found, current = {}, None
    with open(log, encoding="utf-8") as file:
        for line in file:
            chain = alike(json.loads(line))
            begin = chain[0][0] == "setSecret" and re.match(r"begin (.*)", chain[0][1]["name"])
            if begin:
                current = found.setdefault(re.sub("[^a-z0-9]", "", begin[1].lower()), ([], set()))
            elif chain[-1][0] in VALUES:
                current[0].append(json.dumps(chain, sort_keys=True))
            elif chain != GIVEN and chain[0][0] != "setSecret":
                current[1].add(json.dumps(chain, sort_keys=True))
    return found


def differences(one, other):
    """What is different in two logs."""
    one, other = functions(one), functions(other)
    for name in sorted(one.keys() ^ other.keys()):
        yield f"{name} is in one language and not in another"
    for name in sorted(one.keys() & other.keys()):
        (values, objects), (other_values, other_objects) = one[name], other[name]
        if values != other_values:
            yield f"{name} asks for {values} in one language and for {other_values} in another"
        for chain in objects ^ other_objects:
            yield f"{name} makes in one language only {chain}"
