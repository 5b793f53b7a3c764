"""The table and the slots of the writers: made when missing, refused when foreign, kept small."""

import threading
import time

import pytest

from dynalite import Dynalite, DynamoDbError, Table
from dynamodb_faults import Fault
from dynamodb_proxy import Proxy
from dynamodb_setting import ProxySetting
from nextid import INVALID, OK


@pytest.fixture
def slow(keys, start_server, tmp_path, ledger):
    """Nodes on a DynamoDB that takes half a second to make a table."""
    database = Dynalite("--create-table-ms", 500)
    with Proxy(database.port, keys) as proxy, database.client() as client:
        table = ledger.know(Table(client, "slow-table"))
        yield ProxySetting(proxy, keys, table, start_server, tmp_path)
    database.stop()


# ---- Making the table

def test_missing_table_is_made(slow):
    """It is used once it is active, and says what people should switch on."""
    node = slow.start()
    assert node.next_id() == 1
    assert slow.proxy.requests["CreateTable"] == 1
    # Missing; being made; active.
    assert slow.proxy.requests["DescribeTable"] >= 3
    table = slow.table.client("DescribeTable", TableName=slow.table.name)["Table"]
    assert table["KeySchema"] == [{"AttributeName": "counter_id", "KeyType": "HASH"}]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert f"made table '{slow.table.name}'" in node.log()
    assert "point-in-time recovery" in node.log()


def test_command_line_makes_the_table(slow):
    done = slow.run("next")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done.stderr


def test_nodes_race_to_make_the_table(slow):
    # None hears that the table is missing before all have asked.
    slow.proxy.script.add(*[Fault("delay_answer", 1.0)] * 4, operation="DescribeTable")
    nodes = [slow.start(wait=False) for _ in range(4)]
    ids = []

    def take_id(node):
        node.wait_until_ready()
        ids.append(node.next_id())

    threads = [threading.Thread(target=take_id, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == [1, 2, 3, 4]
    assert slow.proxy.requests["CreateTable"] >= 2, "there was no race"


def test_table_in_the_making_is_waited_for(slow):
    slow.table.client(
        "CreateTable", TableName=slow.table.name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "counter_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "counter_id", "KeyType": "HASH"}])
    assert slow.table.status() == "CREATING"
    assert slow.run("next").stdout == "1\n"
    assert slow.proxy.requests["CreateTable"] == 0


@pytest.mark.parametrize("kind", ["fail_after", "drop_answer", "throttle", "fail_before"])
def test_table_is_made_in_spite_of_faults(dynamodb, kind):
    dynamodb.proxy.script.add(kind, operation="DescribeTable")
    dynamodb.proxy.script.add(kind, operation="CreateTable")
    done = dynamodb.run("next")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done.stderr
    assert dynamodb.proxy.injected[kind] == 2


def test_create_false_says_how_to_make_it(dynamodb):
    done = dynamodb.run("next", create="false")
    assert (done.returncode, done.stdout) == (INVALID, "")
    table, region = dynamodb.table.name, dynamodb.region
    assert f"there is no table '{table}' in {region}" in done.stderr
    assert "create=false" in done.stderr
    command = (f"aws dynamodb create-table --table-name {table} --region {region}"
               " --attribute-definitions AttributeName=counter_id,AttributeType=S"
               " --key-schema AttributeName=counter_id,KeyType=HASH"
               " --billing-mode PAY_PER_REQUEST")
    assert command in done.stderr
    assert dynamodb.table.status() is None
    node = dynamodb.start(create="false", wait=False)
    assert node.wait() != 0
    assert command in node.log()
    # Done what it says.
    dynamodb.table.create()
    assert dynamodb.run("next", create="false").stdout == "1\n"
    assert dynamodb.proxy.requests["CreateTable"] == 0


@pytest.mark.parametrize("schema, says", [
    ({"partition_key": "id"}, "id (HASH)"),
    ({"key_type": "N"}, "counter_id (HASH) of type N"),
    ({"sort_key": "day"}, "counter_id (HASH), day (RANGE)")])
def test_tables_of_others_are_refused(dynamodb, schema, says):
    dynamodb.table.create(**schema)
    done = dynamodb.run("next")
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert f"table '{dynamodb.table.name}' is not one of counters" in done.stderr
    assert says in done.stderr
    assert "must be counter_id (HASH) of type S" in done.stderr
    node = dynamodb.start(wait=False)
    assert node.wait() != 0
    assert says in node.log()
    found = dynamodb.table.client("Scan", TableName=dynamodb.table.name)
    assert found["Count"] == 0
    assert dynamodb.proxy.requests["UpdateItem"] == 0


# ---- Slots

def test_slots_do_not_pile_up(dynamodb):
    for number in range(1, 6):
        assert dynamodb.run("next").stdout == f"{number}\n"
    node = dynamodb.start()
    assert node.next_id() == 6
    assert node.next_id("orders") == 1
    (seq, end) = dynamodb.table.slots()[::-1]
    assert seq[:2] == "s:" and end[:2] == "e:" and seq[2:] == end[2:] and len(seq) == 18
    item = dynamodb.table.item()
    assert item[end] == item["current_value"] == 6
    assert abs(item[seq] - time.time() * 1e6) < 60e6
    node.stop()
    after = dynamodb.table.item()
    assert dynamodb.table.slots() == dynamodb.table.slots("orders") == []
    # No late copy of an update can land where the slot was (I7).
    assert after["floor"] >= item[seq]
    assert after["current_value"] == 6


def test_floor_never_falls(dynamodb):
    high = int((time.time() + 300) * 1e6)  # Another node's clock was ahead.
    assert dynamodb.run("next").stdout == "1\n"
    dynamodb.table.set(floor=high)
    node = dynamodb.start()
    assert node.next_id() == 2
    (slot,) = [name for name in dynamodb.table.slots() if name.startswith("s:")]
    assert dynamodb.table.item()[slot] > high
    node.stop()
    assert dynamodb.table.item()["floor"] > high
    assert dynamodb.run("next").stdout == "3\n"


MINUTE = 60 * 10**6


def put_slot(table, writer, age_us):
    seq = int(time.time() * 1e6) - age_us
    table.set(**{f"s:{writer:016x}": seq, f"e:{writer:016x}": table.value()})
    return seq


def test_idle_slots_are_pruned(dynamodb):
    """Those of nodes that were killed; never the slot of one that may be alive."""
    assert dynamodb.run("range", "10").stdout == "1 10\n"
    idle = [put_slot(dynamodb.table, writer, 11 * MINUTE + writer) for writer in range(1, 4)]
    young = put_slot(dynamodb.table, 4, 9 * MINUTE)
    assert len(dynamodb.table.slots()) == 8
    assert dynamodb.run("next").stdout == "11\n"
    assert dynamodb.table.slots() == [f"e:{4:016x}", f"s:{4:016x}"]
    assert dynamodb.table.item()[f"s:{4:016x}"] == young
    assert dynamodb.table.item()["floor"] >= max(idle)


def test_many_idle_slots_are_pruned(dynamodb):
    """After a bad day: more than one update can remove."""
    assert dynamodb.run("next").stdout == "1\n"
    for writer in range(1, 61):
        put_slot(dynamodb.table, writer, 20 * MINUTE + writer)
    assert len(dynamodb.table.slots()) == 120
    assert dynamodb.run("next").stdout == "2\n"
    assert dynamodb.table.slots() == []


def test_slot_of_a_killed_node_stays_until_it_is_idle(dynamodb):
    node = dynamodb.start()
    assert node.next_id() == 1
    node.kill()
    (slot,) = [name for name in dynamodb.table.slots() if name.startswith("s:")]
    assert dynamodb.run("next").stdout == "2\n"
    assert slot in dynamodb.table.slots()
    # Eleven minutes later.
    dynamodb.table.set(**{slot: dynamodb.table.item()[slot] - 11 * MINUTE})
    assert dynamodb.run("next").stdout == "3\n"
    assert dynamodb.table.slots() == []


def test_late_copies_of_what_a_pruned_node_sent_do_nothing(dynamodb):
    """Word for word, after its slot is gone (I1, I5)."""
    node = dynamodb.start()
    for _ in range(3):
        node.next_id()
    node.stop()
    updates = [request.json() for request in dynamodb.proxy.recent
               if request.operation == "UpdateItem" and b"ADD" not in request.body]
    reserves = [update for update in updates if ":n" in update["ExpressionAttributeValues"]]
    assert len(reserves) == 3
    for update in reserves:
        with pytest.raises(DynamoDbError, match="ConditionalCheckFailed"):
            dynamodb.table.client("UpdateItem", **update)
    assert dynamodb.table.value() == 3
    assert dynamodb.run("next").stdout == "4\n"


def test_stop_is_bounded_when_the_store_is_away(dynamodb):
    node = dynamodb.start("--shutdown-timeout", "1s")
    assert node.next_id() == 1
    dynamodb.proxy.go_down("hang")
    node.terminate()
    started = time.monotonic()
    assert node.wait() == 0
    assert time.monotonic() - started < 5
    assert node.closing()["returned"] == 1
    dynamodb.proxy.come_back()
    assert dynamodb.run("next").stdout == "2\n"
