"""Who may have which call: a row for each call of both protocols, a column for each caller.

What calls there are is asked of the server, so a call without a row is a failure here.
"""

import base64
import itertools
import re
from dataclasses import dataclass

import pytest

import nextid
from nextid import OK, is_problem

# Name, rights and counters of tokens; and two callers that have none of them.
TOKENS = {"reader": ("read", "*"),
          "taker": ("allocate", "orders:*"),
          "shop": ("read,allocate", "orders:eu"),
          "definer": ("define", "*"),
          "deleter": ("read,delete", "*"),
          "owner": ("read,allocate,define", "*")}
CALLERS = ["nobody", "unknown", *TOKENS]

CODES = {400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not_found",
         405: "method_not_allowed"}


def make_token(name, rights, *counters):
    """(the token, its line of the file)"""
    made = nextid.run("token", name, "--rights", rights, "--counters", *counters)
    assert made.returncode == OK, made
    return made.stdout.splitlines()


@pytest.fixture(scope="module")
def made():
    return {"unknown": make_token("unknown", "read,allocate,define", "*"),
            **{name: make_token(name, *grant) for name, grant in TOKENS.items()}}


@pytest.fixture
def tokens(made):
    return {name: token for name, (token, _) in made.items()}


@pytest.fixture
def server(start_server, tmp_path, made):
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    path.write_text("".join(f"{made[name][1]}\n" for name in TOKENS))
    server = start_server("--tokens", path)
    for counter in ("global", "orders:eu", "orders:us", "tickets", "mistake"):
        answer = server.ask("PUT", f"/v1/counters/{counter}", headers=bearer(made["owner"][0]))
        assert answer.status == 201, answer
    return server


def bearer(token):
    return [f"Authorization: Bearer {token}"]


# --- HTTP

@dataclass(frozen=True)
class Call:
    method: str
    path: str  # As in the OpenAPI document.
    target: str
    statuses: str  # One for each of CALLERS.
    body: bytes = b""


#                nobody unknown reader taker shop definer deleter owner
EVERYBODY = " ".join(["200"] * len(CALLERS))
PUBLIC_204 = " ".join(["204"] * len(CALLERS))
READ_ALL = "      401    401     200    403   403  403     200     200"
READ_EU = "       401    401     200    403   200  403     200     200"
READ_US = "       401    401     200    403   403  403     200     200"
TAKE_GLOBAL = "   401    401     403    403   403  403     403     200"
TAKE_EU = "       401    401     403    200   200  403     403     200"
TAKE_US = "       401    401     403    200   403  403     403     200"
# Who may change a counter and not look at it is told that it was done.
CHANGE = "        401    401     403    403   403  204     403     200"
DELETE = "        401    401     403    403   403  403     200     403"
NO_METHOD = " ".join(["405"] * len(CALLERS))
NOTHING = " ".join(["404"] * len(CALLERS))

COUNTER, ASSET = "/v1/counters/{name}", "/assets/{file}"
EU, US = "/v1/counters/orders:eu", "/v1/counters/orders:us"

HTTP_CALLS = [
    Call("GET", "/next", "/next", TAKE_GLOBAL),
    Call("POST", "/next", "/next", TAKE_GLOBAL),
    Call("GET", "/next", "/next?counter=orders:eu", TAKE_EU),
    Call("POST", "/next", "/next?counter=orders:us", TAKE_US),
    Call("GET", "/range", "/range?count=2", TAKE_GLOBAL),
    Call("POST", "/range", "/range?count=2", TAKE_GLOBAL),
    Call("GET", "/range", "/range?count=2&counter=orders:us", TAKE_US),
    Call("POST", "/range", "/range?count=2&counter=orders:eu", TAKE_EU),
    Call("GET", f"{COUNTER}/next", f"{EU}/next", TAKE_EU),
    Call("POST", f"{COUNTER}/next", f"{US}/next", TAKE_US),
    Call("GET", f"{COUNTER}/next", f"{EU}%3A1/next", "401 401 403 200 403 403 403 200"),
    Call("GET", f"{COUNTER}/range", f"{EU}/range?count=2", TAKE_EU),
    Call("POST", f"{COUNTER}/range", f"{US}/range?count=2", TAKE_US),
    Call("GET", "/v1/counters", "/v1/counters", READ_ALL),
    Call("HEAD", "/v1/counters", "/v1/counters", READ_ALL),
    Call("GET", "/v1/counters", "/v1/counters?after=orders&limit=1", READ_ALL),
    Call("GET", COUNTER, EU, READ_EU),
    Call("HEAD", COUNTER, EU, READ_EU),
    Call("GET", COUNTER, US, READ_US),
    Call("GET", COUNTER, "/v1/counters/tickets", READ_US),
    Call("PUT", COUNTER, EU, CHANGE, b'{"comment":"a"}'),
    Call("PUT", COUNTER, "/v1/counters/tickets", CHANGE, b"{}"),
    Call("POST", f"{COUNTER}/advance", f"{EU}/advance", CHANGE, b'{"to":TO}'),
    Call("POST", f"{COUNTER}/advance", "/v1/counters/tickets/advance", CHANGE, b'{"to":TO}'),
    Call("DELETE", COUNTER, "/v1/counters/mistake", DELETE),
    Call("GET", "/metrics", "/metrics", READ_ALL),
    Call("HEAD", "/metrics", "/metrics", READ_ALL),
    Call("GET", "/v1/status", "/v1/status", READ_ALL),
    Call("HEAD", "/v1/status", "/v1/status?limit=1", READ_ALL),
    # Health, and pages, which hold no data.
    Call("GET", "/healthz", "/healthz", EVERYBODY),
    Call("HEAD", "/healthz", "/healthz", EVERYBODY),
    Call("GET", "/readyz", "/readyz", EVERYBODY),
    Call("HEAD", "/readyz", "/readyz", EVERYBODY),
    Call("GET", "/", "/", EVERYBODY),
    Call("HEAD", "/", "/", EVERYBODY),
    Call("GET", "/docs", "/docs", EVERYBODY),
    Call("HEAD", "/docs", "/docs", EVERYBODY),
    Call("GET", "/openapi.json", "/openapi.json", EVERYBODY),
    Call("HEAD", "/openapi.json", "/openapi.json", EVERYBODY),
    Call("GET", ASSET, "/assets/page.js", EVERYBODY),
    Call("HEAD", ASSET, "/assets/page.css", EVERYBODY),
]

# What is no call says so to everyone, and does nothing.
NO_CALLS = [
    Call("OPTIONS", "", "/next", PUBLIC_204),
    Call("OPTIONS", "", EU, PUBLIC_204),
    Call("HEAD", "", "/next", NO_METHOD),
    Call("DELETE", "", "/next", NO_METHOD),
    Call("PUT", "", f"{EU}/next", NO_METHOD),
    Call("POST", "", EU, NO_METHOD),
    Call("GET", "", f"{EU}/advance", NO_METHOD),
    Call("GET", "", "/nowhere", NOTHING),
    Call("GET", "", f"{EU}/", NOTHING),
    Call("GET", "", "/v1/counters/../counters", NOTHING),
    Call("GET", "", "//next", NOTHING),
    Call("GET", "", "/NEXT", NOTHING),
    Call("GET", "", "/next/", NOTHING),
    Call("GET", "", "/%6eext", NOTHING),
]


def test_every_http_call_has_a_row(server, tokens):
    document = server.ask("GET", "/openapi.json").json()
    calls = set()
    for path in document["paths"]:
        target = path.replace("{name}", "a").replace("{file}", "page.js")
        allow = server.ask("OPTIONS", target).headers["allow"]
        calls |= {(method, path) for method in allow.split(", ")}
    assert calls == {(call.method, call.path) for call in HTTP_CALLS}


def check(call, caller, status, answer):
    about = (caller, call, answer)
    assert answer.status == status, about
    if status >= 400 and call.method != "HEAD":
        assert is_problem(answer, status, CODES[status]), about
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer realm="), about
    elif status == 403 and call.method != "HEAD":
        assert f"'{caller}'" in answer.json()["detail"], about


def test_440_http_calls_are_for_whom_the_table_says(server, tokens):
    numbers = itertools.count(1000, 1000)
    done, ids = 0, 0
    with server.connect() as connection:
        for call, (column, caller) in itertools.product(HTTP_CALLS + NO_CALLS, enumerate(CALLERS)):
            status = int(call.statuses.split()[column])
            body = call.body.replace(b"TO", b"%d" % next(numbers))
            headers = bearer(tokens[caller]) if caller in tokens else []
            answer = connection.ask(call.method, call.target, body=body, headers=headers)
            check(call, caller, status, answer)
            done += 1
            if status == 200 and "next" in call.target:
                ids += 1
            elif status == 200 and "range" in call.target:
                ids += 2
    assert done == 440
    assert server.stop()["returned"] == ids, "a refused call takes no id"


# With the token of a caller that may take the id.
AUTHORIZATIONS = [
    ("Authorization: Bearer {token}", 200),
    ("authorization:bearer {token}", 200),
    ("Authorization: BEARER   {token} \t", 200),
    ("Authorization:", 401),
    ("Authorization: Bearer", 401),
    ("Authorization: Bearer ", 401),
    ("Authorization: {token}", 401),
    ("Authorization: Bearer{token}", 401),
    ("Authorization: Bearer\t{token}", 401),
    ("Authorization: Bearer {token} x", 401),
    ("Authorization: x Bearer {token}", 401),
    ("Authorization: Bearer {token},", 401),
    ("Authorization: Bearer {token}, Bearer {token}", 401),
    ("Authorization: Bearer \"{token}\"", 401),
    ("Authorization: Bearer token={token}", 401),
    ("Authorization: Bearer {token}x", 401),
    ("Authorization: Bearer x{token}", 401),
    ("Authorization: Bearer {cut}", 401),
    ("Authorization: Bearer {lower}", 401),
    ("Authorization: Bearer {digest}", 401),
    ("Authorization: Bearer sha256:{digest}", 401),
    ("Authorization: Bearer nextid_", 401),
    ("Authorization: Bearer shop", 401),
    ("Authorization: Basic {base64}", 401),
    ("Authorization: Digest {token}", 401),
    ("Authorization: Token {token}", 401),
    ("Proxy-Authorization: Bearer {token}", 401),
    ("X-Authorization: Bearer {token}", 401),
    ("Cookie: token={token}; Authorization=Bearer {token}", 401),
    ("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}", 400),
    ("Authorization: Bearer wrong\r\nAuthorization: Bearer {token}", 400),
    ("Authorization: Bearer {token}\r\nAuthorization: Bearer wrong", 400),
    ("Authorization: Bearer\r\n {token}", 400),
    ("Authorization : Bearer {token}", 400),
    ("Authorization: Bearer {token}\0", 400),
]


def test_35_forms_of_authorization(server, made):
    assert len(AUTHORIZATIONS) == 35
    token, line = made["shop"]
    parts = {"token": token, "cut": token[:-1], "lower": token.lower(),
             "digest": line.split("sha256:")[1][:64],
             "base64": base64.b64encode(f":{token}".encode()).decode()}
    for form, status in AUTHORIZATIONS:
        with server.connect() as connection:
            answer = connection.ask("GET", f"{EU}/next", headers=[form.format(**parts)])
            assert answer.status == status, (form, answer)
            assert status == 200 or is_problem(answer, status, CODES[status]), form
    assert server.stop()["returned"] == 3


def test_a_token_counts_for_its_own_request_alone(server, tokens):
    chunked = (f"POST {EU}/next HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
               f"0\r\nAuthorization: Bearer {tokens['shop']}\r\n\r\n")
    with server.connect() as connection:
        connection.send(chunked.encode())
        assert is_problem(connection.answer(), 401, "unauthorized"), "a trailer is no field"
        for headers in (bearer(tokens["shop"]), [], bearer(tokens["unknown"]), bearer(tokens["reader"]),
                        bearer(tokens["shop"])):
            connection.request("GET", f"{EU}/next", headers=headers)
        assert [connection.answer().status for _ in range(5)] == [200, 401, 401, 403, 200]
        for target in (f"{EU}/next?access_token={tokens['shop']}", f"{EU}/next?token={tokens['shop']}",
                       f"http://x:{tokens['shop']}@localhost{EU}/next"):
            assert is_problem(connection.ask("GET", target), 401, "unauthorized"), target
    assert server.stop()["returned"] == 2


# --- The Redis protocol

@dataclass(frozen=True)
class Command:
    words: str
    reply: str  # What the reply begins with to whom it is allowed.
    callers: str  # Of those with a token; the others are told NOPERM.


ANY = "reader taker shop definer deleter owner"
ALL_READERS = "reader deleter owner"

COMMANDS = [
    # Ids.
    Command("INCR orders:eu", ":", "taker shop owner"),
    Command("INCR orders:us", ":", "taker owner"),
    Command("INCR tickets", ":", "owner"),
    Command("INCRBY orders:eu 2", ":", "taker shop owner"),
    Command("INCRBY global 2", ":", "owner"),
    # Looks at counters: the right counts for each of them.
    Command("GET orders:eu", "$", "reader shop deleter owner"),
    Command("GET tickets", "$", ALL_READERS),
    Command("MGET orders:eu orders:eu", "*2", "reader shop deleter owner"),
    Command("MGET orders:eu orders:us", "*2", ALL_READERS),
    Command("MGET orders:us orders:eu", "*2", ALL_READERS),
    Command("EXISTS orders:eu", ":1", "reader shop deleter owner"),
    Command("EXISTS orders:eu none", ":1", ALL_READERS),
    Command("TYPE orders:eu", "+string", "reader shop deleter owner"),
    Command("TTL orders:eu", ":-1", "reader shop deleter owner"),
    Command("PTTL orders:us", ":-1", ALL_READERS),
    # Looks at all of them.
    Command("SCAN 0", "*2", ALL_READERS),
    Command("SCAN 0 MATCH orders:eu", "*2", ALL_READERS),
    Command("DBSIZE", ":", ALL_READERS),
    # Changes.
    Command("SETNX orders:eu 0", ":0", "definer owner"),
    Command("SET orders:eu 0 NX", "$-1", "definer owner"),
    Command("NEXTID.DELETE mistake", ":0", "deleter"),
    # What tells nothing of counters.
    Command("CLIENT ID", ":", ANY),
    Command("CLIENT SETNAME me", "+OK", ANY),
    Command("CLIENT LIST", "$", ANY),
    Command("COMMAND COUNT", ":", ANY),
    Command("CONFIG GET maxmemory", "*", ANY),
    Command("ECHO a", "$1", ANY),
    Command("INFO", "$", ANY),
    Command("PING", "+PONG", ANY),
    Command("ROLE", "*3", ANY),
    Command("SELECT 0", "+OK", ANY),
    Command("TIME", "*2", ANY),
    Command("MULTI", "+OK", ANY),
    Command("EXEC", "-ERR EXEC", ANY),
    Command("DISCARD", "-ERR DISCARD", ANY),
    Command("NOSUCH orders:eu", "-ERR unknown command", ANY),
    Command("DEL orders:eu", "-ERR DEL is refused", ANY),
]

# What everyone may send, and what becomes of it.
OPEN_COMMANDS = [
    Command("AUTH wrong", "-WRONGPASS", ""),
    Command("AUTH default wrong", "-WRONGPASS", ""),
    Command("HELLO 3 AUTH default wrong", "-WRONGPASS", ""),
    Command("QUIT", "+OK", ""),
    Command("RESET", "+RESET", ""),
]


def resp_port(server):
    return int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))


class Client:
    """The first line of the reply to each command."""

    def __init__(self, port, token=None):
        self.connection = nextid.Connection(port)
        self.file = self.connection.socket.makefile("rb")
        if token:
            assert self.reply(f"AUTH {token}") == "+OK"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.connection.close()

    def send(self, words):
        parts = words.encode().split(b" ") if isinstance(words, str) else words
        self.connection.send(b"*%d\r\n" % len(parts)
                             + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def line(self):
        return self.file.readline().decode().removesuffix("\r\n")

    def reply(self, words):
        self.send(words)
        return self.line()


def test_every_redis_command_has_a_row(server, tokens):
    with Client(resp_port(server), tokens["reader"]) as client:
        assert (count := client.reply("COMMAND LIST")).startswith("*")
        names = {client.line() and client.line().upper() for _ in range(int(count[1:]))}
    rows = {command.words.split()[0] for command in COMMANDS + OPEN_COMMANDS}
    assert names == rows - {"NOSUCH", "DEL"}


def test_294_redis_commands_are_for_whom_the_table_says(server, tokens):
    port = resp_port(server)
    done = 0
    for command, caller in itertools.product(COMMANDS, ["nobody", *TOKENS]):
        with Client(port, tokens.get(caller)) as client:
            reply = client.reply(command.words)
        if caller == "nobody":
            expected = "-NOAUTH "
        elif caller in command.callers.split():
            expected = command.reply
        else:
            expected = f"-NOPERM The token '{caller}' does not allow to "
        assert reply.startswith(expected), (command, caller, reply)
        done += 1
    for command, caller in itertools.product(OPEN_COMMANDS, ["nobody", *TOKENS]):
        with Client(port, tokens.get(caller)) as client:
            reply = client.reply(command.words)
            assert reply.startswith(command.reply), (command, caller, reply)
            if command.words != "QUIT":
                assert client.reply("INCR orders:eu").startswith("-NOAUTH "), (command, caller)
        done += 1
    assert done == 294


# On one connection: what is sent, and how each reply begins. A token's name stands for the token.
SIGN_INS = [
    ["AUTH shop", "+OK", "INCR orders:eu", ":"],
    ["AUTH default shop", "+OK", "INCR orders:eu", ":"],
    ["AUTH anything shop", "+OK", "INCR orders:eu", ":"],
    ["HELLO 3 AUTH default shop", "%", "INCR orders:eu", ":"],
    ["HELLO 2", "-NOAUTH", "INCR orders:eu", "-NOAUTH"],
    ["AUTH shop", "+OK", "AUTH unknown", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH shop", "+OK", "AUTH EMPTY", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH shop", "+OK", "HELLO 3 AUTH default unknown", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH owner", "+OK", "AUTH reader", "+OK", "INCR orders:eu", "-NOPERM"],
    ["AUTH owner", "+OK", "RESET", "+RESET", "INCR orders:eu", "-NOAUTH"],
    ["HELLO 2 AUTH default shop AUTH default unknown", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["INCR orders:eu", "-NOAUTH", "AUTH shop", "+OK", "INCR orders:eu", ":"],
    ["MULTI", "-NOAUTH", "INCR orders:eu", "-NOAUTH", "EXEC", "-NOAUTH"],
    ["AUTH shop", "+OK", "MULTI", "+OK", "INCR orders:us", "-NOPERM", "INCR orders:eu", "+QUEUED",
     "EXEC", "-EXECABORT"],
    ["AUTH DIGEST", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH sha256:DIGEST", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH shop unknown", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH LOWER", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH NUL", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
    ["AUTH EMPTY", "-WRONGPASS", "INCR orders:eu", "-NOAUTH"],
]


@pytest.mark.parametrize("is_pipelined", [False, True])
def test_20_ways_to_sign_in_and_out(server, made, tokens, is_pipelined):
    assert len(SIGN_INS) == 20
    token, line = made["shop"]
    words = {name.encode(): value.encode() for name, value in tokens.items()}
    words |= {b"DIGEST": line.split("sha256:")[1][:64].encode(), b"LOWER": token.lower().encode(),
              b"NUL": token.encode() + b"\0", b"EMPTY": b""}
    words[b"sha256:DIGEST"] = b"sha256:" + words[b"DIGEST"]
    for steps in SIGN_INS:
        with Client(resp_port(server)) as client:
            sent, replies = steps[::2], steps[1::2]
            commands = [[words.get(word, word) for word in each.encode().split(b" ")] for each in sent]
            if is_pipelined:
                for command in commands:
                    client.send(command)
            for command, each, expected in zip(commands, sent, replies):
                reply = client.line() if is_pipelined else client.reply(command)
                assert reply.startswith(expected), (steps, each, reply)
                if reply.startswith("%"):
                    skip_map(client, int(reply[1:]))


def skip_map(client, size):
    """The members of a greeting; the last one is a list without any."""
    for _ in range(2 * size):
        if client.line().startswith("$"):
            client.line()
