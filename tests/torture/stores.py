"""The two kinds of store that a round can stand on, with what is around each."""

import json
import signal
import subprocess
import sys
import threading

import nextid
from aws_signatures import KeyRing
from dynalite import REGION, Dynalite
from dynamodb_faults import FAULTS, Schedule
from dynamodb_proxy import Proxy
from dynamodb_setting import isolated
from torture import place

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


class SqliteStore:
    kind = "sqlite"
    request_timeout_ms = 1000
    client_threads = {"http": 5, "resp": 4}

    def __init__(self, directory, rng):
        self.directory = directory
        self.disk = place.Disk(directory / "disk")
        self.path = self.disk.path / "ids.db"
        self.url = f"sqlite:{self.path}"
        self.env = {}
        self.injected = {}

    def counters(self):
        """{name: (value, start, increment)}; None where there is no value yet."""
        done = place.run_as_user(nextid.BINARY, "counters", "--json", "--store", self.url)
        assert done.returncode == nextid.OK, done.stderr
        return {counter["name"]: (counter["value"], counter["start"], counter["increment"])
                for counter in json.loads(done.stdout)["counters"]}

    def checkpoint(self, mode):
        """True when it got what it needed."""
        return self._outsider(_CHECKPOINT, self.path, mode).returncode == 0

    def lock(self):
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
        """Breaks the promise: ids that were given are free again. True when it was possible."""
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


class DynamodbStore:
    """dynalite on a disk, behind the proxy that checks signatures and goes wrong."""
    kind = "dynamodb"
    # The proxy, which checks signatures, and dynalite serve some hundred calls a second. More than
    # that, from clients that repeat what came too late, and it would never recover.
    request_timeout_ms = 2500
    client_threads = {"http": 3, "resp": 2}

    # Of each kind of fault, so many requests in a hundred.
    CHANCE = 0.004

    def __init__(self, directory, rng):
        self.directory = directory
        self.disk = place.Disk(directory / "disk")
        self._seed = rng.getrandbits(32)
        self._lock = threading.RLock()  # Held while the server starts or ends.
        self._dynalite = self._serve()
        self.keys = KeyRing()
        self.proxy = Proxy(self._dynalite.port, self.keys, region=REGION)
        self._key = None
        self._credentials = directory / "credentials"
        self.rotate_credentials()
        self.table = "ids"
        # By a name, so that each connection needs a look-up, and that a thread.
        self.url = (f"dynamodb://{self.table}?region={REGION}&attempt_timeout=1s"
                    f"&endpoint=http://localhost:{self.proxy.port}")
        self.env = {**isolated(directory),
                    "AWS_SHARED_CREDENTIALS_FILE": str(self._credentials)}

    @property
    def injected(self):
        return dict(self.proxy.injected)

    def begin_faults(self):
        self.proxy.schedule = Schedule(self._seed, {kind: self.CHANCE for kind in FAULTS})

    def counters(self):
        with self._lock, self._dynalite.client() as client:
            items = client("Scan", TableName=self.table, ConsistentRead=True)["Items"]
        return {item["counter_id"]["S"]: tuple(
            int(item[name]["N"]) for name in ("current_value", "start_value", "increment"))
            for item in items}

    def rotate_credentials(self):
        """The old key is revoked; the nodes find the new one in their file."""
        old, self._key = self._key, self.keys.issue()
        fresh = self._credentials.with_suffix(".fresh")
        fresh.write_text(f"[default]\naws_access_key_id = {self._key.access_key_id}\n"
                         f"aws_secret_access_key = {self._key.secret_access_key}\n")
        fresh.rename(self._credentials)
        if old:
            self.keys.revoke(old)

    def kill_server(self):
        with self._lock:
            self._dynalite.kill()

    def start_server(self):
        with self._lock:
            self._dynalite = self._serve()
            self.proxy.move_backend(self._dynalite.port)

    def pause_server(self):
        self._dynalite.process.send_signal(signal.SIGSTOP)

    def resume_server(self):
        self._dynalite.process.send_signal(signal.SIGCONT)

    def fill_disk(self):
        self.disk.fill()

    def empty_disk(self):
        """Its database writes no more once a write has failed: it is started again."""
        self.disk.empty()
        with self._lock:
            if self._dynalite.process.poll() is None:
                self._dynalite.kill()
            self.start_server()

    def heal(self):
        self.disk.empty()
        self.proxy.heal()

    def close(self):
        self.proxy.close()
        with self._lock:
            if self._dynalite.process.poll() is None:
                self._dynalite.kill()
        self.disk.remove()

    def _serve(self):
        with (self.directory / "dynalite.log").open("a") as log:
            return Dynalite("--path", self.disk.path / "dynalite", stderr=log)


STORES = {store.kind: store for store in (SqliteStore, DynamodbStore)}
