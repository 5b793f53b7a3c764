"""What those who run a server see of it: metrics, status, logs, systemd, doctor."""

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

import nextid
from aws_endpoints import CredentialProcess
from nextid import REPOSITORY, is_problem, poll
from prometheus_text import Metrics, metrics_of

UNITS = sorted(path for path in (REPOSITORY / "packaging" / "systemd").glob("nextid*")
               if path.is_file())


def status_of(server, query=""):
    answer = server.ask("GET", "/v1/status" + query)
    assert answer.status == 200, answer
    return answer.json()


def make_load(server):
    """Some of everything. Returns the ids each counter gave."""
    with server.connect() as connection:
        for _ in range(20):
            assert connection.ask("GET", "/next").status == 200
        for _ in range(3):
            assert connection.ask("POST", "/range?count=100&counter=orders").status == 200
        defined = connection.ask("PUT", "/v1/counters/blocks", body=b'{"cache":50}',
                                 headers=["Content-Type: application/json"])
        assert defined.status == 201
        # The second one is in time to be answered from the first one's block.
        for _ in range(10):
            assert connection.ask("GET", "/v1/counters/blocks/next").status == 200
        is_problem(connection.ask("GET", "/range?count=0"), 400, "invalid")
        is_problem(connection.ask("GET", "/v1/counters/none"), 404, "not_found")
        is_problem(connection.ask("GET", "/nowhere"), 404, "not_found")
        advanced = connection.ask("POST", "/v1/counters/orders/advance", body=b'{"to":1000}',
                                  headers=["Content-Type: application/json"])
        assert advanced.status == 200
    return {"global": 20, "orders": 300, "blocks": 10}


# ---- Metrics

def test_metrics_agree_with_the_load(server):
    """Every id up to each counter's value was returned, burned, or is still held (I5)."""
    returned = make_load(server)
    metrics = metrics_of(server)
    for counter, count in returned.items():
        assert metrics.get("nextid_busiest_ids_returned_total", counter=counter) == count
    assert metrics.get("nextid_ids_returned_total") == sum(returned.values())
    assert metrics.get("nextid_ids_burned_total", reason="advance") == 700
    values = {counter: server.value(counter) for counter in returned}
    for counter, value in values.items():
        assert metrics.get("nextid_last_reserved_id", counter=counter) == value
    assert metrics.get("nextid_ids_held") > 0
    assert (metrics.get("nextid_ids_returned_total") + metrics.total("nextid_ids_burned_total")
            + metrics.get("nextid_ids_held")) == sum(values.values())

    def requests(route, result):
        return metrics.get("nextid_requests_total", protocol="http", route=route, result=result)

    assert requests("next", "ok") == 30
    assert requests("range", "ok") == 3
    assert requests("range", "invalid") == 1
    assert requests("define", "ok") == 1
    assert requests("show", "not_found") == 1
    assert requests("advance", "ok") == 1
    assert requests("other", "not_found") == 1
    assert metrics.get("nextid_allocation_duration_seconds_count", protocol="http") == 33
    duration = metrics.get("nextid_allocation_duration_seconds_sum", protocol="http")
    assert 0 < duration < 33 * nextid.PATIENCE
    assert metrics.get("nextid_open_connections", protocol="http") >= 1
    assert metrics.get("nextid_received_bytes_total", protocol="http") > 40 * len("GET / HTTP/1.1")
    assert metrics.get("nextid_sent_bytes_total", protocol="http") > 40 * len("HTTP/1.1 200 OK")

    reserved = metrics.get("nextid_store_calls_total", call="reserve", result="done")
    assert reserved == metrics.get("nextid_reservations_total")
    assert metrics.get("nextid_store_call_duration_seconds_count", call="reserve") == reserved
    assert (metrics.get("nextid_batch_requests_count") + metrics.get("nextid_refills_total")
            == reserved)
    assert metrics.get("nextid_store_calls_total", call="reserve", result="in_doubt") == 0
    closing = server.stop()
    assert closing["returned"] == sum(returned.values())


def test_resp_is_counted(server):
    port = int(re.search(r"redis://127.0.0.1:(\d+)", server.log()).group(1))
    sent = b"INCR a\r\nincr a\r\nINCRBY a 5\r\nINCRBY a 0\r\nGET a\r\nMAKE tea\r\n"
    with nextid.Connection(port) as client:
        client.send(sent)
        answers = b""
        while answers.count(b"\r\n") < 7:  # That of GET has two lines.
            answers += client.socket.recv(4096)
        metrics = metrics_of(server)
        assert metrics.get("nextid_open_connections", protocol="resp") == 1
        assert status_of(server)["connections"]["resp"] == 1

    def commands(route, result="ok"):
        return metrics.get("nextid_requests_total", protocol="resp", route=route, result=result)

    assert commands("INCR") == 2 and commands("INCRBY") == 1 and commands("GET") == 1
    assert commands("INCRBY", "invalid") == 1 and commands("other", "invalid") == 1
    assert metrics.get("nextid_allocation_duration_seconds_count", protocol="resp") == 3
    assert metrics.get("nextid_received_bytes_total", protocol="resp") == len(sent)
    assert metrics.get("nextid_sent_bytes_total", protocol="resp") == len(answers)


def test_metrics_know_process_and_build(server):
    before = time.time()
    metrics = metrics_of(server)
    version = nextid.run("--version").stdout.split()[1]
    assert any(name == "nextid_build_info" and ("version", version) in labels
               for name, *labels in metrics.samples)
    assert abs(metrics.get("process_start_time_seconds") - before) < nextid.PATIENCE
    assert metrics.get("nextid_uptime_seconds") < nextid.PATIENCE
    assert 1e6 < metrics.get("process_resident_memory_bytes") < 1e9
    assert 3 < metrics.get("process_open_fds") <= metrics.get("process_max_fds")
    assert metrics.get("process_cpu_seconds_total") > 0


def test_remaining_ids_and_the_time_that_they_last(server):
    server.ask("PUT", "/v1/counters/small", body=b'{"start":10,"increment":10,"max":100000}',
               headers=["Content-Type: application/json"])
    server.ask("GET", "/v1/counters/small/next")
    assert metrics_of(server).get("nextid_remaining_ids", counter="small") == 9999

    def seconds():
        server.ask("GET", "/v1/counters/small/range?count=10")
        return metrics_of(server).get("nextid_time_to_exhaustion_seconds", counter="small")

    # Some thousand ids that go at some hundred or thousand a second.
    poll(lambda: 0 < seconds() < 864, "a rate is known")
    counter = status_of(server)["counters"][0]
    assert counter["name"] == "small" and 0 < counter["days_to_exhaustion"] < 0.01


def test_undelivered_ids_are_burned_in_the_metrics(server, tmp_path):
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        assert connection.ask("GET", "/next").status == 200
    with contextlib.closing(sqlite3.connect(tmp_path / "ids.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for connection in connections:
            connection.request("GET", "/range?count=7")
        for connection in connections:
            connection.wait_until_read()
            connection.reset()
        database.execute("ROLLBACK")
    last = server.next_id()
    assert last > 11

    def all_burned():
        metrics = metrics_of(server)
        return metrics.get("nextid_ids_burned_total", reason="disconnect") == last - 11

    poll(all_burned, "the ids of clients that are gone are burned")
    assert server.stop()["disconnect"] == last - 11


def test_reports_need_the_right_to_read_all(start_server, tmp_path):
    tokens = tmp_path / "tokens.toml"
    secrets = {}
    for name, options in {"reader": ["--rights", "read"], "taker": ["--rights", "allocate"],
                          "clerk": ["--rights", "read", "--counters", "orders"]}.items():
        secrets[name], line = nextid.run("token", name, *options).stdout.splitlines()
        with tokens.open("a") as file:
            file.write(line + "\n")
    tokens.chmod(0o600)
    server = start_server("--tokens", tokens)

    def status(target, name=None):
        headers = [f"Authorization: Bearer {secrets[name]}"] if name else []
        return server.ask("GET", target, headers=headers).status

    for target in ("/metrics", "/v1/status"):
        assert status(target) == 401
        assert status(target, "taker") == 403
        assert status(target, "clerk") == 403
        assert status(target, "reader") == 200
    page = server.ask("GET", "/metrics", headers=[f"Authorization: Bearer {secrets['reader']}"])
    metrics = Metrics(page.body.decode())
    assert metrics.get("nextid_requests_total", protocol="http", route="metrics",
                       result="forbidden") == 2
    assert not any(secret.encode() in page.body for secret in secrets.values())


# ---- Status

def test_status_has_what_the_page_shows(server):
    returned = make_load(server)
    status = status_of(server)
    assert status["ids_returned"] == sum(returned.values())
    assert status["ids_burned"] == {"deadline": 0, "disconnect": 0, "discard": 0,
                                    "idempotency": 0, "advance": 700}
    assert status["store"] == "sqlite:ids.db"
    assert status["version"] == nextid.run("--version").stdout.split()[1]
    assert abs(status["now_ms"] / 1000 - time.time()) < nextid.PATIENCE
    assert 0 < status["uptime_seconds"] < nextid.PATIENCE
    assert status["connections"]["http"] >= 1 and status["connections"]["resp"] == 0
    assert status["waiting"] == 0
    assert len(status["batch_sizes"]) == 12
    latency = status["latency_us"]
    assert len(latency["counts"]) == len(latency["bounds"]) + 1
    assert sum(latency["counts"]) == 33
    assert sum(status["batch_sizes"]) + status["refills"] == status["reservations"]
    counters = {counter["name"]: counter for counter in status["counters"]}
    assert counters["orders"]["value"] == "1000"
    assert counters["orders"]["max"] == str(2**63 - 1)
    assert counters["orders"]["remaining"] == str(2**63 - 1 - 1000)
    assert counters["orders"]["returned"] == 300 and counters["orders"]["burned"] == 700
    assert counters["orders"]["mode"] == "strict" and counters["blocks"]["mode"] == "cached"
    assert counters["blocks"]["cache"] == 50 and counters["blocks"]["increment"] == "1"


def test_status_shows_a_rate_while_load_runs(server):
    def rate():
        for _ in range(10):
            server.next_id()
        return status_of(server)["counters"][0]["rate"] > 0

    poll(rate, "a rate shows")


def test_status_shows_the_busiest(server):
    for number in range(25):
        server.ask("GET", f"/range?count={number + 1}&counter=c{number:02}")
    assert len(status_of(server)["counters"]) == 20
    assert len(status_of(server, "?limit=100")["counters"]) == 25
    assert len(status_of(server, "?limit=1")["counters"]) == 1
    for limit in ("0", "101", "x"):
        is_problem(server.ask("GET", f"/v1/status?limit={limit}"), 400, "invalid")
    is_problem(server.ask("POST", "/metrics"), 405, "method_not_allowed")


def test_reports_wait_for_their_turn_in_a_pipeline(server):
    with server.connect() as connection:
        for target in ["/next", "/v1/status", "/next", "/metrics", "/next"]:
            connection.request("GET", target)
        answers = [connection.answer() for _ in range(5)]
    assert [answers[i].json()["id"] for i in (0, 2, 4)] == [1, 2, 3]
    assert answers[1].json()["ids_returned"] == 1
    assert b"nextid_ids_returned_total 2\n" in answers[3].body


# ---- Logs

def test_json_log(start_server):
    server = start_server("--log-format", "json")
    server.next_id()
    server.stop()
    lines = [json.loads(line) for line in server.log().splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", line["time"])
        assert line["level"] in ("info", "warning", "error")
    assert [line["message"].split()[0] for line in lines] == ["made", "listening", "stopped:"]
    assert lines[0]["opening"] == "made" and "identity" in lines[0]
    assert lines[1]["http"] == server.url and lines[1]["store"] == "sqlite:ids.db"
    assert lines[2]["returned"] == 1 and lines[2]["burned_deadline"] == 0


def test_no_line_for_a_request(server):
    for _ in range(20):
        server.next_id()
    server.ask("GET", "/nowhere")
    server.stop()
    assert len(server.log().splitlines()) == 3


# ---- systemd

def test_readiness_is_announced(start_server, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(path))
        notified.settimeout(nextid.PATIENCE)
        server = start_server(wait=False, env={"NOTIFY_SOCKET": str(path)})
        ready = notified.recv(4096).decode().splitlines()
        assert ready[0] == "READY=1"
        # It listens by then.
        server.port = int(re.search(r"STATUS=Serving http://127.0.0.1:(\d+) and redis://", ready[1]).group(1))
        assert server.next_id() == 1
        server.terminate()
        assert notified.recv(4096).decode().splitlines()[0] == "STOPPING=1"
        assert server.wait() == 0


def activated(directory, listener, names, resp="off"):
    """A server that is started with a listening socket as descriptor 3."""
    script = 'exec 3<&0 0</dev/null; LISTEN_PID=$$; export LISTEN_PID; exec "$@"'
    command = ["/bin/sh", "-c", script, "sh", nextid.BINARY, "serve", "--insecure",
               "--http", "192.0.2.1:1",
               "--resp", resp]
    return subprocess.Popen(
        list(map(str, command)), cwd=directory, stdin=listener, stderr=subprocess.PIPE, text=True,
        env=nextid.environment({"LISTEN_FDS": "1", **({"LISTEN_FDNAMES": names} if names else {})}))


@pytest.mark.parametrize("names", ["http", "nextid.socket", None])
def test_socket_activation(tmp_path, names):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # The client is there before the server, and waits for it.
        client = nextid.Connection(port)
        client.request("GET", "/next")
        server = activated(tmp_path, listener, names)
        assert client.answer().json() == {"id": 1}
        client.close()
        server.terminate()
        _, log = server.communicate(timeout=nextid.PATIENCE)
        assert server.returncode == 0, log
        assert f"listening on http://127.0.0.1:{port}" in log


@pytest.mark.parametrize("kind, names, says", [
    (socket.SOCK_STREAM, "gopher", "must be http or resp"),
    (socket.SOCK_DGRAM, "http", "no listening TCP socket"),
])
def test_a_useless_inherited_socket_is_refused(tmp_path, kind, names, says):
    with socket.socket(socket.AF_INET, kind) as useless:
        useless.bind(("127.0.0.1", 0))
        server = activated(tmp_path, useless, names)
        _, log = server.communicate(timeout=nextid.PATIENCE)
    assert server.returncode == nextid.INVALID and says in log, log


@pytest.mark.skipif(not shutil.which("systemd-analyze"),
                    reason="not run: there is no systemd-analyze here")
def test_units_are_valid(tmp_path):
    # `verify` wants the program to be there. It reads what lies in nextid.service.d as well.
    copies = []
    shutil.copytree(UNITS[1].parent / "nextid.service.d", tmp_path / "nextid.service.d")
    for unit in UNITS:
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(unit.read_text().replace("/usr/bin/nextid", str(nextid.BINARY)))
    done = subprocess.run(["systemd-analyze", "verify", *map(str, copies)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    complaints = [line for line in done.stdout.splitlines() if "nextid" in line]
    assert done.returncode == 0 and not complaints, done.stdout
    exposure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(copies[1])],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert exposure.returncode == 0, exposure.stdout[-500:]


# ---- Doctor

def lines_of(done):
    """[(verdict, subject, sentence), ...]"""
    assert done.stderr == "", done.stderr
    lines = [re.fullmatch(r"(ok|warn|FAIL) +(\S.*?)  +(\S.*)", line).groups()
             for line in done.stdout.splitlines()]
    worst = max(["ok", "warn", "FAIL"].index(verdict) for verdict, _, _ in lines)
    assert done.returncode == worst, done
    return lines


def test_doctor_of_a_new_store(tmp_path):
    lines = lines_of(nextid.run("doctor", "--http", "127.0.0.1:0", cwd=tmp_path))
    assert ("ok", "store", f"'{tmp_path}/ids.db' does not exist yet; `nextid serve` makes it, and "
            "ids begin at 1.") in lines
    assert {subject for _, subject, _ in lines} == {
        "options", "clock", "store", "disk", "http", "resp", "open files", "threads"}
    assert not any(tmp_path.iterdir())


def test_doctor_beside_a_running_server_changes_nothing(server, tmp_path, store):
    server.ask("GET", "/range?count=5")
    lines = lines_of(nextid.run("doctor", "--store", store, "--http", f"127.0.0.1:{server.port}"))
    assert "FAIL" not in [verdict for verdict, _, _ in lines], lines
    assert any(verdict == "warn" and "is in use" in sentence for verdict, _, sentence in lines)
    assert server.next_id() == 6
    assert [counter["name"] for counter in server.ask("GET", "/v1/counters").json()["counters"]] \
        == ["global"]
    assert sorted(path.name for path in tmp_path.iterdir() if "doctor" in path.name) == []


@pytest.mark.not_accounted("the test removed the store")
@pytest.mark.parametrize("gone, left", [
    (["ids.db"], "ids.db-wal is left from a database that is gone"),
    (["ids.db", "ids.db-wal"], "ids.db-lock tells of a store that was here")])
def test_doctor_sees_what_is_left_of_a_store(start_server, tmp_path, store, gone, left):
    server = start_server()
    server.next_id()
    server.kill()
    for name in gone:
        (tmp_path / name).unlink()
    before = sorted(path.name for path in tmp_path.iterdir())
    refused = nextid.run("serve", "--http", "127.0.0.1:0", "--store", store)
    sentence = refused.stderr.removeprefix("nextid: ").rstrip("\n")
    assert left in sentence
    lines = lines_of(nextid.run("doctor", "--http", "127.0.0.1:0", "--store", store))
    assert ("FAIL", "store", sentence) in lines
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_doctor_says_what_is_wrong(tmp_path):
    (tmp_path / "ids.db").write_bytes(b"no database" * 100)
    done = nextid.run("doctor", "--http", "192.0.2.1:0", "--insecure", cwd=tmp_path)
    wrong = {(verdict, subject) for verdict, subject, _ in lines_of(done)}
    assert {("FAIL", "store"), ("FAIL", "http")} <= wrong
    done = nextid.run("doctor", env={"NEXTID_STROE": "sqlite:x"})
    assert lines_of(done)[0][:2] == ("FAIL", "options")
    assert lines_of(nextid.run("doctor", "--threads", "none"))[0][:2] == ("FAIL", "options")


def test_doctor_of_dynamodb_makes_no_table(dynamodb):
    made = dynamodb.proxy.requests["CreateTable"]
    for create, flags, verdict, says in [
            (None, [], "ok", f"table '{dynamodb.table.name}' does not exist yet; `nextid serve` makes it"),
            ("true", ["--no-create-store"], "ok", "`nextid serve` makes it"),
            ("false", [], "FAIL", "create=false keeps nextid from making it; make it with: aws "),
            (None, ["--no-create-store"], "FAIL", "create=false keeps nextid from making it")]:
        lines = lines_of(dynamodb.run("doctor", "--http", "127.0.0.1:0", *flags, create=create))
        of_store = [line for line in lines if line[1] == "store"]
        assert len(of_store) == 1 and of_store[0][0] == verdict and says in of_store[0][2], lines
    assert dynamodb.proxy.requests["CreateTable"] == made
    assert dynamodb.run("next").stdout == "1\n"
    lines = lines_of(dynamodb.run("doctor", "--http", "127.0.0.1:0"))
    subjects = {subject: (verdict, sentence) for verdict, subject, sentence in lines
                if subject in ("store", "credentials")}
    assert subjects["store"][0] == "ok"
    assert subjects["credentials"][1].endswith("and do not expire.")
    assert dynamodb.run("next").stdout == "2\n"


def test_expiry_of_credentials(dynamodb, tmp_path):
    with CredentialProcess(dynamodb.keys, lifetime=3600) as source:
        config = tmp_path / "config"
        config.write_text("[default]\nregion = eu-west-1\n"
                          f"credential_process = {source.command(tmp_path)}\n")
        env = {**dynamodb.isolated, "AWS_CONFIG_FILE": str(config)}
        server = dynamodb.start(env=env)
        assert server.next_id() == 1
        metrics = metrics_of(server)
        left = metrics.get("nextid_credentials_expiry_timestamp_seconds") - time.time()
        assert 3000 < left <= 3600
        assert metrics.get("nextid_credentials_renewal_failing", default=-1) == 0
        assert metrics.get("nextid_store_calls_total", call="reserve", result="done") == 1
        lines = lines_of(dynamodb.run("doctor", "--http", "127.0.0.1:0", env=env))
        assert any(subject == "credentials" and "valid until" in sentence
                   for _, subject, sentence in lines), lines
