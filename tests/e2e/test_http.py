"""What a client with good requests gets: exact bytes, headers, order."""

import pytest


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ids_and_ranges(server, method):
    assert server.ask(method, "/next").body == b'{"id":1}'
    assert server.ask(method, "/range?count=10").body == b'{"start":2,"end":11,"count":10}'
    assert server.ask(method, "/next").body == b'{"id":12}'
    assert server.ask(method, "/range?count=1").body == b'{"start":13,"end":13,"count":1}'
    assert server.ask(method, "/next?counter=global").body == b'{"id":14}'


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_named_counters(server, method):
    assert server.ask(method, "/next?counter=orders").body == b'{"id":1}'
    assert server.ask(method, "/v1/counters/orders/next").body == b'{"id":2}'
    assert server.ask(method, "/range?counter=orders&count=3").body == (
        b'{"start":3,"end":5,"count":3}')
    assert server.ask(method, "/v1/counters/orders/range?count=2").body == (
        b'{"start":6,"end":7,"count":2}')
    assert server.ask(method, "/next?counter=other").body == b'{"id":1}'
    assert server.ask(method, "/next").body == b'{"id":1}'


def test_ids_as_text(server):
    assert server.ask("GET", "/next?as=string").body == b'{"id":"1"}'
    assert server.ask("GET", "/range?count=2&as=string").body == (
        b'{"start":"2","end":"3","count":2}')
    assert server.ask("GET", "/v1/counters/global/next?as=string").body == b'{"id":"4"}'
    assert server.ask("GET", "/v1/counters/global?as=string").json()["value"] == "4"
    assert server.ask("GET", "/next?as=number").body == b'{"id":5}'


@pytest.mark.parametrize("target", ["/next", "/range?count=2", "/v1/counters/a/next",
                                    "/v1/counters/a/range?count=2"])
def test_headers_of_allocating_calls(server, target):
    answer = server.ask("POST", target)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize("target", ["/next", "/range?count=2", "/v1/counters/global/next",
                                    "/v1/counters/global/range?count=2"])
def test_head_allocates_nothing(server, target):
    answer = server.ask("HEAD", target)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, POST"
    assert server.next_id() == 1


def test_counter_names_at_their_limits(server):
    for name in ["a", "_", "7", "a.b:c-d_e", "x" * 128]:
        assert server.ask("GET", f"/v1/counters/{name}/next").body == b'{"id":1}', name
    assert server.ask("GET", "/v1/counters/a%2Eb%3Ac-d_e/next").body == b'{"id":2}'


def test_one_counter(server):
    assert server.ask("GET", "/v1/counters/orders").status == 404
    server.ask("GET", "/range?count=41&counter=orders")
    answer = server.ask("GET", "/v1/counters/orders")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    counter = answer.json()
    assert counter["name"] == "orders"
    assert counter["value"] == 41
    assert counter["start"] == 1
    assert counter["increment"] == 1
    assert counter["max"] == 2**63 - 1
    assert counter["cache"] == 1
    # Looking at a counter makes none.
    assert server.ask("GET", "/v1/counters").json()["counters"] == [counter]


def test_counters_in_pages(server):
    assert server.ask("GET", "/v1/counters").json() == {"counters": [], "next": None}
    names = [f"counter-{number:02}" for number in range(25)]
    for name in reversed(names):
        server.next_id(name)
    assert [c["name"] for c in server.ask("GET", "/v1/counters").json()["counters"]] == names

    seen = []
    after = ""
    while after is not None:
        page = server.ask("GET", f"/v1/counters?limit=10&after={after}").json()
        assert len(page["counters"]) <= 10
        seen += [counter["name"] for counter in page["counters"]]
        after = page["next"]
    assert seen == names


def test_health(server):
    for target in ["/healthz", "/readyz"]:
        answer = server.ask("GET", target)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        answer = server.ask("HEAD", target)
        assert answer.status == 200
        assert answer.body == b""


def test_keep_alive(server):
    with server.connect() as connection:
        for number in range(1, 101):
            answer = connection.ask("GET", "/next")
            assert answer.json() == {"id": number}
            assert answer.headers.get("connection", "").lower() != "close"


def test_connection_close_is_honoured(server):
    with server.connect() as connection:
        answer = connection.ask("GET", "/next", headers=["Connection: close"])
        assert answer.json() == {"id": 1}
        assert answer.headers["connection"].lower() == "close"
        assert connection.closed_by_server()


def test_pipelined_requests_are_answered_in_order(server):
    requests = []
    expected = []
    last = 0
    for number in range(500):
        if number % 3 == 2:
            requests.append(b"POST /range?count=3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            expected.append({"start": last + 1, "end": last + 3, "count": 3})
            last += 3
        else:
            requests.append(b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
            expected.append({"id": last + 1})
            last += 1
    with server.connect() as connection:
        connection.send(b"".join(requests))
        assert [connection.answer().json() for _ in requests] == expected


def test_pipelined_requests_of_all_kinds_are_answered_in_order(server):
    with server.connect() as connection:
        for target in ["/next", "/v1/counters", "/nothing", "/next", "/readyz",
                       "/range?count=0", "/healthz", "/next?counter=b", "/next"]:
            connection.request("GET", target)
        answers = [connection.answer() for _ in range(9)]
    assert [answer.status for answer in answers] == [200, 200, 404, 200, 200, 400, 200, 200, 200]
    assert [answers[i].json()["id"] for i in [0, 3, 7, 8]] == [1, 2, 1, 3]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pipelined_read_sees_the_ids_before_it(server, method):
    with server.connect() as connection:
        connection.request(method, "/next")
        connection.request("GET", "/v1/counters/global")
        assert connection.answer().json() == {"id": 1}
        assert connection.answer().json()["value"] == 1


def test_half_closed_client_gets_its_answers(server):
    with server.connect() as connection:
        connection.request("GET", "/next")
        connection.request("GET", "/range?count=2")
        connection.finish_sending()
        assert connection.answer().json() == {"id": 1}
        assert connection.answer().json() == {"start": 2, "end": 3, "count": 2}
        assert connection.closed_by_server()
    assert server.stop()["burned"] == 0


def test_torn_requests_are_put_together(server):
    request = b"GET /range?count=2&counter=global HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\r\n"
    with server.connect() as connection:
        for byte in request * 2:
            connection.send(bytes([byte]))
        assert connection.answer().json() == {"start": 1, "end": 2, "count": 2}
        assert connection.answer().json() == {"start": 3, "end": 4, "count": 2}


def test_http_1_0(server):
    with server.connect() as connection:
        connection.send(b"GET /next HTTP/1.0\r\n\r\n")
        answer = connection.answer()
        assert answer.json() == {"id": 1}
        assert connection.closed_by_server()
    with server.connect() as connection:
        connection.send(b"GET /next HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
        for number in [2, 3]:
            answer = connection.answer()
            assert answer.json() == {"id": number}
            assert answer.headers["connection"].lower() == "keep-alive"


def test_empty_bodies_are_no_bodies(server):
    with server.connect() as connection:
        connection.send(b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert connection.answer().json() == {"id": 1}
        connection.send(b"POST /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"0\r\n\r\n")
        assert connection.answer().json() == {"id": 2}


def test_absolute_targets_and_empty_queries(server):
    assert server.ask("GET", f"{server.url}/next").json() == {"id": 1}
    assert server.ask("GET", "/next?").json() == {"id": 2}


# --- Proxies in front


def test_haproxys_check_is_answered(server):
    """`option httpchk` sends this by default."""
    with server.connect() as connection:
        connection.send(b"OPTIONS / HTTP/1.0\r\n\r\n")
        answer = connection.answer()
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD"
    assert "content-length" not in answer.headers
    with server.connect() as connection:
        assert connection.ask("OPTIONS", "*").status == 204
        assert connection.ask("OPTIONS", "/next").headers["allow"] == "GET, POST"
        assert connection.ask("OPTIONS", "/nowhere").status == 404
        assert connection.ask("GET", "/next").json() == {"id": 1}


def test_of_two_request_ids_the_first_counts(server):
    """The client's, and the one that a proxy adds."""
    answer = server.ask("GET", "/next", headers=["X-Request-Id: client", "X-Request-Id: proxy"])
    assert answer.status == 200
    assert answer.headers["x-request-id"] == "client"
