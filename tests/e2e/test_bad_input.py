"""What a client with bad requests gets: a clear answer, no id burned, a server that stays up."""

import pytest

from nextid import NOTHING_BURNED, is_problem, poll


@pytest.fixture
def server(start_server, ledger):
    """A server that must work after the test as before it, with not a single id burned."""
    server = start_server(
        "--header-timeout", "1s", "--idle-timeout", "1s", "--write-timeout", "1s",
        "--max-head-bytes", "4096", "--max-body-bytes", "1024", "--max-connections", "8")
    before = server.next_id()

    def works_as_before():
        assert server.process.poll() is None
        assert server.next_id() == before + 1
        assert server.stop() == {"returned": 2, **NOTHING_BURNED}

    ledger.before_end.append(works_as_before)
    return server


COUNTS = ["", "0", "-1", "+1", "ten", "1e3", "1.0", "0x10", "%201", "1,000", "1000001",
          str(2**63), str(2**64), str(2**64 + 1), "9" * 40]


def test_bad_counts(server):
    with server.connect() as connection:
        for path in ["/range", "/v1/counters/global/range"]:
            assert is_problem(connection.ask("GET", path), 400, "invalid"), "missing"
            for count in COUNTS:
                answer = connection.ask("POST", f"{path}?count={count}")
                assert is_problem(answer, 400, "invalid"), count


def test_unknown_and_repeated_parameters(server):
    with server.connect() as connection:
        for target in ["/next?count=5", "/next?x=1", "/next?Counter=a", "/range?count=1&x",
                       "/range?count=1&count=1", "/range?count=1&count=2",
                       "/next?counter=a&counter=a", "/v1/counters/global/next?counter=a",
                       "/v1/counters?count=1", "/v1/counters?limit=0", "/v1/counters?limit=1001",
                       "/v1/counters/global?x=1", "/healthz?x=1", "/next?as=text",
                       "/next?as=string&as=string"]:
            assert is_problem(connection.ask("GET", target), 400, "invalid"), target


def test_bad_counter_names(server):
    with server.connect() as connection:
        for name in ["", "-a", ".a", ":a", "a%20b", "a%2Fb", "%C3%A4", "a%00b", "a%0Ab", "a*",
                     "x" * 129]:
            answer = connection.ask("GET", f"/next?counter={name}")
            assert is_problem(answer, 400, "invalid"), name
            if name:
                answer = connection.ask("GET", f"/v1/counters/{name}/next")
                assert is_problem(answer, 400, "invalid"), name
    assert [c["name"] for c in server.ask("GET", "/v1/counters").json()["counters"]] == ["global"]


def test_malformed_targets(server):
    with server.connect() as connection:
        for target in ["/next?counter=%", "/next?counter=%zz", "/%zz", "/next#part", "next", "*"]:
            assert is_problem(connection.ask("GET", target), 400, "invalid"), target


def test_unknown_paths(server):
    with server.connect() as connection:
        for target in ["/nothing", "/next/", "//next", "/NEXT", "/v1", "/v1/counters/a/b",
                       "/v1/counters/a/next/b", "/range/10", "/../next", "/etc/passwd"]:
            assert is_problem(connection.ask("GET", target), 404, "not_found"), target
        assert is_problem(connection.ask("GET", "/v1/counters/orders"), 404, "not_found")


def test_wrong_methods(server):
    with server.connect() as connection:
        for method in ["PUT", "DELETE", "PATCH", "BREW"]:
            answer = connection.ask(method, "/next")
            assert is_problem(answer, 405, "method_not_allowed"), method
            assert answer.headers["allow"] == "GET, POST"
        for target, allow in [("/v1/counters", "GET, HEAD"), ("/healthz", "GET, HEAD"),
                              ("/readyz", "GET, HEAD"),
                              ("/v1/counters/global", "GET, HEAD, PUT, DELETE")]:
            answer = connection.ask("POST", target)
            assert is_problem(answer, 405, "method_not_allowed"), target
            assert answer.headers["allow"] == allow
        for method in ["GET", "PUT"]:
            answer = connection.ask(method, "/v1/counters/global/advance")
            assert is_problem(answer, 405, "method_not_allowed"), method
            assert answer.headers["allow"] == "POST"


def test_bodies_are_refused(server):
    with server.connect() as connection:
        for method, target in [("POST", "/next"), ("POST", "/range?count=2"),
                               ("GET", "/v1/counters/global")]:
            answer = connection.ask(method, target, body=b'{"count":2}')
            assert is_problem(answer, 400, "invalid"), target
        connection.send(b"POST /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"3\r\nabc\r\n0\r\n\r\n")
        assert is_problem(connection.answer(), 400, "invalid")
        # The connection is as good as before.
        assert connection.ask("GET", "/healthz").status == 200


BAD_NUMBERS = ["0", "-1", "1.5", "1e3", str(2**63), str(2**64), "9" * 40, '""', '"ten"', '"-1"',
               "null", "true", "[]", "{}", "[" * 500]
BAD_BODIES = [
    b"start=5", b"{", b'{"max":5', b'{"max":5}}', b"[]", b"5", b"nul", b'{"max":5,"max":5}',
    b'{"step":5}', b'{"value":5}', b'{"comment":5}', b'{"comment":"\xff"}',
    b'{"comment":"' + b"x" * 513 + b'"}', b"[" * 1000]


def test_bad_definitions(server):
    before = server.ask("GET", "/v1/counters/global").body
    with server.connect() as connection:
        for field in ["start", "increment", "max", "cache"]:
            for number in BAD_NUMBERS:
                body = f'{{"{field}":{number}}}'.encode()
                answer = connection.ask("PUT", "/v1/counters/global", body=body)
                assert is_problem(answer, 400, "invalid"), body
                assert f"'{field}'" in answer.json()["detail"], answer
        for body in BAD_BODIES:
            answer = connection.ask("PUT", "/v1/counters/global", body=body)
            assert is_problem(answer, 400, "invalid"), body
        for target in ["/v1/counters/-a", "/v1/counters/global?max=5"]:
            assert is_problem(connection.ask("PUT", target, body=b"{}"), 400, "invalid"), target
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded"]:
            answer = connection.ask("PUT", "/v1/counters/global", body=b'{"max":5}',
                                    headers=[f"Content-Type: {content_type}"])
            assert is_problem(answer, 400, "invalid"), content_type
    assert server.ask("GET", "/v1/counters/global").body == before
    assert [c["name"] for c in server.ask("GET", "/v1/counters").json()["counters"]] == ["global"]


def test_bad_advances(server):
    with server.connect() as connection:
        for body in [b"", b"{}", b"5", b'{"to":5,"to":5}', b'{"to":5,"max":5}',
                     *(f'{{"to":{number}}}'.encode() for number in BAD_NUMBERS)]:
            answer = connection.ask("POST", "/v1/counters/global/advance", body=body)
            assert is_problem(answer, 400, "invalid"), body
    assert server.value() == 1


def test_bad_idempotency_keys(server):
    with server.connect() as connection:
        for key in ["", '""', '"', '"open', '"a"b"', '"a\\b"', "k" * 256, "t\tb"]:
            for target in ["/next", "/range?count=2", "/v1/counters/global/next"]:
                answer = connection.ask("POST", target, headers=[f"Idempotency-Key: {key}"])
                assert is_problem(answer, 400, "invalid"), key
        answer = connection.ask("POST", "/next", headers=["Idempotency-Key: a"] * 2)
        assert is_problem(answer, 400, "invalid")
        connection.send(b"POST /next HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: \xc3\xa4\r\n\r\n")
        assert is_problem(connection.answer(), 400, "invalid")


@pytest.mark.parametrize("head", [
    b"GET /next?" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 5000 + b"\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000,
], ids=["target", "field", "fields", "endless"])
def test_oversized_heads(server, head):
    with server.connect() as connection:
        try:
            connection.send(head)
        except OSError:
            pass  # It need not read it all.
        assert is_problem(connection.answer(), 431, "too_large")
        assert connection.closed_by_server()


@pytest.mark.parametrize("request_bytes", [
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\n\r\n" + b"x" * 1025,
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"200\r\n" + b"x" * 0x200 + b"\r\n200\r\n" + b"x" * 0x200 + b"\r\n1\r\nx\r\n0\r\n\r\n",
], ids=["one byte over", "announced", "expected", "chunked"])
def test_oversized_bodies(server, request_bytes):
    with server.connect() as connection:
        connection.send(request_bytes)
        assert is_problem(connection.answer(), 413, "too_large")
        assert connection.closed_by_server()


@pytest.mark.parametrize("garbage", [
    b"\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"\x00" * 100,
    b"\xff\xfe\xfd\r\n\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"GET\r\n\r\n",
    b"GET /next\r\n\r\n",
    b"GET /next HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /next HTTP/1.1\nHost: a\n\n",
    b"GET /next HTTP/1.1\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    b"GET /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n b\r\n\r\n",
], ids=repr)
def test_garbage(server, garbage):
    with server.connect() as connection:
        connection.send(garbage)
        assert is_problem(connection.answer(), 400, "invalid")
        assert connection.closed_by_server()


@pytest.mark.parametrize("part", [
    b"", b"G", b"GET /next HTTP/1.1\r\n", b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcd",
    b"POST /next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
], ids=["nothing", "method", "line", "head", "body", "chunk"])
class TestPartialRequests:
    def test_half_open_clients_are_cut_off(self, server, part):
        with server.connect(timeout=5) as connection:
            connection.send(part)
            if part:
                assert is_problem(connection.answer(), 408, "deadline")
            assert connection.closed_by_server()

    def test_clients_that_close_are_forgotten(self, server, part):
        with server.connect() as connection:
            connection.send(part)
            connection.finish_sending()
            assert connection.closed_by_server()

    def test_clients_that_vanish_are_forgotten(self, server, part):
        connection = server.connect()
        connection.send(part)
        connection.reset()


def test_slow_client_is_cut_off(server):
    # Each byte comes in time, the whole request does not.
    request = b"GET /next HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000
    with server.connect(timeout=0.1) as connection:
        sent = 0
        while True:
            connection.send(request[sent:sent + 1])
            sent += 1
            try:
                answer = connection.answer()
                break
            except TimeoutError:
                assert sent < 50, "never cut off"
        assert is_problem(answer, 408, "deadline")
        connection.socket.settimeout(5)
        assert connection.closed_by_server()


def test_idle_client_is_closed(server):
    with server.connect(timeout=5) as connection:
        assert connection.ask("GET", "/healthz").status == 200
        assert connection.closed_by_server()


def test_too_many_connections(server):
    def accepted():
        connection = server.connect()
        if connection.ask("GET", "/healthz").status == 200:
            return connection
        connection.close()
        return None

    # The server may still be busy closing connections of the start.
    connections = [poll(accepted, "a place for a connection") for _ in range(8)]
    with server.connect() as connection:
        assert is_problem(connection.ask("GET", "/next"), 503, "overloaded")
        assert connection.closed_by_server()
    with server.connect() as connection:  # One that asks how the server is gets its answer.
        assert connection.ask("GET", "/readyz").status == 200
        assert connection.closed_by_server()
    for connection in connections:
        connection.close()
    poll(accepted, "places are free again").close()
