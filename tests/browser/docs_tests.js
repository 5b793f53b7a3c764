// The page at /docs: every call is there and can be made from it.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {after} from "node:test";

import {browserTest, missing, openPage, sidewaysScroll} from "./browser.js";
import {Server} from "./server.js";

const METHODS = ["get", "post", "put", "delete", "patch"];

const server = missing ? null : await Server.start();
after(() => server?.stop());

function docsTest(name, {call = "", ...options}, body) {
  browserTest(name, async () => {
    const page = await openPage(server.url, options);
    try {
      await page.goto(`${server.url}/docs#${call}`);
      await page.locator(".call").first().waitFor();
      await body(page, page.locator(call ? `#${call}` : ".call"));
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

async function attempt(call) {
  await call.getByRole("button", {name: "Try"}).click();
  await call.locator(".answer .status, .answer > .error").waitFor();
  return {
    status: await call.locator(".answer strong").innerText(),
    fields: await call.getByLabel("Header fields of the answer").innerText(),
    body: await call.getByLabel("Body of the answer").innerText(),
  };
}

docsTest("every call of the document is there", {}, async (page, calls) => {
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const expected = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).filter((key) => METHODS.includes(key)).map((key) => `${key.toUpperCase()} ${path}`));
  const shown = await calls.evaluateAll((all) => all.flatMap((call) =>
    call.querySelector(".methods").textContent.split(" ")
      .map((method) => `${method} ${call.querySelector(".path").textContent}`)));
  assert.deepEqual(shown.sort(), expected.sort());
});

docsTest("what the document has between backquotes is code", {}, async (page) => {
  assert.equal(await page.locator("#intro code").first().innerText(), "type");
  assert.equal(await page.locator("main").evaluate((main) => main.textContent.includes("`")), false);
});

// The calls that can't be undone.
docsTest("nothing is pre-filled that can't be undone", {}, async (page, calls) => {
  const acting = ["takeNextOf", "takeRange", "takeRangeOf", "defineCounter", "advanceCounter",
    "deleteCounter"];
  const requests = [];
  page.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
  for (const name of acting) {
    const call = page.locator(`#${name}`);
    await call.locator("> summary").click();
    assert.equal(await call.getByRole("button", {name: "Try"}).isDisabled(), true, name);
    await call.getByText("Fill in what is needed.").waitFor();
    for (const field of await call.locator("input, textarea").all()) {
      assert.equal(await field.inputValue(), "", name);
    }
    await call.locator("input").first().focus();
    await page.keyboard.press("Enter");
    assert.equal(await call.locator(".answer").innerText(), "", name);
  }
  assert.deepEqual(requests, []);

  // All others that change something are known here: a new call must say what it does.
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const others = Object.values(document.paths).flatMap((item) => Object.entries(item))
    .filter(([method]) => ["post", "put", "delete", "patch"].includes(method))
    .map(([, operation]) => operation.operationId).filter((name) => !acting.includes(name));
  assert.deepEqual(others, ["takeNext"]);  // One id, which is what its button says.
  const needed = page.locator("#takeRange");
  await needed.getByLabel("count needed").fill("2");
  await needed.getByText("This takes ids of this server for good.").waitFor();
  assert.equal(await needed.getByRole("button", {name: "Try"}).isEnabled(), true);
});

docsTest("ids are taken with parameters and header fields", {call: "takeRange"}, async (page, call) => {
  await call.getByLabel("count needed").fill("5");
  await call.getByLabel("counter", {exact: true}).fill("docs");
  await call.getByLabel("as", {exact: true}).selectOption("string");
  await call.getByLabel("Idempotency-Key").fill("it's a key");
  const first = await attempt(call);
  assert.equal(first.status, "200 OK");
  assert.equal(first.body, '{"start":"1","end":"5","count":5}');
  assert.match(first.fields, /Content-Type: application\/json\nCache-Control: no-store/);

  const curl = await call.getByLabel("The call as a curl command").innerText();
  assert.match(curl, /^curl -X POST -H 'Idempotency-Key: it'\\''s a key' 'http:/);
  // In a shell it is the same call: the key gets the same ids.
  assert.equal(execFileSync("sh", ["-c", `${curl} -s`], {encoding: "utf8"}), first.body);
});

docsTest("a counter is defined by a body", {call: "defineCounter"}, async (page, call) => {
  await call.getByLabel("name needed").fill("by-hand");
  await call.getByLabel("body").fill('{"start": 1000, "increment": 10}');
  const made = await attempt(call);
  assert.equal(made.status, "201 Created");
  assert.match(made.fields, /ETag: "1"/);
  assert.match(made.fields, /Location: \.\/by-hand/);
  assert.equal(JSON.parse(made.body).start, 1000);
});

docsTest("a refusal is shown whole", {call: "takeNext", refusals: [400]}, async (page, call) => {
  await call.getByLabel("counter", {exact: true}).fill("-");
  const refused = await attempt(call);
  assert.equal(refused.status, "400 Bad Request");
  assert.match(refused.fields, /application\/problem\+json/);
  assert.equal(JSON.parse(refused.body).type, "urn:nextid:error:invalid");
});

docsTest("a phone shows a call without scrolling sideways",
  {call: "defineCounter", viewport: {width: 360, height: 740}}, async (page, call) => {
    await call.getByLabel("name needed").fill("on-a-phone");
    await attempt(call);
    for (const other of await page.locator(".call").all()) {
      await other.evaluate((details) => (details.open = true));
    }
    assert.equal(await sidewaysScroll(page), 0);
  });

docsTest("a call is made by keyboard alone", {}, async (page) => {
  const summary = page.locator("#health > summary");
  await summary.focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");  // In the first field: submits the form.
  await page.locator("#health .answer").getByText('{"status":"ok"}').waitFor();
  assert.equal(await page.locator("#health .answer").getAttribute("aria-live"), "polite");
});
