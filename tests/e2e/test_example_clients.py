"""The clients of examples/clients, as docs/guides/clients.md shows them, on a real server: each takes one id for one
key, whatever happens to the answers. Python and Node.js always, all of them in script/test --long.
"""

import re
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import nextid
from example_clients import CLIENTS, CUT, HANG, LOSE, PROGRAMS, Front, run, take
from redis_clients import LONG

PAGE = (nextid.REPOSITORY / "docs" / "guides" / "clients.md").read_text()
RUN_NOW = [client for client in CLIENTS if client.always or LONG]

for_each_client = pytest.mark.parametrize("client", RUN_NOW, ids=lambda client: client.name)


@pytest.fixture
def key():
    return str(uuid.uuid4())


def pauses(front):
    """Between answers and the next attempts."""
    return [later.began - earlier.answered for earlier, later in zip(front.attempts, front.attempts[1:])]


def test_every_block_has_a_test(server):
    """The commands are those of Python and Node.js, and print what the page says."""
    (block,) = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert "```sh" not in PAGE
    for command, printed in re.findall(r"^\$ (.*)\n(.*)\n", block, re.MULTILINE):
        done = subprocess.run(["bash", "-c", command], cwd=nextid.REPOSITORY, capture_output=True, text=True,
                              check=True, env=nextid.environment({"IDS_URL": server.url}))
        assert done.stdout.strip() == printed


def test_the_page_shows_the_files():
    shown = {file: text for file, text in re.findall(r"^\[`[^`]*`\]\(\.\./\.\./examples/clients/(\S+)\)[^\n]*\n\n```\w+\n(.*?)^```",
                                                      PAGE, re.MULTILINE | re.DOTALL)}
    assert shown == {client.file: client.path.read_text() for client in CLIENTS}
    assert sorted(str(path.relative_to(PROGRAMS)) for path in PROGRAMS.rglob("*") if path.is_file()) == sorted(shown)


@for_each_client
def test_an_answer_that_is_lost(client, server, key):
    """The id was taken: the same request again, with the same key, gets it, and no second one is taken."""
    with Front(server.port, LOSE, CUT) as front:
        assert take(client, front, "orders", key) == 1
        assert [attempt.status for attempt in front.attempts] == [200, 200, 200]
        assert {attempt.key for attempt in front.attempts} == {key}
        assert server.value("orders") == 1
        # Another process, after a crash say, has it still; another order has another.
        assert take(client, front, "orders", key) == 1
        assert take(client, front, "orders", str(uuid.uuid4())) == 2
    assert server.value("orders") == 2


@for_each_client
def test_a_store_that_takes_no_writes(client, start_server, key, tmp_path):
    """503 until there is room on the disk again; not sooner than Retry-After says."""
    server = start_server("--request-timeout", "1s")
    assert server.next_id("orders") == 1
    server.limit_file_size((tmp_path / "ids.db-wal").stat().st_size)
    with Front(server.port) as front:
        front.on_answer = lambda status: server.limit_file_size(None) if status == 503 else None
        taken = take(client, front, "orders", key)
        assert [attempt.status for attempt in front.attempts[:1]] == [503]
        assert front.attempts[-1].status == 200
        assert {attempt.key for attempt in front.attempts} == {key}
        assert min(pauses(front)) >= 1
    assert taken == server.value("orders")


@for_each_client
def test_a_refusal_is_not_repeated(client, start_server, tmp_path, key):
    """It says what the server says; a token opens the way."""
    token, line = nextid.run("token", "shop", "--rights", "allocate").stdout.splitlines()
    (tmp_path / "tokens").write_text(line + "\n")
    server = start_server("--tokens", tmp_path / "tokens")
    with Front(server.port) as front:
        refused = run(client, front, "orders", key)
        assert refused.returncode != 0 and "urn:nextid:error:unauthorized" in refused.stderr, refused
        assert [attempt.status for attempt in front.attempts] == [401]
        assert take(client, front, "orders", key, {"IDS_TOKEN": token}) == 1


@for_each_client
def test_ids_of_63_bits(client, server, key):
    largest = 2**63 - 1
    defined = server.ask("PUT", "/v1/counters/large", body=f'{{"start":{largest}}}'.encode())
    assert defined.status == 201
    with Front(server.port) as front:
        assert take(client, front, "large", key) == largest


def test_no_answer_at_all(server):
    """Each client at its time-out, all at once, since that takes seconds."""
    for client in RUN_NOW:
        client.command()
    with ThreadPoolExecutor(len(RUN_NOW)) as pool:
        for client, counted in zip(RUN_NOW, pool.map(lambda client: hang_once(client, server), RUN_NOW)):
            taken, (pause,) = counted
            assert taken == 1, client.name
            # Longer than the server may take, 5 s.
            assert 5 < pause < 15, client.name


def hang_once(client, server):
    """The id that it gets in the end, and how long it waited before it asked again."""
    with Front(server.port, HANG) as front:
        taken = take(client, front, f"orders-{CLIENTS.index(client)}", str(uuid.uuid4()))
        return taken, pauses(front)
