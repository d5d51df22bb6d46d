// What GitLab and its network give a job → requests for a registry token, as /jwt/auth takes them, become tokens that the registry beside us accepts (the one user is
// CI_REGISTRY_USER), and questions for a name that isn't in the job's hosts file become "no such host", which clients treat differently from silence.
//
// Usage: node gitlab.mjs ADDRESS CERTIFICATE KEY

import { createServer } from "node:https";
import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { serveNames } from "./names.mjs";

const [address, certificateFile, keyFile] = process.argv.slice(2);
const certificate = readFileSync(certificateFile);
const key = readFileSync(keyFile);
const chain = [new X509Certificate(certificate).raw.toString("base64")];
const password = `${process.env.CI_REGISTRY_USER}:${process.env.CI_REGISTRY_PASSWORD}`;

const base64url = (value) => Buffer.from(value).toString("base64url");

function token(service, scopes) {
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.map((scope) => {
    const parts = scope.split(":");
    return { type: parts[0], name: parts.slice(1, -1).join(":"), actions: parts.at(-1).split(",") };
  });
  const claims = { iss: "gitlab", sub: "", aud: service, iat: now, nbf: now - 60, exp: now + 900, jti: randomUUID(), access };
  const body = `${base64url(JSON.stringify({ typ: "JWT", alg: "RS256", x5c: chain }))}.${base64url(JSON.stringify(claims))}`;
  return `${body}.${base64url(sign("sha256", body, createPrivateKey(key)))}`;
}

createServer({ cert: certificate, key }, (request, response) => {
  const url = new URL(request.url, "https://gitlab");
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  const basic = (request.headers.authorization ?? "").replace(/^Basic /, "");
  // GitLab answers 404 to OAuth's POST, and clients then come back with GET.
  if (request.method !== "GET" || url.pathname !== "/jwt/auth") return answer(404, {});
  if (Buffer.from(basic, "base64").toString() !== password) return answer(401, { errors: [{ code: "UNAUTHORIZED", message: "access forbidden" }] });
  const scopes = url.searchParams.getAll("scope").flatMap((scope) => scope.split(" ")).filter(Boolean);
  return answer(200, { token: token(url.searchParams.get("service"), scopes), expires_in: 900 });
}).listen(443, address);

serveNames(address, {});
