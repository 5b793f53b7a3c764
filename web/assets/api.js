// Calls of this server, with the token of this tab where there is one.

const KEY = "nextid-token";
const TIME_LIMIT_MS = 10_000;

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

// An answer that is no success, or none at all (status 0). The message is the server's sentence.
export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

// The URL of a path of this server, which may be at a path of another one: behind a proxy, /ids/next.
// Pages have no folders, so it is beside them.
export const urlOf = (path) => new URL(`.${path}`, document.baseURI).href;

// Throws where there is no answer.
export function send(method, path, {headers = {}, body} = {}) {
  const all = new Headers(headers);
  if (token.get()) all.set("Authorization", `Bearer ${token.get()}`);
  return fetch(urlOf(path), {
    method,
    headers: all,
    body,
    cache: "no-store",
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  });
}

// The parsed body of a successful answer; a Refusal otherwise.
export async function call(method, path) {
  let response;
  try {
    response = await send(method, path);
  } catch {
    throw new Refusal(0, "The server does not answer. Trying again.");
  }
  const text = await response.text();
  if (!response.ok) throw new Refusal(response.status, sentence(response, text));
  return JSON.parse(text);
}

function sentence(response, text) {
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return `The server answered ${response.status} ${response.statusText}.`;
  }
}
