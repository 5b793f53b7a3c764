"""The commands in docs/etcd.md, each as it stands there, on an etcd of this test; and its table of errors."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

import nextid
from conftest import QUICK
from private_server import free_port, give_to_user

pytestmark = pytest.mark.not_accounted("the commands restore stores, and move their counters on")

PAGE = (nextid.REPOSITORY / "docs" / "etcd.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def section(heading):
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def scripts(heading):
    """The shell blocks of a section."""
    return SHELL.findall(section(heading))


class Machine:
    """A directory and a PATH for the commands, and the etcd that they mean."""

    def __init__(self, setting, directory):
        self.setting = setting
        self.directory = directory
        (directory / "bin").mkdir()
        (directory / "bin" / "nextid").symlink_to(nextid.BINARY)
        self.http = free_port()
        self.environment = nextid.environment({
            "PATH": f"{directory}/bin:{os.environ['PATH']}", "NEXTID_HTTP": f"127.0.0.1:{self.http}",
            "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": setting.server.endpoint})

    def run(self, script, **more):
        server = self.setting.server
        for name, here in (("127.0.0.1:2379", server.endpoint), ("127.0.0.1:8000", f"127.0.0.1:{self.http}"),
                           ("http://127.0.0.1:2380", server.peer_url), ("default", server.name)):
            script = script.replace(name, here)
        shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.directory,
                                 env={**self.environment, **more}, start_new_session=True)
        try:
            shell.wait(timeout=60)
        finally:
            # With what it left running.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
            output = shell.communicate(timeout=60)[0]
        assert shell.returncode == 0, (script, output)
        return output


@pytest.fixture
def machine(start_etcd, tmp_path):
    return Machine(start_etcd(settings=QUICK), tmp_path)


def test_every_block_has_a_test():
    headings = re.findall(r"^## (.*)$", PAGE, re.M)
    with_scripts = [heading for heading in headings if scripts(heading)]
    assert with_scripts == ["Set-up", "Permissions", "Durability", "Backup and restore",
                            "Sharing a counter with other programs"]


def test_set_up(machine):
    (script,) = scripts("Set-up")
    output = machine.run(script)
    assert '{"id":1}' in output
    assert "ids/c/global" in output


def test_permissions(machine):
    (script,) = scripts("Permissions")
    machine.run(script)
    server = machine.setting.server
    server.ctl("user", "add", "root:root")
    server.ctl("user", "grant-role", "root", "root")
    server.ctl("auth", "enable")
    machine.setting.keys.user = ("root", "root")
    done = machine.setting.run("next", user="nextid", env={"ETCDCTL_PASSWORD": "a-long-password"})
    assert done.stdout == "1\n", done
    assert machine.setting.run("doctor", user="nextid",
                               env={"ETCDCTL_PASSWORD": "a-long-password"}).stdout.count("fail") == 0


def test_room_is_made(machine):
    (script,) = scripts("Durability")
    assert machine.setting.run("next").stdout == "1\n"
    assert "compacted revision" in machine.run(script)
    assert machine.setting.run("next").stdout == "2\n"


def test_backup_and_restore(machine):
    save, restore, recover = scripts("Backup and restore")
    setting = machine.setting
    assert setting.run("range", "20").stdout == "1 20\n"
    machine.run(save)
    assert setting.run("range", "30").stdout == "21 50\n"
    setting.server.stop()
    machine.run(restore)
    data = setting.server.folder / "data"
    subprocess.run(["rm", "-r", str(data)], check=True)
    subprocess.run(["cp", "-r", str(machine.directory / "restored.etcd"), str(data)], check=True)
    for path in [data, *data.rglob("*")]:
        give_to_user(path)
    setting.server.start()
    assert setting.run("next").returncode == nextid.CORRUPT
    assert "moves from 20 to 1000020" in machine.run(recover)
    assert setting.run("next").stdout == "1000021\n"


def test_sharing_a_counter(machine):
    (script,) = scripts("Sharing a counter with other programs")
    setting = machine.setting
    node = setting.start()
    assert setting.run("define", "orders", "--comment", 'a "quoted" one').returncode == nextid.OK
    assert node.next_id("orders") == 1
    assert machine.run(script).startswith("SUCCESS")
    assert node.next_id("orders") == 102
    assert 'a "quoted" one' in node.ask("GET", "/v1/counters/orders").json()["comment"]


def test_the_table_of_errors_is_that_of_the_code():
    code = (nextid.REPOSITORY / "src/store/etcd/errors.h").read_text()
    words = {"kNotApplied": "not applied", "kThrottled": "throttled",
             "kNextMember": "not applied; the next member is asked",
             "kStaleToken": "not applied; repeated with a new token",
             "kLostLease": "not applied; repeated with a new lease",
             "kNoSpace": "a read tells", "kInDoubt": "in doubt"}
    rows = [(number, message, words[kind]) for number, message, kind in
            re.findall(r'\{(\d+), "([^"]+)", EtcdErrorKind::(\w+)', code)]
    assert len(rows) > 10
    table = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|:]+)", section("Errors"), re.M)
    assert [(number, message, means.strip()) for number, message, means in table] == rows
