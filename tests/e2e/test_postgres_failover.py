"""Standbys that become primaries, poolers, and copies: no id that was given out is given again, or nobody
gets one before a person has decided (I8)."""

import contextlib
import sqlite3
import threading

import pytest

import nextid
from load import check, finish
from nextid import CORRUPT, NOTHING_BURNED, OK, WORK, is_problem, poll
from postgres import PgBouncer, run, tool
from postgres_setting import PostgresSetting, without_notices
from tcp_proxy import PostgresMessages, TcpProxy

# The time of the servers' clients to find out that one does not answer.
ATTEMPT = {"attempt_timeout": "500ms"}


@pytest.fixture
def pair(start_postgres):
    """start(sync=...) a primary with a standby: the setting, and the standby."""
    standbys = []

    def start(sync):
        setting = start_postgres()
        standbys.append(setting.server.standby(sync=sync))
        return setting, standbys[-1]

    yield start
    for standby in standbys:
        standby.remove()


def both(setting, standby):
    return {"ports": [setting.server.port, standby.port], **ATTEMPT}


def fail_over(setting, standby):
    """The primary dies, and the standby takes its place."""
    setting.server.kill()
    standby.promote()
    setting.tables.server = standby


def take(node, count):
    answer = node.ask("GET", f"/range?count={count}")
    assert answer.status == 200, answer
    return answer.json()["end"]


def next_of(node):
    answer = node.ask("GET", "/next")
    return answer.json()["id"] if answer.status == 200 else None


# ---- Synchronous

def test_a_synchronous_standby_is_promoted_under_load(pair, start_load):
    """It loses nothing: no id comes twice, and all are accounted for, to the last one."""
    setting, standby = pair(sync=True)
    nodes = [setting.start("--request-timeout", "5s", **both(setting, standby)) for _ in range(2)]
    clients = [start_load("http", "--url", node.url, "--clients", 16, "--reconnect",
                          "--ids", 5_000 * WORK, "--seconds", 6 * WORK) for node in nodes]
    poll(lambda: setting.tables.value() > 1_000, "ids are served", seconds=60)
    fail_over(setting, standby)
    before = setting.tables.value()
    poll(lambda: setting.tables.value() > before + 1_000, "ids are served again", seconds=60)
    for client in clients:
        print(finish(client))
    counts = [node.stop() for node in nodes]
    value = setting.tables.value()
    burned = sum(count["burned"] for count in counts)
    assert value == burned + sum(count["returned"] for count in counts)
    done = check("--value", value, "--burned", burned, *(client.history for client in clients))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_no_id_leaves_before_the_standby_has_it(pair, how):
    """The wait for the standby is cancelled, which PostgreSQL calls a success with a warning; then the
    primary is lost, with what only it had."""
    setting, standby = pair(sync=True)
    node = setting.start("--request-timeout", "1s", **both(setting, standby))
    assert take(node, 10) == 10
    standby.kill()
    ended = []
    enough = threading.Event()

    def end_waits():
        while not enough.is_set():
            ended.append(setting.server.value(
                f"SELECT count({how}(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

    ending = threading.Thread(target=end_waits)
    ending.start()
    try:
        for _ in range(5):
            answer = node.ask("GET", "/next")
            assert answer.status in (503, 504), "an id left that only one server has"
        poll(lambda: setting.tables.value() > 10, "the primary has more")
    finally:
        enough.set()
        ending.join()
    assert sum(ended) > 0
    setting.server.kill()
    standby.start()
    standby.set(synchronous_standby_names="")
    standby.promote()
    setting.tables.server = standby
    # Whatever was tried of the requests that got no answer, none of them got an id, and so no id is lost
    # that was given out.
    following = poll(lambda: next_of(node), "ids come again", seconds=60)
    assert following == setting.tables.value()
    assert following > 10


@pytest.mark.not_accounted("an id is given out that is lost, as the test shows")
def test_without_the_warning_an_id_would_leave(pair):
    """So it is the warning that the test above rests on."""
    setting, standby = pair(sync=True)
    with TcpProxy(setting.server.port, PostgresMessages) as proxy:
        proxy.rewrite = without_notices
        node = setting.start("--request-timeout", "20s", ports=[proxy.port], attempt_timeout="20s")
        assert take(node, 10) == 10
        standby.kill()
        asking = threading.Thread(target=node.ask, args=("GET", "/next"))
        asking.start()
        poll(lambda: setting.server.value(
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
            "the commit waits for the standby")
        asking.join()
        setting.server.set(synchronous_standby_names="")
        assert node.stop()["returned"] == 11


def test_a_standby_that_is_gone_stops_ids_and_when_back_lets_them_go_on(pair):
    setting, standby = pair(sync=True)
    node = setting.start("--request-timeout", "1s", **ATTEMPT)
    assert take(node, 10) == 10
    standby.stop()
    assert node.ask("GET", "/next").status in (503, 504)
    standby.start()
    following = poll(lambda: next_of(node), "ids come again", seconds=60)
    assert following == setting.tables.value()
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == following


# ---- Asynchronous

def lose_ids(setting, standby, node, keep, lose):
    """`lose` ids after the first `keep` are on the primary only, when it dies."""
    assert take(node, keep) == keep
    place = setting.server.sql("SELECT pg_current_wal_lsn()")
    poll(lambda: standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{place}'") == "t",
         "the standby has the first ones")
    standby.stop()
    assert take(node, lose) == keep + lose
    setting.server.kill()
    standby.start()
    standby.promote()
    setting.tables.server = standby


@pytest.mark.not_accounted("the standby had not all")
@pytest.mark.parametrize("rests", [False, True])
def test_an_asynchronous_standby_that_lacks_ids_is_noticed_by_who_lives(pair, rests):
    setting, standby = pair(sync=False)
    options = ["--idle-counter-timeout", "100ms"] if rests else []
    node = setting.start("--request-timeout", "2s", *options, **both(setting, standby))
    lose_ids(setting, standby, node, keep=20, lose=30)
    poll(lambda: node.ask("GET", "/next").status == 500, "it is noticed", seconds=60)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt")
    assert "this node has issued ids up to 50" in answer.json()["detail"]
    assert "nextid recover" in answer.json()["detail"]
    # A node that had let the counter go may have reserved an id to find out.
    assert setting.tables.value() <= 20 + rests


def remembered(state_dir):
    """Of the counter, or None."""
    with contextlib.closing(sqlite3.connect(state_dir / "nextid-state.db")) as database:
        row = database.execute("SELECT issued FROM counters WHERE name = 'global'").fetchone()
    return row and row[0]


@pytest.mark.not_accounted("the standby had not all")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_asynchronous_standby_that_lacks_ids_is_noticed_by_who_remembers(pair, end, tmp_path):
    setting, standby = pair(sync=False)
    where = both(setting, standby)
    node = setting.start("--state-dir", tmp_path / "state", **where)
    assert take(node, 20) == 20
    place = setting.server.sql("SELECT pg_current_wal_lsn()")
    poll(lambda: standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{place}'") == "t",
         "the standby has the first ones")
    standby.stop()
    assert take(node, 30) == 50
    poll(lambda: remembered(tmp_path / "state") == 50, "it is remembered")
    if end == "stop":
        node.stop()
    else:
        node.kill()
    setting.server.kill()
    standby.start()
    standby.promote()
    setting.tables.server = standby
    node = setting.start("--state-dir", tmp_path / "state", wait=False, **where)
    poll(lambda: "up to 50" in node.log(), "it is noticed")
    done = setting.run("next", "--state-dir", tmp_path / "state", **where)
    assert (done.returncode, done.stdout) == (CORRUPT, ""), done


@pytest.mark.not_accounted("the standby had not all")
def test_recover_after_an_asynchronous_failover(pair):
    setting, standby = pair(sync=False)
    where = both(setting, standby)
    node = setting.start("--request-timeout", "2s", **where)
    lose_ids(setting, standby, node, keep=20, lose=30)
    poll(lambda: node.ask("GET", "/next").status == 500, "it is noticed", seconds=60)
    node.stop()
    done = setting.run("recover", "--all", "--skip", "1000", "--yes", **where)
    assert done.returncode == OK, done.stderr
    assert int(setting.run("next", **where).stdout) > 1000


# ---- Several hosts

def test_of_several_hosts_the_one_that_takes_writes_is_used(pair):
    setting, standby = pair(sync=True)
    for ports in ([standby.port, setting.server.port], [setting.server.port, standby.port]):
        for attributes in ({}, {"target_session_attrs": "read-write"}):
            assert setting.run("next", ports=ports, **attributes).returncode == OK
    fail_over(setting, standby)
    assert setting.run("next", ports=[setting.port, standby.port]).stdout == "5\n"


def test_a_standby_alone_is_refused(pair):
    setting, standby = pair(sync=True)
    assert setting.run("next").stdout == "1\n"
    done = setting.run("next", ports=[standby.port])
    assert done.returncode == nextid.UNAVAILABLE
    assert "standby" in done.stderr
    assert "target_session_attrs=read-write" in done.stderr


# ---- PgBouncer

@pytest.fixture
def bouncer(postgres_server):
    with PgBouncer(postgres_server) as running:
        yield running


@pytest.fixture
def pooled(bouncer, postgres_tables, start_server):
    return PostgresSetting(postgres_tables, start_server, bouncer.port)


def test_ids_through_pgbouncer(pooled, start_load):
    """In transaction mode, with fewer sessions than there are connections: exact to the last id."""
    nodes = [pooled.start("--request-timeout", "10s") for _ in range(2)]
    clients = [start_load("http", "--url", node.url, "--clients", 16, "--ids", 5_000 * WORK)
               for node in nodes]
    for client in clients:
        print(finish(client))
    value = pooled.tables.value()
    assert sum(node.stop()["returned"] for node in nodes) == value
    done = check("--exact", value, "--no-gap", "--value", value, *(client.history for client in clients))
    assert done.returncode == 0, done.stdout
    assert pooled.tables.slots() == []


def test_pgbouncer_restarts(pooled, bouncer):
    node = pooled.start()
    assert node.next_id() == 1
    for last in (2, 4):
        bouncer.restart()
        assert poll(lambda: next_of(node), "ids come again") == last
        assert node.next_id() == last + 1
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}


def test_settings_through_pgbouncer_stay_with_their_transactions(pooled, bouncer):
    """Others that get the same sessions are not changed."""
    node = pooled.start()
    assert node.next_id() == 1
    assert node.next_id("orders") == 1
    for _ in range(10):
        shown = run(*pooled.server.shell(port=bouncer.port), text_in="SHOW lock_timeout; SHOW statement_timeout")
        assert shown.split() == ["0", "0"]


def test_commits_through_pgbouncer_wait_for_the_disk(start_postgres, start_server):
    """Also where the role's own setting would not."""
    setting = start_postgres()
    setting.server.sql("ALTER ROLE nextid SET synchronous_commit = off")
    with PgBouncer(setting.server) as bouncer:
        pooled = PostgresSetting(setting.tables, start_server, bouncer.port)
        node = pooled.start()
        for last in range(1, 20):
            assert node.next_id() == last
        setting.server.kill()
        setting.server.start()
        assert setting.tables.value() == last
        assert poll(lambda: next_of(node), "ids come again") == last + 1
        node.stop()


# ---- Copies

@pytest.mark.not_accounted("the store is copied")
def test_a_dump_restored_elsewhere_is_a_copy(start_postgres):
    original = start_postgres()
    assert original.run("range", "100").returncode == OK
    dump = run(tool("pg_dump"), "--host", "127.0.0.1", "--port", original.port, "--username", "postgres",
               "nextid")
    assert original.run("range", "100").stdout == "101 200\n"
    copy = start_postgres(own_identity=True)
    copy.server.sql(dump)
    done = copy.run("next")
    assert (done.returncode, done.stdout) == (CORRUPT, ""), done
    assert "is a copy" in done.stderr
    assert "nextid recover --all --store 'postgres://nextid@127.0.0.1" in done.stderr
    node = copy.start(wait=False)
    assert node.wait() == CORRUPT
    assert copy.run("recover", "--all", "--skip", "1000", "--yes").returncode == OK
    assert int(copy.run("next").stdout) > 1100
    # The original goes on as before.
    assert original.run("next").stdout == "201\n"
