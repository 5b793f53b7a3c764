"""What the ids rest on is said, as the server has it: by doctor, and at the start of a node."""

import pytest

from nextid import OK, UNAVAILABLE
from postgres import PgBouncer
from postgres_setting import PostgresSetting

FOUND_SOMETHING = 1


def doctor(setting, **parameters):
    """{(verdict, subject): sentences}"""
    assert setting.run("next", **parameters).returncode == OK  # It looks at a store, and makes none.
    done = setting.run("doctor", "--http", "127.0.0.1:0", **parameters)
    assert done.returncode in (OK, FOUND_SOMETHING), done
    found = {}
    for line in done.stdout.splitlines():
        verdict, rest = line.split(maxsplit=1)
        subject, _, sentence = rest.partition("  ")
        found.setdefault((verdict, subject), []).append(sentence.strip())
    return found


def test_a_server_as_it_is_installed(postgres):
    found = doctor(postgres)
    server, = found["ok", "server"]
    assert server.startswith("PostgreSQL ")
    assert server.endswith(f" at host '127.0.0.1', port {postgres.port}, database 'nextid', role 'nextid'.")
    assert found["ok", "durability"] == ["synchronous_commit is on."]
    assert found["ok", "standbys"] == ["There is no standby."]
    assert not [key for key in found if key[1] in ("durability", "standbys") and key[0] != "ok"]


def test_a_pooler(postgres_server, postgres_tables, start_server):
    with PgBouncer(postgres_server) as bouncer:
        server, = doctor(PostgresSetting(postgres_tables, start_server, bouncer.port))["ok", "server"]
        assert server.endswith("role 'nextid', through a pooler.")


def test_a_server_that_loses_what_it_acknowledged_is_refused(start_postgres):
    setting = start_postgres(settings={"fsync": "off"})
    done = setting.run("next")
    assert (done.returncode, done.stdout) == (UNAVAILABLE, ""), done
    assert "has fsync = off" in done.stderr
    assert "set fsync = on in postgresql.conf" in done.stderr
    node = setting.start(wait=False)
    assert node.wait() == UNAVAILABLE


def test_pages_that_may_tear_are_warned_of(start_postgres):
    setting = start_postgres(settings={"full_page_writes": "off"})
    warning, = doctor(setting)["warn", "durability"]
    assert warning.startswith("full_page_writes is off")
    node = setting.start()
    assert warning in node.log()


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_commits_that_do_not_wait_for_the_disk_are_made_to(start_postgres, value):
    """Here, or on the standby."""
    setting = start_postgres(settings={"synchronous_commit": value})
    node = setting.start()
    for last in range(1, 30):
        assert node.next_id() == last
    setting.server.kill()
    setting.server.start()
    assert setting.tables.value() == last
    assert doctor(setting)["ok", "durability"] == [
        f"synchronous_commit is {value} by default; nextid sets it to on for its own sessions."]


def test_remote_apply_stays(start_postgres):
    setting = start_postgres(settings={"synchronous_commit": "remote_apply"})
    assert doctor(setting)["ok", "durability"] == ["synchronous_commit is remote_apply."]


def test_standbys(start_postgres):
    setting = start_postgres()
    with setting.server.standby(sync=False) as standby:
        warning, = doctor(setting)["warn", "standbys"]
        assert warning.startswith("Its standby is asynchronous: ")
        node = setting.start()
        assert warning in node.log()
        setting.server.set(synchronous_standby_names=standby.name)
        assert doctor(setting)["ok", "standbys"] == [
            "Each commit waits for the synchronous standbys 'standby1'."]
