"""Two I/O threads beside one, on two cached counters: how many ids a second, and what CPU time an id
takes. Threads that share nothing on the way of a request take no more CPU time an id than one does:
that shows how they scale, even where the load and the server have too few cores for the rate to.
"""

import concurrent.futures
import contextlib
import os
import statistics
import tempfile

import common
from results import Results

CACHE = "1000000"
CLIENTS, PIPELINES = 25, (1, 16)
COUNTERS = ("bench-one", "bench-two")


class Measured:
    """A server, loaded by one redis-benchmark a counter at the same time."""

    def __init__(self, server, threads, pipeline):
        self.server, self.threads, self.pipeline = server, threads, pipeline
        self.requests = 20_000
        self.rates, self.cpu_us = [], []

    def run(self, seconds):
        before = common.cpu_s(self.server.process.pid)
        with concurrent.futures.ThreadPoolExecutor() as loads:
            rate = sum(loads.map(self.load, COUNTERS))
        used = common.cpu_s(self.server.process.pid) - before
        self.rates.append(rate)
        self.cpu_us.append(used / (self.requests * len(COUNTERS)) * 1e6)
        self.requests = max(20_000, int(rate * seconds / len(COUNTERS)))

    def load(self, counter):
        return common.redis_rate(self.server.resp_port, CLIENTS, self.requests, self.pipeline, counter)

    def forget(self):
        self.rates, self.cpu_us = [], []

    def add_to(self, results):
        labels = {"of": "nextid", "load": "cached INCR", "threads": self.threads, "counters": len(COUNTERS),
                  "clients": CLIENTS * len(COUNTERS), "pipeline": self.pipeline}
        results.add("rate", "ids/s", self.rates, **labels)
        results.add("CPU time per id", "us", self.cpu_us, **labels)


def row(one, two):
    cpu = [statistics.median(measured.cpu_us) for measured in (one, two)]
    return [f"cached INCR, pipeline {one.pipeline}", common.spread(one.rates), common.spread(two.rates),
            f"{common.ratio(two.rates, one.rates):.2f}", f"{cpu[0]:.2f}", f"{cpu[1]:.2f}",
            f"{cpu[1] / cpu[0]:.2f}"]


def main():
    options = common.options_of(__doc__)
    results = Results("threads", options)

    with contextlib.ExitStack() as stack:
        def server(threads):
            directory = stack.enter_context(tempfile.TemporaryDirectory(dir=common.ROOT / "build"))
            return stack.enter_context(common.Nextid(
                f"sqlite:{directory}/ids.db", "--default-cache", CACHE, "--threads", str(threads)))

        servers = {threads: server(threads) for threads in (1, 2)}
        pairs = [[Measured(each, threads, pipeline) for threads, each in servers.items()] for pipeline in PIPELINES]
        for measured in sum(pairs, []):  # To learn how many requests take about as long.
            measured.run(options.seconds)
            measured.forget()
        for _ in range(options.rounds):
            for measured in sum(pairs, []):
                measured.run(options.seconds)

    print(f"{len(COUNTERS)} counters, {CLIENTS} clients each, {os.cpu_count()} cores for server and load: "
          f"ids a second, medians of {options.rounds} interleaved runs of about {options.seconds} s "
          f"(lowest to highest), and CPU time of the server in microseconds an id")
    common.print_table(
        ["load", "1 thread", "2 threads", "ratio", "CPU 1", "CPU 2", "ratio"], [row(*pair) for pair in pairs])
    for measured in sum(pairs, []):
        measured.add_to(results)
    results.write()


if __name__ == "__main__":
    main()
