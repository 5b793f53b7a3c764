"""Backups, what puts them back, and how a store in doubt comes to serve again."""

import fcntl
import os
import shutil
import sqlite3
import subprocess

import pytest

import nextid

pytestmark = pytest.mark.not_accounted("the test restores stores, and moves their counters on")


def command(*arguments, cwd, **options):
    return nextid.run(*arguments, cwd=cwd, **options)


def ok(done, *words):
    assert done.returncode == nextid.OK, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stdout, done.stdout
    return done.stdout


def fails(done, code, *words):
    assert done.returncode == code, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr


def take(directory, count=1, counter="global"):
    return tuple(map(int, ok(command("range", count, counter, cwd=directory)).split()))


@pytest.fixture
def a(tmp_path):
    (tmp_path / "a").mkdir()
    return tmp_path / "a"


@pytest.fixture
def killed(start_server, a):
    """The directory of a server that gave out 1 ... 40 and was killed."""
    server = start_server(store=f"sqlite:{a}/ids.db")
    server.ask("GET", "/range?count=40")
    server.process.kill()
    server.wait()
    return a


# ---- Backup

def test_a_backup_of_a_running_store(start_server, a, tmp_path):
    server = start_server(store=f"sqlite:{a}/ids.db")
    server.ask("GET", "/range?count=40")
    said = ok(command("backup", "../ids.backup", cwd=a), "1 counter", "verified", "global", "40")
    identity = server.ask("GET", "/v1/status").json().get("store_identity", "")
    assert identity in said
    assert server.next_id() == 41
    backup = sqlite3.connect(tmp_path / "ids.backup")
    assert backup.execute("SELECT max(value) FROM counters").fetchone() == (40,)
    assert backup.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    backup.close()
    assert not [name for name in os.listdir(tmp_path) if name.startswith("ids.backup-")]


def test_a_backup_is_of_one_moment(start_server, a, tmp_path):
    """Two counters that move together: no backup has one without the other."""
    server = start_server(store=f"sqlite:{a}/ids.db")
    writer = sqlite3.connect(a / "ids.db", isolation_level=None, timeout=10)
    for counter in ("one", "two"):
        server.next_id(counter)
    for turn in range(10):
        writer.execute("UPDATE counters SET value = value + 5 WHERE writer = 0")
        ok(command("backup", "--force", "../ids.backup", cwd=a))
        backup = sqlite3.connect(tmp_path / "ids.backup")
        values = backup.execute("SELECT DISTINCT value FROM counters WHERE writer = 0").fetchall()
        assert values == [(6 + 5 * turn,)]
        backup.close()
    writer.close()


def test_an_existing_backup_stays(a):
    take(a, 5)
    ok(command("backup", "b", cwd=a))
    fails(command("backup", "b", cwd=a), nextid.CONFLICT, "exists", "--force")
    ok(command("backup", "b", "--force", cwd=a))


def test_no_backup_of_a_store_that_is_missing_or_in_doubt(a, killed):
    fails(command("backup", "b", "--store", "sqlite:none.db", cwd=a), nextid.INVALID, "there is no store")
    (killed / "ids.db-wal").unlink()
    fails(command("backup", "b", cwd=a), nextid.CORRUPT, "is not whole")
    assert not (a / "b").exists()


def test_a_backup_that_has_no_room(a):
    take(a, 5)
    done = subprocess.run(["sh", "-c", f"ulimit -f 1; trap '' XFSZ; {nextid.BINARY} backup b"],
                          cwd=a, capture_output=True, text=True, env=nextid.environment())
    assert done.returncode != nextid.OK
    assert sorted(os.listdir(a)) == ["ids.db", "ids.db-lock"]


def test_a_backup_gives_no_ids(a):
    take(a, 5)
    ok(command("backup", "b", cwd=a))
    fails(command("next", "--store", "sqlite:b", cwd=a), nextid.CORRUPT, "nextid recover")
    fails(command("serve", "--http", "127.0.0.1:0", "--accept-copy", "--store", "sqlite:b", cwd=a),
          nextid.CORRUPT, "is a backup", "nextid recover")


@pytest.mark.parametrize("store", ["memory:", "dynamodb://ids?region=eu-west-1"])
def test_stores_without_files(a, store):
    fails(command("backup", "b", "--store", store, cwd=a), nextid.INVALID, "has no files")
    take(a, 5)
    ok(command("backup", "b", cwd=a))
    fails(command("restore", "b", "--exact", "--yes", "--store", store, cwd=a), nextid.INVALID,
          "has no files")


# ---- Restore

def test_a_backup_put_back(a):
    assert take(a, 40) == (1, 40)
    ok(command("backup", "b", cwd=a))
    assert take(a, 5) == (41, 45)
    os.remove(a / "ids.db")
    done = command("restore", "b", "--skip", "1000", "--yes", cwd=a)
    ok(done, "global moves from 40 to 1040", "Burned 1000 ids")
    assert "Restored 1 counter" in done.stderr
    assert take(a) == (1041, 1041)


def test_a_restore_needs_to_know_how_far(a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    os.remove(a / "ids.db")
    fails(command("restore", "b", "--yes", cwd=a), nextid.INVALID, "--skip N", "--exact")
    assert not (a / "ids.db").exists()


def test_a_restore_that_was_not_agreed_to_gives_no_ids(a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    os.remove(a / "ids.db")
    fails(command("restore", "b", "--skip", "10", cwd=a), nextid.INVALID, "--yes")
    assert not (a / "ids.db").exists()
    if shutil.which("script"):
        ask_on_a_terminal(a, "n", "restore", "b", "--skip", "10")
        fails(command("next", cwd=a), nextid.CORRUPT, "nextid recover")
        ok(command("recover", "--all", "--skip", "10", "--yes", cwd=a))
        assert take(a) == (51, 51)


def test_a_store_that_is_there_stays(a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    take(a, 5)
    fails(command("restore", "b", "--exact", "--yes", cwd=a), nextid.CONFLICT, "--force")
    assert take(a) == (46, 46)


def test_a_forced_restore_sets_the_store_aside(killed):
    fails(command("backup", "b", "--store", "sqlite:none", cwd=killed), nextid.INVALID)
    ok(command("backup", "b", cwd=killed))
    assert take(killed, 5) == (41, 45)
    ok(command("restore", "b", "--force", "--exact", "--yes", cwd=killed), "stays at 40")
    aside = [name for name in os.listdir(killed) if "set-aside" in name]
    assert len(aside) == 1, aside
    assert take(killed) == (41, 41)
    # What was set aside still tells how far it was.
    ok(command("recover", "--all", "--exact", "--above", aside[0], "--yes", cwd=killed),
       "moves from 41 to 45")
    assert take(killed) == (46, 46)


def test_no_restore_under_a_server(start_server, a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    server = start_server(store=f"sqlite:{a}/ids.db")
    fails(command("restore", "b", "--force", "--exact", "--yes", cwd=a), nextid.UNAVAILABLE, "in use")
    assert server.next_id() == 41


def test_a_restore_holds_the_stores_own_lock(a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    with open(a / "ids.db-lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fails(command("restore", "b", "--force", "--exact", "--yes", cwd=a), nextid.UNAVAILABLE,
              "ids.db-lock is held")
    ok(command("restore", "b", "--force", "--exact", "--yes", cwd=a))
    assert not (a / "ids.db-lock-lock").exists()


def test_a_backup_that_others_may_write_is_not_restored(a):
    take(a, 40)
    ok(command("backup", "b", cwd=a))
    assert (a / "b").stat().st_mode & 0o777 == 0o600
    (a / "b").chmod(0o666)
    fails(command("restore", "b", "--force", "--exact", "--yes", cwd=a), nextid.INVALID,
          f"chmod o-w {a}/b")
    assert take(a) == (41, 41)


def test_what_is_no_backup(a, killed, tmp_path):
    fails(command("restore", "none", "--exact", "--yes", "--store", "sqlite:c.db", cwd=a),
          nextid.INVALID, "there is no backup")
    (a / "text").write_text("hello, hello, hello")
    fails(command("restore", "text", "--exact", "--yes", "--store", "sqlite:c.db", cwd=a),
          nextid.CORRUPT, "not an SQLite database")
    shutil.copy(killed / "ids.db", a / "torn")
    fails(command("restore", "torn", "--exact", "--yes", "--store", "sqlite:c.db", cwd=a),
          nextid.CORRUPT, "is not whole")
    assert not (a / "c.db").exists()


# ---- Recover

def test_a_lost_log(killed):
    (killed / "ids.db-wal").unlink()
    fails(command("recover", "--all", "--yes", cwd=killed), nextid.INVALID, "--skip N")
    fails(command("recover", "--skip", "5", "--yes", cwd=killed), nextid.INVALID, "--all")
    ok(command("define", "orders", "--start", "1000", "--increment", "10", "--store", "sqlite:x.db", cwd=killed))
    ok(command("recover", "--all", "--skip", "100", "--yes", cwd=killed), "The store serves again")
    assert take(killed)[0] > 40


def test_counters_move_on_by_their_increment(a):
    for start, increment, name in ((1, 1, "plain"), (1000, 10, "stride"), (7, 3, "unused")):
        ok(command("define", name, "--start", start, "--increment", increment, cwd=a))
    assert take(a, 3, "plain") == (1, 3)
    assert take(a, 3, "stride") == (1000, 1020)
    ok(command("backup", "b", cwd=a))
    os.remove(a / "ids.db")
    said = ok(command("restore", "b", "--skip", "5", "--yes", cwd=a))
    assert "plain moves from 3 to 8" in said
    assert "stride moves from 1020 to 1070" in said
    assert "unused moves from unused to 19" in said
    assert "Burned 15 ids" in said
    assert [take(a, 1, name)[0] for name in ("plain", "stride", "unused")] == [9, 1080, 22]


def test_a_skip_past_max_changes_nothing(a):
    ok(command("define", "small", "--max", "50", cwd=a))
    take(a, 40, "small")
    fails(command("recover", "--all", "--skip", "11", "--yes", cwd=a), nextid.INVALID, "its max is 50")
    ok(command("recover", "--all", "--skip", "10", "--yes", cwd=a))
    fails(command("next", "small", cwd=a), nextid.EXHAUSTED)


def test_one_counter(a):
    take(a, 40)
    take(a, 7, "orders")
    ok(command("recover", "orders", "--to", "500", "--yes", cwd=a), "orders moves from 7 to 500",
       "once restarted")
    assert take(a, 1, "orders") == (501, 501)
    assert take(a) == (41, 41)
    fails(command("recover", "none", "--to", "5", "--yes", cwd=a), nextid.INVALID, "no counter")
    fails(command("recover", "--all", "--to", "5", "--yes", cwd=a), nextid.INVALID, "--to")


def test_one_counter_does_not_vouch_for_a_store_in_doubt(killed):
    (killed / "ids.db-wal").unlink()
    fails(command("recover", "global", "--to", "500", "--yes", cwd=killed), nextid.CORRUPT, "--all")


def test_a_foreign_log_is_set_aside(killed):
    log = (killed / "ids.db-wal").read_bytes()
    assert take(killed, 5) == (41, 45)
    (killed / "ids.db-wal").write_bytes(log)
    fails(command("next", cwd=killed), nextid.CORRUPT)
    ok(command("recover", "--all", "--exact", "--yes", cwd=killed), "stays at 45")
    assert [name for name in os.listdir(killed) if "-wal-set-aside-" in name]
    assert take(killed) == (46, 46)


def test_what_a_node_remembers_is_passed(start_server, a, tmp_path):
    """Also of a counter that the store has lost."""
    options = {"store": f"sqlite:{a}/ids.db"}
    server = start_server("--state-dir", tmp_path / "state", **options)
    server.ask("GET", "/range?count=40")
    server.next_id("orders")
    server.stop()
    store = sqlite3.connect(a / "ids.db")
    store.execute("UPDATE counters SET value = 10 WHERE name = 'global' AND writer = 0")
    store.execute("DELETE FROM counters WHERE name = 'orders'")
    store.commit()
    store.close()
    server = start_server("--state-dir", tmp_path / "state", wait=False, **options)
    nextid.poll(lambda: "listening" in server.log(), "the server listens")
    nextid.poll(lambda: "10" in server.log() and "40" in server.log(), "it tells both values")
    server.stop()
    state = {"NEXTID_STATE_DIR": str(tmp_path / "state")}
    said = ok(command("recover", "--all", "--skip", "100", "--yes", cwd=a, env=state))
    assert "global moves from 10 to 140" in said and "orders moves from unused to 101" in said, said
    server = start_server("--state-dir", tmp_path / "state", **options)
    assert [server.next_id(), server.next_id("orders")] == [141, 102]


def test_a_counter_that_stopped_goes_on(start_server, a, tmp_path):
    options = {"store": f"sqlite:{a}/ids.db"}
    server = start_server("--state-dir", tmp_path / "state", **options)
    server.ask("GET", "/range?count=40")
    store = sqlite3.connect(a / "ids.db")
    store.execute("UPDATE counters SET value = 10 WHERE writer = 0")
    store.commit()
    store.close()
    answer = server.ask("GET", "/next")
    assert answer.status == 500
    said = answer.json()["detail"]
    assert "10" in said and "40" in said and "nextid recover global" in said, said
    server.stop()
    ok(command("recover", "global", "--exact", "--yes", "--state-dir", tmp_path / "state", cwd=a),
       "to 40")
    server = start_server("--state-dir", tmp_path / "state", **options)
    assert server.next_id() == 41


def test_another_store_is_accepted(a, tmp_path):
    state = {"NEXTID_STATE_DIR": str(tmp_path / "state")}
    ok(command("range", "40", cwd=a, env=state))
    ok(command("range", "5", "--store", "sqlite:other.db", cwd=a))
    other = ("--store", "sqlite:other.db")
    fails(command("next", *other, cwd=a, env=state), nextid.CORRUPT, "nextid recover --all")
    ok(command("recover", "--all", "--exact", "--yes", *other, cwd=a, env=state), "moves from 5 to 40")
    assert ok(command("next", *other, cwd=a, env=state)) == "41\n"


def ask_on_a_terminal(directory, answer, *arguments):
    """Through script(1), which gives the command a terminal."""
    line = " ".join(map(str, (nextid.BINARY, *arguments)))
    return subprocess.run(["script", "-qec", line, "/dev/null"], input=answer + "\n", text=True,
                          cwd=directory, capture_output=True, timeout=60, env=nextid.environment())


@pytest.mark.skipif(not shutil.which("script"), reason="not run: there is no script(1) here")
def test_it_asks_on_a_terminal(killed):
    (killed / "ids.db-wal").unlink()
    done = ask_on_a_terminal(killed, "n", "recover", "--all", "--skip", "100")
    assert done.returncode == nextid.INVALID and "[y/N]" in done.stdout, done.stdout
    fails(command("next", cwd=killed), nextid.CORRUPT, "recovery did not end")
    done = ask_on_a_terminal(killed, "y", "recover", "--all", "--skip", "100")
    assert done.returncode == nextid.OK, done.stdout
    assert take(killed)[0] > 40
