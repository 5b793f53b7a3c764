"""A proxy between a program and its database that goes wrong at a message of the test's choice.

    with TcpProxy(server.port, PostgresMessages) as proxy:
        rule = proxy.on(SERVER, lambda message: message.type == "C", CUT)
        ...
        rule.wait()  # It happened.

`on()` says from which side the message comes, which message it is, and what happens: CUT both connections,
HOLD what this side says, HOLD_ANSWERS (what the other side says), or DELAY; `at` says how much of the message
passes before. The server always gets to see all that passed: it never finds its connection reset.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from private_server import PATIENCE_S, poll

CLIENT, SERVER = "client", "server"
CUT, HOLD, HOLD_ANSWERS, DELAY = "cut", "hold", "hold answers", "delay"

# How much of a message passes before; or a number of bytes.
BEFORE, HALF, AFTER = "before", "half", "after"


@dataclass
class Message:
    side: str
    raw: bytes
    type: str = ""  # As the protocol has it.
    sql: str = ""   # The statements that it sends, names or has executed, where it is known.


@dataclass
class Rule:
    side: str
    matches: object  # Message -> bool
    action: str
    at: object = BEFORE
    seconds: float = 0.0  # Of a DELAY.
    times: float = 1  # How often it still happens.
    happened: int = 0
    _gates: list = field(default_factory=list)

    def wait(self, times=1):
        """Until it has happened."""
        poll(lambda: self.happened >= times, f"'{self.action}' happens at the proxy")

    def release(self):
        """What it holds goes on."""
        for gate in self._gates:
            gate.set()
        self._gates.clear()

    def part(self, raw):
        """How many bytes pass before."""
        parts = {BEFORE: 0, HALF: len(raw) // 2, AFTER: len(raw)}
        return parts[self.at] if self.at in parts else self.at


class TcpProxy:
    """On a port of 127.0.0.1 that the system chooses; all methods may be called from any thread."""

    def __init__(self, target_port, messages=None):
        """`messages` makes what reads a connection's messages: RawMessages, if nothing is said."""
        self.target_port = target_port  # Connections to come lead there.
        self.delay_s = 0.0  # Of each message, both ways.
        self.rewrite = None  # Message -> the bytes that pass in its place.
        self.schedule = None  # Message -> a Rule or None, for what no rule of on() is about.
        self.connections = 0  # Ever made.
        self._messages = messages or RawMessages
        self._lock = threading.Lock()
        self._rules = []
        self._open = set()
        self._hanging = False
        self._listener = _bound(0)
        self.port = self._listener.getsockname()[1]
        self.come_back()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.go_down()
        self._listener.close()

    # ---- What goes wrong

    def on(self, side, matches, action, **options):
        """At the next messages of that kind, once or `times`. Returns the Rule."""
        rule = Rule(side, matches, action, **options)
        with self._lock:
            self._rules.append(rule)
        return rule

    def cut(self):
        """All connections, now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.cut()

    def hang(self):
        """Nothing passes either way, and connections stay, until heal()."""
        with self._lock:
            self._hanging = True
            for connection in self._open:
                connection.hold()

    def go_down(self):
        """Refuses connections, and ends those that there are. Nobody else gets the port."""
        self._listening = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Wakes who accepts.
        self._listener.close()
        self._thread.join()
        self._listener = _bound(self.port)
        self.cut()

    def come_back(self):
        self._listening = True
        self._listener.listen(256)
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def heal(self):
        """Nothing goes wrong any more, and what is held passes."""
        with self._lock:
            rules, self._rules = self._rules, []
            self.schedule = None
            self._hanging = False
            connections = list(self._open)
        self.delay_s = 0.0
        for rule in rules:
            rule.release()
        for connection in connections:
            connection.release()
        if not self._listening:
            self.come_back()

    # ---- Connections

    def _accept(self):
        listener = self._listener
        while self._listening:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=PATIENCE_S)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(self, client, server, self._messages())
        with self._lock:
            self.connections += 1
            self._open.add(connection)
            if self._hanging:
                connection.hold()
        connection.start()

    def closed(self, connection):
        with self._lock:
            self._open.discard(connection)

    def rule_for(self, message):
        with self._lock:
            for rule in self._rules:
                if rule.side == message.side and rule.times > 0 and rule.matches(message):
                    rule.times -= 1
                    return rule
            return self.schedule(message) if self.schedule else None


class _Cut(Exception):
    """The connection was cut."""


class _Connection:
    """A client's, and its other half to the server; a thread each way."""

    def __init__(self, proxy, client, server, messages):
        self._proxy = proxy
        self._ends = {CLIENT: client, SERVER: server}
        self._messages = messages
        self._reading = threading.Lock()  # Both ways tell `messages`.
        self._gates = {CLIENT: threading.Event(), SERVER: threading.Event()}
        self._is_cut = False
        self._running = 2
        self.release()

    def start(self):
        for side, other in ((CLIENT, SERVER), (SERVER, CLIENT)):
            threading.Thread(target=self._carry, args=(side, other), daemon=True).start()

    def hold(self):
        for gate in self._gates.values():
            gate.clear()

    def release(self):
        for gate in self._gates.values():
            gate.set()

    def cut(self):
        self._is_cut = True
        for end in self._ends.values():
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.release()

    def _carry(self, side, other):
        try:
            while data := self._ends[side].recv(65536):
                with self._reading:
                    messages = self._messages.read(side, data)
                for message in messages:
                    if self._proxy.rewrite:
                        message.raw = self._proxy.rewrite(message)
                    self._pass(message, other)
        except (OSError, _Cut):
            self.cut()
        finally:
            with contextlib.suppress(OSError):
                self._ends[other].shutdown(socket.SHUT_WR)
            with self._proxy._lock:
                self._running -= 1
                last = self._running == 0
            if last:
                self._proxy.closed(self)
                for end in self._ends.values():
                    end.close()

    def _pass(self, message, other):
        if self._proxy.delay_s:
            time.sleep(self._proxy.delay_s)
        rule = self._proxy.rule_for(message)
        if rule is None:
            self._send(message.side, other, message.raw)
            return
        part = rule.part(message.raw)
        if rule.action == HOLD_ANSWERS:
            self._hold(rule, other)  # Before the other side can answer.
        self._send(message.side, other, message.raw[:part])
        if rule.action == HOLD:
            self._hold(rule, message.side)
        rule.happened += 1
        if rule.action == CUT:
            raise _Cut
        if rule.action == DELAY:
            time.sleep(rule.seconds)
        self._send(message.side, other, message.raw[part:])

    def _hold(self, rule, side):
        gate = self._gates[side]
        gate.clear()
        rule._gates.append(gate)

    def _send(self, side, other, data):
        self._gates[side].wait()
        if self._is_cut:
            raise _Cut
        if data:
            self._ends[other].sendall(data)


def _bound(port):
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


# ---- Protocols

class RawMessages:
    """Each piece that arrives is a message."""

    def read(self, side, data):
        return [Message(side, data)]


class PostgresMessages:
    """Version 3: a message's type is its letter; "startup" for the first, which has none.

    What a Sync or Query has committed is in its `sql`: the texts of all statements since the last. After
    TLS began, pieces as they arrive.
    """

    _ASKS_FOR_ENCRYPTION = {80877103, 80877104}

    def __init__(self):
        self._left = {CLIENT: b"", SERVER: b""}
        self._started = False
        self._asked_for_encryption = False
        self._encrypted = False
        self._statements = {}  # {name: text}
        self._portals = {}
        self._executed = []

    def read(self, side, data):
        if self._encrypted:
            return [Message(side, data)]
        self._left[side] += data
        messages = []
        while (message := self._next(side)) is not None:
            messages.append(message)
        return messages

    def _next(self, side):
        left = self._left[side]
        if side == SERVER and self._asked_for_encryption and left:
            self._asked_for_encryption = False
            self._encrypted = left[:1] != b"N"
            return self._take(side, len(left) if self._encrypted else 1, "encryption")
        if side == CLIENT and not self._started:
            return self._next_startup()
        if len(left) < 5:
            return None
        size = 1 + struct.unpack(">I", left[1:5])[0]
        if len(left) < size:
            return None
        message = self._take(side, size, chr(left[0]))
        if side == CLIENT:
            message.sql = self._sql(message)
        return message

    def _next_startup(self):
        left = self._left[CLIENT]
        if len(left) < 8:
            return None
        size, code = struct.unpack(">II", left[:8])
        if len(left) < size:
            return None
        if code in self._ASKS_FOR_ENCRYPTION:
            self._asked_for_encryption = True
        else:
            self._started = True
        return self._take(CLIENT, size, "startup")

    def _take(self, side, size, kind):
        raw, self._left[side] = self._left[side][:size], self._left[side][size:]
        return Message(side, raw, kind)

    def _sql(self, message):
        words = message.raw[5:].split(b"\0", 2)
        if message.type == "Q":
            return words[0].decode()
        if message.type == "P":
            self._statements[words[0]] = words[1].decode()
            return words[1].decode()
        if message.type == "B":
            self._portals[words[0]] = self._statements.get(words[1], "")
            return self._portals[words[0]]
        if message.type == "E":
            self._executed.append(self._portals.get(words[0], ""))
            return self._executed[-1]
        if message.type == "S":
            executed, self._executed = self._executed, []
            return "; ".join(executed)
        return ""


class MysqlMessages:
    """A message is a packet. The type of a client's is its command: "query", "prepare", "execute" or a
    number, "handshake" before the first; that of the server's, its first byte as a number. After TLS
    began, pieces as they arrive.
    """

    _COMMANDS = {3: "query", 22: "prepare", 23: "execute"}
    _TLS_REQUEST_SIZE = 4 + 32

    def __init__(self):
        self._left = {CLIENT: b"", SERVER: b""}
        self._encrypted = False
        self._prepared = []  # Texts, in order; the server numbers them likewise.

    def read(self, side, data):
        if self._encrypted:
            return [Message(side, data)]
        self._left[side] += data
        messages = []
        while (message := self._next(side)) is not None:
            messages.append(message)
        return messages

    def _next(self, side):
        left = self._left[side]
        if not left or len(left) < 4:
            return None
        size = 4 + int.from_bytes(left[:3], "little")
        if len(left) < size:
            return None
        raw, self._left[side] = left[:size], left[size:]
        if side == SERVER:
            return Message(side, raw, str(raw[4]) if size > 4 else "")
        if raw[3] != 0:  # Not the first of a command.
            if raw[3] == 1 and size == self._TLS_REQUEST_SIZE:
                self._encrypted = True
                raw, self._left[side] = raw + self._left[side], b""
            return Message(side, raw, "handshake")
        return self._command(side, raw)

    def _command(self, side, raw):
        kind = self._COMMANDS.get(raw[4], str(raw[4]))
        sql = ""
        if kind in ("query", "prepare"):
            sql = raw[5:].decode(errors="replace")
        if kind == "prepare":
            self._prepared.append(sql)
        if kind == "execute":
            number = struct.unpack("<I", raw[5:9])[0]
            sql = self._prepared[number - 1] if 0 < number <= len(self._prepared) else ""
        return Message(side, raw, kind, sql)
