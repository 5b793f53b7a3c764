"""What a process has issued it never forgets (I8): the store is set back under running servers."""

import contextlib
import re
import sqlite3

import pytest

from nextid import is_problem, poll
from prometheus_text import metrics_of

set_back = pytest.mark.not_accounted("the test set the store back")

# Far below the time that the tests wait.
IDLE = ["--idle-counter-timeout", "100ms"]


@pytest.fixture
def set_value(tmp_path):
    """Sets a counter in the file, which a server has open."""

    def run(counter, value):
        with contextlib.closing(sqlite3.connect(tmp_path / "ids.db", timeout=20)) as database:
            with database:
                done = database.execute(
                    "UPDATE counters SET value = ? WHERE writer = 0 AND name = ?", (value, counter))
                assert done.rowcount == 1
    return run


def take(server, count, counter="orders"):
    answer = server.ask("GET", f"/range?counter={counter}&count={count}")
    assert answer.status == 200, answer
    return answer.json()["end"]


def wait_until_forgotten(server):
    poll(lambda: metrics_of(server).get("nextid_counters_in_use") == 0, "the counters are forgotten")


def refusal(server, counter="orders"):
    """The sentence of a counter that has stopped."""
    answer = server.ask("GET", f"/next?counter={counter}")
    assert is_problem(answer, 500, "corrupt"), answer
    sentence = answer.json()["detail"]
    assert "then restart" not in sentence
    assert f"run `nextid recover {counter} --store sqlite:" in sentence
    return sentence


@set_back
def test_a_counter_that_stopped_and_is_idle_stays_stopped(start_server, set_value):
    server = start_server(*IDLE)
    assert take(server, 30) == 30
    set_value("orders", 10)
    sentence = refusal(server)
    assert re.search(r"is 10, and this node has issued ids up to 30\.", sentence)
    wait_until_forgotten(server)
    assert refusal(server) == sentence
    # Another node has gone on from there: what the first one stopped for is still so.
    set_value("orders", 1000)
    wait_until_forgotten(server)
    assert refusal(server) == sentence
    assert take(server, 3, "healthy") == 3


@set_back
def test_a_counter_that_rested_before_the_store_was_set_back(start_server, set_value):
    server = start_server(*IDLE)
    assert take(server, 30) == 30
    wait_until_forgotten(server)
    set_value("orders", 10)
    assert "is 10, and this node has issued ids up to 30." in refusal(server)
    assert "orders" in server.log()


@set_back
def test_a_cached_counter_that_rested_before_the_store_was_set_back(start_server, set_value):
    server = start_server(*IDLE, "--default-cache", "100")
    assert take(server, 30) == 30
    wait_until_forgotten(server)
    set_value("orders", 29)
    assert "is 29, and this node has issued ids up to 30." in refusal(server)


def test_a_counter_whose_tail_went_back_raises_no_alarm(start_server):
    server = start_server(*IDLE, "--default-cache", "100")
    for last in range(1, 6):
        assert take(server, 1) == last
        wait_until_forgotten(server)


@set_back
def test_a_counter_that_rested_and_has_vanished(start_server, tmp_path):
    server = start_server(*IDLE)
    assert take(server, 30) == 30
    wait_until_forgotten(server)
    with contextlib.closing(sqlite3.connect(tmp_path / "ids.db", timeout=20)) as database, database:
        database.execute("DELETE FROM counters WHERE name = 'orders'")
    assert "it has vanished from the store, and this node has issued ids up to 30" in refusal(server)
    assert server.ask("GET", "/v1/counters/orders").status == 404
