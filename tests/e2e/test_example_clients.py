"""The clients of examples/clients, as docs/guides/clients.md shows them, on a real server: each takes one id for one
key, whatever happens to the answers. Python and Node.js always, all of them in script/test --long.
"""

import re
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import nextid
from example_clients import CLIENTS, CUT, HANG, LOSE, PROGRAMS, Front, Refuse, count_lines, run, take
from redis_clients import LONG

PAGE = (nextid.REPOSITORY / "docs" / "guides" / "clients.md").read_text()
SHOWN = re.compile(r"^\[`[^`]*`\]\(\.\./\.\./examples/clients/(\S+?)\)[^\n]*\n\n```\w+\n(.*?)^```", re.M | re.S)
FILES = {str(path.relative_to(PROGRAMS)) for client in CLIENTS for path in (client.path, client.main_path)}
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
    """Whole, and before all else; the programs around them it names only."""
    shown = dict(SHOWN.findall(PAGE))
    assert shown == {client.file: client.path.read_text() for client in CLIENTS}
    assert PAGE.index("## The rules") > max(PAGE.index(text) for text in shown.values())
    assert set(re.findall(r"\]\(\.\./\.\./examples/clients/(\S+)\)", PAGE)) == FILES
    assert {str(path.relative_to(PROGRAMS)) for path in PROGRAMS.rglob("*.*") if path.suffix != ".pyc"} == FILES


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_function_is_short(client):
    """And not by long lines."""
    function = client.function()
    assert "Idempotency-Key" in "".join(function) and re.search("Retry-?After", "".join(function))  # It is all there.
    assert count_lines(function) <= client.lines
    assert all(len(line) <= 110 for line in client.path.read_text().splitlines())


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
def test_other_refusals_are_not_repeated(client, server):
    """Nobody gets an id, and the program has what the server said."""
    for status in (400, 401, 403, 404, 409, 410, 412, 500):
        with Front(server.port, Refuse(status, sentence=f"Because of {status}.")) as front:
            refused = run(client, front, "orders", str(uuid.uuid4()))
            assert refused.returncode != 0 and f"Because of {status}." in refused.stderr, refused
            assert [attempt.status for attempt in front.attempts] == [status]


@for_each_client
def test_ids_of_63_bits(client, server, key):
    largest = 2**63 - 1
    defined = server.ask("PUT", "/v1/counters/large", body=f'{{"start":{largest}}}'.encode())
    assert defined.status == 201
    with Front(server.port) as front:
        assert take(client, front, "large", key) == largest


def all_at_once(of):
    """Each client with what `of` gives for it, for what takes seconds."""
    for client in RUN_NOW:
        client.command()
    with ThreadPoolExecutor(len(RUN_NOW)) as pool:
        return list(zip(RUN_NOW, pool.map(of, RUN_NOW)))


def test_what_passes_is_repeated_and_not_for_ever(server):
    """Ten times with one key, with the pauses that are asked for; then the program has what the server said last."""
    faults = [Refuse(408), Refuse(429, 3), Refuse(502), Refuse(503), Refuse(504), LOSE, CUT,
              Refuse(503), Refuse(503), Refuse(503, sentence="The store is away."), Refuse(503)]
    for client, (front, refused) in all_at_once(lambda client: give_up(client, server, faults)):
        assert refused.returncode != 0 and "The store is away." in refused.stderr, (client.name, refused)
        assert [attempt.status for attempt in front.attempts] == [
            408, 429, 502, 503, 504, 200, 200, 503, 503, 503], client.name
        assert len({attempt.key for attempt in front.attempts}) == 1, client.name
        waited = pauses(front)
        assert waited.pop(1) >= 3 and min(waited) >= 1, (client.name, waited)
        # In part random, so that not all come back at the same moment.
        assert max(waited) - min(waited) > 0.1, (client.name, waited)


def give_up(client, server, faults):
    with Front(server.port, *faults) as front:
        return front, run(client, front, f"orders-{CLIENTS.index(client)}", str(uuid.uuid4()))


def test_no_answer_at_all(server):
    """Each client at its time-out."""
    for client, (taken, (pause,)) in all_at_once(lambda client: hang_once(client, server)):
        assert taken == 1, client.name
        # Longer than the server may take, 5 s.
        assert 5 < pause < 15, client.name


def hang_once(client, server):
    """The id that it gets in the end, and how long it waited before it asked again."""
    with Front(server.port, HANG) as front:
        taken = take(client, front, f"orders-{CLIENTS.index(client)}", str(uuid.uuid4()))
        return taken, pauses(front)
