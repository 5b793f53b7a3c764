"""An etcd; in half of the rounds a cluster of three."""

import base64
import contextlib
import json
import re

from etcd import Etcd, EtcdCluster
from etcd_setting import Keys, encoded
from private_server import ServerError
from torture.stores.server import ATTEMPT_S, ServerStore

_PREFIX = "ids"
_TRANSACTION = b"/v3/kv/txn"
_CONDITIONS = re.compile(rb'"compare":\[.*?\]', re.DOTALL)


class EtcdStore(ServerStore):
    kind = "etcd"
    disk_mb = 768  # A member allots itself room for its log at once.

    def make_servers(self, folder):
        self._cluster = EtcdCluster(self._rng.choice([1, 3]), folder=folder)
        self._cluster.set_up()
        self._keys = Keys(self._cluster.members[0], _PREFIX)
        return self._cluster.members

    def url_of(self, *ports):
        endpoints = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"etcd://{endpoints}/{_PREFIX}?attempt_timeout={ATTEMPT_S:g}s"

    @staticmethod
    def is_commit(message):
        return _TRANSACTION in message.raw

    @staticmethod
    def is_answer(message):
        return message.raw.startswith(b"HTTP/1.1 200")

    def ask(self):
        for server in self.servers:
            server.ctl("get", "nothing")

    def victims(self):
        """Of a cluster all, one of them, or the one that leads."""
        who = self._rng.choice(["all", "one", "leader"])
        if who == "leader" and (leader := self._cluster.leader()):
            return [leader]
        return self.servers if who == "all" else [self._rng.choice(self.servers)]

    def start_servers(self, servers):
        """None serves before most are there."""
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_ready()

    def counters(self):
        found = {name: json.loads(entry) for name, entry in self._keys.entries("c/").items()}
        return {name: (int(counter["value"]), int(counter["start"]), int(counter["increment"]))
                for name, counter in found.items()}

    # ---- What others do

    def compact(self):
        """The history goes, and its room is given back."""
        self._keys.call("/v3/kv/compaction", revision=self._header()["revision"])
        for server in self.servers:
            server.ctl("defrag")

    def raise_alarm(self):
        """As when its database is as large as it may be: there are no writes."""
        self._keys.call("/v3/maintenance/alarm", action="ACTIVATE", alarm="NOSPACE",
                        memberID=self._header()["member_id"])

    def end_alarm(self):
        self.server.ctl("alarm", "disarm")

    def take(self, counter, count):
        """Ids for somebody else, as docs/etcd.md says: the last one, or None."""
        key = encoded(f"{_PREFIX}/c/{counter}")
        for _ in range(20):
            found = self._keys.call("/v3/kv/range", key=key)["kvs"][0]
            entry = json.loads(base64.b64decode(found["value"]))
            last = int(entry["value"]) + count * int(entry["increment"])
            moved = encoded(json.dumps({**entry, "value": str(last)}))
            done = self._keys.call(
                "/v3/kv/txn", success=[{"requestPut": {"key": key, "value": moved}}],
                compare=[{"key": key, "target": "MOD", "modRevision": found["mod_revision"]}])
            if done.get("succeeded"):
                return last
        return None

    def set_back(self):
        with contextlib.suppress(ServerError, OSError, AssertionError):
            counter = json.loads(self._keys.entries("c/")["strict"])
            value = int(counter["value"])
            if value > 200:
                self._keys.put("c/strict", json.dumps({**counter, "value": str(value - 200)}))
                return True
        return False

    def forget_slots(self):
        for proxy in self.proxies:
            proxy.rewrite = _without_conditions

    def _header(self):
        return self._keys.call("/v3/kv/range", key="AA==")["header"]


def _without_conditions(message):
    """As long as it was: the request says how long it is."""
    return _CONDITIONS.sub(lambda found: b'"compare":[]'.ljust(len(found.group())), message.raw)
