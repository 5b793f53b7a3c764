"""A password in a store's URL: nobody sees it but the store."""

import pytest

import nextid
from nextid import BINARY, INVALID, OK, UNAVAILABLE, run, run_unseen
from postgres import Postgres

SECRET = "hush_hush"
# Nothing listens there.
CLOSED = f"postgres://ann:{SECRET}@127.0.0.1:1/ids"

COMMANDS = {
    "serve": ["serve", "--http", "127.0.0.1:0"],
    "next": ["next"],
    "range": ["range", "2"],
    "define": ["define", "orders"],
    "advance": ["advance", "orders", "--to", "5"],
    "delete": ["delete", "orders"],
    "counters": ["counters"],
    "bench": ["bench", "--in-process", "--requests", "1", "--clients", "1"],
    "backup": ["backup", "copy.db"],
    "restore": ["restore", "copy.db", "--exact", "--yes"],
    "recover": ["recover", "--all", "--exact", "--yes"],
    "doctor": ["doctor", "--http", "127.0.0.1:0"],
}


def ways_to_give(url, directory):
    """Of each: further words of the command line, and variables."""
    file = directory / "nextid.toml"
    file.write_text(f'store = "{url}"\n')
    return [(["--store", url], {}), ([f"--store={url}"], {}), ([], {"NEXTID_STORE": url}),
            (["--config", str(file)], {})]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("url, says", [
    (CLOSED, "can't connect to PostgreSQL"),
    (f"pg://ann:{SECRET}@db/ids", "'pg://ann@db/ids' names no store"),
    (f"ann:{SECRET}@db", "'ann@db' names no store"),
    (f"pg:///ids?password={SECRET}&a=b", "'pg:///ids?a=b' names no store"),
    (f"postgres://ann:{SECRET}@{SECRET}@db/ids", "write %40 for '@'"),
    (f"postgres://ann:{SECRET}@db/ids?create=perhaps", "create is 'perhaps'"),
    (f"postgres://ann:{SECRET}@db/ids?no_such=1", "no_such"),
], ids=["refused", "scheme", "no scheme", "parameter", "unclear", "own parameter", "libpq's parameter"])
def test_no_command_tells_it(tmp_path, command, url, says):
    for words, variables in ways_to_give(url, tmp_path):
        done = run_unseen(*COMMANDS[command], *words, "--state-dir", tmp_path / "state", env=variables, cwd=tmp_path)
        told = done.stdout + done.stderr
        assert SECRET not in told
        assert done.returncode != OK, told
        # Backups of files come before a look at the URL's parts.
        if command not in ("backup", "restore"):
            assert says in told, told
            assert done.returncode == (2 if command == "doctor" else
                                       UNAVAILABLE if url == CLOSED else INVALID), told


@pytest.mark.parametrize("url, variables, code, says", [
    (f"mysql://ann:{SECRET}@127.0.0.1:1/ids", {}, UNAVAILABLE, "can't connect to the MySQL server"),
    (f"mysql://ann@127.0.0.1:1/ids?password={SECRET}", {}, INVALID, "no parameter 'password'"),
    (f"etcd://ann:{SECRET}@127.0.0.1:1/ids", {}, INVALID, "a password is not to be in the URL"),
    (f"etcd://127.0.0.1:1/ids?password={SECRET}", {}, INVALID, "a password is not to be in the URL"),
    ("etcd:///ids", {"ETCDCTL_ENDPOINTS": f"http://ann:{SECRET}@db"}, INVALID, "'http://ann@db' is no HOST:PORT"),
    (f"dynamodb://ann:{SECRET}@ids", {}, INVALID, "'dynamodb://ann@ids' says more than a table"),
    (f"dynamodb://ids?region=a&endpoint=http://ann:{SECRET}@db", {}, INVALID, "without path, query or user"),
])
def test_no_other_store_tells_it(tmp_path, url, variables, code, says):
    done = run_unseen("next", "--store", url, env=variables, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert says in done.stderr and SECRET not in done.stderr, done


@pytest.mark.parametrize("line", [
    f"store = pg://ann:{SECRET}@db", f'store = "pg://db" pg://ann:{SECRET}@db',
    f'store = "pg://ann:{SECRET}@db', f'sotre = "pg://ann:{SECRET}@db"',
    f'store = ["pg://ann:{SECRET}@db"]', f'http = "pg://ann:{SECRET}@db"',
])
def test_no_complaint_of_a_configuration_tells_it(tmp_path, line):
    file = tmp_path / "nextid.toml"
    file.write_text(line + "\n")
    done = run("serve", "--config", file, cwd=tmp_path)
    assert done.returncode == INVALID, done
    assert "line 1" in done.stderr and SECRET not in done.stderr, done.stderr


@pytest.fixture(scope="module")
def with_password():
    """A server that asks for one."""
    with Postgres() as server:
        server.sql(f"ALTER ROLE nextid PASSWORD '{SECRET}'")
        server.set_hba("local all all trust\nhost all postgres 127.0.0.1/32 trust\n"
                       "host all all 127.0.0.1/32 scram-sha-256\n")
        server.reload()
        nextid.poll(lambda: run("next", "--store", server.url).returncode == UNAVAILABLE,
                    "the server asks for a password")
        yield server


def command_line_of(process):
    with open(f"/proc/{process.pid}/cmdline", "rb") as file:
        return file.read()


@pytest.mark.not_accounted("the counters in PostgreSQL are not read")
@pytest.mark.parametrize("place", ["--store URL", "--store=URL", "password="])
def test_a_server_does_not_show_it(tmp_path, start_server, with_password, place):
    shown = with_password.url
    url = shown.replace("nextid@", f"nextid:{SECRET}@")
    if place == "password=":
        url = f"{shown}?password={SECRET}"
    state = tmp_path / "state"
    if place == "--store=URL":
        server = start_server(f"--store={url}", "--state-dir", state, store=None)
    else:
        server = start_server("--state-dir", state, store=url)
    line = command_line_of(server.process)
    assert SECRET.encode() not in line
    words = line.rstrip(b"\0").split(b"\0")
    assert words[0] == str(BINARY).encode()
    assert (b"--store=" + shown.encode() in words) or (shown.encode() in words), words
    assert server.next_id("orders") >= 1
    pages = [server.ask("GET", path) for path in ("/v1/status", "/metrics", "/readyz", "/", "/v1/counters")]
    assert [page.status for page in pages] == 5 * [200]
    assert pages[0].json()["store"] == shown
    for page in pages:
        assert SECRET.encode() not in page.body
    server.stop()
    assert f"store {shown}" in server.log()
    assert SECRET not in server.log()
    for file in state.rglob("*"):
        assert file.is_dir() or SECRET.encode() not in file.read_bytes(), file


@pytest.mark.not_accounted("the counters in PostgreSQL are not read")
def test_a_wrong_one_is_not_told_either(with_password, tmp_path):
    wrong = with_password.url.replace("nextid@", f"nextid:{SECRET}_2@")
    for command in ("next", "counters", "doctor"):
        done = run(*COMMANDS[command], "--store", wrong, cwd=tmp_path)
        assert done.returncode != OK
        assert SECRET not in done.stdout + done.stderr, done
        assert "password authentication failed" in done.stdout + done.stderr, done


@pytest.mark.not_accounted("the counters in PostgreSQL are not read")
def test_it_is_better_kept_out_of_the_url(with_password, tmp_path):
    """As docs/security.md has it."""
    taken = [run("next", "--store", with_password.url, env={"PGPASSWORD": SECRET})]
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{with_password.port}:*:nextid:{SECRET}\n")
    file.chmod(0o600)
    taken.append(run("next", "--store", with_password.url, env={"PGPASSFILE": str(file)}))
    assert [done.returncode for done in taken] == [OK, OK], taken
    with_it = with_password.url.replace("nextid@", f"nextid:{SECRET}@")
    doctor = run(*COMMANDS["doctor"], "--store", with_it, cwd=tmp_path)
    assert f"{with_password.url} opened in" in doctor.stdout, doctor
    assert SECRET not in doctor.stdout + doctor.stderr
