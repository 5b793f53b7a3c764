"""The commands in docs/mysql.md, each as it stands there, and its table of errors."""

import os
import re
import signal
import subprocess

import pytest

import nextid
from mysql import Mysql
from private_server import program

pytestmark = pytest.mark.not_accounted("the commands restore stores, and move their counters on")

PAGE = (nextid.REPOSITORY / "docs" / "mysql.md").read_text()
BLOCK = re.compile(r"^```(sh|sql|ini)\n(.*?)^```", re.M | re.S)

# As an administrator's own option file would have it.
CLIENT = """#!/bin/sh
exec {program} --no-defaults --host=127.0.0.1 --port={port} --user=root "$@"
"""


def blocks(heading, kind="sh"):
    """The blocks of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [text for found, text in BLOCK.findall(section) if found == kind]


class Machine:
    """A server with nothing in it, and a directory to work in."""

    def __init__(self, server, directory):
        self.server = server
        self.directory = directory
        programs = directory / "bin"
        programs.mkdir()
        (programs / "nextid").symlink_to(nextid.BINARY)
        for name in ("mariadb", "mariadb-dump"):
            (programs / name).write_text(CLIENT.format(program=program(name), port=server.port))
            (programs / name).chmod(0o755)
        self.environment = nextid.environment({
            "PATH": f"{programs}:{os.environ['PATH']}", "NEXTID_HTTP": "127.0.0.1:0",
            "HOME": "/nonexistent", "MYSQL_PWD": "choose one"})

    def here(self, script):
        return script.replace("127.0.0.1:3306", f"127.0.0.1:{self.server.port}")

    def run(self, script):
        environment = {name: value for name, value in self.environment.items()
                       if name != "MYSQL_PWD" or "nextid" in script}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(script)], text=True,
                              cwd=self.directory, capture_output=True, timeout=60, env=environment)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def serve(self, script):
        """Runs a script whose last command is a server, until that listens; returns its log."""
        log_path = self.directory / "log"
        with log_path.open("wb") as log:
            server = subprocess.Popen(["bash", "-euc", self.here(script)], stderr=log, cwd=self.directory,
                                      env={**self.environment, "MYSQL_PWD": ""}, start_new_session=True)
        try:
            nextid.poll(lambda: "listening on" in log_path.read_text() or server.poll() is not None,
                        "the server listens")
            assert server.poll() is None, log_path.read_text()
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=nextid.PATIENCE)
        return log_path.read_text()

    def take(self, count, counter="global"):
        return self.run(f"nextid range {count} {counter} --store 'mysql://nextid@127.0.0.1:3306/ids'").split()


@pytest.fixture
def machine(tmp_path):
    with Mysql() as server:
        server.sql("DROP USER nextid@'127.0.0.1'")
        yield Machine(server, tmp_path)


@pytest.fixture
def used(machine):
    """After the set-up, and some ids."""
    machine.serve(blocks("Set it up")[0])
    assert machine.take(40) == ["1", "40"]
    return machine


def test_every_block_has_a_test():
    headings = re.findall(r"^## (.*)$", PAGE, re.M)
    found = {(heading, kind): len(blocks(heading, kind)) for heading in headings
             for kind in ("sh", "sql", "ini") if blocks(heading, kind)}
    assert found == {("Set it up", "sh"): 1, ("Options and passwords", "ini"): 1, ("Permissions", "sh"): 1,
                     ("Sharing a counter with SQL", "sql"): 1, ("Failovers", "sh"): 1,
                     ("Backup and restore", "sh"): 2}


def test_set_it_up(machine):
    assert "made a new store" in machine.serve(blocks("Set it up")[0])


def test_option_file(used):
    (options,) = blocks("Options and passwords", "ini")
    file = used.directory / "options.cnf"
    file.write_text(re.sub("ssl-ca.*", "", options).replace("db.internal", f"127.0.0.1\nport={used.server.port}"))
    del used.environment["MYSQL_PWD"]
    assert used.run(f"nextid next --store 'mysql://?option_file={file}'") == "41\n"


def test_permissions(machine):
    machine.server.sql("CREATE DATABASE ids; CREATE USER nextid@'%' IDENTIFIED BY 'choose one'", database="")
    script = "export MYSQL_PWD='choose one'\n" + blocks("Permissions")[0].replace(
        "mariadb ids", "MYSQL_PWD= mariadb ids")
    assert "opened store" in machine.serve(script)
    assert machine.take(1) == ["1", "1"]


def test_sharing_a_counter(used):
    used.take(5, "orders")
    (statements,) = blocks("Sharing a counter with SQL", "sql")
    assert used.server.sql(statements, database="ids") == "6"
    assert used.take(1, "orders") == ["7", "7"]
    (insert,) = re.findall(r"INSERT INTO nextid_counters .*?(?=`)", PAGE)
    used.server.sql(insert.replace("orders", "others"), database="ids")
    assert used.server.sql(statements.replace("orders", "others"), database="ids") == "1"
    assert used.take(1, "others") == ["2", "2"]


def test_after_a_failover(used):
    (recover,) = blocks("Failovers")
    used.run(recover)
    assert used.take(1) == ["1000041", "1000041"]


def test_backup_and_restore(used):
    dump, restore = blocks("Backup and restore")
    used.run(dump)
    assert used.take(10) == ["41", "50"]
    used.run(restore.replace("mariadb ids", "MYSQL_PWD= mariadb ids"))
    assert used.take(1) == ["1000041", "1000041"]


# ---- The tables

def test_the_table_of_parameters_is_that_of_the_code():
    done = nextid.run("next", "--store", "mysql://127.0.0.1/ids?other=1")
    told = re.search(r"has no parameter 'other', but (.*?); the form", done.stderr).group(1)
    firsts = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", PAGE.split("\n## ")[1], re.M)
    listed = {name for first in firsts for name in re.findall(r"`(\w+)`", first) if name.islower()}
    assert listed == set(re.split(r", | and ", told))


MEANINGS = {
    "kLockWait": "not applied: another transaction kept the row; others go on",
    "kRolledBack": "not applied, and tried again at once",
    "kNotApplied": "not applied",
    "kThrottled": "not applied, and less is asked for",
    "kGone": "not applied; if the store was open, it is in doubt for good",
    "kInDoubt": "in doubt",
}


def test_the_table_of_errors_is_that_of_the_code():
    source = (nextid.REPOSITORY / "src/store/mysql/errors.cc").read_text()
    in_code = [(code, name, MEANINGS[kind]) for code, name, kind in
               re.findall(r'MysqlErrorRow\{(\d+),\s*"(\w+)",\s*Kind::(\w+)', source)]
    assert in_code
    assert re.findall(r"^\| (\d+) `(\w+)` \| (.*?) \|$", PAGE, re.M) == in_code
