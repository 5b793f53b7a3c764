"""One I/O thread beside its peers: cached /next and nginx, cached INCR and Redis without persistence,
strict INCR and Redis with `appendfsync always`.

All run at the same time and are loaded in turn, round by round: the ratio of the medians holds even
where the machine's speed drifts. The CPU time a request, of the server alone, is the steadier figure: it
does not depend on what the load takes of the same cores.
"""

import contextlib
import pathlib
import statistics
import subprocess
import tempfile
from dataclasses import dataclass

import common
from results import Results

CACHE = 1_000_000


@dataclass
class Reach:
    rate: float  # At least so many times the peer's.
    cpu: float | None = None  # At most so many times the peer's CPU time a request.


# How many ids each client asks for at a time, and what is to be reached then.
CACHED_PIPELINES = {1: Reach(1.0, cpu=0.9), 16: Reach(1.1), 64: Reach(1.3)}
STRICT_PIPELINES = {1: Reach(1.0), 16: Reach(1.4)}
CACHED_CLIENTS, STRICT_CLIENTS, HTTP_CONNECTIONS = 50, 64, 32

NGINX = """
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/nginx-body;
  proxy_temp_path {directory}/nginx-proxy;
  fastcgi_temp_path {directory}/nginx-fastcgi;
  uwsgi_temp_path {directory}/nginx-uwsgi;
  scgi_temp_path {directory}/nginx-scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"id":1234567}}'; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx_server(directory):
    port = common.free_port()
    config = pathlib.Path(directory) / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, port=port))
    server = subprocess.Popen(["nginx", "-c", str(config), "-p", directory])
    try:
        common.wait_until(lambda: common.answers(port), "nginx")
        yield common.Peer(port, server.pid)
    finally:
        common.stop(server)


class Side:
    """A server, and one kind of load on it."""

    def __init__(self, pid, load):
        """`load` is the rate, and how many requests that was."""
        self.pid, self.load = pid, load
        self.forget()

    def run(self):
        before = common.cpu_s(self.pid)
        rate, requests = self.load()
        self.cpu_us.append((common.cpu_s(self.pid) - before) / requests * 1e6)
        self.rates.append(rate)

    def forget(self):
        self.rates, self.cpu_us = [], []


@dataclass
class Comparison:
    """One row of the table: two loads, in turn."""

    load: str
    peer: str
    clients: int
    pipeline: int
    reach: Reach
    ours: Side
    theirs: Side

    def run(self):
        self.ours.run()
        self.theirs.run()

    def row(self):
        ours, theirs = statistics.median(self.ours.cpu_us), statistics.median(self.theirs.cpu_us)
        name = f"{self.load}, {self.clients} clients, pipeline {self.pipeline}; {self.peer}"
        return [name, common.spread(self.ours.rates), common.spread(self.theirs.rates),
                f"{common.ratio(self.ours.rates, self.theirs.rates):.2f}", f"{self.reach.rate:.2f}",
                f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}",
                f"{self.reach.cpu:.2f}" if self.reach.cpu else ""]

    def add_to(self, results):
        for who, side in (("nextid", self.ours), (self.peer, self.theirs)):
            labels = {"of": who, "load": self.load, "peer": self.peer, "clients": self.clients,
                      "pipeline": self.pipeline}
            results.add("rate", "requests/s", side.rates, **labels)
            results.add("CPU time per request", "us", side.cpu_us, **labels)


def incr(port, clients, pipeline, seconds):
    """A load of about so many seconds, as the one before it showed."""
    requests = [20_000]

    def run():
        sent = requests[0]
        rate = common.redis_rate(port, clients, sent, pipeline)
        requests[0] = max(20_000, int(rate * seconds))
        return rate, sent

    return run


def next_ids(port, seconds):
    def run():
        rate = common.load_next(port, HTTP_CONNECTIONS, seconds).rate
        return rate, rate * seconds

    return run


def incr_comparison(load, peer, reach, nextid, redis, clients, pipeline, seconds):
    return Comparison(load, peer, clients, pipeline, reach,
                      Side(nextid.process.pid, incr(nextid.resp_port, clients, pipeline, seconds)),
                      Side(redis.pid, incr(redis.port, clients, pipeline, seconds)))


def comparisons(seconds, cached, strict, nginx, volatile, durable):
    yield Comparison("cached /next", "nginx return 200", HTTP_CONNECTIONS, 1, Reach(0.95, cpu=0.9),
                     Side(cached.process.pid, next_ids(cached.port, seconds)),
                     Side(nginx.pid, next_ids(nginx.port, seconds)))
    for pipeline, reach in CACHED_PIPELINES.items():
        yield incr_comparison("cached INCR", "Redis volatile", reach, cached, volatile, CACHED_CLIENTS,
                              pipeline, seconds)
    for pipeline, reach in STRICT_PIPELINES.items():
        yield incr_comparison("strict INCR", "Redis durable", reach, strict, durable, STRICT_CLIENTS,
                              pipeline, seconds)


def main():
    options = common.options_of(__doc__)
    results = Results("server", options, ["Redis", "nginx"])

    with contextlib.ExitStack() as stack:
        def directory():
            return stack.enter_context(tempfile.TemporaryDirectory(dir=common.ROOT / "build"))

        cached = stack.enter_context(
            common.Nextid(f"sqlite:{directory()}/ids.db", "--default-cache", str(CACHE)))
        strict = stack.enter_context(common.Nextid(f"sqlite:{directory()}/ids.db"))
        rows = list(comparisons(
            options.seconds, cached, strict, stack.enter_context(nginx_server(directory())),
            stack.enter_context(common.redis_server(directory(), common.VOLATILE)),
            stack.enter_context(common.redis_server(directory(), common.DURABLE))))
        for comparison in rows:  # To learn how many requests take about as long.
            comparison.run()
            comparison.ours.forget()
            comparison.theirs.forget()
        for _ in range(options.rounds):
            for comparison in rows:
                comparison.run()

    print(f"One I/O thread: requests a second, and the server's CPU time a request in microseconds; medians of "
          f"{options.rounds} interleaved runs of about {options.seconds} s (lowest to highest)")
    common.print_table(["load; peer", "nextid", "peer", "ratio", "reach", "CPU us", "peer", "ratio", "reach"],
                       [comparison.row() for comparison in rows])
    for comparison in rows:
        comparison.add_to(results)
    results.write()


if __name__ == "__main__":
    main()
