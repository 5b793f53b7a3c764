"""Whatever clients send, and never read, the memory that their connections hold is bounded: for each, and
for all together; and who holds little is served all the time."""

import re
import socket
from pathlib import Path

import pytest

from dynamodb_faults import Fault
from nextid import Connection, poll

DOCUMENTS = 1_022
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
DOCS = b"COMMAND DOCS\r\n"
# Of a connection: its bound of answers, and what buffers have above it while they grow.
MOST_EACH = 256 * 1024
SHARE = 32 * 1024


def resident_bytes(server):
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024


def resp_port(server):
    return int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))


def figure(server, name):
    page = server.ask("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)", page, re.MULTILINE)
    return int(float(found.group(1))) if found else 0


def held(server):
    return figure(server, "nextid_client_memory_bytes")


def connect(port):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # What is not read stays with the server.
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    return client


def send_and_never_read(client, data):
    client.setblocking(False)
    try:
        client.send(data)
    except BlockingIOError:
        pass
    client.settimeout(20)


@pytest.fixture
def slow_store(dynamodb):
    """A server whose next write takes two seconds."""
    server = dynamodb.start()
    dynamodb.proxy.script.add(Fault("delay_answer", 2), operation="UpdateItem")
    return server


def test_answers_that_wait_for_their_turn_are_no_copies(slow_store):
    """38 KB sent pinned 81 MB: 1,022 documents behind an id that the store keeps waiting."""
    server = slow_store
    before = resident_bytes(server)
    clients = [connect(server.port) for _ in range(10)]
    for client in clients:
        client.sendall(NEXT + DOCUMENT * DOCUMENTS)
    poll(lambda: figure(server, "nextid_waiting_requests") == 10, "all wait")
    assert held(server) < 10 * MOST_EACH
    # The store is back, and nobody reads.
    poll(lambda: figure(server, "nextid_waiting_requests") == 0, "the ids are there")
    poll(lambda: held(server) > 10 * 64 * 1024, "the answers are written, as far as there is room")
    assert held(server) < 10 * MOST_EACH
    assert resident_bytes(server) - before < 20 * 2**20
    for client in clients:
        client.close()
    poll(lambda: held(server) < MOST_EACH, "it is given back")


def test_all_answers_come_whole_and_in_order(slow_store):
    document = slow_store.ask("GET", "/openapi.json").body
    with Connection(slow_store.port) as client:
        client.send(NEXT + (DOCUMENT * 20 + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") * 10 + NEXT)
        assert client.answer().json() == {"id": 1}
        for _ in range(10):
            for _ in range(20):
                assert client.answer().body == document
            assert client.answer().json() == {"status": "ok"}
        assert client.answer().json() == {"id": 2}


def test_long_answers_of_commands_wait_within_the_bound(slow_store):
    client = connect(resp_port(slow_store))
    client.sendall(b"INCR global\r\n" + DOCS * 1_000)
    poll(lambda: figure(slow_store, "nextid_waiting_requests") == 1, "the first one waits")
    poll(lambda: held(slow_store) > 64 * 1024, "the answers wait, as far as there is room")
    assert held(slow_store) < MOST_EACH
    answer = b""
    while answer.count(b"incrby") < 1_000:
        got = client.recv(65536)
        assert got
        answer = answer[-10:] + got if not answer else answer + got
    assert answer.startswith(b":1\r\n")


@pytest.fixture
def small(start_server):
    """Eight connections may hold 256 KiB together, so that each has a share of 32 KiB."""
    return start_server("--max-connections", 8, "--max-client-bytes", 8 * SHARE)


class Greedy:
    """Four clients that hold 64 KiB each, so that the memory of all is short until they are closed."""

    def __init__(self, server):
        self._port = resp_port(server)
        self._clients = []

    def fill(self):
        self.close()
        self._clients = [connect(self._port) for _ in range(4)]
        for client in self._clients:
            client.sendall(b"*2\r\n$4\r\nECHO\r\n$60000\r\n" + b"x" * 59_000)

    def close(self):
        for client in self._clients:
            client.close()


def test_who_holds_little_takes_ids_while_others_hold_all(small):
    with Connection(small.port) as http, socket.create_connection(("127.0.0.1", resp_port(small)), 20) as redis:
        greedy = Greedy(small)

        def answer_of_all(ask):
            """Until memory is short: who holds too much is closed a second later."""
            greedy.fill()
            return ask()

        def info():
            redis.sendall(b"INFO server\r\n")
            return redis.recv(10_000)

        refusal = poll(lambda: next((answer for answer in [answer_of_all(lambda: http.ask("GET", "/v1/counters"))]
                                     if answer.status == 503), None), "memory is short")
        assert refusal.json()["type"] == "urn:nextid:error:overloaded"
        assert "--max-client-bytes" in refusal.json()["detail"]
        poll(lambda: answer_of_all(info).startswith(b"-BUSY The server's clients hold as much memory"), "the same")
        # Ids and probes are served meanwhile.
        assert http.ask("GET", "/next").json() == {"id": 1}
        redis.sendall(b"INCR global\r\n")
        assert redis.recv(100) == b":2\r\n"
        assert http.ask("GET", "/readyz").status == 200
        # Those who hold too much are closed, and all is as before.
        poll(lambda: http.ask("GET", "/v1/counters").status == 200, "memory is there again")
        assert figure(small, "nextid_evicted_connections_total") >= 1
        assert re.search(r"A connection from 127\.0\.0\.1:?\d* was closed: all clients together hold more than "
                         r"262144 bytes of memory, and it held more than its share of 32768\.", small.log())
        greedy.close()


def test_requests_of_who_holds_too_much_are_refused(small):
    """Documents that nobody reads become short refusals, and so the memory is there again."""
    clients = [connect(small.port) for _ in range(4)]
    for client in clients:
        send_and_never_read(client, DOCUMENT * 200)
    poll(lambda: figure(small, 'nextid_requests_total{protocol="http",route="pages",result="overloaded"}') > 0,
         "some are refused")
    poll(lambda: small.ask("GET", "/docs").status == 200, "memory is there again")
    for client in clients:
        client.close()


def test_a_transaction_is_counted_and_refused_as_a_whole(small):
    client = connect(resp_port(small))
    client.sendall(b"MULTI\r\n")
    assert client.recv(100) == b"+OK\r\n"
    answers = client.makefile("rb")
    argument = b"x" * 100
    for _ in range(5_000):
        client.sendall(b"INCR " + argument + b"\r\n")
        answer = answers.readline()
        if answer != b"+QUEUED\r\n":
            break
    assert answer.startswith(b"-BUSY ")
    client.sendall(b"EXEC\r\n")
    assert answers.readline().startswith(b"-EXECABORT ")
    client.sendall(b"INCR global\r\n")
    assert answers.readline() == b":1\r\n"
    assert figure(small, "nextid_ids_returned_total") == 1


def test_a_bound_that_leaves_too_little_for_a_connection_is_refused(start_server):
    server = start_server("--max-connections", 10, "--max-client-bytes", 327_679, wait=False)
    assert server.wait() == 2
    assert ("max-client-bytes is 327679, but must be at least 327680: 32768 for each of max-connections, "
            "which is 10.") in server.log()
