"""The clients of examples/clients: how each is made ready to run, and a front before the server that goes wrong."""

import functools
import http.client
import http.server
import itertools
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass

import pytest

import nextid

PROGRAMS = nextid.REPOSITORY / "examples" / "clients"
# Outside of the sources: what is compiled.
PLACE = nextid.BUILD.parent / "example-clients"


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"not run: there is no {tool} here; script/setup --long brings it")


def make(*command):
    PLACE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(list(map(str, command)), cwd=PLACE, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}"


@dataclass(frozen=True)
class Client:
    name: str
    file: str  # In examples/clients: what a reader copies.
    main: str  # Beside it: a program of it, for the command line.
    signature: str  # How the function begins.
    lines: int  # It may have as many, as count_lines() counts.
    tools: tuple
    run: tuple  # Before COUNTER and KEY; MAIN is the program.
    compile: tuple = ()  # FILES are both.
    always: bool = False  # Else only in the long tests.

    @property
    def path(self):
        return PROGRAMS / self.file

    @property
    def main_path(self):
        return self.path.parent / self.main

    @functools.cache
    def command(self):
        need(*self.tools)
        if self.compile:
            make(*itertools.chain.from_iterable((self.path, self.main_path) if word == "FILES" else (word,)
                                                for word in self.compile))
        return [str(self.main_path) if word == "MAIN" else word for word in self.run]

    def function(self):
        """Its lines, from the signature to where the indentation of the signature ends it."""
        lines = self.path.read_text().splitlines()
        (first,) = [at for at, line in enumerate(lines) if line.strip().startswith(self.signature)]
        outside = lines[first][:len(lines[first]) - len(lines[first].lstrip())]
        behind = first + 1
        while behind < len(lines) and (not lines[behind] or lines[behind].startswith((outside + " ", outside + "\t"))
                                       or lines[behind] == outside + "{"):
            behind += 1
        if behind < len(lines) and lines[behind] == outside + "}":
            behind += 1
        return lines[first:behind]


def count_lines(function):
    """Those that say something to the computer: not blank, no comment, and not only brackets."""
    return sum(bool(re.search(r"\w", line)) and not re.match(r'\s*(//|#|""")', line) for line in function)


CLIENTS = [
    Client("Python", "python/next_id.py", "main.py", "def next_id(", 12,
           ("/usr/bin/python3",), ("/usr/bin/python3", "MAIN"), always=True),
    Client("Node.js", "node/next_id.mjs", "main.mjs", "export async function nextId(", 12,
           ("node",), ("node", "MAIN"), always=True),
    Client("Java", "java/NextId.java", "Main.java", "static long nextId(", 13,
           ("javac", "java"), ("java", "-cp", str(PLACE), "Main"),
           compile=("javac", "-Xlint:all", "-Werror", "-d", PLACE, "FILES")),
    Client("Go", "go/next_id.go", "main.go", "func nextID(", 17, ("go",), (str(PLACE / "next_id"),),
           compile=("go", "build", "-o", PLACE / "next_id", "FILES")),
    Client("C#", "csharp/NextId.cs", "Main.cs", "public static async Task<long> Of(", 15,
           ("mcs", "mono"), ("mono", str(PLACE / "NextId.exe")),
           compile=("mcs", "-warnaserror", "-r:System.Net.Http", f"-out:{PLACE}/NextId.exe", "FILES")),
]

# What may happen to a request: the server has it, and its answer is lost, cut in two, or never comes.
LOSE, CUT, HANG = "lose", "cut", "hang"


@dataclass(frozen=True)
class Refuse:
    """Or the server never has it: it is answered like this."""
    status: int
    retry_after: int = None
    sentence: str = "Not now."


@dataclass(frozen=True)
class Attempt:
    began: float
    answered: float  # By the server.
    key: str
    status: int  # That the server gave.


class Front:
    """Between clients and a server: passes requests on, and does to their answers what `faults` says, the first
    of them to the first."""

    def __init__(self, port, *faults):
        self.attempts = []
        self.on_answer = lambda status: None  # Before it is passed on.
        self._port = port
        self._faults = list(faults)
        self._over = threading.Event()
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                front._pass_on(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, handler):
        began = time.monotonic()
        fault = self._faults.pop(0) if self._faults else None
        if isinstance(fault, Refuse):
            self.attempts.append(Attempt(began, time.monotonic(), handler.headers["Idempotency-Key"], fault.status))
            handler.send_response(fault.status)
            if fault.retry_after is not None:
                handler.send_header("Retry-After", str(fault.retry_after))
            handler.send_header("Content-Length", str(len(fault.sentence)))
            # Go repeats a request by itself when it is lost on a kept connection, and the attempts are counted.
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.wfile.write(fault.sentence.encode())
            return
        server = http.client.HTTPConnection("127.0.0.1", self._port, timeout=nextid.PATIENCE)
        wanted = {name: handler.headers[name] for name in ("Idempotency-Key", "Authorization")
                  if name in handler.headers}
        server.request(handler.command, handler.path, headers=wanted)
        answer = server.getresponse()
        body = answer.read()
        server.close()
        self.attempts.append(Attempt(began, time.monotonic(), handler.headers["Idempotency-Key"], answer.status))
        self.on_answer(answer.status)
        if fault == HANG:
            self._over.wait()
        if fault in (HANG, LOSE):
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name in ("Content-Type", "Retry-After"):
            if answer.headers[name]:
                handler.send_header(name, answer.headers[name])
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:len(body) // 2] if fault == CUT else body)
        handler.close_connection = fault == CUT


def run(client, front, counter, key, env=None):
    """One call, to its end."""
    return subprocess.run([*client.command(), counter, key], stdin=subprocess.DEVNULL, text=True, check=False,
                          capture_output=True, timeout=100, env=nextid.environment({"IDS_URL": front.url, **(env or {})}))


def take(client, front, counter, key, env=None):
    done = run(client, front, counter, key, env)
    assert done.returncode == 0 and not done.stderr, done
    return int(done.stdout)
