// The page at /: asks for /v1/status each second, and shows what changed since.
import {Refusal, call, token} from "./api.js";
import {BarChart, LineChart} from "./chart.js";
import {copyButton, element, find, setText} from "./dom.js";
import {
  difference, elapsed, grouped, microseconds, percent, quantile, quantity, rounded, sum, until,
} from "./numbers.js";
import {signIn} from "./sign_in.js";

const PERIOD_MS = 1000;
const SPAN_MS = 60_000;
const FIGURE_ROWS = 12;
const MOST_DOUBTS = 5;
const NOTHING = "–";
const WARN_BELOW_DAYS = 30;

const orNothing = (value, format) => (value === null ? NOTHING : format(value));

// --- From counts to samples

// All between two answers of /v1/status. A share of nothing is null.
function sampleBetween(before, now) {
  const seconds = (now.now_ms - before.now_ms) / 1000;
  const latencies = difference(now.latency_us.counts, before.latency_us.counts);
  const batches = difference(now.batch_sizes, before.batch_sizes);
  // Counts beyond 2^53 come as text.
  const since = (name) => Number(BigInt(now[name]) - BigInt(before[name]));
  const ratio = (above, below) => (below > 0 ? above / below : null);
  return {
    time: now.now_ms,
    ids: since("ids_returned") / seconds,
    median: quantile(now.latency_us.bounds, latencies, 0.5),
    tail: quantile(now.latency_us.bounds, latencies, 0.99),
    batches,
    // Of those that somebody waited for; the others are the blocks of cached counters.
    batch: ratio(since("waits"), since("reservations") - since("refills")),
    saved: ratio(sum(latencies), since("store_writes")),
  };
}

const history = {last: null, samples: []};

function remember(status) {
  const before = history.last;
  history.last = status;
  // Counts that fall are those of another process.
  if (!before || status.uptime_seconds < before.uptime_seconds) {
    history.samples = [];
  } else if (status.now_ms > before.now_ms) {
    history.samples.push(sampleBetween(before, status));
  }
  history.samples = history.samples.filter((s) => status.now_ms - s.time <= SPAN_MS);
}

// --- Charts

// A line chart and the large figure above it. `describe` makes the figure's text of a sample.
function lineCard(name, values, describe, format) {
  const figure = find(`#${name}-now`);
  const show = (sample) => {
    setText(figure, sample ? describe(sample) : NOTHING);
    figure.classList.toggle("past", Boolean(sample) && sample !== history.samples.at(-1));
  };
  const chart = new LineChart(find(`#${name}-chart`), {
    spanMs: SPAN_MS,
    format,
    onPoint: (point) => {
      pointed = point?.sample ?? null;
      show(pointed ?? history.samples.at(-1));
    },
  });
  let pointed = null;
  return (title) => {
    const samples = history.samples.map((s) => ({time: s.time, values: values(s), sample: s}));
    const now = history.samples.at(-1);
    const highest = Math.max(0, ...samples.flatMap((s) => s.values.filter((v) => v !== null)));
    chart.update(samples, `${title}, last minute: now ${now ? describe(now) : "unknown"}, ` +
      `highest ${format(highest)}`);
    if (!pointed) show(now);
  };
}

const showIds = lineCard("ids", (s) => [s.ids], (s) => quantity(s.ids), quantity);
const showLatency = lineCard(
  "latency", (s) => [s.median, s.tail],
  (s) => `${orNothing(s.median, microseconds)} · ${orNothing(s.tail, microseconds)}`, microseconds);
const showSaved = lineCard("saved", (s) => [s.saved], (s) => orNothing(s.saved, quantity), quantity);

const BATCH_NAMES = Array.from({length: 12}, (_, i) => (i < 10 ? `${2 ** i}` : `${2 ** (i - 10)}k`));
const batchChart = new BarChart(find("#batch-chart"), BATCH_NAMES);

function showBatches() {
  const counts = history.samples.reduce(
    (total, sample) => total.map((count, i) => count + sample.batches[i]),
    new Array(BATCH_NAMES.length).fill(0));
  const parts = counts.flatMap((count, i) => (count > 0 ? [`${BATCH_NAMES[i]} and more: ${count}`] : []));
  batchChart.update(counts, `Reservations of the last minute by their number of requests. ` +
    (parts.join(", ") || "None."));
  setText(find("#batch-now"), orNothing(history.samples.at(-1)?.batch ?? null, quantity));
}

function showCharts(status) {
  showIds("Ids per second");
  showLatency("Latency, median and 99th percentile");
  showBatches();
  showSaved("Requests per store write");
  setText(find("#ids-note"), `${grouped(status.ids_returned)} since the start`);
  const requests = sum(status.latency_us.counts);
  const saved = requests - status.store_writes;
  setText(find("#saved-note"), saved > 0
    ? `${grouped(saved)} writes saved, ${percent(saved / requests)}`
    : requests > 0 ? "one write per request so far" : "no requests yet");
  showFigures();
}

function showFigures() {
  if (!find("#figures").open) return;
  const number = (text) => element("td", {class: "number"}, text);
  find("#figure-rows").replaceChildren(
    ...history.samples.slice(-FIGURE_ROWS).reverse().map((s) => element(
      "tr", {}, element("th", {scope: "row"}, new Date(s.time).toLocaleTimeString("en-GB")),
      number(quantity(s.ids)), number(orNothing(s.median, microseconds)),
      number(orNothing(s.tail, microseconds)), number(orNothing(s.batch, quantity)),
      number(orNothing(s.saved, quantity)))));
}
find("#figures").addEventListener("toggle", showFigures);

// --- Counters

function counterRow(counter) {
  const cell = (label, ...content) =>
    element("td", {role: "cell", class: "number", "data-label": label}, ...content);
  const remaining = cell("Remaining", orNothing(counter.remaining, rounded));
  const left = until(counter.days_to_exhaustion);
  if (left) {
    const soon = counter.days_to_exhaustion < WARN_BELOW_DAYS;
    remaining.append(element("span", {class: soon ? "aside warning" : "aside"}, `lasts ${left}`));
  }
  return element(
    "tr", {role: "row"},
    element("th", {role: "rowheader", scope: "row"}, counter.name),
    element("td", {role: "cell", "data-label": "Mode"},
      element("span", {class: `mode ${counter.mode}`},
        counter.mode === "cached" ? `cached ${grouped(counter.cache)}` : counter.mode)),
    cell("Value", orNothing(counter.value, grouped)),
    cell("Ids/s", quantity(counter.rate)),
    remaining);
}

function showCounters(counters) {
  find("#counter-rows").replaceChildren(...counters.map(counterRow));
  find("#counters table").hidden = counters.length === 0;
  find("#no-counters").hidden = counters.length > 0;
  const names = counters.map((counter) => counter.name);
  const list = find("#counter-names");
  const known = [...list.children].map((option) => option.value);
  if (names.join() !== known.join()) {
    list.replaceChildren(...names.map((name) => element("option", {value: name})));
  }
}

// --- Totals

function showTotals(status) {
  setText(find("#server"), `${status.version} · ${status.store} · up ${elapsed(status.uptime_seconds)}`);
  const burned = Object.entries(status.ids_burned).filter(([, count]) => count > 0);
  const reasons = burned.map(([reason, count]) => `${grouped(count)} ${reason}`).join(", ");
  const {http, resp} = status.connections;
  setText(find("#totals"), [
    `${grouped(http)} HTTP and ${grouped(resp)} RESP connections`,
    `${grouped(status.waiting)} requests waiting`,
    `${grouped(status.store_writes)} store writes in ${grouped(status.store_commits)} commits`,
    `ids burned: ${reasons || "none"}`,
  ].join(" · "));
}

// --- Taking ids

function showTaken(ids, count) {
  const text = ids.id ?? `${ids.start}-${ids.end}`;
  const shown = element("output", {class: "figure"}, ids.id
    ? grouped(ids.id) : `${grouped(ids.start)} – ${grouped(ids.end)}`);
  const note = ids.id ? "1 id" : `${grouped(count)} ids`;
  const step = ids.increment ? `, ${grouped(ids.increment)} apart` : "";
  find("#taken").replaceChildren(
    element("div", {class: "row"}, shown, copyButton("Copy the ids", () => text, shown)),
    element("p", {class: "note"}, `${note} of ${find("#counter").value}${step}`));
}

async function take(event) {
  event.preventDefault();
  const counter = encodeURIComponent(find("#counter").value);
  const count = find("#count").value.trim();
  const what = count === "1" ? "next?" : `range?count=${encodeURIComponent(count)}&`;
  try {
    showTaken(await call("POST", `/v1/counters/${counter}/${what}as=string`), count);
  } catch (refusal) {
    if (refusal instanceof Refusal && refusal.status === 401) askForToken(refusal);
    find("#taken").replaceChildren(element("p", {class: "error"}, refusal.message));
  }
}
find("#take-form").addEventListener("submit", take);

// --- Asking again and again

const form = signIn(() => {
  find("#taken").replaceChildren();
  history.last = null;
  poll();
});
let timer = null;

function askForToken(refusal) {
  form.ask(refusal.message);
  for (const id of ["doubt", "charts", "counters", "figures"]) find(`#${id}`).hidden = true;
}

function notice(sentence) {
  setText(find("#notice"), sentence);
  find("#notice").hidden = sentence === "";
}

// What must not be overlooked: ids that are given out no more.
function showDoubt({doubt, stopped, write_trouble, state_dir_trouble}) {
  const reasons = stopped.counters.slice(0, MOST_DOUBTS).map((counter) => counter.why);
  if (stopped.count > reasons.length) reasons.push(`And ${stopped.count - reasons.length} more.`);
  if (doubt !== "") reasons.unshift(doubt);
  for (const trouble of [write_trouble, state_dir_trouble]) if (trouble !== "") reasons.push(trouble);
  const title = doubt !== "" ? "This store is in doubt: no ids are given out"
    : stopped.count === 1 ? "A counter has stopped: it gives out no ids"
    : stopped.count > 1 ? `${grouped(stopped.count)} counters have stopped: they give out no ids`
    : write_trouble !== "" ? "The store takes no writes: no new ids are given out"
    : "The state directory can't be used";
  find("#doubt").hidden = reasons.length === 0;
  setText(find("#doubt-title"), title);
  const shown = [...find("#doubts").children].map((item) => item.textContent);
  if (shown.join("\n") === reasons.join("\n")) return;  // An alert is read out when it changes.
  find("#doubts").replaceChildren(...reasons.map((reason) => element("li", {}, reason)));
}

function show(status) {
  form.accepted();
  notice("");
  showDoubt(status);
  remember(status);
  for (const id of ["charts", "counters", "figures"]) find(`#${id}`).hidden = false;
  showCharts(status);
  showCounters(status.counters);
  showTotals(status);
}

async function poll() {
  clearTimeout(timer);
  const asked = token.get();
  try {
    const status = await call("GET", "/v1/status");
    if (asked === token.get()) show(status);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (refusal.status === 401) {
      notice("");
      return askForToken(refusal);  // Asked again when there is a token.
    }
    if (refusal.status === 403) form.accepted();
    notice(refusal.message);
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(poll, PERIOD_MS);
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poll();
});
poll();
