"""Ids from etcd: many clients on many nodes, nodes and servers that are killed, other programs beside."""

import itertools
import json
import re

import pytest

import nextid
from etcd import etcdctl
from load import check, finish
from nextid import NOTHING_BURNED, OK, WORK, poll
from test_postgres import KeyedClients

NODES = 4
CLIENTS = 32  # Of each node.


def start_nodes(setting, count=NODES, **parameters):
    nodes = [setting.start("--request-timeout", "10s", wait=False, **parameters) for _ in range(count)]
    for node in nodes:
        node.wait_until_ready()
    return nodes


def next_of(node):
    answer = node.ask("GET", "/next")
    return answer.json()["id"] if answer.status == 200 else None


class Load:
    """Clients of some nodes, as long as a test has use for them."""

    def __init__(self, start_load, nodes, directory):
        self._enough = directory / "enough"
        self.clients = [start_load("http", "--url", node.url, "--clients", 16, "--reconnect",
                                   "--ids", 1, "--keep-going-until-file", self._enough)
                        for node in nodes]

    def end(self):
        self._enough.touch()
        return self.clients


def judge(clients, nodes, value):
    """All ids that nodes reserved were given once, or burned and counted."""
    for client in clients:
        print(finish(client))
    counts = [node.stop() for node in nodes]
    burned = sum(count["burned"] for count in counts)
    assert value() == burned + sum(count["returned"] for count in counts)
    done = check("--value", value(), "--burned", burned, *(client.history for client in clients))
    assert done.returncode == 0, done.stdout


def test_next_and_range(etcd):
    node = etcd.start()
    assert node.next_id() == 1
    assert node.ask("GET", "/range?count=10").json() == {"start": 2, "end": 11, "count": 10}
    assert node.next_id("orders") == 1
    assert node.next_id() == 12
    assert node.value() == etcd.keys.value() == 12
    assert node.stop()["returned"] == 13
    assert etcd.keys.slots() == []


def test_four_nodes_give_ids_of_all_kinds_without_a_gap(etcd, start_load):
    """4 nodes with 32 clients each, strict, cached and with keys: exact to the last one."""
    assert etcd.run("define", "cached", "--cache", "1000").returncode == OK
    nodes = start_nodes(etcd)
    strict = [start_load("http", "--url", node.url, "--clients", CLIENTS, "--ids", 5_000 * WORK)
              for node in nodes]
    cached = [start_load("http", "--url", node.url, "--clients", 8, "--ids", 5_000 * WORK,
                         counter="cached") for node in nodes]
    keyed = KeyedClients(nodes)
    for client in [*strict, *cached]:
        print(finish(client))
    keyed_ids = keyed.finish()
    counts = [node.stop() for node in nodes]

    value = etcd.keys.value()
    done = check("--exact", value, "--no-gap", "--value", value, *(client.history for client in strict))
    assert done.returncode == 0, done.stdout
    assert sorted(keyed_ids) == list(range(1, len(keyed_ids) + 1))
    assert etcd.keys.value("keyed") == len(keyed_ids)
    values = sum(etcd.keys.value(counter) for counter in ("global", "cached", "keyed"))
    assert values == sum(count["returned"] + count["burned"] for count in counts)
    assert all(count["deadline"] == count["disconnect"] == 0 for count in counts)
    assert etcd.keys.slots() == []


def test_kills_of_one_of_four_nodes(etcd, start_load, tmp_path):
    """kill -9, again and again: the others go on, no id comes twice, order holds."""
    enough = tmp_path / "enough"
    nodes = start_nodes(etcd)
    clients = [start_load("http", "--url", node.url, "--clients", CLIENTS, "--reconnect",
                          "--ids", 5_000, "--keep-going-until-file", enough) for node in nodes]
    kills = 6 * WORK
    for victim in itertools.islice(itertools.cycle(range(NODES)), kills):
        before = etcd.keys.value()
        poll(lambda: etcd.keys.value() > before + 500, "ids are served", seconds=60)
        nodes[victim].kill()
        others = [node for node in nodes if node is not nodes[victim]]
        ids = [node.next_id() for node in others]
        assert ids == sorted(set(ids))
        nodes[victim] = etcd.start("--request-timeout", "10s",
                                   http=f"127.0.0.1:{nodes[victim].port}")
    enough.touch()
    for client in clients:
        print(finish(client))
    burned = sum(node.stop()["burned"] for node in nodes)
    value = etcd.keys.value()
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
    assert len(etcd.keys.slots()) <= kills


def test_kills_of_etcd(start_etcd, start_load, tmp_path):
    """As it is installed, so that it syncs: what was given out is there again, and ids go on."""
    setting = start_etcd()
    nodes = start_nodes(setting, 2)
    load = Load(start_load, nodes, tmp_path)
    for _ in range(3 * WORK):
        before = setting.keys.value()
        poll(lambda: setting.keys.value() > before + 200, "ids are served", seconds=60)
        setting.server.kill()
        setting.server.start()
    judge(load.end(), nodes, setting.keys.value)


def test_a_restart_of_etcd_costs_no_id(start_etcd):
    setting = start_etcd()
    node = setting.start()
    assert node.next_id() == 1
    for last in (1, 3):
        setting.server.restart()
        assert poll(lambda: next_of(node), "ids come again") == last + 1
        assert node.next_id() == last + 2
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}


def test_an_etcd_that_hangs_is_given_up_within_the_limit(start_etcd):
    setting = start_etcd()
    node = setting.start("--request-timeout", "2s", attempt_timeout="500ms")
    assert node.next_id() == 1
    setting.server.pause()
    try:
        assert node.ask("GET", "/next").status in (503, 504)
        poll(lambda: node.ask("GET", "/readyz").status == 503, "it is not ready")
    finally:
        setting.server.resume()
    following = poll(lambda: next_of(node), "ids come again")
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == following == setting.keys.value()


def test_a_counter_is_shared_with_etcdctl(etcd, etcd_server):
    """The other program moves the value by a transaction; no id is given twice."""
    node = etcd.start()
    assert node.next_id("orders") == 1
    key = f"{etcd.keys.prefix}/c/orders"
    etcd.keys.changed = True
    found = json.loads(etcdctl([etcd_server.endpoint], "get", key, "-w", "json"))["kvs"][0]
    text = etcd.keys.entries("c/")["orders"].replace('"value":"1"', '"value":"101"')
    put = etcdctl([etcd_server.endpoint], "txn",
                  text_in=f'mod("{key}") = "{found["mod_revision"]}"\n\nput {key} {json.dumps(text)}\n\n\n')
    assert put.startswith("SUCCESS"), put
    assert node.next_id("orders") == 102


def test_doctor_and_metrics_tell_of_etcd(etcd):
    assert etcd.run("next").returncode == OK
    done = etcd.run("doctor", "--http", "127.0.0.1:0")
    assert "etcd 3." in done.stdout
    assert "with 1 member answers" in done.stdout
    assert "that its quota allows" in done.stdout
    assert "--auto-compaction-retention=1h" in done.stdout
    assert "unsafe-no-fsync" in done.stdout
    node = etcd.start()
    metrics = node.ask("GET", "/metrics").body.decode()
    for name in ("nextid_etcd_db_size_bytes", "nextid_etcd_quota_bytes", "nextid_etcd_revision"):
        assert f"\n{name} " in metrics
    poll(lambda: "unsafe-no-fsync" in node.log(), "it is told in the log")


def test_idle_nodes_write_nothing(etcd):
    """/readyz proves that etcd takes writes, and makes no revision."""
    def revision():
        return int(etcd.keys.call("/v3/kv/range", key="AA==")["header"]["revision"])

    node = etcd.start()
    assert node.next_id() == 1
    before = revision()
    assert node.ask("GET", "/readyz").status == 200
    assert etcd.run("counters").returncode == OK
    assert revision() == before


def test_compaction_does_not_matter(etcd):
    node = etcd.start()
    for last in range(1, 6):
        assert node.next_id() == last
        header = etcd.keys.call("/v3/kv/range", key="AA==")["header"]
        etcd.keys.call("/v3/kv/compaction", revision=header["revision"], physical=True)
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}


@pytest.mark.not_accounted("the store is deleted")
def test_a_store_that_is_deleted_while_in_use(etcd, etcd_server):
    node = etcd.start("--request-timeout", "2s")
    assert node.next_id() == 1
    etcdctl([etcd_server.endpoint], "del", "--prefix", f"{etcd.keys.prefix}/")
    answer = node.ask("GET", "/next")
    assert nextid.is_problem(answer, 500, "corrupt"), answer
    assert "deleted while it was in use" in answer.json()["detail"]
    assert "nextid recover --all" in answer.json()["detail"]
    assert etcd.keys.entries("") == {}
