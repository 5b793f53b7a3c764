// The system's Chromium, and pages of it that note what a user would have to complain about.
import assert from "node:assert/strict";
import {accessSync, constants} from "node:fs";
import {delimiter, join} from "node:path";
import {after, describe, test} from "node:test";

import {chromium} from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
export const PATIENCE_MS = 20_000;

function executable() {
  for (const directory of process.env.PATH.split(delimiter)) {
    for (const name of NAMES) {
      const path = join(directory, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not this one.
      }
    }
  }
  throw new Error(`there is no ${NAMES.join(", ")} on the PATH`);
}

// {browser}, or {missing}: why it does not run here.
async function launch() {
  try {
    // Its sandbox needs rights that containers and root do not have; the pages are our own.
    return {browser: await chromium.launch({executablePath: executable(), args: ["--no-sandbox", "--disable-gpu"]})};
  } catch (error) {
    return {missing: `Chromium does not run here: ${error.message.split("\n")[0]}`};
  }
}

// One for all tests. Where it is missing they are skipped, with what `missing` says.
export const {browser, missing} = await launch();

const tests = [];

// A test that needs the browser. Others run at the same time.
export function browserTest(name, body) {
  tests.push({name, body});
}

// Runs all that were named, some at a time: many wait for the page to look at the server again.
export function runTests() {
  after(() => browser?.close());
  describe("browser", {concurrency: 3}, () => {
    for (const {name, body} of tests) test(name, {skip: missing, timeout: 2 * PATIENCE_MS}, body);
  });
}

// A page of its own context. `faults` gets what the console shows as an error or a warning,
// exceptions, breaches of the Content-Security-Policy, and requests to anywhere but `url`. Refusals
// that a test expects are the status codes of `refusals`: the console shows those, too.
export async function openPage(url, {refusals = [], ...options} = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    const expected = refusals.some((status) =>
      message.text().includes(`responded with a status of ${status}`));
    if (["error", "warning"].includes(message.type()) && !expected) {
      page.faults.push(`console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => page.faults.push(`exception: ${error.stack}`));
  page.on("request", (request) => {
    const {origin, protocol} = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== "data:") {
      page.faults.push(`request to ${request.url()}`);
    }
  });
  return page;
}

// Polls until condition(await read()) holds, and returns that value.
export async function becomes(read, condition, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await read();
    if (condition(value)) return value;
    assert.ok(Date.now() < deadline, `${what}: still ${value}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// How many pixels of the page are beyond its right edge.
export const sidewaysScroll = (page) => page.evaluate(() =>
  document.documentElement.scrollWidth - document.documentElement.clientWidth);
