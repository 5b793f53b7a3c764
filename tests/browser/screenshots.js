// Renews the pictures of the page in docs/: node tests/browser/screenshots.js
import {fileURLToPath} from "node:url";

import {browser, missing, openPage} from "./browser.js";
import {define, load, Server} from "./server.js";

const PICTURES = {
  light: {colorScheme: "light", viewport: {width: 1180, height: 664}},
  dark: {colorScheme: "dark", viewport: {width: 1180, height: 664}},
  phone: {colorScheme: "light", viewport: {width: 390, height: 844}},
};
const LOAD_MS = 62_000;  // Until the charts are full.

if (missing) throw new Error(missing);
const server = await Server.start();
await define(server, "events", {cache: 50_000});
await define(server, "invoices", {cache: 1000, comment: "Numbers of invoices"});
await define(server, "tickets", {start: 1000, increment: 10, max: 40_000_000});
const loads = [
  load(server.url, "/next?counter=orders", 24), load(server.url, "/range?counter=events&count=25", 4),
  load(server.url, "/next?counter=tickets", 4), load(server.url, "/next?counter=invoices", 2),
];
const pages = {};
for (const [name, options] of Object.entries(PICTURES)) {
  pages[name] = await openPage(server.url, options);
  await pages[name].goto(server.url);
}
await new Promise((done) => setTimeout(done, LOAD_MS));
for (const name of ["light", "dark"]) {
  await pages[name].getByLabel("Counter", {exact: true}).fill("tickets");
  await pages[name].getByLabel("How many").fill("10");
  await pages[name].getByRole("button", {name: "Take"}).click();
  await pages[name].locator("#taken output").waitFor();
}
for (const [name, page] of Object.entries(pages)) {
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({path: fileURLToPath(new URL(`../../docs/page-${name}.png`, import.meta.url))});
}
for (const clients of loads) await clients.stop();
await browser.close();
await server.stop();
