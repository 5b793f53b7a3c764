// Charts of script/report in a browser, which knows how wide text is: of made-up results, and the documents' own.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readdirSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after} from "node:test";
import {fileURLToPath, pathToFileURL} from "node:url";

import {browserTest, missing, openPage} from "./browser.js";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = "/usr/bin/python3";

const made = missing ? null : mkdtempSync(join(tmpdir(), "nextid-charts-"));
after(() => made && rmSync(made, {recursive: true}));
if (made) {
  execFileSync(PYTHON, [join(REPOSITORY, "tests/e2e/made_up_results.py"), made]);
  execFileSync(PYTHON, [join(REPOSITORY, "bench/report.py"), made]);
}

const charts = [REPOSITORY, made].filter(Boolean).map((root) => join(root, "docs/charts")).filter(existsSync)
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));

// The texts of the picture that is open, beyond its edges, over one another or over a bar.
const faults = () => {
  const picture = document.documentElement.getBoundingClientRect();
  const boxes = [...document.querySelectorAll("text")].map((text) => ({
    text: text.textContent, box: text.getBoundingClientRect(),
  }));
  const outside = boxes.filter(({box}) => box.width === 0 || box.left < picture.left || box.right > picture.right ||
    box.top < picture.top || box.bottom > picture.bottom);
  // Glyphs do not fill the height of a line.
  const over = (one, other) => one.left < other.right && other.left < one.right &&
    one.top + one.height / 4 < other.bottom - other.height / 4 && other.top + other.height / 4 < one.bottom - one.height / 4;
  const overlapping = boxes.flatMap(({text, box}, i) => boxes.slice(i + 1)
    .filter((other) => over(box, other.box)).map((other) => `${text} / ${other.text}`));
  const bars = [...document.querySelectorAll("rect:not(:first-of-type)")].map((bar) => bar.getBoundingClientRect());
  const onBars = boxes.filter(({box}) => bars.some((bar) => over(box, bar))).map(({text}) => text);
  return {texts: boxes.length, onBars, outside: outside.map(({text}) => text), overlapping};
};

browserTest("the text of charts is inside of them, and legible on a phone", async () => {
  assert.ok(charts.length >= 14, `${charts.length} charts`);
  const page = await openPage("file://");
  try {
    for (const chart of charts) {
      await page.goto(pathToFileURL(chart).href);
      const {texts, ...found} = await page.evaluate(faults);
      assert.deepEqual(found, {onBars: [], outside: [], overlapping: []}, chart);
      assert.ok(texts > 8, chart);
      const narrowest = await page.evaluate(() => Math.min(...[...document.querySelectorAll("text")]
        .map((text) => parseFloat(text.getAttribute("font-size")))) * 343 / document.documentElement.viewBox.baseVal.width);
      assert.ok(narrowest >= 8, `${chart}: text of ${narrowest} pixels where 343 are there`);
    }
    assert.deepEqual(page.faults, []);
  } finally {
    await page.context().close();
  }
});
