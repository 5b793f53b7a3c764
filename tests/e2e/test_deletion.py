"""Counters that are deleted, and come back: no id of them twice."""

import json
import threading

import pytest
import redis

import nextid
from nextid import CONFLICT, INVALID, OK, is_problem, poll


def delete(node, name="orders", *headers):
    return node.ask("DELETE", f"/v1/counters/{name}", headers=headers)


def define(node, name="orders", *headers, **fields):
    return node.ask("PUT", f"/v1/counters/{name}", body=json.dumps(fields).encode(), headers=headers)


def take(node, count=1, name="orders"):
    return node.ask("POST", f"/v1/counters/{name}/range?count={count}")


def names(node, which=""):
    answer = node.ask("GET", f"/v1/counters{which}")
    assert answer.status == 200, answer
    return [counter["name"] for counter in answer.json()["counters"]]


def test_it_gives_no_more_ids(start_node):
    node = start_node("--resp", "off")
    assert is_problem(delete(node), 404, "not_found")
    assert take(node, 5).json()["end"] == 5
    answer = delete(node)
    assert answer.status == 200
    assert answer.json() == {"name": "orders", "value": 5, "start": 1, "increment": 1,
                             "max": 2**63 - 1, "cache": 1, "comment": "", "revision": 2,
                             "deleted": True}
    assert is_problem(take(node), 410, "deleted")
    assert is_problem(node.ask("GET", "/next?counter=orders"), 410, "deleted")
    assert is_problem(node.ask("GET", "/v1/counters/orders"), 410, "deleted")
    assert is_problem(node.ask("POST", "/v1/counters/orders/advance", body=b'{"to":9}'),
                      410, "deleted")
    again = delete(node)
    assert (again.status, again.json()) == (200, answer.json())
    node.next_id("other")
    assert names(node) == ["other"]
    assert names(node, "?deleted=false") == ["other"]
    assert names(node, "?deleted=true") == ["orders"]
    assert is_problem(node.ask("GET", "/v1/counters?deleted=1"), 400, "invalid")


def test_it_comes_back_above_its_value(start_node):
    node = start_node("--resp", "off")
    assert define(node, start=1000, increment=10, comment="Tickets").status == 201
    assert take(node, 3).json()["end"] == 1020
    delete(node)
    assert is_problem(define(node, start=1), 409, "conflict")
    assert is_problem(define(node, max=1010), 409, "conflict")
    assert is_problem(take(node), 410, "deleted")
    answer = define(node, max=5000)
    assert answer.status == 201
    assert answer.json()["value"] == 1020
    assert answer.json()["comment"] == "Tickets"
    assert take(node).json()["start"] == 1030
    assert names(node, "?deleted=true") == []


def test_conditions(start_node):
    node = start_node("--resp", "off")
    etag = define(node).headers["etag"]
    assert is_problem(delete(node, "orders", 'If-Match: "7"'), 412, "precondition_failed")
    assert delete(node, "orders", f"If-Match: {etag}").status == 200
    # There is no such counter now, for conditions.
    assert is_problem(delete(node, "orders", "If-Match: *"), 412, "precondition_failed")
    assert is_problem(define(node, "orders", "If-Match: *"), 412, "precondition_failed")
    assert define(node, "orders", "If-None-Match: *").status == 201
    assert is_problem(define(node, "orders", "If-None-Match: *"), 412, "precondition_failed")


def test_a_key_still_stands_for_its_ids(start_node):
    node = start_node("--resp", "off")

    def with_key(key):
        return node.ask("POST", "/v1/counters/orders/range?count=3",
                        headers=[f"Idempotency-Key: {key}"])

    first = poll(lambda: (answer := with_key("one")).status == 200 and answer, "a first answer")
    delete(node)
    assert with_key("one").json() == first.json()
    assert is_problem(with_key("two"), 410, "deleted")


@pytest.mark.parametrize("cache", [1, 100])
def test_other_nodes_learn_of_it(start_node, cache):
    node, other = start_node("--resp", "off"), start_node("--resp", "off")
    define(node, cache=cache)
    assert take(other, 20).status == 200
    delete(node)
    answers = [take(other) for _ in range(cache + 1)]
    given = [answer.json()["end"] for answer in answers if answer.status == 200]
    assert len(given) < cache
    assert is_problem(answers[-1], 410, "deleted")
    define(node)
    assert take(other).json()["start"] > max([20, *given])


@pytest.mark.parametrize("cache", [1, 50])
def test_ids_after_it_are_above_those_before_through_kills(start_node, cache):
    given, wrong, lock = [], [], threading.Lock()
    is_over = threading.Event()
    nodes = [start_node("--resp", "off") for _ in range(2)]
    define(nodes[0], cache=cache)

    def use(index):
        while not is_over.is_set():
            try:
                answer = take(nodes[index], 3)
            except (OSError, EOFError):
                continue  # It was killed.
            with lock:
                if answer.status == 200:
                    given.append((answer.json()["start"], answer.json()["end"]))
                elif answer.status != 410:
                    wrong.append(answer)

    threads = [threading.Thread(target=use, args=[index]) for index in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            poll(lambda before=len(given): len(given) > before + 5, "ids are given")
            assert delete(nodes[0]).status == 200
            nodes[1].kill()
            nodes[1] = start_node("--resp", "off")
            # Node 0 burned what it held, and node 1 died with it.
            with lock:
                highest = max(end for _, end in given)
            assert is_problem(take(nodes[1]), 410, "deleted")
            nodes[0].kill()
            nodes[0] = start_node("--resp", "off")
            assert is_problem(take(nodes[0]), 410, "deleted")
            assert define(nodes[1]).status == 201
            assert take(nodes[0]).json()["start"] > highest
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    ids = sorted(given)
    assert all(before[1] < after[0] for before, after in zip(ids, ids[1:]))


def test_it_takes_a_right_of_its_own(start_server, tmp_path):
    secrets = {}
    for name, rights in [("definer", "read,allocate,define"), ("deleter", "delete")]:
        done = nextid.run("token", name, "--rights", rights, "--counters", "orders")
        assert done.returncode == OK, done
        secrets[name], line = done.stdout.splitlines()
        with (tmp_path / "tokens").open("a") as file:
            file.write(line + "\n")
    (tmp_path / "tokens").chmod(0o600)
    log = tmp_path / "audit.log"
    server = start_server("--tokens", tmp_path / "tokens", "--resp", "127.0.0.1:0",
                          "--audit-log", log)
    definer, deleter = (f"Authorization: Bearer {secrets[name]}" for name in ("definer", "deleter"))
    assert define(server, "orders", definer).status == 201
    assert is_problem(delete(server), 401, "unauthorized")
    assert is_problem(delete(server, "orders", definer), 403, "forbidden")
    assert is_problem(delete(server, "other", deleter), 403, "forbidden")
    assert is_problem(define(server, "orders", deleter), 403, "forbidden")
    assert is_problem(server.ask("GET", "/next?counter=orders", headers=[deleter]), 403, "forbidden")
    assert delete(server, "orders", deleter).status == 204  # Its token may not look at the counter.

    port = int(server.log().partition("redis://127.0.0.1:")[2].partition(",")[0])
    client = redis.Redis(port=port, password=secrets["definer"])
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command("NEXTID.DELETE", "orders")
    lines = poll(lambda: log.exists() and [
        line for line in map(json.loads, log.read_text().splitlines())
        if line["audit"] == "delete"], "a line of the audit log")
    assert [(line["token"], line["counter"], line["result"]) for line in lines] == [
        ("deleter", "orders", "ok")]


def test_it_is_a_redis_command(start_server):
    server = start_server("--resp", "127.0.0.1:0")
    port = int(server.log().partition("redis://127.0.0.1:")[2].partition(",")[0])
    client = redis.Redis(port=port)
    with pytest.raises(redis.exceptions.ResponseError, match="there is no counter 'orders'"):
        client.execute_command("NEXTID.DELETE", "orders")
    assert client.incrby("orders", 7) == 7
    assert client.execute_command("NEXTID.DELETE", "orders") == 7
    with pytest.raises(redis.exceptions.ResponseError, match="^DELETED counter 'orders' was deleted"):
        client.incr("orders")
    assert client.get("orders") is None
    assert client.exists("orders") == 0
    assert client.dbsize() == 0
    assert list(client.scan_iter()) == []
    with pytest.raises(redis.exceptions.ResponseError, match="NEXTID.DELETE ends one"):
        client.delete("orders")
    assert client.setnx("orders", 0)
    assert client.incr("orders") == 8


def test_the_command_line(any_store):
    assert any_store.run("next", "orders").stdout == "1\n"
    done = any_store.run("delete", "orders")
    assert (done.returncode, done.stdout, done.stderr) == (OK, (
        "deleted counter 'orders' at 1: it gives no more ids; `nextid define orders` would have it go "
        "on there\n"), "")
    done = any_store.run("next", "orders")
    assert done.returncode == CONFLICT
    assert done.stderr == ("nextid: counter 'orders' was deleted; `nextid define orders` brings it "
                           "back where it was.\n")
    assert any_store.run("advance", "orders", "--to", "9").returncode == CONFLICT
    assert "orders" not in any_store.run("counters").stdout
    listed = any_store.run("counters", "--deleted").stdout
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [["orders", "1"]]
    assert json.loads(any_store.run("delete", "orders", "--json").stdout)["deleted"] is True
    done = any_store.run("delete", "other")
    assert done.returncode == INVALID
    assert "there is no counter 'other'" in done.stderr
    assert any_store.run("define", "orders").stdout.startswith("made counter 'orders': start 1,")
    assert any_store.run("next", "orders").stdout == "2\n"
    any_store.run("define", "unused")
    assert any_store.run("delete", "unused").stdout.startswith(
        "deleted counter 'unused' before its first id:")


@pytest.mark.not_accounted("the test restores a store, and moves its counters on")
def test_recovery_moves_deleted_counters_too(tmp_path):
    def run(*arguments):
        done = nextid.run(*arguments, "--store", "sqlite:ids.db", cwd=tmp_path)
        assert done.returncode == OK, (done.stdout, done.stderr)
        return done.stdout

    run("range", "5", "orders")
    run("range", "5", "other")
    run("delete", "orders")
    assert "1 counter, and 1 deleted, of the store" in run("backup", "copy.db")
    run("define", "orders")
    assert run("range", "10", "orders") == "6 15\n"
    said = run("restore", "copy.db", "--force", "--yes", "--skip", "20")
    assert "orders (deleted) moves from 5 to 25" in said
    done = nextid.run("next", "orders", "--store", "sqlite:ids.db", cwd=tmp_path)
    assert done.returncode == CONFLICT, "it is deleted, as in the backup"
    run("define", "orders")
    assert run("next", "orders") == "26\n"
    assert run("next", "other") == "26\n"
