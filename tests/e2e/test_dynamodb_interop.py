"""Counters that another program made and advances by itself: ADD current_value :n."""

import threading

import pytest

from aws_signatures import Key
from dynalite import Table
from nextid import CORRUPT, is_problem


def test_item_of_another_program_is_served(any_dynamodb):
    table = any_dynamodb.table
    table.create()
    assert table.add(41) == 41
    assert set(table.item()) == {"counter_id", "current_value"}
    node = any_dynamodb.start()
    assert node.next_id() == 42
    assert node.ask("GET", "/range?count=10").json() == {"start": 43, "end": 52, "count": 10}
    assert table.add(5) == 57
    assert node.next_id() == 58
    assert node.value() == 58
    node.stop()
    # Nothing but the floor is added to it.
    assert set(table.item()) == {"counter_id", "current_value", "floor"}
    assert table.add(1) == 59
    assert any_dynamodb.run("next").stdout == "60\n"


def test_item_that_another_program_is_the_first_to_make(dynamodb):
    """While nextid runs already, and has not been asked for that counter."""
    node = dynamodb.start()
    assert node.next_id("other") == 1
    assert dynamodb.table.add(10) == 10
    assert node.next_id() == 11


def test_both_at_once(dynamodb, dynalite):
    """No id of either side is given twice, and none is lost."""
    adds, threads_each, rounds = [1, 3, 10], 3, 80
    table = dynamodb.table
    table.create()
    table.add(1)
    nodes = [dynamodb.start(), dynamodb.start()]
    taken, failures = [(1, 1)], []

    def other_program(number):
        with dynalite.client(key=Key("AKIAOTHER", "secret")) as client:
            mine = Table(client, table.name)
            for i in range(rounds):
                count = adds[(number + i) % len(adds)]
                end = mine.add(count)
                taken.append((end - count + 1, end))

    def client_of(node, number):
        with node.connect() as connection:
            for i in range(rounds):
                count = 1 + (number + i) % 7
                answer = connection.ask("GET", f"/range?count={count}").json()
                assert answer["count"] == answer["end"] - answer["start"] + 1 == count
                taken.append((answer["start"], answer["end"]))

    def guarded(action, *arguments):
        try:
            action(*arguments)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(other_program, number))
               for number in range(threads_each)]
    threads += [threading.Thread(target=guarded, args=(client_of, node, number))
                for node in nodes for number in range(threads_each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    taken.sort()
    position = 0
    for start, end in taken:
        assert start == position + 1, "an id was given twice, or never"
        position = end
    assert table.value() == position
    nodes_returned = sum(node.stop()["returned"] for node in nodes)
    assert nodes_returned == 2 * sum(
        1 + (number + i) % 7 for number in range(threads_each) for i in range(rounds))


def test_foreign_adds_off_the_stride(dynamodb):
    """Ids stay on start + n * increment, though another program counts by one."""
    table = dynamodb.table
    table.create()
    table.put(current_value=90, start_value=100, increment=10, revision=1)
    node = dynamodb.start()
    assert node.next_id() == 100
    table.add(1)  # 101
    seen = [node.next_id(), node.next_id()]
    table.add(17)
    seen.append(node.ask("GET", "/range?count=3").json()["start"])
    assert all(number % 10 == 0 for number in seen)
    assert sorted(set(seen)) == seen and seen[0] > 100


@pytest.mark.parametrize("value, says", [
    (None, "missing"), (-5, "-5"), ({"N": "1.5"}, "1.5"), ({"S": "7"}, "no number"),
    ({"N": "9223372036854775808"}, "9223372036854775808"), ({"NULL": True}, "no number")],
    ids=["missing", "negative", "fractional", "text", "too-large", "null"])
def test_corrupt_values(dynamodb, value, says):
    """Refused with what is wrong; the node lives, and serves its other counters."""
    table = dynamodb.table
    table.create()
    table.put("broken", **({"note": "no value"} if value is None else {"current_value": value}))
    node = dynamodb.start()
    answer = node.ask("GET", "/next?counter=broken")
    assert is_problem(answer, 500, "corrupt")
    assert "current_value" in answer.json()["detail"]
    assert says in answer.json()["detail"]
    done = dynamodb.run("next", "broken")
    assert (done.returncode, done.stdout) == (CORRUPT, "")
    assert says in done.stderr
    assert node.next_id("healthy") == 1
    assert node.ask("GET", "/healthz").status == 200
    # It was not touched, and is served once it is mended.
    assert not table.slots("broken")
    table.put("broken", current_value=5)
    assert dynamodb.run("next", "broken").stdout == "6\n"


@pytest.mark.parametrize("value", [-5, {"N": "7.5"}, {"S": "7"}],
                         ids=["negative", "fractional", "text"])
def test_values_that_are_corrupted_while_they_are_served(dynamodb, value):
    node = dynamodb.start()
    assert node.next_id() == 1
    dynamodb.table.set(current_value=value)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt")
    assert node.next_id("healthy") == 1


def test_values_that_go_backwards_are_refused(dynamodb):
    """A restored backup, say: no id is given a second time (I1, I7)."""
    node = dynamodb.start()
    for number in range(1, 11):
        assert node.next_id() == number
    dynamodb.table.set(current_value=3)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 500, "corrupt")
    assert "global" in answer.json()["detail"]
    assert node.next_id("healthy") == 1
