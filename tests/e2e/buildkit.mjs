// What a job without a daemon reaches besides registries → a BuildKit at an address, which is the engine's and wants to see a certificate, and the downloads that a
// migrated job asks for, from a folder that has them by host and path.
//
// Usage: node buildkit.mjs BUILDKIT_ADDRESS DOWNLOAD_ADDRESS CERTIFICATE KEY ENGINE_SOCKET FOLDER

import { createServer as createTlsServer } from "node:tls";
import { createServer } from "node:https";
import { createReadStream, readFileSync } from "node:fs";
import { join as path, normalize } from "node:path";
import { join } from "./engine.mjs";

const [address, downloads, certificateFile, keyFile, socket, folder] = process.argv.slice(2);
const cert = readFileSync(certificateFile);
const key = readFileSync(keyFile);
const report = (line) => console.log(`${new Date().toISOString()} ${line}`);

createTlsServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ["h2"] }, (client) => join(client, socket, report))
  .on("tlsClientError", (error) => report(`refused: ${error.message}`))
  .listen(1234, address);

createServer({ cert, key }, (request, response) => {
  const file = createReadStream(path(folder, request.headers.host, normalize(request.url)));
  file.on("error", () => response.writeHead(404).end());
  file.on("open", () => {
    report(`${request.headers.host}${request.url}`);
    file.pipe(response);
  });
}).listen(443, downloads);
