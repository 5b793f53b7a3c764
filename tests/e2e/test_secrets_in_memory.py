"""What a client has shown to sign in is not in the server's memory afterwards."""

import re
import socket

import pytest

from nextid import Connection, poll, run


@pytest.fixture
def token(tmp_path):
    secret, line = run("token", "client", "--rights", "read,allocate,define").stdout.splitlines()
    (tmp_path / "tokens").write_text(line + "\n")
    (tmp_path / "tokens").chmod(0o600)
    return secret


@pytest.fixture
def server(start_server, tmp_path, token):
    return start_server("--tokens", tmp_path / "tokens")


def places_of(secret, pid):
    """The mappings of the process that have the text."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            begin, end, rights, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)", line).groups()
            if not rights.startswith("rw") or name.startswith("[v"):
                continue
            memory.seek(int(begin, 16))
            if secret.encode() in memory.read(int(end, 16) - int(begin, 16)):
                found.append(name or "anonymous")
    return found


def is_forgotten(secret, server):
    return not places_of(secret, server.process.pid)


def test_it_would_be_found(server, token):
    """While half a request is there."""
    with Connection(server.port) as client:
        client.send(f"GET /next HTTP/1.1\r\nAuthorization: Bearer {token}\r\n".encode())
        poll(lambda: places_of(token, server.process.pid), "the token is in the buffer")


def test_http(server, token):
    authorization = [f"Authorization: Bearer {token}"]
    with Connection(server.port) as client:
        assert client.ask("GET", "/next", headers=authorization).json() == {"id": 1}
        poll(lambda: is_forgotten(token, server), "the token is gone")
        body = b'{"comment": "' + b"x" * 20_000 + b'"}'  # Its head is kept until the body has come.
        headers = [*authorization, "Content-Type: application/json"]
        assert client.ask("PUT", "/v1/counters/a", body=body, headers=headers).status == 400
        poll(lambda: is_forgotten(token, server), "it is, after a body")
        long = [*authorization, "X-Long: " + "x" * 10_000]  # The buffer grows, and leaves its first one.
        assert client.ask("GET", "/next", headers=long).json() == {"id": 2}
        poll(lambda: is_forgotten(token, server), "it is, after a long head")


@pytest.mark.parametrize("command", [
    b"AUTH %s\r\n", b'AUTH "%s"\r\n', b"*2\r\n$4\r\nAUTH\r\n$50\r\n%s\r\n", b"HELLO 3 AUTH default %s\r\n"])
def test_resp(server, token, command):
    port = int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(command % token.encode())
        assert client.recv(1_000)[:1] in (b"+", b"%")
        client.sendall(b"INCR global\r\n")
        assert client.recv(100) == b":1\r\n"
        poll(lambda: is_forgotten(token, server), "the token is gone")
