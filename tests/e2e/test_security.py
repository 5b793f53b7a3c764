"""Who may do what, over what, and what a browser can't be used for."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
import redis

import nextid
from certificates import Authority
from nextid import INVALID, NOTHING_BURNED, OK, is_problem, poll


def make_token(name, rights, *counters):
    """(the token, its line of the file)"""
    made = nextid.run("token", name, "--rights", rights, "--counters", *counters)
    assert made.returncode == OK, made
    token, line = made.stdout.splitlines()
    return token, line


def bearer(token):
    return [f"Authorization: Bearer {token}"]


@pytest.fixture(scope="module")
def made():
    """One token of each kind."""
    return {"reader": make_token("reader", "read", "*"),
            "billing": make_token("billing", "read,allocate", "orders:*", "invoices"),
            "admin": make_token("admin", "define", "*")}


@pytest.fixture
def token_file(tmp_path, made):
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    path.write_text("# who may do what\n" + "".join(f"{line}\n" for _, line in made.values()))
    return path


@pytest.fixture
def tokens(made):
    return {name: token for name, (token, _) in made.items()}


# --- Tokens


def test_tokens_allow_what_their_line_says(start_server, token_file, tokens):
    server = start_server("--tokens", token_file)
    calls = {
        ("POST", "/v1/counters/orders:eu/next"): {"billing"},
        ("GET", "/range?count=2&counter=invoices"): {"billing"},
        ("GET", "/next"): set(),
        ("GET", "/v1/counters/orders:eu"): {"billing", "reader"},
        ("GET", "/v1/counters/global"): {"reader"},  # 404, but it may ask.
        ("GET", "/v1/counters"): {"reader"},
        ("GET", "/metrics"): {"reader"},
        ("GET", "/v1/status"): {"reader"},
        ("PUT", "/v1/counters/tickets"): {"admin"},
        ("POST", "/v1/counters/orders:eu/advance"): {"admin"},  # 400, without a body.
        ("GET", "/healthz"): {"billing", "reader", "admin"},
        ("GET", "/readyz"): {"billing", "reader", "admin"},
    }
    with server.connect() as connection:
        for (method, target), allowed in calls.items():
            for name, token in tokens.items():
                answer = connection.ask(method, target, headers=bearer(token))
                if name in allowed:
                    assert answer.status in (200, 204, 400, 404), (target, name, answer)
                elif answer.status != 400 or "advance" not in target:
                    assert is_problem(answer, 403, "forbidden"), (target, name)
                    assert f"'{name}'" in answer.json()["detail"]
            for wrong in ([], bearer("wrong"), bearer(""), ["Authorization: Basic eDp5"],
                          bearer(tokens["billing"] + "x"), bearer(tokens["billing"][:-1])):
                answer = connection.ask(method, target, headers=wrong)
                if target in ("/healthz", "/readyz"):
                    assert answer.status == 200
                    continue
                assert is_problem(answer, 401, "unauthorized"), (target, wrong)
                assert answer.headers["www-authenticate"].startswith("Bearer realm=")
        assert connection.ask("GET", "/nowhere").status == 404
        twice = connection.ask("GET", "/next", headers=bearer(tokens["billing"]) * 2)
        assert is_problem(twice, 400, "invalid")
        # The scheme's case does not matter, and each request counts for itself.
        lower = connection.ask("GET", "/next?counter=invoices",
                               headers=[f"authorization: bearer {tokens['billing']}"])
        assert lower.status == 200
        assert connection.ask("GET", "/next?counter=invoices").status == 401
    assert server.stop() == {"returned": 4, **NOTHING_BURNED}


def test_who_may_change_a_counter_is_not_shown_it(start_server, token_file, tokens):
    both, line = make_token("both", "read,define", "*")
    token_file.write_text(token_file.read_text() + line + "\n")
    server = start_server("--tokens", token_file)
    path, max_is_5 = "/v1/counters/orders", b'{"max":5,"comment":"secret"}'
    with server.connect() as connection:
        def ask(token, method, target, body=b"", *headers):
            return connection.ask(method, target, body=body, headers=[*bearer(token), *headers])

        def done(answer):
            assert (answer.status, answer.body) == (204, b"")
            assert not {"etag", "location", "content-type"} & set(answer.headers), answer
            return True

        def says_nothing(answer, status, code):
            assert is_problem(answer, status, code)
            assert answer.json()["detail"] == (
                "The counter, as it is, does not allow that; what it is takes the right to read.")
            return True

        blind, seeing = tokens["admin"], both
        assert done(ask(blind, "PUT", path, max_is_5))
        assert done(ask(blind, "PUT", path, b"{}"))
        assert done(ask(blind, "POST", f"{path}/advance", b'{"to":3}'))
        assert says_nothing(ask(blind, "PUT", path, b'{"max":2}'), 409, "conflict")
        assert says_nothing(ask(blind, "PUT", path, b'{"start":2}'), 409, "conflict")
        assert says_nothing(ask(blind, "PUT", path, b"{}", 'If-Match: "9"'), 412, "precondition_failed")
        assert says_nothing(ask(blind, "POST", f"{path}/advance", b'{"to":9}'), 400, "invalid")
        assert ask(blind, "GET", path).status == 403
        # With both rights it is as without tokens.
        shown = ask(seeing, "PUT", path, b"{}")
        assert (shown.status, shown.json()["value"], shown.json()["comment"]) == (200, 3, "secret")
        assert ask(seeing, "POST", f"{path}/advance", b'{"to":4}').json()["value"] == 4
        assert "has reached 4" in ask(seeing, "PUT", path, b'{"max":2}').json()["detail"]
        made = ask(seeing, "PUT", "/v1/counters/new", b"{}")
        assert made.status == 201 and made.headers["location"] == "./new"


def test_whoever_is_unknown_learns_nothing_of_the_request(start_server, token_file):
    server = start_server("--tokens", token_file)
    assert is_problem(server.ask("GET", "/range?count=0"), 401, "unauthorized")
    assert is_problem(server.ask("PUT", "/v1/counters/a", body=b"{"), 401, "unauthorized")


def test_tokens_are_read_again_on_sighup(start_server, token_file, tokens):
    server = start_server("--tokens", token_file)
    new, line = make_token("new", "allocate", "*")
    with server.connect() as connection:
        def status(token):
            return connection.ask("GET", "/next?counter=invoices", headers=bearer(token)).status

        assert (status(new), status(tokens["billing"])) == (401, 200)
        token_file.write_text(line + "\n")
        server.reload()
        assert (status(new), status(tokens["billing"])) == (200, 401)


def test_a_token_is_appended_to_the_file(start_server, tmp_path):
    path = tmp_path / "tokens"

    def append(name):
        made = nextid.run("token", name, "--file", path)
        assert made.returncode == OK and re.fullmatch(r"nextid_[\w-]{43}\n", made.stdout), made
        assert made.stdout.strip() not in made.stderr + path.read_text()
        return made.stdout.strip()

    first = append("first")
    assert path.stat().st_mode & 0o777 == 0o600
    server = start_server("--tokens", path)
    second = append("second")
    with server.connect() as connection:
        def status(token):
            return connection.ask("GET", "/next", headers=bearer(token)).status

        assert (status(first), status(second)) == (200, 401)
        server.reload()
        assert (status(first), status(second)) == (200, 200)
    before = path.read_text()
    done = nextid.run("token", "first", "--file", path)
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert done.stderr == (f"nextid: {path} has a token 'first' already; choose another name, or remove"
                           " its line first.\n")
    assert path.read_text() == before


def test_a_bad_token_file_changes_nothing(start_server, token_file, tokens):
    server = start_server("--tokens", token_file)
    good = token_file.read_text()
    for bad in ["", "nonsense\n", good + f"pasted {tokens['reader']} read *\n", good + good, None]:
        if bad is None:
            token_file.unlink()
        else:
            token_file.write_text(bad)
        server.reload()
        answer = server.ask("GET", "/next?counter=invoices", headers=bearer(tokens["billing"]))
        assert answer.status == 200, bad
    assert server.log().count("The tokens from before stay in force.") == 5
    assert f"{token_file}, line 5: the second word must be" in server.log()
    assert tokens["reader"] not in server.log()


def test_a_server_does_not_start_with_a_bad_token_file(tmp_path, tokens):
    path = tmp_path / "tokens"
    path.write_text(f"billing {tokens['billing']} allocate *\n")
    ended = nextid.run("serve", "--http", "127.0.0.1:0", "--tokens", path, cwd=tmp_path)
    assert ended.returncode == INVALID
    assert ended.stderr.startswith(f"nextid: {path}, line 1: "), ended.stderr
    assert tokens["billing"] not in ended.stderr
    assert not (tmp_path / "ids.db").exists()
    missing = nextid.run("serve", "--http", "127.0.0.1:0", "--tokens", "missing", cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (
        INVALID, "nextid: Can't read the token file missing: No such file or directory.\n")


def test_a_file_that_others_may_read_is_warned_of(start_server, token_file):
    token_file.chmod(0o644)
    server = start_server("--tokens", token_file)
    assert f"Other users of this machine may read {token_file}" in server.log()


def test_wrong_arguments_of_the_token_command():
    for arguments in (["a b"], [""], ["a", "--rights", "write"], ["a", "--counters", "a,b"]):
        wrong = nextid.run("token", *arguments)
        assert wrong.returncode == INVALID, arguments
        assert wrong.stdout == "", arguments


def test_secrets_appear_nowhere(start_server, token_file, tokens, tmp_path):
    secret = tokens["billing"]
    server = start_server("--tokens", token_file, "--max-counters", "1")
    seen = []
    with server.connect() as connection:
        for headers in (bearer(secret), bearer(secret + "x"), bearer(secret) * 2,
                        [f"Authorization: {secret}"], [f"Authorization: Basic {secret}"]):
            for target in ("/next?counter=invoices", "/next?counter=orders:1", "/next", "/range",
                           "/v1/counters", "/healthz"):
                answer = connection.ask("GET", target, headers=headers)
                seen.append(str(answer.headers) + answer.body.decode())
        for target in ("/metrics", "/v1/status"):
            shown = connection.ask("GET", target, headers=bearer(tokens["reader"]))
            assert shown.status == 200
            seen.append(shown.body.decode())
        connection.send(f"GET /next HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n"
                        "broken\r\n\r\n".encode())
        seen.append(connection.answer().body.decode())
    proc = Path("/proc") / str(server.process.pid)
    seen += [(proc / "cmdline").read_text(), (proc / "environ").read_text()]
    server.reload()
    server.stop()
    digest = token_file.read_text().split("sha256:")[1][:64]
    for text in [*seen, server.log()]:
        for token in (*tokens.values(), digest):
            assert token[7:] not in text, text
    assert "503" in server.log()  # There was something to tell.


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.certificate_for("IP:127.0.0.1")


def client_of(authority, certificate=None):
    context = ssl.create_default_context(cafile=authority.file)
    if certificate:
        context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def tls_options(certificate):
    return ["--tls-cert", certificate.certificate, "--tls-key", certificate.key]


@pytest.fixture
def tls_server(start_server, authority, certificate):
    return start_server(*tls_options(certificate), "--header-timeout", "1s",
                        tls=client_of(authority))


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--noproxy", "*", *map(str, arguments)], timeout=30,
                          capture_output=True, text=True)


def test_curl_speaks_tls(tls_server, authority, tmp_path):
    url = f"https://127.0.0.1:{tls_server.port}/next"
    assert curl("--cacert", authority.file, url).stdout == '{"id":1}'
    assert curl("--cacert", authority.file, "--tlsv1.2", "--tls-max", "1.2", url).stdout == '{"id":2}'
    assert curl(url).returncode == 60  # The authority is unknown.
    old = curl("--cacert", authority.file, "--ciphers", "DEFAULT@SECLEVEL=0", "--tls-max", "1.1", url)
    assert old.returncode == 35 and old.stdout == ""


def resp_port(server):
    return int(re.search(r"rediss?://127[.]0[.]0[.]1:(\d+)", server.log()).group(1))


def test_plain_clients_of_a_tls_port_are_told_so(tls_server):
    for torn in (False, True):
        with tls_server.connect(tls=None) as connection:
            if torn:
                connection.send(b"P")
                connection.wait_until_read()
                connection.send(b"OST /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
            else:
                connection.request("GET", "/next")
                connection.request("GET", "/next")
            answer = connection.answer()
            assert nextid.is_problem(answer, 400, "invalid")
            assert "https://" in answer.json()["detail"]
            assert answer.headers["connection"] == "close"
            assert connection.closed_by_server()
    assert tls_server.value() == 0
    with nextid.Connection(resp_port(tls_server)) as connection:
        connection.send(b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n")
        line = connection.socket.makefile("rb").readline()
        assert line == b"-ERR This port speaks TLS: connect with rediss:// (redis-cli --tls).\r\n"
    assert tls_server.value("a") == 0
    # What is neither text nor TLS gets no text.
    with tls_server.connect(tls=None) as connection:
        connection.send(b"\x00\x01\x02\x03\x04\x05")
        assert not connection.socket.recv(100).startswith((b"HTTP", b"-ERR"))
    assert tls_server.next_id() == 1


def test_tls_clients_of_a_plain_port_are_told_so(start_server, authority):
    server = start_server("--header-timeout", "20s")
    for port in (server.port, resp_port(server)):
        for _ in range(15):
            with socket.create_connection(("127.0.0.1", port), timeout=nextid.PATIENCE) as client:
                with pytest.raises(ssl.SSLError, match="(?i)alert.handshake.failure"):
                    client_of(authority).wrap_socket(client, server_hostname="127.0.0.1")
    told = re.findall("A client spoke TLS to the (HTTP|RESP) port, which is plain", server.log())
    assert told == ["HTTP"] * 10 + ["RESP"] * 10, "ten lines alike are enough"
    assert server.next_id() == 1


def test_pipelines_and_large_answers_over_tls(tls_server):
    with tls_server.connect() as connection:
        for number in range(1000):
            connection.request("GET", "/next" if number % 2 else "/range?count=10&as=string")
        last = 0
        for number in range(1000):
            answer = connection.answer().json()
            first = answer["id"] if number % 2 else int(answer["start"])
            assert first == last + 1
            last = first if number % 2 else int(answer["end"])
        connection.socket.unwrap()  # Ends with close_notify, from both sides.
    assert tls_server.stop() == {"returned": 5500, **NOTHING_BURNED}


def test_answers_that_a_tls_client_never_read_are_burned(tls_server):
    requests = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    with tls_server.connect() as connection:
        connection.socket.setblocking(False)
        refused = 0

        def all_buffers_are_full():
            nonlocal refused
            try:
                while connection.socket.send(requests):
                    refused = 0
            except ssl.SSLWantWriteError:
                refused += 1
            return refused > 20  # No byte more in 20 polls.

        poll(all_buffers_are_full, "the server stops reading")
        connection.reset()
    poll(lambda: tls_server.ask("GET", "/healthz").status == 200, "the server answers")
    value = tls_server.value()
    closing = tls_server.stop()
    assert closing["returned"] + closing["burned"] == value
    assert closing["burned"] == closing["disconnect"] > 0


def test_torn_handshakes_block_nobody(tls_server):
    hello = ssl.MemoryBIO()
    client = tls_server.tls.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    begin = hello.read()[:50]
    torn = [tls_server.connect(tls=None, timeout=10) for _ in range(20)]
    started = time.monotonic()
    for connection in torn:
        connection.send(begin)
    assert tls_server.next_id() == 1
    assert time.monotonic() - started < 1
    # They are cut off when the time of a head is over, and not when an idle client's is.
    for connection in torn:
        assert connection.closed_by_server()
        connection.close()
    assert time.monotonic() - started < 10


def test_the_certificates_of_these_tests_are_valid_to_the_letter(authority):
    """Python before 3.13 takes others, too."""
    made = authority.certificate_for("IP:127.0.0.1")
    verdict = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile",
                              authority.file, made.certificate], capture_output=True, text=True)
    assert verdict.returncode == 0, verdict.stderr


def test_client_certificates(start_server, authority, certificate, tmp_path):
    other_place = tmp_path / "other"
    other_place.mkdir()
    other = Authority(other_place)
    server = start_server(*tls_options(certificate), "--tls-client-ca", authority.file,
                          tls=client_of(authority, authority.certificate_for("DNS:client")))
    assert server.next_id() == 1
    for wrong in (None, other.certificate_for("DNS:client")):
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            with server.connect(tls=client_of(authority, wrong)) as connection:
                connection.ask("GET", "/next")
    assert server.next_id() == 2


def test_certificates_are_read_again_on_sighup(start_server, authority, tmp_path):
    paths = tmp_path / "server.pem", tmp_path / "server.key"

    def use(certificate):
        shutil.copy(certificate.certificate, paths[0])
        shutil.copy(certificate.key, paths[1])

    def serial():
        with server.connect() as connection:
            return connection.socket.getpeercert()["serialNumber"]

    use(authority.certificate_for("IP:127.0.0.1,DNS:a"))
    server = start_server("--tls-cert", paths[0], "--tls-key", paths[1], tls=client_of(authority))
    first = serial()
    with server.connect() as old_connection:
        use(authority.certificate_for("IP:127.0.0.1,DNS:b"))
        assert serial() == first
        server.reload()
        second = serial()
        assert second != first
        paths[1].write_text("no key")
        server.reload()
        assert serial() == second
        assert f"The certificate from before stays in force. Can't use {paths[1]}" in server.log()
        assert old_connection.ask("GET", "/next").json() == {"id": 1}


def test_wrong_files_of_tls(tmp_path, certificate):
    for options, said in (
            (["--tls-cert", certificate.certificate], "tls-cert and tls-key go together"),
            (["--tls-client-ca", certificate.certificate], "tls-client-ca needs tls-cert"),
            (["--tls-cert", "missing", "--tls-key", certificate.key], "Can't use missing as"),
            (["--tls-cert", certificate.key, "--tls-key", certificate.key], "Can't use")):
        ended = nextid.run("serve", "--http", "127.0.0.1:0", *options, cwd=tmp_path)
        assert ended.returncode == INVALID
        assert said in ended.stderr


def test_redis_clients_have_the_same_tokens_and_tls(start_server, token_file, tokens, authority,
                                                    certificate):
    server = start_server("--tokens", token_file, *tls_options(certificate),
                          tls=client_of(authority))
    port = int(re.search(r"rediss://127.0.0.1:(\d+)", server.log()).group(1))

    def client(token):
        return redis.Redis("127.0.0.1", port, password=token, ssl=True,
                           ssl_ca_certs=str(authority.file))

    billing = client(tokens["billing"])
    assert billing.incr("invoices") == 1
    with pytest.raises(redis.RedisError):
        billing.incr("global")
    for wrong in (None, "wrong"):
        with pytest.raises(redis.RedisError):
            client(wrong).incr("invoices")
    token_file.write_text(make_token("new", "allocate", "*")[1] + "\n")
    server.reload()
    with pytest.raises(redis.RedisError):
        billing.incr("invoices")
    with nextid.Connection(port) as plain, pytest.raises((EOFError, ConnectionResetError)):
        plain.send(b"INCR invoices\r\n")
        plain.answer()
    assert server.stop()["returned"] == 1


# --- Protected mode


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_without_tokens_it_listens_on_loopback_only(tmp_path, start_server, token_file, address):
    ended = nextid.run("serve", "--http", address, cwd=tmp_path)
    assert ended.returncode == INVALID
    assert ended.stderr.startswith(f"nextid: Listening on {address} would let everyone")
    assert "--tokens" in ended.stderr and "--insecure" in ended.stderr
    assert not (tmp_path / "ids.db").exists()
    resp = nextid.run("serve", "--http", "127.0.0.1:0", "--resp", address, cwd=tmp_path)
    assert resp.returncode == INVALID and "--insecure" in resp.stderr
    for options in (["--insecure"], ["--tokens", token_file]):
        start_server(*options, http=address).stop()


@pytest.mark.parametrize("options, is_warned_of", [
    (["--http", "0.0.0.0:0"], True),
    (["--http", "0.0.0.0:0", "--insecure"], False),
    (["--http", "127.0.0.1:0"], False),
    (["--http", "127.0.0.1:0", "--resp", "0.0.0.0:0"], True),
])
def test_tokens_in_the_clear_are_warned_of(start_server, token_file, certificate, options, is_warned_of):
    def is_said(*more):
        server = start_server("--tokens", token_file, *options, *more, http=None, wait=False)
        poll(lambda: "listening on" in server.log(), "the server listens")
        server.stop()
        return "Tokens travel in the clear to 0.0.0.0:" in server.log()

    assert is_said() == is_warned_of
    assert not is_said(*tls_options(certificate))


def test_loopback_has_many_names(start_server):
    for address in ("localhost:0", "127.0.0.2:0", "[::1]:0"):
        server = start_server(http=address, wait=False)
        poll(lambda s=server: "listening on" in s.log(), "the server listens")
        server.stop()


def test_a_name_is_listened_on_at_all_its_addresses(start_server, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 ids.test\n::1 ids.test\n127.0.0.1 ids.test\n")
    prefix = nextid.own_hosts_file(hosts)
    if prefix is None:
        pytest.skip("not run: a mount namespace is not allowed here")
    server = start_server(http="ids.test:0", wait=False, prefix=prefix)
    poll(lambda: "listening on" in server.log(), "the server listens")
    port, addresses = re.search(r"http://ids\.test:(\d+) \(([^)]*)\)", server.log()).groups()
    assert sorted(addresses.split(", ")) == ["127.0.0.1", "::1"]
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, int(port))) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 "), address
    server.stop()


# --- Browsers


def test_pages_whose_name_leads_here_are_refused(start_server, token_file, tokens):
    server = start_server("--allow-host", "ids.example,other.example,*.svc.local")
    with server.connect() as connection:
        for target in ("/next", "/v1/counters", "/metrics", "/nowhere"):
            answer = connection.ask("GET", target, headers=["Host: evil.example:8000"])
            assert is_problem(answer, 403, "forbidden"), target
        assert "--allow-host" in answer.json()["detail"]
        for probe in ("/healthz", "/readyz"):  # Load balancers name whatever they like.
            assert connection.ask("GET", probe, headers=["Host: evil.example"]).status == 200
        for host in ("127.0.0.1:8000", "localhost", "[::1]:1", "IDS.example", "other.example:443", "nextid.ids.svc.local:8000"):
            assert connection.ask("GET", "/next", headers=[f"Host: {host}"]).status == 200, host
    assert server.stop()["returned"] == 6
    # A rebound page has no token.
    server = start_server("--tokens", token_file)
    assert server.ask("GET", "/v1/counters", headers=["Host: ids.example",
                                                      *bearer(tokens["reader"])]).status == 200


def test_a_proxy_is_served_with_tokens_or_where_it_is_said_to_keep_others_out(start_server, token_file, tokens):
    fields = ["Forwarded: for=192.0.2.7", "Via: 1.1 proxy", "X-Real-IP: 192.0.2.7",
              "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: evil.example"]
    server = start_server()
    for target in ("/next", "/", "/v1/counters", "/nowhere"):
        for field in fields:
            answer = server.ask("GET", target, headers=[field])
            assert is_problem(answer, 403, "forbidden"), (target, field)
            assert "--tokens FILE; or start the server with --insecure" in answer.json()["detail"]
    for probe in ("/healthz", "/readyz"):
        assert server.ask("GET", probe, headers=fields).status == 200
    assert server.stop()["returned"] == 0
    server = start_server("--tokens", token_file)
    answer = server.ask("GET", "/next?counter=invoices", headers=[*fields, *bearer(tokens["billing"])])
    assert answer.status == 200
    assert server.ask("GET", "/", headers=fields).status == 200
    server = start_server("--insecure")
    assert server.ask("GET", "/next", headers=fields).status == 200


def test_the_host_of_an_absolute_target_counts(server):
    own = f"127.0.0.1:{server.port}"
    answer = server.ask("GET", "http://evil.example/next", headers=[f"Host: {own}"])
    assert is_problem(answer, 403, "forbidden")
    assert server.ask("GET", f"http://{own}/next", headers=["Host: evil.example"]).json() == {"id": 1}


def test_what_browsers_are_told(server, tls_server):
    chrome = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)"
    for target, headers in (("/next", [chrome]), ("/range?count=2", [chrome]), ("/v1/counters", []),
                            ("/", []), ("/healthz", []), ("/nowhere", []), ("/metrics", [])):
        for asked in (server, tls_server):
            answer = asked.ask("GET", target, headers=["Host: 127.0.0.1", *headers])
            assert answer.headers["x-content-type-options"] == "nosniff", target
            assert answer.headers["cross-origin-resource-policy"] == "same-origin", target
            expected = "max-age=2592000" if asked is tls_server else None
            assert answer.headers.get("strict-transport-security") == expected, target
    local = tls_server.ask("GET", "/healthz", headers=["Host: localhost"])
    assert "strict-transport-security" not in local.headers
    program = server.ask("GET", "/next", headers=["User-Agent: curl/8"])
    assert set(program.headers) == {"date", "content-type", "content-length", "cache-control"}


def test_what_a_browser_fetches_ahead_takes_no_id(server):
    for field in ("Sec-Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "Purpose: prefetch"):
        assert is_problem(server.ask("GET", "/next", headers=[field]), 403, "forbidden"), field
        assert server.ask("GET", "/v1/counters", headers=[field]).status == 200, field
    assert server.next_id() == 1


def test_pages_of_other_sites_take_no_ids(server):
    own = f"http://127.0.0.1:{server.port}"
    refused = [["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"],
               ["Origin: https://evil.example"], ["Origin: null"],
               ["Origin: http://127.0.0.1:1"], [f"Origin: {own.replace('http', 'https')}"],
               [f"Origin: {own}", "Sec-Fetch-Site: cross-site"]]
    acting = [("GET", "/next"), ("POST", "/next"), ("GET", "/range?count=1"),
              ("POST", "/v1/counters/global/next"), ("PUT", "/v1/counters/a"),
              ("POST", "/v1/counters/global/advance")]
    with server.connect() as connection:
        host = [f"Host: 127.0.0.1:{server.port}"]
        for headers in refused:
            for method, target in acting:
                answer = connection.ask(method, target, headers=host + headers)
                assert is_problem(answer, 403, "forbidden"), (target, headers)
            assert connection.ask("GET", "/v1/counters", headers=host + headers).status == 200
        for headers in ([], [f"Origin: {own}"], ["Sec-Fetch-Site: same-origin"],
                        ["Sec-Fetch-Site: none"]):
            assert connection.ask("POST", "/next", headers=host + headers).status == 200
        for repeated in ("Origin: " + own, "Sec-Fetch-Site: none"):
            answer = connection.ask("POST", "/next", headers=host + [repeated] * 2)
            assert is_problem(answer, 400, "invalid")
        counters = connection.ask("GET", "/v1/counters").json()["counters"]
    assert [(c["name"], c["value"]) for c in counters] == [("global", 4)]


# --- Request ids


def test_request_ids_come_back(server):
    with server.connect() as connection:
        for target, status in (("/next", 200), ("/healthz", 200), ("/v1/counters", 200),
                               ("/range", 400), ("/v1/counters/none", 404), ("/nowhere", 404)):
            answer = connection.ask("GET", target, headers=["X-Request-Id: order \"17\""])
            assert answer.status == status
            assert answer.headers["x-request-id"] == 'order "17"'
            if status >= 400:
                assert answer.json()["request_id"] == 'order "17"'
        assert "x-request-id" not in connection.ask("GET", "/next").headers
        made = set()
        for _ in range(3):
            answer = connection.ask("GET", "/nowhere")
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            made.add(answer.headers["x-request-id"])
        assert len(made) == 3
        head = connection.ask("HEAD", "/nowhere", headers=["X-Request-Id: 7"])
        assert head.headers["x-request-id"] == "7"
        for wrong in (["X-Request-Id:"], ["X-Request-Id: " + "x" * 129],
                      ["X-Request-Id: a\tb"]):
            answer = connection.ask("GET", "/next", headers=wrong)
            assert is_problem(answer, 400, "invalid"), wrong
    assert server.value() == 2


def test_json_lines_have_what_tells_failed_requests_apart(start_server):
    server = start_server("--max-counters", "1", "--idle-counter-timeout", "1h", "--log-format", "json")
    assert server.next_id("a") == 1
    spoof = "x' was answered 200 (ok): fine."
    assert server.ask("GET", "/next?counter=b", headers=[f"X-Request-Id: {spoof}"]).status == 503

    def lines():
        return [line for line in map(json.loads, server.log().splitlines()) if "request_id" in line]

    line, = poll(lines, "a line in the log")
    assert (line["request_id"], line["status"], line["code"]) == (spoof, 503, "overloaded")
    assert line["message"].startswith(
        r"Request 'x\x27 was answered 200 (ok): fine.' was answered 503 (overloaded): ")


def test_failed_sign_ins_are_told_once_a_second(start_server, token_file):
    server = start_server("--tokens", token_file)
    redis_client = redis.Redis("127.0.0.1", resp_port(server), password="wrong")
    with server.connect() as connection:
        for _ in range(30):
            assert connection.ask("GET", "/next", headers=bearer("wrong")).status == 401
    for _ in range(3):
        with pytest.raises(redis.RedisError, match="WRONGPASS|no token"):
            redis_client.ping()
    assert server.ask("GET", "/next").status == 401  # That is no attempt.

    def told():
        counts = re.findall(r"warning (A|\d+) tokens? that this server does not know w", server.log())
        return [1 if count == "A" else int(count) for count in counts]

    poll(lambda: sum(told()) == 33, "all are told")
    assert len(told()) < 20
    assert re.search(r"first http from 127[.]0[.]0[.]1:\d+, last (http|resp) from 127[.]0[.]0[.]1:\d+[.]\n|"
                     r"refused: http from 127[.]0[.]0[.]1:\d+[.]\n", server.log())
    assert "resp from 127.0.0.1:" in server.log()


def test_the_log_has_the_ids_of_failed_requests(start_server):
    server = start_server("--max-counters", "1", "--idle-counter-timeout", "1h")
    started = time.monotonic()
    with server.connect() as connection:
        assert connection.ask("GET", "/next?counter=a").status == 200
        answer = connection.ask("GET", "/next?counter=b", headers=["X-Request-Id: order-17"])
        assert is_problem(answer, 503, "overloaded")
        poll(lambda: re.search(r"warning Request 'order-17' was answered 503 \(overloaded\): \w",
                               server.log()), "a line in the log")
        made = connection.ask("GET", "/next?counter=b").headers["x-request-id"]
        poll(lambda: f"Request '{made}' was answered 503" in server.log(), "a line in the log")
        for _ in range(100):
            connection.request("GET", "/next?counter=b")
        for _ in range(100):
            assert connection.answer().status == 503
        assert connection.ask("GET", "/nowhere").status == 404
    lines = server.log().count("was answered")
    assert 5 <= lines <= 5 * (time.monotonic() - started + 2)
    assert "answered 404" not in server.log()
