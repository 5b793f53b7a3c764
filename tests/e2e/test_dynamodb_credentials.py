"""Where a node's AWS keys come from, and what happens when they expire or change."""

import contextlib
import time
from dataclasses import dataclass

import pytest

from aws_endpoints import (ContainerEndpoint, CredentialProcess, InstanceMetadata, Reply,
                           WebIdentity)
from load import check, finish
from nextid import INVALID, UNAVAILABLE, poll
from prometheus_text import metrics_of

ROLE = "arn:aws:iam::123456789012:role/nextid"
KINDS = ["container", "instance", "web identity", "process"]


@dataclass
class Source:
    """An endpoint that gives keys, and the variables that lead a program to it."""
    endpoint: object
    env: dict
    named: str  # What sentences call it.


@contextlib.contextmanager
def source_of(kind, dynamodb, directory, **options):
    keys = dynamodb.keys
    if kind == "container":
        token = directory / "container-token"
        token.write_text("Basic a+b/c=")
        with ContainerEndpoint(keys, authorization="Basic a+b/c=", **options) as endpoint:
            yield Source(endpoint, {**dynamodb.isolated,
                                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.full_uri,
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)},
                         "the container's credentials endpoint")
    elif kind == "instance":
        with InstanceMetadata(keys, **options) as endpoint:
            yield Source(endpoint, {**dynamodb.isolated, "AWS_EC2_METADATA_DISABLED": "false",
                                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.url},
                         "the instance's role 'nextid-role'")
    elif kind == "web identity":
        token = directory / "web-token"
        token.write_text("header.payload/+=.signature\n")
        with WebIdentity(keys, ROLE, "header.payload/+=.signature", **options) as endpoint:
            yield Source(endpoint, {**dynamodb.isolated, "AWS_ROLE_ARN": ROLE,
                                    "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
                                    "AWS_ENDPOINT_URL_STS": endpoint.url}, f"STS for {ROLE}")
    else:
        with CredentialProcess(keys, **options) as endpoint:
            config = directory / "config"
            config.write_text("[default]\nregion = eu-west-1\n"
                              f"credential_process = {endpoint.command(directory)}\n")
            yield Source(endpoint, {**dynamodb.isolated, "AWS_CONFIG_FILE": str(config)},
                         "the credential_process of the AWS profile 'default'")


def write_credentials(path, **profiles):
    """The shared credentials file, replaced at once as careful programs do it."""
    lines = []
    for name, key in profiles.items():
        lines += [f"[{name}]", f"aws_access_key_id = {key.access_key_id}",
                  f"aws_secret_access_key = {key.secret_access_key}"]
        if key.session_token:
            lines.append(f"aws_session_token = {key.session_token}")
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join([*lines, ""]))
    fresh.replace(path)


EXPIRY = "nextid_credentials_expiry_timestamp_seconds"
RENEWAL_FAILING = "nextid_credentials_renewal_failing"


# ---- Each source

def test_environment_with_session_token(dynamodb):
    key = dynamodb.keys.issue(lifetime=600)
    assert dynamodb.run("next", env={**dynamodb.isolated, **key.environment}).stdout == "1\n"
    assert not dynamodb.proxy.refused


@pytest.mark.parametrize("kind", KINDS)
def test_source(dynamodb, tmp_path, kind):
    with source_of(kind, dynamodb, tmp_path) as source:
        node = dynamodb.start(env=source.env)
        assert node.next_id() == 1
        assert node.next_id() == 2
        node.stop()
        # Once for all calls.
        assert len(source.endpoint.issued) == 1
        assert dynamodb.run("next", env=source.env).stdout == "3\n"
        assert not dynamodb.proxy.refused
        # A key of the environment comes first, and nobody else is asked.
        asked = source.endpoint.requests.total()
        assert dynamodb.run("next", env={**source.env, **dynamodb.key.environment}).stdout == "4\n"
        assert source.endpoint.requests.total() == asked


def test_profiles(dynamodb, tmp_path):
    path = tmp_path / "credentials"
    good, token = dynamodb.keys.issue(), dynamodb.keys.issue(token=True)
    bad = dynamodb.keys.issue()
    dynamodb.keys.revoke(bad)
    env = {**dynamodb.isolated, "AWS_SHARED_CREDENTIALS_FILE": str(path)}
    write_credentials(path, default=good, other=token, broken=bad)
    assert dynamodb.run("next", env=env).stdout == "1\n"
    assert dynamodb.run("next", env={**env, "AWS_PROFILE": "other"}).stdout == "2\n"
    assert dynamodb.run("next", env=env, profile="other").stdout == "3\n"
    # The URL's before the environment's.
    assert dynamodb.run("next", env={**env, "AWS_PROFILE": "broken"},
                        profile="other").stdout == "4\n"
    done = dynamodb.run("next", env={**env, "AWS_PROFILE": "broken"})
    assert done.returncode == UNAVAILABLE
    assert "the AWS profile 'broken' is not accepted" in done.stderr
    done = dynamodb.run("next", env={**env, "AWS_PROFILE": "nobody"})
    assert done.returncode == INVALID
    assert "'nobody'" in done.stderr


def test_profile_gives_region_and_endpoint(dynamodb, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile ids]\n"
                      f"aws_access_key_id = {dynamodb.key.access_key_id}\n"
                      f"aws_secret_access_key = {dynamodb.key.secret_access_key}\n"
                      f"region = {dynamodb.region}\nservices = local\n"
                      f"[services local]\ndynamodb =\n  endpoint_url = {dynamodb.endpoint}\n")
    env = {**dynamodb.isolated, "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "ids"}
    assert dynamodb.run("next", env=env, region=None, endpoint=None).stdout == "1\n"


def test_token_of_the_instance_metadata_is_renewed(dynamodb, tmp_path):
    with source_of("instance", dynamodb, tmp_path) as source:
        source.endpoint.stale_answers = 1
        assert dynamodb.run("next", env=source.env).stdout == "1\n"
        assert source.endpoint.requests["unauthorized"] == 1
        assert source.endpoint.requests["token"] == 2


# ---- Sources that fail

@pytest.mark.parametrize("kind, reply, words", [
    ("container", Reply(500, "{}"), ["HTTP status 500"]),
    ("container", Reply(200, "not json"), []),
    ("instance", Reply(500, "oops", "text/plain"), ["HTTP status 500"]),
    ("instance", Reply(200, '{"Code": "AssumeRoleUnauthorizedAccess", "Message": "no trust"}'),
     ["AssumeRoleUnauthorizedAccess"]),
    ("web identity", WebIdentity.error(400, "ExpiredTokenException", "Token expired: 1 & 2"),
     ["ExpiredTokenException", "Token expired: 1 & 2", ROLE]),
    ("web identity", WebIdentity.error(403, "AccessDenied", "Not authorized"), ["AccessDenied"]),
    ("web identity", Reply(200, "<html>", "text/html"), []),
    ("process", Reply(500, ""), ["Run it by hand"]),
    ("process", Reply(200, '{"Version": 2}'), ['"Version": 1'])])
def test_failing_source(dynamodb, tmp_path, kind, reply, words):
    """Its own error is what the user reads, not that nothing was found."""
    with source_of(kind, dynamodb, tmp_path) as source:
        source.endpoint.fail_with = reply
        done = dynamodb.run("next", env=source.env)
        assert (done.returncode, done.stdout) == (UNAVAILABLE, "")
        for word in words:
            assert word in done.stderr
        assert "No AWS credentials found" not in done.stderr
        assert not dynamodb.proxy.requests


def test_instance_without_a_role(dynamodb, tmp_path):
    with source_of("instance", dynamodb, tmp_path, role=None) as source:
        done = dynamodb.run("next", env=source.env)
        assert done.returncode == UNAVAILABLE
        assert "the instance has no role" in done.stderr


def test_container_with_a_wrong_token(dynamodb, tmp_path):
    with source_of("container", dynamodb, tmp_path) as source:
        env = {name: value for name, value in source.env.items() if "TOKEN_FILE" not in name}
        wrong = dynamodb.run("next", env={**env, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"})
        assert wrong.returncode == UNAVAILABLE
        assert "401" in wrong.stderr
        right = {**env, "AWS_CONTAINER_AUTHORIZATION_TOKEN": source.endpoint.authorization}
        assert dynamodb.run("next", env=right).stdout == "1\n"


@pytest.mark.parametrize("uri", ["http://192.0.2.1/keys", "http://example.com/keys", "ftp://a/b"])
def test_container_elsewhere_in_the_clear_is_refused(dynamodb, uri):
    """Nothing is sent there: it would be keys over the network."""
    done = dynamodb.run("next", env={**dynamodb.isolated,
                                     "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri})
    assert done.returncode == INVALID
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in done.stderr


# ---- Expiry

def test_expiry_under_load(dynamodb, start_load, tmp_path):
    """Renewed in time, again and again: no request fails, none is signed with an expired key."""
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(source_of(kind, dynamodb, tmp_path, lifetime=5))
                   for kind in KINDS]
        nodes = [dynamodb.start(env=source.env) for source in sources]
        # Without --reconnect, every answer but ids is a failure.
        clients = [start_load("http", "--url", node.url, "--clients", 8, "--ids", 1_000,
                              "--seconds", 9) for node in nodes]
        for client in clients:
            print(finish(client))
        assert not dynamodb.proxy.refused, "a key was used after its end"
        for kind, source in zip(KINDS, sources):
            assert len(source.endpoint.issued) >= 4, kind
        assert sum(node.stop()["burned"] for node in nodes) == 0
        value = dynamodb.table.value()
        done = check("--exact", value, "--no-gap", "--value", value,
                     *[client.history for client in clients])
        assert done.returncode == 0, done.stdout


def test_renewal_is_no_stall(dynamodb, tmp_path):
    """A slow endpoint slows no request: it is asked on the side."""
    with source_of("container", dynamodb, tmp_path, lifetime=6) as source:
        node = dynamodb.start(env=source.env)
        source.endpoint.delay_s = 1.5
        longest = 0.0
        with node.connect() as connection:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                started = time.monotonic()
                assert connection.ask("GET", "/next").status == 200
                longest = max(longest, time.monotonic() - started)
        print(f"longest request {longest:.2f} s")
        assert source.endpoint.requests["keys"] >= 2
        assert longest < 1.2
        assert not dynamodb.proxy.refused


def test_failed_renewal_keeps_the_old_keys(dynamodb, tmp_path):
    with source_of("container", dynamodb, tmp_path, lifetime=8) as source:
        node = dynamodb.start(env=source.env)
        first = source.endpoint.issued[0]
        source.endpoint.fail_with = Reply(503, "{}")
        warning = f"Can't renew the AWS credentials from {source.named}, which stay in use"
        poll(lambda: warning in node.log(), "the failed renewal is told")
        assert time.time() < first.expires
        assert node.next_id() == 1
        assert node.log().count("Can't renew") == 1
        metrics = metrics_of(node)
        assert metrics.get(RENEWAL_FAILING) == 1
        assert abs(metrics.get(EXPIRY) - first.expires) < 2  # Sources tell it in whole seconds.
        source.endpoint.fail_with = None
        poll(lambda: len(source.endpoint.issued) > 1, "keys are renewed")
        poll(lambda: "The AWS credentials are renewed again" in node.log(), "that is told, too")
        metrics = metrics_of(node)
        assert metrics.get(RENEWAL_FAILING) == 0
        assert metrics.get(EXPIRY) > first.expires
        poll(lambda: time.time() > first.expires, "the old keys expire")
        assert node.next_id() == 2
        assert not dynamodb.proxy.refused


def test_keys_that_expired_come_back(dynamodb, tmp_path, capsys):
    """The endpoint was away for longer than the keys lived."""
    with source_of("container", dynamodb, tmp_path, lifetime=3) as source:
        node = dynamodb.start("--request-timeout", "1s", env=source.env)
        assert node.next_id() == 1
        source.endpoint.fail_with = Reply(503, "{}")

        def refusal():
            answer = node.ask("GET", "/next")
            return answer if answer.status == 503 else None

        # The first refusal may come before the failed renewal is known.
        def tells():
            answer = refusal()
            return answer and "renewing them fails" in answer.json()["detail"]

        poll(refusal, "the keys expire")
        poll(tells, "the refusal says why")
        assert "have expired" in refusal().json()["detail"]
        source.endpoint.lifetime = 600
        source.endpoint.fail_with = None
        back = time.monotonic()
        poll(lambda: node.ask("GET", "/next").status == 200, "ids are served again", seconds=15)
        with capsys.disabled():
            print(f"\n  service resumed {time.monotonic() - back:.1f} s after the keys' endpoint",
                  end="")
        counts = node.stop()
        assert counts["returned"] + counts["burned"] == dynamodb.table.value()


# ---- Rotation

def test_rotated_keys_in_files(dynamodb, start_load, tmp_path, capsys):
    """The file is rewritten, the old key revoked: nothing has to be restarted, no id is lost."""
    path = tmp_path / "credentials"
    key = dynamodb.keys.issue()
    write_credentials(path, default=key)
    node = dynamodb.start(env={**dynamodb.isolated, "AWS_SHARED_CREDENTIALS_FILE": str(path)})
    enough = tmp_path / "enough"
    # Requests wait for up to 5 s: that is enough for new keys, so none fails.
    client = start_load("http", "--url", node.url, "--clients", 16, "--ids", 1_000,
                        "--keep-going-until-file", enough)
    times = []
    for _ in range(3):
        before = dynamodb.table.value()
        poll(lambda: dynamodb.table.value() > before + 500, "ids are served")
        fresh = dynamodb.keys.issue()
        write_credentials(path, default=fresh)
        dynamodb.keys.revoke(key)
        revoked = time.monotonic()
        poll(lambda: fresh.access_key_id in dynamodb.proxy.recent[-1].header("authorization"),
             "the new key is in use")
        times.append(time.monotonic() - revoked)
        key = fresh
    enough.touch()
    print(finish(client))
    with capsys.disabled():
        print(f"\n  service resumed after {', '.join(f'{t:.2f}' for t in times)} s", end="")
    assert max(times) < 4
    assert dynamodb.proxy.refused["UnrecognizedClientException"] >= 3
    value = dynamodb.table.value()
    assert node.stop()["burned"] == 0
    done = check("--exact", value, "--no-gap", "--value", value, client.history)
    assert done.returncode == 0, done.stdout


def test_key_revoked_before_the_file_is_rewritten(dynamodb, tmp_path):
    path = tmp_path / "credentials"
    key = dynamodb.keys.issue()
    write_credentials(path, default=key)
    node = dynamodb.start("--request-timeout", "1s",
                          env={**dynamodb.isolated, "AWS_SHARED_CREDENTIALS_FILE": str(path)})
    assert node.next_id() == 1
    dynamodb.keys.revoke(key)
    answer = node.ask("GET", "/next")
    assert answer.status == 503
    assert "the AWS profile 'default' is not accepted" in answer.json()["detail"]
    write_credentials(path, default=dynamodb.keys.issue())
    poll(lambda: node.ask("GET", "/next").status == 200, "ids are served with the new key")
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == dynamodb.table.value()


def test_several_valid_keys(dynamodb):
    """Nodes with different keys share a counter, and one key's end is no matter of the others."""
    keys = [dynamodb.keys.issue(token=number % 2 == 0) for number in range(3)]
    nodes = [dynamodb.start("--request-timeout", "1s",
                            env={**dynamodb.isolated, **key.environment}) for key in keys]
    for number in range(1, 10):
        assert nodes[number % 3].next_id() == number
    dynamodb.keys.revoke(keys[0])
    assert nodes[0].ask("GET", "/next").status == 503
    assert nodes[1].next_id() == 10
    assert nodes[2].next_id() == 11
