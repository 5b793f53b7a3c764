"""Ids from a DynamoDB table: as from any store, and for many nodes at once."""

import json
import threading

import pytest

import nextid
from dynalite import DynamoDbError
from dynamodb_faults import Fault
from nextid import EXHAUSTED, NOTHING_BURNED, OK, is_problem


def test_next_and_range(any_dynamodb):
    node = any_dynamodb.start()
    assert node.next_id() == 1
    assert node.ask("GET", "/range?count=10").json() == {"start": 2, "end": 11, "count": 10}
    assert node.next_id("orders") == 1
    assert node.next_id() == 12
    assert node.value() == any_dynamodb.table.value() == 12
    assert node.stop()["returned"] == 13


def test_command_lines(any_dynamodb):
    assert any_dynamodb.run("next").stdout == "1\n"
    done = any_dynamodb.run("range", "10")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "2 11\n", "")
    assert any_dynamodb.run("next", "orders", "--json").stdout == '{"id":1}\n'
    counters = json.loads(any_dynamodb.run("counters", "--json").stdout)
    counters = counters["counters"] if isinstance(counters, dict) else counters
    assert [(counter["name"], counter["value"]) for counter in counters] == [
        ("global", 11), ("orders", 1)]


def test_restart_goes_on_where_it_was(any_dynamodb):
    last = 0
    for end in ["stop", "kill"] * 2:
        node = any_dynamodb.start()
        for _ in range(5):
            last += 1
            assert node.next_id() == last
        getattr(node, end)()
    assert any_dynamodb.table.value() == last


def take_ids(node, ids, count):
    with node.connect() as connection:
        for _ in range(count):
            ids.append(connection.ask("GET", "/next").json()["id"])


def test_two_nodes_share_a_counter(any_dynamodb):
    nodes = [any_dynamodb.start(), any_dynamodb.start()]
    # One after the other, ids grow whichever node is asked.
    for number in range(1, 21):
        assert nodes[number % 2].next_id() == number

    # At the same time, they are distinct and leave no gap.
    ids = []
    threads = [threading.Thread(target=take_ids, args=(node, ids, 50)) for node in nodes * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == list(range(21, 321))
    assert any_dynamodb.table.value() == 320
    assert sum(node.stop()["returned"] for node in nodes) == 320


def test_many_counters_in_parallel(dynamodb):
    node = dynamodb.start()
    with node.connect() as connection:
        for number in range(100):
            connection.request("GET", f"/range?count={number + 1}&counter=c{number:02}")
        for number in range(100):
            assert connection.answer().json()["end"] == number + 1
    assert [dynamodb.table.value(f"c{number:02}") for number in (0, 50, 99)] == [1, 51, 100]
    assert node.stop() == {"returned": 5050, **NOTHING_BURNED}


def test_counters_of_many_pages(dynamodb):
    """A Scan has no order and comes in pages; the list is in order and whole."""
    names = [f"c{number:02}" for number in range(25)]
    dynamodb.table.create()
    for number, name in enumerate(names, 1):
        dynamodb.table.put(name, current_value=number)
    dynamodb.proxy.scan_limit = 4
    done = dynamodb.run("counters")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows if row[0] in names] == [
        [name, str(number)] for number, name in enumerate(names, 1)], done
    # One call for 4 items, and the last.
    assert dynamodb.proxy.requests["Scan"] >= 7

    node = dynamodb.start()
    page = node.ask("GET", "/v1/counters").json()
    assert [counter["name"] for counter in page["counters"]] == names


def test_real_pages_of_a_scan(dynamodb):
    """DynamoDB ends a page after 1 MB."""
    dynamodb.table.create()
    for number in range(1, 9):
        dynamodb.table.put(f"c{number}", current_value=number, note="x" * 300_000)
    counters = json.loads(dynamodb.run("counters", "--json").stdout)
    counters = counters["counters"] if isinstance(counters, dict) else counters
    assert [counter["value"] for counter in counters] == list(range(1, 9))
    assert dynamodb.proxy.requests["Scan"] >= 2


def test_exhaustion(any_dynamodb):
    assert any_dynamodb.run("next").stdout == "1\n"
    most = 2**63 - 1
    any_dynamodb.table.set(current_value=most - 5)
    node = any_dynamodb.start()
    assert is_problem(node.ask("GET", "/range?count=6"), 409, "exhausted")
    assert node.ask("GET", "/range?count=4").json()["end"] == most - 1
    assert node.ask("GET", "/next").body == b'{"id":%d}' % most
    assert is_problem(node.ask("GET", "/next"), 409, "exhausted")
    assert any_dynamodb.table.value() == most
    assert any_dynamodb.run("next").returncode == EXHAUSTED


def test_definitions_in_the_item_are_followed(any_dynamodb):
    """As another program, or a person at the console, wrote them."""
    any_dynamodb.table.create()
    any_dynamodb.table.put(current_value=93, start_value=103, increment=10, max_value=150, cache=1,
                           revision=1)
    node = any_dynamodb.start()
    assert node.next_id() == 103
    answer = node.ask("GET", "/range?count=3").json()
    assert answer == {"start": 113, "end": 133, "count": 3, "increment": 10}
    assert node.next_id() == 143
    assert is_problem(node.ask("GET", "/next"), 409, "exhausted")


@pytest.mark.parametrize("sends_old_items", [False, True])
def test_state_of_a_failed_condition(dynamodb, sends_old_items):
    """With the item in the error, as in AWS, or read afterwards where it is not."""
    dynamodb.proxy.return_old_items = sends_old_items
    one, two = dynamodb.start(), dynamodb.start()
    assert one.next_id() == 1
    assert two.next_id() == 2
    # Node one's condition on the maximum fails, which node two reached.
    dynamodb.table.set(current_value=2**63 - 2)
    assert two.next_id() == 2**63 - 1
    reads = dynamodb.proxy.requests["GetItem"]
    assert is_problem(one.ask("GET", "/next"), 409, "exhausted")
    assert (dynamodb.proxy.requests["GetItem"] > reads) == (not sends_old_items)
    assert (dynamodb.proxy.old_items_returned > 0) == sends_old_items


def test_reads_are_consistent(dynamodb):
    """dynalite always is; what counts is that DynamoDB is asked to be."""
    one, two = dynamodb.start(), dynamodb.start()
    for node in [one, two]:
        dynamodb.proxy.script.add("drop_answer", operation="UpdateItem")
        node.next_id()
        node.value()
        node.ask("GET", "/v1/counters")
    reads = [request.json() for request in dynamodb.proxy.recent
             if request.operation in ("GetItem", "Scan", "Query", "BatchGetItem")]
    assert len(reads) >= 6
    assert all(read.get("ConsistentRead") is True for read in reads)


def test_one_write_for_many_requests(dynamodb):
    """What makes a node faster than its store: requests that wait are one update together."""
    node = dynamodb.start()
    node.next_id()
    before = dynamodb.proxy.requests["UpdateItem"]
    dynamodb.proxy.script.add(Fault("delay", 0.3), operation="UpdateItem")
    connections = [node.connect() for _ in range(20)]
    for connection in connections:
        connection.request("GET", "/next")
    ids = sorted(connection.answer().json()["id"] for connection in connections)
    assert ids == list(range(2, 22))
    assert dynamodb.proxy.requests["UpdateItem"] - before <= 3
    for connection in connections:
        connection.close()


@pytest.mark.not_accounted("the default table is not only of this test")
def test_default_table_and_environment(dynamodb, dynalite):
    """`dynamodb://` alone: all else from the environment."""
    env = {**dynamodb.env, "AWS_REGION": dynamodb.region,
           "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint}
    done = nextid.run("range", "5", "--store", "dynamodb://", env=env)
    assert done.returncode == OK, done.stderr
    start, end = map(int, done.stdout.split())
    assert end == start + 4
    with dynalite.client() as client:
        item = client("GetItem", TableName="id_counters", Key={"counter_id": {"S": "global"}})
    assert int(item["Item"]["current_value"]["N"]) == end


def test_connections_are_kept(dynamodb):
    node = dynamodb.start()
    for number in range(1, 31):
        assert node.next_id() == number
    assert dynamodb.proxy.requests["UpdateItem"] >= 30
    assert dynamodb.proxy.connections <= 3


@pytest.mark.not_accounted("the test damaged the store")
def test_deleted_items_are_not_begun_again(dynamodb):
    """A node that has served a counter never starts it at 1 again (I7)."""
    node = dynamodb.start()
    assert node.next_id() == 1
    dynamodb.table.client("DeleteItem", TableName=dynamodb.table.name,
                          Key={"counter_id": {"S": "global"}})
    assert is_problem(node.ask("GET", "/next"), 500, "corrupt")
    assert dynamodb.table.item() is None
    assert node.next_id("another") == 1


def test_items_stay_readable_by_people(dynamodb):
    dynamodb.run("range", "7", "orders")
    item = dynamodb.table.item("orders")
    assert {name: item[name] for name in (
        "counter_id", "current_value", "start_value", "increment", "max_value", "cache",
        "revision")} == {
            "counter_id": "orders", "current_value": 7, "start_value": 1, "increment": 1,
            "max_value": 2**63 - 1, "cache": 1, "revision": 1}


@pytest.mark.not_accounted("the test damaged the store")
def test_tables_that_vanish(dynamodb):
    node = dynamodb.start("--request-timeout", "1s", "--shutdown-timeout", "1s")
    assert node.next_id() == 1
    dynamodb.table.delete()
    answer = node.ask("GET", "/next?counter=fresh")
    assert is_problem(answer, 503, "unavailable")
    detail = answer.json()["detail"]
    assert f"there is no table '{dynamodb.table.name}' in {dynamodb.region}" in detail
    with pytest.raises(DynamoDbError, match="ResourceNotFoundException"):
        dynamodb.table.item()
