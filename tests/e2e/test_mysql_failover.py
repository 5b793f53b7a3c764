"""Replicas that become primaries, and copies: no id that was given out is given again, or nobody gets one
before a person has decided (I8)."""

import contextlib
import sqlite3
import threading

import pytest

import nextid
from load import check, finish
from mysql import Mysql
from nextid import CORRUPT, OK, WORK, is_problem, poll
from private_server import program, run
from tcp_proxy import TcpProxy

# The server gives up waiting for a replica after this; long enough never to happen.
FOR_EVER_MS = 600_000

# Connections of a node.
LANES = 4


@pytest.fixture
def pair(start_mysql):
    """start(semi_sync=...) a primary with a replica, reached through a proxy, as an address that moves with
    the primary: the setting, and the replica."""
    ends = []

    def start(semi_sync, **settings):
        if semi_sync:
            settings = {"rpl_semi_sync_master_timeout": FOR_EVER_MS, **settings}
        setting = start_mysql(Mysql.primary(semi_sync=semi_sync, settings=settings))
        replica = setting.server.replica(semi_sync=semi_sync)
        proxy = TcpProxy(setting.server.port)
        ends.extend([proxy.close, replica.remove])
        setting.port = proxy.port
        setting.tables.ports.add(proxy.port)
        setting.proxy = proxy
        return setting, replica

    yield start
    for end in ends:
        end()


def fail_over(setting, replica):
    """The primary dies, and the replica takes its place."""
    setting.server.kill()
    replica.promote()
    lead_to(setting, replica)


def lead_to(setting, server):
    setting.proxy.target_port = server.port
    setting.proxy.cut()
    setting.tables.server = server


def take(node, count):
    answer = node.ask("GET", f"/range?count={count}")
    assert answer.status == 200, answer
    return answer.json()["end"]


def remembered(state_dir):
    """The ids up to which the node of this directory has given any, for each counter."""
    with contextlib.closing(sqlite3.connect(state_dir / "nextid-state.db")) as database:
        return database.execute("SELECT issued FROM counters").fetchall()


def next_of(node):
    answer = node.ask("GET", "/next")
    return answer.json()["id"] if answer.status == 200 else None


# ---- Semi-synchronous

def test_a_semi_synchronous_replica_is_promoted_under_load(pair, start_load):
    """It loses nothing: no id comes twice, and all are accounted for, to the last one."""
    setting, replica = pair(semi_sync=True)
    nodes = [setting.start("--request-timeout", "5s") for _ in range(2)]
    clients = [start_load("http", "--url", node.url, "--clients", 16, "--reconnect",
                          "--ids", 5_000 * WORK, "--seconds", 6 * WORK) for node in nodes]
    poll(lambda: setting.tables.value() > 1_000, "ids are served", seconds=60)
    fail_over(setting, replica)
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
    # The next one to start is told that the server is another one.
    done = setting.run("next")
    assert done.returncode == OK, done.stderr


@pytest.mark.parametrize("how", ["KILL QUERY", "KILL"])
def test_no_id_leaves_before_the_replica_has_it(pair, how):
    """The wait for the replica is killed, which the server answers as a success; then the primary is lost,
    with what only it had."""
    setting, replica = pair(semi_sync=True)
    node = setting.start("--request-timeout", "1s")
    assert take(node, 10) == 10
    # A replica that goes by GTIDs throws away what it had received and not yet applied when it starts again.
    replica.wait_until_caught_up(setting.server)
    replica.kill()
    ended = []
    enough = threading.Event()

    def end_waits():
        with setting.server.session() as session:
            while not enough.is_set():
                for number in session.sql("SELECT id FROM information_schema.processlist WHERE state LIKE"
                                          " '%semi-sync ACK%'").split():
                    session.sql(f"{how} {number}")
                    ended.append(number)

    ending = threading.Thread(target=end_waits)
    ending.start()
    try:
        for _ in range(5):
            answer = node.ask("GET", "/next")
            assert answer.status in (503, 504), "an id left that only one server has"
        poll(lambda: ended, "a wait was ended")
        poll(lambda: setting.tables.value() > 10, "the primary has more")
    finally:
        enough.set()
        ending.join()
    setting.server.kill()
    replica.start()
    replica.promote()
    lead_to(setting, replica)
    assert setting.tables.value() == 10
    following = poll(lambda: next_of(node), "ids come again", seconds=60)
    # What requests had asked for that got no answer is burned.
    assert following == setting.tables.value()
    assert following > 10
    node.stop()


def test_a_replica_that_is_gone_stops_ids_and_when_back_lets_them_go_on(pair):
    setting, replica = pair(semi_sync=True)
    node = setting.start("--request-timeout", "1s", attempt_timeout="500ms")
    assert take(node, 10) == 10
    replica.stop()
    assert node.ask("GET", "/next").status in (503, 504)
    replica.start()
    following = poll(lambda: next_of(node), "ids come again", seconds=60)
    assert following == setting.tables.value()
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == following


def test_attempts_that_wait_for_a_replica_do_not_pile_up(pair):
    """Where the rows are not locked meanwhile, each would take one more of the server's connections."""
    setting, replica = pair(semi_sync=True, rpl_semi_sync_master_wait_point="AFTER_COMMIT")
    node = setting.start("--request-timeout", "1s", attempt_timeout="200ms")
    assert take(node, 10) == 10
    replica.stop()
    for _ in range(8):
        assert node.ask("GET", "/next").status in (503, 504)
        assert setting.sessions() <= 2 * LANES
    replica.start()
    assert poll(lambda: next_of(node), "ids come again", seconds=60) == setting.tables.value()


@pytest.mark.parametrize("is_required", [False, True])
def test_a_server_that_gives_up_waiting(pair, is_required):
    """It goes on without a replica, as its timeout says: with a warning, or, if the URL says so, not."""
    setting, replica = pair(semi_sync=True, rpl_semi_sync_master_timeout=100)
    parameters = {"require_semi_sync": "true"} if is_required else {}
    node = setting.start("--request-timeout", "1s", **parameters)
    assert take(node, 10) == 10
    replica.stop()
    if not is_required:
        # The first one waits in vain.
        poll(lambda: node.ask("GET", "/next").status == 200, "ids come without a replica")
        poll(lambda: node.ask("GET", "/next") and "No replica answers" in node.log(), "the log warns")
        assert "No replica answers" in setting.run("doctor").stdout
        return
    for _ in range(3):
        assert node.ask("GET", "/next").status in (503, 504)
    poll(lambda: "no replica has acknowledged it" in node.log(), "the log says why")
    replica.start()
    assert poll(lambda: next_of(node), "ids come again", seconds=60) == setting.tables.value()


def test_semi_sync_that_is_required_and_off(mysql):
    done = mysql.run("next", require_semi_sync="true")
    assert (done.returncode, done.stdout) == (nextid.UNAVAILABLE, ""), done
    assert "has semi-synchronous replication turned off" in done.stderr
    assert "SET GLOBAL rpl_semi_sync_master_enabled = 1" in done.stderr


# ---- Asynchronous

def lose_ids(setting, replica, node, keep, lose, end=lambda: None):
    """`lose` ids after the first `keep` are on the primary only, when it dies."""
    assert take(node, keep) == keep
    replica.wait_until_caught_up(setting.server)
    replica.stop()
    assert take(node, lose) == keep + lose
    end()
    setting.server.kill()
    replica.start()
    replica.promote()
    lead_to(setting, replica)


@pytest.mark.not_accounted("the replica had not all")
@pytest.mark.parametrize("rests", [False, True])
def test_an_asynchronous_replica_that_lacks_ids_is_noticed_by_who_lives(pair, rests):
    setting, replica = pair(semi_sync=False)
    options = ["--idle-counter-timeout", "100ms"] if rests else []
    node = setting.start("--request-timeout", "2s", *options)
    lose_ids(setting, replica, node, keep=20, lose=30)
    poll(lambda: node.ask("GET", "/next").status == 500, "it is noticed", seconds=60)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt")
    assert "this node has issued ids up to 50" in answer.json()["detail"]
    assert "nextid recover" in answer.json()["detail"]
    # A counter that rested has no slot there: what is then reserved shows that ids are missing, and is burned.
    assert setting.tables.value() in ((20, 21) if rests else (20,))


@pytest.mark.not_accounted("the replica had not all")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_asynchronous_replica_that_lacks_ids_is_noticed_by_who_remembers(pair, end, tmp_path):
    setting, replica = pair(semi_sync=False)
    node = setting.start("--state-dir", tmp_path / "state")

    def end_node():
        if end == "kill":
            poll(lambda: remembered(tmp_path / "state") == [(50,)], "it is written")
        getattr(node, end)()

    lose_ids(setting, replica, node, keep=20, lose=30, end=end_node)
    node = setting.start("--state-dir", tmp_path / "state", wait=False)
    poll(lambda: "up to 50" in node.log(), "it is noticed")
    done = setting.run("next", "--state-dir", tmp_path / "state")
    assert (done.returncode, done.stdout) == (CORRUPT, ""), done


@pytest.mark.not_accounted("the replica had not all")
def test_a_new_node_is_told_that_the_server_is_another_one(pair):
    """It can't know more; who takes over decides."""
    setting, replica = pair(semi_sync=False)
    node = setting.start()
    lose_ids(setting, replica, node, keep=20, lose=30, end=node.stop)
    node = setting.start()
    assert "was last opened on another server" in node.log()
    assert "it may lack the last ids" in node.log()


@pytest.mark.not_accounted("the replica had not all")
def test_recover_after_an_asynchronous_failover(pair):
    setting, replica = pair(semi_sync=False)
    node = setting.start("--request-timeout", "2s")
    lose_ids(setting, replica, node, keep=20, lose=30)
    poll(lambda: node.ask("GET", "/next").status == 500, "it is noticed", seconds=60)
    node.stop()
    done = setting.run("recover", "--all", "--skip", "1000", "--yes")
    assert done.returncode == OK, done.stderr
    assert int(setting.run("next").stdout) > 1000


def test_a_replica_is_refused(pair):
    setting, replica = pair(semi_sync=True)
    assert setting.run("next").stdout == "1\n"
    replica.wait_until_caught_up(setting.server)
    done = setting.run("next", port=replica.port)
    assert (done.returncode, done.stdout) == (nextid.UNAVAILABLE, ""), done
    assert "read-only, as a replica is; let the URL name the primary" in done.stderr


# ---- Copies

@pytest.mark.not_accounted("the store is copied")
def test_a_dump_restored_elsewhere_is_a_copy(start_mysql):
    original = start_mysql()
    assert original.run("range", "100").returncode == OK
    dump = run(program("mariadb-dump"), "--no-defaults", "--host=127.0.0.1", f"--port={original.port}",
               "--user=root", "nextid")
    assert original.run("range", "100").stdout == "101 200\n"
    copy = start_mysql()
    copy.server.sql(dump)
    done = copy.run("next")
    assert (done.returncode, done.stdout) == (CORRUPT, ""), done
    assert "came out of a dump" in done.stderr
    assert "nextid recover --all --store 'mysql://nextid@127.0.0.1" in done.stderr
    node = copy.start(wait=False)
    assert node.wait() == CORRUPT
    assert copy.run("recover", "--all", "--skip", "1000", "--yes").returncode == OK
    assert int(copy.run("next").stdout) > 1100
    # The original goes on as before.
    assert original.run("next").stdout == "201\n"


@pytest.mark.not_accounted("the store is set back")
def test_a_dump_restored_in_its_place_is_noticed_by_who_lives_and_refused_to_others(start_mysql):
    setting = start_mysql()
    node = setting.start("--request-timeout", "1s")
    assert take(node, 100) == 100
    dump = run(program("mariadb-dump"), "--no-defaults", "--host=127.0.0.1", f"--port={setting.port}",
               "--user=root", "nextid")
    assert take(node, 100) == 200
    setting.server.sql(dump)
    poll(lambda: node.ask("GET", "/next").status == 500, "it is noticed", seconds=60)
    done = setting.run("next")
    assert (done.returncode, done.stdout) == (CORRUPT, ""), done
