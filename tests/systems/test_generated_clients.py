"""Clients that generators make of /openapi.json, compiled and called on a real server.

`script/test --long` runs this. Each generator comes from its own registry; where that, or its
language, is not to be had, it is not run.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests" / "e2e"))

import nextid  # noqa: E402

BEYOND_2_53 = 2**53 + 1

PYTHON_CLIENT = "openapi-python-client==0.29.1"
GO_GENERATOR = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
OPENAPI_GENERATOR = "openapi-generator-cli==7.26.0"
TYPESCRIPT = "typescript@5.9"


@pytest.fixture
def server(tmp_path):
    running = nextid.Server(tmp_path)
    running.wait_until_ready()
    yield running
    running.kill()
    print(running.log())


@pytest.fixture
def document(server, tmp_path):
    """The files of both forms of the document, as this server has them."""
    files = {"number": tmp_path / "openapi.json", "string": tmp_path / "openapi-text.json"}
    for form, path in files.items():
        path.write_bytes(server.ask("GET", f"/openapi.json?as={form}").body)
    return files


def run(*command, cwd, **environment):
    done = subprocess.run(list(map(str, command)), cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=900, env={**os.environ, **environment})
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def bring(*command, cwd, what, **environment):
    """Has a registry's client bring something."""
    try:
        run(*command, cwd=cwd, **environment)
    except (AssertionError, OSError) as failure:
        pytest.skip(f"not run: {what} is not to be had here: {str(failure)[-300:]}")


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"not run: there is no {program} here")


def from_pypi(directory, *packages):
    """The folder of the programs of these packages, in an environment of their own."""
    bring("/usr/bin/python3", "-m", "venv", "venv", cwd=directory, what="python3-venv")
    programs = directory / "venv" / "bin"
    bring(programs / "pip", "install", "-q", *packages, cwd=directory, what=packages[0])
    return programs


PYTHON_PROGRAM = """
import sys
from nextid_client import Client
from nextid_client.api.counters import define_counter, list_counters, show_counter
from nextid_client.api.ids import take_next, take_range_of
from nextid_client.api.operations import health, status
from nextid_client.models import Counter, DefinitionChange, Problem

client = Client(base_url=sys.argv[1])
assert take_next.sync(client=client).id == 1
change = DefinitionChange(start=2**53 + 1, comment="generated")
made = define_counter.sync("python", client=client, body=change, if_none_match="*")
assert isinstance(made, Counter) and made.value is None and made.start == 2**53 + 1
again = define_counter.sync("python", client=client, body=change, if_none_match="*")
assert isinstance(again, Problem) and again.type_ == "urn:nextid:error:precondition_failed"
taken = take_range_of.sync("python", client=client, count=3)
assert (taken.start, taken.end, taken.count) == (2**53 + 1, 2**53 + 3, 3)
shown = show_counter.sync("python", client=client)
assert (shown.value, shown.revision, shown.comment) == (2**53 + 3, 1, "generated")
# What was read can be sent back.
sent_back = define_counter.sync("python", client=client, body=DefinitionChange.from_dict(shown.to_dict()))
assert sent_back == shown
assert [counter.name for counter in list_counters.sync(client=client).counters] == ["global", "python"]
assert health.sync(client=client).status == "ok"
assert status.sync(client=client).ids_returned == 4
"""


def test_openapi_python_client(server, document, tmp_path):
    programs = from_pypi(tmp_path, PYTHON_CLIENT)
    told = run(programs / "openapi-python-client", "generate", "--path", document["number"],
               "--output-path", "client", cwd=tmp_path)
    assert "WARNING" not in told, told
    (tmp_path / "program.py").write_text(PYTHON_PROGRAM)
    run(programs / "python", "program.py", server.url, cwd=tmp_path, PYTHONPATH=str(tmp_path / "client"))


GO_PROGRAM = """package main

import (
	"context"
	"os"

	nextid "example.com/nextid"
)

func check(holds bool, what string) {
	if !holds {
		panic(what)
	}
}

func main() {
	client, err := nextid.NewClientWithResponses(os.Args[1])
	check(err == nil, "the client")
	ctx := context.Background()
	next, err := client.TakeNextWithResponse(ctx, nil)
	check(err == nil && next.JSON200.Id == 1, "next")
	start, none := int64(1<<53+1), "*"
	only := &nextid.DefineCounterParams{IfNoneMatch: &none}
	change := nextid.DefinitionChange{Start: &start}
	made, err := client.DefineCounterWithResponse(ctx, "go", only, change)
	check(err == nil && made.JSON201.Value == nil && made.JSON201.Start == start, "made")
	made, err = client.DefineCounterWithResponse(ctx, "go", only, change)
	check(err == nil && made.ApplicationproblemJSON412.Status == 412, "made again")
	taken, err := client.TakeRangeOfWithResponse(ctx, "go", &nextid.TakeRangeOfParams{Count: 10})
	check(err == nil && taken.JSON200.Start == start && taken.JSON200.End == start+9, "range")
	shown, err := client.ShowCounterWithResponse(ctx, "go", nil)
	check(err == nil && *shown.JSON200.Value == start+9 && shown.JSON200.Revision == 1, "shown")
	status, err := client.StatusWithResponse(ctx, nil)
	check(err == nil && status.JSON200.IdsReturned == 11, "status")
}
"""


def test_oapi_codegen(server, document, tmp_path):
    need("go")
    project = tmp_path / "go"
    (project / "program").mkdir(parents=True)
    bring("go", "install", GO_GENERATOR, cwd=tmp_path, what="oapi-codegen", GOBIN=str(tmp_path / "bin"))
    code = run(tmp_path / "bin" / "oapi-codegen", "-generate", "types,client", "-package", "nextid",
               document["number"], cwd=project)
    (project / "client.go").write_text(code)
    (project / "program" / "main.go").write_text(GO_PROGRAM)
    run("go", "mod", "init", "example.com/nextid", cwd=project)
    bring("go", "mod", "tidy", cwd=project, what="what oapi-codegen's clients need")
    run("go", "run", "./program", server.url, cwd=project)


TYPESCRIPT_PROGRAM = """
import {Configuration, CountersApi, IdsApi, ResponseError} from "./client";

function check(holds: boolean, what: string) {
  if (!holds) throw new Error(what);
}

async function main() {
  const configuration = new Configuration({basePath: process.argv[2]});
  const ids = new IdsApi(configuration);
  const counters = new CountersApi(configuration);
  const as = "string";
  const start: string = "9007199254740993";
  const wanted = {as, name: "ts", ifNoneMatch: "*", definitionChange: {start}} as const;
  const made = await counters.defineCounter(wanted);
  check(made.start === start && made.value === null, "made");
  const taken: string = (await ids.takeNextOf({as, name: "ts"})).id;
  check(taken === start, "exact");
  const range = await ids.takeRange({as, counter: "ts", count: 2});
  check(range.start === "9007199254740994" && range.count === 2, "range");
  check((await counters.showCounter({as, name: "ts"})).value === range.end, "shown");
  const refusal = await counters.defineCounter(wanted).catch((error) => error);
  check(refusal instanceof ResponseError && refusal.response.status === 412, "refused");
}
main();
"""


def test_openapi_generator_with_text_for_javascript(server, document, tmp_path):
    need("java", "node", "npm")
    programs = from_pypi(tmp_path, OPENAPI_GENERATOR)
    run(programs / "openapi-generator-cli", "validate", "-i", document["number"], cwd=tmp_path)
    run(programs / "openapi-generator-cli", "generate", "-q", "-g", "typescript-fetch", "-i",
        document["string"], "-o", "client", cwd=tmp_path)
    bring("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", TYPESCRIPT, "@types/node@20",
          cwd=tmp_path, what="typescript")
    (tmp_path / "program.ts").write_text(TYPESCRIPT_PROGRAM)
    run("node_modules/.bin/tsc", "--strict", "--target", "es2022", "--module", "commonjs", "--lib",
        "es2022,dom", "--types", "node", "--outDir", "out", "program.ts", cwd=tmp_path)
    run("node", "out/program.js", server.url, cwd=tmp_path)
    assert server.value("ts") == BEYOND_2_53 + 2
