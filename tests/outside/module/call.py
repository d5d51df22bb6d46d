"""Calls every function of generated modules under the real SDK for Python, in a session that session.py keeps.

Usage: call.py FOLDER...    a FOLDER has src with the package `ci`; the session keeps what it is asked for in FOLDER/log;
prints a line of JSON for each function: its module's folder, its name and what went wrong, or nothing

A text is given as its parameter's name, in letters and digits between `<` and `>`, a secret with the text CANARY, which must turn up nowhere.
"""

import importlib
import json
import os
import re
import sys

os.environ |= {"DAGGER_MAIN_OBJECT": "Ci", "DAGGER_MODULE": "ci"}

import anyio  # noqa: E402
import dagger  # noqa: E402
from dagger import dag  # noqa: E402


async def given(parameter):
    kind = str(parameter.resolved_type)
    name = re.sub("[^a-z0-9]", "", parameter.name.lower())
    if "Directory" in kind:
        return await dag.directory().with_new_file("here", "").id()
    if "Secret" in kind:
        return await dag.set_secret(name, "CANARY").id()
    return f"<{name}>"


async def call(folder):
    async with await dagger.connect():
        module = importlib.import_module("ci").Ci.__dagger_module__
        for name, function in module._objects["Ci"].functions.items():
            # The session notes where the calls of a function begin.
            await dag.set_secret(f"begin {name}", "").id()
            error = None
            try:
                arguments = {parameter.name: await given(parameter) for parameter in function.parameters.values()}
                await module.get_result("Ci", {}, name, arguments)
            except Exception as problem:
                error = f"{type(problem).__name__}: {problem}"
            print(json.dumps({"module": folder, "function": name, "error": error}))


for folder in sys.argv[1:]:
    # All modules are called `ci`, so each is imported by a process of its own.
    if os.fork():
        os.wait()
        continue
    os.environ["DAGGER_SESSION_TOKEN"] = os.path.join(folder, "log")
    sys.path.insert(0, os.path.join(folder, "src"))
    try:
        anyio.run(call, folder)
    except BaseException as problem:
        print(json.dumps({"module": folder, "function": None, "error": f"{type(problem).__name__}: {problem}"}))
    sys.stdout.flush()
    os._exit(0)
