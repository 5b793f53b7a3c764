"""Strict durable ids: nextid's /next on SQLite beside Redis INCR with `appendfsync always`.

Both keep their files on the same disk and serve the same numbers of clients over loopback, in turn,
round by round: the ratio of the medians holds even where the machine's speed drifts. Also prints the
time from process start to the first id, and the resident memory after the load.
"""

import pathlib
import statistics
import tempfile

import common
from results import Results

CLIENTS = (1, 64, 256)
TARGETS = {1: 1.1, 64: 1.0, 256: 1.25}


def nextid_server(directory):
    return common.Nextid(f"sqlite:{directory}/ids.db")


def add_figures(results, rates, loads, starts_ms, resident_mb):
    results.add_rates(rates)
    results.add_waits(loads)
    results.add("start to first id", "ms", starts_ms, of="nextid")
    results.add("resident memory", "MB", [resident_mb], of="nextid")


def main():
    options = common.options_of(__doc__, rounds=7, seconds=3)
    results = Results("sqlite", options, ["Redis"])

    rates = {(who, c): [] for who in ("nextid", "redis") for c in CLIENTS}
    loads = {("nextid", c): [] for c in CLIENTS}
    with tempfile.TemporaryDirectory(dir=common.ROOT / "build") as directory:
        with nextid_server(directory) as server, common.redis_server(directory, common.DURABLE) as redis:
            requests = {c: 3_000 * min(c, 16) for c in CLIENTS}
            for _ in range(options.rounds):
                for c in CLIENTS:
                    loads["nextid", c].append(common.load_next(server.port, c, options.seconds))
                    rates["nextid", c].append(loads["nextid", c][-1].rate)
                    rates["redis", c].append(common.redis_rate(redis.port, c, requests[c]))
                    # As many requests as take Redis about as long.
                    requests[c] = max(1_000, int(rates["redis", c][-1] * options.seconds))
            resident = server.resident_mb()
        starts = []
        for i in range(options.rounds):
            fresh = pathlib.Path(directory) / f"start-{i}"
            fresh.mkdir()
            with nextid_server(fresh) as server:
                starts.append(server.first_id_ms)

    add_figures(results, rates, loads, starts, resident)
    print(f"Strict durable ids a second, medians of {options.rounds} interleaved runs of about "
          f"{options.seconds} s (lowest to highest)")
    common.print_table(
        ["clients", "nextid /next", "Redis INCR", "ratio", "reach"],
        [[str(c), common.spread(rates["nextid", c]), common.spread(rates["redis", c]),
          f"{common.ratio(rates['nextid', c], rates['redis', c]):.2f}", f"{TARGETS[c]:.2f}"]
         for c in CLIENTS])
    print(f"start to first id: {statistics.median(starts):.1f} ms ({min(starts):.1f}-{max(starts):.1f}), "
          f"reach 50; resident after the load: {resident:.1f} MB, reach 20")
    results.write()


if __name__ == "__main__":
    main()
