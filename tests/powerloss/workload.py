"""Runs real nextid processes on one store, and records what they do to its files, and what their
clients are told, and when."""

import contextlib
import os
import threading
from random import Random

import journal
import nextid
from disk import Disk, Image, Keep, Model
from recording import Answer, Cut, Cutter, Moment, Part, Recording

# Their definitions, as `nextid define` takes them.
COUNTERS = {"strict": [], "cached": ["--cache", 300],
            "steps": ["--start", 1000, "--increment", 10]}
INCREMENTS = {"strict": 1, "cached": 1, "steps": 10}

CLIENTS = 4


class Recorder:
    """Runs processes and notes what they answer."""

    def __init__(self, directory, seed, serve_options=()):
        directory = directory.resolve()
        self.recording = Recording(directory, seed, list(serve_options))
        self.place = self.recording.place
        self.random = Random(seed)
        self._keys = 0
        self._notes = threading.Lock()
        self._complaints = []  # Of clients.
        self._begin_part(Image())

    # ---- What can happen

    def define(self, counter):
        self.command("define", counter, *COUNTERS[counter])
        self.recording.defined[counter] = self._now()

    def take_by_command(self, counter, count, key=""):
        words = ["range", count, counter] + (["--key", key] if key else [])
        first, last = map(int, self.command(*words).stdout.split())
        self._note(counter, first, last, count, key)

    def command(self, *words):
        with self._turn():
            done = nextid.run_unseen(*words, "--store", self.place.store, env=self._environment())
        assert done.returncode == nextid.OK, done
        return done

    def serve(self, requests, end, beside=None):
        """A server's life: so many requests of all clients together, then "stop" or "kill", which
        comes in the middle of them. `beside()` is what other processes do meanwhile."""
        server = self.start()
        clients = [threading.Thread(target=self._client, args=[server, self.random.getrandbits(32),
                                                               requests // CLIENTS])
                   for _ in range(CLIENTS)]
        end_at = len(self.recording.answers) + requests // 2
        for client in clients:
            client.start()
        if beside:
            beside()
        if end == "kill":
            nextid.poll(lambda: len(self.recording.answers) >= end_at, "the clients get ids")
            self.kill(server)
        for client in clients:
            client.join()
        assert not self._complaints, self._complaints
        self._look_at_index()
        if end == "stop":
            with self._turn():
                server.stop()
        self._compare()

    def start(self):
        with self._turn():
            server = nextid.Server(self.place.logs, *self.recording.serve_options,
                                   store=self.place.store, env=self._environment())
            try:
                server.wait_until_ready()
            except AssertionError:
                server.kill()
                raise
        return server

    def kill(self, server):
        with journal.held(self.recording.parts[-1].journal):
            server.kill()

    def lose_power(self):
        """Nothing runs now. What is left is what the next part begins with."""
        self._end_part()
        cut = Cut(self._now(), self.random.choice(list(Model)),
                  self.random.choice([Keep.NONE, Keep.SECTORS, Keep.MIXED]),
                  self.random.getrandbits(32))
        image = Cutter(self.recording).image(cut)
        self.place.become(image, self.recording.inodes)
        self.recording.cuts.append(cut)
        self._begin_part(image)

    def end(self):
        self._end_part()
        self.recording.answers.sort(key=lambda answer: answer.moment)
        self.recording.save()
        return self.recording

    # ---- Notes

    def _end_part(self):
        part = self.recording.parts[-1]
        self.recording.inodes |= {record.inode for record in part.records()}

    def _begin_part(self, base):
        path = self.recording.directory / f"journal-{len(self.recording.parts)}"
        path.touch()
        self.recording.parts.append(Part(base, path))

    def _environment(self):
        return self.place.environment(self.recording.parts[-1].journal)

    def _now(self):
        part = len(self.recording.parts) - 1
        return Moment(part, os.stat(self.recording.parts[part].journal).st_size)

    @contextlib.contextmanager
    def _turn(self):
        """Of a process that opens or closes the store in it."""
        begin = self._now()
        yield
        self.recording.turns.append((begin, self._now()))

    def _note(self, *answer):
        self.recording.answers.append(Answer(self._now(), *answer))

    def _new_key(self):
        with self._notes:
            self._keys += 1
            return f"key-{self._keys}"

    def _client(self, server, seed, requests):
        """Until it has its answers, or the server dies."""
        random = Random(seed)
        try:
            with server.connect() as connection:
                for _ in range(requests):
                    self._ask(connection, random)
        except (EOFError, OSError):
            server.wait()
        except AssertionError as complaint:
            self._complaints.append(complaint)

    def _ask(self, connection, random):
        counter = random.choice(["strict", "strict", "strict", "cached", "steps"])
        count = random.choice([1, 1, 1, random.randint(2, 400)])
        key = self._new_key() if random.random() < 0.1 else ""
        first, last = ask_for(connection, counter, count, key)
        self._note(counter, first, last, count, key)

    def _look_at_index(self):
        index = self.place.root / "ids.db-shm"
        if index.exists():
            self.recording.parts[-1].stale.append(index.read_bytes())

    def _compare(self):
        """The test of the recorder: what it saw makes the very files that are there."""
        part = self.recording.parts[-1]
        disk = Disk(Model.EXT4, part.base)
        for record in part.records():
            disk.apply(record)
        image = disk.after_cut(Keep.ALL, self.random)
        seen = {name: image.contents.get(inode) for name, inode in image.names.items()}
        there = self.place.contents()
        assert seen.keys() == there.keys()
        for name in seen:
            if not name.endswith("-shm"):
                assert seen[name] == there[name], f"{name} is not what was recorded of it"


def ask_for(connection, counter, count, key=""):
    """The first and the last id."""
    headers = [f"Idempotency-Key: {key}"] if key else []
    answer = connection.ask("POST", f"/range?counter={counter}&count={count}", headers=headers)
    assert answer.status == 200, answer
    ids = answer.json()
    return ids["start"], ids["end"]


def make_store(recorder):
    for counter in COUNTERS:
        recorder.define(counter)
    recorder.take_by_command("strict", 5)


def record_a_birth(directory, seed):
    """A store is made, and nothing else."""
    recorder = Recorder(directory, seed)
    make_store(recorder)
    return recorder.end()


def record_a_day(directory, seed, serve_options=(), requests=3000):
    """All that happens to a store: made, opened, used by one process and by two, checkpointed,
    closed, left by a killed process, and by power failures that it recovers from."""
    recorder = Recorder(directory, seed, serve_options)

    def command_lines():
        for number in range(5):
            recorder.take_by_command("strict", 7, f"beside-{seed}-{number}")

    try:
        live(recorder, requests, command_lines)
    except AssertionError as failure:
        recording = recorder.end()
        raise AssertionError(
            f"{failure}\nPower failures so far in {recording.directory}: "
            f"{', '.join(map(str, recording.cuts))}") from failure
    return recorder.end()


def live(recorder, requests, command_lines):
    make_store(recorder)
    recorder.serve(requests, "stop")
    recorder.take_by_command("steps", 3, "a key")
    recorder.serve(requests // 2, "kill")
    recorder.take_by_command("cached", 2)
    recorder.serve(requests // 4, "kill")
    recorder.lose_power()
    recorder.serve(requests // 4, "stop", beside=command_lines)
    recorder.serve(requests // 8, "kill")
    recorder.lose_power()
    recorder.take_by_command("strict", 1)
    recorder.lose_power()
    recorder.serve(requests // 8, "stop")
