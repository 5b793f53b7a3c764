import pytest

import nextid


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
