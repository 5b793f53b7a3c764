"""What the benchmarks of servers share: nextid running, its load, and tables of what came out."""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
NEXTID = ROOT / "build/release/nextid"
# A server that stops has clients to answer and its store to close.
STOP_LIMIT_S = 15
START_LIMIT_S = 10

# How Redis keeps what it answers: each command before its answer, or nothing at all.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
VOLATILE = ("--appendonly", "no")


def writable_file(name):
    """Looked at before minutes of measurement are lost."""
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"'{name}' cannot be written")
    return path


def parser_of(description, rounds=None, seconds=None):
    """For the options that all benchmarks have: `rounds`, the `seconds` of one measurement, and --json."""
    parser = argparse.ArgumentParser(description=description)
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    if seconds:
        parser.add_argument("--seconds", type=int, default=seconds, help="length of one measurement")
    parser.add_argument("--json", type=writable_file, metavar="FILE", help="the figures of each round go there, too")
    return parser


def options_of(description, rounds=5, seconds=2):
    return parser_of(description, rounds, seconds).parse_args()


def listening_ports(log, what):
    """Reads `log` up to the line that says where the server listens: HTTP's port, and RESP's."""
    lines = []
    for line in log:
        if found := re.search(r"(?:listening|running) on https?://127\.0\.0\.1:(\d+)"
                              r"(?: and rediss?://127\.0\.0\.1:(\d+))?", line):
            return int(found.group(1)), int(found.group(2) or 0)
        lines.append(line)
    raise SystemExit(f"{what} did not start:\n{''.join(lines)}")


def stop(process):
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def take_id(port, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/next", headers={"Authorization": f"Bearer {token}"} if token else {})
    number = json.loads(connection.getresponse().read())["id"]
    connection.close()
    return number


class Nextid:
    """A server of its own, that has given one id."""

    def __init__(self, store, *options, environment=None, token=None):
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [NEXTID, "serve", "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--store", store, *options],
            stderr=subprocess.PIPE, text=True, env=environment)
        try:
            self.port, self.resp_port = listening_ports(self.process.stderr, "nextid")
            take_id(self.port, token)
        except BaseException:
            stop(self.process)
            raise
        self.first_id_ms = (time.perf_counter() - began) * 1e3
        self.log = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)
        self.log = self.process.stderr.read()
        self.process.stderr.close()

    def resident_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


@dataclass
class Account:
    """What a nextid server says about its ids when it stops."""

    returned: int
    reservations: int
    burned: int

    @classmethod
    def read(cls, log):
        found = re.search(r"returned (\d+) ids in (\d+) reservations, burned (\d+)", log)
        if not found:
            raise SystemExit(f"nextid gave no account of its ids:\n{log}")
        return cls(*map(int, found.groups()))


def check_for_gaps(accounts, taken):
    """What servers account for must be all that was taken from their counters."""
    returned = sum(account.returned for account in accounts)
    burned = sum(account.burned for account in accounts)
    print(f"\ntaken from the counters: {taken:,}; ids returned: {returned:,}, burned when clients left: {burned:,}")
    if taken != returned + burned:
        raise SystemExit(f"{taken - returned - burned:+,} ids are not accounted for")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def wait_until(condition, what):
    deadline = time.monotonic() + START_LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not start within {START_LIMIT_S} s")


@dataclass
class Peer:
    port: int
    pid: int


@contextlib.contextmanager
def redis_server(directory, persistence):
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", directory,
         *persistence, "--save", ""],
        stdout=subprocess.DEVNULL)

    try:
        wait_until(lambda: answers(port), "redis-server")
        yield Peer(port, server.pid)
    finally:
        stop(server)


def redis_rate(port, clients, requests, pipeline=1, counter="bench"):
    """INCR a second, by redis-benchmark, of Redis or of what speaks its protocol."""
    out = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-c", str(clients), "-n", str(requests), "-P", str(pipeline), "--csv",
         "INCR", counter], check=True, capture_output=True, text=True).stdout
    return float(out.strip().splitlines()[-1].split(",")[1].strip('"'))


@dataclass
class Load:
    rate: float  # Requests per second.
    median_ms: float  # Of the waits for an answer; so is the next one.
    p99_ms: float


def load_next(port, connections, seconds):
    """Asks for ids one by one on each connection; every answer must be a success."""
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency",
         f"http://127.0.0.1:{port}/next"], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)

    def wait_ms(percent):
        value, unit = re.search(rf"\n\s+{percent}%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

    return Load(rate=float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
                median_ms=wait_ms(50), p99_ms=wait_ms(99))


def cpu_s(pid):
    """What a process and its children have used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_s, children))


def spread(runs):
    """The median of the runs, and how far they lie apart."""
    return f"{statistics.median(runs):,.0f} ({min(runs):,.0f}-{max(runs):,.0f})"


def ratio(runs, other_runs):
    other = statistics.median(other_runs)
    return statistics.median(runs) / other if other else float("inf")


def print_table(head, rows):
    """Columns as wide as they need, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)))
