"""`nextid copy`: the counters of one store, moved into another one."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import threading
import types

import pytest

import nextid
from nextid import CONFLICT, CORRUPT, INVALID, OK, UNAVAILABLE

pytestmark = pytest.mark.not_accounted("a copy moves the counters of its target on")

PAIRS = ["sqlite postgres", "postgres sqlite", "sqlite dynamodb", "mysql etcd", "etcd mysql"]
if nextid.WORK > 1:
    PAIRS += ["dynamodb sqlite", "dynamodb postgres", "etcd dynamodb", "mysql postgres", "sqlite etcd"]
LONGEST = "z" * 128
ODD = "_A.b:c-9"


@pytest.fixture(autouse=True)
def settings(request):
    """Those that a test's parameters name, made before ids_are_accounted_for, and so there until it has ended."""
    params = getattr(request.node, "callspec", types.SimpleNamespace(params={})).params
    for kind in " ".join(params.get(name, "") for name in ("kind", "kinds", "pair")).split():
        if kind != "sqlite":
            request.getfixturevalue(kind)


@pytest.fixture
def place(request, store):
    """A store by its kind: url, env, start(), run()."""
    def find(kind):
        setting = request.getfixturevalue(kind)
        url = store if kind == "sqlite" else setting.store()
        return types.SimpleNamespace(url=url, env=getattr(setting, "env", {}), start=setting.start,
                                     run=setting.run)
    return find


def copy(source, target, *options, yes=True):
    return nextid.run("copy", "--from", source.url, "--to", target.url, *(["--yes"] if yes else []),
                      *options, env={**source.env, **target.env})


def listed(place, *options, revisions=False):
    """{name: its JSON}; none where there is no store yet."""
    done = place.run("counters", "--json", *options)
    assert done.returncode == OK, done.stderr
    counters = json.loads(done.stdout)["counters"]
    for counter in counters:
        revisions or counter.pop("revision")
    return {counter["name"]: counter for counter in counters}


def deleted(place):
    return listed(place, "--deleted")


def at(path):
    url = f"sqlite:{path}"
    return types.SimpleNamespace(url=url, env={}, run=lambda *words: nextid.run(*words, "--store", url))


def many(path, count):
    """A file with so many counters, and their values."""
    place = at(path)
    assert place.run("next").returncode == OK
    # As long as names may be, so that the report of all is more than a pipe holds.
    values = {f"{i:05}".ljust(128, "n"): i + 1 for i in range(count)}
    database = sqlite3.connect(path)
    database.executemany(
        "INSERT INTO counters (name, writer, seq, value, start, increment, max, cache, comment, revision)"
        f" VALUES (?, 0, 0, ?, 1, 1, {2**63 - 1}, 1, '', 1)", values.items())
    database.commit()
    database.close()
    return place, {"global": 1, **values}


def values(counters):
    return {name: counter["value"] for name, counter in counters.items()}


# ---- A move

@pytest.fixture(params=PAIRS)
def pair(request, place):
    return [place(kind) for kind in request.param.split()]


def used_store(place):
    """Takes ids of all kinds of counters; returns the last id of each, as its clients saw it."""
    for definition in (["strict"], ["fast", "--cache", "100"], ["few", "--max", "3"],
                       ["steps", "--start", "1000", "--increment", "7", "--comment", 'für "Ärzte"'],
                       ["unused", "--start", "5"]):
        assert place.run("define", *definition).returncode == OK
    server = place.start()
    last = {name: max(server.next_id(name) for _ in range(3))
            for name in ("strict", "fast", "few", "steps", "gone", LONGEST, ODD)}
    server.stop()
    assert place.run("delete", "gone").returncode == OK
    return last


def test_a_move(pair):
    source, target = pair
    last = used_store(source)
    before, gone = listed(source, revisions=True), deleted(source)
    done = copy(source, target)
    assert done.returncode == OK, done.stderr
    assert f"{LONGEST}: made at 3\n" in done.stdout
    assert "gone (deleted): made at 3\n" in done.stdout
    assert "unused: made, unused\n" in done.stdout
    assert ("Copied 8 counters: 8 made. In use in neither store: 1 counter, deleted in the first one before, or"
            " moved from there to another store. Verified") in done.stdout
    assert listed(target, revisions=True) == before and deleted(target) == gone
    assert listed(source) == {} and len(deleted(source)) == 8
    refused = source.run("next", "strict")
    assert refused.returncode == CONFLICT and "deleted" in refused.stderr

    server = target.start()
    for name in ("strict", "fast", "steps", LONGEST, ODD):
        assert server.next_id(name) > last[name]
    assert server.next_id("unused") == 5
    assert nextid.is_problem(server.ask("GET", "/next?counter=few"), 409, "exhausted")
    assert nextid.is_problem(server.ask("GET", "/next?counter=gone"), 410, "deleted")
    server.stop()

    again = copy(source, target)
    assert (again.returncode, again.stderr) == (OK, "")
    assert "Copied 8 counters: 8 kept." in again.stdout


@pytest.mark.parametrize("kinds", ["sqlite postgres", *(["mysql etcd", "sqlite dynamodb"] if nextid.WORK > 1 else [])])
def test_there_and_back(kinds, place):
    """A store whose counters went away takes them back above all that came since."""
    source, target = map(place, kinds.split())
    source.run("range", "40")
    source.run("next", "gone")
    source.run("delete", "gone")
    assert copy(source, target).returncode == OK
    assert target.run("range", "7").stdout == "41 47\n"
    done = copy(target, source)
    assert done.returncode == OK, done.stderr
    assert "global: brought back at 47\ngone (deleted): kept at 1\n" in done.stdout
    assert source.run("next").stdout == "48\n"
    assert list(listed(source)) == ["global"] and list(listed(target)) == []


# ---- What the target has already

def test_what_the_target_has(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    for name, here, there in (("higher", 5, 900), ("lower", 50, 9), ("deleted-higher", 5, 7), ("deleted-lower", 9, 2)):
        source.run("range", here, name)
        target.run("range", there, name)
    for name in ("deleted-higher", "deleted-lower"):
        target.run("delete", name)
    target.run("next", "its-own")
    done = copy(source, target)
    assert done.returncode == OK, done.stderr
    assert done.stdout.startswith("deleted-higher: brought back at 7, above 5 in the source\n"
                                  "deleted-lower: brought back at 9\n"
                                  "higher: kept at 900, above 5 in the source\n"
                                  "lower: raised at 50\n")
    assert values(listed(target)) == {"deleted-higher": 7, "deleted-lower": 9, "higher": 900,
                                      "its-own": 1, "lower": 50}


def test_what_contradicts_the_target(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("range", "5", "fine")
    source.run("range", "5", "orders")
    source.run("range", "5", "tickets")
    target.run("define", "orders", "--increment", "10")
    target.run("define", "tickets", "--max", "100")
    before = listed(source, revisions=True), listed(target, revisions=True)
    done = copy(source, target)
    assert (done.returncode, done.stdout) == (CONFLICT, "")
    assert done.stderr == (
        "nextid: counter 'orders' has the increment 10 in the target and 1 in the source, which never changes;"
        " copy to another store.\n"
        f"nextid: counter 'tickets' has the max 100 in the target and {2**63 - 1} in the source; make them"
        " equal with `nextid define` in the target, or copy to another store.\n"
        "nextid: 2 counters can't be copied; nothing was changed.\n")
    assert (listed(source, revisions=True), listed(target, revisions=True)) == before


def test_no_command_brings_back_what_has_moved_by_the_way(tmp_path):
    """Both stores would give the same ids."""
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("define", "a", "--comment", "mine")
    source.run("range", "10", "a")
    assert copy(source, target).returncode == OK
    for command, code in ((("next", "a"), CONFLICT), (("define", "a"), CONFLICT),
                          (("define", "a", "--cache", "50", "--comment", "mine"), CONFLICT)):
        done = source.run(*command)
        assert done.returncode == code and "`nextid copy` moved it to another store" in done.stderr, command
    assert target.run("next", "a").stdout == "11\n"
    command = re.search(r"`nextid (define a --revision \d+)`", done.stderr).group(1)
    assert source.run(*command.split()).returncode == OK, "who has read that may, such as where the other is lost"
    assert source.run("next", "a").stdout == "11\n"


def test_a_store_with_counters_that_have_moved_can_be_recovered(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("range", "10", "a")
    assert copy(source, target).returncode == OK
    source.run("next", "b")
    done = source.run("recover", "--all", "--skip", "5", "--yes")
    assert done.returncode == OK and "a (deleted) moves from 10 to 15" in done.stdout, done
    refused = source.run("define", "a")
    assert refused.returncode == CONFLICT and "`nextid copy` moved it" in refused.stderr
    assert source.run("next", "b").stdout == "7\n"


def test_what_has_moved_may_be_defined_anew(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("range", "10", "a")
    assert copy(source, target).returncode == OK
    assert target.run("define", "a", "--cache", "50").returncode == OK
    again = copy(source, target)
    assert (again.returncode, again.stderr) == (OK, "")
    assert again.stdout.startswith("a (deleted): kept at 10\nCopied 1 counter: 1 kept. Verified"), again.stdout
    assert listed(target)["a"]["cache"] == 50


def test_what_has_moved_does_not_move_again_from_there(tmp_path):
    source = at(tmp_path / "a.db")
    source.run("range", "10", "a")
    assert copy(source, at(tmp_path / "b.db")).returncode == OK
    other = at(tmp_path / "c.db")
    done = copy(source, other)
    assert done.returncode == OK
    assert "In use in neither store: 1 counter" in done.stdout
    assert "no counter came into use in sqlite:" in done.stderr
    report = json.loads(copy(source, other, "--json").stdout)
    assert report["target_deleted"] == 1 and report["counters"][0]["target_deleted"] is True


# ---- Ended before its time

@pytest.mark.parametrize("kind", ["postgres", *(["etcd", "mysql", "dynamodb"] if nextid.WORK > 1 else [])])
def test_a_copy_that_was_killed_is_completed_by_another(kind, place, tmp_path):
    source, expected = many(tmp_path / "a.db", 1000)
    target = place(kind)
    for lines in (1, 300):
        running = subprocess.Popen(
            [nextid.BINARY, "copy", "--from", source.url, "--to", target.url, "--yes"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=nextid.environment(target.env))
        for _ in range(lines):
            assert running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=nextid.PATIENCE)
        left = listed(source)
        assert 0 < len(left) < len(expected), "it was not killed in between"
    done = copy(source, target, "--json")
    assert done.returncode == OK, done.stderr
    report = json.loads(done.stdout)
    assert report["verified"] is True and report["made"] >= len(left) - 256
    assert len(report["counters"]) == len(expected)
    assert values(listed(target)) == expected
    assert listed(source) == {} and deleted(target) == {}


# ---- Servers that still run

def test_a_server_of_the_source_gives_out_no_more(start_server, store, tmp_path):
    server = start_server()
    ids = []

    def ask():
        with server.connect() as client:
            while (answer := client.ask("GET", "/next")).status == 200:
                ids.append(answer.json()["id"])
            ids.append(answer)

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    nextid.poll(lambda: len(ids) > 100, "clients get ids")
    source, target = at(tmp_path / "ids.db"), at(tmp_path / "b.db")
    done = copy(source, target)
    for client in clients:
        client.join(nextid.PATIENCE)
    assert done.returncode == OK, done.stderr
    refusals = [answer for answer in ids if not isinstance(answer, int)]
    assert len(refusals) == 3
    for answer in refusals:
        assert nextid.is_problem(answer, 410, "deleted")
    last = max(answer for answer in ids if isinstance(answer, int))
    assert values(listed(target)) == {"global": last}
    assert target.run("next").stdout == f"{last + 1}\n"
    said = "; used during the copy\n" in done.stdout
    assert said == ("servers of the source gave out ids during the copy, of 1 counter" in done.stderr)


def test_a_server_that_makes_counters_meanwhile_is_noticed(start_server, store, tmp_path):
    server = start_server()
    source, target = at(tmp_path / "ids.db"), at(tmp_path / "b.db")
    made, ended = [], threading.Event()

    def make():
        with server.connect() as client:
            while not ended.is_set():
                answer = client.ask("GET", f"/next?counter=n{len(made)}")
                assert answer.status == 200, answer
                made.append(answer.json()["id"])

    client = threading.Thread(target=make)
    client.start()
    try:
        # Each one misses what is made in its last moment, if anything is.
        failed = nextid.poll(lambda: (done := copy(source, target)).returncode != OK and done,
                             "a copy meets a new counter")
    finally:
        ended.set()
        client.join(nextid.PATIENCE)
    assert failed.returncode == UNAVAILABLE
    assert "is in use in the source.\n" in failed.stderr
    assert "the source is still used" in failed.stderr and "The copy is not complete" in failed.stderr
    server.stop()
    assert copy(source, target).returncode == OK
    assert values(listed(target)) == {f"n{i}": 1 for i in range(len(made))}


# ---- What is refused

def test_one_store_twice(tmp_path, postgres):
    source = at(tmp_path / "a.db")
    source.run("next")
    (tmp_path / "link.db").symlink_to("a.db")
    postgres.run("next")
    for one, other in ((source.url, source.url), (source.url, f"sqlite:{tmp_path}/./a.db?create=true"),
                       (source.url, f"sqlite:{tmp_path}/link.db"),
                       (postgres.store(), postgres.store(attempt_timeout="3s"))):
        done = nextid.run("copy", "--from", one, "--to", other, "--yes")
        assert (done.returncode, done.stdout) == (INVALID, ""), done
        assert "are the same store" in done.stderr and "nothing was changed" in done.stderr
    assert values(listed(source)) == {"global": 1}
    assert postgres.run("next").stdout == "2\n"


def test_a_missing_source_is_not_made(tmp_path, postgres):
    target = f"sqlite:{tmp_path}/b.db"
    done = nextid.run("copy", "--from", f"sqlite:{tmp_path}/a.db", "--to", target, "--yes")
    assert done.returncode == INVALID and "there is no store at" in done.stderr
    done = nextid.run("copy", "--from", postgres.store(create="true"), "--to", target, "--yes")
    assert (done.returncode, done.stdout) == (INVALID, ""), done
    assert postgres.tables.counters() == [] and os.listdir(tmp_path) == []


def test_a_missing_target_that_is_not_to_be_made(tmp_path):
    source = at(tmp_path / "a.db")
    source.run("next")
    done = nextid.run("copy", "--from", source.url, "--to", f"sqlite:{tmp_path}/b.db?create=false", "--yes")
    assert done.returncode == INVALID and "create=false" in done.stderr
    assert values(listed(source)) == {"global": 1}


def test_a_store_in_memory(tmp_path):
    for words in (["--from", "memory:", "--to", f"sqlite:{tmp_path}/b.db"],
                  ["--from", f"sqlite:{tmp_path}/b.db", "--to", "memory:"]):
        done = nextid.run("copy", *words, "--yes")
        assert done.returncode == INVALID and "'memory:' ends with the command" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["etcd", "dynamodb"])
def test_a_damaged_counter_is_not_lost(kind, request, tmp_path):
    """Its first id in the new store would be 1, since lists leave it out."""
    setting = request.getfixturevalue(kind)
    source = types.SimpleNamespace(url=setting.store(), env=getattr(setting, "env", {}), run=setting.run)
    for words in (["range", "40", "orders"], ["next", "others"]):
        assert source.run(*words).returncode == OK
    if kind == "etcd":
        setting.keys.put("c/orders", "41")
    else:
        setting.table.client("PutItem", TableName=setting.table.name, Item={
            "counter_id": {"S": "orders"}, "current_value": {"S": "40"}})
    target = at(tmp_path / "b.db")
    for options in ([], ["--dry-run"]):
        done = copy(source, target, *options)
        assert (done.returncode, done.stdout) == (CORRUPT, ""), done
        assert "'orders' is damaged" in done.stderr and "Nothing was changed." in done.stderr
    assert values(listed(source)) == {"others": 1} and os.listdir(tmp_path) == []
    recovered = source.run("recover", "--all", "--skip", "10", "--yes")
    assert recovered.returncode == CORRUPT, recovered
    assert "'orders' is damaged" in recovered.stderr and "No counter was moved." in recovered.stderr
    assert values(listed(source)) == {"others": 1}


def test_a_name_that_no_counter_has(tmp_path):
    source, _ = many(tmp_path / "a.db", 2)
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("UPDATE counters SET name = 'a\"b' || char(10) WHERE name LIKE '00001%'")
    database.commit()
    database.close()
    done = copy(source, at(tmp_path / "b.db"), "--json")
    assert (done.returncode, done.stdout) == (CONFLICT, "")
    assert done.stderr == ("nextid: the source has 'a\"b\\x0A', a name that no counter can have; rename or remove it.\n"
                           "nextid: 1 counter can't be copied; nothing was changed.\n")
    assert not (tmp_path / "b.db").exists()


def test_passwords_are_not_shown(tmp_path, postgres):
    source = at(tmp_path / "a.db")
    source.run("next")
    url = postgres.store(user="nextid:hunter2")
    done = nextid.run("copy", "--from", source.url, "--to", url, "--yes")
    assert done.returncode == OK, done.stderr
    assert "nextid@127.0.0.1" in done.stdout and "hunter2" not in done.stdout + done.stderr
    for words in (["--from", url, "--to", url], ["--from", url + "&nonsense=1", "--to", source.url]):
        done = nextid.run("copy", *words, "--yes")
        assert done.returncode == INVALID and "hunter2" not in done.stderr, done


# ---- Before anything is done

@pytest.mark.parametrize("kind", ["sqlite", "mysql", *(["postgres", "etcd", "dynamodb"] if nextid.WORK > 1 else [])])
def test_a_dry_run_changes_nothing(kind, tmp_path, request):
    setting = None if kind == "sqlite" else request.getfixturevalue(kind)
    source = at(tmp_path / "a.db")
    source.run("range", "9")
    source.run("define", "orders")
    before = listed(source, revisions=True)
    url = setting.store() if setting else f"sqlite:{tmp_path}/b.db"
    target = types.SimpleNamespace(url=url, env=getattr(setting, "env", {}))
    done = copy(source, target, "--dry-run", yes=False)
    assert (done.returncode, done.stdout) == (OK, (
        "global: made at 9\norders: made, unused\n"
        "A copy would be of 2 counters: 2 made. Nothing was changed.\n")), done.stderr
    assert listed(source, revisions=True) == before
    listing = nextid.run("counters", "--store", url, env=target.env)
    assert listing.returncode == INVALID, listing  # Nobody has made it.
    report = json.loads(copy(source, target, "--dry-run", "--json", yes=False).stdout)
    assert report["counters"][0] == {"name": "global", "value": 9, "target_value": 9, "deleted": False,
                                     "target_deleted": False, "used": False, "result": "made"}
    assert (report["made"], report["verified"]) == (2, False)


def test_it_asks_first(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("next")
    done = copy(source, target, yes=False)
    assert done.returncode == INVALID and "--yes agrees" in done.stderr

    def answered(answer):
        leader, follower = pty.openpty()
        os.write(leader, answer)
        try:
            return subprocess.run([nextid.BINARY, "copy", "--from", source.url, "--to", target.url],
                                  stdin=follower, capture_output=True, text=True, timeout=nextid.PATIENCE,
                                  env=nextid.environment(), check=False)
        finally:
            os.close(leader)
            os.close(follower)

    refused = answered(b"n\n")
    assert refused.returncode == INVALID and refused.stderr.startswith("1 counter of sqlite:"), refused
    assert not (tmp_path / "b.db").exists() and values(listed(source)) == {"global": 1}
    assert answered(b"y\n").returncode == OK
    assert values(listed(target)) == {"global": 1}


def test_a_report_that_can_not_be_written(tmp_path):
    source, target = at(tmp_path / "a.db"), at(tmp_path / "b.db")
    source.run("next")
    with open("/dev/full", "w") as full:
        done = nextid.run("copy", "--from", source.url, "--to", target.url, "--yes", stdout=full)
    assert done.returncode == nextid.OUTPUT_FAILED and "Can't write the report" in done.stderr
    assert values(listed(target)) == {"global": 1} and listed(source) == {}
