"""What goes wrong: a table of faults, and the two hands that pick from it.

One hand works on the processes, the other on what is around them, so that at most two faults hold
at a time. What they do, to whom, and for how long comes from the seed; what the processes are doing
at that moment is the machine's.

A fault is one class: its weight, the stores that have it, what it does and how that is healed. In a
*gentle* round no process is killed and no store restored, so that every id must be accounted for.
"""

import random
import resource
import subprocess
import threading
import time
import traceback
from collections import Counter

import nextid
from torture import place, recovery
from torture.counters import MOST
from torture.network import Link
from torture.stores.server import STALLS

SQL_SERVERS = ("postgres", "mysql")
OWN_SERVERS = (*SQL_SERVERS, "etcd")
SERVERS = ("dynamodb", *OWN_SERVERS)
ALL_STORES = ("sqlite", *SERVERS)


class Fault:
    weight = 10  # Against the other faults of its hand.
    stores = ALL_STORES
    gentle = True
    shortest_s, longest_s = 0.1, 1.2

    def __init__(self, world, rng):
        self.world = world
        self.rng = rng

    @property
    def alone(self):
        """Whether nothing else may be wrong meanwhile."""
        return False

    @classmethod
    def name(cls):
        return "".join(f" {letter.lower()}" if letter.isupper() else letter
                       for letter in cls.__name__).strip()

    def inflict(self):
        """Returns what was done, in words, if there is more to say than the fault's name."""
        raise NotImplementedError

    def heal(self):
        pass


# ---- Processes


class NodeFault(Fault):
    """Of one process, of whichever kind."""

    def __init__(self, world, rng):
        super().__init__(world, rng)
        self.node = rng.choice(world.fleet.nodes)


class Kill(NodeFault):
    """kill -9, and after a while another life."""
    weight = 40
    gentle = False
    longest_s = 0.5

    def inflict(self):
        self.node.kill()
        return self.node.name

    def heal(self):
        self.node.start()


class Terminate(NodeFault):
    """SIGTERM in the middle: what waits is answered, and the closing line tells where ids went."""
    longest_s = 0.3

    @property
    def alone(self):
        # With the store away a process ends before it knows what became of its last op.
        return self.world.gentle

    def inflict(self):
        self.node.stop()
        return self.node.name

    def heal(self):
        self.node.start()


class Stop(NodeFault):
    """SIGSTOP: it sleeps through every deadline, and goes on as if nothing had been. A request to
    SQLite may take 1 s, one to another store 2.5 s, a client waits 4 s."""
    shortest_s, longest_s = 1.2, 5.0

    def inflict(self):
        self.node.pause()
        return self.node.name

    def heal(self):
        self.node.resume()


class NoDescriptors(NodeFault):
    """No file and no connection can be opened; those that are open break, so that some must be."""

    def inflict(self):
        self.node.limit("nofile", self.node.open_files())
        if self.node in self.world.fleet.servers:
            self.node.cut("reset")
        return self.node.name

    def heal(self):
        self.node.limit("nofile", None)


class NoThreads(NodeFault):
    """Neither for a process that runs, nor for one that starts."""
    shortest_s = 0.5

    def inflict(self):
        self.node.limit("nproc", 1)
        self.world.store.drop_connections()
        return f"{self.node.name}; a start was {self._start_another()}"

    def heal(self):
        self.node.limit("nproc", None)

    def _start_another(self):
        """A crash is no way to say that there are no threads."""
        def limit():
            _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
            resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))

        process = subprocess.Popen(
            [nextid.BINARY, "serve", "--http", "127.0.0.1:0", "--store", self.world.store.url],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=nextid.environment(self.world.store.env), user=place.USER, preexec_fn=limit)
        try:
            _, said = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.terminate()
            _, said = process.communicate(timeout=nextid.PATIENCE)
            return "of use all the same"
        if process.returncode < 0 or not said.strip():
            self.world.found("liveness", f"without threads, a start ends with {process.returncode}"
                             f" and says: {said.strip() or 'nothing'}")
        return f"refused with {process.returncode}"


class WrongClock(NodeFault):
    """The wall clock jumps. Where ids must be accounted for it does so by less than the time for
    which the slot of a writer is kept (10 min): a slot that is pruned takes its count with it."""

    def inflict(self):
        most_s = 300 if self.world.gentle else 3 * 86400
        seconds = self.rng.choice([1, 30, most_s / 4, most_s]) * self.rng.uniform(-1, 1)
        self.node.clock.move(seconds)
        return f"{self.node.name} by {seconds:+.0f} s"

    def heal(self):
        self.node.clock.move(0)


# ---- What is around them


class CutNetwork(Fault):
    """Between clients and a node."""
    weight = 15

    def inflict(self):
        self.node = self.rng.choice(self.world.fleet.servers)
        how = self.rng.choice(Link.CUTS)
        self.node.cut(how)
        return f"{self.node.name}: {how}"

    def heal(self):
        self.node.mend()


class FullDisk(Fault):
    def inflict(self):
        if not self.world.store.disk.mounted:
            return "in vain: the disk is not the round's own"
        self.world.store.fill_disk()
        return ""

    def heal(self):
        self.world.store.empty_disk()


class Checkpoint(Fault):
    """Another program checkpoints the file, as `sqlite3 ids.db` may do."""
    stores = ("sqlite",)
    longest_s = 0.2

    def inflict(self):
        mode = self.rng.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
        done = self.world.store.checkpoint(mode)
        return f"{mode}{'' if done else ': was busy'}"


class Lock(Fault):
    """Another program's transaction, which takes its time."""
    stores = ("sqlite", *SQL_SERVERS)

    def inflict(self):
        how = self.rng.choice(list(self.world.store.LOCKS))
        self._unlock = self.world.store.lock(how)
        return how if self._unlock else f"{how}, in vain"

    def heal(self):
        if self._unlock:
            self._unlock()


class Backup(Fault):
    """Of the running store: whole, and not behind what was answered before."""
    stores = ("sqlite",)
    longest_s = 0.2

    def inflict(self):
        return recovery.take_backup(self.world)


class Restore(Fault):
    """The backup comes back, by nextid or by hand: no id may leave before `recover` said how."""
    stores = ("sqlite",)
    gentle = False
    longest_s = 0.1

    @property
    def alone(self):
        return True

    def inflict(self):
        return recovery.restore(self.world, self.rng)


class StoreAway(Fault):
    """The network between nodes and store is cut."""
    stores = SERVERS
    weight = 15

    def inflict(self):
        how = self.rng.choice(["refuse", "close", "hang"])
        self.world.store.go_away(how)
        return how

    def heal(self):
        self.world.store.come_back()


class Stall(Fault):
    """Commits stop on their way, or answers do; they arrive when their repeats may long be answered."""
    stores = OWN_SERVERS
    weight = 20
    longest_s = 3.0  # Some attempts.

    def inflict(self):
        how, times = self.rng.choice(list(STALLS)), self.rng.choice([1, 3, 20])
        self.world.store.stall(how, times)
        return f"{how}, {times} at most"

    def heal(self):
        self.world.store.come_back()


class SlowStore(Fault):
    stores = OWN_SERVERS
    weight = 5

    def inflict(self):
        seconds = self.rng.choice([0.002, 0.01, 0.03])
        self.world.store.slow_down(seconds)
        return f"{seconds:g} s a message"

    def heal(self):
        self.world.store.come_back()


class KillStore(Fault):
    """kill -9 of the store's server; it finds on its disk what it acknowledged."""
    stores = SERVERS
    weight = 15

    def inflict(self):
        self.world.store.kill_server()

    def heal(self):
        self.world.store.start_server()


class RestartStore(Fault):
    """In good order."""
    stores = OWN_SERVERS

    def inflict(self):
        self.world.store.stop_server()

    def heal(self):
        self.world.store.start_server()


class StopStore(Fault):
    """SIGSTOP: its connections stay, and nothing is answered."""
    stores = SERVERS
    shortest_s, longest_s = 0.4, 2.0

    def inflict(self):
        self.world.store.pause_server()

    def heal(self):
        self.world.store.resume_server()


class EndSessions(Fault):
    """Somebody ends the nodes' sessions, or only what they do at that moment."""
    stores = SQL_SERVERS
    longest_s = 0.3

    def inflict(self):
        how = self.rng.choice(self.world.store.ENDS)
        ended = sum(self.world.store.end_sessions(how) for _ in range(3))
        return f"{how}, {ended} in three times"


class Share(Fault):
    """Another program takes ids of the same counters, past nextid. No fault, to be exact."""
    stores = OWN_SERVERS
    weight = 20
    longest_s = 0.2

    def inflict(self):
        taken = 0
        for _ in range(self.rng.randint(1, 10)):
            counter = self.rng.choice([counter for counter in self.world.counters if counter.max == MOST])
            taken += self.world.share(counter, self.rng.choice([1, 1, 10]))
        return f"{taken} ids"


class RefuseSessions(Fault):
    """Others have all connections that there may be."""
    stores = SQL_SERVERS
    weight = 5

    def inflict(self):
        self.world.store.refuse_sessions()

    def heal(self):
        self.world.store.admit_sessions()


class Compact(Fault):
    """The store's history goes, and what it takes of the disk is given back."""
    stores = ("etcd",)
    longest_s = 0.2

    def inflict(self):
        self.world.store.compact()


class Alarm(Fault):
    """The store takes no writes, since it is too large."""
    stores = ("etcd",)

    def inflict(self):
        self.world.store.raise_alarm()

    def heal(self):
        self.world.store.end_alarm()


class RotateCredentials(Fault):
    stores = ("dynamodb",)

    def inflict(self):
        self.world.store.rotate_credentials()


PROCESS_FAULTS = [Kill, Terminate, Stop, NoDescriptors, NoThreads, WrongClock]
OTHER_FAULTS = [CutNetwork, FullDisk, Checkpoint, Lock, Backup, Restore, StoreAway, Stall, SlowStore,
                KillStore, RestartStore, StopStore, EndSessions, RefuseSessions, Share, Compact, Alarm,
                RotateCredentials]


class Hand(threading.Thread):
    """Inflicts one fault after another until it is told to end: first each once, then by weight."""

    def __init__(self, nemesis, name, faults):
        super().__init__(name=name)
        self._nemesis = nemesis
        self._faults = faults
        self._rng = random.Random(f"{nemesis.world.seed}/{name}")
        self._deck = list(faults)
        self._rng.shuffle(self._deck)

    def has_dealt_all(self):
        return not self._deck

    def run(self):
        try:
            while not self._nemesis.ending.wait(self._rng.uniform(0.02, 0.3)):
                self._nemesis.act(self._next(), self._rng)
        except Exception:
            self._nemesis.world.found("liveness", f"{self.name}: {traceback.format_exc()}")

    def _next(self):
        if self._deck:
            return self._deck.pop()
        return self._rng.choices(self._faults, [fault.weight for fault in self._faults])[0]


class Nemesis:
    def __init__(self, world):
        self.world = world
        self.injected = Counter()
        self.possible = {fault.name() for fault in PROCESS_FAULTS + OTHER_FAULTS
                         if self._fits(fault)}
        self.ending = threading.Event()
        self._log = (world.directory / "nemesis.log").open("w")
        self._lock = threading.Lock()
        self._alone = threading.Condition()
        self._active = 0
        self._hands = [Hand(self, name, [fault for fault in faults if self._fits(fault)])
                       for name, faults in [("processes", PROCESS_FAULTS),
                                            ("surroundings", OTHER_FAULTS)]]

    def begin(self):
        for hand in self._hands:
            hand.start()

    def end(self):
        """Returns when all is healed."""
        self.ending.set()
        for hand in self._hands:
            if hand.ident is not None:
                hand.join()
        self._log.close()

    def has_dealt_all(self):
        """Whether each fault was there once."""
        return all(hand.has_dealt_all() for hand in self._hands)

    def act(self, kind, rng):
        fault = kind(self.world, rng)
        hold_s = rng.uniform(fault.shortest_s, fault.longest_s)
        self._enter(fault.alone)
        try:
            self._tell(fault.name(), "begins")
            said = fault.inflict()
            self.injected[fault.name()] += 1
            self._tell(fault.name(), f"holds for {hold_s:.2f} s" + (f" ({said})" if said else ""))
            try:
                self.ending.wait(hold_s)
            finally:
                fault.heal()
            self._tell(fault.name(), "is healed")
        finally:
            self._leave(fault.alone)

    def _fits(self, fault):
        world = self.world
        return world.store.kind in fault.stores and (fault.gentle or not world.gentle)

    # A fault that is alone waits for the other hand, and the other hand for it.
    def _enter(self, alone):
        with self._alone:
            self._alone.wait_for(lambda: self._active == 0 if alone else self._active >= 0)
            self._active += -1 if alone else 1

    def _leave(self, alone):
        with self._alone:
            self._active += 1 if alone else -1
            self._alone.notify_all()

    def _tell(self, *words):
        with self._lock:
            self._log.write(f"{time.monotonic_ns()} {threading.current_thread().name}: "
                            f"{' '.join(words)}\n")
            self._log.flush()
