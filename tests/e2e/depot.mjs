// The calls that the Depot CLI makes → answers that lead it to a BuildKit nearby and to a registry nearby. Stands in for api.depot.dev (builds and pushes),
// blob.depot.dev (copies layers to where `depot push` wants them) and depot.dev (the installer). What it doesn't know it refuses.
//
// Usage: node depot.mjs ADDRESS CERTIFICATE KEY ENGINE_SOCKET CLI VERSION
//
// The protocol is Connect: a protobuf message each way, an error as JSON. The field numbers are those of proto/depot/cli/v1 in github.com/depot/cli.

import { createSecureServer } from "node:http2";
import { createServer } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "./engine.mjs";

const [address, certificate, key, engine, cli, version] = process.argv.slice(2);
const PROJECT = "e2e-project";
const TOKEN = "e2e-token";
const builds = new Set();
const report = (line) => console.log(`${new Date().toISOString()} ${line}`);

// Protobuf: text, truth and messages are all that the answers need.
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

function field(number, value) {
  if (typeof value === "number" || typeof value === "boolean") return Buffer.concat([varint(number * 8), varint(Number(value))]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const message = (...fields) => Buffer.concat(fields);

function fields(bytes) {
  const found = {};
  let at = 0;
  const number = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const name = Math.floor(tag / 8);
    let value;
    if (tag % 8 === 0) value = number();
    else if (tag % 8 === 2) {
      const length = number();
      value = bytes.subarray(at, at + length);
      at += length;
    } else throw new Error(`wire type ${tag % 8}`);
    (found[name] ??= []).push(value);
  }
  return found;
}

class Refusal extends Error {
  constructor(code, status, text) {
    super(text);
    Object.assign(this, { code, status });
  }
}

const text = (found, number) => (found[number] ?? [""])[0].toString();

function known(build) {
  if (!builds.has(build)) throw new Refusal("not_found", 404, `no build ${build}`);
  return build;
}

const saved = (build) => `registry.depot.dev/${PROJECT}:${build}`;

const calls = {
  CreateBuild(request) {
    // The token is one project's, which then need not be named.
    if (!["", PROJECT].includes(text(request, 1))) throw new Refusal("not_found", 404, `no project ${text(request, 1)}`);
    const build = `build${builds.size + 1}`;
    builds.add(build);
    const keeps = (request[2] ?? []).some((options) => (fields(options)[8] ?? [0])[0] === 1);
    const answer = [field(1, build), field(2, `token-of-${build}`), field(3, message()), field(5, `https://depot.dev/${build}`), field(6, PROJECT)];
    if (keeps) answer.push(field(8, message(field(1, saved(build)), field(2, true))));
    return message(...answer);
  },
  GetBuildKitConnection(request) {
    known(text(request, 1));
    return message(field(2, message(field(1, `tcp://${address}:${bridge.address().port}`), field(2, "localhost"))));
  },
  GetPullInfo: (request) => message(field(1, saved(known(text(request, 1)))), field(2, "x-token"), field(3, "pull")),
  ListProjects: () => message(field(1, message(field(1, PROJECT), field(2, "end to end"), field(3, "org"), field(4, "Org")))),
  StartPush: (request) => message(field(1, `push-of-${known(text(request, 2))}`)),
  FinishPush: () => message(),
  FinishBuild: () => message(),
  ReportBuildHealth: () => message(),
  ReportBuildContext: () => message(),
  ReportStatus: () => message(),
  ReportTimings: () => message(),
};

// blob.depot.dev/blobs/BUILD/DIGEST: Depot's side of a push, from its registry to another one.
async function copyBlob(path, body) {
  const [, , build, digest] = path.split("/");
  known(build);
  const to = JSON.parse(body);
  const base = `https://${to.registryHost}/v2/${to.repositoryNamespace}/blobs`;
  const headers = { authorization: `${to.tokenScheme} ${to.registryToken}` };
  if ((await fetch(`${base}/${digest}`, { method: "HEAD", headers })).ok) return;
  const source = await fetch(`https://registry.depot.dev/v2/${PROJECT}/blobs/${digest}`);
  if (!source.ok) throw new Refusal("not_found", 404, `no blob ${digest}`);
  const upload = await fetch(`${base}/uploads/`, { method: "POST", headers });
  if (upload.status !== 202) throw new Refusal("internal", 502, `${base} answers ${upload.status}`);
  const place = new URL(upload.headers.get("location"), base);
  place.searchParams.set("digest", digest);
  const put = await fetch(place, { method: "PUT", headers: { ...headers, "content-type": "application/octet-stream" }, body: await source.arrayBuffer() });
  if (put.status !== 201) throw new Refusal("internal", 502, `${base} answers ${put.status} to ${digest}`);
}

// What the real installer does for its caller: the version asked for lands in DEPOT_INSTALL_DIR.
const installer = () => `set -e
test "$1" = ${version} || { echo "the end-to-end test has Depot CLI ${version}, the pipeline wants $1" >&2; exit 1; }
mkdir -p "\${DEPOT_INSTALL_DIR:=$HOME/.depot/bin}"
curl -fsSL -o "$DEPOT_INSTALL_DIR/depot" https://depot.dev/cli
chmod +x "$DEPOT_INSTALL_DIR/depot"
`;

async function answered(host, request, body) {
  const path = request.url;
  if (host === "depot.dev" && path === "/install-cli.sh") return ["text/plain", installer()];
  if (host === "depot.dev" && path === "/cli") return ["application/octet-stream", readFileSync(cli)];
  const bearer = request.headers.authorization ?? "";
  if (bearer !== `Bearer ${TOKEN}` && !/^Bearer token-of-build\d+$/.test(bearer)) throw new Refusal("unauthenticated", 401, "Invalid token");
  if (host === "blob.depot.dev") return ["application/json", await copyBlob(path, body)];
  const call = path.split("/").at(-1);
  if (request.headers["content-type"] === "application/connect+proto") {
    // A stream of progress that nobody looks at: one empty message, then the end of the stream.
    return ["application/connect+proto", Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), Buffer.from([2, 0, 0, 0, 2]), Buffer.from("{}")])];
  }
  if (!(call in calls)) throw new Refusal("unimplemented", 501, `the stand-in has no ${call}`);
  return ["application/proto", calls[call](fields(body))];
}

createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true }, async (request, response) => {
  const host = request.headers[":authority"] ?? request.headers.host;
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
    const [type, body] = await answered(host, request, Buffer.concat(chunks));
    report(`${host}${request.url}`);
    response.writeHead(200, { "content-type": type });
    response.end(body);
  } catch (error) {
    report(`${host}${request.url}: ${error.stack}`);
    response.writeHead(error.status ?? 500, { "content-type": "application/json" });
    response.end(JSON.stringify({ code: error.code ?? "internal", message: error.message }));
  }
}).listen(443, address);

const bridge = createServer((client) => join(client, engine, report)).listen(0, address);
