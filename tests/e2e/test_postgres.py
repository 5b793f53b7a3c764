"""Ids from PostgreSQL: many clients on many nodes, nodes that are killed, and other programs beside them."""

import itertools
import random
import re
import subprocess
import threading
import time

import pytest

import nextid
from load import check, finish
from nextid import NOTHING_BURNED, WORK, poll

NODES = 4
CLIENTS = 32  # Of each node.
CACHED_CLIENTS = 8


def start_nodes(setting, count=NODES, **parameters):
    nodes = [setting.start("--request-timeout", "10s", wait=False, **parameters) for _ in range(count)]
    for node in nodes:
        node.wait_until_ready()
    return nodes


class KeyedClients:
    """A thread a node: each asks for ids with a key, and again for the same at the next node."""

    def __init__(self, nodes, counter="keyed"):
        self.ids = []
        self.problems = []
        self._counter = counter
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number, nodes))
                         for number in range(len(nodes))]
        for thread in self._threads:
            thread.start()

    def finish(self):
        self._enough.set()
        for thread in self._threads:
            thread.join()
        assert not self.problems, self.problems
        return self.ids

    def _run(self, number, nodes):
        others = itertools.cycle(nodes[number:] + nodes[:number])
        for turn in itertools.count():
            if self._enough.is_set() or self.problems:
                return
            answers = [self._ask(next(others), f"{number}-{turn}") for _ in range(2)]
            if answers[0] != answers[1]:
                self.problems.append(answers)
            self.ids.append(answers[0])

    def _ask(self, node, key):
        answer = node.ask("POST", f"/v1/counters/{self._counter}/next",
                          headers=[f"Idempotency-Key: {key}"])
        if answer.status != 200:
            self.problems.append(answer)
            return None
        return answer.json()["id"]


def test_next_and_range(any_postgres):
    node = any_postgres.start()
    assert node.next_id() == 1
    assert node.ask("GET", "/range?count=10").json() == {"start": 2, "end": 11, "count": 10}
    assert node.next_id("orders") == 1
    assert node.next_id() == 12
    assert node.value() == any_postgres.tables.value() == 12
    assert node.stop()["returned"] == 13
    assert any_postgres.tables.slots() == []


def test_four_nodes_give_ids_of_all_kinds_without_a_gap(any_postgres, start_load):
    """4 nodes with 32 clients each, strict, ranges, cached and with keys: exact to the last one."""
    assert any_postgres.run("define", "cached", "--cache", "100").returncode == nextid.OK
    nodes = start_nodes(any_postgres)
    strict = [start_load("http", "--url", node.url, "--clients", CLIENTS, "--ids", 20_000 * WORK)
              for node in nodes]
    cached = [start_load("http", "--url", node.url, "--clients", CACHED_CLIENTS, "--ids", 5_000 * WORK,
                         counter="cached") for node in nodes]
    keyed = KeyedClients(nodes)
    for client in [*strict, *cached]:
        print(finish(client))
    keyed_ids = keyed.finish()
    counts = [node.stop() for node in nodes]

    value = any_postgres.tables.value()
    done = check("--exact", value, "--no-gap", "--value", value, *(client.history for client in strict))
    assert done.returncode == 0, done.stdout
    assert sorted(keyed_ids) == list(range(1, len(keyed_ids) + 1))
    assert any_postgres.tables.value("keyed") == len(keyed_ids)
    values = sum(any_postgres.tables.value(counter) for counter in ("global", "cached", "keyed"))
    assert values == sum(count["returned"] + count["burned"] for count in counts)
    # Blocks of cached counters that were not used up are given back, or counted.
    assert all(count["deadline"] == count["disconnect"] == 0 for count in counts)
    assert any_postgres.tables.slots() == []


def test_nodes_that_share_many_counters_never_deadlock(postgres):
    """Each commit has ids of several, and locks their rows in one order."""
    nodes = start_nodes(postgres, attempt_timeout="20s")  # Long enough for a deadlock to be found.
    counters = [f"c{number:02}" for number in range(30)]
    rounds = 30

    def ask(node, seed):
        chance = random.Random(seed)
        with node.connect() as connection:
            for _ in range(rounds):
                asked = chance.sample(counters, len(counters))
                for counter in asked:
                    connection.request("GET", f"/next?counter={counter}")
                for _ in asked:
                    assert connection.answer().status == 200

    before = len(postgres.server.log())
    threads = [threading.Thread(target=ask, args=(node, seed)) for seed, node in enumerate(nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [postgres.tables.value(counter) for counter in counters] == [rounds * NODES] * len(counters)
    assert not re.findall("deadlock|lock timeout", postgres.server.log()[before:])


def test_kills_of_one_of_four_nodes(any_postgres, start_load, tmp_path):
    """kill -9, again and again: the others go on, no id comes twice, order holds."""
    enough = tmp_path / "enough"
    nodes = start_nodes(any_postgres)
    clients = [start_load("http", "--url", node.url, "--clients", CLIENTS, "--reconnect",
                          "--ids", 5_000, "--keep-going-until-file", enough) for node in nodes]
    kills = 6 * WORK
    for victim in itertools.islice(itertools.cycle(range(NODES)), kills):
        before = any_postgres.tables.value()
        poll(lambda: any_postgres.tables.value() > before + 2_000, "ids are served", seconds=60)
        nodes[victim].kill()
        others = [node for node in nodes if node is not nodes[victim]]
        ids = [node.next_id() for node in others]
        assert ids == sorted(set(ids))
        nodes[victim] = any_postgres.start("--request-timeout", "10s",
                                       http=f"127.0.0.1:{nodes[victim].port}")
    enough.touch()
    for client in clients:
        print(finish(client))
    burned = sum(node.stop()["burned"] for node in nodes)
    value = any_postgres.tables.value()
    histories = [client.history for client in clients]
    done = check("--max", value, *histories)
    assert done.returncode == 0, done.stdout
    # Missing may be only what somebody asked for and got no answer to, and this test's own ids.
    lost = [line.split() for history in histories for line in history.read_text().splitlines()
            if line.startswith("none ")]
    assert [words for words in lost if words[6] == "no-answer"], "no client noticed a kill"
    answered = int(re.search(r"(\d+) ids in", done.stdout).group(1))
    own = 3 * kills
    assert own <= value - answered <= own + sum(int(words[5]) for words in lost)
    assert value - answered >= burned
    # Their slots stay until they are idle: one of each that was killed.
    assert len(any_postgres.tables.slots()) <= kills


def test_tables_are_made_once_by_who_start_together(any_postgres):
    running = [subprocess.Popen([nextid.BINARY, "next", "--store", any_postgres.store()], text=True,
                                stdout=subprocess.PIPE, env=nextid.environment(any_postgres.env)) for _ in range(8)]
    ids = sorted(int(each.communicate(timeout=nextid.PATIENCE)[0]) for each in running)
    assert ids == list(range(1, 9))
    assert any_postgres.tables.sql("SELECT count(*) FROM nextid_store") == "1"
    assert any_postgres.tables.slots() == []


def test_tables_that_another_node_takes_long_to_make(postgres):
    """Longer than a node waits for a lock otherwise."""
    schema = f'"{postgres.tables.schema}"'
    with postgres.server.session() as another:
        another.sql(f"SELECT pg_advisory_lock(hashtextextended('nextid {schema}', 0))")
        node = postgres.start(wait=False)
        started = time.monotonic()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        poll(lambda: postgres.server.value(waits) == 1 and time.monotonic() > started + 1.5,
             "it waits for the other one")
    node.wait_until_ready()
    assert node.next_id() == 1


def test_the_sessions_of_a_killed_node_end(postgres):
    """With them, their locks."""
    node = postgres.start(application_name="killed")
    assert node.next_id() == 1
    assert postgres.sessions("killed") > 0
    node.kill()
    poll(lambda: postgres.sessions("killed") == 0, "its sessions end")


def test_a_node_gives_its_slots_back_and_leaves_no_session(postgres):
    node = postgres.start(application_name="stopped")
    assert node.next_id() == 1
    assert len(postgres.tables.slots()) == 1
    assert postgres.sessions("stopped") > 0
    assert node.stop() == {"returned": 1, **NOTHING_BURNED}
    assert postgres.tables.slots() == []
    poll(lambda: postgres.sessions("stopped") == 0, "its sessions end")


@pytest.mark.not_accounted("another program takes ids of the counter")
def test_another_program_takes_ids_at_the_same_time(postgres):
    """By the statement of docs/postgres.md."""
    nodes = start_nodes(postgres, 2)
    assert nodes[0].next_id() == 1
    taken, asked = [], []

    def take():
        with postgres.server.session(user="nextid") as session:
            session.sql(f"SET search_path = {postgres.tables.schema}")
            for _ in range(100):
                taken.append(int(session.sql(
                    "UPDATE nextid_counters SET value = value + 1 WHERE name = 'global' RETURNING value")))

    def ask(node):
        with node.connect() as connection:
            for _ in range(100):
                asked.append(connection.ask("GET", "/next").json()["id"])

    threads = [threading.Thread(target=take), threading.Thread(target=take),
               *(threading.Thread(target=ask, args=(node,)) for node in nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken + asked) == list(range(2, 402))
    assert postgres.tables.value() == 401
