"""The state directory: what a node remembers of its store across its restarts (I8)."""

import random
import re
import shutil
import sqlite3
import threading
import time

import pytest

import nextid
from nextid import is_problem, poll
from prometheus_text import metrics_of

pytestmark = pytest.mark.not_accounted("stores are set back or nodes are killed on purpose")

FILE = "nextid-state.db"


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def set_back(any_store, tmp_path, request):
    """set_back(value, counter): the store is what it was when the counter had the value."""
    if "dynamodb" in request.node.callspec.params.values():
        table = request.getfixturevalue("table")

        def set_item(value, counter="global"):
            table.set(counter, current_value=value)

        return set_item
    if "postgres" in request.node.callspec.params.values():
        return request.getfixturevalue("postgres_tables").set
    if "mysql" in request.node.callspec.params.values():
        return request.getfixturevalue("mysql_tables").set
    if "etcd" in request.node.callspec.params.values():
        return request.getfixturevalue("etcd").keys.set

    def set_row(value, counter="global"):
        with sqlite3.connect(tmp_path / "ids.db", isolation_level=None) as database:
            assert database.execute("UPDATE counters SET value = ? WHERE writer = 0 AND name = ?",
                                    (value, counter)).rowcount == 1
        database.close()

    return set_row


def start(any_store, state_dir, *options, wait=True):
    """A node with the directory; one that is not to get ready only listens."""
    server = any_store.start("--state-dir", state_dir, *options, wait=wait)
    if not wait:
        poll(lambda: "listening" in server.log() or server.process.poll() is not None, "it starts")
        listening = re.search(r"listening on https?://[^ ]*:(\d+)\b", server.log())
        server.port = int(listening.group(1)) if listening else None
    return server


def remembered(state_dir):
    """{counter: (issued, stopped)}"""
    database = sqlite3.connect(state_dir / FILE)
    try:
        return {name: (issued, stopped) for name, issued, stopped in
                database.execute("SELECT name, issued, stopped FROM counters")}
    finally:
        database.close()


def take(server, count=1, counter="global"):
    answer = server.ask("GET", f"/range?counter={counter}&count={count}")
    assert answer.status == 200, answer
    return answer.json()["end"]


# ---- A store that is set back between runs

@pytest.mark.parametrize("stop", ["SIGTERM", "SIGKILL"])
def test_a_store_that_is_set_back_is_refused(any_store, state_dir, set_back, stop):
    server = start(any_store, state_dir)
    assert take(server, 30) == 30
    if stop == "SIGTERM":
        server.stop()
    else:
        poll(lambda: remembered(state_dir).get("global") == (30, ""), "it is written")
        server.kill()
    assert remembered(state_dir) == {"global": (30, "")}
    set_back(10)

    server = start(any_store, state_dir, wait=False)
    # Before anybody asks for an id.
    refusal = poll(lambda: (answer := server.ask("GET", "/readyz")).status == 503 and answer,
                   "it is not ready")
    assert is_problem(refusal, 503, "corrupt")
    for words in ["10", "30", "nextid recover global --store", "--state-dir"]:
        assert words in refusal.json()["detail"], refusal.json()
    assert " error counter 'global' has stopped" in server.log()
    answer = server.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt") and "nextid recover global" in answer.json()["detail"]
    status = server.ask("GET", "/v1/status").json()
    assert status["stopped"]["count"] == 1 and status["stopped"]["counters"][0]["name"] == "global"
    assert status["stopped"]["counters"][0]["why"] == refusal.json()["detail"]
    metrics = metrics_of(server)
    assert metrics.get("nextid_counters_stopped") == 1
    assert metrics.get("nextid_counters_stopped_info", counter="global") == 1
    # Others go on.
    assert take(server, 1, "other") == 1
    server.stop()

    # It stays so, even if the store comes to have the right value again.
    set_back(1000)
    server = start(any_store, state_dir, wait=False)
    assert is_problem(server.ask("GET", "/next"), 500, "corrupt")
    assert is_problem(server.ask("GET", "/readyz"), 503, "corrupt")


def test_a_counter_that_vanished_is_refused(any_store, state_dir, tmp_path, request):
    server = start(any_store, state_dir)
    assert take(server, 30) == 30
    server.stop()
    if "postgres" in request.node.callspec.params.values():
        request.getfixturevalue("postgres_tables").remove()
    elif "mysql" in request.node.callspec.params.values():
        request.getfixturevalue("mysql_tables").remove()
    elif "etcd" in request.node.callspec.params.values():
        any_store.keys.remove()
    elif any_store is request.getfixturevalue("sqlite"):
        with sqlite3.connect(tmp_path / "ids.db", isolation_level=None) as database:
            database.execute("DELETE FROM counters")
        database.close()
    else:
        request.getfixturevalue("table").remove()
    server = start(any_store, state_dir, wait=False)
    refusal = poll(lambda: (answer := server.ask("GET", "/readyz")).status == 503 and answer,
                   "it is not ready")
    assert "not in the store" in refusal.json()["detail"]
    assert is_problem(server.ask("GET", "/next"), 500, "corrupt")


def test_a_command_line_refuses_as_well(any_store, state_dir, set_back):
    server = start(any_store, state_dir)
    assert take(server, 30) == 30
    server.stop()
    set_back(10)
    env = {**(getattr(any_store, "env", None) or {}), "NEXTID_STATE_DIR": str(state_dir)}
    for _ in range(2):
        done = any_store.run("next", env=env)
        assert done.returncode == nextid.CORRUPT and done.stdout == "", done
        assert "10" in done.stderr and "30" in done.stderr and "nextid recover" in done.stderr


def test_what_a_command_line_took_is_remembered(sqlite, state_dir, store):
    server = start(sqlite, state_dir)
    done = nextid.run("range", 30, "--store", store, env={"NEXTID_STATE_DIR": str(state_dir)})
    assert done.returncode == nextid.OK, done.stderr
    assert remembered(state_dir)["global"] == (30, "")
    with sqlite3.connect(state_dir.parent / "ids.db", isolation_level=None) as database:
        database.execute("UPDATE counters SET value = 10 WHERE writer = 0")
    database.close()
    # The server has not used the counter yet, and looks when it does.
    answer = server.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt") and "30" in answer.json()["detail"]


def test_a_fresh_node_raises_no_alarm(any_store, tmp_path, state_dir):
    server = start(any_store, state_dir)
    assert take(server, 30) == 30
    server.stop()
    for other in ["state-of-another", "state"]:
        server = start(any_store, tmp_path / other)
        assert take(server, 1) > 30
        assert metrics_of(server).get("nextid_counters_stopped") == 0
        server.stop()
        assert " error " not in server.log()


# ---- No false alarms

def take_until_it_holds_some(server):
    """The last id taken of a cached counter, of which the node then holds more."""
    last = 0

    def holds_some():
        nonlocal last
        for _ in range(20):
            last = server.next_id()
        return metrics_of(server).get("nextid_ids_held") > 0

    poll(holds_some, "the node holds ids ahead")
    return last


def test_ids_given_back_raise_no_alarm(any_store, state_dir):
    last = 0
    for round in range(3):
        server = start(any_store, state_dir, "--default-cache", 1000)
        assert server.next_id() == last + 1
        last = take_until_it_holds_some(server)
        assert server.value() > last
        if round:
            poll(lambda: remembered(state_dir)["global"][0] == last, "it is written")
        server.stop()
        assert remembered(state_dir) == {"global": (last, "")}
        assert " error " not in server.log()


def test_kill_at_any_moment_raises_no_alarm(any_store, state_dir):
    chance = random.Random(20261130)
    highest = {"a": 0, "b": 0}
    for round in range(8):
        server = start(any_store, state_dir, "--default-cache", chance.choice([1, 50]))
        ends = []

        def ask(counter):
            try:
                while True:
                    id = server.next_id(counter)
                    assert id > highest[counter]
                    highest[counter] = id
            except (OSError, EOFError):
                ends.append(counter)

        threads = [threading.Thread(target=ask, args=(counter,)) for counter in highest]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0, 0.6))  # The moment of the kill, which is the test.
        server.kill()
        for thread in threads:
            thread.join()
        assert sorted(ends) == ["a", "b"], server.log()
        assert " error " not in server.log()
        for counter, (issued, stopped) in remembered(state_dir).items():
            assert stopped == ""
            # An id may have been on its way when the server was killed.
            assert issued <= highest[counter] + 1 + 50, (round, counter)
    server = start(any_store, state_dir)
    assert server.ask("GET", "/readyz").status == 200


def test_two_nodes_share_one(any_store, state_dir):
    one, two = start(any_store, state_dir), start(any_store, state_dir)
    for _ in range(20):
        take(one, 3, "both")
        take(two, 2, "both")
        take(one, 1, "one")
    one.stop()
    two.stop()
    assert remembered(state_dir) == {"both": (100, ""), "one": (20, "")}


# ---- Directories of all sorts

def test_another_stores_directory_is_refused(sqlite, state_dir, tmp_path):
    server = start(sqlite, state_dir)
    server.next_id()
    identity = server.ask("GET", "/v1/status").json()["store_identity"]
    server.stop()
    nextid.run("next", "--store", f"sqlite:{tmp_path}/other.db")
    server = sqlite.start("--state-dir", state_dir, wait=False, store="sqlite:other.db")
    assert server.wait() == nextid.CORRUPT
    for words in [identity, "other.db", str(state_dir), "nextid recover --all"]:
        assert words in server.log()


def test_no_other_store_is_made_in_the_place_of_a_known_one(sqlite, state_dir, tmp_path):
    server = start(sqlite, state_dir)
    server.next_id()
    server.stop()
    server = sqlite.start("--state-dir", state_dir, wait=False, store="sqlite:idz.db")
    assert server.wait() == nextid.INVALID, server.log()
    assert "remembers the store" in server.log()
    assert not (tmp_path / "idz.db").exists()


@pytest.mark.parametrize("what, exit_code, says", [
    ("file", nextid.INVALID, "is no directory"),
    ("no parent", nextid.UNAVAILABLE, "make its parent directory first"),
    ("other file", nextid.INVALID, "no state file of nextid"),
    ("damage", nextid.CORRUPT, "to lose it is safe: remove it"),
])
def test_a_directory_that_is_no_use(sqlite, state_dir, what, exit_code, says):
    if what == "file":
        state_dir.write_text("")
    elif what == "no parent":
        state_dir = state_dir / "deep"
    elif what == "other file":
        state_dir.mkdir()
        (state_dir / FILE).write_text("something else" * 1000)
    else:
        start(sqlite, state_dir).stop()
        data = bytearray((state_dir / FILE).read_bytes())
        data[100:4096] = b"\x5a" * 3996
        (state_dir / FILE).write_bytes(data)
    server = sqlite.start("--state-dir", state_dir, wait=False)
    assert server.wait() == exit_code, server.log()
    assert says in server.log()


@pytest.mark.parametrize("gone", ["file", "directory"])
def test_a_directory_that_is_removed_stops_no_id(sqlite, state_dir, gone):
    server = start(sqlite, state_dir)
    server.next_id()
    poll(lambda: remembered(state_dir) == {"global": (1, "")}, "it is written")
    if gone == "file":
        (state_dir / FILE).unlink()
    else:
        shutil.rmtree(state_dir)

    def trouble():
        server.next_id()
        return server.ask("GET", "/v1/status").json()["state_dir_trouble"]

    if gone == "directory":
        assert str(state_dir) in poll(trouble, "it tells")
        assert metrics_of(server).get("nextid_state_dir_failing") == 1
        assert server.ask("GET", "/readyz").status == 200
        assert server.log().count(" warning ") == 1
        state_dir.mkdir()
    poll(lambda: server.next_id() and (state_dir / FILE).exists(), "it is made again")
    poll(lambda: not server.ask("GET", "/v1/status").json()["state_dir_trouble"], "all is well")
    last = server.next_id()
    server.stop()
    assert remembered(state_dir) == {"global": (last, "")}
    server = start(sqlite, state_dir)
    assert server.next_id() == last + 1


def test_a_full_disk_stops_no_id(start_server, state_dir, dynamodb):
    # The store is elsewhere: only the state file can't grow.
    server = start_server("--state-dir", state_dir, store=dynamodb.store(), env=dynamodb.env)
    server.limit_file_size(1024)
    for _ in range(3):
        server.next_id()
    poll(lambda: server.ask("GET", "/v1/status").json()["state_dir_trouble"], "it tells")
    assert server.next_id() == 4
    server.limit_file_size(None)
    poll(lambda: not server.ask("GET", "/v1/status").json()["state_dir_trouble"], "all is well")
    assert remembered(state_dir) == {"global": (4, "")}


def test_a_table_made_anew_is_refused(dynamodb, table, state_dir):
    server = start(dynamodb, state_dir)
    assert take(server, 30) == 30
    identity = server.ask("GET", "/v1/status").json()["store_identity"]
    server.stop()
    table.delete()
    server = dynamodb.start("--state-dir", state_dir, wait=False)
    assert server.wait() != 0 and "listening" not in server.log(), server.log()
    assert table.status() is None
    assert identity in server.log()
    table.create()
    server = dynamodb.start("--state-dir", state_dir, wait=False)
    assert server.wait() == nextid.CORRUPT, server.log()
    assert identity in server.log() and "nextid recover --all" in server.log()


def test_keys_find_their_table_where_the_store_is_known(start_server, state_dir, dynamodb):
    """No table of counters is made in the place of a known one; that of the keys is, when needed."""
    options = ("--state-dir", state_dir)
    server = start_server(*options, store=dynamodb.store(), env=dynamodb.env)
    server.next_id()
    server.stop()
    server = start_server(*options, store=dynamodb.store(), env=dynamodb.env)
    key = ["Idempotency-Key: once"]
    answers = []

    def answered():
        answers.append(server.ask("POST", "/next", headers=key))
        return answers[-1].status == 200

    poll(answered, "the table of the keys is there")
    assert server.ask("POST", "/next", headers=key).json() == answers[-1].json()
