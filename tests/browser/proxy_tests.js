// The pages at a path of another server: location /ids/ { proxy_pass http://127.0.0.1:8000/; }
import assert from "node:assert/strict";
import http from "node:http";
import {after} from "node:test";

import {browserTest, missing, openPage} from "./browser.js";
import {Server} from "./server.js";

const PREFIX = "/ids";

// Passes what is below PREFIX on without it, under the Host of the server behind, and says so, as nginx does.
async function startProxy(target) {
  const strays = [];
  const {host, hostname, port} = new URL(target);
  const proxy = http.createServer((request, response) => {
    if (!request.url.startsWith(`${PREFIX}/`)) {
      strays.push(request.url);
      return response.writeHead(404).end();
    }
    const headers = {...request.headers, host, "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"};
    const path = request.url.slice(PREFIX.length);
    const passed = http.request({hostname, port, path, method: request.method, headers}, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${proxy.address().port}${PREFIX}`,
    strays,
    stop: () => new Promise((closed) => {
      proxy.close(closed);
      proxy.closeAllConnections();
    }),
  };
}

const server = missing ? null : await Server.start({options: ["--allow-host", "127.0.0.1", "--insecure"]});
const proxy = server && await startProxy(server.url);
after(async () => {
  await proxy?.stop();
  await server?.stop();
});

function proxyTest(name, path, body) {
  browserTest(`behind a proxy, ${name}`, async () => {
    const page = await openPage(proxy.url);
    try {
      await page.goto(proxy.url + path);
      await body(page);
      assert.deepEqual(page.faults, []);
      assert.deepEqual(proxy.strays, []);
    } finally {
      await page.context().close();
    }
  });
}

proxyTest("the page takes ids and leads to the API", "/", async (page) => {
  await page.getByRole("button", {name: "Take"}).click();
  await page.locator("#taken output").waitFor();
  await page.getByRole("row", {name: /^global/}).waitFor();  // From /v1/status.
  await page.getByRole("link", {name: "API"}).click();
  await page.locator(".call").first().waitFor();
  assert.equal(page.url(), `${proxy.url}/docs`);
  assert.equal(await page.getByRole("link", {name: "OpenAPI"}).evaluate((link) => link.href),
    `${proxy.url}/openapi.json`);
  await page.getByRole("link", {name: "nextid"}).click();
  await page.locator("#take-form").waitFor();
  assert.equal(page.url(), `${proxy.url}/`);
});

proxyTest("the API's calls are made, and shown for a shell", "/docs#defineCounter", async (page) => {
  const call = page.locator("#defineCounter");
  await call.getByLabel("name needed").fill("proxied");
  const curl = await call.getByLabel("The call as a curl command").innerText();
  assert.match(curl, new RegExp(`'${proxy.url}/v1/counters/proxied'`));
  await call.getByRole("button", {name: "Try"}).click();
  await call.getByText("201 Created").waitFor();
  // Where the answer says that the counter is, and where the document says that the server is.
  const fields = await call.getByLabel("Header fields of the answer").innerText();
  const location = /Location: (.*)/.exec(fields)[1];
  const made = new URL(location, `${proxy.url}/v1/counters/proxied`);
  assert.equal((await (await fetch(made)).json()).name, "proxied");
  const document = await (await fetch(`${proxy.url}/openapi.json`)).json();
  assert.equal(new URL(document.servers[0].url, `${proxy.url}/openapi.json`).href, `${proxy.url}/`);
});
