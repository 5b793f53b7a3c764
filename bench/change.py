"""This build beside another one of nextid: what a change costs, or gains.

Strict ids on SQLite, both servers on the same disk and loaded in turn, round by round: /next at 1, 64 and
256 connections, INCR by 64 clients at pipeline 1 and 16. Also the server's CPU time an id, and the time
from process start to the first id.
"""

import pathlib
import statistics
import tempfile

import common
from results import Results

CLIENTS = (1, 64, 256)
PIPELINES = (1, 16)
INCR_CLIENTS = 64


class Build:
    def __init__(self, binary, directory):
        self.binary, self.directory = binary, directory
        self.rates, self.cpu_us, self.starts_ms = {}, {}, []

    def start(self, store):
        common.NEXTID = self.binary
        return common.Nextid(f"sqlite:{self.directory}/{store}.db")

    def measure(self, server, load, run):
        """`run` is the rate, and how many ids that was."""
        before = common.cpu_s(server.process.pid)
        rate, ids = run(server)
        self.rates.setdefault(load, []).append(rate)
        self.cpu_us.setdefault(load, []).append((common.cpu_s(server.process.pid) - before) / ids * 1e6)

    def add_to(self, results, name):
        for load in self.rates:
            results.add("rate", "ids/s", self.rates[load], of=name, load=load)
            results.add("CPU time per id", "us", self.cpu_us[load], of=name, load=load)
        results.add("start to first id", "ms", self.starts_ms, of=name)


def next_load(clients, seconds):
    def run(server):
        rate = common.load_next(server.port, clients, seconds).rate
        return rate, rate * seconds
    return run


def incr_load(pipeline, requests):
    def run(server):
        return common.redis_rate(server.resp_port, INCR_CLIENTS, requests, pipeline), requests
    return run


def options():
    parser = common.parser_of(__doc__, rounds=9, seconds=2)
    parser.add_argument("before", type=pathlib.Path, help="the other build's nextid")
    return parser.parse_args()


def main():
    given = options()
    results = Results("change", given)
    loads = {f"/next, {c}": next_load(c, given.seconds) for c in CLIENTS}
    loads |= {f"INCR, pipeline {p}": incr_load(p, 20_000 * p * given.seconds) for p in PIPELINES}
    with tempfile.TemporaryDirectory(dir=common.ROOT / "build") as directory:
        builds = [Build(given.before.resolve(), pathlib.Path(directory) / "before"),
                  Build(common.NEXTID, pathlib.Path(directory) / "now")]
        for build in builds:
            build.directory.mkdir()
        with builds[0].start("ids") as before, builds[1].start("ids") as now:
            for number in range(given.rounds):
                for load, run in loads.items():
                    pairs = list(zip(builds, (before, now)))
                    for build, server in pairs if number % 2 else reversed(pairs):
                        build.measure(server, load, run)
        for build in builds:
            for i in range(given.rounds):
                with build.start(f"start-{i}") as server:
                    build.starts_ms.append(server.first_id_ms)
    before, now = builds
    common.print_table(
        ["load", "before", "now", "ratio", "CPU us an id", "now"],
        [[load, common.spread(before.rates[load]), common.spread(now.rates[load]),
          f"{common.ratio(now.rates[load], before.rates[load]):.3f}",
          f"{statistics.median(before.cpu_us[load]):.2f}", f"{statistics.median(now.cpu_us[load]):.2f}"]
         for load in loads])
    starts = [statistics.median(build.starts_ms) for build in builds]
    print(f"start to first id, of a new store: {starts[0]:.1f} ms before, {starts[1]:.1f} now")
    for name, build in (("before", before), ("now", now)):
        build.add_to(results, name)
    results.write()


if __name__ == "__main__":
    main()
