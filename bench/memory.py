"""What the server takes of memory while many clients at a time do their worst, of each kind, signed in
and not, with TLS and without: at most, and five seconds later.

Each row is a server of its own. The client never reads what it does not need.
"""

import argparse
import contextlib
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass

import common
from results import Results

SETTLE_S = 5
PIPELINE = 1_000


def answer_of(client, end):
    answer = b""
    while not answer.endswith(end):
        got = client.recv(65536)
        if not got:
            return answer
        answer += got
    return answer


class Kind:
    """`first` is sent and answered, as sign-in or as what makes the client idle; then comes `rest`."""

    def __init__(self, protocol, name, rest):
        self.protocol = protocol
        self.name = name
        self.rest = rest


def http_request(line, token, fields=""):
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{line} HTTP/1.1\r\nHost: localhost\r\n{authorization}{fields}\r\n".encode()


KINDS = [
    Kind("http", "idle", lambda token: b""),
    Kind("http", "half a head", lambda token: b"GET /next HTTP/1.1\r\nX-Long: " + b"x" * 16_000),
    Kind("http", "half a body", lambda token: http_request(
        "PUT /v1/counters/a", token, "Content-Type: application/json\r\nContent-Length: 65000\r\n") + b" " * 64_000),
    Kind("http", "unread answers", lambda token: http_request("GET /openapi.json", token) * PIPELINE),
    Kind("resp", "idle", lambda token: b""),
    Kind("resp", "half a command", lambda token: b"*2\r\n$4\r\nECHO\r\n$60000\r\n" + b"x" * 59_000),
    Kind("resp", "unread answers", lambda token: b"COMMAND DOCS\r\n" * PIPELINE),
    Kind("resp", "a queue", lambda token: b"MULTI\r\n" + (b"GET " + b"x" * 100 + b"\r\n") * 9_000),
]


def first_exchange(kind, token, client):
    if kind.protocol == "http":
        # What shows no token makes no holder.
        client.sendall(http_request("GET /next" if token else "GET /healthz", token))
        answer_of(client, b"}")
    else:
        client.sendall(f"AUTH {token}\r\n".encode() if token else b"PING\r\n")
        answer_of(client, b"\r\n")


def memory_mb(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", text).group(1)) / 1024


def connect(port, tls):
    client = socket.create_connection(("127.0.0.1", port))
    return tls.wrap_socket(client) if tls else client


def figure(page, name):
    return int(float(re.search(rf"^{name} (\S+)", page, re.MULTILINE).group(1)))


def metrics(server, tls, token):
    scheme = "https" if tls else "http"
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{server.port}/metrics",
                                     headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=tls, timeout=30) as answer:
        return answer.read().decode()


@dataclass
class Taken:
    """By a server's clients."""

    most_mb: float
    each_kib: float
    settled_mb: float
    counted_mb: float
    evicted: int

    def cells(self):
        return [f"{self.most_mb:,.0f}", f"{self.each_kib:.1f}", f"{self.settled_mb:,.0f}", f"{self.counted_mb:,.0f}",
                f"{self.evicted:,}"]

    def add_to(self, results, **labels):
        for what, unit, value in (("most memory", "MB", self.most_mb), ("memory per client", "KiB", self.each_kib),
                                  ("settled memory", "MB", self.settled_mb), ("counted memory", "MB", self.counted_mb),
                                  ("evicted", "connections", self.evicted)):
            results.add(what, unit, [value], of="nextid", **labels)


def measure(kind, server, clients, token, reader, tls):
    port = server.port if kind.protocol == "http" else server.resp_port
    pid = server.process.pid
    before = memory_mb(pid, "VmRSS")
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            with contextlib.suppress(OSError):
                client = stack.enter_context(connect(port, tls))
                first_exchange(kind, token, client)
                # What the server does not read stays here: it is not the client's turn to wait.
                client.setblocking(False)
                client.send(kind.rest(token) or b"\r\n")
        time.sleep(SETTLE_S)
        page = metrics(server, tls, reader)
        settled = memory_mb(pid, "VmRSS")
    most = memory_mb(pid, "VmHWM")
    return Taken(most - before, (most - before) * 1024 / clients, settled - before,
                 figure(page, "nextid_client_memory_bytes") / 2**20,
                 figure(page, "nextid_evicted_connections_total"))


def make_certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
                   check=True, capture_output=True)
    return ["--tls-cert", directory / "cert.pem", "--tls-key", directory / "key.pem"]


def client_context(directory):
    context = ssl.create_default_context(cafile=directory / "cert.pem")
    context.check_hostname = False
    return context


@contextlib.contextmanager
def serve(directory, *options):
    store = tempfile.mkdtemp(dir=directory)
    process = subprocess.Popen([common.NEXTID, "serve", "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0",
                                "--store", f"sqlite:{store}/ids.db", *options], stderr=subprocess.PIPE, text=True)
    server = argparse.Namespace(process=process)
    try:
        server.port, server.resp_port = common.listening_ports(process.stderr, "nextid")
        yield server
    finally:
        common.stop(process)
        process.stderr.close()


def write_tokens(path):
    out = subprocess.run([common.NEXTID, "token", "client", "--rights", "read,allocate,define"],
                         check=True, capture_output=True, text=True).stdout
    token, line = out.splitlines()
    path.write_text(line + "\n")
    path.chmod(0o600)
    return token


def main():
    parser = common.parser_of(__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    options = parser.parse_args()
    results = Results("memory", options)
    wanted = options.clients + 200  # Files of either side.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise SystemExit(f"{options.clients} clients need {wanted} open files, and {hard} are allowed.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        tokens = directory / "tokens"
        reader = write_tokens(tokens)
        certificate = make_certificate(directory)
        rows = []
        for tls in (None, client_context(directory)):
            for signed_in in (True, False):
                for kind in KINDS:
                    with serve(directory, "--tokens", tokens, "--max-connections", str(options.clients + 20),
                               *(certificate if tls else [])) as server:
                        taken = measure(kind, server, options.clients, reader if signed_in else None, reader, tls)
                    rows.append([kind.protocol, "TLS" if tls else "plain", "signed in" if signed_in else "no token",
                                 kind.name, *taken.cells()])
                    taken.add_to(results, protocol=kind.protocol, tls=bool(tls), signed_in=signed_in, kind=kind.name,
                                 clients=options.clients)
                    print(*rows[-1], sep="\t", flush=True)
    print(f"{options.clients} clients; memory that the server has more than before, in MB")
    common.print_table(["protocol", "", "", "kind", "most", "KiB each", f"{SETTLE_S} s later", "counted", "evicted"],
                       rows)
    results.write()


if __name__ == "__main__":
    main()
