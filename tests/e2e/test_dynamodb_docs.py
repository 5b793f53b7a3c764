"""The commands in docs/dynamodb.md, each as it stands there, on a dynalite of this test, with a stand-in for the AWS
command line (aws_stand_in.py); and what the page has for other tools."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import nextid
from dynalite import Dynalite
from private_server import free_port

pytestmark = pytest.mark.not_accounted("the commands restore stores, and move their counters on")

PAGE = (nextid.REPOSITORY / "docs" / "dynamodb.md").read_text()
SHELL = re.compile(r"^( *)```sh\n(.*?)^ *```", re.M | re.S)


def scripts(heading):
    """The shell blocks of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [text for _, text in SHELL.findall(section)]


class Account:
    """A DynamoDB with nothing in it, and a shell that means it."""

    def __init__(self, database, directory):
        self.database = database
        self.directory = directory
        programs = directory / "bin"
        programs.mkdir()
        (programs / "nextid").symlink_to(nextid.BINARY)
        (programs / "aws").symlink_to(Path(__file__).with_name("aws_stand_in.py"))
        self.http = free_port()
        self.environment = nextid.environment({
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": "/nonexistent",
            "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{database.port}",
            "AWS_EC2_METADATA_DISABLED": "true", "NEXTID_HTTP": f"127.0.0.1:{self.http}"})

    def run(self, script):
        script = script.replace("127.0.0.1:8000", f"127.0.0.1:{self.http}")
        with tempfile.NamedTemporaryFile(dir=self.directory) as out, \
                tempfile.NamedTemporaryFile(dir=self.directory) as log:
            code = self._run(script, out, log)
            printed, told = Path(out.name).read_text(), Path(log.name).read_text()
        assert code == 0, (script, printed, told)
        return printed

    def _run(self, script, out, log):
        shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=log, cwd=self.directory, env=self.environment,
                                 start_new_session=True)
        try:
            shell.wait(timeout=60)
        finally:
            # With what it left running.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(timeout=nextid.PATIENCE)
        return shell.returncode

    def take(self, count, counter="global", table="id_counters"):
        return self.run(f"nextid range {count} {counter} --store 'dynamodb://{table}?region=eu-west-1'").split()


@pytest.fixture
def account(tmp_path):
    database = Dynalite()
    yield Account(database, tmp_path)
    database.stop()


def test_every_block_has_a_test():
    headings = re.findall(r"^## (.*)$", PAGE, re.M)
    with_scripts = {heading: len(scripts(heading)) for heading in headings if scripts(heading)}
    # That of the last one is `script/test` itself.
    assert with_scripts == {"Set-up": 1, "The tables": 1, "Several regions": 1, "Restore": 4,
                            "Other servers that speak DynamoDB": 1}


def test_set_up(account):
    (script,) = scripts("Set-up")
    output = account.run(script)
    assert '{"id":1}' in output
    assert "UpdateContinuousBackups" in output
    assert account.take(1) == ["2", "2"]


def test_the_tables(account):
    (script,) = scripts("The tables")
    output = account.run(script)
    assert output.count("CreateTable") == 2
    assert "UpdateTimeToLive" in output
    store = "--no-create-store --store 'dynamodb://id_counters?region=eu-west-1'"
    assert account.run(f"nextid next --key a {store}; nextid next --key a {store}") == "1\n1\n"


def test_a_stride_for_each_region(account):
    (script,) = scripts("Several regions")
    account.run(script)
    assert account.take(3, "orders-1") == ["1", "5"]


def test_restore(account):
    restore, recover_all, recover_one, advance = scripts("Restore")
    assert account.take(40, "orders") == ["1", "40"]
    assert "RestoreTableToPointInTime" in account.run(restore)
    assert "orders moves from 40 to 1000040" in account.run(recover_all)
    assert account.take(1, "orders", "id_counters_restored") == ["1000041", "1000041"]
    account.run(recover_one)
    assert account.take(1, "orders", "id_counters_restored") == ["5000001", "5000001"]
    account.run(advance)
    assert account.take(1, "invoices", "id_counters_restored") == ["5000001", "5000001"]


def test_the_policy_has_the_rights_that_the_text_names():
    (policy,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    counters, records = json.loads(policy)["Statement"]
    assert {"dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:UpdateItem",
            "dynamodb:Scan"} == set(counters["Action"])
    assert {"dynamodb:GetItem", "dynamodb:PutItem"} == set(records["Action"])
