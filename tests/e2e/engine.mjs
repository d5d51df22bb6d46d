// dockerd's own BuildKit is behind `POST /grpc`, upgraded to HTTP/2 → a connection to it, for whoever speaks to a BuildKit.

import { connect } from "node:net";

// Joins a client's connection to the BuildKit of the engine at a socket's path; `report` gets a line if the engine doesn't want to.
export function join(client, socket, report) {
  const engine = connect(socket);
  let head = Buffer.alloc(0);
  const start = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    engine.off("data", start);
    if (!/^HTTP\/1\.1 101 /.test(head.toString("latin1"))) {
      report(`the engine doesn't upgrade: ${head}`);
      client.destroy();
      return;
    }
    client.write(head.subarray(end + 4));
    engine.pipe(client).pipe(engine);
  };
  engine.on("data", start);
  engine.write("POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n");
  for (const [one, other] of [[client, engine], [engine, client]]) one.on("error", () => other.destroy()).on("close", () => other.destroy());
}
