"""Many clients, slow ones, and greedy ones: memory stays bounded, and the others are served."""

import re
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from nextid import WORK, poll

IDLE = 1_000 * WORK  # 10,000 with --long.
COMMANDS = 100_000 * WORK
INCR = b"*2\r\n$4\r\nINCR\r\n$7\r\nmillion\r\n"


@pytest.fixture
def server(start_server):
    return start_server("--max-connections", IDLE + 100)


@pytest.fixture
def ports(server):
    return {"http": server.port,
            "resp": int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))}


def resident_kb(server):
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 500
    if wanted > soft:
        if hard != resource.RLIM_INFINITY and wanted > hard:
            pytest.skip(f"not run: {wanted} descriptors are needed, and {hard} allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("protocol", ["http", "resp"])
def test_idle_clients_cost_little(server, ports, protocol, many_descriptors):
    server.next_id()
    before = resident_kb(server)
    clients = [connect(ports[protocol]) for _ in range(IDLE)]
    try:
        poll(lambda: server.ask("GET", "/v1/status").json()["connections"][protocol] >= IDLE,
             "all are connected")
        began = time.monotonic()
        server.next_id()
        took_ms = (time.monotonic() - began) * 1e3
        each = (resident_kb(server) - before) / IDLE
        print(f"{IDLE} idle {protocol} clients: {each:.1f} KB each; an id took {took_ms:.1f} ms")
        assert each < 12
    finally:
        for client in clients:
            client.close()


def test_slow_writers_are_cut_off_and_others_served(start_server):
    server = start_server("--header-timeout", "500ms")
    port = server.port
    clients = [connect(port) for _ in range(300)]
    try:
        for sent in b"GET /next HTTP/1.1\r\n":
            for client in clients:
                try:
                    client.send(bytes([sent]))
                except OSError:
                    pass  # It is cut off.
            server.next_id()
        poll(lambda: server.ask("GET", "/v1/status").json()["connections"]["http"] == 1,
             "they are gone")
    finally:
        for client in clients:
            client.close()


def test_a_long_pipeline_is_served_in_bounded_memory(server, ports):
    before = resident_kb(server)
    with connect(ports["resp"]) as client:
        sender = threading.Thread(target=lambda: client.sendall(INCR * COMMANDS))
        sender.start()
        file = client.makefile("rb")
        ids = [int(file.readline()[1:]) for _ in range(COMMANDS)]
        sender.join()
    assert ids == list(range(1, COMMANDS + 1))
    grown = resident_kb(server) - before
    print(f"a pipeline of {COMMANDS} commands: {grown} KB more")
    assert grown < 8_000


def test_clients_that_never_read_are_bounded(server, ports):
    before = resident_kb(server)
    greedy = [connect(ports["resp"]) for _ in range(20)]
    try:
        for client in greedy:
            client.setblocking(False)
            try:
                while client.send(INCR * 1_000):
                    pass
            except BlockingIOError:
                pass
        server.next_id()
        grown = resident_kb(server) - before
        print(f"20 clients that never read: {grown} KB more")
        assert grown < 20 * 1_500
    finally:
        for client in greedy:
            client.close()


def timer_of(server_port, client_port):
    """The kind of timer that runs for the server's end of a connection (proc_net_tcp)."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            ports = [int(fields[i].split(":")[1], 16) for i in (1, 2)]
            if ports == [server_port, client_port]:
                return fields[5].split(":")[0]
    return None


@pytest.mark.parametrize("protocol", ["http", "resp"])
def test_the_system_looks_whether_clients_are_there(ports, protocol):
    port = ports[protocol]
    with socket.create_connection(("127.0.0.1", port)) as client:
        keep_alive = "02"
        poll(lambda: timer_of(port, client.getsockname()[1]) == keep_alive,
             "a keep-alive timer")
