"""A DynamoDB table that is deleted and made anew, or restored under its name, below running nodes.

Whoever asks for ids then gets none of the other table's (I8). dynalite exchanges a table in a moment;
DynamoDB takes much longer, which is the easier case.
"""

import re
import signal
import time

import pytest

from dynamodb_faults import Fault
from nextid import INVALID, OK, is_problem, poll

exchanges = pytest.mark.not_accounted("the test exchanged the table below its servers")

# Between two looks of a node, and some patience for a machine that is busy.
TURNS_WITHIN = 20
# For so long a look at the table counts (DynamodbIdentity::kRecently), and one beside a write (kBeside).
RECENTLY = 10
BESIDE = 0.05  # Half of it: this program's clock is not the node's.


def items(table):
    return table.client("Scan", TableName=table.name, ConsistentRead=True)["Items"]


def exchange(table, with_items=()):
    """Another table takes its name; `with_items` is what it was restored to. A write is trusted for 100 ms
    after the one before it (src/store/dynamodb/identity.h): an exchange by AWS takes longer, so this one does."""
    time.sleep(0.2)
    table.delete()
    poll(lambda: table.status() is None, "the table is gone")
    table.create()
    for item in with_items:
        table.client("PutItem", TableName=table.name, Item=item)


def table_id(table):
    return table.client("DescribeTable", TableName=table.name)["Table"]["TableId"]


def refusal(node, counter):
    """What a node says that gives no id of the counter, once its retries are over."""
    answer = node.ask("GET", f"/next?counter={counter}")
    assert is_problem(answer, 500, "corrupt"), answer
    return answer.json()["detail"]


def assert_says_what_to_do(sentence, table, before, after):
    for part in [f"table '{table.name}'", before, after, "deleted and made anew",
                 "restored under its name", f"nextid recover --all --store 'dynamodb://{table.name}"]:
        assert part in sentence, sentence


def wait_until_it_turned(node):
    poll(lambda: "No id is given out any more" in node.log(), "the node has seen it",
         seconds=TURNS_WITHIN)


@pytest.fixture
def nodes(dynamodb):
    """Two nodes; both used `used`, the first alone `mine`; nobody but the table knows `theirs`."""
    first, second = dynamodb.start(), dynamodb.start()
    for number in range(1, 11):
        assert [first, second][number % 2].next_id("used") == number
    assert first.next_id("mine") == 1
    assert dynamodb.run("range", "50", "theirs").stdout == "1 50\n"
    return first, second


@exchanges
@pytest.mark.parametrize("counter", ["used", "theirs", "never-used"])
def test_made_anew_and_asked_right_after(dynamodb, nodes, counter):
    before = table_id(dynamodb.table)
    exchange(dynamodb.table)
    after = table_id(dynamodb.table)
    for node in nodes:
        assert_says_what_to_do(refusal(node, counter), dynamodb.table, before, after)
    assert items(dynamodb.table) == [], "nothing was made in the other table"
    for node in nodes:
        for other in ["used", "mine", "theirs", "never-used"]:
            refusal(node, other)
        log = node.log()
        assert len(re.findall("No id is given out any more", log)) == 1
        assert before in log and after in log
    assert items(dynamodb.table) == []


@exchanges
def test_made_anew_and_not_asked(dynamodb, nodes):
    exchange(dynamodb.table)
    for node in nodes:
        wait_until_it_turned(node)
    for node in nodes:
        for counter in ["used", "mine", "theirs", "never-used"]:
            refusal(node, counter)
        answer = node.ask("PUT", "/v1/counters/defined", body=b'{"cache": 1}')
        assert is_problem(answer, 500, "corrupt")
        assert node.ask("GET", "/v1/counters").status == 500
    assert items(dynamodb.table) == []


@exchanges
def test_made_anew_under_a_cached_counter(dynamodb):
    """What a node holds ahead is of the table that is gone: it is given to nobody, though the
    store is not asked for it."""
    node = dynamodb.start("--default-cache", "1000000")
    assert node.ask("GET", "/range?count=100000&counter=cached").json()["end"] == 100000
    for _ in range(20):  # Until the node holds many ahead.
        node.next_id("cached")
    exchange(dynamodb.table)
    poll(lambda: node.ask("GET", "/next?counter=cached").status == 500,
         "the counter stops", seconds=60)
    refusal(node, "cached")


@exchanges
def test_made_anew_and_begun_by_another_node(dynamodb, nodes):
    """The new node can't know. The old ones give none of what it gives."""
    exchange(dynamodb.table)
    new = dynamodb.start()
    assert new.ask("GET", "/range?count=500&counter=used").json()["end"] == 500
    assert new.ask("GET", "/range?count=500&counter=theirs").json()["end"] == 500
    for node in nodes:
        for counter in ["used", "theirs"]:
            refusal(node, counter)
    # A write of a counter in use may reach the new table before it is known: it skips an id there.
    assert new.next_id("used") in (501, 502, 503)
    assert new.next_id("theirs") == 501


@exchanges
@pytest.mark.parametrize("counter", ["used", "theirs", "mine"])
def test_restored_with_older_items(dynamodb, nodes, counter):
    backup = items(dynamodb.table)
    first, second = nodes
    for number in range(11, 21):
        assert first.next_id("used") == number
    assert first.next_id("mine") == 2
    assert dynamodb.run("range", "50", "theirs").stdout == "51 100\n"
    exchange(dynamodb.table, backup)
    for node in nodes:
        assert "restored under its name" in refusal(node, counter)
    # A write may have been under way beside the look that shows it: it skips an id, and gives none.
    found = {name: dynamodb.table.value(name) for name in ["used", "mine", "theirs"]}
    assert found["theirs"] == 50 and found["mine"] in (1, 2) and found["used"] in (10, 11, 12)


@exchanges
def test_restored_to_the_last_write(dynamodb, nodes):
    """Nothing in the items tells: only the look beside a write of a counter that rested a moment."""
    time.sleep(0.2)
    exchange(dynamodb.table, items(dynamodb.table))
    for node in nodes:
        for counter in ["used", "mine", "theirs"]:
            refusal(node, counter)


@exchanges
def test_exchanged_while_the_nodes_sleep(dynamodb, nodes):
    """To the last item as it was: what the sleepers have in mind holds, and is another table's."""
    first, second = nodes
    for node in nodes:
        node.process.send_signal(signal.SIGSTOP)
    exchange(dynamodb.table, items(dynamodb.table))
    # Longer than a look counts.
    time.sleep(RECENTLY + 1)
    waiting = [node.connect() for node in nodes]
    for connection in waiting:
        connection.request("GET", "/next?counter=used")
    for node in nodes:
        node.process.send_signal(signal.SIGCONT)
    for connection in waiting:
        assert is_problem(connection.answer(), 500, "corrupt")
    for node in nodes:
        for counter in ["used", "mine", "theirs", "never-used"]:
            refusal(node, counter)


@exchanges
def test_a_table_that_was_missing_is_looked_at_first(dynamodb):
    """Restored to the very last moment, and met missing in between: no id before a look."""
    first = dynamodb.start("--request-timeout", "2s")
    assert first.next_id("used") == 1
    backup = items(dynamodb.table)
    dynamodb.proxy.script.add(*["throttle"] * 1000, operation="DescribeTable")
    dynamodb.table.delete()
    poll(lambda: dynamodb.table.status() is None, "the table is gone")
    answer = first.ask("GET", "/next?counter=used")
    assert answer.status in (503, 504), answer
    dynamodb.table.create()
    for item in backup:
        dynamodb.table.client("PutItem", TableName=dynamodb.table.name, Item=item)
    answer = first.ask("GET", "/next?counter=used")
    assert answer.status in (503, 504), "looks are throttled, so nothing shows which table it is"
    dynamodb.proxy.script.clear()
    assert "restored under its name" in refusal(first, "used")


def test_throttled_looks_stop_no_id_of_a_counter_in_use(dynamodb, nodes):
    first, second = nodes
    dynamodb.proxy.script.add(*["throttle"] * 1000, operation="DescribeTable")
    looks = dynamodb.proxy.injected["throttle"]
    for number in range(11, 21):
        assert first.next_id("used") == number
    poll(lambda: dynamodb.proxy.injected["throttle"] >= looks + 5, "looks are throttled")
    for number in range(21, 31):
        assert second.next_id("used") == number
    dynamodb.proxy.script.clear()
    assert first.next_id("never-used") == 1


@pytest.mark.parametrize("kind", ["drop_request", "drop_answer", "fail_after", "throttle",
                                  "corrupt_body", "hang_before"])
def test_faults_of_looks_go_unnoticed(dynamodb, kind):
    node = dynamodb.start()
    dynamodb.proxy.script.add(Fault(kind), operation="DescribeTable")
    assert node.next_id() == 1
    assert dynamodb.proxy.injected[kind] == 1
    assert node.ask("GET", "/readyz").status == 200


def test_a_node_looks_every_few_seconds_and_not_more(dynamodb):
    node = dynamodb.start()
    assert node.next_id() == 1
    before, started = dynamodb.proxy.requests["DescribeTable"], time.monotonic()
    writes = dynamodb.proxy.requests["UpdateItem"]
    pauses, last = 0, started
    for number in range(2, 202):
        assert node.next_id() == number
        pauses, last = pauses + (time.monotonic() - last > BESIDE), time.monotonic()
    assert dynamodb.proxy.requests["UpdateItem"] - writes == 200
    poll(lambda: dynamodb.proxy.requests["DescribeTable"] >= before + 2, "it looks unasked")
    took = time.monotonic() - started
    assert dynamodb.proxy.requests["DescribeTable"] - before <= took / 4 + 2 + pauses


def test_command_lines_make_no_table_with_create_false(dynamodb):
    done = dynamodb.run("next", create="false")
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert dynamodb.run("next").returncode == OK
