"""The command line: what it prints, and its exit codes."""

import contextlib
import json
import re
import signal
import sqlite3
import subprocess

import pytest

import nextid
from nextid import CORRUPT, EXHAUSTED, INVALID, OK, OUTPUT_FAILED, UNAVAILABLE, run


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ids.db"


def test_next_and_range(store):
    assert run("next", "--store", store).stdout == "1\n"
    assert run("range", "10", "--store", store).stdout == "2 11\n"
    assert run("next", "orders", "--store", store).stdout == "1\n"
    assert run("range", "3", "orders", "--store", store).stdout == "2 4\n"
    done = run("next", "--store", store)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "12\n", "")


def test_json(store):
    assert json.loads(run("next", "--json", "--store", store).stdout) == {"id": 1}
    assert json.loads(run("range", "10", "--json", "--store", store).stdout) == {
        "start": 2, "end": 11, "count": 10}
    counters = json.loads(run("counters", "--json", "--store", store).stdout)
    if isinstance(counters, dict):
        counters = counters["counters"]
    assert [(c["name"], c["value"]) for c in counters] == [("global", 11)]


def test_counters(store):
    for name in ["orders", "invoices", "a"]:
        run("range", "7", name, "--store", store)
    done = run("counters", "--store", store)
    assert done.returncode == OK
    rows = [line.split() for line in done.stdout.splitlines()]
    for name in ["a", "invoices", "orders"]:
        assert [row for row in rows if row[0] == name and "7" in row], done.stdout
    names = [row[0] for row in rows if row[0] in ("a", "invoices", "orders")]
    assert names == ["a", "invoices", "orders"]


def test_more_counters_than_a_page(store):
    database = store.removeprefix("sqlite:")
    run("next", "c00000", "--store", store)
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(counters)")]
        others = ", ".join(column for column in columns if column != "name")
        for number in range(1, 2500):
            connection.execute(
                f"INSERT INTO counters (name, {others}) SELECT ?, {others} FROM counters"
                " WHERE name = 'c00000' AND writer = 0", (f"c{number:05}",))
    counters = json.loads(run("counters", "--json", "--store", store).stdout)
    if isinstance(counters, dict):
        counters = counters["counters"]
    assert [counter["name"] for counter in counters] == [f"c{n:05}" for n in range(2500)]


def test_store_from_environment(store):
    assert run("next", env={"NEXTID_STORE": store}).stdout == "1\n"
    assert run("next", "--store", store, env={"NEXTID_STORE": "memory:"}).stdout == "2\n"


def test_default_store_is_in_the_working_directory(tmp_path):
    assert run("next", cwd=tmp_path).stdout == "1\n"
    assert run("next", cwd=tmp_path).stdout == "2\n"
    assert (tmp_path / "ids.db").exists()


def test_version():
    done = run("--version")
    assert done.returncode == OK
    assert re.fullmatch(r"(nextid )?\d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("command, words", [
    ([], ["serve", "next", "range", "counters"]),
    (["serve"], ["--store", "--http", "--config", "--shutdown-timeout", "NEXTID_"]),
    (["next"], ["--store", "--json", "COUNTER"]),
    (["range"], ["--store", "--json", "COUNTER"]),
    (["counters"], ["--store", "--json"])])
def test_help(command, words):
    done = run(*command, "--help")
    assert done.returncode == OK
    for word in words:
        assert word in done.stdout, word


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["next", "--nonsense"], ["next", "a", "b"], ["next", "bad name"],
    ["next", ""], ["next", "x" * 129], ["range"], ["range", "0"], ["range", "-1"], ["range", "ten"],
    ["range", "1e3"], ["range", "1000001"], ["range", str(2**64)], ["range", str(2**64 + 1)],
    ["range", "5", "bad name"], ["counters", "a"], ["serve", "--max-range", "0"],
    ["serve", "--header-timeout", "soon"], ["serve", "--config", "/nonexistent.toml"]],
    ids=" ".join)
def test_wrong_usage(store, path, arguments):
    done = run(*arguments, *(["--store", store] if arguments else []))
    assert done.returncode == INVALID, done
    assert done.stdout == ""
    assert done.stderr
    if path.exists():
        # No id was burned.
        assert run("next", "--store", store).stdout == "1\n"


@pytest.mark.parametrize("url", ["", "ids.db", "redis://localhost", "sqlite:", "memory:x"])
def test_wrong_store(url, tmp_path):
    done = run("next", "--store", url, cwd=tmp_path)
    assert done.returncode in (INVALID, UNAVAILABLE), done
    assert done.stdout == ""
    assert done.stderr
    assert list(tmp_path.iterdir()) == []


def test_unavailable(tmp_path):
    done = run("next", "--store", f"sqlite:{tmp_path}/none/ids.db")
    assert done.returncode == UNAVAILABLE
    assert f"{tmp_path}/none/ids.db" in done.stderr


def test_exhausted(store, path):
    run("next", "--store", store)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE counters SET value = ? WHERE writer = 0", (2**63 - 3,))
    assert run("range", "3", "--store", store).returncode == EXHAUSTED
    assert run("range", "2", "--store", store).stdout == f"{2**63 - 2} {2**63 - 1}\n"
    done = run("next", "--store", store)
    assert (done.returncode, done.stdout) == (EXHAUSTED, "")
    assert "global" in done.stderr


def test_corrupt(store, path):
    run("next", "--store", store)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damaged = bytearray(path.read_bytes())
    # All but the file's header, which still says that it is ours.
    damaged[100:] = b"\xa5" * (len(damaged) - 100)
    path.write_bytes(damaged)
    for command in [["next"], ["range", "5"], ["counters"]]:
        done = run(*command, "--store", store)
        assert done.returncode == CORRUPT, done
        assert done.stdout == ""
        assert str(path) in done.stderr
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("command, lost", [(["next"], "1"), (["range", "5"], "1 5")])
def test_output_that_fails_names_the_ids(store, command, lost):
    with open("/dev/full", "wb") as full:
        done = run(*command, "--store", store, stdout=full)
    assert done.returncode == OUTPUT_FAILED
    for word in lost.split():
        assert re.search(rf"\b{word}\b", done.stderr), done.stderr
    # The ids are gone: they may have been seen.
    assert int(run("next", "--store", store).stdout) == int(lost.split()[-1]) + 1


def test_closed_output(store):
    command = [nextid.BINARY, "next", "--store", store]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE,
                          env=nextid.environment(), text=True, timeout=60)
    assert done.returncode == OUTPUT_FAILED
    assert re.search(r"\b1\b", done.stderr), done.stderr


def test_killed_after_printing_burns_nothing(store):
    # The id is printed before the slot is released: whatever happens then changes nothing.
    for number in range(1, 6):
        process = subprocess.Popen(
            [nextid.BINARY, "next", "--store", store], stdout=subprocess.PIPE,
            env=nextid.environment(), text=True)
        assert process.stdout.readline() == f"{number}\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=nextid.PATIENCE)
        process.stdout.close()
    assert run("next", "--store", store).stdout == "6\n"
