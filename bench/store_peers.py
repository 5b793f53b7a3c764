"""What nextid is measured beside on PostgreSQL, MariaDB and etcd: a private server of each, and clients
that take ids from it as its users would."""

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Callable

import common

sys.path.insert(0, str(common.ROOT / "tests/servers"))
from etcd import Etcd  # noqa: E402
from mysql import Mysql  # noqa: E402
from postgres import Postgres, tool  # noqa: E402
from private_server import environment  # noqa: E402

# 256 clients of a peer, four nodes of nextid, and some to spare.
MAX_CONNECTIONS = 400
# Against a durable write an id.
REACH = {1: 0.9, 32: 15.0, 256: 40.0}


@dataclass
class Peer:
    """A way to take ids."""

    name: str
    rate: Callable[[Any, int, int], float]  # Of (server, clients, seconds): ids a second.
    reach: dict[int, float]  # How many times its rate nextid has, by clients.
    note: str


@dataclass
class Store:
    product: str
    make_server: Callable[[Any], Any]  # In that folder, durable as it is installed.
    url: Callable[[Any], str]
    prepare: Callable[[Any], None]  # Makes what the peers use.
    peers: list[Peer]  # The first is what a user would write.


def output_of(*command):
    """Without what this process's environment says to clients of databases."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          env=environment(), check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- PostgreSQL

# Its time runs while it connects, too; its rate is without that. Longer where all clients took longer.
PGBENCH_CONNECTS_S = (2, 8, 32)
PGBENCH_SCRIPTS = {
    "update": "UPDATE bench_counter SET value = value + 1 WHERE id = 1 RETURNING value;\n",
    "nextval": "SELECT nextval('bench_sequence');\n",
}


def prepare_postgres(server):
    server.sql("CREATE TABLE bench_counter (id int PRIMARY KEY, value bigint NOT NULL);"
               "INSERT INTO bench_counter VALUES (1, 0);"
               "CREATE SEQUENCE bench_sequence CACHE 1", user="nextid")
    for name, script in PGBENCH_SCRIPTS.items():
        (server.folder / f"{name}.sql").write_text(script)


def figures(pattern, out):
    """The numbers in what a peer printed."""
    found = re.search(pattern, out, re.M)
    if not found:
        raise SystemExit(f"a peer did not say how many ids it took:\n{out}")
    return [float(number) for number in found.groups()]


def pgbench(name):
    def run(server, clients, seconds):
        return output_of(tool("pgbench"), "--no-vacuum", "--protocol=prepared", "--jobs=1",
                         f"--client={clients}", f"--time={seconds}", f"--file={server.folder}/{name}.sql",
                         "--host=127.0.0.1", f"--port={server.port}", "--username=nextid", "nextid")

    def rate(server, clients, seconds):
        for connecting_s in PGBENCH_CONNECTS_S:
            out = run(server, clients, seconds + connecting_s)
            if "tps = " in out:
                break
        return figures(r"^tps = ([\d.]+)", out)[0]

    return rate


# ---- MariaDB and etcd

def prepare_mysql(server):
    server.sql("CREATE TABLE bench_counter (id INT PRIMARY KEY, v BIGINT NOT NULL) ENGINE=InnoDB;"
               "INSERT INTO bench_counter VALUES (1, 0)")


def ids_a_second(out):
    ids, seconds = figures(r"^(\d+) ids in ([\d.]+) s", out)
    return ids / seconds


def mysql_rate(server, clients, seconds):
    return ids_a_second(output_of(common.ROOT / "build/release/bench/nextid_mysql_peer", server.port,
                                  "nextid", "nextid", clients, seconds))


def etcd_rate(server, clients, seconds):
    return ids_a_second(output_of(common.ROOT / "build/release/bench/nextid_etcd_peer", server.port,
                                  clients, seconds))


STORES = {
    "postgres": Store(
        "PostgreSQL",
        make_server=lambda folder: Postgres(folder, {"max_connections": MAX_CONNECTIONS}),
        url=lambda server: server.url,
        prepare=prepare_postgres,
        peers=[
            Peer("UPDATE", pgbench("update"), REACH,
                 "UPDATE: pgbench, one row, UPDATE ... RETURNING prepared; a commit an id, as nextid's"
                 " ids have theirs before they are handed out."),
            Peer("nextval", pgbench("nextval"), {256: 1.5},
                 "nextval: pgbench, a sequence with cache 1. It logs 32 values ahead, so that most ids wait"
                 " for no disk and a crash skips some, and it promises no order."),
        ]),
    "mysql": Store(
        "MariaDB",
        make_server=lambda folder: Mysql(folder, {"max_connections": MAX_CONNECTIONS}),
        url=lambda server: server.url,
        prepare=prepare_mysql,
        peers=[
            Peer("UPDATE", mysql_rate, REACH,
                 "UPDATE: bench/mysql_peer.cc, one row, UPDATE ... SET v = LAST_INSERT_ID(v + 1) prepared;"
                 " a commit an id."),
        ]),
    "etcd": Store(
        "etcd",
        make_server=Etcd,
        url=lambda server: server.url(),
        prepare=lambda server: None,
        peers=[
            Peer("compare-and-swap", etcd_rate, REACH,
                 "compare-and-swap: bench/etcd_peer.cc, one key; whoever was too late has read the key in"
                 " the same transaction, and tries again at once."),
        ]),
}
