// What all programs here do with their client; tests/e2e/test_redis_clients.py says what must come out.
//   node PROGRAM.js MODULES PORT COUNTER [TOKEN]      MODULES: the folder whose node_modules has the client
import {createRequire} from "node:module";
import {resolve} from "node:path";

const [modules, port, counter, token] = process.argv.slice(2);

export const settings = {host: "127.0.0.1", port: Number(port), token, counter};

/** The module of that name, as a program in the folder MODULES would have it. */
export function load(name) {
  return createRequire(`${resolve(modules)}/`)(name);
}

export function say(name, ...values) {
  console.log([name, ...values.map((value) => value ?? "none")].join(" "));
}

export async function refusalOf(call) {
  try {
    return `none, but ${await call()}`;
  } catch (error) {
    return error.message;
  }
}
