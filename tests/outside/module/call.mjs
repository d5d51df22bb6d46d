// Calls every function of generated modules under the real SDK for TypeScript, in a session that session.py keeps.
//
// Usage: call.mjs FOLDER...    a FOLDER has src/index.ts and lies below a folder with node_modules; the session keeps what it is asked for in FOLDER/log;
// prints a line of JSON for each function: its module's folder, its name and what went wrong, or nothing
//
// A text is given as its parameter's name, in letters and digits between `<` and `>`, a secret with the text CANARY, which must turn up nowhere.
// Modules go the SDK's way: it reads the classes out of the code, and its executor calls them. The types are left out on the way, tsc looks at them.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const folders = process.argv.slice(2);
const sdk = path.dirname(createRequire(path.join(path.resolve(folders[0]), "x.js")).resolve("@dagger.io/dagger"));
const from = (file) => import(pathToFileURL(path.join(sdk, file)).href);
const ts = createRequire(path.join(sdk, "x.js"))("typescript");
const { connection, dag } = await from("index.js");
const { scan } = await from("module/introspector/index.js");
const { Executor } = await from("module/executor.js");
const { invoke } = await from("module/entrypoint/invoke.js");

async function given(argument) {
  const name = argument.name.toLowerCase().replace(/[^a-z0-9]/g, "");
  switch (argument.type.name) {
    case "Directory":
      return await dag.directory().withNewFile("here", "").id();
    case "Secret":
      return await dag.setSecret(name, "CANARY").id();
    default:
      return `<${name}>`;
  }
}

async function call(folder) {
  const source = path.join(folder, "src/index.ts");
  // The SDK takes the types of the API from a file of this name only.
  const client = path.join(folder, "client.gen.ts");
  fs.copyFileSync(path.join(sdk, "api/client.gen.d.ts"), client);
  const compilerOptions = { target: "ES2022", module: "ES2022", experimentalDecorators: true };
  const compiled = path.join(folder, "index.mjs");
  fs.writeFileSync(compiled, ts.transpileModule(fs.readFileSync(source, "utf8"), { compilerOptions }).outputText);
  const module = await scan([source, client], "ci", false);
  const executor = new Executor([await import(pathToFileURL(compiled).href)], module);
  for (const [fnName, method] of Object.entries(module.objects.Ci.methods)) {
    // The session notes where the calls of a function begin.
    await dag.setSecret(`begin ${fnName}`, "").id();
    let error = null;
    try {
      const fnArgs = {};
      for (const argument of Object.values(method.arguments)) {
        fnArgs[argument.name] = await given(argument);
      }
      await invoke(executor, module, { parentName: "Ci", fnName, parentArgs: {}, fnArgs });
    } catch (problem) {
      error = `${problem.constructor.name}: ${problem.message}`;
    }
    console.log(JSON.stringify({ module: folder, function: fnName, error }));
  }
}

for (const folder of folders) {
  process.env.DAGGER_SESSION_TOKEN = path.join(folder, "log");
  try {
    await connection(() => call(folder));
  } catch (problem) {
    console.log(JSON.stringify({ module: folder, function: null, error: `${problem.constructor.name}: ${problem.message}` }));
  }
}
