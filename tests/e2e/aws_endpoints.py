"""Where AWS programs get their keys from, on this machine: each place gives keys of a KeyRing."""

import http.server
import json
import secrets
import sys
import threading
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Reply:
    status: int
    body: str
    content_type: str = "application/json"


class _Endpoint:
    """An HTTP server on a port that the system chooses; answer() is what the kinds differ in."""

    def __init__(self, keys, lifetime=3600.0):
        self.keys = keys
        self.lifetime = lifetime  # Of the keys given from now on, in seconds.
        self.issued = []
        self.requests = Counter()  # By what was asked for.
        self.fail_with = None  # A Reply instead of keys, while it is set.
        self.delay_s = 0.0  # Before each answer.
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        name=type(self).__name__, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def issue(self):
        key = self.keys.issue(lifetime=self.lifetime)
        self.issued.append(key)
        return key

    def answer(self, method, path, headers, body):
        raise NotImplementedError

    def _handler(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(endpoint.delay_s)
                reply = endpoint.answer(self.command, self.path, self.headers, body.decode())
                data = reply.body.encode()
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _do

            def log_message(self, *_):
                pass

        return Handler


def _container_json(key):
    return json.dumps({"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key,
                       "Token": key.session_token, "Expiration": key.expiration})


class ContainerEndpoint(_Endpoint):
    """ECS and EKS Pod Identity: keys at a path, to those who show the token."""
    PATH = "/v1/credentials"

    def __init__(self, keys, authorization=None, **options):
        self.authorization = authorization  # Expected token; None: none is needed.
        super().__init__(keys, **options)

    @property
    def full_uri(self):
        return self.url + self.PATH

    def answer(self, method, path, headers, body):
        if (method, path) != ("GET", self.PATH):
            return Reply(404, json.dumps({"code": "NotFound", "message": path}))
        if self.authorization is not None and headers.get("Authorization") != self.authorization:
            self.requests["refused"] += 1
            return Reply(401, json.dumps({"code": "InvalidToken", "message": "bad token"}))
        self.requests["keys"] += 1
        return self.fail_with or Reply(200, _container_json(self.issue()))


class InstanceMetadata(_Endpoint):
    """EC2's metadata service, version 2 only: a token first, then the role, then its keys."""
    KEYS = "/latest/meta-data/iam/security-credentials/"

    def __init__(self, keys, role="nextid-role", **options):
        self.role = role  # None: the instance has no role.
        self.stale_answers = 0  # So many of the next requests find their token forgotten.
        self._tokens = {}  # Token: until when.
        super().__init__(keys, **options)

    def forget_tokens(self):
        """As after a migration of the instance: clients have to ask for another."""
        self._tokens.clear()

    def answer(self, method, path, headers, body):
        if (method, path) == ("PUT", "/latest/api/token"):
            return self._give_token(headers)
        if self.stale_answers > 0:
            self.stale_answers -= 1
            self.forget_tokens()
        if self._tokens.get(headers.get("X-aws-ec2-metadata-token"), 0) < time.monotonic():
            self.requests["unauthorized"] += 1
            return Reply(401, "Unauthorized", "text/html")
        if path == self.KEYS and self.role:
            self.requests["role"] += 1
            return Reply(200, self.role, "text/plain")
        if path == f"{self.KEYS}{self.role}":
            self.requests["keys"] += 1
            return self.fail_with or self._give_keys()
        return Reply(404, "Not Found", "text/html")

    def _give_token(self, headers):
        self.requests["token"] += 1
        seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            return Reply(400, "Bad Request", "text/html")
        token = secrets.token_urlsafe(40)
        self._tokens[token] = time.monotonic() + int(seconds)
        return Reply(200, token, "text/plain")

    def _give_keys(self):
        fields = json.loads(_container_json(self.issue()))
        return Reply(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC",
                                      "LastUpdated": "2026-01-01T00:00:00Z", **fields}))


class WebIdentity(_Endpoint):
    """STS: keys of a role for the token of another authority, in XML."""

    def __init__(self, keys, role_arn, web_token, **options):
        self.role_arn = role_arn
        self.web_token = web_token
        self.session_names = []
        super().__init__(keys, **options)

    def answer(self, method, path, headers, body):
        parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query)
                          + urllib.parse.parse_qsl(body))
        action = parameters.get("Action", "")
        self.requests[action] += 1
        if headers.get("Authorization"):
            return self.error(400, "IncompleteSignature", "this call is not signed")
        if action != "AssumeRoleWithWebIdentity" or parameters.get("Version") != "2011-06-15":
            return self.error(400, "InvalidAction", f"Could not find operation {action}")
        if parameters.get("WebIdentityToken") != self.web_token:
            return self.error(400, "InvalidIdentityToken",
                              "No OpenIDConnect provider found in your account for <this> token")
        if parameters.get("RoleArn") != self.role_arn or not parameters.get("RoleSessionName"):
            return self.error(403, "AccessDenied",
                              "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        self.session_names.append(parameters["RoleSessionName"])
        return self.fail_with or Reply(200, self._keys_xml(self.issue()), "text/xml")

    def _keys_xml(self, key):
        return f"""\
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>AROATEST:session</AssumedRoleId>
      <Arn>{self.role_arn}/session</Arn>
    </AssumedRoleUser>
    <Provider>arn:aws:iam::123456789012:oidc-provider/example</Provider>
    <Credentials>
      <AccessKeyId>{key.access_key_id}</AccessKeyId>
      <SecretAccessKey>{escape(key.secret_access_key)}</SecretAccessKey>
      <SessionToken>{escape(key.session_token)}</SessionToken>
      <Expiration>{key.expiration}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>system:serviceaccount:ids:nextid</SubjectFromWebIdentityToken>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>{secrets.token_hex(16)}</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
"""

    @staticmethod
    def error(status, code, message):
        return Reply(status, f"""\
<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>{code}</Code>
    <Message>{escape(message)}</Message>
  </Error>
  <RequestId>{secrets.token_hex(16)}</RequestId>
</ErrorResponse>
""", "text/xml")


class CredentialProcess(_Endpoint):
    """A program that prints keys, as credential_process names it; it gets them from here."""

    def command(self, directory):
        """Writes the program below `directory`; returns how to call it, in spite of the space."""
        program = directory / "print keys.py"
        program.write_text(
            "import sys, urllib.request\n"
            "opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
            "sys.stdout.write(opener.open(sys.argv[1]).read().decode())\n")
        return f'{sys.executable} "{program}" {self.url}/keys'

    def answer(self, method, path, headers, body):
        self.requests["keys"] += 1
        if self.fail_with:
            return self.fail_with
        key = self.issue()
        return Reply(200, json.dumps({
            "Version": 1, "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key, "SessionToken": key.session_token,
            "Expiration": key.expiration}))
