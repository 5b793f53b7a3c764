"""A file of SQLite, on a disk that can be full."""

import json
import subprocess
import sys

import nextid
from torture import place
from torture.stores.store import Store

# What another program does to the file, in a process of its own: SQLite's locks are a process's.
_CHECKPOINT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=2)
print(database.execute(f"PRAGMA wal_checkpoint({sys.argv[2]})").fetchone())
"""
_LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
"""
_BACKUP = """
import sqlite3, sys
source, copy = sqlite3.connect(sys.argv[1], timeout=5), sqlite3.connect(sys.argv[2])
source.backup(copy)
copy.close()
"""
_VALUES = """
import json, sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, timeout=5)
print(json.dumps(dict(database.execute("SELECT name, value FROM counters WHERE writer = 0"))))
"""
_SET_BACK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10)
database.execute("UPDATE counters SET value = value - 200"
                 " WHERE name = 'strict' AND writer = 0 AND value > 200")
database.commit()
"""


def _python(script, *arguments):
    return [sys.executable, "-c", script, *map(str, arguments)]


class SqliteStore(Store):
    kind = "sqlite"
    request_timeout_ms = 1000
    client_threads = {"http": 5, "resp": 4}

    def __init__(self, directory, rng):
        super().__init__(directory)
        self.disk = place.Disk(directory / "disk")
        self.path = self.disk.path / "ids.db"
        self.url = f"sqlite:{self.path}"

    def counters(self):
        done = place.run_as_user(nextid.BINARY, "counters", "--json", "--store", self.url)
        assert done.returncode == nextid.OK, done.stderr
        return {counter["name"]: (counter["value"], counter["start"], counter["increment"])
                for counter in json.loads(done.stdout)["counters"]}

    def checkpoint(self, mode):
        """True when it got what it needed."""
        return self._outsider(_CHECKPOINT, self.path, mode).returncode == 0

    LOCKS = ("of the file",)

    def lock(self, how):
        """Another program writes; returns what ends that, or None where it came to nothing."""
        process = subprocess.Popen(_python(_LOCK, self.path), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   user=place.USER)
        locked = process.stdout.readline() == b"locked\n"
        if not locked:
            process.communicate(timeout=nextid.PATIENCE)
            return None
        return lambda: process.communicate(timeout=nextid.PATIENCE)

    def backup(self, path):
        """Of a running store, by SQLite's own means. True when it was made."""
        return self._outsider(_BACKUP, self.path, path).returncode == 0

    def values_in(self, path):
        """{counter: value} of a file that nobody uses."""
        done = self._outsider(_VALUES, path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def set_back(self):
        return self._outsider(_SET_BACK, self.path).returncode == 0

    def fill_disk(self):
        """The log has room of its own, which is taken first: so that the next write needs more."""
        self.disk.fill()
        self.checkpoint("TRUNCATE")
        self.disk.fill()

    def empty_disk(self):
        self.disk.empty()

    def heal(self):
        self.disk.empty()

    def close(self):
        self.disk.remove()

    @staticmethod
    def _outsider(script, *arguments):
        return subprocess.run(_python(script, *arguments), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, user=place.USER)
