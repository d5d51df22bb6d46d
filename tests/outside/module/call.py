"""Calls every function of a generated module under the real SDK, in a session that session.py keeps.

Usage: call.py FOLDER    FOLDER has the package `ci`; prints a line of JSON for each function: its name and what went wrong, or nothing

A text is given as `<name>`, a secret with the text CANARY, which must turn up nowhere.
"""

import importlib
import json
import os
import sys

os.environ |= {"DAGGER_MAIN_OBJECT": "Ci", "DAGGER_MODULE": "ci"}
sys.path.insert(0, sys.argv[1])

import anyio  # noqa: E402
import dagger  # noqa: E402
from dagger import dag  # noqa: E402


async def given(parameter):
    kind = str(parameter.resolved_type)
    if "Directory" in kind:
        return await dag.directory().with_new_file("here", "").id()
    if "Secret" in kind:
        return await dag.set_secret(parameter.name, "CANARY").id()
    return f"<{parameter.name}>"


async def main():
    async with await dagger.connect():
        module = importlib.import_module("ci").Ci.__dagger_module__
        for name, function in module._objects["Ci"].functions.items():
            arguments = {parameter.name: await given(parameter) for parameter in function.parameters.values()}
            # The session notes where the calls of a function begin.
            await dag.set_secret(f"begin {name}", "").id()
            try:
                await module.get_result("Ci", {}, name, arguments)
                print(json.dumps({"function": name, "error": None}))
            except Exception as error:
                print(json.dumps({"function": name, "error": f"{type(error).__name__}: {error}"}))


anyio.run(main)
