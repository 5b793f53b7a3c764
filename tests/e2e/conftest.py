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

    def start(*options, **settings):
        server = nextid.Server.__new__(nextid.Server)
        servers.append(server)  # Before it can fail to become ready.
        server.__init__(tmp_path, *options, **settings)
        return server

    yield start
    for server in servers:
        if not hasattr(server, "process"):
            continue
        server.kill()
        # Pytest shows it when the test failed.
        print(f"--- log of server {server.process.pid}\n{server.log()}")


@pytest.fixture
def server(start_server):
    return start_server()
