"""Starting, stopping, dying and coming back; options; stores that fail."""

import contextlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

import nextid
from nextid import NOTHING_BURNED, Connection, is_problem, poll, store_locked


def set_value(path, counter, value):
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        changed = database.execute(
            "UPDATE counters SET value = ? WHERE name = ? AND writer = 0", (value, counter))
        assert changed.rowcount == 1


def snapshot(directory):
    """Every file below `directory` with its bytes."""
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


# ---- Stopping


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_stop_tells_where_the_ids_went(server, signal_number):
    server.next_id()
    server.ask("GET", "/range?count=100")
    server.process.send_signal(signal_number)
    assert server.wait() == 0
    assert server.closing() == {"returned": 101, **NOTHING_BURNED}


def test_stop_answers_what_it_has(server, tmp_path):
    connections = [server.connect() for _ in range(5)]
    idle = server.connect()
    for connection in [*connections, idle]:
        assert connection.ask("GET", "/healthz").status == 200
    with store_locked(tmp_path / "ids.db"):
        for connection in connections:
            connection.request("GET", "/next")
        for connection in connections:
            connection.wait_until_read()
        server.terminate()
        # Clients that wait for nothing are sent away.
        assert idle.closed_by_server()
        assert server.process.poll() is None
    answers = [connection.answer() for connection in connections]
    assert sorted(answer.json()["id"] for answer in answers) == [1, 2, 3, 4, 5]
    for connection in connections:
        assert connection.closed_by_server()
    assert server.wait() == 0
    assert server.closing()["returned"] == 5
    assert server.closing()["burned"] == 0


def test_stop_takes_no_new_clients(server, tmp_path):
    waiting = server.connect()
    with store_locked(tmp_path / "ids.db"):
        waiting.request("GET", "/next")
        waiting.wait_until_read()
        server.terminate()

        def refused():
            try:
                Connection(server.port).close()
                return False
            except ConnectionRefusedError:
                return True

        poll(refused, "the port is closed")
        server.process.send_signal(signal.SIGHUP)  # Reloads, if anything, and never ends.
    assert waiting.answer().json() == {"id": 1}
    assert server.wait() == 0


def test_stop_is_bounded(start_server, tmp_path):
    server = start_server("--shutdown-timeout", "1s", "--request-timeout", "60s")
    connection = server.connect()
    with store_locked(tmp_path / "ids.db"):
        connection.request("GET", "/next")
        connection.wait_until_read()
        server.terminate()
        assert server.wait(seconds=5) == 0
    server.closing()


def test_half_requests_do_not_hold_up_a_stop(start_server):
    server = start_server("--shutdown-timeout", "1s")
    with server.connect() as connection:
        connection.send(b"GET /next HTTP/1.1\r\n")
        connection.wait_until_read()
        server.terminate()
        assert server.wait(seconds=5) == 0


def test_a_server_serves_on_while_load_balancers_notice(start_server):
    server = start_server("--drain-delay", "1s")
    began = time.monotonic()
    server.terminate()
    poll(lambda: server.ask("GET", "/readyz").status == 503, "it is not ready any more")
    assert server.ask("GET", "/healthz").status == 200
    assert server.next_id() == 1  # Over a new connection.
    assert server.wait() == 0
    assert time.monotonic() - began >= 1
    assert server.closing() == {"returned": 1, **NOTHING_BURNED}


def test_a_second_signal_ends_the_delay(tmp_path):
    server = nextid.Server(tmp_path, "--drain-delay", "1h")
    try:
        server.wait_until_ready()
        server.terminate()
        poll(lambda: server.ask("GET", "/readyz").status == 503, "it is not ready any more")
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
    finally:
        server.kill()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_start_that_waits_for_its_store(tmp_path, signal_number):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [nextid.BINARY, "serve", "--http", "127.0.0.1:0", "--request-timeout", "60s",
             "--store", f"dynamodb://ids?region=eu-west-1&endpoint={endpoint}"], cwd=tmp_path,
            stderr=subprocess.PIPE, env=nextid.environment(
                {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}))
        try:
            silent.settimeout(nextid.PATIENCE)
            connection, _ = silent.accept()  # It asks, and gets no answer.
            with connection:
                process.send_signal(signal_number)
                assert process.wait(1) == -signal_number
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    "signal_number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGXFSZ,
                      signal.SIGPIPE, signal.SIGHUP])
def test_signals_that_mean_nothing_do_nothing(server, signal_number):
    assert server.next_id() == 1
    server.process.send_signal(signal_number)
    assert server.next_id() == 2
    server.terminate()
    assert server.wait() == 0
    assert server.closing() == {"returned": 2, **NOTHING_BURNED}


def test_a_file_size_limit_is_an_error_and_no_end(tmp_path):
    """SIGXFSZ, as the system sends it."""
    limited = ["prlimit", "--fsize=200000", nextid.BINARY, "serve", "--http", "127.0.0.1:0",
               "--request-timeout", "1s"]
    process = subprocess.Popen(limited, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
                               env=nextid.environment())
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", process.stderr.readline())):
            assert process.poll() is None
        with Connection(int(found.group(1))) as client:
            def refused():
                return client.ask("GET", "/next").status != 200

            poll(refused, "the limit is met", seconds=60)
            assert client.ask("GET", "/healthz").status == 200
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def public_path(tmp_path):
    """The test's directory, which the user nobody may enter and write."""
    closed = [directory for directory in tmp_path.parents if directory.stat().st_mode & 0o001 == 0]
    for directory in closed:
        directory.chmod(0o711)
    os.chown(tmp_path, 65534, 65534)
    yield tmp_path
    for directory in closed:
        directory.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root makes files for others")
def test_a_command_of_roots_leaves_no_file_that_the_service_cant_open(start_server, public_path):
    nobody = 65534
    service = start_server(user=nobody)
    assert service.next_id() == 1
    service.stop()
    database, lock = public_path / "ids.db", public_path / "ids.db-lock"
    lock.unlink()
    assert nextid.run("range", "5", "--store", f"sqlite:{database}").returncode == nextid.OK
    assert (lock.stat().st_uid, lock.stat().st_mode) == (nobody, database.stat().st_mode)
    again = start_server(user=nobody)
    assert again.next_id() == 7
    again.stop()

    lock.unlink()
    lock.touch(0o600)
    refused = start_server(user=nobody, wait=False)
    assert refused.wait() == nextid.UNAVAILABLE
    assert ("ids.db-lock: Permission denied; it belongs to the user 0, with the mode 0600"
            in refused.log())
    lock.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root can be somebody without threads")
def test_a_server_without_threads_says_so_or_serves(start_server, public_path):
    """Whatever the limit, nobody is told that it is ready and then finds that it is not."""
    # Not nobody, whose are the databases of other tests: the limit counts all of a user's.
    stranger = 64321
    as_stranger = ["setpriv", f"--reuid={stranger}", f"--regid={stranger}", "--clear-groups"]
    os.chown(public_path, stranger, stranger)
    served = 0
    for limit in range(1, 12):
        server = start_server(wait=False, prefix=[*as_stranger, "prlimit", f"--nproc={limit}"])
        poll(lambda s=server: "listening on" in s.log() or s.process.poll() is not None, "an answer")
        if server.process.poll() is None:
            server.wait_until_ready()
            server.next_id()
            assert server.ask("GET", "/metrics").status == 200
            assert server.stop()["returned"] == 1
            served += 1
        else:
            assert server.process.returncode == nextid.UNAVAILABLE, server.log()
            assert "raise the limit" in server.log()
    assert 0 < served < 11


# ---- Coming back


def test_restart_continues_without_a_gap(start_server):
    last = 0
    for _ in range(3):
        server = start_server()
        assert server.next_id() == last + 1
        assert server.ask("GET", "/range?count=9").json()["start"] == last + 2
        last += 10
        assert server.stop()["returned"] == 10


def test_restart_after_kill_continues_without_a_gap(start_server):
    last = 0
    for _ in range(5):
        server = start_server()
        for _ in range(20):
            last += 1
            assert server.next_id() == last
        server.kill()
    assert start_server().value() == last


def test_restart_keeps_many_counters(start_server):
    server = start_server()
    for number in range(50):
        server.ask("GET", f"/range?count={number + 1}&counter=c{number}")
    server.kill()
    server = start_server()
    for number in range(50):
        assert server.next_id(f"c{number}") == number + 2


def test_memory_store_forgets(start_server):
    for _ in range(2):
        server = start_server(store="memory:")
        assert server.next_id() == 1
        server.stop()


def test_port_is_free_again_after_kill(start_server):
    server = start_server()
    held = server.connect()
    assert held.ask("GET", "/next").status == 200
    server.kill()
    again = start_server(http=f"127.0.0.1:{server.port}")
    assert again.next_id() == 2


# ---- Several servers


def test_two_servers_share_a_file(start_server):
    servers = [start_server(), start_server()]
    # One after the other, ids grow whichever server is asked.
    for number in range(1, 41):
        assert servers[number % 2].next_id() == number

    # At the same time, they are distinct and leave no gap.
    ids = []

    def ask(server):
        with server.connect() as connection:
            for _ in range(200):
                ids.append(connection.ask("GET", "/next").json()["id"])

    threads = [threading.Thread(target=ask, args=(server,)) for server in servers * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == list(range(41, 41 + 1200))
    assert sum(server.stop()["returned"] for server in servers) == 1240


def test_server_and_command_line_share_a_file(server, store):
    for number in range(1, 10, 2):
        assert server.next_id() == number
        done = nextid.run("next", "--store", store)
        assert done.stdout == f"{number + 1}\n", done.stderr


# ---- Addresses and options


def test_address_in_use(start_server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = start_server(http=address, wait=False)
        assert server.wait() == 3
        assert address in server.log()
        assert "Address already in use" in server.log()


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"])
def test_bad_address(start_server, address):
    server = start_server("--http", address, http=None, wait=False)
    assert server.wait() == 2
    assert "--http" in server.log()


def test_port_0_says_which(server):
    assert f"listening on http://127.0.0.1:{server.port}" in server.log()
    assert server.port > 0


def test_ipv6(start_server):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("not run: this machine has no IPv6 loopback")
    server = start_server(http="[::1]:0", wait=False)
    poll(lambda: "listening on http://[::1]:" in server.log(), "the server listens")


def allows_range(server, count):
    return server.ask("GET", f"/range?count={count}").status == 200


def test_flags_win_over_environment_over_file(start_server, tmp_path):
    config = tmp_path / "nextid.toml"
    config.write_text(
        f'# Options\nstore = "sqlite:{tmp_path}/ids.db"\nhttp = "127.0.0.1:0"\nmax-range = 10\n')

    def limit(*flags, env=None):
        server = start_server("--config", config, *flags, store=None, http=None, env=env)
        found = [count for count in [10, 20, 30] if allows_range(server, count)]
        assert not allows_range(server, 31)
        server.stop()
        return found[-1]

    assert limit() == 10
    assert limit(env={"NEXTID_MAX_RANGE": "20"}) == 20
    assert limit("--max-range", "30", env={"NEXTID_MAX_RANGE": "20"}) == 30
    assert (tmp_path / "ids.db").exists()


def test_options_from_environment_alone(start_server, tmp_path):
    server = start_server(store=None, http=None, env={
        "NEXTID_STORE": f"sqlite:{tmp_path}/other.db", "NEXTID_HTTP": "127.0.0.1:0",
        "NEXTID_HEADER_TIMEOUT": "500ms"})
    assert server.next_id() == 1
    assert (tmp_path / "other.db").exists()
    with server.connect() as connection:
        connection.send(b"GET")
        assert connection.answer().status == 408


@pytest.mark.parametrize("text, named", [
    ("max-range = 0\n", "max-range"), ("no-such-option = 1\n", "no-such-option"),
    ("max-range = 1\nmax-range = 2\n", "max-range"), ("max-range\n", "line 1"),
    ('header-timeout = "soon"\n', "header-timeout")])
def test_bad_configuration(start_server, tmp_path, text, named):
    config = tmp_path / "nextid.toml"
    config.write_text(text)
    server = start_server("--config", config, wait=False)
    assert server.wait() == 2
    assert str(config) in server.log()
    assert named in server.log()


def test_missing_configuration(start_server, tmp_path):
    server = start_server("--config", tmp_path / "none.toml", wait=False)
    assert server.wait() == 2
    assert "none.toml" in server.log()


@pytest.mark.parametrize("env, named", [
    ({"NEXTID_MAX_RANGE": "many"}, "NEXTID_MAX_RANGE"),
    ({"NEXTID_IDLE_TIMEOUT": "-1s"}, "NEXTID_IDLE_TIMEOUT")])
def test_bad_environment(start_server, env, named):
    server = start_server(env=env, wait=False)
    assert server.wait() == 2
    assert named in server.log()


# ---- Files that are not to be touched


def make_database(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def make_foreign(path):
    make_database(path, "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('keep me')")


def make_text(path):
    path.write_text("Dear diary, today I was nearly a database.\n" * 100)


def make_short(path):
    path.write_bytes(b"SQL")


def make_other_application(path):
    make_database(path, "PRAGMA application_id = 123", "CREATE TABLE counters (name, value)")


@pytest.fixture
def store_directory(tmp_path):
    directory = tmp_path / "store"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("make", [make_foreign, make_text, make_short, make_other_application])
def test_foreign_files_are_refused_and_unchanged(start_server, store_directory, make):
    path = store_directory / "precious.db"
    make(path)
    before = snapshot(store_directory)
    server = start_server(store=f"sqlite:{path}", wait=False)
    assert server.wait() != 0
    assert str(path) in server.log()
    for command in [["next"], ["range", "5"], ["counters"]]:
        done = nextid.run(*command, "--store", f"sqlite:{path}")
        assert done.returncode != 0
        assert done.stdout == ""
        assert str(path) in done.stderr
    assert snapshot(store_directory) == before


@pytest.mark.not_accounted("the test damaged the store")
def test_newer_version_is_refused_and_unchanged(start_server, store_directory):
    path = store_directory / "ids.db"
    assert nextid.run("next", "--store", f"sqlite:{path}").stdout == "1\n"
    # The newest version is that of a file with a deleted counter.
    assert nextid.run("delete", "global", "--store", f"sqlite:{path}").returncode == 0
    with contextlib.closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = snapshot(store_directory)
    server = start_server(store=f"sqlite:{path}", wait=False)
    assert server.wait() != 0
    assert str(path) in server.log()
    assert str(version + 1) in server.log()
    assert snapshot(store_directory) == before


def test_directories_and_missing_directories_are_refused(start_server, tmp_path):
    (tmp_path / "directory").mkdir()
    for path in [tmp_path / "directory", tmp_path / "none" / "ids.db"]:
        server = start_server(store=f"sqlite:{path}", wait=False)
        assert server.wait() != 0
        assert str(path) in server.log()
    assert not (tmp_path / "none").exists()


def without_privileges(command):
    """A root user of no privileges minds permissions as everybody else does."""
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        pytest.skip("not run: permissions do not bind root, and setpriv is missing")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]


def read_only(path):
    command = without_privileges([str(nextid.BINARY), "next", "--store", f"sqlite:{path}"])
    return subprocess.run(command, env=nextid.environment(), capture_output=True, text=True,
                          timeout=60)


def test_read_only_directory(store_directory):
    path = store_directory / "ids.db"
    store_directory.chmod(0o555)
    try:
        done = read_only(path)
    finally:
        store_directory.chmod(0o755)
    assert done.returncode == 3
    assert done.stdout == ""
    assert str(path) in done.stderr
    assert snapshot(store_directory) == {}


def test_read_only_file(store_directory):
    path = store_directory / "ids.db"
    assert nextid.run("next", "--store", f"sqlite:{path}").stdout == "1\n"
    before = snapshot(store_directory)
    path.chmod(0o444)
    done = read_only(path)
    path.chmod(0o644)
    assert done.returncode == 3
    assert str(path) in done.stderr
    assert snapshot(store_directory) == before
    assert nextid.run("next", "--store", f"sqlite:{path}").stdout == "2\n"


# ---- Stores that fail while they are served


def test_full_disk(start_server):
    server = start_server("--request-timeout", "1s")
    server.next_id()
    server.limit_file_size(128 * 1024)
    last = 0
    failed = None
    with server.connect() as connection:
        for _ in range(2000):
            answer = connection.ask("GET", "/next")
            if answer.status != 200:
                failed = answer
                break
            assert answer.json()["id"] > last
            last = answer.json()["id"]
        assert failed, "the limit was never reached"
        assert is_problem(failed, 503, "unavailable")
        assert "ids.db" in failed.json()["detail"]
        server.limit_file_size(None)
        poll(lambda: connection.ask("GET", "/readyz").status == 200, "the store works again")

        def served():
            answer = connection.ask("GET", "/next")
            return answer.json()["id"] if answer.status == 200 else None

        resumed = poll(served, "ids are served again")
    assert resumed > last
    counts = server.stop()
    again = start_server()
    assert again.value() == counts["returned"] + counts["burned"]
    assert again.next_id() == again.value()


def test_a_checkpoint_cut_short_by_a_full_disk_is_no_damage(start_server, tmp_path):
    """The first page came over into the file, those by which it grew did not: the log has them."""
    server = start_server()
    names = [f"a-name-that-is-long-enough-to-fill-a-page-with-a-few-{number}" for number in range(60)]
    for name in names:
        assert server.next_id(name) == 1
    path = tmp_path / "ids.db"
    done = subprocess.run([sys.executable, "-c", f"""
import resource, signal, sqlite3
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size}, resource.RLIM_INFINITY))
sqlite3.connect({str(path)!r}).execute("PRAGMA wal_checkpoint(TRUNCATE)")"""],
        stderr=subprocess.PIPE, text=True)
    assert "disk" in done.stderr, done.stderr
    second = start_server()
    assert second.next_id(names[0]) == 2
    server.kill()
    second.kill()
    assert start_server().next_id(names[1]) == 2


def test_locked_store_answers_in_time(start_server, tmp_path):
    server = start_server("--request-timeout", "700ms")
    assert server.next_id() == 1
    with store_locked(tmp_path / "ids.db"):
        answer = server.ask("GET", "/next")
        assert answer.status in (503, 504)
        code = {503: "unavailable", 504: "deadline"}[answer.status]
        assert is_problem(answer, answer.status, code)
        assert server.ask("GET", "/healthz").status == 200
    assert server.next_id() > 1
    counts = server.stop()
    assert counts["returned"] == 2
    assert start_server().value() == counts["returned"] + counts["burned"]


def test_ids_of_vanished_clients_are_counted(server, tmp_path):
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        assert connection.ask("GET", "/healthz").status == 200
    with store_locked(tmp_path / "ids.db"):
        for connection in connections:
            connection.request("GET", "/range?count=7")
        for connection in connections:
            connection.wait_until_read()
            connection.reset()
    last = server.next_id()
    counts = server.stop()
    assert counts["returned"] == 1
    assert counts["burned"] == counts["disconnect"] == last - 1


def test_ids_that_a_slow_reader_left_unread_are_counted(start_server):
    server = start_server("--write-timeout", "500ms")
    request = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    with server.connect(timeout=1) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            while True:
                connection.send(request)
        except OSError:
            pass  # The server stopped reading, or closed.
    counts = server.stop()
    assert counts["burned"] == counts["disconnect"]
    assert start_server().value() == counts["returned"] + counts["burned"]


@pytest.mark.not_accounted("the test changed the counters in the file itself")
def test_exhaustion(start_server, tmp_path):
    server = start_server()
    server.next_id("orders")
    server.stop()
    most = 2**63 - 1
    set_value(tmp_path / "ids.db", "orders", most - 5)

    server = start_server()
    with server.connect() as connection:
        for _ in range(2):
            answer = connection.ask("GET", "/range?count=6&counter=orders")
            assert is_problem(answer, 409, "exhausted")
        # What fits is served to the last id.
        assert connection.ask("GET", "/range?count=4&counter=orders").body == (
            b'{"start":%d,"end":%d,"count":4}' % (most - 4, most - 1))
        assert connection.ask("GET", "/next?counter=orders").body == b'{"id":%d}' % most
        for _ in range(2):
            answer = connection.ask("GET", "/next?counter=orders")
            assert is_problem(answer, 409, "exhausted")
        assert connection.ask("GET", "/next").json() == {"id": 1}
    assert server.stop()["burned"] == 0
