"""The commands in docs/postgres.md, each as it stands there, on a server of this test."""

import os
import re
import signal
import subprocess

import pytest

import nextid
from postgres import SUPERUSER, Postgres, tool

pytestmark = pytest.mark.not_accounted("the commands restore stores, and move their counters on")

PAGE = (nextid.REPOSITORY / "docs" / "postgres.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def scripts(heading):
    """The shell blocks of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return SHELL.findall(section)


class Machine:
    """A shell whose PostgreSQL is the test's, for its superuser."""

    def __init__(self, root, server):
        self.root = root
        (root / "nextid").symlink_to(nextid.BINARY)
        tools = os.path.dirname(tool("psql"))
        self.environment = nextid.environment({
            "PATH": f"{root}:{tools}:{os.environ['PATH']}", "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port), "PGUSER": SUPERUSER, "NEXTID_HTTP": "127.0.0.1:0",
            "NEXTID_RESP": "127.0.0.1:0"})

    def run(self, script, **more):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True, cwd=self.root,
                              capture_output=True, timeout=60, env={**self.environment, **more})
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def serve(self, script):
        """Runs a script whose last command is a server, until that listens; returns its log."""
        log_path = self.root / "log"
        with log_path.open("wb") as log:
            server = subprocess.Popen(["bash", "-euc", script], stderr=log, cwd=self.root,
                                      env=self.environment, start_new_session=True)
        try:
            nextid.poll(lambda: "listening on" in log_path.read_text() or server.poll() is not None,
                        "the server listens")
            assert server.poll() is None, log_path.read_text()
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=nextid.PATIENCE)
        return log_path.read_text()

    def take(self, count, counter="orders"):
        command = f"nextid range {count} {counter} --store postgres://nextid@127.0.0.1/nextid"
        return tuple(map(int, self.run(command).split()))


@pytest.fixture
def machine(tmp_path):
    """Without the database and the role that other tests find."""
    with Postgres() as server:
        machine = Machine(tmp_path, server)
        machine.run("dropdb nextid && dropuser nextid")
        yield machine


def test_every_block_has_a_test():
    headings = re.findall(r"^## (.*)$", PAGE, re.M)
    with_scripts = [heading for heading in headings if scripts(heading)]
    assert with_scripts == ["Set it up", "Permissions", "Other programs", "Failovers", "Back it up"]


def test_set_it_up_and_go_on(machine):
    (set_up,) = scripts("Set it up")
    assert "made a new store postgres://nextid@127.0.0.1/nextid" in machine.serve(set_up)
    assert machine.take(40) == (1, 40)
    (other,) = scripts("Other programs")
    assert re.search(r"41 \|\s+50", machine.run(other))
    assert machine.take(1) == (51, 51)

    backup, restore = scripts("Back it up")
    machine.run(backup)
    assert machine.take(5) == (52, 56)
    store = {"NEXTID_STORE": "postgres://nextid@127.0.0.1/nextid"}
    assert "orders moves from 51 to 1000051" in machine.run(restore, **store)
    assert machine.take(1) == (1000052, 1000052)

    (recover,) = scripts("Failovers")
    assert "orders moves from 1000052 to 2000052" in machine.run(recover, **store)
    assert machine.take(1) == (2000053, 2000053)


def test_tables_made_by_an_administrator(machine):
    machine.run("createuser nextid && createdb nextid")
    (schema,) = scripts("Permissions")
    machine.run(schema)
    assert machine.take(3) == (1, 3)
    # A key, too, and a change of a definition.
    store = "--store postgres://nextid@127.0.0.1/nextid"
    assert machine.run(f"nextid next orders --key a {store}") == "4\n"
    assert machine.run(f"nextid next orders --key a {store}") == "4\n"
    machine.run(f"nextid define orders --comment tickets {store}")
    machine.run(f"nextid advance orders --to 100 {store}")
    machine.run(f"nextid delete orders {store}")
