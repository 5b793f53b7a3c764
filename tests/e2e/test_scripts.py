"""Every script tells what it does, and refuses what it does not take, before it installs or builds."""

import os
import re
import shutil
import subprocess

import pytest

from nextid import REPOSITORY

SCRIPTS = [str(path.relative_to(REPOSITORY)) for path in
           [*sorted((REPOSITORY / "script").iterdir()), REPOSITORY / ".ci" / "run"] if path.is_file()]
# What installs, builds and tests.
TOOLS = ["apt-get", "sudo", "npm", "cmake", "ninja", "ctest", "clang-format", "dpkg-query", "git"]


@pytest.fixture
def call(tmp_path):
    """Runs a script where the tools only note that they were called."""
    tools = tmp_path / "tools"
    tools.mkdir()
    calls = tmp_path / "calls"
    for tool in TOOLS:
        (tools / tool).write_text(f'#!/bin/sh\necho "{tool} $*" >> {calls}\nexit 1\n')
        (tools / tool).chmod(0o755)

    def run(script, *arguments):
        done = subprocess.run(
            [REPOSITORY / script, *arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, text=True,
            capture_output=True, timeout=60, env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
        assert not calls.exists(), (script, arguments, calls.read_text())
        return done
    return run


def head_of(script):
    """The comment at the head of a script."""
    lines = (REPOSITORY / script).read_text().splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in lines[:end])


def options_of(script):
    """Those that it looks for, with "=" behind those that take a value."""
    found = re.search(r'check_arguments \S+ (?:\\\n *)?"(.*?)"', (REPOSITORY / script).read_text())
    return set(found.group(1).split()) if found else set()


def test_there_are_scripts():
    assert {"script/setup", "script/test", "script/server", ".ci/run"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--xyzzy", "--help"]], ids=" ".join)
def test_help(call, script, arguments):
    done = call(script, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, head_of(script), "")
    assert len(done.stdout) > 20


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script != "script/bench"])
def test_an_unknown_argument(call, script):
    for argument in ["--xyzzy", "xyzzy", "--xyzzy=1", "-x", "", "*"]:
        done = call(script, argument)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"{script}: unknown argument '{argument}'; `{script} --help` tells what it takes.\n"


@pytest.mark.parametrize("arguments, says", [
    (["xyzzy"], "there is no benchmark 'xyzzy'; choose sqlite, "),
    (["sqlite", "--xyzzy"], "unknown argument '--xyzzy'; `script/bench --help`"),
    (["server", "--rounds"], "'--rounds' needs a value; "),
    (["postgres", "--xyzzy"], "unknown argument '--xyzzy'; "),
    (["mysql", "--seconds"], "'--seconds' needs a value; "),
    (["etcd", "--baseline-loop", "uvloop"], "unknown argument '--baseline-loop'; "),
    (["dynamodb", "--baseline-lop", "uvloop"], "unknown argument '--baseline-lop'; "),
    (["all", "--json", "a.json"], "unknown argument '--json'; "),
    (["all", "--json-dir"], "'--json-dir' needs a value; "),
    (["engine", "--json"], "'--json' needs a value; "),
    (["memory", "--rounds", "2"], "unknown argument '--rounds'; "),
    (["change"], "'change' needs another build's nextid, not ''; "),
    (["change", "/bin/true", "--xyzzy"], "unknown argument '--xyzzy'; ")], ids=str)
def test_wrong_arguments_of_the_benchmarks(call, arguments, says):
    done = call("script/bench", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"script/bench: {says}")


@pytest.mark.parametrize("script, arguments, says", [
    ("script/simulate", ["--trace", "--seed"], "'--seed' needs a value"),
    ("script/server", ["--insecure", "--htpp", "a:1"], "unknown argument '--htpp'"),
    ("script/server", ["--http"], "'--http' needs a value")])
def test_wrong_options(call, script, arguments, says):
    done = call(script, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{script}: {says}; `{script} --help` tells what it takes.\n"


def test_all_benchmarks(tmp_path):
    """Each with the same options and a file of its own; one that fails does not keep the others from their turn."""
    for folder in ("script", "bench"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("results", "__pycache__"))
    bench = tmp_path / "script" / "bench"
    real = tmp_path / "script" / "real-bench"
    bench.rename(real)
    bench.write_text('#!/bin/sh\necho "$@" >> calls\n[ "$1" != mysql ]\n')
    bench.chmod(0o755)
    done = subprocess.run([real, "all", "--rounds=5", "--json-dir", "there"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "script/bench: these failed: mysql\n")
    assert (tmp_path / "calls").read_text() == "".join(
        f"{name} --rounds=5 --seconds 2 --json there/{name}.json\n"
        for name in ("sqlite", "postgres", "mysql", "etcd", "dynamodb", "server", "threads"))


def test_the_programs_take_what_their_scripts_let_through():
    torture = (REPOSITORY / "tests" / "torture" / "__main__.py").read_text()
    assert options_of("script/torture") == {
        name + ("" if "store_true" in rest else "=")
        for name, rest in re.findall(r'add_argument\("(--\w+)"(.*)\)', torture)}
    simulate = (REPOSITORY / "tests" / "simulation" / "simulate.cc").read_text()
    assert options_of("script/simulate") == {
        name + ("" if kind == "flag" else "=")
        for kind, name in re.findall(r'add_(option|flag)\("(--\w+)"', simulate)}
