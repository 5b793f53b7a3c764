"""Files that are read again while the server runs: what was taken away goes, whatever is in the way."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import ssl

import pytest

import nextid
from certificates import Authority
from nextid import poll


def make_token(name):
    """(the token, its line of the file)"""
    made = nextid.run("token", name, "--rights", "allocate", "--counters", "*")
    token, line = made.stdout.splitlines()
    return token, line + "\n"


@pytest.fixture(scope="module")
def two():
    return {"kept": make_token("kept"), "stolen": make_token("stolen")}


@pytest.fixture
def token_file(tmp_path, two):
    path = tmp_path / "tokens"
    path.touch(mode=0o600)
    path.write_text(two["kept"][1] + two["stolen"][1])
    return path


def status_of(server, token):
    return server.ask("GET", "/next", headers=[f"Authorization: Bearer {token[0]}"]).status


def test_tokens_that_are_gone_are_named(start_server, token_file, two):
    server = start_server("--tokens", token_file)
    token_file.write_text(two["kept"][1] + two["stolen"][1])
    server.reload()
    assert "gone:" not in server.log()
    token_file.write_text(two["kept"][1])
    server.reload()
    assert (status_of(server, two["kept"]), status_of(server, two["stolen"])) == (200, 401)
    assert (f"warning The token file {token_file} has fewer tokens than before; gone: stolen. Their"
            " clients are refused from now on.") in server.log()


def test_half_of_a_line_changes_no_rights_and_the_whole_one_is_taken_later(start_server, token_file, two):
    server = start_server("--tokens", token_file)
    line = two["stolen"][1].replace(" *\n", " orders-test\n")
    token_file.write_text(line.replace("-test\n", ""))
    server.reload()
    assert f"The tokens from before stay in force. The token file {token_file} is not whole" in server.log()
    assert (status_of(server, two["kept"]), status_of(server, two["stolen"])) == (200, 200)
    token_file.write_text(line)  # Without another signal: what was asked for is still to be done.
    poll(lambda: status_of(server, two["kept"]) == 401, "the file is read again")
    assert status_of(server, two["stolen"]) == 403
    assert server.log().count("stay in force") == 1


def test_a_pipe_in_place_of_a_file_holds_up_nothing(start_server, token_file, tmp_path, two):
    authority = Authority(tmp_path)
    certificate = authority.certificate_for("IP:127.0.0.1")
    server = start_server("--tokens", token_file, "--tls-cert", certificate.certificate, "--tls-key",
                          certificate.key, tls=ssl.create_default_context(cafile=authority.file))
    for path in (token_file, certificate.key):
        path.unlink()
        os.mkfifo(path, 0o600)
    server.reload()
    poll(lambda: "stays in force" in server.log(), "both are told")
    assert f"Can't read the token file {token_file}: it is no regular file." in server.log()
    assert f"Can't use {certificate.key} as the key of" in server.log()
    assert status_of(server, two["kept"]) == 200
    server.stop()


@pytest.mark.parametrize("name", ["tokens", "config"])
def test_a_server_does_not_wait_for_a_pipe(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path, 0o600)
    ended = nextid.run("serve", "--http", "127.0.0.1:0", f"--{name}", path, cwd=tmp_path)
    assert ended.returncode == nextid.INVALID
    assert f"{path}: it is no regular file." in ended.stderr


def test_a_token_is_taken_away_while_clients_use_up_all_descriptors(start_server, token_file, tmp_path, two):
    audit = tmp_path / "audit"
    server = start_server("--tokens", token_file, "--audit-log", audit)
    pid = server.process.pid
    used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1
    for_clients, kept_from_clients = 8, 32
    limit = used + for_clients + kept_from_clients
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    with contextlib.ExitStack() as stack:
        stolen = stack.enter_context(server.connect())
        headers = [f"Authorization: Bearer {two['stolen'][0]}"]
        assert stolen.ask("GET", "/next", headers=headers).status == 200
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        poll(lambda: "Can't accept clients" in server.log(), "there are none left")
        token_file.write_text(two["kept"][1])
        audit.rename(tmp_path / "old")
        server.process.send_signal(signal.SIGHUP)
        poll(lambda: stolen.ask("GET", "/next", headers=headers).status == 401, "the token is gone")
        poll(audit.exists, "the audit log is opened again")
    assert "before stay" not in server.log()


# --- The authority of clients


def test_clients_of_an_authority_that_is_gone_are_cut_off(start_server, tmp_path):
    authorities = {}
    for name in ("server", "old", "new"):
        (tmp_path / name).mkdir()
        authorities[name] = Authority(tmp_path / name)
    certificate = authorities["server"].certificate_for("IP:127.0.0.1")

    def client_of(name):
        context = ssl.create_default_context(cafile=authorities["server"].file)
        mine = authorities[name].certificate_for("DNS:client")
        context.load_cert_chain(mine.certificate, mine.key)
        return context

    trusted = tmp_path / "trusted.pem"
    shutil.copy(authorities["old"].file, trusted)
    old, new = client_of("old"), client_of("new")
    server = start_server("--tls-cert", certificate.certificate, "--tls-key", certificate.key,
                          "--tls-client-ca", trusted, tls=old)
    resp_port = int(server.log().split("rediss://127.0.0.1:")[1].split()[0].rstrip(","))
    with server.connect() as http, nextid.Connection(resp_port, tls=old) as resp:
        def incr():
            resp.send(b"INCR a\r\n")
            return resp.socket.recv(100)

        assert (http.ask("GET", "/next").status, incr()) == (200, b":1\r\n")
        trusted.write_text(authorities["old"].file.read_text() + authorities["new"].file.read_text())
        server.reload()  # Both authorities count: nobody is cut off.
        with server.connect(tls=new) as connection:
            assert connection.ask("GET", "/next").status == 200
            assert (http.ask("GET", "/next").status, incr()) == (200, b":2\r\n")
            shutil.copy(authorities["new"].file, trusted)
            server.reload()
            for cut_off in (http, resp, connection):
                assert cut_off.closed_by_server()
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)), server.connect() as refused:
        refused.ask("GET", "/next")
    server.tls = new
    assert server.next_id() == 4
