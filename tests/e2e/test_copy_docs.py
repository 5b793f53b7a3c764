"""The commands in docs/moving.md, each as it stands there, from a file of this test to its PostgreSQL."""

import json
import os
import re
import signal
import subprocess

import pytest

import documents
import nextid

pytestmark = pytest.mark.not_accounted("the commands copy stores")

PAGE = "docs/" + "moving.md"
BLOCKS = {re.match(r".*", block.text.strip()).group(0): block.text for block in documents.shell_blocks(PAGE)}
OLD, NEW = "sqlite:/var/lib/nextid/ids.db", "postgres://nextid@db.example/ids"
DRY_RUN = f"nextid copy --dry-run --from {OLD} --to {NEW}"
COPY = f"nextid copy --yes --from {OLD} --to {NEW}"
BACK = f"nextid copy --yes --from {NEW} --to {OLD}"
SERVE = f"nextid serve --store {NEW} --state-dir /var/lib/nextid-state-2"


class Machine:
    def __init__(self, root, new_url):
        (root / "bin").mkdir(parents=True)
        (root / "var/lib/nextid").mkdir(parents=True)
        (root / "bin" / "nextid").symlink_to(nextid.BINARY)
        self.root, self.new_url = root, new_url
        self.environment = nextid.environment({"PATH": f"{root}/bin:{os.environ['PATH']}",
                                               "NEXTID_HTTP": "127.0.0.1:0"})

    def here(self, script):
        return script.replace("/var/lib/", f"{self.root}/var/lib/").replace(NEW, f"'{self.new_url}'")

    def run(self, script, code=0):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(script)], text=True,
                              capture_output=True, timeout=60, env=self.environment, check=False)
        assert done.returncode == code, (script, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def serves(self, script):
        """A server, until it listens or ends: its log."""
        log = self.root / "log"
        with log.open("wb") as file:
            server = subprocess.Popen(["bash", "-euc", "exec " + self.here(script)], stderr=file,
                                      env=self.environment, stdin=subprocess.DEVNULL)
        nextid.poll(lambda: "listening on" in log.read_text() or server.poll() is not None, "the server listens")
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.wait(timeout=nextid.PATIENCE)
        return log.read_text()


def test_every_block_has_a_test():
    assert set(BLOCKS) == {DRY_RUN, COPY, BACK, SERVE}
    assert len(documents.shell_blocks(PAGE)) == 5  # One of them twice.
    assert os.path.basename(PAGE) == "moving.md"


def test_the_steps(tmp_path, postgres):
    machine = Machine(tmp_path / "root", postgres.store())
    assert machine.run(f"nextid range 40 --store {OLD}").startswith("1 40")
    machine.run(f"nextid next --key invoice-17 orders --store {OLD}")
    state_of_before = SERVE.replace("-state-2", "-state")
    assert "listening on" in machine.serves(state_of_before.replace(NEW, OLD))
    assert "Nothing was changed" in machine.run(BLOCKS[DRY_RUN])
    machine.run(f"nextid counters --store {NEW}", code=nextid.INVALID)  # It was not made.
    assert "Copied 2 counters: 2 made." in machine.run(BLOCKS[COPY])
    assert "another store's directory" in machine.serves(state_of_before)
    assert "listening on" in machine.serves(BLOCKS[SERVE])
    assert machine.run(f"nextid next --store {NEW}") == "41\n"
    # Keys stay behind: the old store still answers those that it has, and nothing else.
    assert machine.run(f"nextid next --key invoice-17 orders --store {OLD}") == "1\n"
    machine.run(f"nextid next orders --store {OLD}", code=nextid.CONFLICT)
    assert machine.run(f"nextid next --key invoice-17 orders --store {NEW}") == "2\n"
    assert "2 kept" in machine.run(BLOCKS[COPY])
    assert "Copied 2 counters: 2 brought back." in machine.run(BLOCKS[BACK])
    assert machine.run(f"nextid next --store {OLD}") == "42\n"


def test_the_members_of_the_json_are_told_of(tmp_path):
    text = documents.text_of(PAGE)
    machine = Machine(tmp_path / "root", f"sqlite:{tmp_path}/new.db")
    machine.run(f"nextid next --store {OLD}")
    report = json.loads(machine.run(f"nextid copy --yes --json --from {OLD} --to {NEW} 2>/dev/null"))
    members = {*report, *report["counters"][0]}
    assert not {member for member in members if f"`{member}`" not in text}
    assert report["verified"] is True
