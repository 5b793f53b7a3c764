// The page at /docs: each call of /openapi.json, with a form that makes it.
import {Refusal, call, send, token, urlOf} from "./api.js";
import {copyButton, element, find, setText, withCode} from "./dom.js";
import {signIn} from "./sign_in.js";

const METHODS = ["get", "post", "put", "delete", "patch"];
// Of an answer's fields, those that say something about the call.
const FIELDS_OF_NOTE = [
  "Content-Type", "Cache-Control", "ETag", "Location", "Allow", "Retry-After", "X-Request-Id",
];
const MOST_SHOWN = 20_000;  // Characters of an answer.

// --- Reading the document

function resolved(document, part) {
  if (!part?.$ref) return part;
  const path = part.$ref.replace("#/", "").split("/");
  const found = path.reduce((place, key) => place[key], document);
  return {...resolved(document, found), ...part, $ref: undefined};
}

// The calls of the document in its order. Methods that do the same at one path are one call.
function callsOf(document) {
  const calls = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const same = calls.find((c) => c.path === path && c.operation.summary === operation.summary);
      if (same) {
        same.methods.push(method.toUpperCase());
        same.operation = operation;  // The last one names the call: POST.
        continue;
      }
      // `as` is beside the parameters, since clients that are generated must not have it.
      const parameters = [...(item.parameters ?? []), item["x-nextid-as"]].filter(Boolean);
      calls.push({
        path, operation, methods: [method.toUpperCase()],
        parameters: parameters.map((parameter) => resolved(document, parameter)),
        body: resolved(document, operation.requestBody),
        acts: method !== "get" || operation.tags.includes("Ids"),
      });
    }
  }
  return calls;
}

// --- Forms

let lastId = 0;

// A labelled control with its hint. Returns {field, control}.
function labelled(label, control, hint, extra = "") {
  control.id = `field-${++lastId}`;
  const note = element("p", {class: "note", id: `${control.id}-hint`}, ...withCode(hint));
  control.setAttribute("aria-describedby", note.id);
  return element(
    "div", {class: "field"}, element("label", {for: control.id}, element("code", {}, label), extra),
    control, note);
}

function parameterControl(document, parameter, acts) {
  const schema = resolved(document, parameter.schema);
  if (schema.enum) {
    const options = schema.enum.map((value) => element("option", {value}, value));
    return element("select", {}, element("option", {value: ""}, "left out"), ...options);
  }
  // What only looks can be tried at once. What takes ids or changes a counter can't be undone, so the
  // reader says of what.
  const value = parameter.required && !acts ? parameter.example : "";
  const hint = `${schema.default ?? parameter.example ?? ""}`;
  return element("input", {
    value, placeholder: parameter.required ? `such as ${hint}` : hint, required: parameter.required,
    autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    inputmode: schema.type === "integer" ? "numeric" : null,
  });
}

// The form of a call. request() is what it says now: {method, path, headers, body}; isReady(), whether
// it says all that the call needs.
function callForm(document, entry) {
  const controls = entry.parameters.map((parameter) => ({
    parameter, control: parameterControl(document, parameter, entry.acts),
  }));
  const fields = controls.map(({parameter, control}) => labelled(
    parameter.name, control, parameter.description,
    parameter.required ? " needed" : parameter.in === "header" ? " header field" : ""));

  const method = element("select", {}, ...entry.methods.map((name) => element("option", {}, name)));
  if (entry.methods.length > 1) {
    // The page shows what follows the rules of HTTP: GET changes nothing.
    method.value = "POST";
    fields.unshift(labelled("method", method, "Both do the same."));
  }
  const content = entry.body?.content["application/json"];
  const body = element("textarea", {rows: 4, spellcheck: "false", class: "code"});
  if (content) {
    body.placeholder = JSON.stringify(content.example, null, 1).replace(/\n\s*/g, " ");
    body.required = entry.body.required ?? false;
    fields.push(labelled("body", body, entry.body.description ?? "A JSON object.",
      body.required ? " needed" : ""));
  }
  const isReady = () => [...controls.map(({control}) => control), body]
    .every((control) => !control.required || control.value.trim() !== "");

  const request = () => {
    const headers = {};
    const query = [];
    let path = entry.path;
    for (const {parameter, control} of controls) {
      const value = control.value.trim();
      if (parameter.in === "path") {
        path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
      } else if (value !== "" && parameter.in === "query") {
        query.push(`${parameter.name}=${encodeURIComponent(value)}`);
      } else if (value !== "") {
        headers[parameter.name] = value;
      }
    }
    const text = content ? body.value.trim() : "";
    if (text !== "") headers["Content-Type"] = "application/json";
    return {
      method: entry.methods.length > 1 ? method.value : entry.methods[0],
      path: query.length > 0 ? `${path}?${query.join("&")}` : path,
      headers,
      body: text === "" ? undefined : text,
    };
  };
  return {fields, request, isReady};
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The same call for a shell. It never has the token itself in it.
function curlLine({method, path, headers, body}) {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  if (token.get()) words.push("-H", '"Authorization: Bearer $NEXTID_TOKEN"');
  for (const [name, value] of Object.entries(headers)) {
    words.push("-H", quoted(`${name}: ${value}`));
  }
  if (body !== undefined) words.push("-d", quoted(body));
  words.push(quoted(urlOf(path)));
  return words.join(" ");
}

// --- Answers

async function showAnswer(place, request) {
  const started = performance.now();
  let response;
  let text;
  try {
    response = await send(request.method, request.path, request);
    text = await response.text();
  } catch (failure) {
    const sentence = `The server did not answer, or the browser refused the call: ${failure.message}.`;
    place.replaceChildren(element("p", {class: "error"}, sentence));
    return;
  }
  const ms = Math.round(performance.now() - started);
  const fields = FIELDS_OF_NOTE.filter((name) => response.headers.has(name))
    .map((name) => `${name}: ${response.headers.get(name)}`);
  const cut = text.length > MOST_SHOWN;
  const output = element("pre", {tabindex: 0, "aria-label": "Body of the answer"},
    cut ? `${text.slice(0, MOST_SHOWN)}\n… ${text.length - MOST_SHOWN} more characters` : text);
  place.replaceChildren(
    element("p", {class: response.ok ? "status" : "status error"},
      element("strong", {}, `${response.status} ${response.statusText}`), ` in ${ms} ms`),
    element("pre", {class: "fields", tabindex: 0, "aria-label": "Header fields of the answer"},
      fields.join("\n")),
    output);
  if (response.status === 401) form.ask("This call needs a token that the server knows.");
}

function answersTable(document, responses) {
  const rows = Object.entries(responses).map(([status, part]) => {
    const response = resolved(document, part);
    const codes = new Set(Object.values(response.content ?? {}).flatMap((media) =>
      Object.values(media.examples ?? {}).map((e) => e.value.type.split(":").at(-1))));
    return element(
      "tr", {}, element("th", {scope: "row"}, /XX$/.test(status) ? `other ${status}` : status),
      element("td", {}, element("code", {}, [...codes].join(", "))),
      element("td", {}, ...withCode(response.description)));
  });
  const head = ["Status", "Code", "Meaning"].map((text) => element("th", {scope: "col"}, text));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows));
}

// --- The page

function consequence({acts, operation}) {
  if (!acts) return "This only looks.";
  return operation.tags.includes("Ids") ? "This takes ids of this server for good."
    : "This changes the counter on this server.";
}

function callSection(document, entry) {
  const {fields, request, isReady} = callForm(document, entry);
  const curl = element("pre", {class: "curl", tabindex: 0, "aria-label": "The call as a curl command"});
  const button = element("button", {class: "primary"}, "Try");
  const note = element("span", {class: "note"});
  const showState = () => {
    button.disabled = !isReady();
    setText(note, button.disabled ? "Fill in what is needed." : consequence(entry));
    setText(curl, curlLine(request()));
  };
  const answer = element("div", {class: "answer", role: "region", "aria-live": "polite",
    "aria-label": "Answer"});
  const tried = element("form", {novalidate: true},
    element("div", {class: "fields-grid"}, ...fields),
    element("div", {class: "row"}, button, note));
  tried.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isReady()) showAnswer(answer, request());
  });
  tried.addEventListener("input", showState);
  showState();

  const {operationId, summary, description} = entry.operation;
  const details = element(
    "details", {class: "card call", id: operationId},
    element("summary", {},
      element("span", {class: "methods"}, entry.methods.join(" ")),
      element("code", {class: "path"}, entry.path), element("span", {class: "summary"}, summary)),
    ...(description ? [element("p", {}, ...withCode(description))] : []),
    tried,
    element("div", {class: "curl-row"}, curl, copyButton("Copy the curl command", () => curl.textContent, curl)),
    answer,
    element("h4", {}, "Answers"), answersTable(document, entry.operation.responses));
  details.addEventListener("toggle", showState);
  return details;
}

function show(document) {
  setText(find("#server"), `${document.info.title} ${document.info.version}`);
  find("#intro").replaceChildren(...withCode(document.info.description));
  const calls = callsOf(document);
  for (const {name, description} of document.tags) {
    find("#calls").append(
      element("section", {"aria-label": name},
        element("h2", {}, name), element("p", {class: "note"}, ...withCode(description)),
        ...calls.filter((entry) => entry.operation.tags.includes(name))
          .map((entry) => callSection(document, entry))));
  }
  openLinked();
}

// A link such as /docs#next opens its call.
function openLinked() {
  const linked = location.hash && window.document.getElementById(location.hash.slice(1));
  if (!linked) return;
  linked.open = true;
  linked.scrollIntoView();
}
addEventListener("hashchange", openLinked);

const useToken = find("#use-token");
const form = signIn(() => {
  form.accepted();
  useToken.hidden = Boolean(token.get());
  for (const details of document.querySelectorAll(".call[open]")) {
    details.dispatchEvent(new Event("toggle"));
  }
});
useToken.hidden = Boolean(token.get());
useToken.addEventListener("click", () => form.ask("Calls from this page will carry the token."));

try {
  show(await call("GET", "/openapi.json"));
} catch (refusal) {
  if (!(refusal instanceof Refusal)) throw refusal;
  setText(find("#notice"), refusal.message);
  find("#notice").hidden = false;
}
