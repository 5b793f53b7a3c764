"""The tests' own endpoints for keys, as botocore understands them."""

import datetime
import http.client
import json
import shlex
import subprocess
import urllib.parse

import botocore.config
import botocore.exceptions
import botocore.session
import botocore.utils
import pytest
from botocore import UNSIGNED

from aws_endpoints import (ContainerEndpoint, CredentialProcess, InstanceMetadata, Reply,
                           WebIdentity)
from dynalite import Client

ROLE = "arn:aws:iam::123456789012:role/nextid"


def accepted(proxy, endpoint):
    """The endpoint's last key, which the proxy must take."""
    key = endpoint.issued[-1]
    with Client(proxy.url, key) as client:
        client("ListTables")
    return key


def ask(endpoint, method, path, headers=None, body=""):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint.url).netloc, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_container(proxy, keys):
    with ContainerEndpoint(keys, authorization="Basic abc") as endpoint:
        fetcher = botocore.utils.ContainerMetadataFetcher()
        found = fetcher.retrieve_full_uri(endpoint.full_uri, headers={"Authorization": "Basic abc"})
        key = accepted(proxy, endpoint)
        assert found == {"AccessKeyId": key.access_key_id, "Token": key.session_token,
                         "SecretAccessKey": key.secret_access_key, "Expiration": key.expiration}
        assert ask(endpoint, "GET", endpoint.PATH)[0] == 401
        assert ask(endpoint, "GET", "/other")[0] == 404
        endpoint.fail_with = Reply(500, "{}")
        assert ask(endpoint, "GET", endpoint.PATH, {"Authorization": "Basic abc"})[0] == 500
        assert endpoint.requests == {"keys": 2, "refused": 1}


def test_instance_metadata(proxy, keys):
    with InstanceMetadata(keys, lifetime=1800) as endpoint:
        fetcher = botocore.utils.InstanceMetadataFetcher(base_url=endpoint.url)
        found = fetcher.retrieve_iam_role_credentials()
        key = accepted(proxy, endpoint)
        assert (found["access_key"], found["secret_key"], found["token"]) == (
            key.access_key_id, key.secret_access_key, key.session_token)
        assert found["role_name"] == "nextid-role"
        assert endpoint.requests == {"token": 1, "role": 1, "keys": 1}

        assert ask(endpoint, "GET", endpoint.KEYS)[0] == 401
        assert ask(endpoint, "PUT", "/latest/api/token")[0] == 400
        for seconds, status in [("21600", 200), ("21601", 400), ("0", 400)]:
            answer = ask(endpoint, "PUT", "/latest/api/token",
                         {"X-aws-ec2-metadata-token-ttl-seconds": seconds})
            assert answer[0] == status
            if status == 200:
                token = {"X-aws-ec2-metadata-token": answer[1]}
        assert ask(endpoint, "GET", endpoint.KEYS, token) == (200, "nextid-role")
        endpoint.forget_tokens()
        assert ask(endpoint, "GET", endpoint.KEYS, token)[0] == 401


def sts(endpoint):
    return botocore.session.Session().create_client(
        "sts", region_name="eu-west-1", endpoint_url=endpoint.url,
        config=botocore.config.Config(signature_version=UNSIGNED))


def test_web_identity(proxy, keys):
    with WebIdentity(keys, ROLE, "web token") as endpoint:
        client = sts(endpoint)
        found = client.assume_role_with_web_identity(
            RoleArn=ROLE, RoleSessionName="me", WebIdentityToken="web token")["Credentials"]
        key = accepted(proxy, endpoint)
        assert (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]) == (
            key.access_key_id, key.secret_access_key, key.session_token)
        assert found["Expiration"] == datetime.datetime.fromtimestamp(
            key.expires, datetime.timezone.utc)
        assert endpoint.session_names == ["me"]
        for role, token, name in [(ROLE, "other", "InvalidIdentityToken"),
                                  (ROLE + "x", "web token", "AccessDenied")]:
            with pytest.raises(botocore.exceptions.ClientError) as caught:
                client.assume_role_with_web_identity(
                    RoleArn=role, RoleSessionName="me", WebIdentityToken=token)
            assert caught.value.response["Error"]["Code"] == name
        assert endpoint.requests == {"AssumeRoleWithWebIdentity": 3}


def test_credential_process(proxy, keys, tmp_path):
    with CredentialProcess(keys) as endpoint:
        command = shlex.split(endpoint.command(tmp_path))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        key = accepted(proxy, endpoint)
        assert json.loads(done.stdout) == {
            "Version": 1, "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key, "SessionToken": key.session_token,
            "Expiration": key.expiration}
        endpoint.fail_with = Reply(500, "no keys today")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0
        assert endpoint.requests == {"keys": 2}
