"""What TLS lets in and what it keeps out, a row for each case, on the ports of both protocols."""

import itertools
import re
import shutil
import ssl
import subprocess
import warnings

import pytest

import nextid
from certificates import Authority

PROTOCOLS = ["http", "resp"]
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# For one id, in each protocol; and how the answer begins.
REQUESTS = {"http": b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n", "resp": b"INCR global\r\n"}
ANSWERS = {"http": b"HTTP/1.1 200 OK\r\n", "resp": b":"}

SERVED = "served"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="module")
def server_certificate(authority):
    return authority.certificate_for("IP:127.0.0.1")


@pytest.fixture
def start_tls(start_server, server_certificate, authority):
    def start(*options, certificate=None):
        own = ssl.create_default_context(cafile=authority.file)
        if certificate:
            own.load_cert_chain(certificate.certificate, certificate.key)
        return start_server("--tls-cert", server_certificate.certificate,
                            "--tls-key", server_certificate.key, *options, tls=own)

    return start


def port_of(server, protocol):
    if protocol == "http":
        return server.port
    return int(re.search(r"rediss?://127\.0\.0\.1:(\d+)", server.log()).group(1))


def client_of(authority, version, suites=None, certificate=None):
    """A client that speaks that version alone, and any strength that OpenSSL has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.file)
    context.set_ciphers(f"{suites or 'ALL'}@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if certificate:
        context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def outcome(server, protocol, context, expected, session=None):
    """SERVED, or the alert with which the server ends the handshake."""
    connection = nextid.Connection(port_of(server, protocol))
    try:
        connection.socket = context.wrap_socket(connection.socket, server_hostname="127.0.0.1",
                                                session=session)
        # A client of TLS 1.3 has done its part before the server judges it. What it sent then could
        # have the alert lost.
        if expected == SERVED:
            connection.send(REQUESTS[protocol])
        answer = connection.socket.recv(4096)
        return SERVED if answer.startswith(ANSWERS[protocol]) else answer
    except ssl.SSLError as error:
        return error.reason.rpartition("ALERT_")[2]
    except TimeoutError:
        return "let in"
    finally:
        connection.close()


# --- Versions and suites

# The version, the suites of TLS 1.2 that the client has, and what comes of it.
HANDSHAKES = [
    ("1.0", None, "PROTOCOL_VERSION"),
    ("1.1", None, "PROTOCOL_VERSION"),
    ("1.2", None, SERVED),
    ("1.3", None, SERVED),
    ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", SERVED),
    ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", SERVED),
    ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", SERVED),
    # Without encryption or without a certificate.
    ("1.2", "eNULL", "HANDSHAKE_FAILURE"),
    ("1.2", "aNULL", "HANDSHAKE_FAILURE"),
    # Without authenticated encryption.
    ("1.2", "ECDHE-ECDSA-AES128-SHA", "HANDSHAKE_FAILURE"),
    ("1.2", "ECDHE-ECDSA-AES256-SHA384", "HANDSHAKE_FAILURE"),
]


def test_22_handshakes_by_version_and_suite(start_tls, authority):
    server = start_tls()
    cases = list(itertools.product(PROTOCOLS, HANDSHAKES))
    assert len(cases) == 22
    for protocol, (version, suites, expected) in cases:
        context = client_of(authority, version, suites)
        assert outcome(server, protocol, context, expected) == expected, (protocol, version, suites)
    served = sum(expected == SERVED for _, (_, _, expected) in cases)
    assert server.stop()["returned"] == served == 10


def s_client(server, protocol, *options, say):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port_of(server, protocol)}",
                           *map(str, options)], input=say, capture_output=True, text=True,
                          timeout=nextid.PATIENCE, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_renegotiation_no_compression_no_early_data(start_tls, authority, protocol, tmp_path):
    server = start_tls()
    said = s_client(server, protocol, "-tls1_2", "-comp", "-CAfile", authority.file, say="R\n")
    assert "Verify return code: 0" in said
    assert "RENEGOTIATING" in said and "no renegotiation" in said
    assert "Compression: NONE" in said
    context = client_of(authority, "1.3")
    with nextid.Connection(port_of(server, protocol), tls=context) as connection:
        connection.send(REQUESTS[protocol])
        assert connection.socket.recv(4096).startswith(ANSWERS[protocol])
        assert connection.socket.compression() is None
    session = tmp_path / "session.pem"
    s_client(server, protocol, "-tls1_3", "-CAfile", authority.file, "-ign_eof", "-sess_out", session,
             say="QUIT\r\n" if protocol == "resp" else
             "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    told = subprocess.run(["openssl", "sess_id", "-in", session, "-noout", "-text"], text=True,
                          capture_output=True, timeout=nextid.PATIENCE, check=True).stdout
    assert "Max Early Data: 0" in told
    assert server.stop()["returned"] == 1


# --- Plain text

PLAIN = [
    ("http", REQUESTS["http"], b"HTTP/1.1 400 "),
    ("http", REQUESTS["resp"], b""),
    ("http", b"*2\r\n$4\r\nINCR\r\n$6\r\nglobal\r\n", b""),
    ("resp", REQUESTS["resp"], b"-ERR This port speaks TLS"),
    ("resp", b"*2\r\n$4\r\nINCR\r\n$6\r\nglobal\r\n", b"-ERR This port speaks TLS"),
    ("resp", REQUESTS["http"], b""),
]


@pytest.mark.parametrize("protocol, sent, told", PLAIN)
def test_plain_text_is_cut_off(start_tls, protocol, sent, told):
    assert len(PLAIN) == 6
    server = start_tls()
    with nextid.Connection(port_of(server, protocol)) as connection:
        connection.send(sent * 2)
        try:
            answer = b"".join(iter(lambda: connection.socket.recv(4096), b""))
        except ConnectionResetError:
            answer = b""
    assert answer.startswith(told)
    assert not re.search(rb"^(HTTP/1.1 200|:)", answer, re.MULTILINE), answer
    assert server.stop()["returned"] == 0


# --- Certificates of clients

WITHOUT_CERTIFICATE = {"1.2": "HANDSHAKE_FAILURE", "1.3": "CERTIFICATE_REQUIRED"}


def client_certificates(authority, foreign):
    """Each with what comes of it; of none, it depends on the version."""
    return {
        "right": (authority.certificate_for("DNS:client"), SERVED),
        "clientAuth": (authority.certificate_for("DNS:client2", only_for="clientAuth"), SERVED),
        "none": (None, None),
        "serverAuth": (authority.certificate_for("DNS:server", only_for="serverAuth"),
                       "UNSUPPORTED_CERTIFICATE"),
        "expired": (authority.certificate_for("DNS:old", expired=True), "CERTIFICATE_EXPIRED"),
        "foreign": (foreign.certificate_for("DNS:client"), "UNKNOWN_CA"),
    }


def test_24_handshakes_by_the_clients_certificate(start_tls, authority, foreign):
    certificates = client_certificates(authority, foreign)
    server = start_tls("--tls-client-ca", authority.file, certificate=certificates["right"][0])
    cases = list(itertools.product(PROTOCOLS, ["1.2", "1.3"], certificates))
    assert len(cases) == 24
    for protocol, version, kind in cases:
        certificate, expected = certificates[kind]
        expected = expected or WITHOUT_CERTIFICATE[version]
        context = client_of(authority, version, certificate=certificate)
        assert outcome(server, protocol, context, expected) == expected, (protocol, version, kind)
    assert server.stop()["returned"] == 8


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sessions_end_with_the_authority_that_they_began_under(start_tls, authority, foreign, tmp_path,
                                                               protocol, version):
    trusted = tmp_path / "authorities.pem"
    shutil.copy(authority.file, trusted)
    right = authority.certificate_for("DNS:client")
    server = start_tls("--tls-client-ca", trusted, certificate=right)
    context = client_of(authority, version, certificate=right)

    def session(of=None):
        with nextid.Connection(port_of(server, protocol)) as connection:
            connection.socket = context.wrap_socket(connection.socket, session=of,
                                                    server_hostname="127.0.0.1")
            connection.send(REQUESTS[protocol])
            assert connection.socket.recv(4096).startswith(ANSWERS[protocol])
            assert connection.socket.session_reused == (of is not None)
            return connection.socket.session

    first = session()
    second = session(first)
    shutil.copy(foreign.file, trusted)
    server.reload()
    refused = "UNKNOWN_CA"
    for old in (first, second):
        assert outcome(server, protocol, context, refused, old) == refused
    assert server.stop()["returned"] == 2
