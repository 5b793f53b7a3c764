"""/readyz: 503 while no id can be given, and only then."""

import time

import pytest

from dynamodb_faults import Fault
from nextid import is_problem, poll, store_locked
from prometheus_text import metrics_of


def trials(node):
    """The writes that changed nothing, which the node made to see whether the store takes them."""
    return metrics_of(node).get("nextid_store_calls_total", call="try_write", result="done")


def not_ready(node):
    """The answer, once it is no 200."""
    return poll(lambda: (answer := node.ask("GET", "/readyz")).status != 200 and answer,
                "it is not ready any more")


def ready(node):
    poll(lambda: node.ask("GET", "/readyz").status == 200, "it is ready again")


def full_disk(server, path):
    """Its log can't grow."""
    server.limit_file_size(path.with_name(path.name + "-wal").stat().st_size)


@pytest.fixture(params=["an idle server", "a busy server"])
def busy(request):
    return request.param == "a busy server"


def use(server, busy):
    """What clients do."""
    if busy:
        server.ask("GET", "/next")


# ---- What it finds


def test_a_full_disk(start_server, tmp_path, busy):
    server = start_server("--request-timeout", "200ms")
    use(server, busy)
    full_disk(server, tmp_path / "ids.db")

    def refusal():
        use(server, busy)
        answer = server.ask("GET", "/readyz")
        return answer.status != 200 and answer

    answer = poll(refusal, "it is not ready any more")
    assert is_problem(answer, 503, "unavailable")
    assert "takes no writes" in answer.json()["detail"]
    assert "ids.db" in answer.json()["detail"]
    assert is_problem(server.ask("GET", "/next"), 503, "unavailable")
    server.limit_file_size(None)
    ready(server)
    assert server.next_id() >= 1


def test_a_lock_that_another_process_holds(start_server, tmp_path, busy):
    server = start_server("--request-timeout", "200ms")
    use(server, busy)
    with store_locked(tmp_path / "ids.db"):
        answer = not_ready(server)
        assert is_problem(answer, 503, "unavailable")
        assert "locked" in answer.json()["detail"]
        assert server.ask("GET", "/healthz").status == 200
    ready(server)
    assert server.next_id() >= 1


@pytest.mark.parametrize("operation", ["UpdateItem", "GetItem"])
def test_a_right_that_is_taken_away(dynamodb, operation):
    node = dynamodb.start()
    dynamodb.proxy.denied.add(operation)
    answer = not_ready(node)
    assert is_problem(answer, 503, "unavailable")
    assert operation in answer.json()["detail"]
    dynamodb.proxy.denied.clear()
    ready(node)
    assert node.next_id() == 1


def test_a_right_that_is_taken_away_from_a_busy_node(dynamodb):
    node = dynamodb.start("--request-timeout", "200ms")
    assert node.next_id() == 1
    dynamodb.proxy.denied.add("UpdateItem")
    assert is_problem(node.ask("GET", "/next"), 503, "unavailable")
    assert "UpdateItem" in not_ready(node).json()["detail"]
    dynamodb.proxy.denied.clear()
    ready(node)
    assert node.next_id() >= 2


def test_a_store_that_can_not_be_used_from_the_start(dynamodb):
    """No write ever succeeded: the first answer tells."""
    dynamodb.table.create()
    dynamodb.proxy.denied.add("UpdateItem")
    node = dynamodb.start(wait=False)
    node.port = int(poll(lambda: node.log().partition("listening on http://127.0.0.1:")[2],
                         "it listens").partition(",")[0].split()[0])
    assert is_problem(node.ask("GET", "/readyz"), 503, "unavailable")
    dynamodb.proxy.denied.clear()
    ready(node)


def test_all_who_tell_of_it_agree(dynamodb):
    node = dynamodb.start()
    assert node.ask("GET", "/v1/status").json()["write_trouble"] == ""
    assert metrics_of(node).get("nextid_store_takes_writes") == 1
    dynamodb.proxy.denied.add("UpdateItem")
    detail = not_ready(node).json()["detail"]
    assert node.ask("GET", "/v1/status").json()["write_trouble"] + "." == detail
    assert metrics_of(node).get("nextid_store_takes_writes") == 0
    dynamodb.proxy.denied.clear()
    ready(node)
    assert node.ask("GET", "/v1/status").json()["write_trouble"] == ""
    assert metrics_of(node).get("nextid_store_takes_writes") == 1


def test_metrics_tell_where_nobody_asks_for_readiness(dynamodb):
    node = dynamodb.start()
    dynamodb.proxy.denied.add("UpdateItem")
    poll(lambda: metrics_of(node).get("nextid_store_takes_writes") == 0, "the metrics tell")
    dynamodb.proxy.denied.clear()
    poll(lambda: metrics_of(node).get("nextid_store_takes_writes") == 1, "the metrics tell")


# ---- What it does not take for trouble


def test_it_does_not_flap(dynamodb):
    """Single failures, with successes between them, are seen and passed over."""
    node = dynamodb.start()
    for kind in ["fail_before", "drop_answer"]:
        before = sum(dynamodb.proxy.injected.values())
        dynamodb.proxy.script.add(Fault(kind), operation="UpdateItem")

        def passed():
            answer = node.ask("GET", "/readyz")
            assert answer.status == 200, answer
            return sum(dynamodb.proxy.injected.values()) > before

        poll(passed, f"{kind} was met")
    done = trials(node)

    def recovered():
        assert node.ask("GET", "/readyz").status == 200
        return trials(node) > done

    poll(recovered, "a later write succeeds")


def test_a_hot_key_is_no_trouble(dynamodb):
    node = dynamodb.start("--request-timeout", "300ms")
    assert node.next_id() == 1
    dynamodb.proxy.script.add(*["throttle_hot_key"] * 50, operation="UpdateItem")
    until = time.monotonic() + 3
    while time.monotonic() < until:
        node.ask("GET", "/next")
        assert node.ask("GET", "/readyz").status == 200
    dynamodb.proxy.script.clear()


# ---- What it costs


def test_trials_are_seconds_apart(start_node):
    begin = time.monotonic()
    node = start_node()
    assert trials(node) == 1

    def second():
        assert node.ask("GET", "/readyz").status == 200
        return trials(node) > 1

    poll(second, "a second trial")
    assert trials(node) == 2
    assert time.monotonic() - begin >= 5


def test_no_trial_while_writes_succeed(start_server):
    node = start_server()
    node.next_id()
    before = trials(node)
    until = time.monotonic() + 6
    while time.monotonic() < until:
        node.next_id()
        assert node.ask("GET", "/readyz").status == 200
    assert trials(node) == before


def test_a_trial_leaves_nothing_behind(dynamodb):
    node = dynamodb.start()
    assert trials(node) == 1
    assert dynamodb.proxy.applied["UpdateItem"] == 1
    assert dynamodb.table.counters() == []
    assert node.ask("GET", "/v1/counters").json()["counters"] == []


def test_a_trial_costs_no_id_and_shows_nowhere(start_server, tmp_path):
    server = start_server()
    assert trials(server) == 1
    assert server.ask("GET", "/v1/counters").json()["counters"] == []
    assert server.next_id() == 1
    counts = server.stop()
    assert (counts["returned"], counts["burned"]) == (1, 0)
