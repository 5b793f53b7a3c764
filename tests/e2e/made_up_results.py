"""Results of benchmarks that nobody measured, written by the benchmarks' own code: what script/report is tried
with. `python3 made_up_results.py ROOT` makes a folder of them, with documents, as a checkout has them.
"""

import argparse
import pathlib
import shutil
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "bench"))

import common
import io_threads
import results
import server_speed
import shown
import strict_dynamodb
import strict_sqlite
import strict_store

ROUNDS = 3
SPREAD = (0.8, 1.0, 1.3)
# By clients: of nextid, of its peer, and of a second one.
RATES = {1: (2_610, 4_388, 10_489), 32: (41_125, 2_430, 48_717), 64: (77_140, 67_202, 0), 256: (1_100_931, 29, 39_644)}


def rounds(median):
    return [median * part for part in SPREAD]


def waits():
    return [common.Load(0, wait, 10 * wait) for wait in rounds(0.5)]


def sqlite(into):
    rates = {(who, clients): rounds(RATES[clients][column])
             for column, who in enumerate(("nextid", "redis")) for clients in strict_sqlite.CLIENTS}
    loads = {("nextid", clients): waits() for clients in strict_sqlite.CLIENTS}
    strict_sqlite.add_figures(into, rates, loads, rounds(13.7), 14.4)


def database(into):
    store = strict_store.STORES[into.head["benchmark"]]
    measured = strict_store.Measured(store)
    for clients in strict_store.CLIENTS:
        ours, *theirs = RATES[clients]
        for load in strict_store.LOADS:
            measured.rates[load, clients] = rounds(ours)
            measured.commits[load, clients] = rounds(1 / clients)
            measured.cpu_us[load, clients] = rounds(9.5)
        measured.waits["nextid", clients] = waits()
        for peer, rate in zip(store.peers, theirs):
            measured.rates[peer.name, clients] = rounds(rate)
    for share in strict_store.SHARES:
        for nodes in strict_store.NODES:
            for clients in strict_store.SHARED_CLIENTS:
                measured.sums[share, nodes, clients] = rounds(RATES[clients][0] * nodes)
    measured.add_to(into)


def dynamodb(into):
    loads = {(who, clients): [common.Load(rate, 0.5, 5) for rate in rounds(RATES[clients][column])]
             for column, who in enumerate(("nextid", "baseline")) for clients in strict_dynamodb.CONNECTIONS}
    accounts = {clients: [common.Account(clients * 1000, 1000, 0)] * ROUNDS for clients in strict_dynamodb.CONNECTIONS}
    strict_dynamodb.add_figures(into, loads, accounts)


def server(into):
    nobody = common.Peer(0, 0)
    nextid = argparse.Namespace(process=nobody, port=0, resp_port=0)
    for number, comparison in enumerate(server_speed.comparisons(1, nextid, nextid, nobody, nobody, nobody), 1):
        for side, rate in ((comparison.ours, 50_000 * number ** 2), (comparison.theirs, 40_000 * number ** 2)):
            side.rates, side.cpu_us = rounds(rate), rounds(7.5)
        comparison.add_to(into)


def threads(into):
    for pipeline in io_threads.PIPELINES:
        for count in (1, 2):
            measured = io_threads.Measured(None, count, pipeline)
            measured.rates, measured.cpu_us = rounds(70_000 * count * pipeline), rounds(8)
            measured.add_to(into)


FIGURES = {"sqlite": sqlite, "postgres": database, "mysql": database, "etcd": database, "dynamodb": dynamodb,
           "server": server, "threads": threads}
# The peers, as the benchmarks have them; their versions are made up as well.
PEERS = {"sqlite": ["Redis"], "postgres": ["PostgreSQL"], "mysql": ["MariaDB"], "etcd": ["etcd"],
         "dynamodb": ["dynalite", "boto3"], "server": ["Redis", "nginx"], "threads": []}


def write(folder, names=shown.ALL):
    """The results, each in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = results.VERSIONS
    results.VERSIONS = {peer: lambda: "12.3.4" for peer in versions}
    try:
        for name in names:
            made = results.Results(name, argparse.Namespace(json=folder / f"{name}.json", rounds=ROUNDS, seconds=2),
                                   PEERS[name])
            FIGURES[name](made)
            made.write()
    finally:
        results.VERSIONS = versions


def checkout(root, names=shown.ALL):
    """The documents as they are, and such results."""
    for document in ("README.md", "docs/benchmarks.md"):
        (root / document).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / document, root / document)
    write(root / "bench/results", names)


if __name__ == "__main__":
    checkout(pathlib.Path(sys.argv[1]))
