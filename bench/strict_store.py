"""Strict ids from a database: nextid's /next and INCR beside what a user of that database would write.

One node of nextid and its peers use the same private server, durable as it is installed, with its data on
this machine's disk. They serve the same numbers of clients over loopback, in turn, round by round: the
ratio of the medians holds even where the machine's speed drifts. Then two and four nodes take their ids
from the same counter: each with as many clients as the one had, and with a part of these clients.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import urllib.request

import common
from results import Results
from store_peers import STORES, environment

CLIENTS = (1, 32, 256)
LOADS = ("/next", "INCR")
NODES = (2, 4)
SHARED_CLIENTS = (32, 256)
# How many clients each of several nodes has, beside one node's.
AS_MANY, PARTS = SHARES = ("as many each", "a part each")
LEAST_REQUESTS_A_CLIENT = 10


class Node:
    """A server of nextid, and what it says about its ids."""

    def __init__(self, store):
        self.server = common.Nextid(store, environment=environment())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.__exit__(*exception)

    def figures(self):
        """CPU seconds, ids handed out, commits, so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/metrics") as answer:
            page = answer.read().decode()
        return [common.cpu_s(self.server.process.pid),
                *(float(re.search(rf"^{name} (\S+)", page, re.M).group(1))
                  for name in ("nextid_ids_returned_total", "nextid_store_commits_total"))]

    def load_next(self, clients, seconds):
        return common.load_next(self.server.port, clients, seconds)

    def incr_rate(self, clients, requests):
        return common.redis_rate(self.server.resp_port, clients, requests)


class Measured:
    """What came out, by load and clients, a figure a round."""

    def __init__(self, store):
        self.store = store
        self.rates, self.commits, self.cpu_us, self.sums = {}, {}, {}, {}
        self.waits = {}  # Of /next, by ("nextid", clients).
        self.accounts = []

    def run(self, server, seconds):
        """A round."""
        with Node(self.store.url(server)) as node:
            for clients in CLIENTS:
                rate = self.load(node, "/next", clients, lambda: self.next_rate(node, clients, seconds))
                # As many as take about as long.
                requests = max(int(rate * seconds), clients * LEAST_REQUESTS_A_CLIENT)
                self.load(node, "INCR", clients, lambda: node.incr_rate(clients, requests))
                for peer in self.store.peers:
                    self.rates.setdefault((peer.name, clients), []).append(
                        peer.rate(server, clients, seconds))
        self.accounts.append(common.Account.read(node.server.log))
        for nodes in NODES:
            self.share(server, nodes, seconds)

    def next_rate(self, node, clients, seconds):
        load = node.load_next(clients, seconds)
        self.waits.setdefault(("nextid", clients), []).append(load)
        return load.rate

    def load(self, node, load, clients, run):
        before = node.figures()
        rate = run()
        cpu_s, ids, commits = (after - then for after, then in zip(node.figures(), before))
        self.rates.setdefault((load, clients), []).append(rate)
        self.commits.setdefault((load, clients), []).append(commits / ids)
        self.cpu_us.setdefault((load, clients), []).append(cpu_s / ids * 1e6)
        return rate

    def share(self, server, count, seconds):
        """Nodes that use the counter at the same time."""
        with contextlib.ExitStack() as stack:
            nodes = [stack.enter_context(Node(self.store.url(server))) for _ in range(count)]
            with concurrent.futures.ThreadPoolExecutor(count) as loads:
                for clients in SHARED_CLIENTS:
                    for share in SHARES:
                        each = clients // (count if share == PARTS else 1)
                        rates = loads.map(lambda node: node.load_next(each, seconds).rate, nodes)
                        self.sums.setdefault((share, count, clients), []).append(sum(rates))
        self.accounts += [common.Account.read(node.server.log) for node in nodes]

    def add_to(self, results):
        for (who, clients), values in self.rates.items():
            labels = {"of": "nextid", "load": who} if who in LOADS else {"of": who}
            results.add("rate", "ids/s", values, **labels, clients=clients)
        results.add_waits(self.waits)
        for what, unit, by_load in (("commits per id", "commits", self.commits), ("CPU time per id", "us", self.cpu_us)):
            for (load, clients), values in by_load.items():
                results.add(what, unit, values, of="nextid", load=load, clients=clients)
        for (share, nodes, clients), values in self.sums.items():
            results.add("rate of several nodes", "ids/s", values, of="nextid", load="/next", clients=clients,
                        nodes=nodes, share=share)


def taken_from(url):
    """The sum of all counters' values."""
    out = subprocess.run([common.NEXTID, "counters", "--json", "--store", url], check=True,
                         capture_output=True, text=True, env=environment()).stdout
    return sum(int(counter["value"]) for counter in json.loads(out)["counters"])


def print_rates(measured):
    head = ["clients", *(f"nextid {load}" for load in LOADS)]
    for peer in measured.store.peers:
        head += [peer.name, *(f"{load} ratio" for load in LOADS), "reach"]
    rates, rows = measured.rates, []
    for c in CLIENTS:
        row = [str(c), *(common.spread(rates[load, c]) for load in LOADS)]
        for peer in measured.store.peers:
            row += [common.spread(rates[peer.name, c]),
                    *(f"{common.ratio(rates[load, c], rates[peer.name, c]):.2f}" for load in LOADS),
                    f"{peer.reach[c]:.1f}" if c in peer.reach else ""]
        rows.append(row)
    common.print_table(head, rows)
    for peer in measured.store.peers:
        print(peer.note)


def print_costs(measured):
    print("\nCommits an id, and nextid's CPU time an id in microseconds")
    common.print_table(
        ["clients", *(f"{load} commits" for load in LOADS), *(f"{load} CPU us" for load in LOADS)],
        [[str(c), *(f"1/{1 / statistics.median(measured.commits[load, c]):.1f}" for load in LOADS),
          *(f"{statistics.median(measured.cpu_us[load, c]):.1f}" for load in LOADS)] for c in CLIENTS])


def print_sums(measured):
    for share in SHARES:
        print(f"\nNodes on one counter: /next in sum, clients of the one node, {share}")
        head = ["clients", "1 node"]
        for nodes in NODES:
            head += [f"{nodes} nodes", "ratio"]
        rows = []
        for c in SHARED_CLIENTS:
            one = measured.rates["/next", c]
            row = [str(c), common.spread(one)]
            for nodes in NODES:
                sums = measured.sums[share, nodes, c]
                row += [common.spread(sums), f"{common.ratio(sums, one):.2f}"]
            rows.append([*row, "1.00" if share == AS_MANY else ""])
        common.print_table([*head, "reach"], rows)


def main():
    parser = common.parser_of(__doc__, rounds=5, seconds=2)
    parser.add_argument("store", choices=STORES)
    options = parser.parse_args()
    store = STORES[options.store]
    results = Results(options.store, options, [store.product])

    measured = Measured(store)
    with tempfile.TemporaryDirectory(dir=common.ROOT / "build") as directory:
        os.chmod(directory, 0o755)  # The server may be another user's.
        with store.make_server(pathlib.Path(directory) / "server") as server:
            store.prepare(server)
            for _ in range(options.rounds):
                measured.run(server, options.seconds)
            taken = taken_from(store.url(server))

    print(f"Strict ids a second on one {store.product}, medians of {options.rounds} interleaved runs of "
          f"about {options.seconds} s (lowest to highest)")
    print_rates(measured)
    print_costs(measured)
    print_sums(measured)
    common.check_for_gaps(measured.accounts, taken)
    measured.add_to(results)
    results.write()


if __name__ == "__main__":
    main()
