"""The commands in docs/sqlite.md, each as it stands there, on the directories of this test."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

import nextid

pytestmark = pytest.mark.not_accounted("the commands restore stores, and move their counters on")

PAGE = (nextid.REPOSITORY / "docs" / "sqlite.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def scripts(heading):
    """The shell blocks of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return SHELL.findall(section)


class Machine:
    """A root of its own for the directories that the page names."""

    def __init__(self, root):
        self.root = root
        for directory in ("bin", "var/lib", "backup", "srv/nextid"):
            (root / directory).mkdir(parents=True)
        (root / "bin" / "nextid").symlink_to(nextid.BINARY)
        self.data = root / "var/lib/nextid"
        self.environment = nextid.environment({"PATH": f"{root}/bin:{os.environ['PATH']}",
                                               "NEXTID_HTTP": "127.0.0.1:0"})

    def here(self, script):
        return re.sub(r"(?<![\w.])/(var/lib|backup|srv)/", rf"{self.root}/\1/", script)

    def run(self, script, **more):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(script)], text=True,
                              capture_output=True, timeout=60, env={**self.environment, **more})
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def serve(self, script):
        """Runs a script whose last command is a server, until that listens; returns its log."""
        log_path = self.root / "log"
        with log_path.open("wb") as log:
            server = subprocess.Popen(["bash", "-euc", self.here(script)], stderr=log,
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

    def take(self, count, counter="global", path="/var/lib/nextid"):
        command = f"nextid range {count} {counter} --store sqlite:{path}/ids.db"
        return tuple(map(int, self.run(command).split()))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "root")


@pytest.fixture
def used(machine):
    machine.data.mkdir()
    assert machine.take(40) == (1, 40)
    machine.take(7, "orders")
    return machine


def test_every_block_has_a_test():
    headings = re.findall(r"^## (.*)$", PAGE, re.M)
    with_scripts = [heading for heading in headings if scripts(heading)]
    assert with_scripts == ["Set it up", "Back it up", "Put a backup back", "A store that is refused",
                            "Move it to another machine or disk", "Move it to another store"]


def test_set_it_up(machine):
    first, later = scripts("Set it up")
    assert "made a new store" in machine.serve(first)
    assert "opened store" in machine.serve(later)
    shutil.rmtree(machine.data)
    machine.data.mkdir()
    with pytest.raises(AssertionError, match="create=false"):
        machine.serve(later)


def test_back_it_up_and_put_it_back(used):
    (backup,) = scripts("Back it up")
    guessed, known = scripts("Put a backup back")
    assert "2 counters" in used.run(backup)
    assert used.take(5) == (41, 45)
    assert "moves from 40 to 1000040" in used.run(guessed)
    assert used.take(1) == (1000041, 1000041)
    for aside in used.data.glob("*set-aside*"):
        aside.unlink()
    used.run(known)
    assert used.take(1) == (1000042, 1000042)


def test_a_store_that_is_refused(used):
    whole, one = scripts("A store that is refused")
    outsider = sqlite3.connect(used.data / "ids.db")
    outsider.execute("UPDATE seal SET is_past = 1")
    outsider.commit()
    outsider.close()
    used.run(whole)
    assert used.take(1) == (1000041, 1000041)
    used.run("nextid define low --store sqlite:/var/lib/nextid/ids.db")
    assert "orders stays at 1000007" in used.run(one)


def test_move_it_to_another_disk(used):
    (move,) = scripts("Move it to another machine or disk")
    used.run(move)
    assert used.take(1, path="/srv/nextid") == (41, 41)


def test_move_it_to_dynamodb(used, dynamodb):
    (move,) = scripts("Move it to another store")
    environment = {**dynamodb.env, "NEW_STORE": dynamodb.store()}
    used.run(move, **environment)
    assert used.run('nextid next --store "$NEW_STORE"', **environment) == "41\n"
    assert used.run('nextid next orders --store "$NEW_STORE"', **environment) == "8\n"
