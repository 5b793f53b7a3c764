"""Counters by definition: made, changed, advanced, on one node and on several."""

import json
import threading
from urllib.parse import urljoin

import pytest

import nextid
from nextid import is_problem

MOST = 2**63 - 1


def define(node, name="orders", target_suffix="", **fields):
    """The answer to a PUT of these fields."""
    return node.ask("PUT", f"/v1/counters/{name}{target_suffix}", body=json.dumps(fields).encode(),
                    headers=["Content-Type: application/json"])


def defined(node, name="orders", **fields):
    """The counter, after a definition that must succeed."""
    answer = define(node, name, **fields)
    assert answer.status in (200, 201), answer
    return answer.json()


def advance(node, to, name="orders"):
    return node.ask("POST", f"/v1/counters/{name}/advance", body=json.dumps({"to": to}).encode())


def shown(node, name="orders"):
    answer = node.ask("GET", f"/v1/counters/{name}")
    assert answer.status == 200, answer
    return answer.json()


def test_make_and_change(start_node):
    node = start_node()
    answer = define(node, start=3, increment=10)
    assert answer.status == 201
    # From the path asked for: behind a proxy that is another one than here.
    assert answer.headers["location"] == "./orders"
    expected = {"name": "orders", "value": None, "start": 3, "increment": 10, "max": MOST,
                "cache": 1, "comment": "", "revision": 1}
    assert answer.json() == expected
    assert node.ask("GET", urljoin("/v1/counters/orders", answer.headers["location"])).json() == expected

    # What is left out stays as it is.
    answer = define(node, comment="Größe: 5 €")
    assert answer.status == 200
    assert "location" not in answer.headers
    expected = {**expected, "comment": "Größe: 5 €", "revision": 2}
    assert answer.json() == expected
    expected = {**expected, "max": 5000, "revision": 3}
    assert defined(node, max="5000") == expected
    expected = {**expected, "cache": 4, "comment": "", "revision": 4}
    assert defined(node, cache=4, comment="", start=3, increment=10) == expected
    # Nothing changes, so nothing does.
    assert defined(node) == defined(node, max=5000) == shown(node) == expected
    assert node.stop()["burned"] == 0


def test_definitions_outlive_the_node(start_node):
    node = start_node()
    expected = defined(node, start=7, increment=2, max=99, comment="kept")
    node.kill()
    node = start_node()
    assert shown(node) == expected
    assert node.next_id("orders") == 7
    assert node.next_id("orders") == 9


def put_if(node, condition, name="orders", **fields):
    return node.ask("PUT", f"/v1/counters/{name}", body=json.dumps(fields).encode(),
                    headers=[condition])


def test_conditions_of_put(start_node):
    node = start_node()
    for condition in ("If-Match: *", 'If-Match: "1"'):
        assert is_problem(put_if(node, condition), 412, "precondition_failed")
    assert node.ask("GET", "/v1/counters/orders").status == 404
    made = put_if(node, "If-None-Match: *", comment="a")
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    assert is_problem(put_if(node, "If-None-Match: *", comment="a"), 412, "precondition_failed")
    changed = put_if(node, 'If-Match: "7", "1"', comment="b")
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    for condition in ('If-Match: "1"', 'If-Match: W/"2"', 'If-None-Match: W/"2"'):
        assert is_problem(put_if(node, condition, comment="c"), 412, "precondition_failed")
    # A condition that does not hold comes before a conflict, and after a mistake (RFC 9110, 13.2).
    assert is_problem(put_if(node, 'If-Match: "1"', start=9), 412, "precondition_failed")
    assert is_problem(put_if(node, 'If-Match: "2"', start=9), 409, "conflict")
    assert is_problem(put_if(node, 'If-Match: "1"', max=0), 400, "invalid")
    assert is_problem(put_if(node, "If-Match: 2", comment="c"), 400, "invalid")
    assert put_if(node, "If-Match: *").headers["etag"] == '"2"'
    assert shown(node)["comment"] == "b"


def test_conditions_of_get(start_node):
    node = start_node()
    assert node.ask("GET", "/v1/counters/orders", headers=["If-Match: *"]).status == 404
    defined(node)
    with node.connect() as connection:
        def get(*headers, method="GET"):
            return connection.ask(method, "/v1/counters/orders", headers=headers)
        assert get().headers["etag"] == get(method="HEAD").headers["etag"] == '"1"'
        assert get().headers["cache-control"] == "no-store"
        same = get('If-None-Match: "1"')
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", '"1"')
        assert same.headers["cache-control"] == "no-store"
        assert get('If-None-Match: "2"').json() == get('If-Match: "1"').json() == get().json()
        assert is_problem(get('If-Match: "2"'), 412, "precondition_failed")


def test_calls_that_take_ids_refuse_if_match(start_node):
    node = start_node()
    for method, target, body in (
            ("GET", "/next", b""), ("POST", "/range?count=5", b""),
            ("POST", "/v1/counters/global/next", b""), ("GET", "/v1/counters/global/range?count=5", b""),
            ("POST", "/v1/counters/global/advance", b'{"to":100}')):
        answer = node.ask(method, target, body=body, headers=["If-Match: *"])
        assert is_problem(answer, 412, "precondition_failed")
    assert node.next_id() == 1
    assert node.ask("GET", "/next", headers=["If-None-Match: *"]).json() == {"id": 2}


def test_of_many_that_make_a_counter_one_is_told_so(start_node):
    nodes = [start_node(), start_node()]
    for turn in range(10):
        answers = []

        def make(node):
            answers.append(put_if(node, "If-None-Match: *", f"lock-{turn}", comment="mine"))

        together(make, nodes * 3)
        assert sorted(answer.status for answer in answers) == [201] + [412] * 5


def test_no_change_is_lost_between_reading_and_writing(start_node):
    """Clients on two nodes count in the comment, each on what it has read."""
    nodes = [start_node(), start_node()]
    defined(nodes[0], comment="0")

    def count(node):
        for _ in range(5):
            while True:
                seen = node.ask("GET", "/v1/counters/orders")
                answer = put_if(node, f"If-Match: {seen.headers['etag']}",
                                comment=str(int(seen.json()["comment"]) + 1))
                if answer.status == 200:
                    break
                assert is_problem(answer, 412, "precondition_failed")

    together(count, nodes * 2)
    assert shown(nodes[0])["comment"] == "20"
    assert shown(nodes[1])["revision"] == 21


def together(work, nodes):
    """Does it for each node at the same time."""
    failures = []

    def run(node):
        try:
            work(node)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=[node]) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_no_body_makes_the_default(start_node):
    node = start_node()
    with node.connect() as connection:
        assert connection.ask("PUT", "/v1/counters/orders").status == 201
        assert connection.ask("PUT", "/v1/counters/orders", body=b"{}").status == 200
    assert node.next_id("orders") == 1


def test_text_for_javascript(start_server):
    node = start_server()
    answer = define(node, target_suffix="?as=string", start=str(MOST - 1), max=str(MOST))
    assert answer.status == 201
    assert answer.json()["start"] == str(MOST - 1)
    assert answer.json()["max"] == str(MOST)
    answer = node.ask("POST", "/v1/counters/orders/advance?as=string",
                      body=b'{"to":"%d"}' % (MOST - 1))
    assert answer.json()["value"] == str(MOST - 1)
    assert node.ask("GET", "/next?counter=orders&as=string").json() == {"id": str(MOST)}


def test_content_types(start_server):
    node = start_server()
    with node.connect() as connection:
        for content_type in ["application/json", "application/json; charset=utf-8",
                             "Application/Merge-Patch+JSON"]:
            answer = connection.ask("PUT", "/v1/counters/orders", body=b"{}",
                                    headers=[f"Content-Type: {content_type}"])
            assert answer.status in (200, 201), content_type


def test_strides(start_node):
    node = start_node()
    defined(node, start=3, increment=10)
    assert [node.next_id("orders") for _ in range(3)] == [3, 13, 23]
    assert node.ask("GET", "/range?counter=orders&count=3").json() == {
        "start": 33, "end": 53, "count": 3, "increment": 10}
    assert shown(node)["value"] == 53
    assert node.stop()["returned"] == 6


def test_the_max_is_the_end_until_it_is_raised(start_node):
    node = start_node()
    defined(node, start=100, max=104)
    with node.connect() as connection:
        assert is_problem(connection.ask("GET", "/range?counter=orders&count=6"), 409, "exhausted")
        assert connection.ask("GET", "/range?counter=orders&count=4").json()["end"] == 103
        assert is_problem(connection.ask("GET", "/range?counter=orders&count=2"), 409, "exhausted")
        assert connection.ask("GET", "/next?counter=orders").json() == {"id": 104}
        for _ in range(2):
            assert is_problem(connection.ask("GET", "/next?counter=orders"), 409, "exhausted")
        defined(node, max=106)
        assert connection.ask("GET", "/range?counter=orders&count=2").json()["end"] == 106
        assert is_problem(connection.ask("GET", "/next?counter=orders"), 409, "exhausted")
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (7, 0)


def test_a_revision_guards_a_change(start_node):
    node = start_node()
    revision = defined(node, comment="first")["revision"]
    changed = defined(node, comment="mine", revision=revision)
    assert changed["revision"] == revision + 1
    answer = define(node, comment="too late", revision=revision)
    assert is_problem(answer, 409, "conflict")
    assert shown(node) == changed
    # A counter that does not exist has no revision.
    assert is_problem(define(node, "other", revision=5), 409, "conflict")
    assert node.ask("GET", "/v1/counters/other").status == 404


@pytest.mark.parametrize("fields", [
    {"start": 2}, {"increment": 2}, {"start": 1, "increment": 7}, {"max": 4}, {"max": 1},
    {"start": 2, "comment": "changed"}], ids=str)
def test_conflicts_change_nothing(start_node, fields):
    node = start_node()
    assert node.ask("GET", "/range?counter=orders&count=5").status == 200
    before = shown(node)
    assert is_problem(define(node, **fields), 409, "conflict")
    assert shown(node) == before
    assert node.next_id("orders") == 6


def test_the_max_may_be_the_value(start_node):
    node = start_node()
    assert node.ask("GET", "/range?counter=orders&count=5").status == 200
    assert defined(node, max=5)["max"] == 5
    assert is_problem(node.ask("GET", "/next?counter=orders"), 409, "exhausted")


def test_a_max_below_the_start_is_invalid(start_node):
    node = start_node()
    assert is_problem(define(node, start=10, max=9), 400, "invalid")
    assert node.ask("GET", "/v1/counters/orders").status == 404
    assert defined(node, start=10, max=10)["max"] == 10
    assert node.next_id("orders") == 10


# ---- Several nodes


def test_other_nodes_learn_of_a_change_by_themselves(start_node):
    first, second = start_node(), start_node()
    assert first.next_id("orders") == 1
    assert second.next_id("orders") == 2
    defined(first, max=4)
    assert second.next_id("orders") == 3
    assert second.next_id("orders") == 4
    assert is_problem(second.ask("GET", "/next?counter=orders"), 409, "exhausted")
    defined(second, max=1000)
    assert first.next_id("orders") == 5
    # A cache, too: from then on the nodes hold blocks, so a node's own ids are neighbours.
    defined(first, cache=50)
    ids = {first: [], second: []}
    for _ in range(5):
        for node, seen in ids.items():
            seen.append(node.next_id("orders"))
    for seen in ids.values():
        assert seen == sorted(seen)
    assert len({*ids[first], *ids[second]}) == 10
    assert any(b == a + 1 for seen in ids.values() for a, b in zip(seen, seen[1:]))
    first.stop()
    second.stop()


def test_definitions_at_the_same_time(start_node):
    """Two nodes make and change one counter at once: one makes it, and no change is lost."""
    nodes = [start_node(), start_node()]
    answers = []

    def change(node, number):
        answers.append(define(node, start=5, increment=5, max=10**6 + number))

    threads = [threading.Thread(target=change, args=(nodes[number % 2], number))
               for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {200, 201}
    assert any(answer.status == 201 for answer in answers)
    revisions = sorted({answer.json()["revision"] for answer in answers})
    assert revisions == list(range(1, len(revisions) + 1))
    last = max(answers, key=lambda answer: answer.json()["revision"]).json()
    assert shown(nodes[0]) == shown(nodes[1]) == last
    assert [node.next_id("orders") for node in nodes] == [5, 10]


# ---- Advance


def test_advance(start_node):
    node = start_node()
    assert node.next_id("orders") == 1
    answer = advance(node, 1000)
    assert answer.status == 200
    assert answer.json()["value"] == 1000
    assert answer.json() == shown(node)
    assert node.next_id("orders") == 1001
    # It may be repeated, and never goes back.
    for to in [1000, 1001, 1]:
        assert advance(node, to).json()["value"] == 1001
    assert node.next_id("orders") == 1002
    counts = node.stop()
    assert (counts["returned"], counts["burned"], counts["advance"]) == (3, 999, 999)


def test_advance_makes_the_counter(start_node):
    node = start_node()
    assert advance(node, 41).json()["value"] == 41
    assert node.next_id("orders") == 42


def test_advance_to_the_max_and_not_past_it(start_node):
    node = start_node()
    defined(node, max=50)
    assert is_problem(advance(node, 51), 400, "invalid")
    assert node.next_id("orders") == 1
    assert advance(node, 50).json()["value"] == 50
    assert is_problem(node.ask("GET", "/next?counter=orders"), 409, "exhausted")


def test_advance_keeps_the_stride(start_node):
    node = start_node()
    defined(node, start=3, increment=10)
    assert advance(node, 30).status == 200
    got = node.next_id("orders")
    assert got > 30
    assert got % 10 == 3


def test_advance_on_another_node(start_node):
    first, second = start_node(), start_node()
    assert first.next_id("orders") == 1
    assert advance(second, 500).json()["value"] == 500
    assert first.next_id("orders") == 501
    assert second.next_id("orders") == 502
    counts = [first.stop(), second.stop()]
    assert sum(count["returned"] + count["burned"] for count in counts) == 502
    assert sum(count["advance"] for count in counts) == 499


# ---- In turn on a connection


def test_pipelined_changes_take_place_in_their_turn(start_node):
    node = start_node()
    with node.connect() as connection:
        connection.request("PUT", "/v1/counters/orders", body=b'{"start":5,"max":6}')
        for _ in range(3):
            connection.request("GET", "/next?counter=orders")
        connection.request("PUT", "/v1/counters/orders", body=b'{"max":2000}')
        connection.request("GET", "/next?counter=orders")
        connection.request("POST", "/v1/counters/orders/advance", body=b'{"to":1000}')
        connection.request("GET", "/next?counter=orders")
        answers = [connection.answer() for _ in range(8)]
    assert [answer.status for answer in answers] == [201, 200, 200, 409, 200, 200, 200, 200]
    assert [answers[i].json()["id"] for i in [1, 2, 5, 7]] == [5, 6, 7, 1001]


def test_half_closed_client_gets_its_definition(start_server):
    node = start_server()
    with node.connect() as connection:
        connection.request("GET", "/next")
        connection.request("PUT", "/v1/counters/orders", body=b'{"start":9}')
        connection.finish_sending()
        assert connection.answer().json() == {"id": 1}
        assert connection.answer().status == 201
        assert connection.closed_by_server()


# ---- Options


def test_default_cache_is_written_into_new_counters(start_server):
    node = start_server("--default-cache", "20")
    node.next_id("orders")
    assert shown(node)["cache"] == 20
    assert defined(node, "defined")["cache"] == 20
    assert defined(node, "strict", cache=1)["cache"] == 1
    node.stop()
    # It is the counter's now.
    assert shown(start_server())["cache"] == 20


@pytest.mark.parametrize("options, env", [
    (["--no-auto-create"], None), ([], {"NEXTID_NO_AUTO_CREATE": "true"})])
def test_no_auto_create(start_server, options, env):
    node = start_server(*options, env=env)
    for target in ["/next", "/next?counter=orders", "/v1/counters/orders/range?count=5"]:
        assert is_problem(node.ask("GET", target), 404, "not_found"), target
    assert is_problem(advance(node, 5), 404, "not_found")
    assert node.ask("GET", "/v1/counters").json()["counters"] == []
    defined(node)
    assert node.next_id("orders") == 1
    assert advance(node, 5).json()["value"] == 5


# ---- The command line


def test_command_lines_and_servers_agree(start_server, store):
    node = start_server()
    done = nextid.run("define", "orders", "--start", "3", "--increment", "10", "--store", store)
    assert done.returncode == nextid.OK, done
    assert node.next_id("orders") == 3
    assert nextid.run("next", "orders", "--store", store).stdout == "13\n"
    done = nextid.run("advance", "orders", "--to", "100", "--json", "--store", store)
    assert json.loads(done.stdout) == shown(node)
    assert node.next_id("orders") == 103


# ---- What was read is sent back


@pytest.mark.parametrize("suffix", ["", "?as=string"])
def test_what_get_shows_can_be_put(start_node, suffix):
    node = start_node()
    defined(node, start=5, cache=10, comment="Größe")
    for taken in (False, True):
        if taken:
            node.next_id("orders")
        seen = node.ask("GET", "/v1/counters/orders" + suffix).json()
        answer = node.ask("PUT", "/v1/counters/orders" + suffix, body=json.dumps(seen).encode())
        assert (answer.status, answer.json()) == (200, seen)
    other = node.ask("PUT", "/v1/counters/others", body=json.dumps(seen).encode())
    assert is_problem(other, 400, "invalid")


# ---- Bounds by their names


@pytest.mark.parametrize("option, bound", [("--max-js-safe", 2**53 - 1), ("--max-int32", 2**31 - 1)])
def test_a_bound_by_its_name(sqlite, option, bound):
    assert sqlite.run("define", "orders", option).returncode == nextid.OK
    defined = json.loads(sqlite.run("counters", "--json").stdout)["counters"][0]
    assert (defined["name"], defined["max"]) == ("orders", bound)
    for other in (["--max", "5"], ["--max-js-safe" if option == "--max-int32" else "--max-int32"]):
        refused = sqlite.run("define", "others", option, *other)
        assert refused.returncode == nextid.INVALID, refused.stderr


def test_a_conditional_write_in_doubt_is_not_told_as_done(dynamodb):
    """The first answer is lost on its way: what is there then may be another's."""
    node = dynamodb.start()
    dynamodb.proxy.script.add("fail_after", operation="UpdateItem")
    answer = put_if(node, "If-None-Match: *", comment="mine")
    assert is_problem(answer, 503, "unavailable")
    assert shown(node)["comment"] == "mine"
    dynamodb.proxy.script.add("fail_after", operation="UpdateItem")
    assert is_problem(put_if(node, 'If-Match: "1"', comment="new"), 503, "unavailable")
    assert shown(node)["revision"] == 2
    # Without a condition the same write is done, whoever did it.
    dynamodb.proxy.script.add("fail_after", operation="UpdateItem")
    assert put_if(node, "X-Nothing: 1", comment="newer").json()["revision"] == 3
