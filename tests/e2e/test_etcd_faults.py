"""Connections to etcd that break or hang at a transaction: each id comes once, and all are accounted for."""

import pytest

from etcd_setting import EtcdSetting
from nextid import NOTHING_BURNED, poll
from tcp_proxy import AFTER, BEFORE, CLIENT, CUT, DELAY, HALF, HOLD, HOLD_ANSWERS, SERVER, TcpProxy
from test_etcd import Load, judge, next_of, start_nodes

ATTEMPT = {"attempt_timeout": "500ms"}


@pytest.fixture
def proxy(etcd_server, ledger):
    with TcpProxy(etcd_server.port) as running:
        ledger.before_end.append(running.heal)
        yield running


@pytest.fixture
def faulty(etcd, proxy, start_server):
    """Nodes behind the proxy."""
    return EtcdSetting(etcd.keys, start_server, [f"127.0.0.1:{proxy.port}"])


def writes(message):
    """A transaction that moves a counter."""
    return b"POST /v3/kv/txn" in message.raw and b"request_put" in message.raw


def answers(message):
    return b"succeeded" in message.raw


@pytest.mark.parametrize("side, matches, action, at", [
    (CLIENT, writes, CUT, BEFORE), (CLIENT, writes, CUT, HALF), (CLIENT, writes, CUT, AFTER),
    (CLIENT, writes, HOLD, BEFORE), (CLIENT, writes, HOLD, HALF), (CLIENT, writes, HOLD_ANSWERS, AFTER),
    (SERVER, answers, CUT, BEFORE), (SERVER, answers, CUT, HALF), (SERVER, answers, HOLD, HALF),
])
def test_a_transaction_or_its_answer_is_lost(faulty, proxy, side, matches, action, at):
    """Whether etcd has it or not: a repeat finds out, and the next id is the next."""
    node = faulty.start("--request-timeout", "10s", **ATTEMPT)
    assert node.next_id() == 1
    for last in range(2, 5):
        rule = proxy.on(side, matches, action, at=at)
        assert node.next_id() == last
        assert rule.happened == 1
    proxy.heal()
    assert node.next_id() == 5
    assert faulty.keys.value() == 5
    assert node.stop() == {"returned": 5, **NOTHING_BURNED}


def test_a_transaction_that_comes_late(faulty, proxy):
    """It is held until its repeat was made and others, too: then it finds its conditions gone."""
    node = faulty.start("--request-timeout", "10s", **ATTEMPT)
    assert node.next_id() == 1
    rule = proxy.on(CLIENT, writes, HOLD)
    assert node.next_id() == 2
    assert node.next_id() == 3
    rule.release()
    assert node.next_id() == 4
    assert node.stop() == {"returned": 4, **NOTHING_BURNED}
    assert faulty.keys.value() == 4


def test_a_slow_way(faulty, proxy):
    node = faulty.start(**ATTEMPT)
    proxy.on(SERVER, answers, DELAY, seconds=0.1, times=5)
    for last in range(1, 7):
        assert node.next_id() == last
    assert node.stop() == {"returned": 6, **NOTHING_BURNED}


def test_etcd_can_not_be_reached_for_a_while(faulty, proxy):
    node = faulty.start("--request-timeout", "2s", **ATTEMPT)
    assert node.next_id() == 1
    proxy.go_down()
    answer = node.ask("GET", "/next")
    assert answer.status == 503
    assert "gave no answer" in answer.json()["detail"]
    proxy.come_back()
    following = poll(lambda: next_of(node), "ids come again")
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == following == faulty.keys.value()


def test_cuts_under_load(faulty, proxy, start_load, tmp_path):
    nodes = start_nodes(faulty, 2, **ATTEMPT)
    load = Load(start_load, nodes, tmp_path)
    for number in range(12):
        side, matches = ((CLIENT, writes), (SERVER, answers))[number % 2]
        rule = proxy.on(side, matches, CUT, at=(BEFORE, HALF, AFTER)[number % 3])
        rule.wait()
    before = faulty.keys.value()
    poll(lambda: faulty.keys.value() > before + 200, "ids are served", seconds=60)
    judge(load.end(), nodes, faulty.keys.value)
