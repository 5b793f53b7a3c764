"""One round: a store, nodes, clients and the nemesis, from the first process to the judgement."""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import replace

import nextid
from torture import place
from torture.counters import COUNTERS, MOST
from torture.damages import prove
from torture.judge import judge
from torture.nemesis import Nemesis
from torture.network import Network
from torture.nodes import Fleet, LibraryNode, ServerNode
from torture.stores import STORES

SERVERS = 3
# When the faults are over, each node must give ids within this time.
LIVE_S = 30.0
# How much longer than it was told to a round may last, so that it has seen each fault.
DECK_S = 60.0


class World:
    def __init__(self, a_place, number, seed, store, gentle, seconds, damage, proves):
        self.number = number
        self.gentle = gentle
        self.seconds = seconds
        self.seed = f"{seed}/{number}"
        self.rng = random.Random(self.seed)
        self.damage = damage  # One of damages.py, or None.
        self.proves = proves  # Whether it shows that it would find what is wrong.
        self.directory = a_place.round(number)
        # A restored store is moved on, whatever a counter's limit.
        self.counters = [counter if gentle else replace(counter, max=MOST) for counter in COUNTERS]

        self.findings = []  # (invariant, text)
        self.values_seen = []  # (counter, when the look was sent, value)
        self.backup = None  # (path, {counter: value})
        self.restores = Counter()
        self.distinct_ids = 0
        self.clients = {}  # What the client processes say, by protocol.
        self.ids_shared = 0  # Taken past nextid.
        self.accounted = ""
        self.proved = []

        self.store = STORES[store](self.directory, self.rng)
        self.network = Network()
        self.fleet = Fleet(a_place, self._sub("nodes"), self.store, self.network)
        self._others = self.fleet.history("others.history").open("a", buffering=1)
        self.nemesis = Nemesis(self)
        self._add_nodes()

    @property
    def words(self):
        return f"{self.store.kind}, {'nobody is killed' if self.gentle else 'with kills'}"

    def found(self, invariant, text):
        self.findings.append((invariant, text))

    def see_value(self, counter, sent_ns, value):
        self.values_seen.append((counter, sent_ns, value or 0))

    def share(self, counter, count):
        """Another program takes ids of the counter. Returns how many it got."""
        sent_ns = time.monotonic_ns()
        last = self.store.take(counter.name, count)
        if last is None:
            return 0
        self.ids_shared += count
        self._others.write(f"ok others {counter.name} {sent_ns} {time.monotonic_ns()} {count}"
                           f" {last - (count - 1) * counter.increment} {last} {count}"
                           f" {counter.increment} node=others\n")
        return count

    def run(self):
        """What is wrong is in `findings` afterwards."""
        try:
            self._start()
            with self._clients(), self._looks_at_values():
                self.nemesis.begin()
                self._last(self.seconds)
                self.nemesis.end()
                self._heal()
                self._demand_life()
            self._stop_nodes()
            self.accounted = judge(self)
            if self.proves and not self.findings:
                self.proved = prove(self)
        except Exception:
            self.found("liveness", traceback.format_exc())

    def close(self):
        self.nemesis.end()
        for node in self.fleet.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()
        self.network.close()
        self.store.close()
        self._others.close()

    # ---- The course of a round

    def _add_nodes(self):
        state = ["--state-dir", place.give_to_user(self._sub("state"))] if _has_state_dir() else []
        timeout_ms = self.store.request_timeout_ms
        options = ["--request-timeout", f"{timeout_ms}ms", "--shutdown-timeout", "5s",
                   "--threads", "2", "--idempotency-retention", "30d", "--idle-counter-timeout",
                   self.rng.choice(["300ms", "2s", "5m"]), *state]
        self.fleet.servers += [ServerNode(self.fleet, f"n{number + 1}", options)
                               for number in range(SERVERS)]
        self.fleet.libraries += [
            LibraryNode(self.fleet, f"library-{counter}", counter,
                        ["--threads", "2", "--timeout-ms", str(timeout_ms), *state])
            for counter in ("strict", "cached")]

    def _start(self):
        first, *others = self.fleet.servers
        first.start()
        for counter in self.counters:
            answer = first.ask("PUT", f"/v1/counters/{counter.name}",
                               body=json.dumps(counter.definition).encode())
            assert answer.status == 201, answer
        for node in [*others, *self.fleet.libraries]:
            node.start()
        self.store.begin_faults()
        if self.damage:
            self.damage.before(self)

    def _last(self, seconds):
        """So long, and with kills until each fault was there once; or until there is something to
        tell."""
        begun = time.monotonic()
        midway = False
        while not self.findings:
            passed = time.monotonic() - begun
            enough = self.gentle or self.damage or self.nemesis.has_dealt_all()
            if passed > (seconds if enough else seconds + DECK_S):
                return
            if self.damage and not midway and passed > seconds / 2:
                midway = True
                self.damage.midway(self)
            time.sleep(0.05)
            for node in self.fleet.nodes:
                if node.ended_by_itself() and not self.findings:
                    self.found("liveness", f"{node.life.name} ended by itself with"
                               f" {node.process.returncode}:\n{node.life.log()[-3000:]}")

    def _heal(self):
        self.store.heal()
        for node in self.fleet.servers:
            node.mend()

    def _stop_nodes(self):
        """One that fails keeps nobody from being judged."""
        for node in filter(_runs, self.fleet.nodes):
            try:
                node.stop()
            except AssertionError as failure:
                self.found("liveness", str(failure))

    def _demand_life(self):
        """Each node gives ids of each counter, soon after the last fault."""
        history = self.fleet.history("liveness.history").open("a")
        with history:
            deadline = time.monotonic() + LIVE_S
            for node in filter(_runs, self.fleet.servers):
                for counter in self.counters:
                    self._demand_id(node, counter, history, deadline)
        for node in filter(_runs, self.fleet.libraries):
            size = node.history_path.stat().st_size
            while node.history_path.stat().st_size == size:
                if time.monotonic() > deadline or node.ended_by_itself():
                    self.found("liveness", f"{node.life.name} gets no ids within {LIVE_S:.0f} s of"
                               f" the last fault: {node.life.log()[-1000:]}")
                    break
                time.sleep(0.05)

    def _demand_id(self, node, counter, history, deadline):
        while True:
            sent_ns = time.monotonic_ns()
            try:
                answer = node.ask("GET", f"/next?counter={counter.name}", timeout=2)
            except (OSError, EOFError) as error:
                said = repr(error)
            else:
                said = f"{answer.status} {answer.body!r}"
                if answer.status == 200:
                    history.write(f"ok liveness {counter.name} {sent_ns} {time.monotonic_ns()} 1"
                                  f" {answer.json()['id']} {answer.json()['id']} 1 1"
                                  f" node={node.life.name}\n")
                    return
                if answer.status == 409 and counter.max < MOST and b":exhausted" in answer.body:
                    return
            if time.monotonic() > deadline or " 500 " in f" {said} ":
                self.found("liveness", f"{node.life.name} gives no id of {counter.name} within"
                           f" {LIVE_S:.0f} s of the last fault: {said}")
                return
            time.sleep(0.05)

    # ---- Who asks

    @contextlib.contextmanager
    def _clients(self):
        finish = self.directory / "finish"
        processes = {protocol: self._start_clients(protocol, finish) for protocol in self.store.client_threads}
        try:
            yield
        finally:
            finish.touch()
            for protocol, process in processes.items():
                said, _ = process.communicate(timeout=120)
                if process.returncode != 0:
                    self.found("liveness", f"the {protocol} clients failed: {said}")
        for protocol in processes:
            self._read_summary(protocol)

    def _start_clients(self, protocol, finish):
        settings = {"protocol": protocol, "seed": self.seed,
                    "threads": self.store.client_threads[protocol],
                    "nodes": str(self.fleet.nodes_path), "finish": str(finish),
                    "history": str(self.fleet.history(f"{protocol}.history")),
                    "summary": str(self._summary(protocol))}
        return subprocess.Popen(
            [sys.executable, "-m", "torture.clients", json.dumps(settings)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ)

    def _read_summary(self, protocol):
        summary = json.loads(self._summary(protocol).read_text())
        self.clients[protocol] = summary
        for text in summary["unexpected"]:
            self.found("answers", text)

    def _summary(self, protocol):
        return self.directory / f"{protocol}.json"

    @contextlib.contextmanager
    def _looks_at_values(self):
        """Through a node, as anybody can, past the network's faults."""
        ended = threading.Event()
        rng = random.Random(f"{self.seed}/values")

        def look():
            while not ended.wait(0.05):
                counter, sent_ns = rng.choice(self.counters).name, time.monotonic_ns()
                with contextlib.suppress(OSError, EOFError):
                    answer = rng.choice(self.fleet.servers).ask(
                        "GET", f"/v1/counters/{counter}", timeout=2)
                    if answer.status == 200:
                        self.see_value(counter, sent_ns, answer.json()["value"])

        looker = threading.Thread(target=look, name="values")
        looker.start()
        try:
            yield
        finally:
            ended.set()
            looker.join()

    def _sub(self, name):
        path = self.directory / name
        path.mkdir()
        return path


def _runs(node):
    return not node.ended_by_itself()


def _has_state_dir():
    return "--state-dir" in place.run_as_user(nextid.BINARY, "serve", "--help").stdout
