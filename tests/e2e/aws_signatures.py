"""Keys that sign AWS requests, and the check of a signature that the emulators leave out."""

import datetime
import hashlib
import itertools
import re
import secrets
import time
from dataclasses import dataclass
from typing import Optional

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

# How far a client's clock may be behind or ahead of the service's.
MOST_BEHIND = datetime.timedelta(minutes=15)
MOST_AHEAD = datetime.timedelta(minutes=5)

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/ ,]+)/(\d{8})/([^/ ,]+)/([^/ ,]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")


@dataclass(frozen=True)
class Key:
    """What a program signs with. Times are those of time.time()."""
    access_key_id: str
    secret_access_key: str
    session_token: Optional[str] = None
    expires: Optional[float] = None

    @property
    def botocore(self):
        return Credentials(self.access_key_id, self.secret_access_key, self.session_token)

    @property
    def expiration(self):
        """As endpoints that give out keys write it: "2026-11-25T11:00:00Z"."""
        assert self.expires is not None
        moment = datetime.datetime.fromtimestamp(self.expires, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def environment(self):
        """The variables that give it to a program."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id,
                     "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables


class KeyRing:
    """The keys that a service accepts; they may come and go at any time, from any thread."""

    def __init__(self):
        self._keys = {}
        self._revoked = set()
        self._numbers = itertools.count(1)

    def issue(self, lifetime=None, token=None):
        """A new key. One with a lifetime in seconds has a session token, as those of roles do."""
        number = next(self._numbers)
        temporary = lifetime is not None if token is None else token
        key = Key(
            access_key_id=f"{'ASIA' if temporary else 'AKIA'}TEST{number:012}",
            # Characters that need care in files, headers and URLs.
            secret_access_key=f"{secrets.token_hex(12)}/+{secrets.token_hex(6)}=",
            session_token=f"{secrets.token_urlsafe(240)}//+=={number}" if temporary else None,
            # Whole seconds, as the endpoints write it.
            expires=None if lifetime is None else float(int(time.time() + lifetime)))
        self._keys[key.access_key_id] = key
        return key

    def revoke(self, key):
        self._revoked.add(key.access_key_id)

    def accept_all(self):
        """Also those that were revoked."""
        self._revoked.clear()

    def find(self, access_key_id):
        return None if access_key_id in self._revoked else self._keys.get(access_key_id)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not done: the name of the error, and AWS's sentence."""
    error: str
    message: str


class _Recomputation(SigV4Auth):
    """botocore's signing, of all the headers that the request has here: those the client signed."""

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name] = value
        return headers


class SignatureCheck:
    """Recomputes signatures with botocore. `clock` gives the service's time, as time.time()."""

    def __init__(self, keys, service="dynamodb", region=None, clock=time.time):
        self.keys = keys
        self.service = service
        self.region = region  # None accepts any.
        self.clock = clock

    def refusal(self, method, target, headers, body):
        """None when the request is well signed. `headers` are pairs, names in lower case."""
        fields = {}
        for name, value in headers:
            fields.setdefault(name, []).append(value)
        given = ", ".join(fields.get("authorization", []))
        if not given:
            return Refusal("MissingAuthenticationTokenException",
                           "Request is missing Authentication Token")
        parsed = _AUTHORIZATION.fullmatch(given)
        if not parsed:
            return Refusal("IncompleteSignatureException",
                           f"Authorization header is not understood. Authorization={given}")
        access_key_id, day, region, service, names, signature = parsed.groups()
        signed = names.split(";")
        timestamp = fields.get("x-amz-date", [""])[0]
        token = fields.get("x-amz-security-token", [None])[0]
        return (self._bad_scope(timestamp, day, region, service)
                or self._bad_headers(fields, signed)
                or self._bad_time(timestamp)
                or self._bad_key(access_key_id, token)
                or self._bad_signature(AWSRequest(
                    method=method, url=f"http://unused{target}", data=body,
                    headers={name: fields[name][0] for name in signed}),
                    self.keys.find(access_key_id), timestamp, region, signature))

    def _bad_scope(self, timestamp, day, region, service):
        problems = []
        if self.region not in (None, region):
            problems.append(f"Credential should be scoped to a valid region, not '{region}'. ")
        if service != self.service:
            problems.append(f"Credential should be scoped to correct service: '{self.service}'. ")
        if not timestamp.startswith(day):
            problems.append("Date in Credential scope does not match YYYYMMDD from ISO-8601 version"
                            f" of date from HTTP: '{day}' != '{timestamp[:8]}'.")
        return Refusal("InvalidSignatureException", "".join(problems)) if problems else None

    @staticmethod
    def _bad_headers(fields, signed):
        if "host" not in signed:
            return Refusal("InvalidSignatureException",
                           "'Host' or ':authority' must be a 'SignedHeader' in the AWS"
                           " Authorization.")
        unsigned = [name for name in fields if name.startswith("x-amz-") and name not in signed]
        absent = [name for name in signed if name not in fields]
        repeated = [name for name in signed if len(fields.get(name, [])) > 1]
        if unsigned or absent or repeated:
            return Refusal("InvalidSignatureException",
                           "There were headers present in the request which were not signed, or the"
                           f" other way: {', '.join(unsigned + absent + repeated)}")
        return None

    def _bad_time(self, timestamp):
        try:
            signed = datetime.datetime.strptime(timestamp, SIGV4_TIMESTAMP)
        except ValueError:
            return Refusal("IncompleteSignatureException",
                           f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'.")
        now = datetime.datetime.utcfromtimestamp(self.clock())

        def text(moment):
            return moment.strftime(SIGV4_TIMESTAMP)

        if signed < now - MOST_BEHIND:
            return Refusal("InvalidSignatureException",
                           f"Signature expired: {timestamp} is now earlier than"
                           f" {text(now - MOST_BEHIND)} ({text(now)} - 15 min.)")
        if signed > now + MOST_AHEAD:
            return Refusal("InvalidSignatureException",
                           f"Signature not yet current: {timestamp} is still later than"
                           f" {text(now + MOST_AHEAD)} ({text(now)} + 5 min.)")
        return None

    def _bad_key(self, access_key_id, token):
        key = self.keys.find(access_key_id)
        if key is None or key.session_token != token:
            return Refusal("UnrecognizedClientException",
                           "The security token included in the request is invalid.")
        # By the real clock: a service whose clock is set wrong would know no valid key.
        if key.expires is not None and key.expires <= time.time():
            return Refusal("ExpiredTokenException",
                           "The security token included in the request is expired")
        return None

    def _bad_signature(self, request, key, timestamp, region, signature):
        request.context["timestamp"] = timestamp
        # The digest of what arrived, whatever a header says of it.
        digest = hashlib.sha256(request.data or b"").hexdigest()
        stated = request.headers.get("x-amz-content-sha256", digest)
        auth = _Recomputation(key.botocore, self.service, region)
        expected = auth.signature(
            auth.string_to_sign(request, auth.canonical_request(request)), request)
        if stated == digest and secrets.compare_digest(expected, signature):
            return None
        return Refusal(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check"
            " your AWS Secret Access Key and signing method. Consult the service documentation for"
            " details.")


def signed_headers(key, region, host, target, body, service="dynamodb", target_path="/"):
    """The headers of a POST as botocore signs it, for clients of the tests."""
    request = AWSRequest(method="POST", url=f"http://{host}{target_path}", data=body, headers={
        "Host": host, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target})
    SigV4Auth(key.botocore, service, region).add_auth(request)
    return dict(request.headers.items())
