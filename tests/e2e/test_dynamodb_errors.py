"""What a user reads when something about the set-up is wrong, and can do about it."""

import re
import socket
import threading
import time

import pytest

import nextid
from aws_signatures import Key
from certificates import Authority
from dynamodb_proxy import Proxy
from dynamodb_setting import ProxySetting
from nextid import INVALID, UNAVAILABLE, is_problem, poll


def fails(dynamodb, *words, code=UNAVAILABLE, env=None, **parameters):
    """The one-shot command and a starting node both end, and both say all `words`."""
    node = dynamodb.start(env=env, wait=False, **parameters)
    done = dynamodb.run("next", env=env, **parameters)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert node.wait() == code
    for said in [done.stderr, node.log()]:
        for word in words:
            assert word in said
        # One sentence for people, no stack of codes.
        assert len(said.strip().splitlines()) == 1, said
    return done.stderr


def with_key(dynamodb, key):
    return {**dynamodb.isolated, **key.environment}


# ---- Who asks

def test_no_credentials(dynamodb):
    fails(dynamodb, "No AWS credentials found", "AWS_ACCESS_KEY_ID is not set",
          "AWS_WEB_IDENTITY_TOKEN_FILE is not set", "the AWS profile 'default'",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_DISABLED is true",
          "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", env=dynamodb.isolated)
    assert not dynamodb.proxy.requests


def test_half_a_key(dynamodb):
    fails(dynamodb, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", code=INVALID,
          env={**dynamodb.isolated, "AWS_ACCESS_KEY_ID": "AKIATEST"})


def test_unknown_key(dynamodb):
    fails(dynamodb, "the access key or session token from the environment is not accepted",
          "give valid credentials", env=with_key(dynamodb, Key("AKIAUNKNOWN", "secret")))
    assert dynamodb.proxy.refused["UnrecognizedClientException"] >= 2


def test_missing_session_token(dynamodb):
    key = dynamodb.keys.issue(token=True)
    fails(dynamodb, "access key or session token",
          env=with_key(dynamodb, Key(key.access_key_id, key.secret_access_key)))


def test_wrong_secret(dynamodb):
    said = fails(dynamodb, "the signature is not accepted",
                 "the secret key from the environment does not belong to its access key",
                 env=with_key(dynamodb, Key(dynamodb.key.access_key_id, "wrong/secret")))
    assert "wrong/secret" not in said
    assert dynamodb.proxy.refused["InvalidSignatureException"] >= 2


def test_expired_token(dynamodb):
    key = dynamodb.keys.issue(lifetime=1)
    poll(lambda: time.time() > key.expires, "the key expires")
    fails(dynamodb, "the credentials from the environment have expired",
          env=with_key(dynamodb, key))
    assert dynamodb.proxy.refused["ExpiredTokenException"] >= 2


@pytest.mark.parametrize("offset_s, says", [(3600, r"(59|60) minutes behind DynamoDB's"),
                                            (-1800, r"(29|30) minutes ahead of DynamoDB's")])
def test_clock_skew(dynamodb, offset_s, says):
    dynamodb.proxy.clock_offset_s = offset_s
    assert re.search(says, fails(dynamodb, "this machine's clock is", "set the clock (with NTP)"))


def test_secrets_are_never_shown(dynamodb):
    """Whatever is refused, at start and later."""
    key = dynamodb.keys.issue(token=True)
    env = with_key(dynamodb, key)
    node = dynamodb.start("--request-timeout", "1s", env=env)
    assert node.next_id() == 1
    dynamodb.keys.revoke(key)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 503, "unavailable")
    done = dynamodb.run("next", env=env)
    for text in [answer.body.decode(), node.log(), done.stderr]:
        assert key.secret_access_key not in text
        assert key.session_token not in text


# ---- Where and what

def test_no_region(dynamodb):
    fails(dynamodb, "No AWS region is given", "AWS_REGION or AWS_DEFAULT_REGION", "eu-west-1",
          code=INVALID, region=None)


@pytest.mark.parametrize("region", ["Europe", "eu west", "-"])
def test_impossible_region(dynamodb, region):
    fails(dynamodb, "is no AWS region", code=INVALID, region=region)


def test_wrong_region(dynamodb):
    """The endpoint of one region, a signature for another."""
    fails(dynamodb, "the signature is not accepted", "region", region="us-east-1")


@pytest.mark.parametrize("parameters, words", [
    ({"endpoint": "127.0.0.1:8000"}, ["endpoint", "http:// or https://"]),
    ({"endpoint": "http://user:secret@127.0.0.1:8000"}, ["endpoint"]),
    ({"create": "maybe"}, ["create is 'maybe'", "true or false"]),
    ({"attempt_timeout": "soon"}, ["attempt_timeout is 'soon'"]),
    ({"attempt_timeout": "1h"}, ["attempt_timeout"]),
    ({"regoin": "eu-west-1"}, ["no parameter 'regoin'", "region"]),
    ({"profile": ""}, ["profile is empty"]),
    ({"ca_file": "/nonexistent/ca.pem"}, ["ca_file '/nonexistent/ca.pem'"]),
    ({"profile": "nobody"}, ["'nobody'"])],
    ids=lambda value: "&".join(map("=".join, value.items())) if isinstance(value, dict) else "")
def test_wrong_parameters(dynamodb, parameters, words):
    said = fails(dynamodb, *words, code=INVALID, **parameters)
    assert "secret" not in said
    assert not dynamodb.proxy.requests


@pytest.mark.parametrize("url", ["dynamodb:", "dynamodb:ids", "dynamodb://a", "dynamodb://user@ids",
                                 "dynamodb://ids:80", "dynamodb://ids/more", "dynamodb://i%20ds",
                                 "dynamodb://ids?region=eu-west-1&region=eu-west-2"])
def test_wrong_urls(dynamodb, url):
    done = nextid.run("next", "--store", url, env={**dynamodb.env, "AWS_REGION": "eu-west-1",
                                                   "AWS_ENDPOINT_URL": dynamodb.endpoint})
    assert (done.returncode, done.stdout) == (INVALID, ""), done
    assert done.stderr
    assert not dynamodb.proxy.requests


# ---- What the policy allows

@pytest.mark.parametrize("operation", ["DescribeTable", "CreateTable"])
def test_access_denied_at_start(dynamodb, operation):
    dynamodb.proxy.denied.add(operation)
    fails(dynamodb, "access denied", "the credentials from the environment",
          f"lack the permission dynamodb:{operation} on table '{dynamodb.table.name}'",
          "grant it")
    assert dynamodb.proxy.refused["AccessDeniedException"] >= 2


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_access_denied_to_ids(dynamodb, operation):
    node = dynamodb.start("--request-timeout", "1s")
    dynamodb.proxy.denied.add(operation)
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 503, "unavailable")
    assert (f"lack the permission dynamodb:{operation} on table '{dynamodb.table.name}'"
            in answer.json()["detail"])
    # Granted: nothing has to be restarted.
    dynamodb.proxy.denied.clear()
    assert poll(lambda: status(node) == 200, "ids are served", seconds=3)


def test_access_denied_to_the_list(dynamodb):
    dynamodb.run("next")
    dynamodb.proxy.denied.add("Scan")
    done = dynamodb.run("counters")
    assert (done.returncode, done.stdout) == (UNAVAILABLE, "")
    assert "the counters can't be listed: access denied" in done.stderr
    assert "dynamodb:Scan" in done.stderr
    node = dynamodb.start()
    answer = node.ask("GET", "/v1/counters")
    assert is_problem(answer, 503, "unavailable")
    assert "dynamodb:Scan" in answer.json()["detail"]
    # Who may not list may still have ids.
    assert node.next_id() == 2


def test_least_permissions_are_enough(dynamodb):
    """Of those that docs/dynamodb.md lists, for a table that is there."""
    dynamodb.table.create()
    dynamodb.proxy.denied.update(["CreateTable", "Scan", "PutItem", "DeleteItem", "ListTables"])
    assert dynamodb.run("range", "10").stdout == "1 10\n"


# ---- Throttling

THROTTLED = ["throttle", "throttle_account", "throttle_hot_key"]


@pytest.mark.parametrize("kind", THROTTLED)
def test_throttled(dynamodb, kind):
    """Slows down, says why, and goes on."""
    node = dynamodb.start("--request-timeout", "1s")
    assert node.next_id() == 1
    dynamodb.proxy.script.add(*[kind] * 1000, operation="UpdateItem")
    answer = node.ask("GET", "/next")
    assert is_problem(answer, 503, "unavailable")
    says = answer.json()["detail"]
    assert f"table '{dynamodb.table.name}' in {dynamodb.region}" in says
    assert ("throttles a hot key of table" in says) == (kind == "throttle_hot_key"), says
    assert "throttles" in says
    # With backoff: at most some a second.
    assert 2 <= dynamodb.proxy.injected[kind] <= 40
    dynamodb.proxy.script.clear()
    assert poll(lambda: status(node) == 200, "ids are served", seconds=3)
    # No throttle applies anything: no gap.
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == dynamodb.table.value()


def status(node):
    return node.ask("GET", "/next").status


@pytest.mark.parametrize("kind", THROTTLED)
def test_few_throttles_go_unnoticed(dynamodb, kind):
    node = dynamodb.start()
    assert node.next_id() == 1
    dynamodb.proxy.script.add(kind, kind, operation="UpdateItem")
    assert node.next_id() == 2
    assert dynamodb.proxy.injected[kind] == 2


# ---- What answers is no DynamoDB

def test_another_server_at_the_endpoint(dynamodb, start_server):
    other = start_server()
    fails(dynamodb, other.url, "not DynamoDB", endpoint=other.url)


def test_a_server_that_speaks_no_http(dynamodb):
    with Garbage() as garbage:
        fails(dynamodb, garbage.url, endpoint=garbage.url)


class Garbage:
    """Answers everything with what no HTTP client understands."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(2)
        self._listener.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


# ---- TLS

@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def start_tls(dynalite, keys, table, start_server, tmp_path):
    """Nodes of a proxy with TLS that shows the given certificate."""
    proxies = []

    def start(certificate):
        proxy = Proxy(dynalite.port, keys, tls=certificate.server_context())
        proxies.append(proxy)
        return ProxySetting(proxy, keys, table, start_server, tmp_path)

    yield start
    for proxy in proxies:
        proxy.close()


def test_private_authority_is_accepted(start_tls, authority):
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1"))
    assert dynamodb.endpoint.startswith("https://")
    assert dynamodb.run("next", ca_file=authority.file).stdout == "1\n"
    # As the AWS SDKs take it.
    bundle = {"AWS_CA_BUNDLE": str(authority.file)}
    assert dynamodb.run("next", env={**dynamodb.env, **bundle}).stdout == "2\n"
    wrong = dynamodb.run("next", env={**dynamodb.env, "AWS_CA_BUNDLE": "/nonexistent"})
    assert "AWS_CA_BUNDLE '/nonexistent' is no file" in wrong.stderr
    dynamodb.isolated_file("config").write_text(f"[default]\nca_bundle = {authority.file}\n")
    profile = {"AWS_CONFIG_FILE": str(dynamodb.isolated_file("config"))}
    assert dynamodb.run("next", env={**dynamodb.env, **profile}).stdout == "3\n"
    node = dynamodb.start(ca_file=authority.file)
    connections = dynamodb.proxy.connections
    for number in range(4, 24):
        assert node.next_id() == number
    assert dynamodb.proxy.connections - connections <= 2
    node.stop()


def test_unknown_authority_is_refused(start_tls, authority):
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1"))
    started = time.monotonic()
    fails(dynamodb, f"the certificate of {dynamodb.endpoint} is not accepted", "ca_file=")
    # It is not asked again and again.
    assert time.monotonic() - started < 3
    assert not dynamodb.proxy.requests, "a request went to somebody unknown"


def test_wrong_authority_is_refused(start_tls, authority, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1"))
    fails(dynamodb, "certificate", "is not accepted", ca_file=other.file)
    assert not dynamodb.proxy.requests


def test_certificate_for_another_name_is_refused(start_tls, authority):
    dynamodb = start_tls(authority.certificate_for("DNS:dynamodb.example.com"))
    fails(dynamodb, f"the certificate of {dynamodb.endpoint} is not accepted",
          ca_file=authority.file)
    assert not dynamodb.proxy.requests


def test_expired_certificate_is_refused(start_tls, authority):
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1", expired=True))
    fails(dynamodb, "certificate", "is not accepted", "expired", ca_file=authority.file)
    assert not dynamodb.proxy.requests


def test_useless_ca_file(start_tls, authority, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("not a certificate\n")
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1"))
    done = dynamodb.run("next", ca_file=empty)
    assert (done.returncode, done.stdout) in [(INVALID, ""), (UNAVAILABLE, "")]
    assert str(empty) in done.stderr


def test_plain_http_where_tls_is_spoken(start_tls, authority):
    dynamodb = start_tls(authority.certificate_for("IP:127.0.0.1"))
    plain = dynamodb.endpoint.replace("https:", "http:")
    fails(dynamodb, plain, endpoint=plain, ca_file=authority.file)
