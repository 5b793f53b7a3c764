"""Runs the real nextid binary: servers on port 0, command lines, and raw HTTP connections."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("NEXTID_BUILD_DIR", REPOSITORY / "build" / "release")).resolve()
BINARY = Path(os.environ.get("NEXTID_BINARY", BUILD / "nextid")).resolve()
LOAD_CLIENT = BUILD / "tests" / "load" / "load_client"
CHECK_HISTORY = BUILD / "tests" / "history" / "check_history"

DEFAULT_STORE = "sqlite:ids.db"

# The exit codes of command lines.
OK, OUTPUT_FAILED, INVALID, UNAVAILABLE, EXHAUSTED, CORRUPT, CONFLICT = range(7)

# What the closing line of a server says when no id was lost.
NOTHING_BURNED = {"burned": 0, "deadline": 0, "disconnect": 0, "discard": 0, "idempotency": 0,
                  "advance": 0}

# How long anything may take that should take no time, on a busy machine.
PATIENCE = 20.0

# `script/test --long` asks for more work of the load tests.
WORK = 10 if "NEXTID_TEST_LONG" in os.environ else 1


def poll(condition, what, seconds=PATIENCE):
    """Waits until condition() is true and returns its value; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def environment(extra=None):
    """This process's environment without options for nextid, AWS programs and clients of PostgreSQL,
    but a RESP port that the system chooses, plus `extra`."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("NEXTID_", "AWS_", "PG")) and not name.lower().endswith("_proxy")}
    return {**clean, "NEXTID_RESP": "127.0.0.1:0", **(extra or {})}


# The command lines of the test that runs, for its accounting.
command_lines = []


@dataclass
class CommandLine:
    """One that has ended."""
    words: list
    env: dict
    directory: object  # None: this process's own.
    exit_code: int

    def _value(self, option, variable):
        if option in self.words:
            return self.words[self.words.index(option) + 1]
        return self.env.get(variable)

    @property
    def store(self):
        """The URL of its store, as the command finds it."""
        named = self._value("--store", "NEXTID_STORE")
        config = self._value("--config", "NEXTID_CONFIG")
        if named is None and config is not None:
            found = re.search(r'^store = "([^"]*)"$', Path(config).read_text(), re.MULTILINE)
            named = found and found.group(1)
        return named or DEFAULT_STORE

    def ids_taken(self):
        """None where it does not tell."""
        command, *others = self.words or [""]
        if self.exit_code == INVALID:
            return 0
        if command == "bench" and "--in-process" in others:
            return None
        if (command not in ("next", "range", "advance") or "--help" in others
                or self.exit_code not in (OK, OUTPUT_FAILED)):
            return 0
        # A key may give ids that were taken before.
        if command == "advance" or "--key" in others:
            return None
        return int(others[0]) if command == "range" else 1


def run(*arguments, env=None, stdout=subprocess.PIPE, cwd=None):
    """One command line, to its end."""
    done = run_unseen(*arguments, env=env, stdout=stdout, cwd=cwd)
    command_lines.append(
        CommandLine(done.args[1:], environment(env), cwd, done.returncode))
    return done


def run_unseen(*arguments, env=None, stdout=subprocess.PIPE, cwd=None):
    """run() for what the test's accounting is not to know."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout,
        stderr=subprocess.PIPE, env=environment(env), cwd=cwd, text=True, timeout=60)


@dataclass
class Answer:
    status: int
    version: str = "HTTP/1.1"
    headers: dict = field(default_factory=dict)  # By lower-case name.
    body: bytes = b""

    def json(self):
        return json.loads(self.body)


class Connection:
    """A client connection on which a test decides over every byte."""

    def __init__(self, port, timeout=PATIENCE, tls=None):
        """`tls`: a client's ssl.SSLContext."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._input = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, target, body=b"", headers=(), version="HTTP/1.1"):
        """Sends a whole request; the answer is answer()."""
        lines = [f"{method} {target} {version}", *headers]
        if not any(header.lower().startswith("host:") for header in headers):
            lines.insert(1, "Host: localhost")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def answer(self, to_head=False):
        """The next answer. EOFError when the server closed the connection instead."""
        while b"\r\n\r\n" not in self._input:
            self._receive()
        head, _, self._input = self._input.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            assert name.lower() not in headers, f"repeated header in {head!r}"
            headers[name.lower()] = value.strip()
        size = 0 if to_head or status in ("100", "204", "304") else int(headers["content-length"])
        while len(self._input) < size:
            self._receive()
        body, self._input = self._input[:size], self._input[size:]
        return Answer(int(status), version, headers, body)

    def ask(self, method, target, **options):
        self.request(method, target, **options)
        return self.answer(to_head=method == "HEAD")

    def closed_by_server(self):
        """True when the server ends the connection, and has said nothing else before."""
        try:
            return not self._input and self.socket.recv(4096) == b""
        except ConnectionResetError:
            return True

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Vanishes: the server gets a RST, not an end of input."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()

    def wait_until_read(self):
        """Waits until the server has read all that was sent, as the kernel's queues show it."""
        ends = [self.socket.getpeername()[1], self.socket.getsockname()[1]]

        def unread():
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                words = line.split()
                if [int(end.split(":")[1], 16) for end in words[1:3]] == ends:
                    return int(words[4].split(":")[1], 16)
            return 0

        poll(lambda: unread() == 0, "the server reads the request")

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed by the server after {self._input!r}")
        self._input += data


class Server:
    """`nextid serve` in a directory. Started by construction; ready after wait_until_ready()."""

    def __init__(self, directory, *options, store=DEFAULT_STORE, http="127.0.0.1:0", env=None,
                 tls=None, user=None, prefix=()):
        """`user` is the number of the one to run as; `prefix`, a program that runs the command that
        follows it in its own place."""
        self.directory = directory
        self.log_path = directory / f"server-{time.monotonic_ns()}.log"
        self.port = None
        self.tls = tls  # The ssl.SSLContext of its clients.
        self.is_stopping = False  # By terminate().
        command = [*prefix, BINARY, "serve", *map(str, options)]
        # None leaves an option to its other sources.
        if http is not None:
            command += ["--http", http]
        if store is not None:
            command += ["--store", store]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                env=environment(env), user=user)

    def wait_until_ready(self):
        def listening():
            assert self.process.poll() is None, f"the server ended:\n{self.log()}"
            return re.search(r"listening on https?://[^ ]*:(\d+)\b", self.log())

        self.port = int(poll(listening, "the server listens").group(1))
        poll(lambda: self.ask("GET", "/readyz").status == 200, "the server is ready")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def log(self):
        return self.log_path.read_text(errors="replace")

    def store(self):
        """The URL of its store; None when it ended before it served."""
        listening = re.search(r'listening on .*?, store ([^\s"]+)', self.log())
        return listening.group(1) if listening else None

    def connect(self, **options):
        return Connection(self.port, **{"tls": self.tls, **options})

    def ask(self, method, target, **options):
        with self.connect() as connection:
            return connection.ask(method, target, **options)

    def next_id(self, counter="global"):
        answer = self.ask("GET", f"/next?counter={counter}")
        assert answer.status == 200, answer
        return answer.json()["id"]

    def value(self, counter="global"):
        """The last id reserved in the store; 0 before the first use."""
        answer = self.ask("GET", f"/v1/counters/{counter}")
        if answer.status == 404:
            return 0
        assert answer.status == 200, answer
        return answer.json()["value"] or 0

    def reload(self):
        """Has it read its files again, and waits until the log tells how that went."""
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        poll(lambda: re.search("again|stay in force|stays in force", self.log()[before:]),
             "the server reads its files again")

    def terminate(self):
        """A second one would end the process at once, in no good order."""
        self.is_stopping = True
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=PATIENCE):
        return self.process.wait(timeout=seconds)

    def stop(self):
        """Ends it in good order; returns what the closing line says."""
        self.terminate()
        assert self.wait() == 0, self.log()
        return self.closing()

    def closing(self):
        """{"returned": 123, "burned": 0, "deadline": 0, ...}"""
        line = re.search(r"stopped: returned (\d+) ids in \d+ reservations, burned (\d+) \(([^)]*)\)", self.log())
        assert line, f"no closing line:\n{self.log()}"
        counts = {"returned": int(line.group(1)), "burned": int(line.group(2))}
        for reason, count in re.findall(r"(\w+) (\d+)", line.group(3)):
            counts[reason] = int(count)
        return counts

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE)

    def limit_file_size(self, size_bytes):
        """Writes beyond it fail from now on; None lifts the limit."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        soft = hard if size_bytes is None else size_bytes
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, hard))



class Clock:
    """A process's wall clock, which can be moved."""

    def __init__(self, path, library=BUILD / "tests" / "torture" / "libtorture_clock.so"):
        self._path = path
        self._path.write_bytes(bytes(8))
        path.chmod(0o644)
        self.env = {"LD_PRELOAD": str(library), "TORTURE_CLOCK": str(path)}

    def move(self, seconds):
        with open(self._path, "r+b") as file:  # In place: it is mapped.
            file.write(struct.pack("=q", int(seconds * 1e9)))


@contextlib.contextmanager
def store_locked(path):
    """Holds SQLite's writer lock, so that every commit of the server has to wait."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


def own_hosts_file(path):
    """What runs a program with that file as its /etc/hosts; nothing where that is not allowed."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    prefix = [*unshare, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(path)]
    allowed = (shutil.which("unshare")
               and subprocess.run([*prefix, "true"], check=False).returncode == 0)
    return prefix if allowed else None


def is_problem(answer, status, code):
    """Asserts that `answer` is a problem document (RFC 9457) as documented."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json()
    assert problem["type"] == f"urn:nextid:error:{code}", problem
    assert problem["status"] == status, problem
    assert problem["title"], problem
    assert problem["detail"], problem
    assert ("retry-after" in answer.headers) == (status in (429, 503)), answer
    return True
