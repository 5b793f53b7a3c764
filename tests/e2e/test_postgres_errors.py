"""Errors of PostgreSQL that a user can act on: what is said, and that no password is."""

import pytest

import nextid
from certificates import Authority
from nextid import INVALID, OK, UNAVAILABLE, poll
from postgres import TRUST, PgBouncer, Postgres, Session
from postgres_setting import PostgresSetting, Tables
from private_server import give_to_user

# What the tests' passwords begin with: no output may have it.
SECRET = "s3cret-"
RIGHT, WRONG = SECRET + "right", SECRET + "wrong"

NO_DNS = {"RES_OPTIONS": "timeout:1 attempts:1"}


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory):
    """One with TLS, and a role `guarded` that needs a password."""
    with Postgres() as server:
        directory = tmp_path_factory.mktemp("certificates")
        authority = Authority(directory)
        certificate = authority.certificate_for("IP:127.0.0.1")
        for name, source in (("server.crt", certificate.certificate), ("server.key", certificate.key)):
            target = server.data / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            give_to_user(target)
        server.configure({"ssl": "on"})
        server.set_hba("host all guarded 127.0.0.1/32 scram-sha-256\n" + TRUST)
        server.restart()
        server.sql(f"CREATE ROLE guarded LOGIN PASSWORD '{RIGHT}'; CREATE SCHEMA guarded AUTHORIZATION guarded")
        server.authority = authority
        server.other_authority = Authority(tmp_path_factory.mktemp("other"))
        yield server


@pytest.fixture
def guarded(guarded_server, start_server, ledger):
    """Its store, of the role `guarded`, with no password given."""
    setting = PostgresSetting(ledger.know(Tables(guarded_server, "guarded")), start_server)
    guarded_server.sql("DROP SCHEMA guarded CASCADE; CREATE SCHEMA guarded AUTHORIZATION guarded")
    return setting


def refused(done, *words, code=UNAVAILABLE):
    """A command line ended with one line that has these words."""
    assert (done.returncode, done.stdout) == (code, ""), done
    for word in words:
        assert word in done.stderr, done.stderr
    assert SECRET not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return True


# ---- Passwords

def test_a_wrong_password(guarded):
    refused(guarded.run("next", user="guarded", env={"PGPASSWORD": WRONG}),
            'password authentication failed for user "guarded"', "PGPASSWORD", "~/.pgpass", "passfile=")


def test_no_password(guarded):
    refused(guarded.run("next", user="guarded", env={"HOME": "/nonexistent"}),
            "no password supplied", "PGPASSWORD", "~/.pgpass", "passfile=")


def ways_to_give_a_password(setting, directory):
    """{what it is called: (parameters of store(), environment)}"""
    line = f"127.0.0.1:{setting.port}:*:guarded:{RIGHT}\n"
    passfile = directory / "passfile"
    home = directory / "home"
    home.mkdir()
    service = directory / "services"
    service.write_text(f"[ids]\nhost=127.0.0.1\nport={setting.port}\nuser=guarded\npassword={RIGHT}\n"
                       "dbname=nextid\n")
    for file in (passfile, home / ".pgpass"):
        file.write_text(line)
        file.chmod(0o600)
    return {
        "PGPASSWORD": ({}, {"PGPASSWORD": RIGHT}),
        "PGPASSFILE": ({}, {"PGPASSFILE": str(passfile)}),
        "passfile=": ({"passfile": passfile}, {}),
        "~/.pgpass": ({}, {"HOME": str(home)}),
        "in the URL": ({"user": f"guarded:{RIGHT}"}, {}),
        "service": ({"service": "ids"}, {"PGSERVICEFILE": str(service)}),
    }


@pytest.mark.parametrize("way", ["PGPASSWORD", "PGPASSFILE", "passfile=", "~/.pgpass", "in the URL", "service"])
def test_ways_to_give_a_password(guarded, tmp_path, way):
    parameters, env = ways_to_give_a_password(guarded, tmp_path)[way]
    parameters = {"user": "guarded", **parameters}
    done = guarded.run("next", env=env, **parameters)
    assert (done.returncode, done.stdout) == (OK, "1\n"), done
    node = guarded.start(env=env, **parameters)
    assert node.next_id() == 2
    status = node.ask("GET", "/v1/status").body.decode()
    metrics = node.ask("GET", "/metrics").body.decode()
    node.stop()
    assert SECRET not in node.log() + status + metrics
    done = guarded.run("doctor", env=env, **parameters)
    assert SECRET not in done.stdout + done.stderr


def test_variables_of_the_environment_stand_in_for_parts_of_the_url(postgres):
    schema = postgres.tables.schema
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "nextid", "PGDATABASE": "nextid"}
    done = nextid.run_unseen("next", "--store", f"postgres://?schema={schema}", env=env)
    assert (done.returncode, done.stdout) == (OK, "1\n"), done
    nextid.run("next", "--store", postgres.store())
    assert postgres.tables.value() == 2
    postgres.tables.sql("UPDATE nextid_counters SET value = 1")  # As many as the ledger knows of.


def test_a_unix_socket(postgres):
    done = nextid.run_unseen("next", "--store", f"postgres://nextid@/nextid?host={postgres.server.folder}"
                             f"&port={postgres.port}&schema={postgres.tables.schema}")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


# ---- Who and where

def test_no_database(postgres):
    refused(postgres.run("next", database="elsewhere"), 'database "elsewhere" does not exist', "createdb")


def test_no_role(postgres):
    refused(postgres.run("next", user="nobody_here"), 'role "nobody_here" does not exist', "createuser")


def test_no_line_in_pg_hba_conf(guarded):
    guarded.server.set_hba("host all postgres 127.0.0.1/32 trust\n")
    guarded.server.reload()
    try:
        refused(guarded.run("next"), "no pg_hba.conf entry", "add a line for this user, database and address")
    finally:
        guarded.server.set_hba("host all guarded 127.0.0.1/32 scram-sha-256\n" + TRUST)
        guarded.server.reload()


def test_an_unknown_host():
    done = nextid.run("next", "--store", "postgres://nextid@no-such-host.invalid/nextid", env=NO_DNS)
    refused(done, 'could not translate host name "no-such-host.invalid"', "check the host in the URL")


def test_nobody_listens(postgres):
    with_nobody = postgres.store(ports=[1])
    refused(nextid.run("next", "--store", with_nobody), "Connection refused", "port 1", "that the server runs")


def test_a_host_that_does_not_answer(faulty_postgres):
    faulty_postgres.proxy.hang()
    refused(faulty_postgres.run("next", attempt_timeout="200ms"), "did not answer in time",
            f"port {faulty_postgres.port}")


# ---- Rights

@pytest.fixture
def bare_role(postgres_tables):
    """A role that may use the schema, and nothing more."""
    server = postgres_tables.server
    name = f"bare_{postgres_tables.schema}"
    server.sql(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA {postgres_tables.schema} TO {name}")
    return name


def test_no_right_to_make_tables(postgres, bare_role):
    schema = postgres.tables.schema
    refused(postgres.run("next", user=bare_role), f"permission denied for schema {schema}", "GRANT",
            code=UNAVAILABLE)


@pytest.mark.parametrize("table", ["nextid_counters", "nextid_store"])
def test_no_right_to_the_tables(postgres, bare_role, table):
    assert postgres.run("next").stdout == "1\n"
    postgres.tables.sql(f"GRANT ALL ON nextid_counters, nextid_store, nextid_idempotency TO {bare_role};"
                        f" REVOKE ALL ON {table} FROM {bare_role}")
    refused(postgres.run("next", user=bare_role), f"permission denied for table {table}", "GRANT")


def test_the_least_rights_are_enough(postgres, bare_role):
    """As `nextid schema` prints them."""
    assert postgres.run("next").stdout == "1\n"
    postgres.tables.sql(
        f"GRANT SELECT, INSERT, UPDATE ON nextid_counters TO {bare_role};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON nextid_idempotency TO {bare_role};"
        f"GRANT SELECT, UPDATE ON nextid_store TO {bare_role}")
    node = postgres.start(user=bare_role)
    assert node.next_id() == 2
    answer = node.ask("POST", "/v1/counters/global/next", headers=["Idempotency-Key: a"])
    assert answer.json()["id"] == 3
    assert node.next_id("orders") == 1
    assert node.ask("GET", "/readyz").status == 200
    node.stop()
    assert postgres.tables.slots() == []


def test_a_right_that_is_taken_away_under_a_node(postgres, bare_role):
    assert postgres.run("next").stdout == "1\n"
    tables = "nextid_counters, nextid_store, nextid_idempotency"
    postgres.tables.sql(f"GRANT ALL ON {tables} TO {bare_role}")
    node = postgres.start("--request-timeout", "1s", user=bare_role)
    assert node.next_id() == 2
    postgres.tables.sql(f"REVOKE ALL ON {tables} FROM {bare_role}")
    answer = node.ask("GET", "/next")
    assert answer.status in (503, 504), answer
    poll(lambda: "permission denied for table" in node.log() and "GRANT" in node.log(), "the log says why")
    postgres.tables.sql(f"GRANT ALL ON {tables} TO {bare_role}")
    poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")


# ---- Certificates

def test_a_certificate_of_a_known_authority(guarded):
    done = guarded.run("next", sslmode="verify-full", sslrootcert=guarded.server.authority.file,
                       user="guarded", env={"PGPASSWORD": RIGHT})
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


def test_a_certificate_of_another_authority(guarded):
    refused(guarded.run("next", sslmode="verify-full", sslrootcert=guarded.server.other_authority.file),
            "certificate verify failed", "sslrootcert=")


def test_a_certificate_of_another_host(guarded):
    store = guarded.store(sslmode="verify-full", sslrootcert=guarded.server.authority.file)
    done = nextid.run("next", "--store", store.replace("127.0.0.1", "localhost"))
    refused(done, "certificate", "localhost")


def test_no_file_of_an_authority(guarded):
    refused(guarded.run("next", sslmode="verify-full", sslrootcert="/nonexistent/ca.pem"),
            "/nonexistent/ca.pem", "sslrootcert=")


def test_a_server_without_tls(postgres):
    refused(postgres.run("next", sslmode="require"), "server does not support SSL", "ssl")


# ---- Too many

def test_too_many_connections_of_the_role(guarded):
    guarded.server.sql("ALTER ROLE guarded CONNECTION LIMIT 0")
    try:
        refused(guarded.run("next", user="guarded", env={"PGPASSWORD": RIGHT}),
                'too many connections for role "guarded"', "CONNECTION LIMIT", "ALTER ROLE")
    finally:
        guarded.server.sql("ALTER ROLE guarded CONNECTION LIMIT -1")


def test_too_many_connections_to_the_server(start_postgres):
    setting = start_postgres(settings={"max_connections": 4, "superuser_reserved_connections": 3,
                                       "max_wal_senders": 0})
    with setting.server.session(user="nextid"):
        refused(setting.run("next"), "connection slots are reserved", "max_connections")


def test_too_many_connections_to_pgbouncer(postgres_server, postgres_tables, start_server):
    with PgBouncer(postgres_server, settings={"max_client_conn": 1}) as bouncer:
        setting = PostgresSetting(postgres_tables, start_server, bouncer.port)
        with Session(postgres_server.shell(port=bouncer.port)):
            refused(setting.run("next"), "no more connections allowed", "max_client_conn")


# ---- A server that is not there for writes

def test_starting_up(start_postgres):
    setting = start_postgres()
    server = setting.server
    server.stop()
    (server.data / "recovery.signal").touch()
    server.configure({"restore_command": "sleep 1000"})
    before = len(server.log())
    server.launch()
    poll(lambda: "was shut down at" in server.log()[before:], "it recovers")
    refused(setting.run("next"), "starting up", "wait until it is up")
    server.kill()


def test_shutting_down(start_postgres):
    setting = start_postgres()
    with setting.server.session(user="nextid"):
        setting.server.process.terminate()  # Waits for the session.
        poll(lambda: "received smart shutdown request" in setting.server.log(), "it shuts down")
        refused(setting.run("next"), "shutting down", "wait until it is up again")


def test_a_read_only_database(postgres):
    assert postgres.run("next").stdout == "1\n"
    role = f"reader_{postgres.tables.schema}"
    postgres.server.sql(f"CREATE ROLE {role} LOGIN IN ROLE nextid;"
                        f" ALTER ROLE {role} SET default_transaction_read_only = on")
    refused(postgres.run("next", user=role), "default_transaction_read_only")


# ---- URLs

@pytest.mark.parametrize("url, words", [
    ("postgres:nextid", ["is no store URL", "postgres://USER@HOST:PORT/DATABASE"]),
    ("postgres:", ["is no store URL", "postgres://USER@HOST:PORT/DATABASE"]),
    ("postgres://nextid@127.0.0.1:port/nextid", ["port", "postgres://"]),
    ("postgres://nextid@127.0.0.1:99999/nextid", ["port", "99999"]),
    ("postgres://nextid@127.0.0.1/nextid?create=perhaps", ["create is 'perhaps'"]),
    ("postgres://nextid@127.0.0.1/nextid?attempt_timeout=soon", ["attempt_timeout", "soon"]),
    ("postgres://nextid@127.0.0.1/nextid?attempt_timeout=1ms", ["attempt_timeout", "100"]),
    ("postgres://nextid@127.0.0.1/nextid?schema=", ["schema is ''"]),
    ("postgres://nextid@127.0.0.1/nextid?schema=a%27b", ["schema is 'a%27b'"]),
    (f"postgres://nextid@127.0.0.1/nextid?schema={'a' * 64}", ["must be 1 to 63 letters"]),
    ("postgres://nextid@127.0.0.1/nextid?create=true&create=false", ["'create' is given more than once"]),
    ("postgres://nextid@127.0.0.1/nextid?sslmod=require", ["sslmod"]),
    ("postgres://nextid@127.0.0.1/nextid?sslmode=perhaps", ["sslmode", "perhaps"]),
    ("postgres://nextid@127.0.0.1/nextid?target_session_attrs=best", ["target_session_attrs", "best"]),
    ("postgres://nextid@127.0.0.1/nextid?service=nowhere", ["service"]),
    (f"postgres://nextid:{SECRET}a@b@127.0.0.1:x/nextid", ["postgres://"]),
    (f"postgres://nextid@127.0.0.1/nextid?password={SECRET}&sslmod=require", ["postgres://"]),
])
def test_bad_urls(url, words):
    done = nextid.run("next", "--store", url, env={"PGSERVICEFILE": "/nonexistent"})
    refused(done, *words, code=INVALID)


def test_no_tables_and_none_to_be_made(postgres):
    refused(postgres.run("next", create="false"), "there is no store in database 'nextid'",
            postgres.tables.schema, "create=true", "nextid schema", code=INVALID)


def test_tables_of_a_newer_nextid(postgres):
    assert postgres.run("next").stdout == "1\n"
    postgres.tables.sql("UPDATE nextid_store SET format = 99")
    refused(postgres.run("next"), "have the format 99", "use the nextid that made them", code=nextid.CORRUPT)
