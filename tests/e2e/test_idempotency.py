"""Idempotency keys: one key is one request, whatever happens on the way to its answer."""

import threading

import pytest

from nextid import OK, Clock, is_problem, poll, store_locked


def header(key):
    return [f"Idempotency-Key: {key}"]


def ask(node, key, target="/next", method="POST"):
    return node.ask(method, target, headers=header(key))


def take(node, key, target="/next"):
    """The JSON of an answer that must succeed."""
    answer = ask(node, key, target)
    assert answer.status == 200, answer
    return answer.json()


def accounted(*closings):
    return sum(counts["returned"] + counts["burned"] for counts in closings)


# ---- Replays


def test_replays_on_the_same_and_on_another_connection(start_node):
    node = start_node()
    with node.connect() as connection:
        for _ in range(3):
            answer = connection.ask("POST", "/next", headers=header("a"))
            assert answer.body == b'{"id":1}'
            assert answer.headers["cache-control"] == "no-store"
        assert connection.ask("GET", "/next").json() == {"id": 2}
        assert connection.ask("GET", "/next", headers=header("a")).json() == {"id": 1}
    assert take(node, "a") == {"id": 1}
    assert take(node, "b") == {"id": 3}
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (3, 0)


def test_every_allocating_call_takes_a_key(start_node):
    node = start_node()
    first = take(node, "a", "/range?count=5")
    assert first == {"start": 1, "end": 5, "count": 5}
    for method in ["GET", "POST"]:
        for target in ["/range?count=5", "/range?count=5&counter=global",
                       "/v1/counters/global/range?count=5"]:
            assert ask(node, "a", target, method).json() == first, (method, target)
        assert ask(node, "b", "/v1/counters/global/next", method).json() == {"id": 6}
        assert ask(node, "b", "/range?count=1", method).json() == {
            "start": 6, "end": 6, "count": 1}
    assert take(node, "a", "/range?count=5&as=string") == {"start": "1", "end": "5", "count": 5}
    assert node.value() == 6


def test_another_node_answers_with_the_same_ids(start_node):
    first, second = start_node(), start_node()
    ids = take(first, "a", "/range?count=7")
    assert take(second, "a", "/range?count=7") == ids
    assert second.next_id() == 8
    counts = [first.stop(), second.stop()]
    assert [count["burned"] for count in counts] == [0, 0]
    assert accounted(*counts) == 8


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_keys_outlive_the_node(start_node, end):
    node = start_node()
    ids = [take(node, key) for key in "abc"]
    assert node.next_id() == 4
    getattr(node, end)()
    node = start_node()
    assert [take(node, key) for key in "abc"] == ids
    assert node.next_id() == 5


def test_strides_are_replayed(start_node):
    node = start_node()
    assert node.ask("PUT", "/v1/counters/orders", body=b'{"start":3,"increment":10}').status == 201
    ids = {"start": 3, "end": 23, "count": 3, "increment": 10}
    for _ in range(2):
        assert take(node, "a", "/range?counter=orders&count=3") == ids


# ---- What a key is


def test_another_count_is_a_conflict(start_node):
    node = start_node()
    ids = take(node, "a", "/range?count=5")
    for target in ["/range?count=4", "/range?count=6", "/next"]:
        assert is_problem(ask(node, "a", target), 409, "conflict"), target
    assert take(node, "a", "/range?count=5") == ids
    counts = node.stop()
    assert accounted(counts) == 5
    assert counts["burned"] == 0


def test_keys_of_other_counters_are_other_keys(start_node):
    node = start_node()
    assert node.next_id("other") == 1
    assert take(node, "a") == {"id": 1}
    assert take(node, "a", "/next?counter=other") == {"id": 2}
    assert take(node, "a", "/range?counter=third&count=3")["end"] == 3
    assert take(node, "a") == {"id": 1}
    # Nor do names and keys run together.
    assert take(node, "b:a") == {"id": 2}
    assert take(node, "a", "/next?counter=global:b") == {"id": 1}


def test_plain_and_quoted_forms_are_one_key(start_node):
    node = start_node()
    for number, forms in enumerate([
            ["a", '"a"'], ["two words", '"two words"', "  two words  "],
            [r'say "hi" \o/', r'"say \"hi\" \\o/"'], ["A"], ["k" * 255, '"' + "k" * 255 + '"'],
            ["!#$%&'*+-.^_`|~,;:/?@()[]{}<>="]], start=1):
        for form in forms:
            assert take(node, form) == {"id": number}, form
    assert node.stop()["returned"] == 6


def test_calls_that_allocate_nothing_ignore_keys(server):
    with server.connect() as connection:
        for target in ["/healthz", "/v1/counters", "/readyz"]:
            for key in ["a", "", "k" * 300]:
                assert connection.ask("GET", target, headers=header(key)).status == 200
        for _ in range(2):
            answer = connection.ask("PUT", "/v1/counters/orders", headers=header("a"))
            assert answer.status in (200, 201)


def test_refused_requests_do_not_use_up_their_key(start_node):
    node = start_node()
    assert node.ask("PUT", "/v1/counters/orders", body=b'{"max":5}').status == 201
    target = "/range?counter=orders&count=6"
    assert is_problem(ask(node, "a", target), 409, "exhausted")
    assert node.ask("PUT", "/v1/counters/orders", body=b'{"max":6}').status == 200
    assert take(node, "a", target) == {"start": 1, "end": 6, "count": 6}
    assert is_problem(node.ask("GET", "/next?counter=orders"), 409, "exhausted")
    # All are used; the key still has its own.
    assert take(node, "a", target) == {"start": 1, "end": 6, "count": 6}


# ---- Clocks that are wrong

DAY_S = 24 * 3600


@pytest.mark.parametrize("jump_s", [3 * DAY_S, -3 * DAY_S, 200 * 365 * DAY_S])
def test_a_wall_clock_that_jumps_ends_no_key(start_server, tmp_path, jump_s):
    """Nor while it is wrong, nor when it is right again, nor over a restart."""
    clock = Clock(tmp_path / "clock")
    server = start_server(env=clock.env)
    before = {f"before{number}": take(server, f"before{number}") for number in range(20)}
    clock.move(jump_s)
    # Each new key removes some that have expired.
    during = {f"during{number}": take(server, f"during{number}") for number in range(20)}
    known = {**before, **during}
    assert {key: take(server, key) for key in known} == known
    server.stop()
    server = start_server(env=clock.env)
    assert {key: take(server, key) for key in known} == known
    clock.move(0)
    assert {key: take(server, key) for key in known} == known
    server.kill()
    server = start_server(env=clock.env)
    assert {key: take(server, key) for key in known} == known
    assert server.next_id() == len(known) + 1


def test_processes_with_different_clocks_agree(start_server, tmp_path):
    wrong = Clock(tmp_path / "wrong")
    wrong.move(3 * DAY_S)
    servers = [start_server(), start_server(env=wrong.env)]
    for number in range(1, 7):
        key = f"key{number}"
        one, other = servers[number % 2], servers[(number + 1) % 2]
        assert take(one, key) == take(other, key) == {"id": number}


def test_keys_expire_while_the_wall_clock_is_behind(start_server, tmp_path):
    clock = Clock(tmp_path / "clock")
    server = start_server("--idempotency-retention", "1s", env=clock.env)
    first = take(server, "a")["id"]
    clock.move(-3 * DAY_S)
    poll(lambda: take(server, "a")["id"] != first, "the key is forgotten")


def test_a_node_of_dynamodb_whose_clock_jumps_gives_no_other_ids(dynamodb, tmp_path):
    """DynamoDB takes no request that was signed so far from its own time."""
    clock = Clock(tmp_path / "clock")
    node = dynamodb.start("--request-timeout", "1s", env={**dynamodb.env, **clock.env})
    first = take(node, "a")
    clock.move(3 * DAY_S)
    assert is_problem(ask(node, "a"), 503, "unavailable")
    clock.move(0)
    poll(lambda: ask(node, "a").status == 200, "it is served again")
    assert take(node, "a") == first


# ---- The end of a key


def test_keys_expire(start_node):
    node = start_node("--idempotency-retention", "1s")
    first = take(node, "a")["id"]
    again = poll(lambda: [got for got in [take(node, "a")["id"]] if got != first],
                 "the key is forgotten")[0]
    assert again > first
    # Then it may stand for another count.
    poll(lambda: ask(node, "a", "/range?count=2").status == 200, "the key is forgotten again")
    counts = node.stop()
    assert counts["burned"] == 0
    assert start_node().value() == accounted(counts)


# ---- At the same time


def in_parallel(nodes, keys, target="/next"):
    """One thread a key and node; the answers by key."""
    answers = {key: [] for key in keys}

    def work(node, key):
        answers[key].append(ask(node, key, target))

    threads = [threading.Thread(target=work, args=(node, key)) for key in keys for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_concurrent_requests_of_one_key_agree(start_node):
    nodes = [start_node(), start_node()]
    answers = in_parallel(nodes * 16, ["a"], "/range?count=3")["a"]
    assert len(answers) == 32
    assert {answer.status for answer in answers} == {200}
    ids = {answer.body for answer in answers}
    assert len(ids) == 1
    assert take(nodes[0], "a", "/range?count=3") == answers[0].json()
    value = nodes[0].value()
    counts = [node.stop() for node in nodes]
    # One of them, once; what the others had reserved before they knew is burned.
    assert sum(count["returned"] for count in counts) == 3
    assert sum(count["idempotency"] for count in counts) == value - 3
    assert accounted(*counts) == value


def test_many_keys_over_two_nodes(start_node):
    nodes = [start_node(), start_node()]
    keys = [f"key-{number}" for number in range(12)]
    answers = in_parallel(nodes, keys)
    ids = set()
    for key in keys:
        assert {answer.status for answer in answers[key]} == {200}
        bodies = {answer.body for answer in answers[key]}
        assert len(bodies) == 1, key
        ids |= bodies
    assert len(ids) == len(keys)
    value = nodes[0].value()
    counts = [node.stop() for node in nodes]
    assert sum(count["returned"] for count in counts) == len(keys)
    assert accounted(*counts) == value
    assert sum(count["burned"] for count in counts) == sum(count["idempotency"] for count in counts)


def test_pipelined_burst(start_node):
    node = start_node()
    burst = b"".join(
        b"POST /range?count=2 HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k%d\r\n\r\n"
        b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n" % (number % 10) for number in range(100))
    with node.connect() as connection:
        connection.send(burst)
        answers = [connection.answer() for _ in range(200)]
    assert {answer.status for answer in answers} == {200}
    ranges = [answer.body for answer in answers[::2]]
    for number in range(100):
        assert ranges[number] == ranges[number % 10]
    singles = [answer.json()["id"] for answer in answers[1::2]]
    assert singles == sorted(set(singles))
    kept = {one for answer in answers[:20:2] for one in (answer.json()["start"],
                                                         answer.json()["end"])}
    assert len(kept) == 20
    assert not kept & set(singles)
    value = node.value()
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (120, value - 120)


# ---- Clients that vanish, stores that do not answer


def test_the_key_keeps_ids_of_vanished_clients(server, tmp_path):
    """A client that asks again gets the ids that were on the way; none is lost or counted twice."""
    connections = [server.connect() for _ in range(5)]
    for connection in connections:
        assert connection.ask("GET", "/healthz").status == 200
    with store_locked(tmp_path / "ids.db"):
        for number, connection in enumerate(connections):
            connection.request("POST", "/range?count=7", headers=header(f"k{number}"))
        for connection in connections:
            connection.wait_until_read()
            connection.reset()
    ranges = [take(server, f"k{number}", "/range?count=7") for number in range(5)]
    assert len({ids["start"] for ids in ranges}) == 5
    value = server.value()
    counts = server.stop()
    assert counts["disconnect"] == 0
    assert accounted(counts) == value
    assert counts["returned"] == 35


def test_the_key_keeps_ids_of_an_answer_that_was_never_written(dynamodb):
    """Its answer is there, but waits for the one before it when the client vanishes."""
    node = dynamodb.start()
    assert node.next_id("slow") == 1
    assert take(node, "a") == {"id": 1}
    dynamodb.proxy.script.add(*["hang_before"] * 1000, operation="UpdateItem")
    before = dynamodb.proxy.requests["GetItem"]
    with node.connect() as connection:
        connection.request("GET", "/next?counter=slow")
        connection.request("POST", "/next", headers=header("a"))
        poll(lambda: dynamodb.proxy.requests["GetItem"] > before, "the key is looked up")
        # The server learns of that answer no later than of this one.
        assert take(node, "a") == {"id": 1}
        connection.reset()
    dynamodb.proxy.script.clear()
    assert node.stop()["returned"] == 2


def test_while_its_fate_is_open_a_key_is_answered_503_or_504(start_server, tmp_path):
    node = start_server("--request-timeout", "700ms")
    assert node.next_id() == 1
    with store_locked(tmp_path / "ids.db"):
        for _ in range(2):
            answer = ask(node, "a")
            assert answer.status in (503, 504)
            code = {503: "unavailable", 504: "deadline"}[answer.status]
            assert is_problem(answer, answer.status, code)
    ids = poll(lambda: [a.json() for a in [ask(node, "a")] if a.status == 200], "an answer")[0]
    assert take(node, "a") == ids
    counts = node.stop()
    assert counts["returned"] == 2
    assert start_server().value() == accounted(counts)


# ---- The command line


def test_command_lines(any_store):
    node = any_store.start()
    for _ in range(2):
        done = any_store.run("range", "5", "orders", "--key", "a")
        assert (done.returncode, done.stdout) == (OK, "1 5\n"), done
    assert take(node, '"a"', "/range?counter=orders&count=5") == {
        "start": 1, "end": 5, "count": 5}
    assert any_store.run("next", "orders").stdout == "6\n"
