"""etcd members that each have a machine's network of their own, so that one can be cut off.

Needs root, and changes nothing of the machine's own networks: it adds a bridge and namespaces with names of
this process, and removes them.
"""

import contextlib
import os
import subprocess

from etcd import Etcd, EtcdCluster
from private_server import as_user, environment

# RFC 2544: for tests of devices, and nobody's.
NETWORK = f"198.18.{os.getpid() % 250 + 1}"
HOST = f"{NETWORK}.254"
BRIDGE = f"nxt{os.getpid() % 100000}b"


def ip(*words, check=True):
    return subprocess.run(["ip", *map(str, words)], check=check, capture_output=True, text=True,
                          timeout=60)


def why_not():
    """Why this machine lets nobody make such networks; empty if it does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        done = ip("netns", "add", f"{BRIDGE}t", check=False)
        ip("netns", "del", f"{BRIDGE}t", check=False)
    except OSError as error:
        return f"no network namespaces: {error}"
    return "" if done.returncode == 0 else f"no network namespaces: {done.stderr.strip()}"


class NetworkedEtcd(Etcd):
    """A member in a namespace of its own."""

    def __init__(self, number, **options):
        super().__init__(name=f"member{number}", **options)
        self.address = f"{NETWORK}.{number}"
        self.namespace = f"{BRIDGE}{number}"
        self._link = f"{BRIDGE}v{number}"[:15]

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    @property
    def peer_url(self):
        return f"http://{self.address}:{self.peer_port}"

    def launch(self):
        assert not self.is_running()
        self._log_start = len(self.log())
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *as_user(self.command(), self.death_signal)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), cwd="/",
                start_new_session=True)

    def plug_in(self):
        inner = f"{BRIDGE}i"
        ip("netns", "add", self.namespace)
        ip("link", "add", self._link, "type", "veth", "peer", "name", inner, "netns", self.namespace)
        ip("link", "set", self._link, "master", BRIDGE, "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", inner)
        ip("-n", self.namespace, "link", "set", inner, "up")
        ip("-n", self.namespace, "link", "set", "lo", "up")

    def unplug(self):
        ip("netns", "del", self.namespace, check=False)
        ip("link", "del", self._link, check=False)

    def cut_off_from(self, others):
        """Nothing reaches them any more; clients reach it still."""
        for other in others:
            if other is not self:
                ip("-n", self.namespace, "route", "add", "blackhole", f"{other.address}/32")

    def heal(self, others):
        for other in others:
            if other is not self:
                ip("-n", self.namespace, "route", "del", "blackhole", f"{other.address}/32", check=False)


class NetworkedCluster(EtcdCluster):
    """Three of them on one bridge."""

    def __init__(self, settings=None):
        self.members = [NetworkedEtcd(number, settings=settings) for number in (1, 2, 3)]

    def start(self):
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("address", "add", f"{HOST}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for member in self.members:
            member.plug_in()
        return super().start()

    def remove(self):
        super().remove()
        for member in self.members:
            with contextlib.suppress(OSError):
                member.unplug()
        ip("link", "del", BRIDGE, check=False)
