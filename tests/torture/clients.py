"""A process of clients, over HTTP or RESP: asks, repeats what was not answered, and records all.

    python3 -m torture.clients '{"protocol": "http", ...}'

The history has the form of tests/history/history.h. `nodes` names a file that says where the nodes
are (nodes.py writes it), `finish` one that ends the work once it exists. What cannot be in a
history goes into `summary`, as JSON.
"""

import json
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path

from torture.counters import COUNTERS

CONNECT_S = 1.0
ANSWER_S = 4.0
# A request with a key that no node answers is given up so long after the work has ended.
LAST_REPEATS_S = 20.0

# Who is refused waits a little before the next request; and a key costs the store several calls.
PAUSE_S = (0.02, 0.2)
MOST_REPEATS = 2  # In a pipeline.

# HTTP statuses and RESP error words that say "try again".
PASSING = {408, 503, 504, "UNAVAILABLE", "DEADLINE", "BUSY"}
# Those of a counter that has no ids left.
EXHAUSTED = {409, "EXHAUSTED"}

_INCREMENTS = {counter.name: counter.increment for counter in COUNTERS}


class Gone(Exception):
    """The connection ended, or no answer came in time."""


@dataclass
class Request:
    counter: str
    count: int
    key: str = ""
    epoch: int = 0
    advance_to: int = 0
    replay: bool = False  # Its key was answered before.
    attempts: int = 0

    @property
    def increment(self):
        return _INCREMENTS[self.counter]


def pick_count(rng):
    kind = rng.randrange(1000)
    if kind == 0:
        return 1000
    return rng.randint(2, 50) if kind < 250 else 1


class Stream:
    """Bytes from a node, with a time limit for each read."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)
        self.socket.settimeout(ANSWER_S)
        self._input = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        while (end := self._input.find(b"\r\n")) < 0:
            self._receive()
        line = bytes(self._input[:end])
        del self._input[:end + 2]
        return line.decode("latin-1")

    def exactly(self, size):
        while len(self._input) < size:
            self._receive()
        data = bytes(self._input[:size])
        del self._input[:size]
        return data

    def vanish(self):
        """As a client that crashes: the node gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Gone("closed")
        self._input += data


class Http:
    """Requests to bytes, bytes to (first id, last id), or to why there are none."""
    name = "http"
    has_keys = True

    def __init__(self, rng):
        self._rng = rng

    def bytes_of(self, request):
        name, body = request.counter, b""
        if request.advance_to:
            target = f"/v1/counters/{name}/advance"
            body = json.dumps({"to": request.advance_to}).encode()
        elif request.count == 1 and not request.key:
            target = f"/next?counter={name}"
        else:
            target = f"/v1/counters/{name}/range?count={request.count}"
        lines = [f"POST {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        if request.key:
            lines.append(f"Idempotency-Key: {request.key}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def answer(self, stream, request):
        status = int(stream.line().split(" ")[1])
        size, closes = 0, False
        while line := stream.line():
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                size = int(value)
            closes = closes or (name.lower() == "connection" and value.strip() == "close")
        body = stream.exactly(size)
        if status != 200:
            return status, body.decode("utf-8", "replace"), closes
        answer = json.loads(body)
        if request.advance_to:
            return (request.advance_to, request.advance_to), "", closes
        first = answer.get("id", answer.get("start"))
        return (first, answer.get("end", first)), "", closes


class Resp:
    name = "resp"
    has_keys = False

    def __init__(self, rng):
        self._rng = rng

    def bytes_of(self, request):
        words = ["INCR", request.counter]
        if request.count > 1 or self._rng.random() < 0.1:
            words = ["INCRBY", request.counter, str(request.count)]
        parts = [f"*{len(words)}", *(part for word in words for part in (f"${len(word)}", word))]
        return "\r\n".join([*parts, ""]).encode()

    def answer(self, stream, request):
        line = stream.line()
        if line.startswith(":"):
            last = int(line[1:])
            return (last - (request.count - 1) * request.increment, last), "", False
        return line[1:].split(" ")[0], line, False


class Client(threading.Thread):
    def __init__(self, process, number):
        super().__init__(name=f"{process.settings['protocol']}-{number}")
        self.process = process
        self.rng = random.Random(f"{process.settings['seed']}/{self.name}")
        self.protocol = {"http": Http, "resp": Resp}[process.settings["protocol"]](self.rng)
        self.to_repeat = deque()  # Requests with a key, of this epoch, until they are answered.
        self.answered_keys = deque(maxlen=50)  # (request, first id), to ask for again.
        self.counts = Counter()
        self.refusals = Counter()
        self.unexpected = []
        self._keys = 0
        self._refused_for_now = 0
        self._last_end = 0  # Of "strict".

    def run(self):
        try:
            while not self.process.finished(bool(self.to_repeat)):
                place = self.process.places()
                if place["nodes"]:
                    self._talk(self.rng.choice(place["nodes"]), place["epoch"])
                else:
                    time.sleep(0.02)
        except Exception as error:  # It would end this thread in silence.
            self.unexpected.append(f"the client {self.name} failed: {error!r}")
            raise
        finally:
            self.counts["keys given up"] += len(self.to_repeat)

    def _talk(self, node, epoch):
        """Some requests over one connection."""
        try:
            stream = Stream(node[self.protocol.name])
        except OSError:
            self.counts["connections refused"] += 1
            self._pause()
            return
        try:
            for _ in range(self.rng.randint(1, 60)):
                if self.process.finished(bool(self.to_repeat)):
                    break
                refused = self._refused_for_now
                if not self._exchange(stream, node["name"], epoch):
                    self._pause()
                    break
                if self._refused_for_now > refused:
                    self._pause()
        finally:
            stream.socket.close()

    def _pause(self):
        time.sleep(self.rng.uniform(*PAUSE_S))

    def _exchange(self, stream, node, epoch):
        """One pipeline. False when the connection is over."""
        requests = self._requests(epoch)
        for request in requests:
            request.attempts += 1
        sent_ns = time.monotonic_ns()
        waiting = deque(requests)
        lasts = {}
        try:
            stream.send(b"".join(map(self.protocol.bytes_of, requests)))
            if self.rng.random() < 0.01:
                self.counts["clients vanished"] += 1
                stream.vanish()
                raise Gone("vanished")
            while waiting:
                outcome, detail, closes = self.protocol.answer(stream, waiting[0])
                self._take(waiting.popleft(), outcome, detail, node, sent_ns, lasts)
                if closes:
                    raise Gone("closed")
            return True
        except (OSError, Gone, ValueError):
            for request in waiting:
                self._record_none(request, sent_ns, "no-answer")
            return False

    def _requests(self, epoch):
        # A store that was restored knows no keys of before.
        self.to_repeat = deque(request for request in self.to_repeat if request.epoch == epoch)
        requests, repeats = [], 0
        for _ in range(self.rng.choice([1, 1, 1, 2, 4, 8, 16])):
            if self.to_repeat and repeats < MOST_REPEATS:
                repeats += 1
                requests.append(self.to_repeat.popleft())
                self.counts["retries with a key"] += 1
            elif self.answered_keys and self.rng.random() < 0.05:
                old, _ = self.rng.choice(self.answered_keys)
                if old.epoch == epoch:
                    requests.append(Request(old.counter, old.count, old.key, epoch, replay=True))
            else:
                requests.append(self._new_request(epoch))
        return requests or [self._new_request(epoch)]

    def _new_request(self, epoch):
        counter = self.rng.choices(COUNTERS, [counter.weight for counter in COUNTERS])[0].name
        request = Request(counter, pick_count(self.rng), epoch=epoch)
        if self.protocol.has_keys and self.rng.random() < 0.1:
            self._keys += 1
            request.key = f"{self.name}-{self._keys}"
        elif self.protocol.has_keys and self.rng.random() < 0.002 and self._last_end:
            request = Request("strict", 0, epoch=epoch, advance_to=self._last_end + 5)
        return request

    def _take(self, request, outcome, detail, node, sent_ns, lasts):
        if not isinstance(outcome, tuple):
            self._refused(request, outcome, detail, sent_ns)
            return
        first, last = outcome
        now_ns = time.monotonic_ns()
        if request.advance_to:
            self.counts["advances"] += 1
            self._write(f"advanced {self.name} {request.counter} {sent_ns} {now_ns} {last}"
                        f" node={node}\n")
            return
        # A key's ids may be those that another node took at an earlier attempt, and then they are
        # in no order with what this one takes.
        marks = f" node={node}" if request.attempts == 1 and not request.replay else ""
        marks += f" key={request.key}" if request.key else ""
        increment = request.increment if request.count > 1 else 1
        self._write(f"ok {self.name} {request.counter} {sent_ns} {now_ns} {request.count} {first}"
                    f" {last} {request.count} {increment}{marks}\n")
        if request.counter == "strict":
            self._last_end = max(self._last_end, last)
        if request.replay:
            self.counts["keys replayed"] += 1
            return
        self.counts["answers"] += 1
        self.counts["ids"] += request.count
        if request.key:
            self.counts["keys answered"] += 1
            self.answered_keys.append((request, first))
            return
        # The ids of one connection grow (docs/resp.md, docs/http.md).
        if first <= lasts.get(request.counter, 0):
            self.unexpected.append(f"{node} answered {first} for {request.counter} after"
                                   f" {lasts[request.counter]} in one pipeline")
        lasts[request.counter] = last

    def _refused(self, request, outcome, detail, sent_ns):
        self._record_none(request, sent_ns, f"{self.protocol.name}-{outcome}",
                          again=outcome in PASSING)
        self._refused_for_now += outcome in PASSING
        self.refusals[f"{self.protocol.name} {outcome}"] += 1
        expected = outcome in PASSING or (outcome in EXHAUSTED and request.counter == "small"
                                          and (outcome != 409 or ":exhausted" in detail))
        if not expected:
            self.unexpected.append(f"{outcome} for {request}: {detail}")

    def _record_none(self, request, sent_ns, reason, again=True):
        if request.advance_to:
            return
        self._write(f"none {self.name} {request.counter} {sent_ns} {time.monotonic_ns()}"
                    f" {request.count} {reason}\n")
        if request.key and not request.replay and again:
            self.to_repeat.append(request)
        elif again:
            self.counts["requests without an answer"] += 1

    def _write(self, line):
        self.process.write(line)


class Process:
    def __init__(self, settings):
        self.settings = settings
        self._nodes = Path(settings["nodes"])
        self._finish = Path(settings["finish"])
        self._history = open(settings["history"], "a")
        self._lock = threading.Lock()
        self._finish_seen = None  # When.

    def places(self):
        """Where the nodes are, now."""
        return json.loads(self._nodes.read_text())

    def finished(self, has_more):
        if self._finish_seen is None:
            if not self._finish.exists():
                return False
            self._finish_seen = time.monotonic()
        return not has_more or time.monotonic() > self._finish_seen + LAST_REPEATS_S

    def write(self, line):
        with self._lock:
            self._history.write(line)

    def run(self):
        clients = [Client(self, number) for number in range(self.settings["threads"])]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self._history.close()
        Path(self.settings["summary"]).write_text(json.dumps({
            "counts": sum((client.counts for client in clients), Counter()),
            "refusals": sum((client.refusals for client in clients), Counter()),
            "unexpected": [text for client in clients for text in client.unexpected]}))


if __name__ == "__main__":
    Process(json.loads(sys.argv[1])).run()
