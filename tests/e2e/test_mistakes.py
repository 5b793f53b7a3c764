"""Mistakes in the command line: one sentence of our own, with what was wrong and what to do."""

import os
import re

import pytest

from nextid import INVALID, OK, REPOSITORY, run

COMMANDS = ["serve", "next", "range", "define", "advance", "delete", "counters", "bench", "backup", "restore",
            "recover", "copy", "schema", "doctor", "probe", "token", "manual"]
NAME_FORM = ("it must be a name of 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a letter, a digit"
             " or '_'.")
MAX_ID = 2**63 - 1

MISTAKES = [
    # The command.
    ([], "a command is missing, as in `nextid serve`; `nextid --help` lists those that there are."),
    (["nxt"], "'nxt' is no command; did you mean `nextid next`?"),
    (["Serve"], "'Serve' is no command; did you mean `nextid serve`?"),
    (["start", "--port", "1"], "'start' is no command; did you mean `nextid serve`?"),
    (["help"], "'help' is no command; did you mean `nextid --help`?"),
    (["xyzzy"], "'xyzzy' is no command; `nextid --help` lists those that there are."),
    (["a\x1bb"], "'a\\u{1b}b' is no command; `nextid --help` lists those that there are."),
    # Options.
    (["--port", "8080"],
     "--port is no option of `nextid`; did you mean `nextid serve --http HOST:PORT`?"),
    (["--xyzzy"], "--xyzzy is no option of `nextid`; `nextid --help` shows what it takes."),
    (["--store", "memory:", "next"],
     "--store stands behind the command: `nextid next --store URL`."),
    *((["serve", *words],
       f"{words[0].split('=')[0]} is no option of `nextid serve`; did you mean --http HOST:PORT?")
      for words in [["--port", "8080"], ["--port=8080"], ["--listen", ":80"], ["--bind", "0.0.0.0"],
                    ["--htpp", "a:1"], ["-p", "8080"]]),
    (["serve", "--max-conections", "9"],
     "--max-conections is no option of `nextid serve`; did you mean --max-connections N?"),
    (["next", "--port", "1"],
     "--port is no option of `nextid next`; `nextid next --help` lists those that there are."),
    (["bench", "--count", "5"],
     "--count is no option of `nextid bench`; did you mean --requests N?"),
    (["counters", "--jsn"], "--jsn is no option of `nextid counters`; did you mean --json?"),
    (["serve", "--=x"], "-- is no option of `nextid serve`; `nextid serve --help` lists those that there"
                        " are."),
    (["serve", "---"], "--- is no option of `nextid serve`; `nextid serve --help` lists those that there"
                       " are."),
    # Values of options.
    (["serve", "--http"], "--http needs a value: --http HOST:PORT."),
    (["serve", "--http="], "--http needs a value: --http HOST:PORT."),
    (["serve", "--http", "--resp", "off"], "--http needs a value: --http HOST:PORT."),
    (["serve", "--http", "a:1", "--http", "b:2"],
     "--http is given twice, as 'a:1' and as 'b:2'; give it once."),
    (["serve", "--insecure=maybe"], "--insecure is 'maybe': it must be true or false."),
    (["next", "--json=maybe"], "--json is given 'maybe', and takes no value; leave it out."),
    (["next", "--key", ""], "--key is '': it must be 1 to 255 printable ASCII characters."),
    (["define", "a", "--max", "5", "--max-int32"],
     "--max and --max-int32 exclude one another; give one of them."),
    (["bench", "--http", "a:1", "--resp", "b:1"],
     "--http and --resp exclude one another; give one of them."),
    (["bench", "--seconds", "soon"],
     "--seconds is 'soon': it must be a number of seconds from 0.01 to 86400."),
    (["serve", "--store", "sqlite:a\r"],
     "--store is 'sqlite:a\\r': it ends in a carriage return; remove it."),
    (["serve", "--store", "pg://ann:secret@db\r"],
     "--store is 'pg://ann@db\\r': it ends in a carriage return; remove it."),
    (["serve", "pg://ann:secret@db"], "'pg://ann@db' is a word too many for `nextid serve`;"
                                      " a value with blanks needs quotes around it."),
    (["pg://ann:secret@db"], "'pg://ann@db' is no command; `nextid --help` lists those that there are."),
    (["serve", "--store", "pg://ann:secret@a", "--store", "pg://ann:secret@b?password=secret"],
     "--store is given twice, as 'pg://ann@a' and as 'pg://ann@b'; give it once."),
    (["serve", "--storepg://ann:secret@db"],
     "--storepg://ann@db is no option of `nextid serve`; `nextid serve --help` lists those that there are."),
    (["next", "a\t"], "COUNTER is 'a\\t': it ends in a tab; remove it."),
    # Numbers.
    *((command + [wrong], f"{name} is '{wrong}': it must be a whole number from {least} to {most}.")
      for command, name, least, most in [
          (["range"], "N", 1, 1_000_000), (["define", "a", "--max"], "--max", 1, MAX_ID),
          (["advance", "a", "--to"], "--to", 1, MAX_ID),
          (["recover", "a", "--skip"], "--skip", 0, MAX_ID),
          (["bench", "--clients"], "--clients", 1, 1000),
          (["serve", "--threads"], "--threads", 1, 256)]
      for wrong in ["ten", "-1", "1e3", "1.5", str(2**64)]),
    # Arguments.
    (["next", "a", "b"], "'b' is a word too many for `nextid next [COUNTER]`;"
                         " a value with blanks needs quotes around it."),
    (["define", "a", "--comment", "two", "words"],
     "'words' is a word too many for `nextid define NAME`;"
     " a value with blanks needs quotes around it."),
    (["serve", "8080"], "'8080' is a word too many for `nextid serve`;"
                        " a value with blanks needs quotes around it."),
    (["range"], "N is missing: `nextid range N [COUNTER]`."),
    (["advance", "a"], "--to N is missing: `nextid advance NAME --to N`."),
    (["token"], "NAME is missing: `nextid token NAME`."),
    (["backup"], "FILE is missing: `nextid backup FILE`."),
    *(([*command, "bad name"], f"{name} is 'bad name': {NAME_FORM}")
      for command, name in [(["next"], "COUNTER"), (["range", "5"], "COUNTER"), (["define"], "NAME"),
                            (["recover"], "COUNTER"), (["token"], "NAME"),
                            (["bench", "--counter"], "--counter")]),
    # Tokens.
    (["token", "me", "--rights", "write"],
     "--rights is 'write': it must be read, allocate, define and delete, or some of them, with commas and no"
     " blanks between them."),
    (["token", "me", "--counters", "a,b"],
     "--counters has 'a,b', which can't be for any counter: give names or patterns such as"
     " 'orders:*', with blanks between them."),
    (["token", "me", "--file", ""], "--file is '': it must be a path."),
]


@pytest.mark.parametrize("arguments, sentence", MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_a_mistake_is_answered_with_one_sentence(tmp_path, arguments, sentence):
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (INVALID, "", f"nextid: {sentence}\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_in_our_words(tmp_path, command):
    for arguments in [["--xyzzy"], ["--store", "memory:", "--stoer", "x"], ["a", "b", "c"],
                      ["--config"], ["-x"], ["--"] + 3 * ["a"]]:
        done = run(command, *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (INVALID, ""), done
        assert re.fullmatch(r"nextid: .*(is no option of|is a word too many for|needs a value).*[.?]\n",
                            done.stderr), done
    assert os.listdir(tmp_path) == []


def test_no_command_was_left_out():
    assert re.findall(r"^  (\S+)", run("--help").stdout, re.MULTILINE) == COMMANDS


def test_help_is_given_whatever_else_is_wrong(tmp_path):
    done = run("serve", "--help", "--xyzzy", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (OK, "")


def documented_options():
    page = (REPOSITORY / "docs" / "options.md").read_text()
    return re.findall(r"^\| `--(\S+?)(?: (\S+))?` \| `(\w+)` \| `(\S+)` \|", page, re.MULTILINE)


def test_each_documented_default_can_be_given(tmp_path):
    options = documented_options()
    assert len(options) > 30
    flags = [f"--{name}={default}" for name, _, _, default in options]
    env = {variable: default for _, _, variable, default in options}
    config = tmp_path / "nextid.toml"
    config.write_text("".join(
        f"{name} = {default if value in ('', 'N') else repr(default)}\n"
        for name, value, _, default in options))
    for arguments, variables in [(flags, {}), ([], env), (["--config", config], {})]:
        # It says so of the options before it looks at the ports.
        done = run("doctor", *arguments, env=variables, cwd=tmp_path)
        assert done.stdout.startswith("ok    options       They are valid.\n"), done


def test_a_flag_can_be_false(tmp_path):
    done = run("next", "--no-create-store=false", env={"NEXTID_NO_CREATE_STORE": "true"}, cwd=tmp_path)
    assert done.stdout == "1\n", done
