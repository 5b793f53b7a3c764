"""One I/O thread beside its peers: cached /next and nginx, cached INCR and Redis without persistence,
strict INCR and Redis with `appendfsync always`.

All run at the same time and are loaded in turn, round by round: the ratio of the medians holds even
where the machine's speed drifts.
"""

import contextlib
import pathlib
import subprocess
import tempfile

import common

CACHE = 1_000_000
# (who is measured, how many ids each client asks for at a time, reach)
CACHED_PIPELINES = {1: 1.0, 16: 1.1, 64: 1.3}
STRICT_PIPELINES = {1: 1.0, 16: 1.4}
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
        yield port
    finally:
        common.stop(server)


class Comparison:
    """One row of the table: two loads, in turn."""

    def __init__(self, name, reach, ours, theirs):
        self.name, self.reach, self.loads = name, reach, (ours, theirs)
        self.rates = ([], [])

    def run(self):
        for load, rates in zip(self.loads, self.rates):
            rates.append(load())

    def row(self):
        return [self.name, common.spread(self.rates[0]), common.spread(self.rates[1]),
                f"{common.ratio(*self.rates):.2f}", f"{self.reach:.2f}"]


def incr(port, clients, pipeline, seconds):
    """A load of about so many seconds, as the one before it showed."""
    requests = [20_000]

    def run():
        rate = common.redis_rate(port, clients, requests[0], pipeline)
        requests[0] = max(20_000, int(rate * seconds))
        return rate

    return run


def comparisons(seconds, cached, strict, nginx_port, volatile_port, durable_port):
    yield Comparison(
        f"cached /next, {HTTP_CONNECTIONS} connections, nginx return 200", 0.95,
        lambda: common.load_next(cached.port, HTTP_CONNECTIONS, seconds).rate,
        lambda: common.load_next(nginx_port, HTTP_CONNECTIONS, seconds).rate)
    for pipeline, reach in CACHED_PIPELINES.items():
        yield Comparison(f"cached INCR, pipeline {pipeline}, Redis volatile", reach,
                         incr(cached.resp_port, CACHED_CLIENTS, pipeline, seconds),
                         incr(volatile_port, CACHED_CLIENTS, pipeline, seconds))
    for pipeline, reach in STRICT_PIPELINES.items():
        yield Comparison(f"strict INCR, pipeline {pipeline}, Redis durable", reach,
                         incr(strict.resp_port, STRICT_CLIENTS, pipeline, seconds),
                         incr(durable_port, STRICT_CLIENTS, pipeline, seconds))


def main():
    options = common.options_of(__doc__)

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
            comparison.rates = ([], [])
        for _ in range(options.rounds):
            for comparison in rows:
                comparison.run()

    print(f"One I/O thread, requests a second, medians of {options.rounds} interleaved runs of about "
          f"{options.seconds} s (lowest to highest)")
    common.print_table(["load, peer", "nextid", "peer", "ratio", "reach"],
                       [comparison.row() for comparison in rows])


if __name__ == "__main__":
    main()
