"""Errors that name a command: the command, run as it is written, ends the trouble."""

import re
import shlex

import pytest
import redis

from nextid import EXHAUSTED, INVALID, OK, is_problem, run


def ask_http(server, counter):
    answer = server.ask("GET", f"/next?counter={counter}")
    return answer.json()["detail"] if answer.status >= 400 else answer.json()["id"]


def ask_resp(server, counter):
    port = int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))
    with redis.Redis(port=port) as client:
        try:
            return client.incr(counter)
        except redis.ResponseError as error:
            return str(error)


WAYS = pytest.mark.parametrize("ask", [ask_http, ask_resp])


def run_remedy(sentence, store, **values):
    """The command in the sentence, with values for its capital letters."""
    words = shlex.split(re.search(r"`nextid (.*?)`", sentence).group(1))
    done = run(*[values.get(word, word) for word in words], "--store", store)
    assert done.returncode == OK, done


@WAYS
def test_an_exhausted_counter(start_server, store, ask):
    run("define", "orders", "--max", "1", "--store", store)
    server = start_server()
    assert ask(server, "orders") == 1
    sentence = ask(server, "orders")
    assert ("counter 'orders' is exhausted: 1 id was asked for, and 0 are left up to its max 1;"
            " raise that with `nextid define orders --max N`.") in sentence
    run_remedy(sentence, store, N="9")
    assert ask(server, "orders") == 2


def test_the_largest_id_can_not_be_raised(store):
    run("define", "orders", "--store", store)
    run("advance", "orders", "--to", "9223372036854775807", "--store", store)
    done = run("next", "orders", "--store", store)
    assert done.returncode == EXHAUSTED
    assert ("up to its max 9223372036854775807, the largest id there is; go on with another counter."
            in done.stderr)


def test_an_advance_past_the_max(store):
    run("define", "orders", "--max", "5", "--store", store)
    done = run("advance", "orders", "--to", "7", "--store", store)
    assert done.returncode == INVALID
    run_remedy(done.stderr, store, N="9")
    assert run("advance", "orders", "--to", "7", "--store", store).returncode == OK


@WAYS
def test_a_counter_that_nobody_defined(start_server, store, ask):
    server = start_server("--no-auto-create")
    sentence = ask(server, "orders")
    assert ("there is no counter 'orders', and this node makes none on first use; make it with"
            " `nextid define orders`.") in sentence
    run_remedy(sentence, store)
    assert ask(server, "orders") == 1


def test_a_counter_that_is_looked_at(server, store):
    # To make it would be wrong where one is looked for that was there.
    server.next_id()
    answer = server.ask("GET", "/v1/counters/orders")
    assert is_problem(answer, 404, "not_found")
    assert answer.json()["detail"].lower().startswith("there is no counter 'orders'; `nextid counters`")
    run_remedy(answer.json()["detail"], store)


def test_parameters_that_a_call_does_not_take(server):
    for target, says in [
            ("/range?cout=3", "'cout' is unknown to /range, which takes count, counter, as;"
                              " did you mean count?"),
            ("/next?count=3", "'count' is unknown to /next, which takes counter, as;"
                              " /range takes it."),
            ("/healthz?x=1", "'x' is unknown to /healthz, which takes none.")]:
        answer = server.ask("GET", target)
        assert is_problem(answer, 400, "invalid")
        assert answer.json()["detail"] == f"The parameter {says}"
