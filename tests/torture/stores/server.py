"""A database server of its own, on a disk that can be full, behind a proxy that goes wrong; or a cluster of
them, each behind one."""

import contextlib
import math
import random
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from private_server import ServerError, poll
from tcp_proxy import (AFTER, BEFORE, CLIENT, CUT, DELAY, HALF, HOLD, HOLD_ANSWERS, SERVER,
                       RawMessages, TcpProxy)
from torture import place
from torture.stores.store import Store

# An attempt of a node; what is late by more comes after its repeat.
ATTEMPT_S = 1.0

# What happens to single commits and answers: the side that speaks, what, and how much passes before.
REQUEST_FAULTS = {
    "cut before a commit": (CLIENT, CUT, BEFORE, 0),
    "cut in a commit": (CLIENT, CUT, HALF, 0),
    "cut after a commit": (CLIENT, CUT, AFTER, 0),
    "cut before an answer": (SERVER, CUT, BEFORE, 0),
    "cut in an answer": (SERVER, CUT, HALF, 0),
    "slow answer": (SERVER, DELAY, BEFORE, 0.3),
    "commit after its repeat": (CLIENT, DELAY, BEFORE, ATTEMPT_S + 0.5),
    "answer too late": (SERVER, DELAY, HALF, ATTEMPT_S + 0.5),
}

STALLS = {
    "commits are held": (CLIENT, HOLD, BEFORE),
    "halves of commits are held": (CLIENT, HOLD, HALF),
    "answers are held": (CLIENT, HOLD_ANSWERS, AFTER),
    "halves of answers are held": (SERVER, HOLD, HALF),
}


class ServerStore(Store):
    """A subclass says what the servers are, and which messages are commits and answers."""
    client_threads = {"http": 4, "resp": 3}
    disk_mb = 256
    messages = RawMessages

    # Of each kind of fault, so many commits or answers of one.
    CHANCE = 0.002

    def __init__(self, directory, rng):
        super().__init__(directory)
        self._rng = random.Random(rng.getrandbits(32))  # Asked with the proxy's lock held.
        self._goes_wrong = False
        self._rules = []  # (kind, rule), all that there were.
        self._lock = threading.RLock()  # Held while a server starts or ends.
        # A server ends with the thread that started it.
        self._starter = ThreadPoolExecutor(max_workers=1)
        self.disk = place.Disk(directory / "disk", self.disk_mb)
        self.servers = self.make_servers(self.disk.path)
        self.server = self.servers[0]
        self._hit = []  # Servers that a fault holds.
        for number, server in enumerate(self.servers, 1):
            server.log_path = directory / f"server-{number}.log"  # It has room when the disk has none.
        self.start_server()
        self.proxies = [TcpProxy(server.port, self.messages) for server in self.servers]
        self.url = self.url_of(*(proxy.port for proxy in self.proxies))

    # ---- What a subclass says

    def make_servers(self, folder):
        """[PrivateServer, ...] with their data in `folder`, none started."""
        raise NotImplementedError

    def url_of(self, *ports):
        """The store's, for nodes."""
        raise NotImplementedError

    def ask(self):
        """Something that servers can only answer when they serve; or it raises ServerError."""
        raise NotImplementedError

    def victims(self):
        """The servers that the next fault hits."""
        return self.servers

    @staticmethod
    def is_commit(message):
        """Whether the client's message has something done."""
        raise NotImplementedError

    @staticmethod
    def is_answer(message):
        """Whether the server's message answers one."""
        raise NotImplementedError

    def start_servers(self, servers):
        """Those that do not run."""
        for server in servers:
            server.start()

    def use_room(self):
        """The server takes from the disk what it has left for what it writes next."""

    # ---- Single requests

    @property
    def injected(self):
        injected = Counter()
        for kind, rule in self._rules:
            injected[kind] += rule.happened
        return injected

    def begin_faults(self):
        self._goes_wrong = True
        for kind, (side, action, at, seconds) in REQUEST_FAULTS.items():
            for proxy in self.proxies:
                rule = proxy.on(side, self._sometimes(side), action, at=at, seconds=seconds,
                                times=math.inf)
                self._rules.append((kind, rule))

    def _sometimes(self, side):
        is_one = self._one_of(side)
        return lambda message: is_one(message) and self._rng.random() < self.CHANCE

    def _one_of(self, side):
        return self.is_commit if side == CLIENT else self.is_answer

    # ---- The way to the server

    def go_away(self, how):
        """"refuse": no connection. "close": all end, once. "hang": no byte passes."""
        does = {"refuse": TcpProxy.go_down, "close": TcpProxy.cut, "hang": TcpProxy.hang}[how]
        victims = self.victims()
        for server, proxy in zip(self.servers, self.proxies):
            if server in victims:
                does(proxy)

    def stall(self, how, times):
        """Some commits, or their answers, stay where they are; what is held passes in the end."""
        side, action, at = STALLS[how]
        for proxy in self.proxies:
            proxy.on(side, self._one_of(side), action, at=at, times=times)

    def slow_down(self, seconds):
        """Each message."""
        for proxy in self.proxies:
            proxy.delay_s = seconds

    def come_back(self):
        """From all of these."""
        for proxy in self.proxies:
            proxy.heal()
        if self._goes_wrong:
            self.begin_faults()

    def drop_connections(self):
        for proxy in self.proxies:
            proxy.cut()

    # ---- The servers

    def start_server(self):
        """Until it serves."""
        with self._lock:
            poll(self._serves, f"{self.kind} serves")

    def kill_server(self):
        with self._lock:
            for server in self.victims():
                server.kill()

    def stop_server(self):
        """In good order."""
        with self._lock:
            for server in self.victims():
                server.stop()

    def pause_server(self):
        self._hit = self.victims()
        for server in self._hit:
            server.pause()

    def resume_server(self):
        for server in self._hit:
            server.resume()

    def fill_disk(self):
        self.disk.fill()
        with contextlib.suppress(ServerError):
            self.use_room()
        self.disk.fill()

    def empty_disk(self):
        """A server that has ended for want of room is started again."""
        self.disk.empty()
        self.start_server()

    def heal(self):
        self._goes_wrong = False
        self.come_back()
        self.disk.empty()
        self.start_server()

    def close(self):
        for proxy in self.proxies:
            proxy.close()
        with self._lock:
            for server in self.servers:
                server.remove()
        self._starter.shutdown()
        self.disk.remove()

    def _serves(self):
        with contextlib.suppress(ServerError, subprocess.TimeoutExpired):
            down = [server for server in self.servers if not server.is_running()]
            self._starter.submit(self.start_servers, down).result()
            self.ask()
            return True
        return False
