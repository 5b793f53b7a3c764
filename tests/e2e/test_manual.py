"""What is written of the program from its own tables: --help, manual pages, docs/cli.md, a sample nextid.toml."""

import re
import shutil
import subprocess

import pytest

from nextid import BUILD, INVALID, OK, REPOSITORY, run

COMMANDS = re.findall(r"^  (\w+)  ", run("--help").stdout, re.MULTILINE)
DOCUMENTS = run("manual").stdout.split()
PAGES = [name for name in DOCUMENTS if re.search(r"\.[15]$", name)]
SAMPLE = run("manual", "nextid.toml").stdout
FIXED = {"SOURCE_DATE_EPOCH": "1700000000"}


def check(*command, text):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


# ---- --help

def test_help_fits_a_terminal_of_24_lines():
    lines = run("--help").stdout.splitlines()
    # A line is left for the prompt.
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 79


def test_help_has_each_exit_code():
    words = " ".join(run("--help").stdout.split())
    codes = re.search(r"Exit codes: (.*)\.$", words).group(1).split(", ")
    assert [code.split()[0] for code in codes] == list("0123456")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    help_text = run(command, "--help").stdout
    # A line that is no prose is as long as the one word that it is.
    for line in help_text.splitlines():
        assert len(line) <= 79, line
    assert f"\nUsage: nextid {command}" in help_text
    assert "\n  -h, --help          Print this help.\n" in help_text
    assert "\nExamples:\n" in help_text


def test_help_of_serve_has_every_option_with_all_its_words():
    words = " ".join(run("serve", "--help").stdout.split())
    page = (REPOSITORY / "docs" / "options.md").read_text()
    options = re.findall(r"^\| `(--\S+(?: \S+)?)` \| `(\w+)` \| `(\S+)` \| (.*) \|$", page, re.MULTILINE)
    assert len(options) > 30
    for form, variable, default, meaning in options:
        assert f" {form} {meaning} [{default}; {variable}]" in words


# ---- Manual pages

def test_there_is_a_page_for_each_command():
    assert PAGES == ["nextid.1", *(f"nextid-{command}.1" for command in COMMANDS), "nextid.toml.5"]


@pytest.mark.skipif(not shutil.which("mandoc"), reason="not run: mandoc is missing")
@pytest.mark.parametrize("page", PAGES)
def test_mandoc_finds_nothing_wrong(page):
    done = check("mandoc", "-T", "lint", "-W", "style", text=run("manual", page).stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not shutil.which("groff"), reason="not run: groff is missing")
@pytest.mark.parametrize("page", PAGES)
def test_groff_finds_nothing_wrong(page):
    done = check("groff", "-man", "-ww", "-z", "-Tutf8", text=run("manual", page).stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def read(page):
    """The words of a page as a reader sees them."""
    if not shutil.which("mandoc"):
        pytest.skip("not run: mandoc is missing")
    # Lines of one paragraph are one line.
    text = check("mandoc", "-T", "ascii", "-O", "width=1000", text=run("manual", page, env=FIXED).stdout).stdout
    return " ".join(re.sub(r".\x08", "", text).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_what_help_has(command):
    page = read(f"nextid-{command}.1")
    help_text = run(command, "--help").stdout
    usage, rest = re.search(r"^Usage: (.*)\n((?s:.*))", help_text, re.MULTILINE).groups()
    assert f" SYNOPSIS {usage} " in page
    assert f"nextid-{command} - " in page
    for block in re.split(r"\n\n|\n(?=  \S)", rest):
        words = " ".join(block.split())
        # Headings are in capitals there.
        words = re.sub(r"^(Arguments|Options|Examples):", lambda found: found[1].upper(), words)
        assert re.sub("`", "", words) in page, words


def test_the_page_of_the_program():
    page = read("nextid.1")
    assert page.startswith("NEXTID(1)")
    assert "2023-11-14" in page
    for command in COMMANDS:
        assert f"nextid-{command}(1)" in page
    for code in range(7):
        assert re.search(rf"\b{code} [A-Z]", page.split(" EXIT STATUS ")[1])


def test_the_page_of_the_file():
    page = read("nextid.toml.5")
    for default, meaning in sample_options():
        assert f" {default} " in page
        assert re.sub("`", "", meaning) in page
    notes = (REPOSITORY / "docs" / "options.md").read_text().split("\n\n")[2:-1]
    assert len(notes) == 5
    for note in notes:
        words = re.sub(r"\[([^]]*)\]\(([^)]*)\)", r"\1 (\2)", " ".join(note.split()))
        assert re.sub("`", "", words) in page


def test_an_unknown_document():
    done = run("manual", "xyzzy")
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert done.stderr == "nextid: 'xyzzy' is no document; `nextid manual` lists those that there are.\n"


@pytest.mark.parametrize("name", ["cli.md", "options.md"])
def test_the_document_is_current(name):
    assert (REPOSITORY / "docs" / name).read_text() == run("manual", name).stdout, (
        f"run: build/release/nextid manual {name} > docs/{name}")


# ---- nextid.toml

def sample_options():
    """[(line, what it does)]"""
    blocks = SAMPLE.split("\n\n")[1:]
    parsed = [re.fullmatch(r"((?:# .*\n)+)#(\S+ = .*)\n?", block).groups() for block in blocks]
    return [(line, " ".join(text.replace("# ", "", 1) for text in meaning.splitlines()))
            for meaning, line in parsed]


def test_the_sample_has_every_option_with_its_meaning_and_default():
    page = (REPOSITORY / "docs" / "options.md").read_text()
    options = re.findall(r"^\| `--(\S+?)(?: \S+)?` \| `\w+` \| `(\S+)` \| (.*) \|$", page, re.MULTILINE)
    assert [(line.split(" = ")[0], line.split(" = ")[1].strip('"'), meaning)
            for line, meaning in sample_options()] == options
    assert max(map(len, SAMPLE.splitlines())) <= 95


def test_the_sample_says_nothing_until_it_is_changed(start_server, tmp_path):
    config = tmp_path / "nextid.toml"
    config.write_text(SAMPLE)
    assert not re.search(r"^[^#\n]", SAMPLE, re.MULTILINE)
    start_server("--config", config)


def test_the_server_takes_the_sample_with_all_its_lines(start_server, tmp_path):
    config = tmp_path / "nextid.toml"
    config.write_text(re.sub(r"^#(?=\S)", "", SAMPLE, flags=re.MULTILINE))
    assert len(re.findall(r"^[a-z-]+ = ", config.read_text(), re.MULTILINE)) == len(sample_options())
    # The flag and the variable of the tests win where it says a port.
    server = start_server("--config", config)
    assert server.next_id() == 1
    done = run("doctor", "--config", config, cwd=tmp_path)
    assert done.stdout.startswith("ok    options       They are valid.\n"), done


# ---- What is built and installed

FILES = [*(f"man{page[-1]}/{page}" for page in PAGES), "nextid.toml", "completions/bash/nextid",
         "completions/zsh/_nextid", "completions/fish/nextid.fish"]


def test_what_the_build_makes():
    made = BUILD / "manual"
    if not made.exists():
        pytest.skip(f"not run: {made} is missing; build the target manuals")
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()) == sorted(FILES)
    assert (made / "nextid.toml").read_text() == SAMPLE
    assert (made / "man1" / "nextid-next.1").read_text().splitlines()[1:] == run(
        "manual", "nextid-next.1").stdout.splitlines()[1:]
    assert (made / "completions" / "bash" / "nextid").read_text() == (
        REPOSITORY / "packaging" / "completions" / "nextid.bash").read_text()


def test_the_build_has_each_page():
    """test_packaging.py says where they are installed."""
    assert {path.name for path in (BUILD / "manual").glob("man?/*")} == set(PAGES)


def test_a_date_that_is_none():
    done = run("manual", "nextid.1", env={"SOURCE_DATE_EPOCH": "today"})
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert "SOURCE_DATE_EPOCH is 'today'" in done.stderr
