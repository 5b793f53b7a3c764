"""What /readyz tells strangers, and what many who ask cost."""

import re
import threading
import time

import pytest

import nextid
from nextid import OK, is_problem, poll, store_locked
from prometheus_text import metrics_of

SAID_TO_STRANGERS = "The server gives no ids now; its log and /v1/status say why."


def token_file(directory):
    """Its path, and the tokens of it by their names."""
    tokens = {}
    for name, rights, counters in [("admin", "read", ["*"]), ("shop", "read,allocate", ["orders"]),
                                   ("writer", "allocate,define", ["*"])]:
        made = nextid.run("token", name, "--rights", rights, "--counters", *counters)
        assert made.returncode == OK, made
        tokens[name], line = made.stdout.splitlines()
        with (directory / "tokens").open("a") as file:
            file.write(line + "\n")
    (directory / "tokens").chmod(0o600)
    return directory / "tokens", tokens


def bearer(token):
    return [f"Authorization: Bearer {token}"]


def probe(server, *headers):
    return server.ask("GET", "/readyz", headers=list(headers))


def refusal(server, *headers):
    return poll(lambda: (answer := probe(server, *headers)).status != 200 and answer,
                "it is not ready any more")


def looks(node):
    """The calls of the store by which it learned whether it is ready."""
    figures = metrics_of(node)
    return sum(figures.get("nextid_store_calls_total", call="try_write", result=result)
               for result in ("done", "refused", "throttled", "not_applied", "in_doubt"))


def check_is_bare(answer, code):
    """A status and a code, and no word of the store."""
    assert is_problem(answer, 503, code)
    assert answer.json()["detail"] == SAID_TO_STRANGERS
    assert set(answer.json()) <= {"type", "title", "status", "code", "detail", "request_id"}
    assert "ids.db" not in str(answer.json())


def test_strangers_get_a_code_and_who_may_see_the_status_gets_the_reason(start_server, tmp_path):
    path, tokens = token_file(tmp_path)
    server = start_server("--tokens", path, "--request-timeout", "200ms")
    with store_locked(tmp_path / "ids.db"):
        check_is_bare(refusal(server), "unavailable")
        for headers in (bearer("wrong"), bearer(tokens["shop"]), bearer(tokens["writer"]),
                        bearer(tokens["admin"]) * 2):
            check_is_bare(probe(server, *headers), "unavailable")
        reason = probe(server, *bearer(tokens["admin"])).json()["detail"]
        assert "ids.db" in reason and "locked" in reason
        status = server.ask("GET", "/v1/status", headers=bearer(tokens["admin"])).json()
        assert "ids.db" in status["write_trouble"]
        # One request's token is not the next one's.
        with server.connect() as connection:
            told = connection.ask("GET", "/readyz", headers=bearer(tokens["admin"]))
            assert "ids.db" in told.json()["detail"]
            check_is_bare(connection.ask("GET", "/readyz"), "unavailable")
    poll(lambda: probe(server).status == 200, "it is ready again")


def test_without_tokens_who_passes_protected_mode_gets_the_reason(start_server, tmp_path):
    server = start_server("--request-timeout", "200ms")
    with store_locked(tmp_path / "ids.db"):
        assert "ids.db" in refusal(server).json()["detail"]
        with server.connect() as connection:
            connection.send(b"GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            check_is_bare(connection.answer(), "unavailable")


def test_the_log_says_why_once(start_server, tmp_path):
    path, _ = token_file(tmp_path)
    server = start_server("--tokens", path, "--request-timeout", "200ms")
    with store_locked(tmp_path / "ids.db"):
        refusal(server)
        for _ in range(200):
            probe(server)
        said = re.findall(r"warning This server is not ready: .*", server.log())
        assert len(said) == 1 and "ids.db" in said[0], said
    poll(lambda: probe(server).status == 200, "it is ready again")
    poll(lambda: "info This server is ready again." in server.log(), "the log tells")


@pytest.mark.parametrize("denied", [False, True], ids=["ready", "not ready"])
def test_a_flood_of_probes_is_one_look_at_the_store(dynamodb, denied):
    """One look in five seconds, or one a second while it is not ready; answers come soon."""
    node = dynamodb.start()
    if denied:
        dynamodb.proxy.denied.add("UpdateItem")
        refusal(node)
    before = looks(node)
    answered, slowest = [], []
    until = time.monotonic() + 3

    def ask():
        with node.connect() as connection:
            while time.monotonic() < until:
                begin = time.monotonic()
                answered.append(connection.ask("GET", "/readyz").status)
                slowest.append(time.monotonic() - begin)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answered) == {503 if denied else 200}
    assert len(answered) > 200
    assert looks(node) - before <= 5  # Three seconds, and a scrape at each end.
    assert max(slowest) < 2  # It waits half a second at most; the rest is this machine's.
