"""Errors of MySQL and MariaDB that a user can act on: what is said, and that no password is."""

import re

import pytest

import nextid
from certificates import Authority
from mysql import Mysql
from mysql_setting import MysqlSetting, Tables
from nextid import INVALID, OK, UNAVAILABLE, poll
from private_server import give_to_user, new_folder

# What the tests' passwords begin with: no output may have it.
SECRET = "s3cret-"
RIGHT, WRONG = SECRET + "right", SECRET + "wrong"

NO_DNS = {"RES_OPTIONS": "timeout:1 attempts:1"}
NO_HOME = {"HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory):
    """One with TLS, and a user `guarded` that needs a password."""
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    certificate = authority.certificate_for("IP:127.0.0.1")
    folder = new_folder("mysql")
    files = {}
    for name, source in (("ssl_ca", authority.file), ("ssl_cert", certificate.certificate),
                         ("ssl_key", certificate.key)):
        files[name] = folder / f"{name}.pem"
        files[name].write_bytes(source.read_bytes())
        give_to_user(files[name])
    with Mysql(folder, settings=files) as server:
        server.sql(f"CREATE USER guarded@'127.0.0.1' IDENTIFIED BY '{RIGHT}';"
                   " GRANT ALL ON nextid.* TO guarded@'127.0.0.1'")
        server.authority = authority
        server.other_authority = Authority(tmp_path_factory.mktemp("other"))
        yield server


@pytest.fixture
def guarded(guarded_server, start_server, ledger):
    """Its store, of the user `guarded`, with no password given."""
    setting = MysqlSetting(ledger.know(Tables(guarded_server, "guarded")), start_server)
    setting.tables.sql("DROP TABLE IF EXISTS {counters}, {idempotency}, {store}")
    return setting


def refused(done, *words, code=UNAVAILABLE):
    """A command line ended with one sentence that has these words."""
    assert (done.returncode, done.stdout) == (code, ""), done
    for word in words:
        assert word in done.stderr, done.stderr
    assert SECRET not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert re.search(r"\.\n$", done.stderr), done.stderr


# ---- Passwords

def test_a_wrong_password(guarded):
    refused(guarded.run("next", user="guarded", env={"MYSQL_PWD": WRONG}),
            "Access denied for user 'guarded'@", "(error 1045)", "MYSQL_PWD", "option file")


def test_no_password(guarded):
    refused(guarded.run("next", user="guarded", env=NO_HOME),
            "Access denied for user 'guarded'@", "MYSQL_PWD", "option file")


def ways_to_give_a_password(directory):
    """{what it is called: (parameters of store(), environment)}"""
    home = directory / "home"
    home.mkdir()
    options = f"[client]\npassword={RIGHT}\n"
    (home / ".my.cnf").write_text(options)
    file = directory / "options.cnf"
    file.write_text(options)
    groups = directory / "groups.cnf"
    groups.write_text(f"[client]\npassword={WRONG}\n[ids]\npassword={RIGHT}\n")
    return {
        "MYSQL_PWD": ({}, {"MYSQL_PWD": RIGHT}),
        "option_file=": ({"option_file": file}, {}),
        "option_group=": ({"option_file": groups, "option_group": "ids"}, {}),
        "~/.my.cnf": ({}, {"HOME": str(home)}),
        "in the URL": ({"user": f"guarded:{RIGHT}"}, {}),
    }


@pytest.mark.parametrize("way", ["MYSQL_PWD", "option_file=", "option_group=", "~/.my.cnf", "in the URL"])
def test_ways_to_give_a_password(guarded, tmp_path, way):
    parameters, env = ways_to_give_a_password(tmp_path)[way]
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


def test_a_user_with_a_key_instead(guarded):
    """By a plugin of the client's."""
    guarded.server.sql("INSTALL SONAME 'auth_ed25519';"
                       f" CREATE USER keyed@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('{RIGHT}');"
                       " GRANT ALL ON nextid.* TO keyed@'127.0.0.1'")
    done = guarded.run("next", user="keyed", env={"MYSQL_PWD": RIGHT})
    assert (done.returncode, done.stdout) == (OK, "1\n"), done
    refused(guarded.run("next", user="keyed", env={"MYSQL_PWD": WRONG}), "Access denied for user 'keyed'@")


def test_an_option_file_that_is_not_there(mysql):
    refused(mysql.run("next", option_file="/nonexistent/my.cnf"),
            "can't read the option_file '/nonexistent/my.cnf'")


def test_variables_of_the_environment_stand_in_for_parts_of_the_url(mysql):
    env = {"MYSQL_HOST": "127.0.0.1", "MYSQL_TCP_PORT": str(mysql.port)}
    prefix = mysql.tables.prefix
    done = nextid.run_unseen("next", "--store", f"mysql://nextid@/nextid?tables={prefix}", env=env)
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


def test_an_option_file_stands_in_for_parts_of_the_url(mysql, tmp_path):
    file = tmp_path / "options.cnf"
    file.write_text(f"[client]\nhost=127.0.0.1\nport={mysql.port}\n[nextid]\nuser=nextid\ndatabase=nextid\n")
    done = nextid.run_unseen("next", "--store", f"mysql://?tables={mysql.tables.prefix}&option_file={file}")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


def test_a_unix_socket(mysql):
    """Where a user of that name and this machine is known."""
    mysql.server.sql("CREATE USER IF NOT EXISTS nextid@localhost; GRANT ALL ON nextid.* TO nextid@localhost")
    done = nextid.run_unseen("next", "--store", "mysql://nextid@/nextid?"
                             f"socket={mysql.server.folder}/mysqld.sock&tables={mysql.tables.prefix}")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


# ---- Who and where

def test_no_database(mysql):
    refused(mysql.run("next", user="root", database="elsewhere"), "Unknown database 'elsewhere'",
            "CREATE DATABASE `elsewhere`")


def test_a_database_of_others(mysql):
    refused(mysql.run("next", database="mysql"), "to database 'mysql'", "(error 1044)",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `mysql`.* TO 'nextid'")


def test_no_database_in_the_url(mysql):
    refused(mysql.run("next", database=""), "No database selected", "mysql://USER@HOST:PORT/DB")


def test_no_user(mysql):
    refused(mysql.run("next", user="nobody_here"), "Access denied for user 'nobody_here'@",
            "check the user in the URL")


def test_an_unknown_host():
    done = nextid.run("next", "--store", "mysql://nextid@no-such-host.invalid/nextid", env=NO_DNS)
    refused(done, "Unknown server host 'no-such-host.invalid'", "check the host in the URL")


def test_nobody_listens(mysql):
    refused(mysql.run("next", port=1), "Can't connect to server on '127.0.0.1'", "127.0.0.1:1",
            "that the server runs")


def test_a_host_that_does_not_answer(faulty_mysql):
    faulty_mysql.proxy.hang()
    refused(faulty_mysql.run("next", attempt_timeout="200ms"), "Lost connection",
            f"127.0.0.1:{faulty_mysql.port}")


# ---- Rights

@pytest.fixture
def bare_user(mysql_tables):
    """One that may look at the database, and nothing more."""
    name = f"bare_{mysql_tables.prefix}"
    mysql_tables.server.sql(f"CREATE USER {name}@'127.0.0.1'; GRANT SELECT ON nextid.* TO {name}@'127.0.0.1'")
    return name


def test_no_right_to_make_tables(mysql, bare_user):
    refused(mysql.run("next", user=bare_user), "CREATE command denied to user",
            f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `nextid`.* TO '{bare_user}'")


@pytest.mark.parametrize("table", ["counters", "store"])
def test_no_right_to_the_tables(mysql, bare_user, table):
    assert mysql.run("next").stdout == "1\n"
    user = f"{bare_user}@'127.0.0.1'"
    mysql.server.sql(f"REVOKE SELECT ON nextid.* FROM {user}")
    for name in {"counters", "store", "idempotency"} - {table}:
        mysql.server.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {mysql.tables.table(name)} TO {user}")
    done = mysql.run("next", user=bare_user)
    assert (done.returncode, done.stdout) == (UNAVAILABLE, ""), done
    assert "SELECT command denied to user" in done.stderr
    assert f"`{mysql.tables.table(table)}`" in done.stderr
    assert f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `nextid`.* TO '{bare_user}'" in done.stderr


def test_tables_and_the_least_rights_as_schema_prints_them(mysql, bare_user):
    """Made by an administrator, they are enough."""
    done = mysql.run("schema", user=bare_user)
    assert done.returncode == OK, done
    mysql.server.sql(done.stdout.replace("'@'%'", "'@'127.0.0.1'"))
    mysql.server.sql(f"REVOKE SELECT ON nextid.* FROM {bare_user}@'127.0.0.1'")
    node = mysql.start(user=bare_user)
    assert node.next_id() == 1
    answer = node.ask("POST", "/v1/counters/global/next", headers=["Idempotency-Key: a"])
    assert answer.json()["id"] == 2
    assert node.next_id("orders") == 1
    assert node.ask("GET", "/readyz").status == 200
    node.stop()
    assert mysql.tables.slots() == 0


def test_a_right_that_is_taken_away_under_a_node(mysql, bare_user):
    assert mysql.run("next").stdout == "1\n"
    on_tables = [f"SELECT, INSERT, UPDATE, DELETE ON {mysql.tables.table(name)}"
                 for name in ("counters", "idempotency", "store")]
    user = f"{bare_user}@'127.0.0.1'"
    mysql.server.sql(f"REVOKE SELECT ON nextid.* FROM {user};"
                     + ";".join(f"GRANT {rights} TO {user}" for rights in on_tables))
    node = mysql.start("--request-timeout", "1s", user=bare_user)
    assert node.next_id() == 2
    mysql.server.sql(";".join(f"REVOKE {rights} FROM {user}" for rights in on_tables))
    answer = node.ask("GET", "/next")
    assert answer.status in (503, 504), answer
    poll(lambda: "command denied to user" in node.log() and "GRANT" in node.log(), "the log says why")
    mysql.server.sql(";".join(f"GRANT {rights} TO {user}" for rights in on_tables))
    poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")


# ---- Certificates

def with_tls(setting, host="127.0.0.1", **parameters):
    return setting.run("next", user="guarded", host=host, env={"MYSQL_PWD": RIGHT}, **parameters)


def test_a_certificate_of_a_known_authority(guarded):
    done = with_tls(guarded, ssl_ca=guarded.server.authority.file)
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


def test_a_certificate_that_nobody_looks_at(guarded):
    done = with_tls(guarded, ssl="true", ssl_verify="false")
    assert (done.returncode, done.stdout) == (OK, "1\n"), done


def test_a_certificate_of_another_authority(guarded):
    refused(with_tls(guarded, ssl_ca=guarded.server.other_authority.file), "(error 2026)", "check ssl_ca")


def test_a_certificate_that_the_system_does_not_know(guarded):
    refused(with_tls(guarded, ssl="true"), "(error 2026)", "check ssl_ca")


def test_a_certificate_of_another_host(guarded):
    refused(with_tls(guarded, host="localhost", ssl_ca=guarded.server.authority.file), "(error 2026)",
            "the names in the server's certificate")


def test_no_file_of_an_authority(guarded):
    refused(with_tls(guarded, ssl_ca="/nonexistent/ca.pem"), "can't read the ssl_ca '/nonexistent/ca.pem'")


def test_a_server_without_tls(mysql):
    refused(mysql.run("next", ssl="true"), "(error 2026)", "ssl=false goes without TLS")


def test_an_option_file_can_not_undo_what_the_url_says(guarded, tmp_path):
    file = tmp_path / "options.cnf"
    file.write_text("[client]\nssl-verify-server-cert=0\nssl-enforce=0\n")
    done = with_tls(guarded, ssl_ca=guarded.server.other_authority.file, option_file=file)
    assert (done.returncode, done.stdout) == (UNAVAILABLE, ""), done


# ---- Too many

def test_too_many_connections_of_the_user(guarded):
    guarded.server.sql("ALTER USER nextid@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    try:
        with guarded.server.session(user="nextid"):
            refused(guarded.run("next"), "max_user_connections", "each nextid takes five")
    finally:
        guarded.server.sql("ALTER USER nextid@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")


def test_too_many_connections_to_the_server(start_mysql):
    setting = start_mysql(settings={"max_connections": 10})
    sessions = []
    try:
        for _ in range(10):
            session = setting.server.session(user="nextid")
            session.__enter__()
            sessions.append(session)
        refused(setting.run("next"), "Too many connections", "max_connections")
    finally:
        for session in sessions:
            session.__exit__(None, None, None)


# ---- A server that is not as it should be

def test_a_read_only_server(start_mysql):
    setting = start_mysql()
    assert setting.run("next").stdout == "1\n"
    setting.server.set(read_only="ON")
    refused(setting.run("next"), "the server is read-only", "let the URL name the primary")
    # Also for those whose rights go beyond it.
    refused(setting.run("next", user="root"), "the server is read-only")
    setting.server.set(read_only="OFF")
    assert setting.run("next").stdout == "2\n"


def test_a_server_that_becomes_read_only_under_a_node(start_mysql):
    setting = start_mysql()
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    setting.server.set(read_only="ON")
    assert node.ask("GET", "/next").status in (503, 504)
    poll(lambda: "--read-only" in node.log() or "is read-only" in node.log(), "the log says why")
    setting.server.set(read_only="OFF")
    poll(lambda: node.ask("GET", "/next").status == 200, "ids come again")


@pytest.mark.parametrize("value", [0, 2])
def test_a_server_that_loses_what_it_acknowledges(start_mysql, value):
    setting = start_mysql(settings={"innodb_flush_log_at_trx_commit": value})
    refused(setting.run("next"), f"innodb_flush_log_at_trx_commit is {value}", "SET GLOBAL")
    setting.server.set(innodb_flush_log_at_trx_commit=1)
    node = setting.start("--request-timeout", "1s")
    assert node.next_id() == 1
    # The next look at the server finds it, while ids are asked for.
    setting.server.set(innodb_flush_log_at_trx_commit=value)
    poll(lambda: node.ask("GET", "/next").status in (503, 504), "it is refused")
    poll(lambda: f"innodb_flush_log_at_trx_commit is {value}" in node.log(), "the log says why")


def test_a_galera_cluster(start_mysql):
    """Of one server, which has nobody to speak to."""
    setting = start_mysql(settings={"wsrep_on": "ON", "wsrep_provider": "none", "binlog_format": "ROW"})
    refused(setting.run("next"), "part of a Galera cluster (wsrep_on is ON)", "semi-synchronous replication")


def test_a_binary_log_that_power_loss_would_cut(start_mysql):
    setting = start_mysql(settings={"log_bin": "binlog", "sync_binlog": 0})
    node = setting.start()
    assert node.next_id() == 1
    assert "sync_binlog is 0" in node.log()
    assert "Replication is asynchronous" in node.log()
    done = setting.run("doctor")
    assert "sync_binlog is 0" in done.stdout, done
    setting.server.set(sync_binlog=1)
    assert "sync_binlog is 1" in setting.run("doctor").stdout


def test_a_binary_log_of_statements(start_mysql):
    setting = start_mysql(settings={"log_bin": "binlog", "binlog_format": "STATEMENT"})
    refused(setting.run("next"), "(error 1665)", "set binlog_format to MIXED or ROW")


def test_a_server_whose_defaults_are_others(start_mysql):
    setting = start_mysql(settings={
        "sql_mode": "ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,SIMULTANEOUS_ASSIGNMENT",
        "transaction_isolation": "SERIALIZABLE", "transaction_read_only": "ON", "autocommit": "OFF",
        "max_statement_time": "0.001", "character_set_server": "utf16", "lower_case_table_names": 1,
        "default_time_zone": "+05:00", "innodb_rollback_on_timeout": "ON", "default_storage_engine": "MyISAM",
        "innodb_snapshot_isolation": "ON", "completion_type": 2})
    node = setting.start()
    assert node.ask("GET", "/range?count=10").json()["end"] == 10
    assert node.next_id("Orders") == 1
    assert node.next_id("orders") == 1
    answer = node.ask("POST", "/v1/counters/global/next", headers=["Idempotency-Key: a"])
    assert answer.json()["id"] == 11
    node.stop()
    assert setting.run("next").stdout == "12\n"


# ---- URLs

@pytest.mark.parametrize("url, words", [
    ("mysql:nextid", ["is no store URL", "mysql://USER@HOST:PORT/DB"]),
    ("mysql:", ["is no store URL", "mysql://USER@HOST:PORT/DB"]),
    ("mysql://nextid@127.0.0.1:port/nextid", ["is no store URL"]),
    ("mysql://nextid@127.0.0.1:99999/nextid", ["99999"]),
    ("mysql://nextid@127.0.0.1/nextid?create=perhaps", ["create is 'perhaps'"]),
    ("mysql://nextid@127.0.0.1/nextid?attempt_timeout=1ms", ["attempt_timeout", "from 100ms to 30s"]),
    ("mysql://nextid@127.0.0.1/nextid?tables=", ["tables is ''"]),
    ("mysql://nextid@127.0.0.1/nextid?tables=a%60b", ["tables is 'a`b'", "1 to 40 letters"]),
    ("mysql://nextid@127.0.0.1/nextid?create=true&create=false", ["'create' is given more than once"]),
    ("mysql://nextid@127.0.0.1/nextid?sslmode=require", ["no parameter 'sslmode'", "ssl_verify"]),
    (f"mysql://nextid:{SECRET}@127.0.0.1/nextid/more", ["says more than"]),
])
def test_bad_urls(url, words):
    done = nextid.run("next", "--store", url)
    refused(done, *words, code=INVALID)


def test_no_tables_and_none_to_be_made(mysql):
    refused(mysql.run("next", create="false"), f"there is no store in the tables {mysql.tables.prefix}_...",
            "create=true", "nextid schema", code=INVALID)


def test_tables_of_a_newer_nextid(mysql):
    assert mysql.run("next").stdout == "1\n"
    mysql.tables.sql("UPDATE {store} SET version = 99")
    refused(mysql.run("next"), "has the format 99 of a newer nextid", code=nextid.CORRUPT)
