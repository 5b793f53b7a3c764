// Starts the real nextid binary in a directory of its own, and asks it for ids.
import {execFileSync, spawn} from "node:child_process";
import {mkdtemp, rm, writeFile} from "node:fs/promises";
import http from "node:http";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";
import {setTimeout as rest} from "node:timers/promises";
import {fileURLToPath} from "node:url";

const repository = resolve(fileURLToPath(import.meta.url), "../../..");
const build = process.env.NEXTID_BUILD_DIR ?? join(repository, "build/release");
const BINARY = process.env.NEXTID_BINARY ?? join(build, "nextid");
const PATIENCE_MS = 20_000;

// A new token: {secret, line}, the latter for the file of --tokens.
export function makeToken(name, rights) {
  const printed = execFileSync(
    BINARY, ["token", name, "--rights", rights], {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]});
  const [secret, line] = printed.split("\n");
  return {secret, line};
}

// `nextid serve` with `options`, in a directory with `files`. Its log is `server.log`.
export class Server {
  static async start({options = [], files = {}} = {}) {
    const server = new Server();
    server.directory = await mkdtemp(join(tmpdir(), "nextid-page-"));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(server.directory, name), text, {mode: 0o600});
    }
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(NEXTID_|AWS_)/.test(name)));
    server.process = spawn(
      BINARY, ["serve", "--http", "127.0.0.1:0", "--resp", "off", "--store", "sqlite:ids.db", ...options],
      {cwd: server.directory, env: environment, stdio: ["ignore", "pipe", "pipe"]});
    server.log = "";
    server.ended = new Promise((done) => server.process.once("close", done));
    server.url = await server.#listening();
    return server;
  }

  #listening() {
    return new Promise((found, failed) => {
      const late = setTimeout(() => failed(new Error(`not listening:\n${this.log}`)), PATIENCE_MS);
      const take = (text) => {
        this.log += text;
        const line = /listening on (https?:\/\/[^ ,]*:\d+)/.exec(this.log);
        if (!line) return;
        clearTimeout(late);
        found(line[1]);
      };
      this.process.stdout.on("data", take);
      this.process.stderr.on("data", take);
      this.ended.then(() => failed(new Error(`the server ended:\n${this.log}`)));
    });
  }

  // Again is no harm.
  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
    await rm(this.directory, {recursive: true, force: true});
  }
}

// Makes or changes a counter.
export async function define(server, name, definition) {
  const answer = await fetch(`${server.url}/v1/counters/${name}`, {
    method: "PUT", headers: {"Content-Type": "application/json"}, body: JSON.stringify(definition),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

// Asks for ids on `clients` connections until stop(), which says how many requests were answered.
// Each rests for `pauseMs` after an answer.
export function load(url, path, clients, pauseMs = 0) {
  const agent = new http.Agent({keepAlive: true, maxSockets: clients});
  let running = true;
  let answered = 0;
  const ask = () => new Promise((done, failed) => {
    http.get(url + path, {agent}, (response) => {
      response.resume();
      response.on("end", done);
    }).on("error", failed);
  });
  const client = async () => {
    while (running) {
      await ask();
      ++answered;
      if (pauseMs > 0) await rest(pauseMs);
    }
  };
  const all = Array.from({length: clients}, client);
  return {
    async stop() {
      running = false;
      await Promise.all(all);
      agent.destroy();
      return answered;
    },
  };
}
