"""How long a steady client waits while the server has other work: a list of all counters, a scrape, new
tokens, a backup, and a sweep that releases many idle counters.

One client asks for strict ids, one by one, and another for ids of a cached counter, whose wait has no
commit in it. `quiet` is what the machine and the load do by themselves.
"""

import array
import http.client
import multiprocessing
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

import common
from results import Results

TOKEN_FILE_BYTES = 1_000_000
COUNTERS_A_PIPELINE = 1_000
# A counter is idle after this long; the sweep may begin half as long after that.
IDLE_TIMEOUT_S = 20
SWEEP_LIMIT_S = 120
FEW_COUNTERS = 10  # Those of the steady clients are in use.
REACH_MS = 10
MEMORY_DISK = "/dev/shm"


class Redis:
    """A connection that is signed in."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")
        self.ask(f"AUTH {token}\r\n".encode())

    def ask(self, request, answers=1):
        self.socket.sendall(request)
        for _ in range(answers):
            answer = self.answers.readline()
            if not answer or answer.startswith(b"-"):
                raise SystemExit(f"{request[:80]!r} was answered with {answer!r}")


def ask_steadily(port, token, counter, ends, results):
    """Sends the time of each answer, and how long it took, when all is over."""
    client, request = Redis(port, token), f"INCR {counter}\r\n".encode()
    times, waits_ms = array.array("d"), array.array("d")
    while not ends.is_set():
        began = time.monotonic()
        client.ask(request)
        ended = time.monotonic()
        times.append(ended)
        waits_ms.append((ended - began) * 1e3)
    results.send((times, waits_ms))


@dataclass
class Waits:
    """Of a steady client, for a time."""

    rate: float
    p999_ms: float
    longest_ms: float

    def cells(self):
        return [f"{self.rate:,.0f}", f"{self.p999_ms:.2f}", f"{self.longest_ms:.2f}"]


class SteadyClient:
    def __init__(self, port, token, counter):
        self.counter = counter
        self.ends = multiprocessing.Event()
        self.results, results = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(
            target=ask_steadily, args=(port, token, counter, self.ends, results), daemon=True)
        self.process.start()

    def stop(self):
        self.ends.set()
        self.times, self.waits_ms = self.results.recv()
        self.process.join()

    def waits(self, begin, end):
        """Of the answers that came in that time."""
        waits = sorted(wait for at, wait in zip(self.times, self.waits_ms) if begin <= at <= end)
        if not waits:
            raise SystemExit(f"a steady client got no answer in {end - begin:.1f} s")
        return Waits(len(waits) / (end - begin), waits[int(len(waits) * 0.999)], waits[-1])


class Work:
    """What the server is made to do beside its clients."""

    def __init__(self, server, token, directory, seconds):
        self.server, self.token, self.directory, self.seconds = server, token, directory, seconds
        self.http = http.client.HTTPConnection("127.0.0.1", server.port)

    def repeat(self, call):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            call()

    def get(self, path):
        self.http.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        answer = self.http.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"GET {path} was answered with {answer.status}: {body}")
        return body

    def define(self, counter, definition):
        self.http.request("PUT", f"/v1/counters/{counter}", definition,
                          {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        self.http.getresponse().read()

    def quiet(self):
        time.sleep(self.seconds)

    def list(self):
        self.repeat(lambda: self.get("/v1/counters?limit=1000"))

    def scrape(self):
        self.repeat(lambda: self.get("/metrics"))

    def reload(self):
        def call():
            self.server.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        self.repeat(call)

    def back_up(self):
        self.repeat(lambda: subprocess.run(
            [common.NEXTID, "backup", "--store", f"sqlite:{self.directory}/ids.db", "--force",
             f"{self.directory}/copy"], check=True, capture_output=True))

    def counters_in_use(self):
        return int(float(re.search(r"^nextid_counters_in_use (\S+)", self.get("/metrics"), re.M).group(1)))

    def wait_for_sweep(self):
        deadline = time.monotonic() + SWEEP_LIMIT_S
        while self.counters_in_use() > FEW_COUNTERS:
            if time.monotonic() > deadline:
                raise SystemExit(f"the idle counters were not released within {SWEEP_LIMIT_S} s")
            time.sleep(0.5)


def use_counters(port, token, count):
    """One id of each: it then has a slot in the store."""
    client = Redis(port, token)
    for first in range(0, count, COUNTERS_A_PIPELINE):
        names = range(first, min(first + COUNTERS_A_PIPELINE, count))
        client.ask("".join(f"INCR idle-{i}\r\n" for i in names).encode(), len(names))


def write_tokens(path):
    """A file as long as it may be; returns the token of its first line."""
    def token(name, rights):
        out = subprocess.run([common.NEXTID, "token", name, "--rights", rights], check=True,
                             capture_output=True, text=True).stdout.splitlines()
        return out[0], out[1]
    secret, line = token("steady", "read,allocate,define")
    others = [f"other-{i} sha256:{i:064x} allocate *" for i in range(TOKEN_FILE_BYTES // 100)]
    path.write_text("\n".join([line, *others]) + "\n")
    path.chmod(0o600)
    return secret


class Phases:
    """When what was done."""

    def __init__(self):
        self.done = []

    def do(self, name, work):
        begin = time.monotonic()
        work()
        self.done.append((name, begin, time.monotonic()))


def measure(server, work, counters):
    """The phases, the steady clients, and the resident memory before and after the sweep."""
    use_counters(server.resp_port, work.token, counters)
    steady = [SteadyClient(server.resp_port, work.token, counter) for counter in ("strict", "cached")]
    time.sleep(0.5)
    phases = Phases()
    phases.do("quiet", work.quiet)
    phases.do("list", work.list)
    phases.do("scrape", work.scrape)
    phases.do("reload", work.reload)
    phases.do("backup", work.back_up)
    memory_mb = [server.resident_mb()]
    phases.do("sweep", work.wait_for_sweep)
    memory_mb.append(server.resident_mb())
    for each in steady:
        each.stop()
    return phases.done, steady, memory_mb


def time_stop(server, token, counters):
    """Seconds that a stop takes which has so many slots to release."""
    use_counters(server.resp_port, token, counters)
    began = time.monotonic()
    common.stop(server.process)
    return time.monotonic() - began


def add_figures(results, phases, steady, counters):
    for name, begin, end in phases:
        for client in steady:
            waits = client.waits(begin, end)
            labels = {"of": "nextid", "counter": client.counter, "beside": name, "counters": counters}
            results.add("rate", "ids/s", [waits.rate], **labels)
            results.add("p99.9 wait", "ms", [waits.p999_ms], **labels)
            results.add("longest wait", "ms", [waits.longest_ms], **labels)


def main():
    parser = common.parser_of(__doc__, seconds=4)
    parser.add_argument("--counters", type=int, default=300_000)
    options = parser.parse_args()
    results = Results("stalls", options)

    with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as name:
        directory = pathlib.Path(name)
        token = write_tokens(directory / "tokens")
        with common.Nextid(
                f"sqlite:{directory}/ids.db", "--tokens", str(directory / "tokens"),
                "--max-counters", str(options.counters * 2), "--idle-counter-timeout", f"{IDLE_TIMEOUT_S}s",
                token=token) as server:
            work = Work(server, token, directory, options.seconds)
            work.define("cached", '{"cache": 1000000}')
            phases, steady, memory_mb = measure(server, work, options.counters)
            stop_s = time_stop(server, token, options.counters)

    print(f"A strict and a cached counter's steady client, one request at a time, beside {options.counters:,} counters: "
          f"answers a second, and waits in ms")
    head = ["beside", "s", *[f"{kind} {what}" for kind in ("strict", "cached")
                             for what in ("ids/s", "p99.9", "longest")]]
    common.print_table(head, [
        [name, f"{end - begin:.1f}", *[cell for each in steady for cell in each.waits(begin, end).cells()]]
        for name, begin, end in phases])
    print(f"reach: no wait of a cached id over {REACH_MS} ms; resident memory before and after the sweep: "
          f"{memory_mb[0]:.0f} and {memory_mb[1]:.0f} MB; a stop that releases {options.counters:,} slots: {stop_s:.1f} s")
    add_figures(results, phases, steady, options.counters)
    for when, megabytes in zip(("before the sweep", "after the sweep"), memory_mb):
        results.add("resident memory", "MB", [megabytes], of="nextid", when=when)
    results.add("stop", "s", [stop_s], of="nextid", counters=options.counters)
    results.write()


if __name__ == "__main__":
    main()
