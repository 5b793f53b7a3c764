"""The look after each test at where the ids went (I5): it sees one too many, and one too few."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nextid
from accounting import EXACT

not_itself = pytest.mark.not_accounted("the test lets that check fail, and sees it")


def lie(server, said, instead):
    """Has its closing line say something else."""
    assert server.log().count(said) == 1, server.log()
    server.log_path.write_text(server.log().replace(said, instead))


@not_itself
def test_an_id_that_nobody_tells_of(any_store, ledger):
    node = any_store.start()
    assert node.next_id() == 1
    assert any_store.run("next").stdout == "2\n"
    ledger.end_servers()
    assert ledger.check() == EXACT
    ledger.command_lines.clear()
    with pytest.raises(AssertionError, match="I5: 2 ids are reserved in the store, 1 were"):
        ledger.check()


@not_itself
@pytest.mark.parametrize("said, told, sum_told", [
    ("returned 101 ids", "returned 100 ids", 109), ("returned 101 ids", "returned 102 ids", 111),
    ("burned 9 (", "burned 8 (", 109), ("burned 9 (", "burned 10 (", 111)])
def test_a_server_that_is_wrong_by_one(any_store, ledger, said, told, sum_told):
    node = any_store.start()
    made = node.ask("PUT", "/v1/counters/strides", body=b'{"start":7,"increment":5}')
    assert made.status == 201
    assert node.ask("GET", "/range?count=101&counter=strides").json()["end"] == 507
    assert node.ask("POST", "/v1/counters/others/advance", body=b'{"to":9}').status == 200
    ledger.end_servers()
    assert ledger.check() == EXACT
    lie(node, said, told)
    with pytest.raises(AssertionError, match=f"I5: 110 ids .* {sum_told} were"):
        ledger.check()


@not_itself
def test_no_store_makes_up_for_another(start_server, ledger):
    servers = [start_server(store=f"sqlite:{name}.db") for name in "ab"]
    for server, told in zip(servers, ["returned 0 ids", "returned 2 ids"]):
        assert server.next_id() == 1
        server.stop()
        lie(server, "returned 1 ids", told)
    with pytest.raises(AssertionError, match="I5"):
        ledger.check()


@not_itself
def test_with_a_killed_server_there_may_not_be_too_many(start_server, ledger):
    killed, stopped = start_server(), start_server()
    assert [killed.next_id(), stopped.next_id()] == [1, 2]
    killed.kill()
    ledger.end_servers()
    assert ledger.check() == "checked: not too many, since a server was killed"
    lie(stopped, "returned 1 ids", "returned 3 ids")
    with pytest.raises(AssertionError, match="I5: 2 ids .* 3 were"):
        ledger.check()


@not_itself
def test_servers_that_end_badly_are_seen(start_server, ledger):
    start_server().terminate()
    ledger.end_servers()
    server = start_server()
    server.process.send_signal(signal.SIGABRT)  # As a failed check of the server's own does.
    with pytest.raises(AssertionError, match="listening on"):
        ledger.end_servers()
    ledger.servers.remove(server)


SESSION = '''
import nextid
import pytest

def take_unseen(store):
    assert nextid.run_unseen("next", "--store", store).returncode == nextid.OK

def test_exact(server):
    server.next_id()

def test_one_more(server, store):
    server.next_id()
    take_unseen(store)

@pytest.mark.not_accounted("it says so")
def test_marked(server, store):
    server.next_id()
    take_unseen(store)

def test_killed(server):
    server.next_id()
    server.kill()

def test_failed(server):
    server.next_id()
    assert False

def test_idle():
    pass
'''


def test_it_follows_every_test(tmp_path):
    """A session of its own, in which one test leaves an id that nobody tells of."""
    (tmp_path / "test_session.py").write_text(SESSION)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest",
         "test_session.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 1, done.stdout
    assert "5 passed" in done.stdout and "1 failed" in done.stdout and "1 error" in done.stdout
    assert "ERROR test_session.py::test_one_more" in done.stdout
    assert "I5: 2 ids are reserved in the store, 1 were returned or burned" in done.stdout
    for line in ["1 checked: to the last id", "1 checked: not too many, since a server was killed",
                 "1 not checked: it says so", "1 not checked: the test failed or was not run",
                 "1 nothing to check: no server ran"]:
        assert f"    {line}" in done.stdout, done.stdout
