"""Files that nextid makes, and those that it relies on: whose they are, and who else may use them."""

import os
import re

import pytest

import nextid
from certificates import Authority

NOBODY = 65534


def modes(directory):
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()
            if path.name.startswith(("ids.db", "nextid-state", "backup"))}


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def warnings(server):
    return re.findall(r" warning (.*)", server.log())


def test_all_files_are_ours_alone_whatever_the_umask(start_server, tmp_path, open_umask):
    state = tmp_path / "state"
    server = start_server("--state-dir", state)
    assert server.next_id() == 1
    assert modes(tmp_path) == dict.fromkeys(
        ["ids.db", "ids.db-lock", "ids.db-shm", "ids.db-wal"], 0o600)
    nextid.poll(lambda: "nextid-state.db" in modes(state), "the state is kept")
    assert set(modes(state).values()) == {0o600}
    assert state.stat().st_mode & 0o777 == 0o700
    done = nextid.run("backup", "backup", cwd=tmp_path)
    assert done.returncode == nextid.OK, done.stderr
    assert modes(tmp_path)["backup"] == 0o600
    assert warnings(server) == []
    server.stop()
    assert set(modes(tmp_path).values()) == {0o600}


def test_side_files_follow_the_database_and_locks_only_those_who_write(start_server, tmp_path):
    start_server().stop()
    (tmp_path / "ids.db").chmod(0o660)
    server = start_server()
    assert server.next_id() == 1
    assert set(modes(tmp_path).values()) == {0o660}
    assert warnings(server) == []
    server.stop()

    # A file of former times: everyone may read it, and so may everyone lock the lock file.
    (tmp_path / "ids.db").chmod(0o644)
    (tmp_path / "ids.db-lock").chmod(0o644)
    server = start_server()
    assert modes(tmp_path)["ids.db-lock"] == 0o600
    path = tmp_path / "ids.db"
    assert warnings(server) == [
        f"Other users of this machine may read {path}, which belongs to the user "
        f"{os.geteuid()}, with the mode 0644; `chmod o-rwx {path}` ends that."]
    done = nextid.run("doctor", "--http", "127.0.0.1:0", "--store", f"sqlite:{path}")
    assert re.search(f"^warn +store +Other users of this machine may read {path},", done.stdout,
                     re.MULTILINE), done.stdout
    # What a killed server leaves is narrowed with it.
    assert server.next_id() == 2
    server.process.kill()
    server.wait()
    assert modes(tmp_path)["ids.db-wal"] == 0o644
    path.chmod(0o600)
    server = start_server()
    assert server.next_id() == 3
    assert set(modes(tmp_path).values()) == {0o600}


def refused(start_server, *options, says, **settings):
    server = start_server(*options, wait=False, **settings)
    assert server.wait() == nextid.INVALID, server.log()
    for text in says:
        assert text in server.log(), server.log()


def test_a_store_that_everyone_may_write_is_refused(start_server, tmp_path):
    start_server().stop()
    path, uid = tmp_path / "ids.db", os.geteuid()
    for name in ("ids.db", "ids.db-lock"):
        (tmp_path / name).chmod(0o666)
        refused(start_server, says=[
            f"it belongs to the user {uid}, with the mode 0666; run `chmod o-w", name])
        (tmp_path / name).chmod(0o600)
    tmp_path.chmod(0o777)
    for store in ("ids.db", "new.db"):
        refused(start_server, store=f"sqlite:{tmp_path}/{store}", says=[
            f"its directory {tmp_path} belongs to the user {uid}, with the mode 0777; "
            f"run `chmod o-w {tmp_path}`"])
    assert not (tmp_path / "new.db").exists()
    tmp_path.chmod(0o1777)  # As /tmp is: nobody removes what is ours.
    server = start_server()
    assert server.next_id() == 1
    server.stop()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root makes files of others")
def test_a_neighbours_files_in_a_shared_directory_are_refused(start_server, tmp_path):
    """An empty database, a lock file or a log that somebody laid there beforehand."""
    tmp_path.chmod(0o1777)
    for name in ("ids.db", "ids.db-lock", "ids.db-wal", "ids.db-journal"):
        path = tmp_path / name
        path.touch(0o600)
        os.chown(path, NOBODY, NOBODY)
        refused(start_server, says=[f"{name} belongs to the user 65534, with the mode 0600", "chown 0"])
        path.unlink()
    assert start_server().next_id() == 1


def test_files_with_secrets_that_everyone_may_write_are_refused(start_server, tmp_path):
    certificate = Authority(tmp_path).certificate_for("IP:127.0.0.1")
    tokens, config = tmp_path / "tokens", tmp_path / "nextid.conf"
    line = nextid.run("token", "a", "--rights", "read", "--counters", "*").stdout.splitlines()[1]
    tokens.write_text(line + "\n")
    config.write_text('threads = "1"\n')
    files = {
        tokens: ["--tokens", tokens],
        config: ["--config", config],
        certificate.key: ["--tls-cert", certificate.certificate, "--tls-key", certificate.key],
        certificate.certificate: ["--tls-cert", certificate.certificate,
                                  "--tls-key", certificate.key],
    }
    for path, options in files.items():
        mode = os.stat(path).st_mode & 0o777
        os.chmod(path, 0o666)
        refused(start_server, *options, says=[
            f"{path}", f"belongs to the user {os.geteuid()}, with the mode 0666; run `chmod o-w {path}`"])
        os.chmod(path, mode)


def test_a_token_file_that_becomes_writable_is_not_read_again(start_server, tmp_path):
    path = tmp_path / "tokens"
    token, line = nextid.run("token", "a", "--rights", "allocate",
                             "--counters", "*").stdout.splitlines()
    path.write_text(line + "\n")
    path.chmod(0o600)
    server = start_server("--tokens", path)
    path.chmod(0o602)
    server.reload()
    assert "The tokens from before stay in force." in server.log()
    answer = server.ask("GET", "/next", headers=[f"Authorization: Bearer {token}"])
    assert answer.status == 200, answer
