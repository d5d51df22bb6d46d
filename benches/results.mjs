// A repository with a pipeline → whether `undind run` and gitlab-ci-local come to the same: the result of each job that ran, what its scripts print, its artifacts.
//
// Usage: node results.mjs UNDIND FOLDER JOBS; exit code 1 and the differences where they don't

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";

const [undind, folder, jobs] = process.argv.slice(2);
const plain = (text) => text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");

function run(program, options) {
  const { stdout, stderr } = spawnSync(program, options, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
  return plain(stdout) + "\n" + plain(stderr);
}

function files(root) {
  if (!existsSync(root)) return [];
  const all = readdirSync(root, { recursive: true }).map((name) => join(root, name)).filter((path) => statSync(path).isFile());
  return all.map((path) => `artifact ${relative(root, path)}: ${readFileSync(path, "latin1")}`);
}

// By job: the lines of its scripts in their order, its result, its artifacts.
function own() {
  const found = {};
  const of = (job) => (found[job] ??= []);
  let report = [];
  for (const line of run(undind, ["run", "--executor", "shell", "--jobs", jobs, "--log-format", "json"]).split("\n")) {
    if (!line.startsWith("{")) continue;
    const event = JSON.parse(line);
    if (event.event === "log" && !plain(event.text).startsWith("$ ")) of(event.job).push(`prints ${plain(event.text)}`);
    if (event.event === "run_finished") report = event.jobs;
  }
  for (const job of report.filter((job) => job.attempts > 0)) {
    of(job.name).push(...(existsSync(join(folder, ".undind/artifacts", job.name)) ? files(join(folder, ".undind/artifacts", job.name)) : []));
    of(job.name).push(`ends as ${job.status === "success" ? "PASS" : job.allowed ? "WARN" : "FAIL"}`);
  }
  return found;
}

function peer() {
  const found = {};
  const of = (job) => (found[job] ??= []);
  const options = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--concurrency", jobs];
  const lines = run("gitlab-ci-local", options).split("\n");
  const ends = lines.map((line) => line.match(/^ (PASS|WARN|FAIL) {2}(.*?) *( pre_script| after_script)?$/)).filter(Boolean);
  for (const line of lines) {
    const printed = line.match(/^(\S.*?) +> (.*)$/);
    // A command that redirects looks much like what it prints.
    if (printed && ends.some(([, , job]) => job.trim() === printed[1])) of(printed[1]).push(`prints ${printed[2]}`);
  }
  for (const [, result, job] of ends) of(job.trim()).push(...files(join(folder, ".gitlab-ci-local/artifacts", job.trim())), `ends as ${result}`);
  return found;
}

const clean = () => [".undind", ".gitlab-ci-local"].forEach((name) => rmSync(join(folder, name), { recursive: true, force: true }));
clean();
const [ours, theirs] = [own(), peer()];
clean();
// Standard output and standard error come in an order that nobody promises.
for (const found of [ours, theirs]) Object.values(found).forEach((list) => list.sort());
const differ = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((job) => JSON.stringify(ours[job]) !== JSON.stringify(theirs[job]));
for (const job of differ) console.log(`${job}\n  undind: ${JSON.stringify(ours[job])}\n  peer:   ${JSON.stringify(theirs[job])}`);
if (differ.length > 0 || Object.keys(ours).length === 0) process.exit(1);
console.log(`${Object.keys(ours).length} jobs, equal`);
