"""PostgreSQL that goes wrong: connections that break at any point of a commit, sessions that are ended, a
server that restarts, is killed or full, and what others lock."""

import contextlib
import itertools
import json
import os
import random
import re
import threading
import time

import pytest

import nextid
from load import check, finish
from nextid import NOTHING_BURNED, WORK, is_problem, poll
from postgres import PgBouncer, tool
from postgres_setting import WithoutSlotCondition, reserves
from private_server import run
from prometheus_text import metrics_of
from tcp_proxy import AFTER, BEFORE, CLIENT, CUT, DELAY, HALF, HOLD, HOLD_ANSWERS, SERVER, Rule
from torture.place import Disk

# Of nodes whose server goes silent.
ATTEMPT_MS = 300

SEED = int(os.environ.get("NEXTID_TEST_SEED", 20261130))

# Where a commit breaks: the side that speaks, what happens, and how much passes before.
BREAKS = {
    "before the commit": (CLIENT, CUT, BEFORE),
    "in the middle of it": (CLIENT, CUT, HALF),
    "when it has arrived": (CLIENT, CUT, AFTER),
    "before its answer": (SERVER, CUT, BEFORE),
    "in the middle of the answer": (SERVER, CUT, HALF),
    "after the answer, before its end": (SERVER, CUT, AFTER),
    "silence before the commit": (CLIENT, HOLD, BEFORE),
    "silence in the middle of it": (CLIENT, HOLD, HALF),
    "silence when it has arrived": (CLIENT, HOLD_ANSWERS, AFTER),
    "silence in the middle of the answer": (SERVER, HOLD, HALF),
}


def is_answer(message):
    return message.type == "C" and b"UPDATE" in message.raw


def breaks(proxy, how, of=reserves):
    side, action, at = BREAKS[how]
    return proxy.on(side, of if side == CLIENT else is_answer, action, at=at)


@pytest.mark.parametrize("how", BREAKS)
def test_a_connection_that_breaks_in_a_commit_goes_unnoticed(faulty_postgres, how):
    """The next id is the next number, and the store knows no other."""
    node = faulty_postgres.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    for last in (2, 4):
        rule = breaks(faulty_postgres.proxy, how)
        assert node.next_id() == last
        rule.wait()
        rule.release()  # What was held arrives after all.
        assert node.next_id() == last + 1
        assert faulty_postgres.tables.value() == last + 1
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}
    assert faulty_postgres.tables.slots() == []


def test_a_late_copy_of_a_commit_changes_nothing(faulty_postgres):
    """It arrives when its repeat was answered long ago."""
    node = faulty_postgres.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    rule = faulty_postgres.proxy.on(CLIENT, reserves, HOLD)
    assert [node.next_id() for _ in range(3)] == [2, 3, 4]
    rule.release()
    for last in range(5, 50):
        assert node.next_id() == last
    assert faulty_postgres.tables.value() == last


@pytest.mark.parametrize("how", ["before the commit", "when it has arrived", "silence when it has arrived"])
def test_the_first_use_of_a_counter_under_faults(faulty_postgres, how):
    node = faulty_postgres.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    rule = breaks(faulty_postgres.proxy, how,
                  of=lambda message: message.type in ("S", "Q") and "INSERT" in message.sql)
    assert node.next_id("orders") == 1
    rule.wait()
    assert node.next_id("orders") == 2
    assert faulty_postgres.tables.value("orders") == 2


@pytest.mark.parametrize("how", ["before the commit", "when it has arrived"])
def test_slots_are_released_under_faults(faulty_postgres, how):
    node = faulty_postgres.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    rule = breaks(faulty_postgres.proxy, how, of=lambda message: message.type in ("S", "Q") and
                  "slots - $4" in message.sql)
    assert node.stop() == {"returned": 1, **NOTHING_BURNED}
    rule.wait()
    assert faulty_postgres.tables.slots() == []


def test_ids_of_a_slow_commit_are_counted(faulty_postgres):
    """Its clients gave up; the ids went to nobody, and the closing line says so (I5)."""
    node = faulty_postgres.start("--request-timeout", "300ms", attempt_timeout="5s")
    assert node.next_id() == 1
    faulty_postgres.proxy.on(SERVER, is_answer, DELAY, seconds=1.0)
    assert is_problem(node.ask("GET", "/range?count=10"), 504, "deadline")
    counts = node.stop()
    assert counts["deadline"] >= 10
    assert counts["returned"] + counts["burned"] == faulty_postgres.tables.value()


@pytest.mark.parametrize("how", ["go_down", "hang"])
def test_away_for_a_while(faulty_postgres, how):
    node = faulty_postgres.start("--request-timeout", "1s", attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    getattr(faulty_postgres.proxy, how)()
    answer = node.ask("GET", "/next")
    assert answer.status in (503, 504), answer
    poll(lambda: node.ask("GET", "/readyz").status == 503, "it is not ready")
    faulty_postgres.proxy.heal()
    poll(lambda: node.ask("GET", "/readyz").status == 200, "it is ready again")
    assert poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")


def test_connections_that_were_closed_while_idle_go_unnoticed(faulty_postgres):
    node = faulty_postgres.start()
    for number in range(1, 11):
        assert node.next_id() == number
        faulty_postgres.proxy.cut()
    assert node.stop() == {"returned": 10, **NOTHING_BURNED}


@pytest.mark.not_accounted("ids are lost without exactly-once, as the test shows")
def test_the_faults_bite(faulty_postgres):
    """Without the slot in the condition a repeat adds again."""
    strip = faulty_postgres.proxy.rewrite = WithoutSlotCondition()
    node = faulty_postgres.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    assert strip.stripped > 0, "no condition was taken out: has its form changed?"
    assert node.next_id() == 2  # The taking out alone does no harm.
    breaks(faulty_postgres.proxy, "before its answer")
    node.ask("GET", "/next")
    counts = node.stop()
    assert faulty_postgres.tables.value() > counts["returned"] + counts["burned"]


# ---- What happens in the middle of load

class Chances:
    """Faults by chance, from a seed: of commits and their answers often, of anything else now and then."""

    OFTEN, SELDOM = 0.1, 0.002

    def __init__(self, seed):
        self.injected = dict.fromkeys([*BREAKS, "delay", "anything"], 0)
        self._random = random.Random(seed)
        self._kinds = {side: self._cycle(side) for side in (CLIENT, SERVER)}

    def _cycle(self, side):
        """Each as often as the others."""
        kinds = [kind for kind, (its_side, _, _) in BREAKS.items() if its_side == side] + ["delay"]
        self._random.shuffle(kinds)
        return itertools.cycle(kinds)

    def __call__(self, message):
        is_commit = reserves(message)
        if not is_commit and not is_answer(message):
            return self._anything(message)
        if self._random.random() >= self.OFTEN:
            return None
        kind = next(self._kinds[message.side])
        self.injected[kind] += 1
        if kind == "delay":
            return Rule(message.side, None, DELAY, seconds=self._random.uniform(0, 1))
        side, action, at = BREAKS[kind]
        return Rule(side, None, action, at=at)

    def _anything(self, message):
        if self._random.random() >= self.SELDOM:
            return None
        self.injected["anything"] += 1
        return Rule(message.side, None, CUT, at=self._random.choice([BEFORE, HALF, AFTER]))


@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "PgBouncer"])
def test_all_faults_together(faulty_postgres, start_load, is_pooled, capsys):
    """4 nodes with 32 clients each: exact to the last id."""
    proxy, server = faulty_postgres.proxy, faulty_postgres.server
    with contextlib.ExitStack() as stack:
        if is_pooled:
            bouncer = stack.enter_context(PgBouncer(server, settings={"default_pool_size": 40}))
            proxy.target_port = bouncer.port
        nodes = [faulty_postgres.start("--request-timeout", "800ms", attempt_timeout=f"{ATTEMPT_MS}ms")
                 for _ in range(4)]
        chances = proxy.schedule = Chances(SEED)
        clients = [start_load("http", "--url", node.url, "--clients", 32, "--reconnect",
                              "--ids", 5_000 * WORK, "--seconds", 10 * WORK) for node in nodes]
        for client in clients:
            print(finish(client))
        # Their last ops, and the release of their slots, are disturbed too.
        counts = [node.stop() for node in nodes]
        proxy.heal()
    print(chances.injected, counts)
    value = faulty_postgres.tables.value()
    burned = sum(count["burned"] for count in counts)
    assert value == burned + sum(count["returned"] for count in counts)
    done = check("--value", value, "--burned", burned, *(client.history for client in clients))
    assert done.returncode == 0, done.stdout
    assert min(chances.injected.values()) > 0, chances.injected
    assert faulty_postgres.tables.slots() == []
    with capsys.disabled():
        print(f"\n  {value} ids, {burned} of them burned; {sum(chances.injected.values())} faults;"
              f" seed {SEED}", end="")


def test_all_kinds_of_ends_together(start_postgres, start_load):
    """Sessions are ended and statements cancelled by others, and the server restarts and is killed: exact
    to the last id all the same."""
    setting = start_postgres()
    server = setting.server
    nodes = [setting.start("--request-timeout", "5s") for _ in range(2)]
    clients = [start_load("http", "--url", node.url, "--clients", 16, "--reconnect",
                          "--ids", 15_000 * WORK, "--seconds", 10 * WORK) for node in nodes]
    done = dict.fromkeys(["terminated", "cancelled", "restarts", "kills"], 0)
    of_nodes = "FROM pg_stat_activity WHERE usename = 'nextid'"
    while any(client.poll() is None for client in clients):
        for _ in range(5):
            done["terminated"] += server.value(f"SELECT count(pg_terminate_backend(pid)) {of_nodes}")
            done["cancelled"] += server.value(f"SELECT count(pg_cancel_backend(pid)) {of_nodes}")
        if done["kills"] == done["restarts"]:
            server.restart()
            done["restarts"] += 1
        else:
            server.kill()
            server.start()
            done["kills"] += 1
    for client in clients:
        print(finish(client))
    counts = [node.stop() for node in nodes]
    print(done, counts)
    assert min(done.values()) >= 1, done
    value = setting.tables.value()
    burned = sum(count["burned"] for count in counts)
    assert value == burned + sum(count["returned"] for count in counts)
    checked = check("--value", value, "--burned", burned, *(client.history for client in clients))
    assert checked.returncode == 0, checked.stdout


def test_a_server_that_shuts_down_and_comes_back(start_postgres):
    setting = start_postgres()
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    setting.server.stop()
    assert node.ask("GET", "/next").status in (503, 504)
    poll(lambda: node.ask("GET", "/readyz").status == 503, "it is not ready")
    setting.server.start()
    poll(lambda: node.ask("GET", "/readyz").status == 200, "it is ready again")
    following = node.next_id()
    assert following > 1
    assert setting.tables.value() == following


@pytest.fixture
def disk(tmp_path_factory):
    """A small one, which the server's user can reach."""
    place = tmp_path_factory.mktemp("disk")
    for folder in [place, *place.parents][:3]:
        folder.chmod(0o711)
    made = Disk(place / "disk", size_mb=192)
    if not made.mounted:
        pytest.skip("not run: this process may not mount a file system of its own")
    yield made
    made.remove()


def test_a_full_disk(disk, start_postgres):
    """Ids are refused, none is lost, and they go on when there is room."""
    setting = start_postgres(folder=disk.path / "server",
                             settings={"max_wal_size": "64MB", "min_wal_size": "32MB"})
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    disk.fill()
    poll(lambda: takes_much(node).status in (503, 504), "the disk is full", seconds=60)
    assert "No space left on device" in node.log()
    assert "make room on the server's disk" in node.log()
    disk.empty()
    if not setting.server.is_running():
        setting.server.start()
    answer = poll(lambda: good(node.ask("GET", "/next")), "ids come again", seconds=60)
    assert answer.json()["id"] == setting.tables.value()


def takes_much(node):
    """A request that needs room on the disk: for a counter that nobody has used."""
    return node.ask("GET", f"/next?counter=c{time.monotonic_ns()}")


def good(answer):
    return answer if answer.status == 200 else None


# ---- What others do there

def test_a_lock_of_an_outsider_holds_up_its_own_counter_only(postgres):
    node = postgres.start("--request-timeout", "1s")
    assert node.next_id("held") == 1
    assert node.next_id("free") == 1
    with postgres.server.session() as outsider:
        outsider.sql(f"SET search_path = {postgres.tables.schema}; BEGIN;"
                     " SELECT value FROM nextid_counters WHERE name = 'held' FOR UPDATE")
        waiting = [threading.Thread(target=node.ask, args=("GET", "/next?counter=held"))
                   for _ in range(8)]
        for thread in waiting:
            thread.start()
        started = time.monotonic()
        for number in range(2, 102):
            assert node.next_id("free") == number
        # A wait for the lock takes half a second.
        assert time.monotonic() - started < 20, "a counter that nobody holds waits"
        answer = node.ask("GET", "/next?counter=held")
        assert answer.status in (503, 504), answer
        for thread in waiting:
            thread.join()
        outsider.sql("ROLLBACK")
    following = poll(lambda: good(node.ask("GET", "/next?counter=held")), "ids come again").json()["id"]
    assert following == postgres.tables.value("held")


def define(node, counter, **fields):
    return node.ask("PUT", f"/v1/counters/{counter}", body=json.dumps(fields).encode())


def test_a_change_that_fails_leaves_no_transaction_open(postgres):
    """It looks at the row, and then writes it; what comes after it on its connection is another's."""
    node = postgres.start("--request-timeout", "1s")
    assert node.next_id("held") == 1
    with postgres.server.session() as outsider:
        outsider.sql(f"SET search_path = {postgres.tables.schema}; BEGIN;"
                     " SELECT value FROM nextid_counters WHERE name = 'held' FOR UPDATE")
        for number in range(1, 5):
            answer = define(node, "held", comment=f"no {number}")
            assert answer.status in (503, 504), answer
            assert node.next_id("free") == number
        outsider.sql("ROLLBACK")
    node.kill()
    assert postgres.tables.value("free") == 4
    open_transactions = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    poll(lambda: postgres.server.value(open_transactions) == 0, "no transaction stays open")
    node = postgres.start()
    assert define(node, "held", comment="yes").status == 200
    assert node.next_id("held") > 1


def test_a_lock_of_an_outsider_is_named(postgres):
    node = postgres.start("--request-timeout", "5s")
    assert node.next_id() == 1
    with postgres.server.session() as outsider:
        outsider.sql(f"SET search_path = {postgres.tables.schema}; BEGIN;"
                     " SELECT value FROM nextid_counters FOR UPDATE")
        assert node.ask("GET", "/next").status in (503, 504)
        poll(lambda: "another program holds a lock" in node.log(), "the log says why")


def test_a_long_transaction_of_an_outsider(postgres):
    """It keeps all versions of the row; ids come all the same, and not much slower."""
    node = postgres.start()
    with postgres.server.session() as outsider:
        outsider.sql(f"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM pg_class")
        for last in range(1, 2_001):
            assert node.next_id() == last
        started = time.monotonic()
        for last in range(2_001, 2_101):
            assert node.next_id() == last
        assert time.monotonic() - started < 10
    assert postgres.tables.value() == last


def test_the_limit_of_connections(start_postgres):
    """A node that has lost its connections, and finds others in their place, goes on when they leave."""
    setting = start_postgres()
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    setting.server.sql("ALTER ROLE nextid CONNECTION LIMIT 0")
    setting.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nextid'")
    answer = node.ask("GET", "/next")
    assert answer.status in (429, 503), answer
    poll(lambda: re.search("too many connections.*CONNECTION LIMIT", node.log()), "the log says why")
    setting.server.sql("ALTER ROLE nextid CONNECTION LIMIT -1")
    answer = poll(lambda: good(node.ask("GET", "/next")), "ids come again")
    assert answer.json()["id"] == setting.tables.value()


@pytest.mark.not_accounted("the test drops the tables")
def test_tables_that_are_dropped_under_a_node_are_noticed(postgres):
    node = postgres.start()
    assert node.next_id() == 1
    schema = postgres.tables.schema
    postgres.server.sql(f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema} AUTHORIZATION nextid")
    poll(lambda: node.ask("GET", "/next").status == 500, "it is refused")
    assert postgres.run("next").returncode == nextid.OK  # They are made anew,
    assert node.ask("GET", "/next").status == 500        # and are others.
    assert "nextid recover" in node.log()


def test_a_database_that_must_be_vacuumed_soon_serves_ids(start_postgres):
    """It warns with each write, which is no word about the commit: else each would be in doubt."""
    setting = start_postgres()
    server = setting.server
    # A table that no vacuum gets through, or the server's own would end the warnings soon.
    broken = server.data / server.sql("CREATE TABLE broken AS SELECT 1 AS column;"
                                      "SELECT pg_relation_filepath('broken')")
    near_the_end = 2**31 - 20_000_000  # Warnings begin 40,000,000 before the last one.
    server.stop()
    broken.write_bytes(b"\xff" * 8192)
    # A file of the commit log has the states of so many transactions, two bits each.
    log_file = server.data / "pg_xact" / f"{near_the_end // 2**20:04X}"
    log_file.write_bytes(bytes(2**20 // 4))
    owner = server.data.stat()
    os.chown(log_file, owner.st_uid, owner.st_gid)
    run(tool("pg_resetwal"), "--next-transaction-id", near_the_end, "-D", server.data, user=True)
    server.start()
    node = setting.start("--resp", "127.0.0.1:0")
    before = server.log().count("must be vacuumed within")
    for last in range(1, 11):
        assert node.next_id() == last
    assert server.log().count("must be vacuumed within") - before >= 10
    assert metrics_of(node).get("nextid_store_calls_total", call="reserve", result="in_doubt") == 0
