"""`nextid bench`: its figures, its limits, and that it sees ids that are wrong."""

import re
import socket
import threading
import time

import pytest

from nextid import CORRUPT, INVALID, OK, UNAVAILABLE, run


def figures(done):
    found = re.search(r"(\d+) ids in ([\d.]+) s: \d+ ids/s, (\d+) failures", done.stdout)
    assert found, done
    return int(found.group(1)), float(found.group(2)), int(found.group(3))


@pytest.fixture
def address(server):
    return {"--http": f"127.0.0.1:{server.port}",
            "--resp": re.search(r"redis://(\S+),", server.log()).group(1)}


@pytest.mark.parametrize("protocol", ["--http", "--resp"])
@pytest.mark.parametrize("pipeline", [1, 16])
def test_a_server(server, address, protocol, pipeline):
    done = run("bench", protocol, address[protocol], "--requests", 2000, "--clients", 8,
               "--pipeline", pipeline)
    assert done.returncode == OK, done
    assert figures(done)[0] == 2000
    assert figures(done)[2] == 0
    assert "every id came once" in done.stdout
    assert server.value("bench") == 2000


def test_in_process(store):
    done = run("bench", "--in-process", "--store", store, "--requests", 500, "--clients", 2)
    assert done.returncode == OK, done
    assert figures(done)[0] == 500


def test_the_time_is_bounded(address):
    began = time.monotonic()
    done = run("bench", "--http", address["--http"], "--seconds", 0.3, "--clients", 2)
    assert done.returncode == OK, done
    assert time.monotonic() - began < 10
    assert figures(done)[1] >= 0.3


@pytest.fixture
def liar():
    """Answers one client with the ids of a list, whatever it asks."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(ids):
        def answer():
            client, _ = listener.accept()
            with client:
                for id in ids:
                    client.recv(4096)
                    client.sendall(b":%d\r\n" % id)
        threading.Thread(target=answer, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    listener.close()


@pytest.mark.parametrize("ids, sentence", [([1, 2, 2], "the id 2 came twice"),
                                           ([1, 3, 2], "got the id 2 after")])
def test_wrong_ids_are_seen(liar, ids, sentence):
    done = run("bench", "--resp", liar(ids), "--clients", 1, "--requests", len(ids))
    assert done.returncode == CORRUPT, done
    assert sentence in done.stdout


def test_what_can_not_be_loaded_is_a_sentence(server, address):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = run("bench", "--http", f"127.0.0.1:{port}")
    assert (done.returncode, "Connection refused" in done.stderr) == (UNAVAILABLE, True), done
    assert run("bench", "--http", "nonsense").returncode == INVALID
    assert run("bench", "--counter", "no name").returncode == INVALID
    # The wrong protocol: cut off.
    done = run("bench", "--http", address["--resp"], "--clients", 1, "--seconds", 1)
    assert done.returncode == UNAVAILABLE
    assert "closed the connection" in done.stdout
