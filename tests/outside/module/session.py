"""A Dagger session without an engine: answers the SDKs' queries by a schema, and keeps what was asked of each object as a chain of calls.

Usage: session.py SCHEMA    prints its port and ends with its standard input; the session's token is the path of a file, which gets a line of JSON for each
value that was asked for: the chain that leads to it
"""

import base64
import itertools
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema, execute, parse, specified_rules, validate
from graphql.type import get_named_type
from graphql.validation import PossibleFragmentSpreadsRule

chains = {}
numbers = itertools.count()


class Thing:
    """An object by the calls that made it."""

    def __init__(self, kind, chain):
        self.kind = kind
        self.chain = chain

    def identifier(self):
        name = f"{self.kind}#{next(numbers)}"
        chains[name] = self
        return name


def told(value):
    """An argument with the chains of the objects that it names."""
    if isinstance(value, str) and value in chains:
        return chains[value].chain
    if isinstance(value, list):
        return [told(item) for item in value]
    if isinstance(value, dict):
        return {name: told(item) for name, item in value.items()}
    return value


def note(log, chain):
    with open(log, "a", encoding="utf-8") as file:
        file.write(json.dumps(chain) + "\n")


def resolve(parent, info, **arguments):
    chain = parent.chain if isinstance(parent, Thing) else []
    kind = get_named_type(info.return_type)
    if info.field_name == "node":
        return chains[arguments["id"]]
    if info.field_name == "id":
        # What a function returns is asked for by its id.
        note(info.context, chain)
        return parent.identifier()
    given = {argument.name.value for argument in info.field_nodes[0].arguments or ()}
    call = [info.field_name, {name: told(value) for name, value in arguments.items() if name in given}]
    made = Thing(kind.name, [*chain, call])
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        return made
    note(info.context, made.chain)
    if info.field_name == "sync":
        return parent.identifier()
    return {"Int": 0, "String": f"the {info.field_name}"}[kind.name]


def main(path):
    with open(path, encoding="utf-8") as file:
        schema = build_schema(file.read())
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                field.resolve = resolve
        if isinstance(kind, GraphQLInterfaceType):
            kind.resolve_type = lambda thing, _info, _type: thing.kind
    # The SDK asks for objects by fragments on types that the node may not have.
    rules = [rule for rule in specified_rules if rule is not PossibleFragmentSpreadsRule]

    class Session(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise an answer's body waits until its head is acknowledged.
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            log = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode().removesuffix(":")
            document = parse(body["query"])
            wrong = validate(schema, document, rules)
            if wrong:
                result = {"errors": [{"message": error.message} for error in wrong]}
            else:
                done = execute(schema, document, context_value=log, variable_values=body.get("variables"), operation_name=body.get("operationName"))
                result = {"data": done.data}
                if done.errors:
                    result["errors"] = [{"message": error.message} for error in done.errors]
            data = json.dumps(result).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Session)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
