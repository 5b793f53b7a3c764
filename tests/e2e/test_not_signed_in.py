"""What strangers can do where the server asks for tokens, and what they can't keep from others."""

import contextlib
import re
import resource
import socket
import time
from pathlib import Path

import pytest

import nextid
from nextid import NOTHING_BURNED, OK, poll

CLIENTS = 1_000  # Connections whose memory is measured.


@pytest.fixture
def tokens(tmp_path):
    return tmp_path / "tokens"


def make_token(path, name="shop", rights="allocate"):
    made = nextid.run("token", name, "--rights", rights, "--counters", "*", "--file", path)
    assert made.returncode == OK, made
    return made.stdout.strip()


@pytest.fixture
def token(tokens):
    return make_token(tokens)


class Resp:
    """A client that says and reads bytes."""

    def __init__(self, server, source="127.0.0.1"):
        port = int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=nextid.PATIENCE)
        self.lines = self.socket.makefile("rb")
        self.seen = b""  # By is_closed().

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(parts))

    def line(self):
        return self.lines.readline().rstrip(b"\r\n")

    def ask(self, *words):
        self.send(*words)
        return self.line()

    def signed_in(self, token):
        assert self.ask("AUTH", token) == b"+OK"
        return self

    def rest(self):
        """All until the server ends the connection, which it must."""
        try:
            return self.seen + self.lines.read()
        except ConnectionResetError:
            return self.seen

    def is_closed(self):
        """Whether the server has ended it by now."""
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(4096):
                self.seen += data
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        finally:
            self.socket.settimeout(nextid.PATIENCE)

    def close(self):
        self.lines.close()
        self.socket.close()


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:
        def connect(server, **options):
            client = Resp(server, **options)
            stack.callback(client.close)
            return client

        yield connect


def turned_away(server, token=None):
    headers = [f"Authorization: Bearer {token}"] if token else []
    page = server.ask("GET", "/metrics", headers=headers)
    assert page.status == 200, page
    lines = re.findall(r'nextid_connections_turned_away_total\{protocol="(\w+)",reason="(\w+)"\} (\d+)',
                       page.body.decode())
    return {(protocol, reason): int(count) for protocol, reason, count in lines}


# --- Time


def test_a_stranger_has_as_long_as_a_request(start_server, tokens, token, connect):
    reader = make_token(tokens, "reader", "read")
    server = start_server("--tokens", tokens, "--header-timeout", "300ms")
    holder = connect(server).signed_in(token)
    began = time.monotonic()
    silent, busy = connect(server), connect(server)
    with contextlib.suppress(OSError):
        while time.monotonic() - began < nextid.PATIENCE and not silent.is_closed():
            busy.ask("PING")
    assert 0.2 < time.monotonic() - began < 5
    # What the busy one was told is lost where it sent more afterwards; the silent one has it.
    assert b"No token came within 300 ms" in silent.seen
    assert holder.ask("INCR", "a") == b":1"
    assert turned_away(server, reader)["resp", "no_sign_in"] == 2


def test_the_idle_limit_is_for_who_has_signed_in(start_server, tokens, token, connect):
    server = start_server("--tokens", tokens, "--resp-idle-timeout", "200ms", "--header-timeout", "10s")
    idle = connect(server).signed_in(token)
    assert idle.rest() == b""


def test_whose_token_was_taken_is_a_stranger(start_server, tokens, token, connect):
    server = start_server("--tokens", tokens, "--header-timeout", "300ms")
    thief = connect(server).signed_in(token)
    assert thief.ask("INCR", "a") == b":1"
    tokens.write_text("")
    other = make_token(tokens, "other")
    server.reload()
    assert b"No token came within 300 ms" in thief.rest(), "it does not stay for ever"
    assert connect(server).signed_in(other).ask("INCR", "a") == b":2"


# --- Commands


def test_nothing_takes_effect_before_a_token(start_server, tokens, token, connect):
    server = start_server("--tokens", tokens)
    client = connect(server)
    for command in (("CLIENT", "SETNAME", "zz"), ("HELLO", "3", "SETNAME", "zz"), ("MULTI",),
                    ("HELLO", "3", "AUTH", "default", "wrong", "SETNAME", "zz"), ("CLIENT", "GETNAME")):
        assert client.ask(*command).startswith((b"-NOAUTH", b"-WRONGPASS")), command
    client.signed_in(token)
    assert client.ask("CLIENT", "GETNAME") == b"$-1", "in RESP2, and without a name"
    assert client.ask("INCR", "a") == b":1", "and queued by no MULTI"
    assert client.ask("EXEC").startswith(b"-ERR EXEC without MULTI")


def test_a_client_s_name_has_a_bound(start_server, tokens, token, connect):
    server = start_server("--tokens", tokens)
    client = connect(server).signed_in(token)
    assert client.ask("CLIENT", "SETNAME", "x" * 128) == b"+OK"
    assert client.ask("CLIENT", "SETNAME", "x" * 129).startswith(b"-ERR A client's name has at most 128")


TOO_LARGE = {
    b"*11\r\n": b"a command of 11 arguments exceeds the limit of 10 before AUTH",
    b"a b c d e f g h i j k\r\n": b"a command exceeds the limit of 10 arguments before AUTH",
    b"*1\r\n$20000\r\n": b"an argument of 20000 bytes is out of the limits, 0 to 16384 before AUTH",
    b"x" * 17_000: b"the command exceeds 16384 bytes before AUTH",
}


@pytest.mark.parametrize("sent", TOO_LARGE, ids=lambda sent: sent[:8].decode().strip())
def test_commands_of_strangers_are_small(start_server, tokens, token, connect, sent):
    server = start_server("--tokens", tokens)
    client = connect(server)
    client.socket.sendall(sent)
    assert TOO_LARGE[sent] in client.rest()
    holder = connect(server).signed_in(token)
    assert holder.ask("ECHO", "x" * 60_000) == b"$60000"
    holder.line()
    assert holder.ask("RESET") == b"+RESET"
    holder.socket.sendall(sent)
    assert TOO_LARGE[sent] in holder.rest(), "after RESET it is a stranger again"


# --- Places


def test_strangers_do_not_keep_probes_and_holders_out(start_server, tokens, token, connect):
    reader = make_token(tokens, "reader", "read")
    server = start_server("--tokens", tokens, "--max-connections", "50")
    strangers = [connect(server) for _ in range(200)]
    for client in strangers[-5:]:
        assert client.ask("PING").startswith(b"-NOAUTH")
    holders = [connect(server).signed_in(token) for _ in range(45)]
    for path in ("/healthz", "/readyz"):
        for _ in range(20):
            assert server.ask("GET", path).status == 200
    assert server.ask("GET", "/metrics", headers=[f"Authorization: Bearer {reader}"]).status == 200
    for client in holders:
        assert client.ask("INCR", "a").startswith(b":")
    assert sum(not client.is_closed() for client in strangers) <= 25
    counts = turned_away(server, reader)
    assert counts["resp", "made_way"] >= 175 and counts["http", "made_way"] == 0
    assert b"this one has not signed in" in strangers[0].rest()
    assert server.stop() == {"returned": 45, **NOTHING_BURNED}


def test_http_clients_without_a_token_make_way(start_server, tokens, token):
    server = start_server("--tokens", tokens, "--max-connections", "20")
    with contextlib.ExitStack() as stack:
        def open_connection(headers=()):
            connection = stack.enter_context(server.connect())
            return connection, connection.ask("GET", "/next", headers=list(headers)).status

        holders = [open_connection([f"Authorization: Bearer {token}"]) for _ in range(10)]
        strangers = [open_connection() for _ in range(40)]
        assert {status for _, status in holders} == {200}
        assert {status for _, status in strangers} == {401}
        assert strangers[0][0].closed_by_server(), "without a word: it asked for nothing"
        for connection, _ in holders:
            assert connection.ask("GET", "/next", headers=[f"Authorization: Bearer {token}"]).status == 200
        assert strangers[-1][0].ask("GET", "/healthz").status == 200
        tokens.write_text("")
        make_token(tokens, "other")
        server.reload()

        def newcomer_is_told():
            # It may itself make way, for one of those whose token is no more.
            with contextlib.suppress(EOFError, ConnectionError):
                return open_connection()[1] == 401

        poll(lambda: newcomer_is_told() and has_ended(holders[0][0]),
             "the connection of a token that is no more makes way")


def has_ended(connection):
    connection.socket.setblocking(False)
    try:
        return connection.closed_by_server()
    except BlockingIOError:
        return False
    finally:
        connection.socket.settimeout(nextid.PATIENCE)


@pytest.mark.parametrize("places", [16, 50])
def test_without_tokens_each_protocol_keeps_places(start_server, connect, places):
    server = start_server("--max-connections", places)
    clients = [connect(server) for _ in range(4 * places)]
    served = [client for client in clients if client.ask("PING") == b"+PONG"]
    assert len(served) == places - places // 16
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(places // 16)]
        for connection in kept:
            assert connection.ask("GET", "/next").status == 200
        for path in ("/healthz", "/readyz", "/metrics"):
            assert server.ask("GET", path).status == 200, "and a probe over the limit"
        assert server.ask("GET", "/next").status == 503
    assert turned_away(server)["resp", "limit"] == 4 * places - len(served)


# --- Descriptors


def open_files(server):
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_token_is_revoked_while_strangers_hold_the_descriptors(start_server, tokens, token, connect):
    server = start_server("--tokens", tokens, prefix=["prlimit", "--nofile=64"])
    assert re.search(r"The limit on open files is enough for \d+ connections", server.log())
    thief = connect(server).signed_in(token)
    strangers = [connect(server) for _ in range(80)]
    assert thief.ask("INCR", "a") == b":1"
    tokens.write_text("")
    other = make_token(tokens, "other")
    server.reload()
    assert "read the token file" in server.log()
    assert thief.ask("INCR", "a").startswith(b"-NOAUTH")
    assert connect(server).signed_in(other).ask("INCR", "a") == b":2"
    assert server.ask("GET", "/readyz").status == 200
    assert len(strangers) == 80


def test_clients_leave_descriptors_alone(start_server, tmp_path, connect):
    server = start_server("--max-connections", "2000")
    before = open_files(server)
    limit = before + 60
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    clients = [connect(server) for _ in range(80)]
    poll(lambda: "Can't accept clients for now" in server.log(), "the listener waits")
    assert open_files(server) <= limit - 30
    for client in clients[40:]:
        client.close()
    for client in clients[:20]:
        client.close()
    assert clients[30].ask("INCR", "a").startswith(b":"), "it waited, and is served now"


# --- Memory


def resident_kib(server):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1])


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CLIENTS + 500:
        pytest.skip(f"not run: {2 * CLIENTS + 500} descriptors are needed, and {hard} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CLIENTS + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_strangers_cost_little(start_server, tokens, token, connect, many_descriptors):
    server = start_server("--tokens", tokens, "--max-connections", 4 * CLIENTS, "--header-timeout", "60s")
    before = resident_kib(server)
    for _ in range(CLIENTS):
        greedy, modest = connect(server), connect(server)
        greedy.send("CLIENT", "SETNAME", "x" * 20_000, *["y" * 30] * 1_000)
        assert greedy.line().startswith(b"-")
        assert modest.ask("CLIENT", "SETNAME", "x" * 16_000).startswith(b"-")
        modest.socket.sendall(b"x" * 16_000)
    assert connect(server).signed_in(token).ask("INCR", "a") == b":1"
    each = (resident_kib(server) - before) / CLIENTS
    print(f"{CLIENTS} strangers that sent what they may, and as many that sent more: {each:.1f} KiB for two")
    assert each < 40


@pytest.mark.parametrize("protocol", ["resp", "http"])
def test_idle_clients_have_no_more_memory_than_new_ones(start_server, connect, many_descriptors, protocol):
    server = start_server("--max-connections", 2 * CLIENTS)
    with contextlib.ExitStack() as stack:
        if protocol == "resp":
            clients = [connect(server) for _ in range(CLIENTS)]
        else:
            clients = [stack.enter_context(server.connect()) for _ in range(CLIENTS)]
        before = resident_kib(server)
        for client in clients:
            if protocol == "resp":
                client.socket.sendall(b"*1000\r\n$4\r\nINFO\r\n" + 998 * (b"$50\r\n" + b"x" * 50 + b"\r\n")
                                      + b"$6\r\nserver\r\n")
                client.lines.read(int(client.line()[1:]) + 2)
            else:
                assert client.ask("PUT", "/v1/counters/a", body=b" " * 60_000 + b"{}").status in (200, 201)

        def grown():
            return (resident_kib(server) - before) / CLIENTS

        at_once = grown()
        poll(lambda: grown() < 8, f"{protocol}: idle clients give their memory back, of {at_once:.1f} KiB each")
        print(f"{CLIENTS} {protocol} clients after a large request: {at_once:.1f} KiB each at once,"
              f" {grown():.1f} when idle")
