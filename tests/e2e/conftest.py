import itertools
import sys
import types
import uuid
from collections import Counter
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(_TESTS), str(_TESTS / "servers")]

import accounting
import load
import mysql_setting
import nextid
from aws_signatures import KeyRing
from dynalite import REGION, Dynalite, Table
from dynamodb_proxy import Proxy
from dynamodb_setting import (USER_ENDPOINT, ProxySetting, Setting, user_client, user_environment,
                              user_region)
from etcd import Etcd
from etcd_setting import EtcdSetting, Keys
from mysql import Mysql
from postgres import Postgres
from postgres_setting import (USER_URL, FaultySetting, PostgresSetting, Tables, UserServer,
                              UserSetting)


def pytest_report_header():
    return f"nextid: {nextid.BINARY}"


def pytest_sessionstart(session):
    if not nextid.BINARY.exists():
        pytest.exit(f"not run: {nextid.BINARY} is missing; build it, or set NEXTID_BINARY", 2)


# ---- Where the ids went (I5)

_verdicts = pytest.StashKey[Counter]()  # Tests, by the words of the summary.
_failed = pytest.StashKey[bool]()


def pytest_configure(config):
    config.addinivalue_line("markers", "not_accounted(reason): why the ids that this test's servers"
                            " returned and burned may be others than the store's counters tell")
    config.stash[_verdicts] = Counter()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when != "teardown" and not report.passed:
        item.stash[_failed] = True


@pytest.fixture
def ledger():
    """What this test's servers and command lines do to its stores."""
    nextid.command_lines.clear()
    return accounting.Ledger(nextid.command_lines)


@pytest.fixture(autouse=True)
def ids_are_accounted_for(request, ledger):
    """After each test."""
    # All that the test works with is made before this, and is there until this has ended. So what
    # needs a running server after the test is not behind a fixture's yield, but in before_end.
    for name in request.fixturenames:
        if name != request.fixturename:
            request.getfixturevalue(name)
    yield
    request.config.stash[_verdicts].update([verdict(request.node, ledger)])


def verdict(test, ledger):
    """The words under which the summary counts this test."""
    if test.stash.get(_failed, False):
        return "not checked: the test failed or was not run"
    ledger.end_servers()
    mark = test.get_closest_marker("not_accounted")
    if mark:
        (reason,) = mark.args
        return f"not checked: {reason}"
    return ledger.check()


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("where the ids went (I5)")
    for words, tests in sorted(config.stash[_verdicts].items()):
        terminalreporter.line(f"{tests:5} {words}")


# ---- Servers, stores and load

@pytest.fixture
def start_server(tmp_path, ledger):
    """Starts servers in the test's own directory, and ends them with the test."""

    def start(*options, wait=True, **settings):
        server = nextid.Server(tmp_path, *options, **settings)
        ledger.servers.append(server)
        if wait:
            server.wait_until_ready()
        return server

    yield start
    for server in ledger.servers:
        server.kill()
        # Pytest shows it when the test failed.
        print(f"--- log of server {server.process.pid}\n{server.log()}")


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def store(tmp_path):
    """The store of this test's servers, as other programs name it."""
    return f"sqlite:{tmp_path}/ids.db"


@pytest.fixture
def sqlite(start_server, store):
    def run(*arguments, env=None):
        return nextid.run(*arguments, "--store", store, env=env)

    return types.SimpleNamespace(start=start_server, run=run)


@pytest.fixture
def start_load(tmp_path, ledger):
    """Starts load clients, each with a history of its own, and ends them with the test."""
    clients = []

    def start(kind, *arguments, **options):
        if kind == "library":
            ledger.untold.add("load clients took ids of the store themselves")
        client = load.start_client(
            kind, tmp_path / f"{kind}-{len(clients)}.history", len(clients), *arguments, **options)
        clients.append(client)
        return client

    yield start
    for client in clients:
        if client.poll() is None:
            client.kill()
        client.communicate(timeout=nextid.PATIENCE)


# ---- DynamoDB

_table_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dynalite():
    """One for all tests: each has a table of its own in it."""
    database = Dynalite()
    yield database
    database.stop()


@pytest.fixture
def table(dynalite, ledger):
    """This test's table as another program sees it, past the proxy. Nobody has made it yet."""
    with dynalite.client() as client:
        yield ledger.know(Table(client, f"ids-{next(_table_numbers)}"))


@pytest.fixture
def keys():
    return KeyRing()


@pytest.fixture
def proxy(dynalite, keys, ledger):
    with Proxy(dynalite.port, keys, region=REGION) as running:
        ledger.before_end.append(running.heal)
        yield running


@pytest.fixture
def dynamodb(proxy, keys, table, start_server, tmp_path):
    """Nodes whose store is this test's table, behind the proxy."""
    return ProxySetting(proxy, keys, table, start_server, tmp_path)


@pytest.fixture(params=["dynalite", *(["user_endpoint"] if USER_ENDPOINT else [])])
def any_dynamodb(request):
    """For what every DynamoDB can do: also the one that the user names, with a table of its own."""
    return request.getfixturevalue("dynamodb" if request.param == "dynalite" else request.param)


@pytest.fixture(params=["sqlite", "dynamodb", "postgres", "mysql", "etcd"])
def any_store(request):
    """For promises that every store keeps: start(*options) a node of it, run(*arguments) on it."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def start_node(any_store):
    return any_store.start


@pytest.fixture
def user_endpoint(start_server, ledger):
    with user_client() as client:
        table = ledger.know(Table(client, f"nextid-test-{uuid.uuid4()}"))
        yield Setting(USER_ENDPOINT, user_region(), user_environment(), table, start_server)
        table.delete()


# ---- PostgreSQL

_schema_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server():
    """One for all tests that leave it as it is: each has a schema of its own in it."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_tables(postgres_server, ledger):
    schema = f"ids_{next(_schema_numbers)}"
    postgres_server.sql(f"CREATE SCHEMA {schema} AUTHORIZATION nextid")
    return ledger.know(Tables(postgres_server, schema))


@pytest.fixture
def postgres(postgres_tables, start_server):
    """Nodes whose store is this test's schema."""
    return PostgresSetting(postgres_tables, start_server)


@pytest.fixture(params=["postgres", *(["users_postgres"] if USER_URL else [])])
def any_postgres(request):
    """For what every PostgreSQL can do: also the one that the user names, with a schema of its own."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def users_postgres(start_server, ledger):
    server = UserServer(USER_URL)
    schema = f"nextid_test_{uuid.uuid4().hex}"
    server.sql(f"CREATE SCHEMA {schema}")
    yield UserSetting(ledger.know(Tables(server, schema)), start_server)
    server.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def faulty_postgres(postgres_tables, start_server, ledger):
    """The same behind a proxy."""
    setting = FaultySetting(postgres_tables, start_server)
    ledger.before_end.append(setting.proxy.heal)
    yield setting
    setting.proxy.close()


@pytest.fixture
def start_postgres(start_server, ledger):
    """Starts servers of the test's own, which it may kill; returns their settings."""
    servers = []

    def start(**options):
        servers.append(Postgres(**options))
        servers[-1].start()
        return PostgresSetting(ledger.know(Tables(servers[-1])), start_server)

    yield start
    for server in servers:
        server.remove()


# ---- MySQL

_prefix_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mysql_server():
    """One for all tests that leave it as it is: each has tables of its own in it."""
    with Mysql() as server:
        yield server


@pytest.fixture
def mysql_tables(mysql_server, ledger):
    return ledger.know(mysql_setting.Tables(mysql_server, f"ids_{next(_prefix_numbers)}"))


@pytest.fixture
def mysql(mysql_tables, start_server):
    """Nodes whose store is this test's tables."""
    return mysql_setting.MysqlSetting(mysql_tables, start_server)


@pytest.fixture
def faulty_mysql(mysql_tables, start_server, ledger):
    """The same behind a proxy."""
    setting = mysql_setting.FaultySetting(mysql_tables, start_server)
    ledger.before_end.append(setting.proxy.heal)
    yield setting
    setting.proxy.close()


@pytest.fixture
def start_mysql(start_server, ledger):
    """Starts servers of the test's own, which it may kill; returns their settings. `server` is one that
    has not been started."""
    servers = []

    def start(server=None, **options):
        servers.append(server or Mysql(**options))
        servers[-1].start()
        return mysql_setting.MysqlSetting(ledger.know(mysql_setting.Tables(servers[-1])), start_server)

    yield start
    for server in servers:
        server.remove()


# ---- etcd

# What a test of its own server does not ask for: nobody cuts the power.
QUICK = {"unsafe-no-fsync": "true"}


@pytest.fixture(scope="session")
def etcd_server():
    """One for all tests that leave it as it is: each has a prefix of its own in it."""
    with Etcd(settings=QUICK) as server:
        yield server


@pytest.fixture
def etcd(etcd_server, start_server, ledger):
    """Nodes whose store is at this test's prefix."""
    return EtcdSetting(ledger.know(Keys(etcd_server, f"ids{next(_prefix_numbers)}")), start_server)


@pytest.fixture
def start_etcd(start_server, ledger):
    """Starts servers of the test's own, which it may kill; returns their settings."""
    servers = []

    def start(**options):
        servers.append(Etcd(**options))
        servers[-1].start()
        return EtcdSetting(ledger.know(Keys(servers[-1], "ids")), start_server)

    yield start
    for server in servers:
        server.remove()
