"""Strict durable ids: nextid's /next on SQLite beside Redis INCR with `appendfsync always`.

Both keep their files on the same disk and serve the same numbers of clients over loopback, in turn,
round by round: the ratio of the medians holds even where the machine's speed drifts. Also prints the
time from process start to the first id, and the resident memory after the load.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
NEXTID = ROOT / "build/release/nextid"
CLIENTS = (1, 64, 256)
TARGETS = {1: 1.1, 64: 1.0, 256: 1.25}
START_LIMIT_S = 10


def wait_until(condition, what):
    deadline = time.monotonic() + START_LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not start within {START_LIMIT_S} s")


@contextlib.contextmanager
def nextid_server(directory):
    """The server, its port, and the milliseconds from its start to its first id."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [NEXTID, "serve", "--http", "127.0.0.1:0", "--store", f"sqlite:{directory}/ids.db"],
        stderr=subprocess.PIPE, text=True)
    try:
        port = None
        for line in server.stderr:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                port = int(found.group(1))
                break
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/next")
        json.loads(connection.getresponse().read())["id"]
        first_id_ms = (time.perf_counter() - began) * 1e3
        connection.close()
        yield server, port, first_id_ms
    finally:
        server.terminate()
        server.communicate()


@contextlib.contextmanager
def redis_server(directory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", directory,
         "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
        stdout=subprocess.DEVNULL)

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    try:
        wait_until(answers, "redis-server")
        yield port
    finally:
        server.terminate()
        server.wait()


def nextid_rate(port, clients, seconds):
    out = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"http://127.0.0.1:{port}/next"],
                         check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def redis_rate(port, clients, requests):
    out = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-c", str(clients), "-n", str(requests), "--csv",
         "INCR", "bench"], check=True, capture_output=True, text=True).stdout
    return float(out.strip().splitlines()[-1].split(",")[1].strip('"'))


def resident_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement")
    options = parser.parse_args()

    rates = {(who, c): [] for who in ("nextid", "redis") for c in CLIENTS}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as directory:
        with nextid_server(directory) as (server, port, _), redis_server(directory) as redis_port:
            requests = {c: 3_000 * min(c, 16) for c in CLIENTS}
            for _ in range(options.rounds):
                for c in CLIENTS:
                    rates["nextid", c].append(nextid_rate(port, c, options.seconds))
                    rates["redis", c].append(redis_rate(redis_port, c, requests[c]))
                    # As many requests as take Redis about as long.
                    requests[c] = max(1_000, int(rates["redis", c][-1] * options.seconds))
            resident = resident_mb(server.pid)
        starts = []
        for i in range(options.rounds):
            fresh = pathlib.Path(directory) / f"start-{i}"
            fresh.mkdir()
            with nextid_server(fresh) as (_, _, first_id_ms):
                starts.append(first_id_ms)

    print(f"Strict durable ids a second, medians of {options.rounds} interleaved runs of about "
          f"{options.seconds} s (lowest to highest)")
    print(f"{'clients':>8} {'nextid /next':>26} {'Redis INCR':>26} {'ratio':>7} {'reach':>7}")
    for c in CLIENTS:
        cells, medians = [], []
        for who in ("nextid", "redis"):
            runs = rates[who, c]
            medians.append(statistics.median(runs))
            cells.append(f"{medians[-1]:,.0f} ({min(runs):,.0f}-{max(runs):,.0f})")
        print(f"{c:>8} {cells[0]:>26} {cells[1]:>26} {medians[0] / medians[1]:>7.2f} {TARGETS[c]:>7.2f}")
    print(f"start to first id: {statistics.median(starts):.1f} ms ({min(starts):.1f}-{max(starts):.1f}), "
          f"reach 50; resident after the load: {resident:.1f} MB, reach 20")


if __name__ == "__main__":
    main()
