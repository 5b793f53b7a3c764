"""MySQL or MariaDB that goes wrong: connections that break at any point of a commit, sessions that are
killed, a server that restarts, is killed or full, and what others lock."""

import re
import tempfile
import threading
import time
from pathlib import Path

import pytest

import nextid
from load import check, finish
from nextid import NOTHING_BURNED, WORK, is_problem, poll
from mysql_setting import reserves
from private_server import ServerError
from tcp_proxy import AFTER, BEFORE, CLIENT, CUT, DELAY, HALF, HOLD, HOLD_ANSWERS, SERVER
from torture.place import Disk

# Of nodes whose server goes silent.
ATTEMPT_MS = 300

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
    return message.type == "0"  # OK, to a statement without rows.


def breaks(proxy, how, of=reserves):
    side, action, at = BREAKS[how]
    return proxy.on(side, of if side == CLIENT else is_answer, action, at=at)


@pytest.mark.parametrize("how", BREAKS)
def test_a_connection_that_breaks_in_a_commit_goes_unnoticed(faulty_mysql, how):
    """The next id is the next number, and the store knows no other."""
    node = faulty_mysql.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    for last in (2, 4):
        rule = breaks(faulty_mysql.proxy, how)
        assert node.next_id() == last
        rule.wait()
        rule.release()  # What was held arrives after all.
        assert node.next_id() == last + 1
        assert faulty_mysql.tables.value() == last + 1
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}
    assert faulty_mysql.tables.slots() == 0


def test_an_id_is_one_message(faulty_mysql):
    node = faulty_mysql.start()
    assert node.next_id() == 1
    sent = []
    # A rule that never applies: append() returns nothing.
    faulty_mysql.proxy.on(CLIENT, lambda message: message.type == "query" and sent.append(message.sql), CUT)
    for number in range(2, 22):
        assert node.next_id() == number
    of_ids = [sql for sql in sent if not sql.startswith("SHOW")]  # It looks at the server now and then.
    assert len(of_ids) == 20
    assert all(sql.startswith("UPDATE ") and "; " not in sql for sql in of_ids), of_ids


def test_a_late_copy_of_a_commit_changes_nothing(faulty_mysql):
    """It arrives when its repeat was answered long ago."""
    node = faulty_mysql.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    rule = faulty_mysql.proxy.on(CLIENT, reserves, HOLD)
    assert [node.next_id() for _ in range(3)] == [2, 3, 4]
    rule.release()
    for last in range(5, 50):
        assert node.next_id() == last
    assert faulty_mysql.tables.value() == last


@pytest.mark.parametrize("how", ["before the commit", "when it has arrived", "silence when it has arrived"])
def test_the_first_use_of_a_counter_under_faults(faulty_mysql, how):
    node = faulty_mysql.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    rule = breaks(faulty_mysql.proxy, how,
                  of=lambda message: "INSERT INTO" in message.sql)
    assert node.next_id("orders") == 1
    rule.wait()
    assert node.next_id("orders") == 2
    assert faulty_mysql.tables.value("orders") == 2


@pytest.mark.parametrize("how", ["before the commit", "when it has arrived"])
def test_slots_are_released_under_faults(faulty_mysql, how):
    node = faulty_mysql.start(attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    rule = breaks(faulty_mysql.proxy, how, of=lambda message: "COMMIT" in message.sql)
    assert node.stop() == {"returned": 1, **NOTHING_BURNED}
    rule.wait()
    assert faulty_mysql.tables.slots() == 0


def test_ids_of_a_slow_commit_are_counted(faulty_mysql):
    """Its clients gave up; the ids went to nobody, and the closing line says so (I5)."""
    node = faulty_mysql.start("--request-timeout", "300ms", attempt_timeout="5s")
    assert node.next_id() == 1
    faulty_mysql.proxy.on(SERVER, is_answer, DELAY, seconds=1.0)
    assert is_problem(node.ask("GET", "/range?count=10"), 504, "deadline")
    counts = node.stop()
    assert counts["deadline"] >= 10
    assert counts["returned"] + counts["burned"] == faulty_mysql.tables.value()


@pytest.mark.parametrize("how", ["go_down", "hang"])
def test_away_for_a_while(faulty_mysql, how):
    node = faulty_mysql.start("--request-timeout", "1s", attempt_timeout=f"{ATTEMPT_MS}ms")
    assert node.next_id() == 1
    getattr(faulty_mysql.proxy, how)()
    answer = node.ask("GET", "/next")
    assert answer.status in (503, 504), answer
    poll(lambda: node.ask("GET", "/readyz").status == 503, "it is not ready")
    faulty_mysql.proxy.heal()
    poll(lambda: node.ask("GET", "/readyz").status == 200, "it is ready again")
    assert poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")


def test_connections_that_were_closed_while_idle_go_unnoticed(faulty_mysql):
    node = faulty_mysql.start()
    for number in range(1, 11):
        assert node.next_id() == number
        faulty_mysql.proxy.cut()
    assert node.stop() == {"returned": 10, **NOTHING_BURNED}


# ---- What happens in the middle of load

def kill(server, words, session):
    """False if it has ended already."""
    try:
        server.sql(f"{words} {session}")
        return True
    except ServerError:
        return False


def test_all_kinds_of_ends_together(start_mysql, start_load):
    """Sessions and statements are killed by others, and the server restarts and is killed: exact
    to the last id all the same."""
    setting = start_mysql()
    server = setting.server
    nodes = [setting.start("--request-timeout", "5s") for _ in range(2)]
    clients = [start_load("http", "--url", node.url, "--clients", 16, "--reconnect",
                          "--ids", 15_000 * WORK, "--seconds", 10 * WORK) for node in nodes]
    done = dict.fromkeys(["connections", "statements", "restarts", "kills"], 0)
    while any(client.poll() is None for client in clients):
        for _ in range(5):
            for what, words in (("connections", "KILL"), ("statements", "KILL QUERY")):
                for session in setting.session_ids():
                    done[what] += kill(server, words, session)
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


def test_a_server_that_shuts_down_and_comes_back(start_mysql):
    setting = start_mysql()
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
def small_disk():
    """In a folder that the server's user can reach."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        disk = Disk(Path(place) / "disk", size_mb=192)
        yield disk
        disk.remove()


def test_a_full_disk(small_disk, start_mysql):
    """Ids are refused, none is lost, and they go on when there is room."""
    if not small_disk.mounted:
        pytest.skip("not run: this process may not mount a file system of its own")
    setting = start_mysql(folder=small_disk.path / "server", settings={"innodb_log_file_size": "8M"})
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    small_disk.fill()
    poll(lambda: takes_much(node).status in (503, 504), "the disk is full", seconds=60)
    poll(lambda: "error 1114" in node.log() and "free space on the server's disk" in node.log(),
         "the log says why")
    small_disk.empty()
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

def test_a_lock_of_an_outsider_holds_up_its_own_counter_only(mysql):
    node = mysql.start("--request-timeout", "1s")
    assert node.next_id("held") == 1
    assert node.next_id("free") == 1
    with mysql.server.session() as outsider:
        outsider.sql("START TRANSACTION;"
                     f" SELECT value FROM {mysql.tables.table()} WHERE name = 'held' FOR UPDATE")
        waiting = [threading.Thread(target=node.ask, args=("GET", "/next?counter=held"))
                   for _ in range(8)]
        for thread in waiting:
            thread.start()
        slowest_s = 0
        for number in range(2, 102):
            started = time.monotonic()
            assert node.next_id("free") == number
            slowest_s = max(slowest_s, time.monotonic() - started)
        assert slowest_s < 1, "a counter that nobody holds waits"
        answer = node.ask("GET", "/next?counter=held")
        assert answer.status in (503, 504), answer
        for thread in waiting:
            thread.join()
        outsider.sql("ROLLBACK")
    following = poll(lambda: good(node.ask("GET", "/next?counter=held")), "ids come again").json()["id"]
    assert following == mysql.tables.value("held")


def test_a_lock_of_an_outsider_is_named(mysql):
    node = mysql.start("--request-timeout", "5s")
    assert node.next_id() == 1
    with mysql.server.session() as outsider:
        outsider.sql(f"START TRANSACTION; SELECT value FROM {mysql.tables.table()} FOR UPDATE")
        assert node.ask("GET", "/next").status in (503, 504)
        poll(lambda: "another transaction holds the row" in node.log(), "the log says why")


def test_a_long_transaction_of_an_outsider(mysql):
    """It keeps all versions of the row; ids come all the same, and not much slower."""
    node = mysql.start()
    with mysql.server.session() as outsider:
        outsider.sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        for last in range(1, 2_001):
            assert node.next_id() == last
        started = time.monotonic()
        for last in range(2_001, 2_101):
            assert node.next_id() == last
        assert time.monotonic() - started < 10
    assert mysql.tables.value() == last


def test_the_limit_of_connections(start_mysql):
    """A node that has lost its connections, and finds others in their place, goes on when they leave."""
    setting = start_mysql()
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    limit = "ALTER USER nextid@'127.0.0.1' WITH MAX_USER_CONNECTIONS"
    setting.server.sql(f"{limit} 1")
    for session in setting.session_ids():
        kill(setting.server, "KILL", session)
    with setting.server.session(user="nextid"):
        answer = node.ask("GET", "/next")
        assert answer.status in (429, 503, 504), answer
        poll(lambda: re.search("max_user_connections.*max_connections", node.log()), "the log says why")
    setting.server.sql(f"{limit} 0")
    answer = poll(lambda: good(node.ask("GET", "/next")), "ids come again")
    assert answer.json()["id"] == setting.tables.value()


@pytest.mark.not_accounted("the test drops the tables")
def test_tables_that_are_dropped_under_a_node_are_noticed(mysql):
    node = mysql.start()
    assert node.next_id() == 1
    mysql.tables.sql("DROP TABLE {counters}, {idempotency}, {store}")
    poll(lambda: node.ask("GET", "/next").status == 500, "it is refused")
    assert mysql.run("next").returncode == nextid.OK  # They are made anew,
    assert node.ask("GET", "/next").status == 500        # and are others.
    assert "nextid recover" in node.log()
