// The page at /: what a user sees of it and can do with it, in a real browser on a real server.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {join} from "node:path";
import {after} from "node:test";

import {becomes, browserTest, missing, openPage, sidewaysScroll} from "./browser.js";
import {define, load, makeToken, Server} from "./server.js";

const server = missing ? null : await Server.start();
after(() => server?.stop());

const LONGEST_NAME = "n".repeat(128);

// A test with a page at `path`, which must be free of faults at its end.
function pageTest(name, {path = "/", ...options}, body) {
  browserTest(name, async () => {
    const page = await openPage(server.url, options);
    try {
      await page.goto(server.url + path);
      await body(page);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

const text = (page, selector) => page.locator(selector).innerText();
const whole = (shown) => Number(shown.replaceAll(",", ""));

pageTest("values and charts change while load runs", {}, async (page) => {
  const clients = load(server.url, "/next?counter=live", 4, 5);
  try {
    await seesLoad(page, clients);
  } finally {
    await clients.stop();
  }
});

async function seesLoad(page, clients) {
  await page.locator("#counters").waitFor();
  const row = page.getByRole("row", {name: /^live/});
  await row.waitFor();
  const value = async () => whole(await row.getByRole("cell").nth(1).innerText());
  const first = await value();
  const second = await becomes(value, (now) => now > first, "the value");
  await becomes(value, (now) => now > second, "the value");
  assert.equal(await row.getByRole("cell").first().innerText(), "strict");
  await becomes(async () => whole(await text(page, "#ids-now")), (rate) => rate > 0, "ids/s");

  for (const [name, part] of [["ids", "polyline"], ["latency", "polyline.series-1"],
                              ["batch", "rect.bar"], ["saved", "polyline"]]) {
    const chart = page.locator(`#${name}-chart`);
    await chart.locator(part).first().waitFor({state: "attached"});
    assert.equal(await chart.getAttribute("role"), "img");
    assert.match(await chart.getAttribute("aria-label"), /\d/);
  }
  assert.match(await text(page, "#latency-now"), /[µm]s · .*[µm]s/);

  await page.getByText("Figures of the charts").click();
  await page.locator("#figure-rows tr").nth(1).waitFor();
  const answered = await clients.stop();
  await becomes(value, (now) => now === answered, "the value at the end");
}

pageTest("an id and a range can be taken and copied",
  {permissions: ["clipboard-read", "clipboard-write"]}, async (page) => {
    const copied = async () => {
      await page.getByRole("button", {name: "Copy the ids"}).click();
      await page.getByText("Copied").waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    await define(server, "taken", {start: 1000, increment: 10});
    await page.getByLabel("Counter", {exact: true}).fill("taken");
    await page.getByRole("button", {name: "Take"}).click();
    await page.getByText("1 id of taken").waitFor();
    assert.equal(await text(page, "#taken output"), "1,000");
    assert.equal(await copied(), "1000");

    await page.getByLabel("How many").fill("3");
    await page.keyboard.press("Enter");
    await page.getByText("3 ids of taken, 10 apart").waitFor();
    assert.equal(await text(page, "#taken output"), "1,010 – 1,030");
    assert.equal(await copied(), "1010-1030");
    assert.equal(await page.locator("#taken").getAttribute("aria-live"), "polite");
  });

pageTest("ids beyond 2^53 are shown exactly", {}, async (page) => {
  await define(server, "large", {start: "9007199254740993", max: "9223372036854775807"});
  await page.getByLabel("Counter", {exact: true}).fill("large");
  await page.getByRole("button", {name: "Take"}).click();
  await page.getByText("1 id of large").waitFor();
  assert.equal(await text(page, "#taken output"), "9,007,199,254,740,993");
  const row = page.getByRole("row", {name: /^large/});
  await row.getByText("9,007,199,254,740,993").waitFor();
  await row.getByText("9.21 × 10¹⁸").waitFor();
});

ownServerTest("a counter that has stopped can't be overlooked",
  () => Server.start({options: ["--state-dir", "state"]}), {refusals: [500]}, async (page, own) => {
    await fetch(`${own.url}/range?counter=orders&count=30`);
    await page.goto(own.url);
    await page.getByRole("row", {name: /^orders/}).waitFor();
    assert.equal(await page.locator("#doubt").isVisible(), false);
    execFileSync("python3", ["-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1], " +
      "isolation_level=None).execute('UPDATE counters SET value = 10 WHERE writer = 0')", join(own.directory, "ids.db")]);
    await page.getByLabel("Counter", {exact: true}).fill("orders");
    await page.getByRole("button", {name: "Take"}).click();
    const alert = page.getByRole("alert");
    await alert.getByText("A counter has stopped: it gives out no ids").waitFor();
    assert.match(await alert.innerText(), /'orders' has stopped.*10.*30.*nextid recover orders/s);
    await page.screenshot({path: process.env.NEXTID_PICTURE ?? join(own.directory, "stopped.png")});
  });

pageTest("refusals are shown in the server's words", {refusals: [400, 409]}, async (page) => {
  const taken = async (counter, count) => {
    await page.getByLabel("Counter", {exact: true}).fill(counter);
    await page.getByLabel("How many").fill(count);
    const answered = page.waitForResponse((response) => /v1\/counters\//.test(response.url()));
    await page.getByRole("button", {name: "Take"}).click();
    const sentence = (await (await answered).json()).detail;
    await page.locator("#taken .error").getByText(sentence, {exact: true}).waitFor();
    return sentence;
  };
  assert.match(await taken("global", "0"), /'count' is '0'; it must be a whole number from 1/);
  assert.match(await taken("global", ""), /'count' is ''/);
  assert.match(await taken("no/name", "1"), /no counter name/);
  await define(server, "short", {max: 3});
  assert.match(await taken("short", "4"), /4|3/);
});

// The same for a server of the test's own, which ends with it.
function ownServerTest(name, start, options, body) {
  browserTest(name, async () => {
    const own = await start();
    const page = await openPage(own.url, options);
    try {
      await page.goto(own.url);
      await body(page, own);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
      await own.stop();
    }
  });
}

ownServerTest("a server of which nobody took ids says so, and a first id shows", () => Server.start(), {},
  async (page, own) => {
    await page.getByText("no requests yet").waitFor();
    await page.getByText("No ids were taken from this server yet.").waitFor();
    await page.getByText("Ids that are taken are spent for good.").waitFor();
    await fetch(`${own.url}/next`);
    await page.getByText("one write per request so far").waitFor();
  });

ownServerTest("a server that is gone is said to be", () => Server.start(), {},
  async (page, own) => {
    await page.locator("#counters").waitFor();
    await own.stop();
    await page.getByRole("status").getByText("The server does not answer.").waitFor();
    page.faults.length = 0;  // The console shows the failed requests.
  });

const tokens = Object.fromEntries(missing ? [] : [
  ["admin", "read,allocate,define"], ["reader", "read"], ["clerk", "allocate"],
].map(([name, rights]) => [name, makeToken(name, rights)]));
const startWithTokens = () => Server.start({
  options: ["--tokens", "tokens"],
  files: {tokens: Object.values(tokens).map(({line}) => `${line}\n`).join("")},
});

async function signIn(page, secret) {
  await page.getByLabel("Token").fill(secret);
  await page.getByRole("button", {name: "Sign in"}).click();
}

ownServerTest("a token is asked for, kept for the tab, sent, and forgotten", startWithTokens,
  {refusals: [401]}, async (page) => {
    const token = page.getByLabel("Token");
    await page.getByRole("alert").getByText("This call needs a token").waitFor();
    assert.ok(await token.evaluate((input) => input === document.activeElement));
    assert.ok(await page.locator("#charts").isHidden());
    assert.equal(await token.getAttribute("type"), "password");

    await signIn(page, "wrong");
    await page.getByRole("alert").getByText("knows no such token").waitFor();

    await signIn(page, tokens.admin.secret);
    await page.locator("#counters").waitFor();
    assert.ok(await page.locator("#sign-in").isHidden());
    await page.getByRole("button", {name: "Take"}).click();
    await page.getByText("1 id of global").waitFor();

    await page.reload();
    await page.locator("#counters").waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), "{}");

    await page.getByRole("button", {name: "Sign out"}).click();
    await token.waitFor();
    assert.ok(await page.locator("#counters").isHidden());
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  });

ownServerTest("a token without a right gets the server's sentence", startWithTokens,
  {refusals: [401, 403]}, async (page) => {
    await signIn(page, tokens.reader.secret);
    await page.locator("#counters").waitFor();
    await page.getByRole("button", {name: "Take"}).click();
    await page.locator("#taken .error").getByText("'reader' does not give the right to allocate").waitFor();

    await page.getByRole("button", {name: "Sign out"}).click();
    await signIn(page, tokens.clerk.secret);
    await page.getByRole("status").getByText("'clerk' does not give the right to read").waitFor();
    await page.getByRole("button", {name: "Take"}).click();
    await page.getByText("1 id of global").waitFor();
  });

// Its own authority is one that no browser knows.
function startWithTls() {
  const [key, certificate] = execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-"],
    {encoding: "utf8", stdio: ["ignore", "pipe", "ignore"]}).split(/(?=-----BEGIN CERTIFICATE)/);
  return Server.start({options: ["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
                       files: {"cert.pem": certificate, "key.pem": key}});
}

ownServerTest("the page works over TLS", startWithTls, {ignoreHTTPSErrors: true},
  async (page, own) => {
    assert.match(own.url, /^https:/);
    await page.locator("#counters").waitFor();
    await page.getByRole("button", {name: "Take"}).click();
    await page.getByText("1 id of global").waitFor();
  });

pageTest("a phone shows all without scrolling sideways",
  {viewport: {width: 360, height: 740}, refusals: [400]}, async (page) => {
    await fetch(`${server.url}/next?counter=${LONGEST_NAME}`);
    await page.getByText(LONGEST_NAME).waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    await page.getByText("Figures of the charts").click();
    assert.equal(await sidewaysScroll(page), 0);
    await page.getByLabel("Counter", {exact: true}).fill("!".repeat(300));
    await page.getByRole("button", {name: "Take"}).click();
    await page.locator("#taken .error").waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    // It is a table still for those who hear it.
    await page.getByRole("columnheader", {name: "Remaining"}).waitFor({state: "attached"});
    await page.getByRole("rowheader", {name: LONGEST_NAME}).waitFor();
  });

// What Tab stops at, from the top of the page until it comes round.
async function tabStops(page) {
  const stops = [];
  for (;;) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const focused = document.activeElement;
      if (focused === document.body || focused.dataset.seen) return null;
      focused.dataset.seen = "yes";
      const style = getComputedStyle(focused);
      return {name: focused.id || focused.textContent.trim(), outlined: style.outlineStyle !== "none"};
    });
    if (stop === null) return stops;
    stops.push(stop);
  }
}

pageTest("the keyboard reaches everything, and shows where it is", {}, async (page) => {
  await page.locator("#counters").waitFor();
  await page.getByRole("button", {name: "Take"}).click();
  await page.getByRole("button", {name: "Copy the ids"}).waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.locator("header").click({position: {x: 1, y: 1}});
  const stops = await tabStops(page);
  const reachable = await page.evaluate(() =>
    [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
      .filter((each) => each.checkVisibility())
      .map((each) => ({name: each.id || each.textContent.trim(), seen: each.dataset.seen})));
  assert.ok(reachable.length >= 7, JSON.stringify(reachable));
  assert.deepEqual(reachable.filter((each) => !each.seen), []);
  assert.deepEqual(stops.filter((stop) => !stop.outlined), []);
});

pageTest("every control has a name", {}, async (page) => {
  await page.locator("#counters").waitFor();
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("a[href], button, input, select, textarea, summary, section")]
      .filter((each) => !(each.labels?.length || each.getAttribute("aria-label") ||
        each.getAttribute("aria-labelledby") || each.textContent.trim()))
      .map((each) => each.outerHTML));
  assert.deepEqual(nameless, []);
});

for (const [system, other] of [["light", "dark"], ["dark", "light"]]) {
  pageTest(`the theme is the system's (${system}) until another is chosen, and is kept`,
    {colorScheme: system}, async (page) => {
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(await theme(), system);
      const before = await ground();
      const button = page.getByRole("button", {name: "Dark"});
      assert.equal(await button.getAttribute("aria-pressed"), String(system === "dark"));
      await button.focus();
      await page.keyboard.press("Space");
      assert.equal(await theme(), other);
      assert.notEqual(await ground(), before);
      await page.goto(`${server.url}/docs`);
      assert.equal(await theme(), other);
      assert.equal(await button.getAttribute("aria-pressed"), String(other === "dark"));
    });
}

pageTest("text stands out from its ground in both themes", {}, async (page) => {
  const contrasts = await page.evaluate(() => {
    const luminance = (colour) => {
      const [r, g, b] = colour.match(/[\da-f]{2}/gi).map((hex) => {
        const share = parseInt(hex, 16) / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const pairs = [["--ink", "--ground"], ["--ink", "--surface"], ["--quiet", "--ground"],
      ["--quiet", "--surface"], ["--accent", "--surface"], ["--accent", "--ground"],
      ["--second", "--surface"], ["--on-accent", "--accent"], ["--bad", "--surface"],
      ["--bad", "--bad-wash"], ["--ink", "--wash"]];
    return ["light", "dark"].flatMap((theme) => {
      document.documentElement.dataset.theme = theme;
      const style = getComputedStyle(document.documentElement);
      return pairs.map(([above, below]) => {
        const [a, b] = [above, below].map((name) => luminance(style.getPropertyValue(name)));
        return {theme, above, below, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)};
      });
    });
  });
  assert.equal(contrasts.length, 22);
  assert.deepEqual(contrasts.filter(({ratio}) => ratio < 4.5), []);  // WCAG 2.2, 1.4.3
});

pageTest("the policy lets no script in but the page's own", {}, async (page) => {
  await page.locator("#counters").waitFor();
  const [violation, ran] = await page.evaluate(() => new Promise((done) => {
    addEventListener("securitypolicyviolation", (event) =>
      done([event.effectiveDirective, window.ran ?? false]));
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  }));
  assert.equal(violation, "script-src-elem");
  assert.equal(ran, false);
  // And openPage() notices: the other tests' freedom of faults means something.
  await becomes(async () => page.faults.length, (count) => count > 0, "the fault that is noted");
  assert.match(page.faults[0], /Content Security Policy/);
  page.faults.length = 0;
});

pageTest("numbers read as they should", {}, async (page) => {
  const shown = await page.evaluate(async () => {
    const n = await import("/assets/numbers.js");
    return {
      grouped: ["0", "999", "1000", "9223372036854775807"].map(n.grouped),
      rounded: ["999999999999", "1000000000000", "9223372036854775807"].map(n.rounded),
      quantity: [0, 0.01, 0.44, 31.24, 99.95, 24118.4].map(n.quantity),
      microseconds: [0, 320, 1400, 13_100, 999_000, 2_100_000].map(n.microseconds),
      percent: [0, 0.5, 0.9999, 1].map(n.percent),
      elapsed: [8.9, 60, 3_599, 11_520, 86_400, 273_600].map(n.elapsed),
      until: [null, 0.01, 1.5, 12.4, 800, 40_000].map(n.until),
      quantile: [
        n.quantile([10, 20, 30], [0, 0, 0, 0], 0.5), n.quantile([10, 20, 30], [4, 0, 0, 0], 0.5),
        n.quantile([10, 20, 30], [1, 1, 2, 0], 0.75), n.quantile([10, 20, 30], [0, 0, 0, 9], 0.5),
        n.quantile([10, 20, 30], [98, 0, 2, 0], 0.99),
      ],
      niceCeiling: [0.4, 1, 1.01, 3, 7, 100, 101].map(n.niceCeiling),
    };
  });
  assert.deepEqual(shown, {
    grouped: ["0", "999", "1,000", "9,223,372,036,854,775,807"],
    rounded: ["999,999,999,999", "1.00 × 10¹²", "9.22 × 10¹⁸"],
    quantity: ["0", "< 0.1", "0.4", "31.2", "100", "24,118"],
    microseconds: ["0 µs", "320 µs", "1.4 ms", "13.1 ms", "999 ms", "2.10 s"],
    percent: ["0%", "50%", "99.99%", "100%"],
    elapsed: ["8 s", "1 min", "59 min", "3 h 12 min", "1 day", "3 days 4 h"],
    until: [null, "1 hour", "36 hours", "12 days", "2 years", null],
    quantile: [null, 5, 25, 30, 25],
    niceCeiling: [0.4, 1, 1.5, 3, 8, 100, 150],
  });
});
