"""Which store a command works on, and that a new one is made only where that is meant, and said."""

import json
import os
import random
import re
import subprocess
import tomllib

import pytest

import nextid
from nextid import CONFLICT, INVALID, OK, run

READING = [["counters"], ["counters", "--json"], ["advance", "orders", "--to", "5"]]
TAKING = [["next"], ["range", "5"], ["define", "orders"],
          ["bench", "--in-process", "--requests", "10", "--clients", "1"]]
SERVING = [["serve", "--http", "127.0.0.1:0"]]
OTHERS = [["doctor", "--http", "127.0.0.1:0"], ["bench", "--http", "127.0.0.1:1"], ["token", "me"]]


def name(words):
    return words if isinstance(words, str) else " ".join(words)


def commands(*groups):
    return pytest.mark.parametrize(
        "command", [command for group in groups for command in group], ids=name)


def is_refused(done, *says, code=INVALID):
    """Asserts it, with a sentence and nothing else."""
    assert done.returncode == code, done
    text = done.stdout + done.stderr
    for part in says:
        assert part in text, text
    return True


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())


# ---- Characters that nobody sees

STRAYS = [("\r", r"\r", "a carriage return"), ("\n", r"\n", "a line feed"), ("\t", r"\t", "a tab"),
          (" ", " ", "a blank"), ("\xa0", r"\u{a0}", "a no-break space"),
          ("\ufeff", r"\u{feff}", "a byte order mark"), ("\x1b", r"\u{1b}", "an escape character")]


@pytest.mark.parametrize("stray, shown, called", STRAYS, ids=[called for _, _, called in STRAYS])
@commands([["next"], ["counters"], ["define", "orders"]], SERVING)
def test_a_store_of_another_name_by_a_character_that_nobody_sees(
        tmp_path, store, command, stray, shown, called):
    assert run("next", "--store", store).stdout == "1\n"
    before = files_in(tmp_path)
    for place, seen, says in [
            (store + stray, f"'{store}{shown}'", f"it ends in {called}; remove it."),
            (stray + store, f"'{shown}{store}'", f"it begins with {called}; remove it.")]:
        done = run(*command, "--store", place)
        assert is_refused(done, f"--store is {seen}: {says}")
        done = run(*command, env={"NEXTID_STORE": place})
        assert is_refused(done, f"NEXTID_STORE is {seen}: {says}")
        config = tmp_path / "nextid.toml"
        config.write_bytes(f'store = "{place}"\n'.encode())
        if stray in "\n\r\x1b":
            done = run(*command, "--config", config)
            assert is_refused(done, f"{config}, line 1: ")
            # The file has control characters as escapes alone.
            escaped = place.replace(stray, f"\\u{ord(stray):04x}")
            config.write_text(f'store = "{escaped}"\n')
        done = run(*command, "--config", config)
        assert is_refused(done, f"{config}, line 1: store is {seen}: {says}")
        config.unlink()
    assert files_in(tmp_path) == before
    assert run("next", "--store", store).stdout == "2\n"


@pytest.mark.parametrize("arguments", [
    ["next", "orders\r"], ["next", "\torders"], ["range", "5\n"], ["define", "orders", "--max", "5 "],
    ["advance", "orders", "--to", "\xa05"], ["bench", "--counter", "orders\r", "--in-process"],
    ["bench", "--http", "127.0.0.1:1\r"], ["bench", "--resp", " 127.0.0.1:1"],
    ["serve", "--threads", "1\r"], ["serve", "--http", "127.0.0.1:0\n"],
    ["doctor", "--tokens", "tokens.txt\r"], ["next", "--config", "nextid.toml\r"],
    ["token", "me\r"], ["token", "me", "--rights", "read\t"], ["token", "me", "--counters", "a\r"]],
    ids=repr)
def test_no_value_has_them(tmp_path, arguments):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == INVALID, done
    assert re.search(r"it (ends in|begins with) .*; remove it", done.stderr), done.stderr
    assert not re.search(r"[\r\t\xa0]", done.stderr), done.stderr
    assert files_in(tmp_path) == []


def test_a_token_has_none_and_is_not_shown(tmp_path):
    done = run("bench", "--http", "127.0.0.1:1", env={"NEXTID_TOKEN": "secret\r"}, cwd=tmp_path)
    assert is_refused(done, "NEXTID_TOKEN: it ends in a carriage return")
    assert "secret" not in done.stdout + done.stderr


def test_comments_and_keys_keep_their_own_rules(store):
    assert run("define", "orders", "--comment", " two\nlines\t", "--store", store).returncode == OK
    shown = json.loads(run("counters", "--json", "--store", store).stdout)["counters"]
    assert [counter["comment"] for counter in shown] == [" two\nlines\t"]
    for key in [" a", "a "]:
        first = run("next", "orders", "--key", key, "--store", store).stdout
        assert run("next", "orders", "--key", key, "--store", store).stdout == first
    assert run("next", "orders", "--key", "a\r", "--store", store).returncode == INVALID
    assert run("range", "2", "orders", "--key", " a", "--store", store).returncode == CONFLICT


# ---- URLs

@pytest.mark.parametrize("url, meant", [
    ("sqlite://ids.db", "write sqlite:ids.db"),
    ("sqlite:///srv/ids.db", "write sqlite:/srv/ids.db, or sqlite:srv/ids.db"),
    ("sqlite:file:ids.db", "write sqlite:ids.db"), ("sqlite::memory:", "write memory:"),
    ("sqlite:my%20ids.db", "write sqlite:my ids.db"), ("sqlite:ids.db#1", "has a '#'"),
    ("sqlite:ids.db?mode=ro", "?create=true or ?create=false"),
    ("sqlite:ids.db?create=0", "?create=true or ?create=false")])
@commands([["next"], ["counters"]], SERVING)
def test_what_is_a_url_elsewhere_is_refused(tmp_path, command, url, meant):
    done = run(*command, "--store", url, cwd=tmp_path)
    assert is_refused(done, url, meant)
    assert files_in(tmp_path) == []


# ---- Whether a store is made

def by_url(store, _):
    return ["--store", f"{store}?create=false"], {}


def by_flag(store, _):
    return ["--store", store, "--no-create-store"], {}


def by_variable(store, _):
    return [], {"NEXTID_STORE": store, "NEXTID_NO_CREATE_STORE": "true"}


def by_file(store, config):
    config.write_text(f'store = "{store}"\nno-create-store = true\n')
    return ["--config", config], {}


@pytest.mark.parametrize("way", [by_url, by_flag, by_variable, by_file])
@commands(TAKING, SERVING)
def test_no_store_is_made_where_none_is_to_be(tmp_path, way, command):
    home = tmp_path / "home"
    home.mkdir()
    empty = home / "empty.db"
    empty.touch()
    for path in [home / "ids.db", home / "none" / "ids.db", empty]:
        arguments, env = way(f"sqlite:{path}", tmp_path / "nextid.toml")
        done = run(*command, *arguments, env=env)
        assert is_refused(done, f"there is no store at {path}, ", "create=false",
                          "check the path, and that its disk is mounted")
        assert files_in(home) == ["empty.db"]
        assert empty.stat().st_size == 0


@pytest.mark.parametrize("way", [by_url, by_flag, by_variable, by_file])
def test_a_store_that_is_there_is_opened(tmp_path, store, way):
    run("define", "global", "--store", store)
    arguments, env = way(store, tmp_path / "nextid.toml")
    assert run("next", *arguments, env=env).stdout == "1\n"


def test_the_sentence_says_how_to_make_it(tmp_path):
    store = f"sqlite:{tmp_path}/ids.db"
    env = {"NEXTID_NO_CREATE_STORE": "true", "NEXTID_STORE": store}
    command = re.search(r"make it once with: nextid (.*)", run("next", env=env).stderr).group(1)
    made = subprocess.run(["sh", "-c", f'exec "$0" {command}', nextid.BINARY], check=False,
                          env=nextid.environment(env), timeout=60, capture_output=True)
    assert made.returncode == OK, made
    assert run("next", env=env).stdout == "1\n"


@pytest.mark.parametrize("parameter", ["", "?create=true"])
@commands(READING)
def test_who_only_reads_makes_none(tmp_path, command, parameter):
    done = run(*command, "--store", f"sqlite:ids.db{parameter}", cwd=tmp_path)
    assert is_refused(done, f"there is no store at {tmp_path}/ids.db", "commands that only read")
    assert files_in(tmp_path) == []
    done = run("doctor", "--http", "127.0.0.1:0", "--store", f"sqlite:ids.db{parameter}",
               cwd=tmp_path)
    assert f"'{tmp_path}/ids.db' does not exist yet; `nextid serve` makes it" in done.stdout
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("create", [None, "true"])
@commands(READING)
def test_who_only_reads_makes_no_table(dynamodb, command, create):
    before = dynamodb.proxy.requests["CreateTable"]
    done = dynamodb.run(*command, create=create)
    assert is_refused(done, "create=false keeps nextid from making it")
    assert dynamodb.proxy.requests["CreateTable"] == before


def test_no_table_is_made_where_none_is_to_be(dynamodb):
    before = dynamodb.proxy.requests["CreateTable"]
    assert is_refused(dynamodb.run("next", "--no-create-store"), "create=false")
    assert dynamodb.proxy.requests["CreateTable"] == before
    assert dynamodb.run("next", "--no-create-store", create="true").stdout == "1\n"


def test_doctor_fails_where_serve_would(tmp_path):
    done = run("doctor", "--http", "127.0.0.1:0", "--no-create-store", cwd=tmp_path)
    assert re.search(r"^FAIL +store +there is no store at ", done.stdout, re.MULTILINE), done.stdout
    assert files_in(tmp_path) == []


# ---- What is said

IDENTITY = r"(, identity \S+)?"


@commands([["next"], ["range", "5"], ["define", "orders"]])
def test_who_makes_a_store_says_so(tmp_path, command):
    place = re.escape(f"sqlite:{tmp_path}/ids.db")
    done = run(*command, "--store", "sqlite:ids.db", cwd=tmp_path)
    assert re.fullmatch(rf"nextid: made a new store {place}{IDENTITY}: ids begin at 1\n",
                        done.stderr), done.stderr
    for _ in range(2):
        assert run(*command, "--store", "sqlite:ids.db", cwd=tmp_path).stderr == ""


def opening_of(server):
    """What its log tells first."""
    return server.log().splitlines()[0].partition(" info ")[2]


def test_a_server_says_which_store_it_has(start_server, tmp_path):
    place = re.escape(f"sqlite:{tmp_path}/ids.db")
    server = start_server()
    assert re.fullmatch(rf"made a new store {place}{IDENTITY}: ids begin at 1", opening_of(server))
    server.stop()
    for counters, shown in [(0, "no counters"), (1, "1 counter"), (2, "2 counters")]:
        server = start_server()
        assert re.fullmatch(rf"opened store {place}: {shown}{IDENTITY}", opening_of(server))
        server.next_id(f"counter-{counters}")
        server.stop()


def test_a_server_in_memory_says_so(start_server):
    assert opening_of(start_server(store="memory:")) == "made a new store in memory: ids begin at 1"


def test_no_table_is_read_to_count_its_counters(dynamodb):
    dynamodb.run("next")
    node = dynamodb.start()
    assert opening_of(node).startswith(f"opened store dynamodb://{dynamodb.table.name}")
    assert dynamodb.proxy.requests["Scan"] == 0


# ---- Variables

@commands(READING, TAKING, SERVING, OTHERS)
def test_a_misspelt_variable_is_refused(tmp_path, command):
    done = run(*command, env={"NEXTID_STROE": "sqlite:other.db"}, cwd=tmp_path)
    assert is_refused(done, "NEXTID_STROE is no option; did you mean NEXTID_STORE?")
    assert files_in(tmp_path) == []


def test_what_kubernetes_sets_is_passed_over(tmp_path):
    made = {}
    for service in ["NEXTID", "NEXTID_RESP"]:
        made |= {f"{service}_SERVICE_HOST": "10.0.0.11", f"{service}_SERVICE_PORT": "8000",
                 f"{service}_SERVICE_PORT_HTTP": "8000",
                 f"{service}_PORT": "tcp://10.0.0.11:8000",
                 f"{service}_PORT_8000_TCP": "tcp://10.0.0.11:8000",
                 f"{service}_PORT_8000_TCP_PROTO": "tcp", f"{service}_PORT_8000_TCP_PORT": "8000",
                 f"{service}_PORT_8000_TCP_ADDR": "10.0.0.11"}
    assert run("next", env=made, cwd=tmp_path).stdout == "1\n"
    assert run("next", env={**made, "NEXTID_PORT": "8000"}, cwd=tmp_path).returncode == INVALID


@commands(READING, TAKING, SERVING)
def test_an_empty_store_is_refused(tmp_path, command):
    done = run(*command, env={"NEXTID_STORE": ""}, cwd=tmp_path)
    assert is_refused(done, "NEXTID_STORE is set, but empty")
    assert files_in(tmp_path) == []


# ---- The file

def test_a_file_names_the_store_of_all_commands(tmp_path, start_server):
    path = tmp_path / "store" / "ids.db"
    path.parent.mkdir()
    config = tmp_path / "nextid.toml"
    config.write_text(f'store = "sqlite:{path}"\nhttp = "127.0.0.1:0"\n')
    env = {"NEXTID_CONFIG": str(config)}
    server = start_server(store=None, http=None, env=env)
    assert server.next_id() == 1
    assert run("next", env=env).stdout == "2\n"
    assert run("range", "3", env=env).stdout == "3 5\n"
    assert "now counter 'global'" in run("define", "global", "--cache", "1", env=env).stdout
    assert run("advance", "global", "--to", "9", env=env).stdout == "counter 'global' is at 9\n"
    assert '"value":9' in run("counters", "--json", env=env).stdout
    done = run("bench", "--in-process", "--counter", "global", "--requests", 5, "--clients", 1,
               env=env)
    assert done.returncode == OK, done
    assert server.next_id() == 15
    assert "ids.db" in files_in(path.parent)
    assert "ids.db" not in files_in(tmp_path)


def test_flags_win_over_variables_over_the_file_over_the_default(tmp_path):
    config = tmp_path / "nextid.toml"
    config.write_text('store = "sqlite:file.db"\n')
    sources = [([], {}, "ids.db"), (["--config", config], {}, "file.db"),
               (["--config", config], {"NEXTID_STORE": "sqlite:variable.db"}, "variable.db"),
               (["--config", config, "--store", "sqlite:flag.db"],
                {"NEXTID_STORE": "sqlite:variable.db"}, "flag.db")]
    for arguments, env, made in sources:
        before = files_in(tmp_path)
        assert run("next", *arguments, env=env, cwd=tmp_path).stdout == "1\n"
        assert made in set(files_in(tmp_path)) - set(before)


def lines_like_toml(rng):
    """Lines, of which many are right in TOML and many are not."""
    pieces = ['"', "'", "\\", "\\\\", '\\"', "\\u00e9", "\\U0001F600", "\\q", "é", "#", " ", "=", "[", "]", ", ",
              "a", "1", "0", "true", ".", "-", "_", "\t"]
    for _ in range(400):
        quote = rng.choice(['"', "'", '"', "'", "", '"""'])
        text = "".join(rng.choices(pieces, k=rng.randint(0, 6)))
        value = rng.choice([f"{quote}{text}{quote}"] * 3 + [f"[{quote}{text}{quote}, 'b']"])
        yield f"log-level{rng.choice([' ', '', '.a'])}= {value}{rng.choice(['', ' # c', ' x'])}"
    yield from ["log-level = true", "log-level = -17", "log-level = 0", "log-level = 00", "log-level = 1_0"]


def test_a_line_that_is_taken_means_in_toml_what_it_means_here(tmp_path):
    config = tmp_path / "nextid.toml"
    taken = 0
    for line in lines_like_toml(random.Random(1)):
        config.write_text(line + "\n")
        done = run("counters", "--config", config, "--store", "memory:")
        assert done.returncode == INVALID, (line, done)  # No level is called so.
        said = done.stderr.removeprefix(f"nextid: {config}, line 1: log-level is ")
        if said == done.stderr:
            continue
        taken += 1
        value = tomllib.loads(line)["log-level"]
        if isinstance(value, list):
            assert said.startswith("a list"), (line, said)
        else:
            shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
            assert said.startswith("'" + shown.replace("\t", "\\t") + "': "), (line, said)
    assert taken > 50


@commands(READING, TAKING, SERVING)
def test_a_file_that_is_wrong_is_refused(tmp_path, command):
    config = tmp_path / "nextid.toml"
    config.write_text('stroe = "sqlite:ids.db"\n')
    for arguments, env in [(["--config", config], {}), ([], {"NEXTID_CONFIG": str(config)})]:
        done = run(*command, *arguments, env=env, cwd=tmp_path)
        assert is_refused(done, f"{config}, line 1: stroe is no option")
    done = run(*command, "--config", tmp_path / "none.toml", cwd=tmp_path)
    assert is_refused(done, "none.toml: No such file")
    assert os.listdir(tmp_path) == ["nextid.toml"]
