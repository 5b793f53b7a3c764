"""Redis clients of many languages do the same scenario with their defaults: connect, with and without a
token, INCR, INCRBY, GET, a counter that is missing, a pipeline of ten INCR, MULTI ... EXEC of INCR, INCRBY
and GET, a DECR, which is refused, and the first id of a counter that begins past 2^53.

Some of them always, all in script/test --long.
"""

import re
import subprocess

import pytest

import nextid
from redis_clients import CLIENTS, LONG, RIGHTS, table

PAGE = (nextid.REPOSITORY / "docs" / "resp.md").read_text()
# JavaScript has no number of this size but those beside it.
LARGE = 2**53 + 1


def expected(client, counter):
    said = {"incr": "1", "incrby": "11", "get": "11", "missing": "none",
            "pipeline": " ".join(map(str, range(12, 22))), "transaction": "22 32 32",
            "large": str(LARGE)}
    return {**said, **{name: text.replace("COUNTER", counter) for name, text in client.also.items()}}


@pytest.fixture
def start_with_large(start_server, tmp_path):
    """A server, its RESP port, and a counter whose companion NAME.large begins at LARGE."""
    def start(name, *options):
        store = f"sqlite:{tmp_path}/{name}.db"
        assert nextid.run("define", f"{name}.large", "--start", LARGE, "--store", store).returncode == 0
        server = start_server(*options, store=store)
        return int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))

    return start


def run(client, *arguments):
    return subprocess.run(list(map(str, [*client.source.command(), *arguments])), text=True,
                          capture_output=True, timeout=120, env=nextid.environment(client.env))


def said_by(client, *arguments):
    done = run(client, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    refused = lines.pop("refused")
    assert "ids only grow" in refused and not refused.startswith("not at all"), refused
    return lines


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.always or LONG],
                         ids=lambda client: client.id)
def test_a_client_with_its_defaults(client, start_with_large, tmp_path):
    client.source.command()  # Before servers wait for it.
    port = start_with_large("open")
    assert said_by(client, port, "open") == expected(client, "open")

    made = [nextid.run("token", name, "--rights", rights).stdout.splitlines()
            for name, rights in [("client", client.rights), ("usual", RIGHTS)]]
    (tmp_path / "tokens").write_text("".join(f"{line}\n" for _, line in made))
    port = start_with_large("guarded", "--tokens", tmp_path / "tokens")
    (token, _), (usual, _) = made
    assert said_by(client, port, "guarded", token) == expected(client, "guarded")
    if client.rights != RIGHTS:  # The page says that it needs more.
        refused = run(client, port, "another", usual)
        assert refused.returncode != 0 and "NOPERM" in refused.stdout + refused.stderr, refused


def test_the_page_lists_what_is_run():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| (Debian 12) \|", PAGE, re.MULTILINE)
    versions = {name: version for name, version, _ in rows}
    assert table(versions) in PAGE, table(versions)
