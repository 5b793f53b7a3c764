"""Completion of the command line: what `nextid complete` says, and what shells make of it."""

import contextlib
import os
import socket
import sqlite3
import time

import pytest

from nextid import OK, REPOSITORY, run
from shells import SHELLS, Bash
from test_manual import COMMANDS


@pytest.fixture
def place(tmp_path):
    """A directory with a store, another one, files and a folder."""
    place = tmp_path / "place"
    place.mkdir()
    for store, names in [("ids.db", ["orders:eu", "orders:us", "tickets"]), ("other.db", ["xylophones"])]:
        for name in names:
            run("next", name, "--store", f"sqlite:{place}/{store}")
    (place / "data.txt").touch()
    (place / "folder").mkdir()
    return place


@pytest.fixture
def complete(place):
    def ask(*words, env=None):
        done = run("complete", *words, env={"NEXTID_STORE": f"sqlite:{place}/ids.db", **(env or {})}, cwd=place)
        assert (done.returncode, done.stderr) == (OK, "")
        return [line.split("\t")[0] for line in done.stdout.splitlines()]
    return ask


# ---- What the program says

def test_commands(complete):
    assert complete("") == complete() == COMMANDS
    assert complete("re") == ["restore", "recover"]
    assert complete("--") == ["--help", "--version"]
    assert complete("xyzzy", "") == complete("xyzzy") == []


def test_meanings():
    assert run("complete", "nex").stdout == "next\tPrint one new id\n"
    assert run("complete", "next", "--js").stdout == "--json\tPrint the JSON of the HTTP call\n"


def test_options(complete):
    page = (REPOSITORY / "docs" / "options.md").read_text()
    assert all(f"`{option}" in page for option in complete("serve", "--") if option not in ("--help", "--config"))
    assert len(complete("serve", "--")) == page.count("\n| `--") + 2
    assert complete("serve", "") == complete("serve", "--")
    assert complete("next", "--k") == ["--key"]
    # Once is enough, and some exclude one another.
    assert complete("next", "--key", "a", "--k") == []
    assert complete("define", "a", "--max-int32", "--ma") == []
    assert complete("next", "--", "--k") == []


def test_values(complete):
    assert complete("serve", "--log-level", "") == ["info", "warning", "error"]
    assert complete("serve", "--log-level=w") == ["--log-level=warning"]
    assert complete("serve", "--resp", "") == ["off"]
    assert complete("bench", "--resp", "") == []
    assert complete("token", "a", "--rights", "read,de") == ["read,define", "read,delete"]
    assert complete("token", "a", "--limit", "k") == ["keys="]
    assert complete("range", "") == []
    assert complete("manual", "nextid.t") == ["nextid.toml.5", "nextid.toml"]


def test_each_word_that_is_offered_is_a_value(complete, tmp_path):
    for option in complete("serve", "--"):
        for word in complete("serve", option, ""):
            # Behind a flag, what is offered is another option.
            if option != "--store" and not word.startswith((":", "--")):
                done = run("doctor", option, word, cwd=tmp_path)
                assert done.stdout.startswith("ok    options "), (option, word)


def test_files_and_stores(complete):
    assert complete("backup", "x") == complete("serve", "--config", "") == [":files"]
    assert complete("serve", "--audit-log", "") == ["journal", ":files"]
    assert complete("serve", "--state-dir", "x") == [":directories"]
    assert complete("serve", "--store", "") == [
        "sqlite:", "postgres://", "mysql://", "etcd://", "dynamodb://", "memory:"]
    assert sorted(complete("serve", "--store", "sqlite:")) == [
        "sqlite:data.txt", "sqlite:folder/", "sqlite:ids.db", "sqlite:other.db"]
    assert complete("serve", "--store=sqlite:./i") == ["--store=sqlite:./ids.db"]


@pytest.mark.parametrize("command", [["next"], ["range", "5"], ["define"], ["advance"], ["delete"], ["recover"],
                                     ["bench", "--counter"]])
def test_counters(complete, place, command):
    assert complete(*command, "") == ["orders:eu", "orders:us", "tickets"]
    assert complete(*command, "orders:e") == ["orders:eu"]
    assert complete(*command, "orders:eu") == ["orders:eu"]
    assert complete(*command, "u") == []
    assert complete(*command[:1], "--store", "sqlite:other.db", *command[1:], "") == ["xylophones"]


def test_the_store_of_a_file(complete, place):
    (place / "nextid.toml").write_text('store = "sqlite:other.db"\n')
    assert complete("next", "--config", "nextid.toml", "", env={"NEXTID_STORE": ""}) == []
    (place / "nextid.toml").write_text('store = "sqlite:other.db"\nthreads = 2\n')
    done = run("complete", "next", "--config", "nextid.toml", "", cwd=place)
    assert done.stdout == "xylophones\n"


def test_a_token_has_a_name_of_its_own(complete):
    assert complete("token", "") == []


@pytest.mark.not_accounted("the test changed the counters in the file itself")
def test_behind_any_number_of_others(store):
    run("next", "a0000", "--store", store)
    with contextlib.closing(sqlite3.connect(store.removeprefix("sqlite:"))) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(counters)")]
        others = ", ".join(column for column in columns if column != "name")
        connection.executemany(
            f"INSERT INTO counters (name, {others}) SELECT ?, {others} FROM counters WHERE name = 'a0000' AND writer = 0",
            [(f"a{number:04}",) for number in range(1, 2500)])
    run("next", "b1", "--store", store)
    assert run("complete", "next", "--store", store, "b").stdout == "b1\n"
    assert len(run("complete", "next", "--store", store, "a").stdout.splitlines()) == 1000


def test_no_store_is_made(tmp_path):
    for env in [{}, {"NEXTID_STORE": "sqlite:new.db"}, {"NEXTID_STORE": "sqlite:new.db?create=true"}]:
        done = run("complete", "next", "", env={**env, "NEXTID_STATE_DIR": "state"}, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("env", [
    {"NEXTID_STORE": "nonsense"}, {"NEXTID_STORE": ""}, {"NEXTID_STROE": "memory:"}, {"NEXTID_CONFIG": "missing"},
    {"NEXTID_STORE": "memory:"}, {"NEXTID_STORE": "sqlite:/"}, {"NEXTID_STORE": "dynamodb://ids?region=eu-west-1"},
    {"NEXTID_STORE": "postgres://a@127.0.0.1:1/b"}], ids=str)
def test_what_is_wrong_is_not_told(tmp_path, env):
    done = run("complete", "next", "", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


def test_a_damaged_store(tmp_path):
    (tmp_path / "ids.db").write_bytes(b"no database" * 1000)
    done = run("complete", "next", "", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


@pytest.mark.parametrize("url", ["postgres://a@127.0.0.1:{}/b", "mysql://a@127.0.0.1:{}/b", "etcd://127.0.0.1:{}/b"])
def test_a_store_that_does_not_answer(url):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        begin = time.monotonic()
        done = run("complete", "next", "", env={"NEXTID_STORE": url.format(silent.getsockname()[1])})
        assert time.monotonic() - begin < 5
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


def test_half_written_lines_of_any_kind(complete):
    for words in [["next", "--store"], ["--store", "x", "next", ""], ["next", "--store", "--key", ""], ["-"], ["="],
                  ["next", "--xyzzy", ""], ["next", "--xyzzy=", "--xyzzy=a"], ["serve", "-", "--", ""], ["--", "next"],
                  ["next", "a", "b", "c", ""], ["next", "\x1b", "'\"$(x)"], ["serve", "--store", "sqlite:\xff/"]]:
        complete(*words)


# ---- Shells

CASES = [
    ("nextid ne", "nextid next "),
    ("nextid serve --log-l", "nextid serve --log-level "),
    ("nextid serve --log-level w", "nextid serve --log-level warning "),
    ("nextid serve --log-level=w", "nextid serve --log-level=warning "),
    ("nextid next ti", "nextid next tickets "),
    ("nextid next or", "nextid next orders:"),
    ("nextid next orders:e", "nextid next orders:eu "),
    ("nextid bench --counter=orders:e", "nextid bench --counter=orders:eu "),
    ("nextid next --store sqlite:other.db x", "nextid next --store sqlite:other.db xylophones "),
    ("nextid next --store=sqlite:other.db x", "nextid next --store=sqlite:other.db xylophones "),
    ("nextid serve --store sq", "nextid serve --store sqlite:"),
    ("nextid serve --store sqlite:id", "nextid serve --store sqlite:ids.db "),
    ("nextid serve --store=sqlite:id", "nextid serve --store=sqlite:ids.db "),
    ("nextid backup da", "nextid backup data.txt "),
    ("nextid serve --config=da", "nextid serve --config=data.txt "),
    ("nextid serve --state-dir fo", "nextid serve --state-dir folder/"),
    ("nextid token a --rights read,al", "nextid token a --rights read,allocate "),
    ("nextid xyzzy da", "nextid xyzzy da"),
]


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.program)
def shell(request, place, tmp_path):
    if not request.param.is_here():
        pytest.skip(f"not run: {request.param.program} is missing")
    return request.param(place, tmp_path / "tools", {"NEXTID_STORE": f"sqlite:{place}/ids.db"})


def test_in_a_shell(shell):
    for line, completed in CASES:
        assert shell.completed(line) == completed, line


def test_choices_are_listed(shell):
    assert all(command in shell.listed("nextid ", "token").split() for command in ["serve", "next", "token"])
    shown = shell.listed("nextid next ", "tickets")
    assert "orders:eu" in shown or "eu" in shown
    assert "--idle-counter-timeout" in shell.listed("nextid serve --i", "--insecure")


def test_a_bash_in_which_a_colon_is_no_end_of_a_word(place, tmp_path):
    shell = Bash(place, tmp_path / "tools", {"NEXTID_STORE": f"sqlite:{place}/ids.db"})
    shell.setup = shell.setup + "; COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]/}"
    for line, completed in CASES[:12]:
        assert shell.completed(line) == completed, line


def test_a_program_that_is_not_there(place, tmp_path):
    for kind in SHELLS:
        if kind.is_here():
            shell = kind(place, tmp_path / "tools")
            (tmp_path / "tools" / "nextid").unlink()
            assert shell.completed("nextid ne") == "nextid ne"
