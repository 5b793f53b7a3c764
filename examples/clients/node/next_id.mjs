import {setTimeout as sleep} from "node:timers/promises";

const SERVER = process.env.IDS_URL ?? "http://127.0.0.1:8000";
const TOKEN = process.env.IDS_TOKEN ?? "";

// A new id for a new key, the same id for the same key: use the order's own UUID.
export async function nextId(counter, key, attempts = 10) {
  const url = `${SERVER}/v1/counters/${counter}/next?as=string`; // Numbers are exact to 2^53 only.
  const headers = {"Idempotency-Key": key, "Authorization": `Bearer ${TOKEN}`};
  for (let attempt = 1; ; attempt++) {
    const signal = AbortSignal.timeout(8000); // The server answers within 5 s.
    const [status, text, retryAfter] = await fetch(url, {method: "POST", headers, signal})
      .then(async (answer) => [answer.status, await answer.text(), answer.headers.get("Retry-After")])
      .catch((lost) => [0, lost.cause ?? lost]); // Perhaps it took an id: the same key finds it again.
    if (status === 200) return BigInt(JSON.parse(text).id);
    if (attempt === attempts || ![0, 408, 429, 502, 503, 504].includes(status)) throw new Error(text);
    await sleep(1000 * (Number(retryAfter ?? 1) + Math.random()));
  }
}
