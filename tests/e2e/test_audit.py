"""--audit-log: who did what, as lines of JSON."""

import contextlib
import json
import os
import stat
import time

import pytest
import redis

import nextid
from nextid import INVALID, OK, is_problem, poll


@pytest.fixture
def tokens(tmp_path):
    """By name; the file is tmp_path / "tokens"."""
    made = {}
    for name, rights, counters in [("admin", "read,define", "*"), ("shop", "allocate", "orders")]:
        done = nextid.run("token", name, "--rights", rights, "--counters", counters)
        assert done.returncode == OK, done
        made[name], line = done.stdout.splitlines()
        with (tmp_path / "tokens").open("a") as file:
            file.write(line + "\n")
    (tmp_path / "tokens").chmod(0o600)
    return made


@pytest.fixture
def serve(start_server, tmp_path, tokens):
    def start(*options, **more):
        return start_server("--tokens", tmp_path / "tokens", "--resp", "127.0.0.1:0", *options,
                            **more)

    return start


def bearer(token):
    return [f"Authorization: Bearer {token}"]


def lines_of(path):
    with contextlib.suppress(FileNotFoundError):
        return [json.loads(line) for line in path.read_text().splitlines()]
    return []


def wait_for(path, count):
    return poll(lambda: len(lines := lines_of(path)) >= count and lines, f"{count} lines")


def without_time_and_port(line):
    assert line.pop("time").endswith("Z")
    assert line.pop("client").startswith("127.0.0.1:")
    return line


def resp_port(server):
    return int(server.log().partition("redis://127.0.0.1:")[2].partition(",")[0])


def test_http_calls_are_written_down(serve, tmp_path, tokens):
    log = tmp_path / "audit.log"
    server = serve("--audit-log", log, "--audit-range", "10")
    with server.connect() as client:
        def ask(method, target, token, body=b"", *more):
            headers = [*(bearer(token) if token else []), *more]
            return client.ask(method, target, body=body, headers=headers)

        assert ask("PUT", "/v1/counters/orders", tokens["admin"], b"{}").status == 201
        assert ask("POST", "/v1/counters/orders/advance", tokens["admin"], b'{"to":7}').status == 200
        assert ask("PUT", "/v1/counters/orders", tokens["admin"], b'{"revision":99}').status == 409
        assert ask("GET", "/range?counter=orders&count=9", tokens["shop"]).status == 200
        assert ask("POST", "/v1/counters/orders/range?count=10", tokens["shop"], b"",
                   "Idempotency-Key: invoice-17").status == 200
        assert ask("GET", "/next?counter=orders", None).status == 401
        assert ask("GET", "/next?counter=orders", "nextid_wrong").status == 401
        assert ask("GET", "/next?counter=other", tokens["shop"]).status == 403
        assert ask("GET", "/v1/counters/orders", tokens["admin"]).status == 200
        # Refused before anyone asks whose token it is; the last caller's name is not this one's.
        assert ask("POST", "/next", tokens["shop"], b"", "Sec-Fetch-Site: cross-site").status == 403
    lines = [without_time_and_port(line) for line in wait_for(log, 8)]
    http = {"protocol": "http"}
    assert lines == [
        {"audit": "define", **http, "token": "admin", "counter": "orders", "result": "ok"},
        {"audit": "advance", **http, "token": "admin", "counter": "orders", "to": 7,
         "result": "ok"},
        {"audit": "define", **http, "token": "admin", "counter": "orders", "result": "conflict"},
        {"audit": "take_range", **http, "token": "shop", "counter": "orders", "start": 17,
         "count": 10, "increment": 1, "result": "ok"},
        {"audit": "refuse", **http, "call": "next", "counter": "orders", "result": "unauthorized"},
        {"audit": "refuse", **http, "call": "next", "counter": "orders", "result": "unauthorized"},
        {"audit": "refuse", **http, "token": "shop", "call": "next", "counter": "other",
         "result": "forbidden"},
        {"audit": "refuse", **http, "call": "next", "counter": "global", "result": "forbidden"},
    ]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    for secret in [*tokens.values(), "nextid_wrong", "invoice-17"]:
        assert secret not in log.read_text()


def test_redis_calls_are_written_down(serve, tmp_path, tokens):
    log = tmp_path / "audit.log"
    server = serve("--audit-log", log, "--audit-range", "10")
    port = resp_port(server)

    def client(token):
        return redis.Redis("127.0.0.1", port, password=token)

    with client(tokens["admin"]) as admin:
        assert admin.setnx("orders", 0)
    with client(tokens["shop"]) as shop:
        assert shop.incrby("orders", 9) == 9
        assert shop.incrby("orders", 10) == 19
        with pytest.raises(redis.exceptions.NoPermissionError):
            shop.incr("other")
    with client("nextid_wrong") as stranger, pytest.raises(redis.RedisError):
        stranger.ping()
    with client(None) as nobody, pytest.raises(redis.RedisError):
        nobody.incr("orders")
    lines = [without_time_and_port(line) for line in wait_for(log, 5)]
    resp = {"protocol": "resp"}
    assert lines[:3] == [
        {"audit": "define", **resp, "token": "admin", "counter": "orders", "result": "ok"},
        {"audit": "take_range", **resp, "token": "shop", "counter": "orders", "start": 10,
         "count": 10, "increment": 1, "result": "ok"},
        {"audit": "refuse", **resp, "token": "shop", "call": "INCRBY", "counter": "other",
         "result": "NOPERM"},
    ]
    assert [line["result"] for line in lines[3:5]] == ["WRONGPASS", "NOAUTH"]
    assert not any("token" in line for line in lines[3:])
    assert "nextid_wrong" not in log.read_text()


def test_a_flood_of_refusals_is_counted(serve, tmp_path, tokens):
    log = tmp_path / "audit.log"
    server = serve("--audit-log", log)
    with server.connect() as client:
        for _ in range(20):
            for _ in range(50):
                client.request("GET", "/next")
            for _ in range(50):
                assert client.answer().status == 401
        # What strangers do leaves others their lines.
        assert client.ask("PUT", "/v1/counters/a", body=b"{}",
                          headers=bearer(tokens["admin"])).status == 201
        metrics = client.ask("GET", "/metrics", headers=bearer(tokens["admin"])).body.decode()
    server.stop()
    lines = lines_of(log)
    refusals = [line for line in lines if line["audit"] == "refuse"]
    assert f"nextid_audit_lines_left_out_total {1000 - len(refusals)}\n" in metrics
    assert 20 <= len(refusals) < 1000
    assert len(refusals) + max(line.get("left_out_so_far", 0) for line in lines) == 1000
    assert [line["counter"] for line in lines if line["audit"] == "define"] == ["a"]


def test_a_renamed_file_is_left_on_sighup(serve, tmp_path, tokens):
    log = tmp_path / "audit.log"
    server = serve("--audit-log", log)
    assert is_problem(server.ask("GET", "/next"), 401, "unauthorized")
    wait_for(log, 1)
    log.rename(tmp_path / "audit.log.1")
    server.reload()
    poll(lambda: log.exists() and "opened the audit log" in server.log(), "a new file")
    assert is_problem(server.ask("GET", "/range?count=2"), 401, "unauthorized")
    assert [line["call"] for line in wait_for(log, 1)] == ["range"]
    assert [line["call"] for line in lines_of(tmp_path / "audit.log.1")] == ["next"]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_new_file_that_can_not_be_had_leaves_the_old_one(serve, tmp_path):
    log = tmp_path / "audit.log"
    server = serve("--audit-log", log)
    log.rename(tmp_path / "audit.log.1")
    log.mkdir()
    server.reload()
    poll(lambda: "The audit log goes on in the file from before." in server.log(), "it is told")
    assert is_problem(server.ask("GET", "/next"), 401, "unauthorized")
    wait_for(tmp_path / "audit.log.1", 1)


def test_the_journal_is_standard_error(serve):
    server = serve("--audit-log", "journal")
    assert is_problem(server.ask("GET", "/next"), 401, "unauthorized")
    found = poll(lambda: [line for line in server.log().splitlines() if '"audit"' in line],
                 "the line")
    assert json.loads(found[0])["call"] == "next"


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "open").touch()
    (tmp_path / "open").chmod(0o666)
    for name in ["pipe", "link", "missing/audit.log", ".", "open"]:
        done = nextid.run("serve", "--http", "127.0.0.1:0", "--resp", "off", "--store",
                          f"sqlite:{tmp_path}/ids.db", "--audit-log", tmp_path / name)
        assert done.returncode == INVALID, done
        assert "audit log" in done.stderr and str(tmp_path / name) in done.stderr
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.not_accounted("the store is this process's memory")
def test_a_disk_that_takes_no_line_holds_up_no_id(serve, tmp_path, tokens):
    log = tmp_path / "audit.log"
    log.touch(mode=0o600)
    log.write_text("{}" + " " * 100_000 + "\n")  # So the limit leaves room for the server's log.
    server = serve("--audit-log", log, store="memory:")
    server.limit_file_size(log.stat().st_size)
    refused = 0
    with server.connect() as client:
        def refuse():
            nonlocal refused
            assert client.ask("GET", "/next").status == 401
            refused += 1

        for expected in range(1, 11):
            refuse()
            answer = client.ask("GET", "/next?counter=orders", headers=bearer(tokens["shop"]))
            assert answer.json() == {"id": expected}
        assert lines_of(log) == [{}]

        def told():
            refuse()
            return "lines of the audit log could not be written" in server.log()

        poll(told, "the log tells")
        server.limit_file_size(None)

        def all_told():
            """Each refusal has a line, or counts in the last one, which is written soon."""
            refuse()
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                lines = lines_of(log)[1:]
                left_out = lines[-1].get("left_out_so_far", 0) if lines else 0
                if left_out > 0 and len(lines) + left_out == refused:
                    return True
                time.sleep(0.01)
            return False

        poll(all_told, "lines again")
