import itertools
import types
import uuid

import pytest

import load
import nextid
from aws_signatures import KeyRing
from dynalite import REGION, Dynalite, Table
from dynamodb_proxy import Proxy
from dynamodb_setting import (USER_ENDPOINT, ProxySetting, Setting, user_client, user_environment,
                              user_region)


def pytest_report_header():
    return f"nextid: {nextid.BINARY}"


def pytest_sessionstart(session):
    if not nextid.BINARY.exists():
        pytest.exit(f"not run: {nextid.BINARY} is missing; build it, or set NEXTID_BINARY", 2)


@pytest.fixture
def start_server(tmp_path):
    """Starts servers in the test's own directory, and ends them with the test."""
    servers = []

    def start(*options, wait=True, **settings):
        server = nextid.Server(tmp_path, *options, **settings)
        servers.append(server)
        if wait:
            server.wait_until_ready()
        return server

    yield start
    for server in servers:
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
    def run(*arguments):
        return nextid.run(*arguments, "--store", store)

    return types.SimpleNamespace(start=start_server, run=run)


@pytest.fixture
def start_load(tmp_path):
    """Starts load clients, each with a history of its own, and ends them with the test."""
    clients = []

    def start(kind, *arguments):
        client = load.start_client(
            kind, tmp_path / f"{kind}-{len(clients)}.history", len(clients), *arguments)
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
def table(dynalite):
    """This test's table as another program sees it, past the proxy. Nobody has made it yet."""
    with dynalite.client() as client:
        yield Table(client, f"ids-{next(_table_numbers)}")


@pytest.fixture
def keys():
    return KeyRing()


@pytest.fixture
def proxy(dynalite, keys):
    with Proxy(dynalite.port, keys, region=REGION) as running:
        yield running


@pytest.fixture
def dynamodb(proxy, keys, table, start_server, tmp_path):
    """Nodes whose store is this test's table, behind the proxy."""
    return ProxySetting(proxy, keys, table, start_server, tmp_path)


@pytest.fixture(params=["dynalite", *(["user_endpoint"] if USER_ENDPOINT else [])])
def any_dynamodb(request):
    """For what every DynamoDB can do: also the one that the user names, with a table of its own."""
    return request.getfixturevalue("dynamodb" if request.param == "dynalite" else request.param)


@pytest.fixture(params=["sqlite", "dynamodb"])
def any_store(request):
    """For promises that every store keeps: start(*options) a node of it, run(*arguments) on it."""
    return request.getfixturevalue("dynamodb" if request.param == "dynamodb" else "sqlite")


@pytest.fixture
def start_node(any_store):
    return any_store.start


@pytest.fixture
def user_endpoint(start_server):
    with user_client() as client:
        table = Table(client, f"nextid-test-{uuid.uuid4()}")
        yield Setting(USER_ENDPOINT, user_region(), user_environment(), table, start_server)
        table.delete()
