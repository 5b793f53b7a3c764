"""Where every id went (I5): for each store that a test used, after its last server ended.

What servers said when they ended and what command lines took must be as many ids as the store's
counters have moved. Where a process took ids without telling how many, it may only be less.
"""

import json
import signal
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import nextid

EXACT = "checked: to the last id"
UNUSED = "nothing to check: no server ran, and no command line took ids"


@dataclass
class Account:
    """Of one store."""
    counters: object  # () -> [(value, start, increment), ...], as the store has them.
    told: int = 0  # Ids that processes told of, as returned or burned.
    untold: set = field(default_factory=set)  # Who took ids without telling, in words.
    unknown: str = ""  # Why nothing can be said, in words.

    def check(self):
        """The words for how far it was checked."""
        if self.unknown:
            return f"not checked: {self.unknown}"
        reserved = sum(ids_moved(*counter) for counter in self.counters())
        says = f"I5: {reserved} ids are reserved in the store, {self.told} were returned or burned"
        if self.untold:
            assert self.told <= reserved, says
            return f"checked: not too many, since {' and '.join(sorted(self.untold))}"
        assert self.told == reserved, says
        return EXACT


def ids_moved(value, start, increment):
    """How many ids a counter of this value has reserved; its value is None before the first."""
    return 0 if value is None else (value - start) // increment + 1


class Ledger:
    """What the processes of one test did to its stores."""

    def __init__(self, command_lines):
        self.servers = []
        self.command_lines = command_lines
        self.untold = set()  # Who else took ids, in words.
        self.before_end = []  # To call while the servers still run, and the test is over.
        self._tables = {}  # By name.

    def know(self, table):
        """A table of DynamoDB, Tables of PostgreSQL, or Keys in etcd, that the test's processes may use. Returns it."""
        self._tables[table.name] = table
        return table

    def end_servers(self):
        """In good order: none is killed here, or fails."""
        for action in self.before_end:
            action()
        for server in self.servers:
            if server.process.poll() is None and not server.is_stopping:
                server.terminate()
        for server in self.servers:
            server.wait()
            assert server.store() is None or server.process.returncode in (0, -signal.SIGKILL), (
                server.log())

    def check(self):
        """Fails where ids are lost or made up; returns words for how far it was checked."""
        accounts = {}
        for server in self.servers:
            if server.store() is not None:
                add_server(self._account(accounts, server.store(), server.directory), server)
        for command in self.command_lines:
            if command.ids_taken() != 0:
                add_command(self._account(accounts, command.store, command.directory), command)
        if not accounts:
            return UNUSED
        found = {account.check() for account in accounts.values()}
        return "; ".join(sorted(found - {EXACT})) or EXACT

    def _account(self, accounts, store, directory):
        """`directory` is where paths begin."""
        kind, _, place = store.partition(":")
        if kind == "sqlite":
            path, _, _ = place.partition("?")
            place = str(Path(directory or ".", path).resolve())
        elif kind == "dynamodb":
            place = urllib.parse.urlsplit(store).netloc
        elif kind in ("postgres", "postgresql", "mysql", "etcd"):
            family = "postgres-" if kind == "postgresql" else f"{kind}-"
            place = next((tables.name for tables in self._tables.values()
                          if tables.name.startswith(family) and tables.is_at(store)), store)
        if (kind, place) not in accounts:
            accounts[kind, place] = self._open(kind, place)
        return accounts[kind, place]

    def _open(self, kind, place):
        if kind == "memory":
            return Account(None, unknown="a store in memory ends with its server")
        if kind == "sqlite":
            return Account(lambda: counters_of_file(place), untold=set(self.untold))
        assert place in self._tables, f"the ledger does not know the table '{place}'"
        table = self._tables[place]
        return Account(table.counters, unknown=(
            "the test changed the counters in the table itself" if table.changed else ""))


def add_server(account, server):
    """One that served, and has ended."""
    if server.process.returncode == -signal.SIGKILL:
        account.untold.add("a server was killed")
        return
    counts = server.closing()
    account.told += counts["returned"] + counts["burned"]
    if "The store did not close in time" in server.log():
        account.untold.add("the time to close ran out")


def add_command(account, command):
    taken = command.ids_taken()
    if taken is None:
        account.untold.add("a command line does not tell how many ids it took")
    else:
        account.told += taken


def counters_of_file(path):
    counters = []
    for which in ([], ["--deleted"]):
        done = nextid.run_unseen("counters", *which, "--json", "--store", f"sqlite:{path}")
        assert done.returncode == nextid.OK, done.stderr
        counters += [(counter["value"], counter["start"], counter["increment"])
                     for counter in json.loads(done.stdout)["counters"]]
    return counters
