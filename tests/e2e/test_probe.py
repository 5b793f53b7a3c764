"""`nextid probe`, which health checks of containers run."""

import signal
import socket
import ssl
import threading

import pytest

import nextid
from certificates import Authority
from nextid import INVALID, OK, UNAVAILABLE


def probe(*arguments, **env):
    return nextid.run("probe", *arguments, env=env)


def check_fails(done, code, *words):
    assert (done.returncode, done.stdout) == (code, ""), done
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_is_well(server):
    done = probe("--http", f"127.0.0.1:{server.port}")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")
    assert probe("/readyz", NEXTID_HTTP=f"localhost:{server.port}").returncode == OK


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_a_server_on_all_addresses_is_asked_on_loopback(start_server, host):
    server = start_server("--insecure", http=f"{host}:0")
    assert probe("--http", f"{host}:{server.port}").returncode == OK


def test_a_server_with_tokens_is_asked_without_one(start_server, tmp_path):
    (tmp_path / "tokens").write_text(nextid.run("token", "a", "--rights", "read").stdout.splitlines()[1] + "\n")
    (tmp_path / "tokens").chmod(0o600)
    server = start_server("--tokens", tmp_path / "tokens")
    assert probe("--http", f"127.0.0.1:{server.port}").returncode == OK


def test_a_server_with_tls(start_server, tmp_path):
    certificate = Authority(tmp_path).certificate_for("DNS:ids.example")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    options = ["--tls-cert", certificate.certificate, "--tls-key", certificate.key]
    server = start_server(*options, tls=context)
    address = f"127.0.0.1:{server.port}"
    assert probe("--http", address, *options).returncode == OK
    check_fails(probe("--http", address), UNAVAILABLE, address, "400")


def test_a_server_that_wants_certificates(start_server, tmp_path):
    """It tells a probe, which has none, nothing but that it is there."""
    authority = Authority(tmp_path)
    certificate = authority.certificate_for("DNS:ids.example")
    client = authority.certificate_for("DNS:client.example")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(client.certificate, client.key)
    options = ["--tls-cert", certificate.certificate, "--tls-key", certificate.key,
               "--tls-client-ca", authority.file]
    server = start_server(*options, tls=context)
    address = f"127.0.0.1:{server.port}"
    done = probe("--http", address, *options)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")
    check_fails(probe("/readyz", "--http", address, *options), INVALID, "--tls-client-ca", "curl --cert")
    server.process.send_signal(signal.SIGSTOP)
    try:
        check_fails(probe("--http", address, *options), UNAVAILABLE, "it took too long")
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_a_server_that_is_not_ready(start_server):
    """It is about to stop."""
    server = start_server("--drain-delay", "1m")
    address = f"127.0.0.1:{server.port}"
    server.terminate()
    nextid.poll(lambda: probe("/readyz", "--http", address).returncode == UNAVAILABLE, "it is not ready")
    check_fails(probe("/readyz", "--http", address), UNAVAILABLE, "/readyz with 503", "unavailable")
    assert probe("--http", address).returncode == OK
    server.kill()


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        check_fails(probe("--http", address), UNAVAILABLE, f"no answer from {address}", "Connection refused")


def test_a_server_that_stands_still(server):
    server.process.send_signal(signal.SIGSTOP)
    try:
        check_fails(probe("--http", f"127.0.0.1:{server.port}"), UNAVAILABLE, "it took too long")
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("says, words", [
    (b"-ERR unknown command\r\n", "does not speak HTTP"), (b"HTTP/1.1 abc\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 503 Bad\r\n\r\n\x1b[2J", "with 503"), (b"", "the connection was closed")])
def test_what_else_may_listen(says, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        done = probe("--http", "127.0.0.1:%d" % listener.getsockname()[1])
        thread.join()
    check_fails(done, UNAVAILABLE, words)
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["healthz"], "PATH is 'healthz'"), (["/healthz", "more"], "more"), (["/a b"], "PATH"),
    (["--http", "127.0.0.1:0"], "port"), (["--http", "nonsense"], "HOST:PORT")], ids=str)
def test_wrong_arguments(arguments, words):
    check_fails(probe(*arguments), INVALID, words)
