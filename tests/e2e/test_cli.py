"""The command line: what it prints, and its exit codes."""

import contextlib
import http.server
import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading

import pytest

import nextid
from nextid import (CONFLICT, CORRUPT, EXHAUSTED, INVALID, OK, OUTPUT_FAILED, UNAVAILABLE, run)


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


def test_define(store):
    run("define", "others", "--store", store)
    done = run("define", "orders", "--start", "3", "--increment", "10", "--store", store)
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout == (
        f"made counter 'orders': start 3, increment 10, max {2**63 - 1}, cache 1, revision 1\n")
    assert run("next", "orders", "--store", store).stdout == "3\n"
    done = run("define", "orders", "--max", "13", "--cache", "5", "--comment", "Größe \x1b[2J\x9bx",
               "--revision", "1", "--store", store)
    assert done.stdout == (
        "now counter 'orders': start 3, increment 10, max 13, cache 5, revision 2, "
        "comment Größe ?[2J?x\n")
    changed = json.loads(run("define", "orders", "--json", "--store", store).stdout)
    assert changed == {"name": "orders", "value": 3, "start": 3, "increment": 10, "max": 13,
                       "cache": 5, "comment": "Größe \x1b[2J\x9bx", "revision": 2}
    assert run("range", "2", "orders", "--store", store).returncode == EXHAUSTED


@pytest.mark.parametrize("arguments", [
    ["--start", "2"], ["--increment", "2"], ["--max", "6"], ["--revision", "2"],
    ["--revision", "0"]], ids=" ".join)
def test_conflicting_definitions(store, arguments):
    run("range", "7", "orders", "--store", store)
    done = run("define", "orders", *arguments, "--store", store)
    assert (done.returncode, done.stdout) == (CONFLICT, ""), done
    assert "orders" in done.stderr
    assert run("next", "orders", "--store", store).stdout == "8\n"


def test_advance(store):
    run("define", "others", "--store", store)
    done = run("advance", "orders", "--to", "41", "--store", store)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "counter 'orders' is at 41\n", "")
    assert run("next", "orders", "--store", store).stdout == "42\n"
    counter = json.loads(run("advance", "orders", "--to", "7", "--json", "--store", store).stdout)
    assert (counter["name"], counter["value"]) == ("orders", 42)


def test_keys(store):
    for _ in range(2):
        assert run("next", "--key", "two words", "--store", store).stdout == "1\n"
        assert run("range", "3", "orders", "--key", "a", "--json", "--store", store).stdout == (
            '{"start":1,"end":3,"count":3}\n')
    done = run("range", "4", "orders", "--key", "a", "--store", store)
    assert (done.returncode, done.stdout) == (CONFLICT, "")
    assert run("next", "--store", store).stdout == "2\n"


def test_output_that_fails_leaves_the_ids_to_their_key(store):
    with open("/dev/full", "wb") as full:
        done = run("next", "--key", "a", "--store", store, stdout=full)
    assert done.returncode == OUTPUT_FAILED
    assert "its key keeps: 1" in done.stderr
    assert run("next", "--key", "a", "--store", store).stdout == "1\n"


def test_counters_show_revisions_and_comments(store):
    run("define", "orders", "--comment", "a\nb" + "ä" * 100, "--store", store)
    run("define", "orders", "--max", "5", "--store", store)
    run("next", "plain", "--store", store)
    lines = run("counters", "--store", store).stdout.splitlines()
    assert lines[0].split()[-2:] == ["REVISION", "COMMENT"]
    assert lines[1].split()[-2:] == ["2", "a?b" + "ä" * 18 + "..."]
    assert lines[2].split()[-1] == "1"
    assert lines[2] == lines[2].rstrip()


@pytest.mark.not_accounted("the test changed the counters in the file itself")
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
    # The first line is for scripts.
    assert re.fullmatch(
        r"nextid \d+\.\d+\.\d+\n"
        r"commit: ([0-9a-f]{12}(, with changes)?|not known)\n"
        r"build: \S.*, (GCC|Clang) \d+\.\d+.*, (x86-64|arm64)\n"
        r"stores: sqlite, postgres, mysql, etcd, dynamodb, memory\n", done.stdout)


def git(*words, folder):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def revision_of(folder, where):
    """What a build of the sources in `folder` says of its commit."""
    root = pathlib.Path(__file__).parents[2]
    out = where / "revision.h"
    subprocess.run(["cmake", f"-DSOURCE={folder}", f"-DARCHIVED={folder / 'commit.txt'}", f"-DOUTPUT={out}",
                    "-P", root / "cmake/Revision.cmake"], check=True)
    text = out.read_text()
    return (re.search(r'kCommit = "(\w*)"', text).group(1), re.search(r"kHasChanges = (\w+)", text).group(1))


def test_a_build_knows_its_commit(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "commit.txt").write_text("$Format:%H$\n")
    (folder / ".gitattributes").write_text("commit.txt export-subst\n")
    assert revision_of(folder, tmp_path) == ("", "false"), "no repository"
    git("init", "--quiet", folder=folder)
    git("add", ".", folder=folder)
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "One", folder=folder)
    commit = git("rev-parse", "--short=12", "HEAD", folder=folder).strip()
    assert revision_of(folder, tmp_path) == (commit, "false")
    archive = tmp_path / "archive"
    archive.mkdir()
    git("archive", "--output", tmp_path / "a.tar", "HEAD", folder=folder)
    subprocess.run(["tar", "xf", tmp_path / "a.tar", "-C", archive], check=True)
    assert revision_of(archive, tmp_path) == (commit, "false"), "an archive"
    (folder / ".gitattributes").write_text("# changed\n")
    assert revision_of(folder, tmp_path) == (commit, "true")


@pytest.mark.parametrize("command, words", [
    ([], ["serve", "next", "range", "counters", "define", "advance", "delete", "6 conflict"]),
    (["serve"], ["--store", "--http", "--config", "--shutdown-timeout", "NEXTID_"]),
    (["next"], ["--store", "--json", "--key", "COUNTER"]),
    (["range"], ["--store", "--json", "--key", "COUNTER"]),
    (["define"], ["--store", "--json", "--start", "--increment", "--max", "--cache", "--comment",
                  "--revision", "NAME"]),
    (["advance"], ["--store", "--json", "--to", "NAME"]),
    (["delete"], ["--store", "--json", "COUNTER", "no id of it is given again"]),
    (["counters"], ["--store", "--json", "--deleted"])])
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
    ["serve", "--header-timeout", "soon"], ["serve", "--config", "/nonexistent.toml"],
    ["serve", "--no-auto-create", "true"], ["serve", "--idempotency-retention", "500ms"],
    ["next", "--key", ""], ["next", "--key", "k" * 256], ["next", "--key", "a\tb"],
    ["next", "--key", "ä"], ["define"], ["define", "bad name"], ["define", "a", "b"],
    ["define", "global", "--max", "0"], ["define", "global", "--max", "-1"],
    ["define", "global", "--max", "0x10"], ["define", "global", "--max", "1e3"],
    ["define", "global", "--max", str(2**63)], ["define", "global", "--start", "9", "--max", "8"],
    ["define", "global", "--comment", "c" * 513], ["define", "global", "--comment"],
    ["advance", "global"], ["advance", "--to", "5"], ["advance", "global", "--to", "0"],
    ["advance", "global", "--to", str(2**63)], ["advance", "bad name", "--to", "5"]],
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
    assert done.returncode == INVALID, done
    assert done.stdout == ""
    assert done.stderr
    assert list(tmp_path.iterdir()) == []


def test_unavailable(tmp_path):
    done = run("next", "--store", f"sqlite:{tmp_path}/none/ids.db")
    assert done.returncode == UNAVAILABLE
    assert f"{tmp_path}/none/ids.db" in done.stderr


@pytest.mark.not_accounted("the test changed the counters in the file itself")
def test_exhausted(store, path):
    run("next", "--store", store)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE counters SET value = ? WHERE writer = 0", (2**63 - 3,))
    assert run("range", "3", "--store", store).returncode == EXHAUSTED
    assert run("range", "2", "--store", store).stdout == f"{2**63 - 2} {2**63 - 1}\n"
    done = run("next", "--store", store)
    assert (done.returncode, done.stdout) == (EXHAUSTED, "")
    assert "global" in done.stderr


@pytest.mark.not_accounted("the test damaged the store")
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


@pytest.mark.not_accounted("command lines that were killed took the ids")
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


class _Painter(http.server.BaseHTTPRequestHandler):
    """An endpoint that is not DynamoDB's, and says what a terminal would act on."""

    def do_POST(self):
        body = json.dumps({"__type": "x#ValidationException\x1b]0;owned\x07",
                           "message": "\x1b]0;owned\x07\x9b2J"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_what_an_endpoint_says_does_nothing_to_a_terminal():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Painter) as painter:
        thread = threading.Thread(target=painter.serve_forever)
        thread.start()
        env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1",
               "AWS_ENDPOINT_URL": f"http://127.0.0.1:{painter.server_port}"}
        try:
            for command in (["next"], ["counters"], ["define", "a"], ["doctor"]):
                done = run(*command, "--store", "dynamodb://ids-table", env=env)
                said = done.stdout + done.stderr
                assert done.returncode != OK and "owned" in said, said
                assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", said), said
        finally:
            painter.shutdown()
            thread.join()


def test_one_place_writes_for_a_terminal():
    """What is written elsewhere is of the command line, or of this program alone."""
    writes = {}
    for path in (nextid.REPOSITORY / "src" / "cli").glob("*.cc"):
        count = len(re.findall(r"f(?:printf|puts)\(", path.read_text()))
        if count:
            writes[path.name] = count
    assert writes == {"output.cc": 1, "bench.cc": 2, "copy.cc": 2, "recovery.cc": 2, "token.cc": 2}
