"""The servers that tests of stores start, and the proxy in front of them, do what those tests rest on."""

import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

import nextid
import private_server
from etcd import Etcd, EtcdCluster
from mysql import Mysql
from postgres import PgBouncer, Postgres
from private_server import ServerError
from serve import SERVERS
from tcp_proxy import (AFTER, CLIENT, CUT, HALF, HOLD, HOLD_ANSWERS, SERVER, MysqlMessages, PostgresMessages,
                       TcpProxy)

FOLDER = Path(private_server.__file__).parent
SERVE = FOLDER / "serve.py"
WITH_SERVERS = FOLDER / "with_servers.py"

KINDS = {"postgres": Postgres, "mysql": Mysql, "etcd": Etcd}


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as server:
        server.sql("CREATE TABLE notes (note int)", user="nextid")
        yield server


@pytest.fixture
def proxy(postgres):
    postgres.sql("TRUNCATE notes")
    with TcpProxy(postgres.port, PostgresMessages) as running:
        yield running


def write(postgres, proxy, note):
    """Whether the insert was answered."""
    done = private_server.run(*postgres.shell(port=proxy.port), text_in=f"INSERT INTO notes VALUES ({note})",
                              check=False)
    return done.returncode == 0


def notes(postgres):
    return postgres.sql("SELECT note FROM notes ORDER BY note").split()


def is_insert(message):
    return "INSERT" in message.sql


# ---- Their lives

@pytest.mark.parametrize("kind", KINDS)
def test_what_was_committed_is_there_after_a_kill_and_after_a_restart(kind):
    with KINDS[kind]() as server:
        write_note(server, "1")
        server.kill()
        server.start()
        write_note(server, "2")
        server.restart()
        assert read_notes(server) == ["1", "2"]
        if private_server.USER:
            assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0
    assert not server.folder.exists()


def write_note(server, note):
    if isinstance(server, Etcd):
        server.ctl("put", f"note/{note}", note)
    else:
        server.sql(f"CREATE TABLE IF NOT EXISTS notes (note int); INSERT INTO notes VALUES ({note})")


def read_notes(server):
    if isinstance(server, Etcd):
        return server.ctl("get", "--prefix", "note/", "--print-value-only").split()
    return server.sql("SELECT note FROM notes ORDER BY note").split()


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_that_somebody_else_has_is_given_up(kind, monkeypatch):
    with TcpProxy(0) as somebody:
        ports = iter([somebody.port])
        free_port = private_server.free_port
        monkeypatch.setattr(private_server, "free_port", lambda: next(ports, None) or free_port())
        with KINDS[kind]() as server:
            assert server.port != somebody.port


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_ends_with_who_started_it(kind):
    for end in ("its input closes", "it is killed"):
        serve = subprocess.Popen([SERVE, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert serve.stdout.readline().startswith("listening on ")
        server, = children(serve.pid)
        folder = re.search(rb"/\S+/nextid-\w+-\w+", Path(f"/proc/{server}/cmdline").read_bytes()).group(0)
        if end == "it is killed":
            serve.kill()
        serve.stdin.close()
        serve.stdout.close()
        serve.wait(timeout=nextid.PATIENCE)
        nextid.poll(lambda: not is_running(server), f"the server ends when {end}")
        assert end == "it is killed" or not os.path.exists(folder)
        shutil.rmtree(folder, ignore_errors=True)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_serve_says_what_it_takes():
    done = subprocess.run([SERVE, "oracle"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "serve.py takes one of postgres, mysql, etcd; not: oracle\n"


def test_a_command_beside_servers_finds_them_and_its_code_is_passed_on():
    variables = [variable for _, variable, _ in SERVERS.values()]
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    environment[variables[0]] = "postgres://the-user's-own"
    show = "; ".join(f'echo "${variable}"' for variable in variables) + "; exit 7"
    done = subprocess.run([WITH_SERVERS, "--postgres", "--etcd", "--", "sh", "-c", show], env=environment,
                          stdout=subprocess.PIPE, text=True, timeout=nextid.PATIENCE)
    assert done.returncode == 7
    postgres, mysql, etcd = done.stdout.splitlines()
    assert postgres == "postgres://the-user's-own"
    assert mysql == ""
    assert etcd.startswith("127.0.0.1:")


def test_a_command_beside_servers_that_is_ended_leaves_nothing():
    running = subprocess.Popen([WITH_SERVERS, "--postgres", "--", "sh", "-c", "echo begun; exec sleep 1000"],
                               stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "begun\n"
    started = children(running.pid)
    assert len(started) == 2
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=nextid.PATIENCE) == 128 + signal.SIGTERM
    running.stdout.close()
    assert not any(map(is_running, started))


# ---- PostgreSQL

def test_a_synchronous_standby_is_waited_for_and_has_all(postgres):
    with Postgres() as primary:
        standby = primary.standby(sync=True)
        with standby:
            write_note(primary, 1)
            standby.pause()
            with primary.session() as session:
                session.send("INSERT INTO notes VALUES (2)")
                nextid.poll(lambda: primary.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
                            == "1", "the commit waits for the standby")
                standby.resume()
                session.answer()
            primary.kill()
            standby.promote()
            assert read_notes(standby) == ["1", "2"]


def test_pgbouncer_gives_other_sessions_to_each_transaction(postgres):
    with PgBouncer(postgres) as bouncer:
        assert private_server.run(*postgres.shell(port=bouncer.port), text_in="SELECT 5") == "5\n"


# ---- MariaDB

def test_a_semi_synchronous_replica_has_all():
    with Mysql.primary() as primary:
        replica = primary.replica()
        with replica:
            write_note(primary, 1)
            primary.kill()
            replica.promote()
            write_note(replica, 2)
            assert read_notes(replica) == ["1", "2"]


# ---- etcd

def test_a_cluster_goes_on_without_its_leader():
    with EtcdCluster() as cluster:
        write_note(cluster.members[0], "1")
        leader = cluster.wait_for_leader()
        leader.kill()
        other = cluster.wait_for_leader()
        assert other is not leader
        assert read_notes(other) == ["1"]


# ---- The proxy

@pytest.mark.parametrize("at, written", [(0, []), (HALF, []), (AFTER, ["1"])])
def test_a_cut_before_in_or_after_a_message_of_the_client(postgres, proxy, at, written):
    rule = proxy.on(CLIENT, is_insert, CUT, at=at)
    assert not write(postgres, proxy, 1)
    rule.wait()
    nextid.poll(lambda: notes(postgres) == written, f"the table has {written}")
    assert write(postgres, proxy, 2)


def test_a_cut_before_the_answer(postgres, proxy):
    proxy.on(SERVER, lambda message: message.type == "C", CUT)
    assert not write(postgres, proxy, 1)
    assert notes(postgres) == ["1"]


@pytest.mark.parametrize("action, at, meanwhile", [(HOLD, HALF, []), (HOLD_ANSWERS, AFTER, ["1"])])
def test_what_is_held_goes_on_when_released(postgres, proxy, action, at, meanwhile):
    rule = proxy.on(CLIENT, is_insert, action, at=at)
    answered = []
    writing = threading.Thread(target=lambda: answered.append(write(postgres, proxy, 1)))
    writing.start()
    rule.wait()
    nextid.poll(lambda: notes(postgres) == meanwhile, f"the table has {meanwhile}")
    assert not answered
    rule.release()
    writing.join(timeout=nextid.PATIENCE)
    assert answered == [True]


def test_a_proxy_that_is_down_refuses_and_comes_back_on_its_port(postgres, proxy):
    port = proxy.port
    proxy.go_down()
    assert not write(postgres, proxy, 1)
    proxy.heal()
    assert write(postgres, proxy, 2)
    assert proxy.port == port


def test_messages_of_mysql():
    with Mysql() as server, TcpProxy(server.port, MysqlMessages) as proxy:
        write_note(server, 1)
        rule = proxy.on(CLIENT, is_insert, CUT)
        for note, code in ((2, 1), (3, 0)):
            done = private_server.run(*server.shell(port=proxy.port), check=False,
                                      text_in=f"INSERT INTO notes VALUES ({note})")
            assert done.returncode == code, done
        rule.wait()
        assert read_notes(server) == ["1", "3"]


def test_a_tool_that_is_missing_is_named():
    with pytest.raises(ServerError, match="nosuchd is not installed; script/setup --test installs it"):
        private_server.program("nosuchd")
