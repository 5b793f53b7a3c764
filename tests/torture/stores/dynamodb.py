"""dynalite on a disk, behind the proxy that checks signatures and goes wrong."""

import signal
import threading

from aws_signatures import KeyRing
from dynalite import REGION, Dynalite
from dynamodb_faults import FAULTS, Schedule
from dynamodb_proxy import Proxy
from dynamodb_setting import isolated
from torture import place
from torture.stores.store import Store


class DynamodbStore(Store):
    kind = "dynamodb"
    # The proxy, which checks signatures, and dynalite serve some hundred calls a second. More than
    # that, from clients that repeat what came too late, and it would never recover.
    client_threads = {"http": 3, "resp": 2}

    # Of each kind of fault, so many requests in a hundred.
    CHANCE = 0.004

    def __init__(self, directory, rng):
        super().__init__(directory)
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

    def forget_slots(self):
        self.proxy.strip_slot_conditions = True

    def go_away(self, how):
        self.proxy.go_down(how)

    def come_back(self):
        self.proxy.come_back()

    def drop_connections(self):
        self.proxy.close_connections()

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
