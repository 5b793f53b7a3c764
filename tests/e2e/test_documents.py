"""The commands in the documents: each block of them is run as it stands there, here or by the test that is
named for its page, or stands in NOT_RUN with the reason. Commands in the text name what there is."""

import contextlib
import functools
import os
import re
import signal
import subprocess

import pytest

import documents
import nextid
from private_server import free_port

pytestmark = pytest.mark.not_accounted("the commands of the documents start and end servers themselves")

# Pages with a test of their own, which says that it has all blocks of its page.
TESTED_BY = {
    "docs/dynamodb.md": "test_dynamodb_docs.py",
    "docs/etcd.md": "test_etcd_docs.py",
    "docs/guides/clients.md": "test_example_clients.py",
    "docs/guides/compose.md": "test_guides.py",
    "docs/guides/ecs-fargate.md": "test_guides.py",
    "docs/guides/kubernetes.md": "test_guides.py",
    "docs/library.md": "test_guests.py",
    "docs/migration.md": "test_migration.py",
    "docs/moving.md": "test_copy_docs.py",
    "docs/mysql.md": "test_mysql_docs.py",
    "docs/postgres.md": "test_docs_postgres.py",
    "docs/sqlite.md": "test_docs.py",
}

# Those of which a test takes the one block, or each section's.
WITHOUT_A_LIST = {"docs/guides/clients.md", "docs/library.md"}

# Pages of which nothing is run on this machine.
PAGES_NOT_RUN = {
    "docs/image.md": "it needs a container runtime; test_image.py runs what is in the image",
    "docs/install.md": "it installs; tests/systems/test_packages.py does so in bare systems",
    "packaging/helm/nextid/README.md": "it needs a cluster; test_kubernetes.py renders the chart and runs its pods",
}

BUILDS = "it builds, or measures for minutes; test_scripts.py tries its options"

# By the page, and the first line of the block.
NOT_RUN = {
    ("CONTRIBUTING.md", ".ci/run          # script/lint, then script/test"): BUILDS,
    ("CONTRIBUTING.md", "script/simulate                                  # 2,000 worlds"): BUILDS,
    ("CONTRIBUTING.md", "script/torture                                   # rounds until 1,000,000 ids were judged"):
        BUILDS,
    ("README.md", "script/server    # installs packages with apt (asks for sudo), builds (3 minutes on 2 cores), serves"):
        BUILDS,
    ("README.md", "script/package"): BUILDS,
    ("docs/benchmarks.md", "script/bench                                  # or postgres, mysql, etcd, dynamodb, "
                           "server, threads, engine"): BUILDS,
    ("docs/security.md", "$ nextid serve --http 0.0.0.0:8000 --tokens tokens --tls-cert server.pem "
                         "--tls-key server.key"): "it needs a certificate of its host; test_tls.py runs it with one",
    ("docs/testing.md", "script/test                      # all, in 45 minutes on 2 cores"): BUILDS,
}

# Pages whose commands start their servers themselves; on all others one runs, with a new store.
STARTS_SERVERS = {"docs/security.md", "docs/failures.md"}

# What a page takes for granted.
BEFORE = {"docs/failures.md": "nextid range 40 orders"}

# A program by its name, as a reader at a terminal has it.
REDIS_CLI = "#!/bin/sh\nexec {redis_cli} --no-raw \"$@\"\n"
# One that was just started in the background may not listen yet.
CURL = "#!/bin/sh\nexec {curl} -s --retry 9 --retry-connrefused \"$@\"\n"
MARK = "\x1e"


def to_run(page):
    if page in TESTED_BY or page in PAGES_NOT_RUN:
        return []
    return [block for block in documents.shell_blocks(page) if (page, block.first_line) not in NOT_RUN]


class Reader:
    """Somebody who types what a page says, in a directory of their own."""

    def __init__(self, directory):
        self.directory = directory
        programs = directory / "bin"
        programs.mkdir()
        (programs / "nextid").symlink_to(nextid.BINARY)
        for name, text in (("redis-cli", REDIS_CLI), ("curl", CURL)):
            real = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True,
                                  check=True).stdout.strip()
            (programs / name).write_text(text.format(**{name.replace("-", "_"): real}))
            (programs / name).chmod(0o755)
        self.work = directory / "work"
        self.work.mkdir()
        self.http, self.resp = free_port(), free_port()
        self.environment = nextid.environment({
            "PATH": f"{programs}:{os.environ['PATH']}", "NEXTID_HTTP": f"127.0.0.1:{self.http}",
            "NEXTID_RESP": f"127.0.0.1:{self.resp}"})

    def here(self, command):
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.http}")
        command = command.replace("localhost:8000", f"localhost:{self.http}")
        command = command.replace("-p 6380", f"-p {self.resp}").replace("127.0.0.1:6380", f"127.0.0.1:{self.resp}")
        return command.replace("/etc/nextid/", f"{self.work}/").replace("/var/lib/nextid", f"{self.work}")

    @contextlib.contextmanager
    def server(self):
        log_path = self.directory / "log"
        with log_path.open("wb") as log:
            server = subprocess.Popen([nextid.BINARY, "serve"], stderr=log, cwd=self.work,
                                      env=self.environment)
        try:
            nextid.poll(lambda: "listening on" in log_path.read_text() or server.poll() is not None,
                        "the server listens")
            yield
        finally:
            server.terminate()
            server.wait(timeout=nextid.PATIENCE)

    def run(self, commands):
        """Types the commands into one shell; what each of them printed."""
        script = "".join(f"{self.here(command)}\nprintf '{MARK}%d{MARK}' $?\n" for command in commands)
        output = self.directory / "output"
        with output.open("wb") as out:
            shell = subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, cwd=self.work, env=self.environment,
                                     start_new_session=True)
        try:
            shell.wait(timeout=60)
        finally:
            # With what it left running.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(timeout=nextid.PATIENCE)
        texts = output.read_text().split(MARK)
        assert len(texts) > 2 * len(commands) - 1, f"the shell ended in the middle of: {texts[-1]}"
        return list(zip(texts[0::2], map(int, texts[1::2])))


def pattern(lines):
    """For what must be printed; '…' stands for anything on its line."""
    return r"\s*".join(r"[^\n]*".join(map(re.escape, line.strip().split("…"))) for line in lines if line.strip())


@pytest.mark.parametrize("page", [page for page in documents.pages() if to_run(page)])
def test_the_commands_of(page, tmp_path):
    reader = Reader(tmp_path)
    commands = [command for block in to_run(page) for command in block.commands()]
    with contextlib.nullcontext() if page in STARTS_SERVERS else reader.server():
        answers = reader.run([BEFORE.get(page, "true"), *(command for command, _ in commands)])[1:]
    for (command, expected), (printed, code) in zip(commands, answers):
        if expected is None:
            assert code == 0, (command, printed)
        else:
            assert re.fullmatch(pattern(map(reader.here, expected)), printed.strip()), (command, printed)


def test_what_is_not_run_is_there():
    there = {(page, block.first_line) for page in documents.pages() for block in documents.shell_blocks(page)}
    assert not set(NOT_RUN) - there


@pytest.mark.parametrize("page", TESTED_BY)
def test_the_test_of(page):
    code = (nextid.REPOSITORY / "tests" / "e2e" / TESTED_BY[page]).read_text()
    assert f'"{os.path.basename(page)}"' in code
    assert page in WITHOUT_A_LIST or "def test_every_block_has_a_test" in code


def test_blocks_of_commands_are_marked_as_such():
    kinds = {kind for page in documents.pages() for _, kind, _ in documents.FENCE.findall(documents.text_of(page))}
    assert not kinds & {"bash", "shell"}, "write ```sh or ```console"


PROGRAMS = [(page, text) for page in documents.pages()
            for _, kind, text in documents.FENCE.findall(documents.text_of(page)) if kind == "cpp"]


@pytest.mark.parametrize("page, text", PROGRAMS, ids=[page for page, _ in PROGRAMS])
def test_the_program_of(page, text, tmp_path):
    lines = text.splitlines(keepends=True)
    includes = [line for line in lines if line.startswith("#include")]
    body = [line for line in lines if line not in includes]
    source = tmp_path / "program.cc"
    source.write_text("".join([*includes, "int main() {\n", *body, "}\n"]))
    done = subprocess.run(["c++", "-std=c++20", "-fsyntax-only", f"-I{nextid.REPOSITORY}/include", source],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (page, done.stderr)


# ---- Commands in the text

@functools.cache
def options_of(*command):
    """Of a subcommand's --help; None where there is no such subcommand."""
    done = nextid.run_unseen(*command, "--help")
    return set(re.findall(r"--[a-z][a-z0-9-]*", done.stdout)) if done.returncode == 0 else None


def wrong_words(span):
    """What a command in the text says that nextid does not know."""
    words = span.split("#")[0].split()
    if len(words) < 2 or words[0] != "nextid" or not re.fullmatch("[a-z]+", words[1]):
        return []
    known = options_of(words[1])
    if known is None:
        return [words[1]]
    options = {match.group(0) for word in words[2:] if (match := re.match(r"--[a-z][a-z0-9-]*", word))}
    return sorted(options - known)


@pytest.mark.parametrize("page", documents.pages())
def test_commands_in_the_text_of(page):
    wrong = {span: found for span in documents.spans(page) if (found := wrong_words(span))}
    assert not wrong
    scripts = {name for span in documents.spans(page) for name in re.findall(r"(?:^|\s)script/([a-z]+)", span)}
    assert not {name for name in scripts if not (nextid.REPOSITORY / "script" / name).exists()}


# ---- The index

def test_the_index_has_every_page():
    index = documents.text_of("docs/README.md")
    linked = set(re.findall(r"\]\(([^)#]+\.md)", index))
    there = {page.removeprefix("docs/") for page in documents.pages() if page.startswith("docs/")}
    assert not there - linked - {"README.md"}
