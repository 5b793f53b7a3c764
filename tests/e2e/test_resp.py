"""The Redis protocol, with Redis's own tools and redis-py; test_redis_clients.py has the other clients."""

import random
import re
import socket
import struct
import subprocess
import threading

import pytest
import redis

from nextid import PATIENCE, poll
from prometheus_text import Metrics


@pytest.fixture
def port(server):
    return resp_port(server)


def resp_port(server):
    return int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))


def redis_cli(port, *words, stdin=None):
    done = subprocess.run(["redis-cli", "-p", str(port), *words], input=stdin, capture_output=True,
                          text=True, timeout=PATIENCE)
    return done.stdout.strip()


class Raw:
    """A connection on which a test decides over every byte."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        return self.file.readline()

    def ids(self, count):
        lines = [self.line() for _ in range(count)]
        assert all(line.startswith(b":") for line in lines), lines[:3]
        return [int(line[1:]) for line in lines]

    def rest(self):
        """All until the server closes."""
        try:
            return self.file.read()
        except ConnectionResetError:
            return b""


def incr(counter):
    return b"*2\r\n$4\r\nINCR\r\n$%d\r\n%s\r\n" % (len(counter), counter)


def test_redis_cli(port):
    assert redis_cli(port, "incr", "orders") == "1"
    assert redis_cli(port, "incrby", "orders", "10") == "11"
    assert redis_cli(port, "get", "orders") == "11"
    assert redis_cli(port, "-3", "mget", "orders", "none") == '11'
    assert redis_cli(port, "exists", "orders", "orders", "none") == "2"
    assert redis_cli(port, "type", "orders") == "string"
    assert redis_cli(port, "dbsize") == "1"
    assert redis_cli(port, "--scan") == "orders"
    assert redis_cli(port, "ping") == "PONG"
    assert "redis_version" in redis_cli(port, "info")
    assert redis_cli(port, stdin="incr orders\nmulti\nselect 0\n").splitlines()[0] == "12"


def test_redis_benchmark(server, port):
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-c", "20", "-n", "20000", "-P", "16",
                           "-q", "INCR", "speed"], capture_output=True, text=True, timeout=60)
    assert "requests per second" in done.stdout, done
    assert "WARNING" not in done.stderr, done.stderr
    closing = server.stop()
    # The tool may close clients with commands under way when it has what it wants.
    assert closing["returned"] + closing["burned"] >= 20000


def test_python_client(server, port):
    for client in (redis.Redis("127.0.0.1", port), redis.Redis("127.0.0.1", port, db=0)):
        first = client.incr("py")
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(500):
                pipeline.incr("py")
            assert pipeline.execute() == list(range(first + 1, first + 501))
        assert client.incrby("py", 7) == first + 507
        assert client.get("py") == str(first + 507).encode()
        assert client.mget("py", "none") == [str(first + 507).encode(), None]
        with pytest.raises(redis.ResponseError, match="DECRBY is refused"):
            client.decr("py")
        with client.pipeline(transaction=True) as transaction:
            transaction.incr("py").get("py").incr("py", 10)
            assert transaction.execute() == [first + 508, str(first + 508).encode(), first + 518]
            transaction.incr("py").decr("py")
            with pytest.raises(redis.ResponseError, match="DECRBY is refused"):
                transaction.execute()
        assert client.incr("py") == first + 519  # The transaction that failed took none.
        client.close()


def test_scan_gives_every_counter_once_over_any_connection(port):
    client = redis.Redis("127.0.0.1", port)
    names = {f"c:{i:03}" for i in range(257)}
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.incr(name)
        pipeline.execute()
    found, cursor = [], 0
    while True:
        with redis.Redis("127.0.0.1", port) as another:
            cursor, page = another.scan(cursor, match="c:*", count=20)
        found += [name.decode() for name in page]
        if cursor == 0:
            break
    assert sorted(found) == sorted(names)
    assert client.dbsize() == 257
    assert list(client.scan_iter(match="c:00[13]")) == [b"c:001", b"c:003"]
    with pytest.raises(redis.ResponseError, match="begin the scan again with 0"):
        client.execute_command("SCAN", 999999)


def test_torn_and_byte_at_a_time_input_is_as_whole_input(port):
    commands = incr(b"torn") * 20 + b"INCRBY torn 5\r\n" + b"*1\r\n$4\r\nPING\r\n"
    answers = []
    for pieces in (1, 3, 7, len(commands)):
        with Raw(port) as raw:
            for begin in range(0, len(commands), pieces):
                raw.send(commands[begin:begin + pieces])
            ids = raw.ids(21)
            answers.append([id - ids[0] for id in ids] + [raw.line()])
    assert answers == [list(range(20)) + [24, b"+PONG\r\n"]] * 4


def test_ids_of_http_and_resp_are_of_one_counter(server, port):
    with Raw(port) as raw:
        raw.send(incr(b"both"))
        assert raw.ids(1) == [1]
    assert server.next_id("both") == 2
    with Raw(port) as raw:
        raw.send(incr(b"both"))
        assert raw.ids(1) == [3]


def test_a_pipeline_coalesces(server, port):
    with Raw(port) as raw:
        raw.send(incr(b"many") * 1000)
        assert raw.ids(1000) == list(range(1, 1001))
    line = re.search(r"returned 1000 ids in (\d+) reservations", (server.stop(), server.log())[1])
    assert int(line.group(1)) <= 20


def test_http_is_cut_off(server, port):
    for request in (b"POST /next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nINCR stolen\r\n",
                    b"GET /next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nINCR stolen\r\n",
                    b"OPTIONS / HTTP/1.1\r\n\r\nINCR stolen\r\n"):
        with Raw(port) as raw:
            raw.send(request)
            assert raw.rest() == b""
    assert server.value("stolen") == 0
    assert server.log().count("HTTP to the RESP port") == 1


@pytest.mark.parametrize("garbage", [b"*x\r\n", b"*1\r\n:3\r\n", b"\x17\x03\x01\x02\x00\r\n" * 3,
                                     b"*2000\r\n", b"x" * 100_000, b'echo "\r\n'])
def test_garbage_is_answered_and_the_server_goes_on(server, port, garbage):
    with Raw(port) as raw:
        raw.send(garbage)
        assert raw.line().startswith(b"-ERR "), garbage
    with Raw(port) as raw:
        raw.send(incr(b"after"))
        assert raw.ids(1) == [1]


def test_random_garbage_never_kills_it(server, port):
    generator = random.Random(3)
    words = [b"*", b"$", b"\r\n", b"1", b"4", b"-1", b"INCR", b"GET", b"a", b" ", b'"', b"\x00", b"SCAN"]
    for _ in range(200):
        with Raw(port) as raw:
            raw.send(b"".join(generator.choices(words, k=30)) + b"\r\n")
            raw.socket.shutdown(socket.SHUT_WR)
            raw.rest()
    assert redis_cli(port, "ping") == "PONG"


def test_a_client_that_never_reads_is_bounded_and_others_are_served(start_server):
    server = start_server("--write-timeout", "1s")
    port = resp_port(server)
    with Raw(port) as greedy:
        greedy.socket.settimeout(1)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(200):
                greedy.send(incr(b"greedy") * 10_000)
        assert redis_cli(port, "incr", "other") == "1"
    resident = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read()).group(1))
    assert resident < 60_000


def test_ids_that_never_left_are_burned_as_disconnect(server, port):
    """I5: after a reset, each id of the counter was returned or is counted."""
    with Raw(port) as raw:
        raw.send(incr(b"reset") * 50_000)
        raw.ids(10)
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    poll(lambda: server.ask("GET", "/v1/status").json()["connections"]["resp"] == 0, "it is gone")
    value = server.value("reset")
    closing = server.stop()
    assert closing["returned"] + closing["burned"] == value
    assert closing["burned"] == closing["disconnect"]


def test_a_client_that_leaves_while_the_store_is_silent(dynamodb):
    """I5: the id that the store was asked for is burned when it comes, and so are those that waited
    behind it, ready, for their turn; the id that it was not yet asked for is never taken."""
    server = dynamodb.start()
    assert server.ask("PUT", "/v1/counters/ready", body=b'{"cache": 1000}',
                      headers=["Content-Type: application/json"]).status == 201

    def received():
        metrics = Metrics(server.ask("GET", "/metrics").body.decode())
        return metrics.get("nextid_received_bytes_total", protocol="resp")

    with Raw(resp_port(server)) as raw:
        raw.send(incr(b"asked") + incr(b"ready") * 1000)
        raw.ids(1001)
        dynamodb.proxy.go_down("hang")
        for commands in (incr(b"asked") + b"INCRBY ready 5\r\n", incr(b"asked")):
            sent = received() + len(commands)
            raw.send(commands)
            poll(lambda: received() == sent, "they are read")
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    poll(lambda: server.ask("GET", "/v1/status").json()["connections"]["resp"] == 0, "it is gone")
    dynamodb.proxy.come_back()
    poll(lambda: server.value("asked") == 2, "the store has what it was asked for")
    closing = server.stop()
    assert closing["returned"] == 1001
    assert closing["disconnect"] == 1 + 5
    assert dynamodb.start().value("asked") == 2


def test_kill_minus_nine_under_resp_load_loses_order_nowhere(start_server):
    got, errors = [], []
    for _ in range(3):
        server = start_server()
        port = resp_port(server)

        def work():
            client = redis.Redis("127.0.0.1", port)
            try:
                while True:
                    got.append(client.incr("killed"))
            except redis.RedisError:
                pass
            except Exception as error:  # Shown by the assertion below.
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        before = len(got)
        for thread in threads:
            thread.start()
        poll(lambda: len(got) > before + 500, "ids come")
        server.kill()
        for thread in threads:
            thread.join()
        if before:
            assert min(got[before:]) > max(got[:before])
    assert not errors
    assert len(got) == len(set(got))


def test_resp_can_be_off_and_taken_addresses_are_refused(start_server, port):
    server = start_server("--resp", "off", store="memory:")
    assert "redis://" not in server.log()
    refused = start_server("--resp", f"127.0.0.1:{port}", store="memory:", wait=False)
    assert refused.wait() == 3
    assert "--resp" in refused.log()


def test_of_many_setnx_one_is_told_that_it_made_the_counter(start_server):
    ports = [resp_port(start_server()), resp_port(start_server())] * 3
    for turn in range(10):
        answers = []

        def make(port):
            with Raw(port) as raw:
                raw.send(b"SETNX lock-%d 0\r\n" % turn)
                answers.append(raw.line())

        threads = [threading.Thread(target=make, args=[port]) for port in ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [b":0\r\n"] * 5 + [b":1\r\n"]
