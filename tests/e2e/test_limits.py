"""Limits of tokens: one client's use is never another's refusal."""

import contextlib
import re
import socket
import sqlite3
import time

import pytest

import nextid
from nextid import INVALID, OK, is_problem, poll
from prometheus_text import Metrics

RIGHTS = {"shop": ("read,allocate,define", "orders shop:* common"),
          "partner": ("read,allocate,define", "b:* common"), "admin": ("read,define", "*")}


@pytest.fixture(scope="module")
def made():
    """A token and its line for each name."""
    lines = {}
    for name, (rights, counters) in RIGHTS.items():
        done = nextid.run("token", name, "--rights", rights, "--counters", *counters.split())
        assert done.returncode == OK, done
        lines[name] = done.stdout.splitlines()
    return lines


class Tokens:
    """The token file of a test, and what its holders do."""

    def __init__(self, path, made):
        self.path = path
        self._made = made
        path.touch(mode=0o600)

    def write(self, **limits):
        """The tokens of these names, with their limits; shop and partner have none by default."""
        names = {"shop": "", "partner": "", **limits}
        self.path.write_text("".join(f"{self._made[name][1]} {words}\n"
                                     for name, words in names.items()))

    def bearer(self, name):
        return [f"Authorization: Bearer {self._made[name][0]}"]

    def text(self, name):
        return self._made[name][0]


@pytest.fixture
def tokens(tmp_path, made):
    return Tokens(tmp_path / "tokens", made)


@pytest.fixture
def serve(start_server, tokens):
    def start(*options, **limits):
        tokens.write(**limits)
        return start_server("--tokens", tokens.path, *options)

    return start


class Http:
    """What a holder of a token asks over HTTP, on one connection; the status, and the answer."""

    def __init__(self, server, tokens, name):
        self.connection = server.connect()
        self.headers = tokens.bearer(name)

    def take(self, counter, count=1):
        answer = self.connection.ask("GET", f"/range?counter={counter}&count={count}",
                                     headers=self.headers)
        return {200: "ok", 404: "missing", 429: "limited"}.get(answer.status, answer), answer

    def define(self, counter):
        answer = self.connection.ask("PUT", f"/v1/counters/{counter}", headers=self.headers)
        return {200: "ok", 201: "ok", 429: "limited"}.get(answer.status, answer), answer

    def send_take(self, counter):
        self.connection.request("GET", f"/next?counter={counter}", headers=self.headers)

    def receive(self):
        answer = self.connection.answer()
        return {200: "ok", 429: "limited"}.get(answer.status, answer)

    def close(self):
        self.connection.close()


class Resp:
    """The same over RESP."""

    def __init__(self, server, tokens, name):
        port = int(re.search(r"redis://127.0.0.1:(\d+)", server.log()).group(1))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=nextid.PATIENCE)
        self.answers = self.socket.makefile("rb")
        assert self.ask(f"AUTH {tokens.text(name)}") == "+OK"

    def send(self, *lines):
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self):
        return self.answers.readline().decode().rstrip("\r\n")

    def ask(self, line):
        self.send(line)
        return self.line()

    @staticmethod
    def outcome(answer):
        if answer.startswith(":") or answer == "+OK":
            return "ok"
        if answer.startswith("-NOTFOUND "):
            return "missing"
        return "limited" if answer.startswith("-ERR this token has ") else answer

    def take(self, counter, count=1):
        answer = self.ask(f"INCRBY {counter} {count}")
        return self.outcome(answer), answer

    def define(self, counter):
        answer = self.ask(f"SETNX {counter} 0")
        return self.outcome(answer), answer

    def send_take(self, counter):
        self.send(f"INCR {counter}")

    def receive(self):
        return self.outcome(self.line())

    def close(self):
        self.answers.close()
        self.socket.close()


@pytest.fixture(params=[Http, Resp], ids=["http", "resp"])
def client(request, tokens):
    """Opens a client of that protocol for a name."""
    opened = []

    def open_client(server, name):
        opened.append(request.param(server, tokens, name))
        return opened[-1]

    yield open_client
    for each in opened:
        each.close()


@contextlib.contextmanager
def locked(path):
    """No write of the store's is done meanwhile."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def outcomes(asked):
    return [outcome for outcome, _ in asked]


def metrics(server, tokens):
    return Metrics(server.ask("GET", "/metrics", headers=tokens.bearer("admin")).body.decode())


def counters_in_use(server, tokens):
    return metrics(server, tokens).get("nextid_counters_in_use")


def refusals(server, tokens, limit):
    return metrics(server, tokens).get("nextid_token_refusals_total", token="partner", limit=limit)


# --- Names that do not exist


def test_missing_names_take_no_places(serve, tokens, client, sqlite):
    assert sqlite.run("define", "orders").returncode == OK
    server = serve("--no-auto-create", "--max-counters", "20", admin="")
    partner = client(server, "partner")
    assert outcomes(partner.take(f"b:{i}") for i in range(25)) == ["missing"] * 25
    assert client(server, "shop").take("orders")[0] == "ok"
    # Of the other calls that name a counter, too.
    with server.connect() as other:
        for i in range(25):
            assert other.ask("GET", f"/v1/counters/b:{i}",
                             headers=tokens.bearer("partner")).status == 404
            assert other.ask("POST", f"/v1/counters/b:{i}/advance", body=b'{"to":7}',
                             headers=tokens.bearer("partner")).status == 404
            assert other.ask("GET", f"/next?counter=b:{i}",
                             headers=[*tokens.bearer("partner"), f"Idempotency-Key: k{i}"]).status == 404
    poll(lambda: counters_in_use(server, tokens) == 1, "only the counter that exists is in memory")
    assert partner.take("common")[0] == "missing"
    assert sqlite.run("define", "common").returncode == OK
    assert partner.take("common")[0] == "ok", "at once: nobody remembers that it was missing"


def test_many_missing_names_at_a_time_take_no_memory(serve, tokens):
    server = serve("--no-auto-create", admin="")
    with server.connect() as flood:
        for _ in range(10):
            for i in range(1000):
                flood.request("GET", f"/next?counter=b:{i}", headers=tokens.bearer("partner"))
            for i in range(1000):
                assert flood.answer().status == 404
        poll(lambda: counters_in_use(server, tokens) == 0, "no counter is in memory")


# --- Counters in use


def test_counters_in_use_are_bounded_for_each_token(serve, tokens, client):
    server = serve("--max-counters", "20", partner="counters-in-use=5")
    partner, shop = client(server, "partner"), client(server, "shop")
    asked = [partner.take(f"b:{i}") for i in range(30)]
    assert outcomes(asked) == ["ok"] * 5 + ["limited"] * 25
    assert "counters-in-use=5" in str(asked[-1][1]), "it names the limit"
    assert outcomes(shop.take(f"shop:{i}") for i in range(15)) == ["ok"] * 15
    assert partner.take("b:4")[0] == "ok", "those in use are served"
    # What another token has in memory costs nothing.
    assert shop.take("shop:1")[0] == "ok"


def test_by_default_tokens_share_the_bound(serve, tokens, client):
    server = serve("--max-counters", "20")
    partner, shop = client(server, "partner"), client(server, "shop")
    assert outcomes(partner.take(f"b:{i}") for i in range(15)) == ["ok"] * 10 + ["limited"] * 5
    assert outcomes(shop.take(f"shop:{i}") for i in range(10)) == ["ok"] * 10


def test_a_place_comes_back_when_the_counter_was_idle(serve, tokens, client):
    server = serve("--idle-counter-timeout", "200ms", partner="counters-in-use=1")
    partner = client(server, "partner")
    assert outcomes([partner.take("b:1"), partner.take("b:2")]) == ["ok", "limited"]
    poll(lambda: partner.take("b:2")[0] == "ok", "the idle counter's place is free")


def test_limits_follow_a_reload(serve, tokens, client):
    server = serve(partner="counters-in-use=1")
    partner = client(server, "partner")
    assert outcomes([partner.take("b:1"), partner.take("b:2")]) == ["ok", "limited"]
    tokens.write(partner="counters-in-use=2")
    server.reload()
    assert outcomes([partner.take("b:2"), partner.take("b:3")]) == ["ok", "limited"]


# --- Counters made


def test_new_counters_are_bounded_for_each_token(serve, tokens, client):
    server = serve(partner="new-counters=3")
    partner, shop = client(server, "partner"), client(server, "shop")
    asked = [partner.take("b:1"), partner.define("b:2"), partner.define("b:2"), partner.take("b:3"),
             partner.take("b:4"), partner.define("b:5")]
    assert outcomes(asked) == ["ok", "ok", "ok", "ok", "limited", "limited"]
    assert "new-counters=3" in str(asked[-1][1])
    assert outcomes([partner.take("b:2"), partner.define("b:1")]) == ["ok", "ok"]
    assert outcomes(shop.take(f"shop:{i}") for i in range(10)) == ["ok"] * 10
    assert shop.take("common")[0] == "ok"
    assert partner.take("common")[0] == "ok", "another token made it"


def test_another_ones_limit_is_not_mine_where_both_want_the_counter(serve, tokens, client, tmp_path):
    server = serve(partner="new-counters=1")
    assert client(server, "partner").take("b:1")[0] == "ok"
    partner, shop = client(server, "partner"), client(server, "shop")
    with locked(tmp_path / "ids.db"):
        partner.send_take("common")
        shop.send_take("common")  # Whichever arrives first.
    assert shop.receive() == "ok"
    assert partner.receive() in ("ok", "limited")


# --- Waiting requests


def test_waiting_requests_are_bounded_for_each_token(serve, tokens, client, tmp_path):
    server = serve(partner="waiting=3", admin="")
    assert client(server, "shop").take("common")[0] == "ok"
    partners = [client(server, "partner") for _ in range(10)]
    shops = [client(server, "shop") for _ in range(10)]
    with locked(tmp_path / "ids.db"):
        for each in partners + shops:
            each.send_take("common")
        poll(lambda: refusals(server, tokens, "waiting") == 7, "seven of them are refused")
    assert sorted(each.receive() for each in partners) == ["limited"] * 7 + ["ok"] * 3
    assert [each.receive() for each in shops] == ["ok"] * 10
    assert outcomes(each.take("common") for each in partners) == ["ok"] * 10


# --- Rates


def test_ids_a_second_are_bounded(serve, tokens, client):
    server = serve(partner="ids-per-second=100")
    partner, shop = client(server, "partner"), client(server, "shop")
    assert partner.take("b:1", 100)[0] == "ok", "a second's worth"
    outcome, answer = partner.take("b:1", 50)
    assert outcome == "limited" and "ids-per-second=100" in str(answer)
    assert shop.take("orders", 1000)[0] == "ok"
    poll(lambda: partner.take("b:1", 50)[0] == "ok", "half a second later it may go on")


def test_a_range_of_more_than_a_second_is_paid_off_afterwards(serve, tokens, client):
    server = serve(partner="ids-per-second=1000")
    partner = client(server, "partner")
    began = time.monotonic()
    assert partner.take("b:1", 3000)[0] == "ok"
    assert partner.take("b:1")[0] == "limited"
    poll(lambda: partner.take("b:1")[0] == "ok", "it has been paid off")
    assert time.monotonic() - began > 1.9


def test_requests_a_second_are_bounded(serve, tokens, client):
    server = serve(partner="requests-per-second=10")
    partner, shop = client(server, "partner"), client(server, "shop")
    asked = outcomes(partner.take("b:1") for _ in range(40))
    assert 10 <= asked.count("ok") < 40 and set(asked) == {"ok", "limited"}
    assert outcomes(shop.take("orders") for _ in range(40)) == ["ok"] * 40


def test_both_protocols_share_a_rate(serve, tokens):
    server = serve(partner="ids-per-second=100")
    with contextlib.closing(Http(server, tokens, "partner")) as http, \
            contextlib.closing(Resp(server, tokens, "partner")) as resp:
        assert http.take("b:1", 100)[0] == "ok"
        assert resp.take("b:1", 100)[0] == "limited"


def test_http_says_when_to_come_back(serve, tokens):
    server = serve(partner="ids-per-second=1")
    with server.connect() as connection:
        def ask(count):
            return connection.ask("GET", f"/range?counter=b:1&count={count}",
                                  headers=tokens.bearer("partner"))

        assert ask(3).status == 200
        refused = ask(1)
        assert is_problem(refused, 429, "limited")
        assert 1000 < refused.json()["retry_after_ms"] <= 3000
        assert refused.headers["retry-after"] == str(-(-refused.json()["retry_after_ms"] // 1000))
        assert refused.json()["detail"].endswith(f"in {refused.json()['retry_after_ms']} ms.")


def test_resp_counts_each_command_of_a_pipeline(serve, tokens):
    server = serve(partner="requests-per-second=10")
    with contextlib.closing(Resp(server, tokens, "partner")) as resp:
        resp.send(*["INCR b:1"] * 40)
        answers = [resp.line() for _ in range(40)]
        assert 10 <= sum(answer.startswith(":") for answer in answers) < 40
        assert re.fullmatch(r"-ERR this token has reached its limit requests-per-second=10; "
                            r"try again in \d+ ms\.", answers[-1])


def test_a_transaction_is_counted_when_it_is_queued(serve, tokens):
    server = serve(partner="ids-per-second=100")
    with contextlib.closing(Resp(server, tokens, "partner")) as resp:
        assert resp.ask("MULTI") == "+OK"
        assert [resp.ask("INCRBY b:1 50") for _ in range(2)] == ["+QUEUED"] * 2
        assert resp.ask("EXEC") == "*2"
        assert [resp.line(), resp.line()] == [":50", ":100"]
        assert resp.ask("MULTI") == "+OK"
        assert resp.ask("INCRBY b:1 100").startswith("-ERR this token has reached its limit ")
        assert resp.ask("EXEC").startswith("-EXECABORT ")
        poll(lambda: resp.take("b:1")[0] == "ok", "it may go on")
        assert server.ask("GET", "/v1/counters/b:1", headers=tokens.bearer("partner")).json()["value"] == 101


# --- What is told


def test_refusals_are_told(serve, tokens):
    server = serve(partner="counters-in-use=1", admin="")
    with contextlib.closing(Http(server, tokens, "partner")) as partner:
        assert outcomes(partner.take(f"b:{i}") for i in range(4)) == ["ok"] + ["limited"] * 3
        _, refused = partner.take("b:1")
        assert is_problem(refused, 429, "limited") and refused.headers["retry-after"] == "60"
    page = server.ask("GET", "/metrics", headers=tokens.bearer("admin")).body.decode()
    of_partner = '{token="partner",limit="counters-in-use"}'
    assert f"nextid_token_refusals_total{of_partner} 4" in page
    assert f"nextid_token_limit{of_partner} 1" in page
    assert f"nextid_token_used{of_partner} 1" in page
    assert 'nextid_token_refusals_total{token="shop",limit="waiting"} 0' in page
    status = server.ask("GET", "/v1/status", headers=tokens.bearer("admin")).json()
    assert status["limits_reached"] == [
        {"token": "partner", "limit": "counters-in-use", "value": 1, "refusals": 4}]
    lines = [line for line in server.log().splitlines() if "has reached its limit" in line]
    assert len(lines) == 1 and "'partner'" in lines[0] and "counters-in-use=1" in lines[0]


def test_limits_that_pass_the_bound_are_warned_of(serve, tokens):
    server = serve("--max-counters", "20", shop="counters-in-use=15", partner="counters-in-use=6")
    assert "counters-in-use of the tokens add up to more than --max-counters" in server.log()
    tokens.write(shop="counters-in-use=15", partner="counters-in-use=5")
    before = len(server.log())
    server.reload()
    assert "add up" not in server.log()[before:]


def test_nextid_token_writes_limits(tmp_path):
    done = nextid.run("token", "partner", "--limit", "counters-in-use=1000", "keys=5000",
                      "--counters", "b:*")
    assert done.returncode == OK
    assert done.stdout.splitlines()[1].endswith(" allocate b:* counters-in-use=1000 keys=5000")
    for wrong in ("keys", "keys=0", "keys=5,waiting=3", "nothing=5"):
        refused = nextid.run("token", "partner", "--limit", wrong)
        assert refused.returncode == INVALID and "--limit has" in refused.stderr, wrong
