#!/usr/bin/python3
"""Serves an empty database on a port of this machine that the system chooses:

   serve.py postgres|mysql|etcd

Prints "listening on URL", as the NEXTID_TEST_* variable of that database would have it, and ends when its
standard input closes, so that it never outlives whoever started it.
"""

import functools
import signal
import sys

from etcd import Etcd
from mysql import Mysql
from postgres import Postgres

# How to start each, and what others call its place.
SERVERS = {
    "postgres": (Postgres, "NEXTID_TEST_POSTGRES_URL", lambda server: server.url),
    "mysql": (Mysql, "NEXTID_TEST_MYSQL_URL", lambda server: server.url),
    # A crash of the machine is not what its users test, and a sync may take long on a busy one.
    "etcd": (functools.partial(Etcd, settings={"unsafe-no-fsync": "true"}),
             "NEXTID_TEST_ETCD_ENDPOINTS", lambda server: server.endpoint),
}


def main(words):
    if len(words) != 1 or words[0] not in SERVERS:
        sys.exit(f"serve.py takes one of {', '.join(SERVERS)}; not: {' '.join(words)}")
    # By way of the servers' own ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    make, _, place_of = SERVERS[words[0]]
    with make() as server:
        print(f"listening on {place_of(server)}", flush=True)
        while sys.stdin.buffer.read1(4096):
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
