"""Whose an idempotency key is: a token's, so that no token meets the keys of another."""

import time

import pytest

from nextid import is_problem, poll
from test_security import bearer, make_token

COUNTER = "invoices"


class Tokens:
    """A token file, and the tokens by their names."""

    def __init__(self, path):
        self.path = path
        self.secrets = {}
        self._lines = {}

    def give(self, name, limits=""):
        """A new secret for that name, which a server knows after its next reload."""
        self.secrets[name], line = make_token(name, "allocate", COUNTER)
        self._lines[name] = f"{line} {limits}\n"
        self.path.write_text("".join(self._lines.values()))


@pytest.fixture
def tokens(tmp_path):
    tokens = Tokens(tmp_path / "tokens")
    for name in ["shop", "partner"]:
        tokens.give(name)
    return tokens


@pytest.fixture
def start(any_store, tokens):
    return lambda *options: any_store.start("--tokens", str(tokens.path), *options)


def ask(node, secret, key, count=1):
    return node.ask("POST", f"/range?counter={COUNTER}&count={count}",
                    headers=[*bearer(secret), f"Idempotency-Key: {key}"])


def take(node, secret, key):
    answer = ask(node, secret, key)
    assert answer.status == 200, answer
    return answer.json()["start"]


def test_no_token_plants_reads_or_blocks_the_ids_of_another(start, tokens):
    node = start()
    shop, partner = tokens.secrets["shop"], tokens.secrets["partner"]
    planted = take(node, partner, "invoice-18")
    own = take(node, shop, "invoice-18")
    assert own != planted
    kept = take(node, shop, "invoice-19")
    assert take(node, partner, "invoice-19") != kept
    assert ask(node, partner, "invoice-20", count=2).status == 200
    assert ask(node, shop, "invoice-20").status == 200
    # Each one's own keys are as they were, on any node.
    for other in [node, start()]:
        assert take(other, partner, "invoice-18") == planted
        assert take(other, shop, "invoice-18") == own
        assert take(other, shop, "invoice-19") == kept
        assert is_problem(ask(other, partner, "invoice-20"), 409, "conflict")


def test_a_token_keeps_its_keys_when_its_secret_changes(start, tokens):
    node = start()
    kept = take(node, tokens.secrets["shop"], "invoice-19")
    tokens.give("shop")
    assert ask(node, tokens.secrets["shop"], "invoice-19").status == 401
    node.reload()
    assert take(node, tokens.secrets["shop"], "invoice-19") == kept
    assert take(start(), tokens.secrets["shop"], "invoice-19") == kept


def test_a_token_of_another_name_has_keys_of_its_own(start, tokens):
    kept = take(start(), tokens.secrets["shop"], "invoice-19")
    tokens.give("shop2")
    assert take(start(), tokens.secrets["shop2"], "invoice-19") != kept


def test_tokens_share_their_keys_where_the_server_says_so(start, tokens, any_store):
    node = start("--shared-keys")
    shop, partner = tokens.secrets["shop"], tokens.secrets["partner"]
    ids = take(node, shop, "invoice-19")
    assert take(node, partner, "invoice-19") == ids
    assert is_problem(ask(node, partner, "invoice-19", count=2), 409, "conflict")
    # As those who have no token have it.
    assert any_store.run("next", COUNTER, "--key", "invoice-19").stdout == f"{ids}\n"
    assert take(start(), shop, "invoice-19") != ids


def test_keys_of_a_server_without_tokens_are_nobodys(start, any_store, tokens):
    """So are those of versions that did not tell tokens apart."""
    answer = any_store.start().ask("POST", f"/next?counter={COUNTER}",
                                   headers=["Idempotency-Key: invoice-19"])
    ids = answer.json()["id"]
    assert any_store.run("next", COUNTER, "--key", "invoice-19").stdout == f"{ids}\n"
    assert take(start(), tokens.secrets["shop"], "invoice-19") != ids
    assert take(start("--shared-keys"), tokens.secrets["partner"], "invoice-19") == ids


# ---- How many


def test_a_token_has_a_limit_of_new_keys(start, tokens):
    tokens.give("partner", "keys=3")
    node = start("--idempotency-retention", "1h")
    shop, partner = tokens.secrets["shop"], tokens.secrets["partner"]
    ids = {key: take(node, partner, key) for key in "abc"}
    value = max(ids.values())
    for _ in range(3):
        refused = ask(node, partner, "d")
        assert is_problem(refused, 429, "limited")
        assert 3590 <= int(refused.headers["retry-after"]) <= 3600 + 3600 // 64 + 1
        assert refused.json()["detail"] == (
            "the token 'partner' has its limit of 3 new idempotency keys in 3600 s; send the key"
            f" again in {refused.headers['retry-after']} s, or raise keys= in the token's line of"
            " the token file. Keys that are known get their ids meanwhile.")
    # Nothing was taken for it; known keys, requests without one, and others are served.
    assert {key: take(node, partner, key) for key in "abc"} == ids
    without = node.ask("POST", f"/next?counter={COUNTER}", headers=bearer(partner))
    assert without.json() == {"id": value + 1}
    assert take(node, shop, "d") == value + 2
    tokens.give("partner", "keys=4")
    node.reload()
    partner = tokens.secrets["partner"]
    assert take(node, partner, "d") == value + 3
    assert is_problem(ask(node, partner, "e"), 429, "limited")
    assert node.stop()["burned"] == 0


def test_keys_that_are_over_count_no_more(start, tokens):
    tokens.give("partner", "keys=1")
    node = start("--idempotency-retention", "1s")
    first = take(node, tokens.secrets["partner"], "a")
    poll(lambda: ask(node, tokens.secrets["partner"], "b").status == 200, "the key is over")
    assert take(node, tokens.secrets["shop"], "a") > first


# ---- Records that the store does not take


@pytest.fixture
def quiet_records(dynamodb):
    """A node, and the keys of requests whose clients left while their records could not be written."""
    node = dynamodb.start()
    keys = [f"key{number}" for number in range(50)]
    assert node.ask("POST", "/next", headers=["Idempotency-Key: first"]).json() == {"id": 1}
    dynamodb.proxy.denied.add("PutItem")
    before = dynamodb.proxy.requests["PutItem"]
    with node.connect() as connection:
        for key in keys:
            connection.request("POST", "/next", headers=[f"Idempotency-Key: {key}"])
        poll(lambda: dynamodb.proxy.requests["PutItem"] >= before + 2 * len(keys),
             "all are tried, and tried again")
        connection.reset()
    return node, keys


def records_sent(proxy, seconds):
    before = proxy.requests["PutItem"]
    time.sleep(seconds)
    return proxy.requests["PutItem"] - before


def test_records_that_nobody_waits_for_are_hardly_tried(dynamodb, quiet_records):
    node, keys = quiet_records
    proxy = dynamodb.proxy
    poll(lambda: records_sent(proxy, 1) <= 2, "they are left alone")
    assert records_sent(proxy, 3) <= 4
    # Who asks again has no pause to wait for.
    proxy.denied.clear()
    answer = node.ask("POST", "/next", headers=[f"Idempotency-Key: {keys[7]}"])
    assert answer.status == 200
    poll(lambda: proxy.applied["PutItem"] >= len(keys) + 1, "all are written")
    ids = [node.ask("POST", "/next", headers=[f"Idempotency-Key: {key}"]).json()["id"]
           for key in keys]
    assert sorted(ids) == list(range(2, 52))
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (51, 0)


def test_records_are_written_by_themselves_once_they_may_be(dynamodb, quiet_records):
    node, keys = quiet_records
    poll(lambda: records_sent(dynamodb.proxy, 1) <= 2, "they are left alone")
    dynamodb.proxy.denied.clear()
    poll(lambda: dynamodb.proxy.applied["PutItem"] >= len(keys) + 1, "all are written", seconds=60)
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (51, 0)


def test_ids_whose_record_is_never_written_are_burned_as_such(dynamodb):
    node = dynamodb.start("--idempotency-retention", "2s")
    assert node.ask("POST", "/next", headers=["Idempotency-Key: first"]).json() == {"id": 1}
    dynamodb.proxy.denied.add("PutItem")
    with node.connect() as connection:
        before = dynamodb.proxy.requests["PutItem"]
        connection.request("POST", "/range?count=5", headers=["Idempotency-Key: a"])
        poll(lambda: dynamodb.proxy.requests["PutItem"] > before, "it is tried")
        connection.reset()

    def burned():
        page = node.ask("GET", "/metrics").body.decode()
        return 'nextid_ids_burned_total{reason="idempotency"} 5' in page

    poll(burned, "they are given up")
    sent = dynamodb.proxy.requests["PutItem"]
    assert node.next_id() == 7
    counts = node.stop()
    assert dynamodb.proxy.requests["PutItem"] == sent
    assert (counts["returned"], counts["idempotency"]) == (2, 5)
