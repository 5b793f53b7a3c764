"""`nextid schema`: the tables of a store, made by those who own the database."""

import pytest

from nextid import INVALID, OK, run
from postgres import Postgres


@pytest.mark.parametrize("store, shown", [
    ("sqlite:ids.db", "sqlite:{}/ids.db"), ("memory:", "in memory"), ("dynamodb://ids", "dynamodb://ids"),
    ("etcd://db:2379/ids", "etcd://db:2379/ids")])
def test_a_store_without_tables_of_yours(tmp_path, store, shown):
    done = run("schema", "--store", store, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert done.stderr == (f"nextid: the store {shown.format(tmp_path)} has no tables that you could make"
                           " yourself\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("store, says", [
    ("pg://db/ids", "'pg://db/ids' names no store"),
    ("postgres://db/ids?create=perhaps", "create is 'perhaps', and must be true or false"),
    ("mysql://db/ids?no_such=1", "a MySQL store has no parameter 'no_such'")])
def test_a_wrong_url(store, says):
    done = run("schema", "--store", store)
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert says in done.stderr


def test_it_takes_the_store_from_the_usual_places(tmp_path):
    url = "postgres://ann@db/ids"
    (tmp_path / "nextid.toml").write_text(f'store = "{url}"\n')
    printed = [run("schema", "--store", url), run("schema", env={"NEXTID_STORE": url}),
               run("schema", "--config", tmp_path / "nextid.toml")]
    assert [done.returncode for done in printed] == 3 * [OK]
    assert len({done.stdout for done in printed}) == 1
    assert 'TO "ann";' in printed[0].stdout


def serves_with_these_rights_alone(url):
    """With tables that others made."""
    commands = [["next", "orders"], ["range", "3", "orders"], ["next", "orders", "--key", "k"],
                ["next", "orders", "--key", "k"], ["define", "tickets", "--start", "100"],
                ["advance", "orders", "--to", "50"], ["delete", "tickets"], ["counters"], ["doctor"]]
    for command in commands:
        words = ["--http", "127.0.0.1:0"] if command == ["doctor"] else []
        done = run(*command, *words, "--store", url, "--no-create-store")
        assert done.returncode in ([OK, 1] if words else [OK]), done
    assert run("next", "orders", "--store", url, "--no-create-store").stdout == "51\n"


@pytest.mark.not_accounted("the counters in the database are not read")
def test_postgres_with_the_least_rights():
    """The role may do nothing but use the tables."""
    with Postgres() as server:
        server.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC; ALTER DATABASE nextid OWNER TO postgres;"
                   "ALTER SCHEMA public OWNER TO postgres; CREATE ROLE ids LOGIN")
        url = server.url_of(user="ids")
        refused = run("next", "--store", url)
        assert refused.returncode != OK, refused
        schema = run("schema", "--store", url)
        assert schema.returncode == OK, schema
        server.sql(schema.stdout)
        serves_with_these_rights_alone(url)
        assert server.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
                            " AND tableowner = 'ids'") == 0
