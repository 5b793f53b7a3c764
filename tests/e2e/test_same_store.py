"""A file, its side files and its directory are one store (I8): whatever separates, replaces, copies,
renames, links, cuts or restores any of them is harmless, or refused before an id leaves."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import nextid

SIDE_FILES = ("-wal", "-shm", "-lock")

pytestmark = pytest.mark.not_accounted("the test copies, moves or cuts the store's files")


def take(directory, count=1, **options):
    return nextid.run("range", count, cwd=directory, **options)


def ids(done):
    assert done.returncode == nextid.OK, done.stderr
    return tuple(map(int, done.stdout.split()))


def refused(done, *words):
    assert done.returncode == nextid.CORRUPT, (done.stdout, done.stderr)
    assert not done.stdout
    for word in words:
        assert word in done.stderr, done.stderr
    return True


def no_server(start_server, *words, **options):
    """A server there ends with the sentence, before it serves."""
    server = start_server(wait=False, **options)
    assert server.wait() == nextid.CORRUPT, server.log()
    for word in words:
        assert word in server.log(), server.log()
    assert "listening" not in server.log()


@pytest.fixture
def a(tmp_path):
    return made(tmp_path / "a")


@pytest.fixture
def b(tmp_path):
    return made(tmp_path / "b")


def made(directory):
    directory.mkdir()
    return directory


def files(directory):
    return sorted(entry.name for entry in directory.iterdir())


@pytest.fixture
def killed(start_server, tmp_path):
    """The directory of a server that gave out 1 ... 40 and was killed."""
    server = start_server()
    assert server.ask("GET", "/range?count=40").json()["end"] == 40
    server.process.kill()
    server.wait()
    return tmp_path


# ---- What is harmless

def test_a_clean_stop_leaves_the_file_alone(start_server, tmp_path):
    server = start_server()
    assert [server.next_id() for _ in range(3)] == [1, 2, 3]
    server.stop()
    assert "ids.db-wal" not in files(tmp_path) and "ids.db-shm" not in files(tmp_path)
    (tmp_path / "ids.db-lock").unlink()
    assert ids(take(tmp_path)) == (4, 4)


def test_a_kill_alone(killed):
    assert ids(take(killed)) == (41, 41)


@pytest.mark.parametrize("missing", ["-shm", "-lock"])
def test_a_kill_and_a_lost_side_file_that_holds_no_ids(killed, missing):
    (killed / f"ids.db{missing}").unlink()
    assert ids(take(killed)) == (41, 41)


def test_symbolic_links(tmp_path, a):
    take(a, 5)
    (tmp_path / "link.db").symlink_to(a / "ids.db")
    (tmp_path / "folder").symlink_to(a)
    assert ids(nextid.run("range", 1, "--store", f"sqlite:{tmp_path}/link.db")) == (6, 6)
    assert ids(take(tmp_path / "folder")) == (7, 7)


def test_a_renamed_folder(tmp_path, a):
    take(a, 5)
    a.rename(tmp_path / "elsewhere")
    assert ids(take(tmp_path / "elsewhere")) == (6, 6)


def test_a_folder_renamed_after_a_kill(start_server, tmp_path, a):
    server = start_server(store=f"sqlite:{a}/ids.db")
    assert server.next_id() == 1
    server.process.kill()
    server.wait()
    a.rename(tmp_path / "elsewhere")
    assert ids(take(tmp_path / "elsewhere")) == (2, 2)


def test_a_folder_renamed_under_a_server(start_server, tmp_path, a):
    """Whoever looks for it under its old name finds nothing; it comes back with the name."""
    server = start_server("--request-timeout", "300ms", store=f"sqlite:{a}/ids.db")
    assert server.next_id() == 1
    a.rename(tmp_path / "elsewhere")
    answers_no_id(server)
    (tmp_path / "elsewhere").rename(a)
    comes_back(server)


def test_a_file_renamed_after_a_clean_stop(a):
    take(a, 5)
    (a / "ids.db").rename(a / "orders.db")
    assert ids(nextid.run("range", 1, "--store", f"sqlite:{a}/orders.db")) == (6, 6)


@pytest.mark.parametrize("mode", ["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
def test_an_outsider_that_checkpoints_a_running_store(start_server, tmp_path, mode):
    server = start_server()
    last = 0
    for _ in range(5):
        last = server.ask("GET", "/range?count=10").json()["end"]
        outsider = sqlite3.connect(tmp_path / "ids.db", isolation_level=None)
        outsider.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        outsider.execute("SELECT count(*) FROM counters").fetchall()
        outsider.close()
    assert last == 50
    server.process.kill()
    server.wait()
    assert ids(take(tmp_path)) == (51, 51)


def test_an_outsider_that_looks_after_a_kill(killed):
    """The last connection to close brings the log over and removes it."""
    outsider = sqlite3.connect(killed / "ids.db")
    assert outsider.execute("SELECT max(value) FROM counters").fetchone() == (40,)
    outsider.close()
    assert "ids.db-wal" not in files(killed)
    assert ids(take(killed)) == (41, 41)


def test_an_outsider_that_stays_over_a_clean_stop(start_server, tmp_path):
    server = start_server()
    outsider = sqlite3.connect(tmp_path / "ids.db", isolation_level=None)
    outsider.execute("SELECT * FROM counters").fetchall()
    assert server.next_id() == 1
    server.stop()
    assert ids(take(tmp_path)) == (2, 2)
    outsider.close()
    assert ids(take(tmp_path)) == (3, 3)


def test_a_reader_that_blocks_checkpoints(start_server, tmp_path):
    server = start_server()
    server.next_id()
    reader = sqlite3.connect(tmp_path / "ids.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM counters").fetchall()
    with server.connect() as client:
        for _ in range(1500):
            assert client.ask("GET", "/next").status == 200
    server.process.kill()
    server.wait()
    reader.close()
    assert ids(take(tmp_path)) == (1502, 1502)


def test_many_openings_and_kills(start_server, tmp_path):
    expected = 1
    for turn in range(8):
        server = start_server()
        for _ in range(turn * 7 % 11):
            assert server.next_id() == expected
            expected += 1
        server.process.kill() if turn % 3 else server.stop()
        server.wait()


# ---- Copies

def test_an_accepted_copy_goes_to_and_fro(a, b):
    assert ids(take(a, 5)) == (1, 5)
    shutil.copy(a / "ids.db", b)
    assert refused(take(b, 100), "is a copy of", str(a / "ids.db"), "nextid recover", "--accept-copy")
    assert nextid.run("recover", "--all", "--exact", "--yes", cwd=b).returncode == nextid.OK
    assert ids(take(b, 100)) == (6, 105)
    shutil.copy(b / "ids.db", a)
    assert refused(take(a), "nextid recover")
    assert nextid.run("recover", "--all", "--exact", "--yes", cwd=a).returncode == nextid.OK
    assert ids(take(a)) == (106, 106)


def test_a_copy_of_a_running_store_is_not_whole(start_server, tmp_path, b):
    server = start_server()
    server.ask("GET", "/range?count=40")
    shutil.copy(tmp_path / "ids.db", b)
    assert refused(take(b), "is not whole", "nextid backup")


def test_a_copy_at_any_moment_gives_no_id(start_server, tmp_path):
    server = start_server()
    for copies in range(8):
        b = made(tmp_path / f"copy{copies}")
        with server.connect() as client:
            for _ in range(copies * 37 % 100):
                client.ask("GET", "/next")
        for suffix in ("", *SIDE_FILES)[:1 + copies % 4]:
            shutil.copy(tmp_path / f"ids.db{suffix}", b)
        assert refused(take(b))


def test_a_copy_made_by_sqlite(tmp_path, a, b):
    take(a, 5)
    source = sqlite3.connect(a / "ids.db")
    with sqlite3.connect(b / "ids.db") as target:
        source.backup(target)
    source.execute(f"VACUUM INTO '{b}/vacuumed.db'")
    source.close()
    assert refused(take(b), "is a copy of")
    assert refused(nextid.run("next", "--store", f"sqlite:{b}/vacuumed.db"), "is a copy of")


def test_a_folder_copied_after_a_clean_stop(tmp_path, a):
    take(a, 5)
    for how in (shutil.copy, shutil.copy2):
        copy = tmp_path / how.__name__
        shutil.copytree(a, copy, copy_function=how)
        assert refused(take(copy), "is a copy of")


def test_a_copy_of_a_moment_ago_put_back_in_place(a):
    """It keeps inode and birth time, and even the time of the last change."""
    take(a, 5)
    shutil.copy2(a / "ids.db", a / "yesterday.db")
    assert ids(take(a, 5)) == (6, 10)
    subprocess.run(["cp", "-p", a / "yesterday.db", a / "ids.db"], check=True)
    assert refused(take(a), "is not the file that was closed last", "nextid recover")


def test_a_copy_of_a_running_store_put_back_after_a_kill(start_server, tmp_path):
    server = start_server()
    server.ask("GET", "/range?count=40")
    shutil.copy2(tmp_path / "ids.db", tmp_path / "yesterday.db")
    with server.connect() as client:
        for _ in range(1100):  # A checkpoint lies between.
            client.ask("GET", "/next")
    server.process.kill()
    server.wait()
    subprocess.run(["cp", "-p", tmp_path / "yesterday.db", tmp_path / "ids.db"], check=True)
    assert refused(take(tmp_path), "do not belong together")


def test_accept_copy(start_server, a, b):
    take(a, 5)
    shutil.copy(a / "ids.db", b)
    no_server(start_server, "is a copy of", store=f"sqlite:{b}/ids.db")
    server = start_server("--accept-copy", store=f"sqlite:{b}/ids.db")
    assert server.next_id() == 6
    server.stop()
    assert ids(take(b)) == (7, 7)


def test_every_command_can_accept_a_copy(a, b):
    take(a, 5)
    shutil.copy(a / "ids.db", b)
    url = f"sqlite:{b}/ids.db"
    assert nextid.run("next", "--store", url).returncode == nextid.CORRUPT
    assert nextid.run("next", "--accept-copy", "--store", url).stdout == "6\n"
    assert nextid.run("next", "--store", url).stdout == "7\n"


def test_accept_copy_takes_no_torn_copy(start_server, tmp_path, b):
    server = start_server()
    server.ask("GET", "/range?count=40")
    shutil.copy(tmp_path / "ids.db", b)
    no_server(lambda **options: start_server("--accept-copy", **options), "is not whole",
              store=f"sqlite:{b}/ids.db")


# ---- Logs

def test_a_file_moved_away_after_a_kill(killed, b):
    os.rename(killed / "ids.db", b / "ids.db")
    assert refused(take(b), "its log", "is missing", "nextid recover")


def test_a_lost_log(killed, start_server):
    (killed / "ids.db-wal").unlink()
    assert refused(take(killed), "is missing or empty")
    no_server(start_server, "is missing or empty")


@pytest.mark.parametrize("mode", ["PASSIVE", "RESTART", "TRUNCATE"])
def test_a_log_lost_after_an_outsider_checkpointed(start_server, tmp_path, mode):
    """It has brought over a seal that needs no log, and ids left after it."""
    server = start_server()
    for _ in range(2):
        server.ask("GET", "/range?count=20")
        outsider = sqlite3.connect(tmp_path / "ids.db", isolation_level=None)
        outsider.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        outsider.close()
        server.next_id()
        server.next_id()
    server.process.kill()
    server.wait()
    (tmp_path / "ids.db-wal").unlink()
    assert refused(take(tmp_path), "is missing or empty")


def test_a_log_lost_after_a_checkpoint(start_server, tmp_path):
    server = start_server()
    with server.connect() as client:
        for _ in range(1100):
            client.ask("GET", "/next")
    server.process.kill()
    server.wait()
    (tmp_path / "ids.db-wal").unlink()
    assert refused(take(tmp_path), "is missing or empty")


def test_an_emptied_log(killed):
    os.truncate(killed / "ids.db-wal", 0)
    assert refused(take(killed), "is missing or empty")


def test_a_log_cut_at_any_place(start_server, tmp_path):
    server = start_server()
    for _ in range(20):
        server.next_id()
    server.process.kill()
    server.wait()
    log = tmp_path / "ids.db-wal"
    whole = log.read_bytes()
    for size in range(1, len(whole), len(whole) // 9):
        os.truncate(log, size)
        assert refused(take(tmp_path), "is missing")
        log.write_bytes(whole)
    assert ids(take(tmp_path)) == (21, 21)


def test_the_log_of_another_time(killed, start_server, tmp_path):
    log = (tmp_path / "ids.db-wal").read_bytes()
    assert ids(take(tmp_path, 5)) == (41, 45)
    (tmp_path / "ids.db-wal").write_bytes(log)
    assert refused(take(tmp_path), "do not belong together", "nextid recover")
    # It is as it was once the log is away.
    (tmp_path / "ids.db-wal").unlink()
    assert ids(take(tmp_path)) == (46, 46)


def test_the_log_of_another_store(killed, a, start_server):
    take(a, 7)
    shutil.copy(killed / "ids.db-wal", a)
    assert refused(take(a), "do not belong together")
    os.unlink(a / "ids.db-wal")
    assert ids(take(a)) == (8, 8)


def test_logs_exchanged_after_kills(start_server, tmp_path, a, b):
    for directory in (a, b):
        server = start_server(store=f"sqlite:{directory}/ids.db")
        server.ask("GET", "/range?count=40")
        server.process.kill()
        server.wait()
    os.rename(a / "ids.db-wal", tmp_path / "log")
    os.rename(b / "ids.db-wal", a / "ids.db-wal")
    os.rename(tmp_path / "log", b / "ids.db-wal")
    assert refused(take(a), "do not belong together")
    assert refused(take(b), "do not belong together")


def test_the_log_of_another_program(a):
    take(a, 7)
    other = sqlite3.connect(a / "other.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE t (a)")
    shutil.copy(a / "other.db-wal", a / "ids.db-wal")
    other.close()
    assert refused(take(a), "do not belong together")


def test_a_foreign_journal(a):
    take(a, 7)
    (a / "ids.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(600))
    assert refused(take(a), "ids.db-journal")


# ---- Under running processes

def comes_back(server):
    """The id of the request that got none is burned."""
    answers = []

    def answered():
        answers.append(server.ask("GET", "/next"))
        return answers[-1].status == 200

    nextid.poll(answered, "ids come again")
    return answers[-1].json()["id"]


def answers_no_id(server):
    answer = server.ask("GET", "/next")
    assert answer.status in (500, 503), answer
    return answer.json()["detail"]


@pytest.fixture
def running(start_server):
    server = start_server("--request-timeout", "300ms")
    assert server.ask("GET", "/range?count=40").json()["end"] == 40
    return server


@pytest.mark.parametrize("name", ["ids.db", "ids.db-wal"])
@pytest.mark.parametrize("deed", ["removed", "renamed", "exchanged", "linked"])
def test_a_file_changed_under_a_server(running, tmp_path, name, deed):
    path = tmp_path / name
    if deed == "removed":
        path.unlink()
    elif deed == "renamed":
        path.rename(tmp_path / "away")
    elif deed == "exchanged":
        shutil.copy2(path, tmp_path / "copy")
        os.replace(tmp_path / "copy", path)
    else:
        os.link(path, tmp_path / "link")
    assert "was moved, deleted or replaced" in answers_no_id(running)
    # Nor does a second process serve, or one after it.
    assert take(tmp_path).returncode != nextid.OK
    running.process.kill()
    running.wait()
    if deed in ("renamed", "linked"):
        if deed == "renamed":
            (tmp_path / "away").rename(path)
        else:
            (tmp_path / "link").unlink()
        assert ids(take(tmp_path)) == (41, 41)
    elif (name, deed) == ("ids.db-wal", "exchanged"):
        assert ids(take(tmp_path)) == (41, 41)  # For one with the same bytes.
    else:
        assert refused(take(tmp_path))


def test_a_file_that_comes_back(running, tmp_path):
    (tmp_path / "ids.db").rename(tmp_path / "away")
    answers_no_id(running)
    (tmp_path / "away").rename(tmp_path / "ids.db")
    assert comes_back(running) > 40


@pytest.mark.parametrize("name", ["ids.db-shm", "ids.db-lock"])
@pytest.mark.parametrize("deed", ["removed", "exchanged", "emptied"])
def test_a_second_process_after_a_side_file_changed(running, tmp_path, name, deed):
    if (name, deed) == ("ids.db-shm", "emptied"):
        pytest.skip("not run: who cuts memory that processes share ends them with SIGBUS")
    path = tmp_path / name
    if deed == "removed":
        path.unlink()
    elif deed == "exchanged":
        shutil.copy2(path, tmp_path / "copy")
        os.replace(tmp_path / "copy", path)
    else:
        os.truncate(path, 0)
    # The server goes on, as all that it uses is still its own; a second one would have other files.
    assert running.next_id() == 41
    assert refused(take(tmp_path))
    assert running.next_id() == 42
    running.stop()
    assert ids(take(tmp_path)) == (43, 43)


def test_a_hard_link(a):
    take(a, 5)
    os.link(a / "ids.db", a / "other.db")
    assert take(a).returncode != nextid.OK
    done = nextid.run("next", "--store", f"sqlite:{a}/other.db")
    assert done.returncode == nextid.UNAVAILABLE and "hard links" in done.stderr, done.stderr


# ---- Containers

def unshare(script, cwd):
    """Runs a shell script in a mount namespace of its own."""
    return subprocess.run(["unshare", "-m", "sh", "-ec", script], cwd=cwd, text=True, timeout=60,
                          capture_output=True, env=nextid.environment())


def can_unshare():
    try:
        return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


needs_mounts = pytest.mark.skipif(not can_unshare(), reason="not run: no rights to mount here")


@needs_mounts
def test_a_container_with_the_file_alone(killed, tmp_path, a):
    """-v ./ids.db:/data/ids.db"""
    (a / "ids.db").touch()
    done = unshare(f"mount --bind {killed}/ids.db {a}/ids.db; {nextid.BINARY} next"
                   f" --store sqlite:{a}/ids.db", tmp_path)
    assert done.returncode == nextid.UNAVAILABLE, (done.stdout, done.stderr)
    assert "mount its directory" in done.stderr and not done.stdout


@needs_mounts
def test_two_containers_side_by_side(start_server, tmp_path, a):
    server = start_server()
    server.next_id()
    (a / "ids.db").touch()
    done = unshare(f"mount --bind {tmp_path}/ids.db {a}/ids.db; {nextid.BINARY} next"
                   f" --store sqlite:{a}/ids.db", tmp_path)
    assert not done.stdout and "mount its directory" in done.stderr
    assert server.next_id() == 2


@needs_mounts
def test_two_containers_with_the_directory(start_server, tmp_path, tmp_path_factory):
    server = start_server()
    assert server.next_id() == 1
    data = tmp_path_factory.mktemp("data")
    done = unshare(f"mount --bind {tmp_path} {data}; {nextid.BINARY} next"
                   f" --store sqlite:{data}/ids.db", tmp_path)
    assert done.stdout == "2\n", done.stderr
    assert server.next_id() == 3


@needs_mounts
def test_two_names_that_no_mount_tells_apart(start_server, tmp_path, tmp_path_factory):
    """A side file that is the container's own: the lock on the main file shows it."""
    server = start_server()
    server.next_id()
    data = tmp_path_factory.mktemp("data")
    script = f"""
        mount --bind {tmp_path} {data}
        touch {data}/own-lock
        mount --bind {data}/own-lock {data}/ids.db-lock
        {nextid.BINARY} next --store sqlite:{data}/ids.db
    """
    done = unshare(script, tmp_path)
    assert done.returncode == nextid.CORRUPT and not done.stdout, (done.stdout, done.stderr)
    assert "another lock file" in done.stderr
    assert server.next_id() == 2
