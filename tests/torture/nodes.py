"""The processes that allocate: servers, and programs that embed the library.

A node is started again and again; each of its lives has a name of its own (n1.1, n1.2, ...), which
the history tells with each answer, and ends in one of three ways: it was killed, it was stopped in
good order and told what became of its ids, or it ended by itself, which no fault excuses.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

import nextid
from torture import place

# While others of the store's faults go on.
START_S = 60.0
STOP_S = 30.0

_CLOSING = re.compile(r"stopped: returned (\d+) ids in \d+ reservations, burned (\d+) \(([^)]*)\)")


@dataclass
class Life:
    """One process of a node, from its start to its end."""
    name: str
    log_path: object
    how: str = "runs"  # "killed", "stopped", "failed".
    exit_code: int = 0
    returned: int = 0
    burned: dict = field(default_factory=dict)  # By reason.
    untold: str = ""  # Why the counts are not all.

    def log(self):
        return self.log_path.read_text(errors="replace")

    def told(self):
        return self.returned + sum(self.burned.values())


class Node:
    """What servers and embedding programs have in common. `fleet` is that of the round."""

    def __init__(self, fleet, name):
        self.fleet = fleet
        self.name = name
        self.lives = []
        self.process = None
        self.starts_refused = 0
        self.clock = nextid.Clock(fleet.directory / f"{name}.clock", fleet.place.clock)
        self.lock = threading.RLock()  # Held while it starts or ends.

    @property
    def life(self):
        return self.lives[-1]

    def start(self, seconds=START_S):
        """Until it runs. A start that the store's faults prevent is tried again."""
        with self.lock:
            deadline = time.monotonic() + seconds
            while not self._attempt():
                self.starts_refused += 1
                if time.monotonic() > deadline:
                    self.life.how = "failed"
                    raise AssertionError(f"{self.name} does not start within {seconds} s:\n"
                                         f"{self.life.log()}")
                self.lives.pop()
                time.sleep(0.2)

    def kill(self):
        with self.lock:
            self._leave()
            self.process.kill()
            self.process.wait(timeout=nextid.PATIENCE)
            self.life.how = "killed"

    def stop(self):
        """In good order, whatever goes wrong around it."""
        with self.lock:
            self._ask_to_stop()
            try:
                self.life.exit_code = self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self._leave()
                self.process.kill()
                self.process.wait(timeout=nextid.PATIENCE)
                self.life.how = "failed"
                raise AssertionError(f"{self.life.name} does not stop within {STOP_S} s") from None
            self._leave()
            self._read_closing()

    def ended_by_itself(self):
        with self.lock:
            return self.life.how == "runs" and self.process.poll() is not None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)

    def limit(self, kind, count):
        """Of "nofile" or "nproc"; None lifts the limit."""
        if self.process.poll() is not None:
            return
        # As the process's own user, who needs no privilege for it.
        limits = place.run_as_user("prlimit", "--noheadings", "--raw", "--output", "HARD",
                                   "--pid", self.process.pid, f"--{kind}")
        soft = limits.stdout.strip() if count is None else count
        done = place.run_as_user("prlimit", "--pid", self.process.pid, f"--{kind}={soft}:")
        assert done.returncode == 0 or self.process.poll() is not None, done.stderr

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def _begin(self, log_path):
        self.lives.append(Life(f"{self.name}.{len(self.lives) + 1}", log_path))

    def _ended_at_start(self):
        """A process ended before it served: fine, if the store was away, or had no room."""
        self.life.exit_code = self.process.wait()
        if not self._found_store_away():
            self.life.how = "failed"
            raise AssertionError(f"{self.life.name} ended at its start with"
                                 f" {self.life.exit_code}:\n{self.life.log()}")

    def _read_closing(self):
        life, log = self.life, self.life.log()
        closing = _CLOSING.search(log)
        if life.exit_code != 0 or not closing:
            life.how = "failed"
            raise AssertionError(f"{life.name} was to stop, and ended with {life.exit_code}:"
                                 f"\n{log[-3000:]}")
        life.how = "stopped"
        life.returned = int(closing.group(1))
        life.burned = {reason: int(count) for reason, count in
                       re.findall(r"(\w+) (\d+)", closing.group(3))}
        if "did not close in time" in log:
            life.untold = "the time to close ran out"


class ServerNode(Node):
    """`nextid serve`; clients reach it through a link of the network."""

    def __init__(self, fleet, name, options):
        super().__init__(fleet, name)
        self._options = options
        self.server = None
        self.links = {}

    def _attempt(self):
        env = {**self.fleet.store.env, **self.clock.env}
        self.server = nextid.Server(
            self.fleet.directory, *self._options, store=self.fleet.store.url, env=env,
            user=place.USER)
        self.process = self.server.process
        self._begin(self.server.log_path)

        def listening():
            if self.process.poll() is not None:
                return "ended"
            log = self.server.log()
            return [re.search(rf"{scheme}://127.0.0.1:(\d+)", log) for scheme in ("http", "redis")]

        ports = nextid.poll(lambda: (found := listening()) and all(found) and found,
                            f"{self.name} listens", seconds=START_S)
        if ports == "ended":
            self._ended_at_start()
            return False
        self.server.port = int(ports[0].group(1))
        self.links = {protocol: self.fleet.network.link(int(port.group(1)))
                      for protocol, port in zip(("http", "resp"), ports)}
        self.fleet.publish(self.life.name, self.links)
        return True

    def _found_store_away(self):
        return self.life.exit_code == nextid.UNAVAILABLE

    def cut(self, how):
        for link in self.links.values():
            link.cut(how)

    def mend(self):
        for link in self.links.values():
            link.mend()

    def ask(self, method, target, timeout=nextid.PATIENCE, **options):
        """Past the network's faults."""
        with self.server.connect(timeout=timeout) as connection:
            return connection.ask(method, target, **options)

    def _ask_to_stop(self):
        self.fleet.withdraw(self.life.name)  # As a load balancer does.
        self.process.terminate()

    def _leave(self):
        self.fleet.withdraw(self.life.name)
        for link in self.links.values():
            link.close()
        self.links = {}


class LibraryNode(Node):
    """A program of several threads that embeds the library; tests/load."""

    def __init__(self, fleet, name, counter, options):
        super().__init__(fleet, name)
        self._counter = counter
        self._options = options

    def _attempt(self):
        life = len(self.lives) + 1
        stem = f"{self.name}.{life}-{time.monotonic_ns()}"
        self._finish = self.fleet.directory / f"{stem}.finish"
        log_path = self.fleet.directory / f"{stem}.log"
        history = self.history_path = self.fleet.history(f"{stem}.history")
        command = [self.fleet.place.load_client, "library", "--endure", "--store",
                   self.fleet.store.url, "--counter", self._counter, "--history", history,
                   "--node", f"{self.name}.{life}", "--ids", "0", "--keep-going-until-file",
                   self._finish, "--time-limit", "3600", "--seed", str(life), *self._options]
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=nextid.environment({**self.fleet.store.env, **self.clock.env}),
                user=place.USER)
        self._begin(log_path)

        began = time.monotonic()

        def started():
            if self.process.poll() is not None:
                return "ended"
            # It gives up opening a store sooner than this.
            return (history.stat().st_size > 0 or time.monotonic() > began + 10) and "runs"

        if nextid.poll(started, f"{self.name} takes ids", seconds=START_S) == "runs":
            return True
        self._ended_at_start()
        return False

    def _found_store_away(self):
        return self.life.exit_code == 1 and "load_client: unavailable: " in self.life.log()

    def _ask_to_stop(self):
        self._finish.touch()

    def _leave(self):
        pass


class Fleet:
    """The nodes of a round, and what the clients are told of them."""

    def __init__(self, a_place, directory, store, network):
        self.place = a_place
        self.directory = place.give_to_user(directory)
        self.store = store
        self.network = network
        self.servers = []
        self.libraries = []
        self.histories = []
        self.nodes_path = directory / "nodes.json"
        self._published = {}
        self._epoch = 0
        self._lock = threading.Lock()
        self._write()

    @property
    def nodes(self):
        return [*self.servers, *self.libraries]

    @property
    def lives(self):
        return [life for node in self.nodes for life in node.lives]

    def history(self, name):
        path = self.directory / name
        path.touch()
        place.give_to_user(path)
        self.histories.append(path)
        return path

    def publish(self, name, links):
        with self._lock:
            self._published[name] = {protocol: link.port for protocol, link in links.items()}
            self._write()

    def withdraw(self, name):
        with self._lock:
            if self._published.pop(name, None):
                self._write()

    def next_epoch(self):
        """The keys of before are no keys any more."""
        with self._lock:
            self._epoch += 1
            self._write()

    def _write(self):
        fresh = self.nodes_path.with_suffix(".fresh")
        fresh.write_text(json.dumps({"epoch": self._epoch, "nodes": [
            {"name": name, **ports} for name, ports in self._published.items()]}))
        fresh.rename(self.nodes_path)
