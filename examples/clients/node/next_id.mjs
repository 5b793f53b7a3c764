// Prints the id of a key: node next_id.mjs COUNTER KEY
import {setTimeout as sleep} from "node:timers/promises";

const SERVER = process.env.IDS_URL ?? "http://127.0.0.1:8000";
const TOKEN = process.env.IDS_TOKEN;
const TIMEOUT_MS = 8000; // The server answers within its --request-timeout, 5 s.
const TRY_AGAIN = [408, 429, 502, 503, 504];

// A new id for a new key, the same id for the same key: use the order's own UUID.
export async function nextId(counter, key, patienceMs = 60000) {
  const url = `${SERVER}/v1/counters/${counter}/next?as=string`; // Numbers are exact to 2^53 only.
  const headers = {"Idempotency-Key": key, ...(TOKEN && {Authorization: `Bearer ${TOKEN}`})};
  const deadline = performance.now() + patienceMs;
  for (;;) {
    let failure, mayRepeat = true, waitMs = 1000;
    try {
      const answer = await fetch(url, {method: "POST", headers, signal: AbortSignal.timeout(TIMEOUT_MS)});
      const text = await answer.text();
      if (answer.ok) return BigInt(JSON.parse(text).id);
      failure = new Error(text);
      mayRepeat = TRY_AGAIN.includes(answer.status);
      waitMs = 1000 * (answer.headers.get("Retry-After") ?? 1);
    } catch (lost) { // Perhaps it took an id: the key finds it again.
      failure = lost;
    }
    waitMs *= 1 + Math.random() / 2;
    if (!mayRepeat || performance.now() + waitMs > deadline) throw failure;
    await sleep(waitMs);
  }
}

if (process.argv.length === 4) console.log(String(await nextId(...process.argv.slice(2))));
