// Names and their addresses → a server of names that knows no others.
//
// Usage: node names.mjs ADDRESS NAME=ADDRESS…

import { createSocket } from "node:dgram";
import { pathToFileURL } from "node:url";

// Answers at the UDP port 53 of `address`. The question comes back as an answer (0x80), without additional records; what is not in `known` does not exist (3).
export function serveNames(address, known) {
  const socket = createSocket("udp4", (question, sender) => {
    let end = 12;
    const labels = [];
    for (; question[end] > 0; end += question[end] + 1) labels.push(question.toString("latin1", end + 1, end + 1 + question[end]));
    const found = known[labels.join(".").toLowerCase()];
    // A name that has an address of version 4 alone exists for those who ask for one of version 6, too.
    const record = found && question.readUInt16BE(end + 1) === 1 ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...found.split(".").map(Number)]) : Buffer.alloc(0);
    const answer = Buffer.concat([question.subarray(0, end + 5), record]);
    answer[2] |= 0x80;
    answer[3] = found ? 0x80 : 0x83;
    answer.writeUInt16BE(record.length > 0 ? 1 : 0, 6);
    answer.writeUInt32BE(0, 8);
    socket.send(answer, sender.port, sender.address);
  });
  socket.bind(53, address);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [address, ...pairs] = process.argv.slice(2);
  serveNames(address, Object.fromEntries(pairs.map((pair) => pair.split("="))));
}
