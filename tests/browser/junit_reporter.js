// Writes the results of node's test runner as JUnit XML, which script/test adds up.

const ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"};
const escaped = (text) =>
  // Control characters, such as those of coloured diffs, have no place in XML.
  String(text).replace(/[\x00-\x08\x0b-\x1f]/g, "").replace(/[&<>"]/g, (c) => ENTITIES[c]);

function testCase({name, details, skip}, failed) {
  const seconds = (details.duration_ms / 1000).toFixed(3);
  let note = "";
  if (failed) {
    const error = details.error?.cause ?? details.error;
    note = `<failure message="${escaped(error?.message ?? error)}">${escaped(error?.stack ?? "")}</failure>`;
  } else if (skip !== undefined) {
    note = `<skipped message="${escaped(skip)}"/>`;
  }
  return `<testcase classname="browser" name="${escaped(name)}" time="${seconds}">${note}</testcase>\n`;
}

export default async function* report(events) {
  yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites><testsuite name="browser">\n';
  for await (const {type, data} of events) {
    // A suite is reported beside its tests.
    if (!["test:pass", "test:fail"].includes(type) || data.details.type === "suite") continue;
    yield testCase(data, type === "test:fail");
  }
  yield "</testsuite></testsuites>\n";
}
