// The system's Chromium, and pages of it that note what a user would have to complain about.
import {accessSync, constants} from "node:fs";
import {delimiter, join} from "node:path";

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
export async function launch() {
  try {
    // Its sandbox needs rights that containers and root do not have; the pages are our own.
    return {browser: await chromium.launch({executablePath: executable(), args: ["--no-sandbox"]})};
  } catch (error) {
    return {missing: `Chromium does not run here: ${error.message.split("\n")[0]}`};
  }
}

// A page of its own context. `faults` gets what the console shows as an error or a warning,
// exceptions, breaches of the Content-Security-Policy, and requests to anywhere but `url`. Refusals
// that a test expects are the status codes of `refusals`: the console shows those, too.
export async function openPage(browser, url, {refusals = [], ...options} = {}) {
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
