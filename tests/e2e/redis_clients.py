"""Redis clients, as docs/resp.md lists them: where they come from, and how their program in tests/clients
is made ready to run. Each program takes PORT COUNTER [TOKEN], and prints what it got; the versions are
those that the files beside the programs pin.
"""

import functools
import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import nextid

PROGRAMS = nextid.REPOSITORY / "tests" / "clients"
# Outside of the sources: what is brought and compiled stays for the next run.
PLACE = nextid.BUILD.parent / "clients"
LONG = "NEXTID_TEST_LONG" in os.environ


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"not run: there is no {tool} here")


def make(*command, cwd=None):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, text=True, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-4000:]}"


# ---- Where clients come from. Each knows the version, and makes a command ready once.

class Debian:
    """A package of the system's, and a program for the interpreter that it is for."""
    name = "Debian 12"

    def __init__(self, package, *command):
        self.package = package
        self._command = command

    def version(self):
        """None where the system is another one, with other versions."""
        release = Path("/etc/os-release")
        if not release.exists() or "bookworm" not in release.read_text():
            return None
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", self.package],
                               capture_output=True, text=True, check=False)
        return asked.stdout.partition("+")[0] or None

    def command(self):
        need(self._command[0])
        state = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", self.package],
                               capture_output=True, text=True, check=False).stdout
        if state != "installed":
            pytest.skip(f"not run: {self.package} is not installed; script/setup --long brings it")
        return [*self._command[:-1], PROGRAMS / self._command[-1]]


class Compiled(Debian):
    def command(self):
        compiler, source = super().command()
        PLACE.mkdir(parents=True, exist_ok=True)
        program = PLACE / source.stem
        make(compiler, "-Wall", "-Wextra", "-Werror", "-o", program, source, f"-l{source.stem}")
        return [program]


@functools.cache
def npm_packages(folder):
    """Those of script/setup are there; the newer ones are brought here."""
    if folder == PROGRAMS / "node":
        return folder
    need("npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.match(r"v(\d+)", version).group(1)) < 20:
        pytest.skip(f"not run: they need Node.js 20, and this is {version.strip()}")
    place = PLACE / "node"
    place.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, place / name)
    make("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=place)
    return place


class Npm:
    name = "npm"

    def __init__(self, package, program, folder="node"):
        self._package = package
        self._program = PROGRAMS / "node" / program
        self._folder = PROGRAMS / folder

    def version(self):
        return json.loads((self._folder / "package.json").read_text())["dependencies"][self._package]

    def command(self):
        need("node")
        return ["node", self._program, npm_packages(self._folder)]


class PyPi:
    name = "PyPI"

    def __init__(self, program, *packages):
        """`packages` are pinned: "redis==8.1.0"."""
        self._program = PROGRAMS / "python" / program
        self._packages = packages

    def version(self):
        return self._packages[0].partition("==")[2]

    def command(self):
        place = PLACE / "python" / "+".join(self._packages)
        python = place / "bin" / "python3"
        if not (place / "made").exists():
            need("/usr/bin/python3")
            make("/usr/bin/python3", "-m", "venv", "--clear", place)
            make(python, "-m", "pip", "install", "--quiet", *self._packages)
            (place / "made").touch()
        return [python, self._program]


@functools.cache
def go_programs():
    need("go")
    wanted = re.search(r"^go (\d+\.\d+)", (PROGRAMS / "go" / "go.mod").read_text(), re.MULTILINE).group(1)
    version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < tuple(map(int, wanted.split("."))):
        pytest.skip(f"not run: they need Go {wanted}, and this is {version.strip()}")
    place = PLACE / "go"
    place.mkdir(parents=True, exist_ok=True)
    make("go", "build", "-mod=readonly", "-o", f"{place}/", "./...", cwd=PROGRAMS / "go")
    return place


class Go:
    name = "Go modules"

    def __init__(self, program, module):
        self._program = program
        self._module = module

    def version(self):
        required = (PROGRAMS / "go" / "go.mod").read_text()
        return re.search(rf"^\t{re.escape(self._module)} v(\S+)$", required, re.MULTILINE).group(1)

    def command(self):
        return [go_programs() / self._program]


@functools.cache
def rust_programs():
    need("cargo")
    # A copy, beside which cargo may write.
    place = PLACE / "rust"
    shutil.copytree(PROGRAMS / "rust", place, dirs_exist_ok=True)
    make("cargo", "build", "--quiet", cwd=place)
    return place / "target" / "debug"


class Crates:
    name = "crates.io"

    def __init__(self, crate):
        self._crate = crate

    def version(self):
        wanted = (PROGRAMS / "rust" / "Cargo.toml").read_text()
        return re.search(rf'^{self._crate} = .*"=([^"]+)"', wanted, re.MULTILINE).group(1)

    def command(self):
        return [rust_programs() / self._crate]


class Maven:
    name = "Maven"

    def __init__(self, profile, artifact, program):
        self._profile = profile
        self._artifact = artifact
        self._program = program

    def version(self):
        pom = (PROGRAMS / "java" / "pom.xml").read_text()
        profile = pom.split(f"<id>{self._profile}</id>")[1]
        return re.search(rf"<artifactId>{self._artifact}</artifactId><version>([^<]+)<", profile).group(1)

    def command(self):
        need("mvn", "javac", "java")
        # Its library is for one processor, and this is the one that the version is pinned for.
        if self._profile == "valkey-glide" and platform.machine() != "x86_64":
            pytest.skip("not run: the pinned valkey-glide is for x86_64")
        sources = PROGRAMS / "java"
        libraries = PLACE / "java" / f"{self._profile}-{self.version()}"
        if not libraries.exists():
            make("mvn", "-q", "-B", "-f", sources / "pom.xml", "-P", self._profile,
                 "dependency:copy-dependencies", f"-DoutputDirectory={libraries}.part")
            Path(f"{libraries}.part").rename(libraries)
        classes = PLACE / "java" / f"{self._profile}-classes"
        make("javac", "-nowarn", "-cp", f"{libraries}/*", "-d", classes, sources / "Scenario.java",
             sources / f"{self._program}.java")
        return ["java", "-cp", f"{classes}:{libraries}/*", self._program]


# ---- The list

RIGHTS = "allocate,read"


@dataclass(frozen=True)
class Client:
    name: str
    source: object
    # What was run: the commands of the scenario by these means.
    run: str
    settings: str = "none"  # That it needs, beside the address and the token.
    always: bool = False  # Else only in the long tests.
    env: dict = field(default_factory=dict)
    rights: str = RIGHTS
    also: dict = field(default_factory=dict)  # What it prints else, or as no other.

    @property
    def id(self):
        return re.sub(r"\W+", "-", f"{self.name}-{self.source.version() or ''}-{self.run}").strip("-")


JAVASCRIPT = {"rounded": "9007199254740994", "names": "COUNTER.large"}
PYTHON = {"names": "COUNTER.large"}
NODE = "promises of one turn, `multi()`, `scanIterator()`"
IOREDIS = "`pipeline()`, `multi()`, `scan()`"
NODE_SETTINGS = "ids beyond 2^53: `withTypeMapping({[RESP_TYPES.NUMBER]: String})`"
IOREDIS_SETTINGS = "ids beyond 2^53: `stringNumbers: true`"
SYNC = "`pipeline()` with and without `MULTI`, `scan_iter()`"
ASYNC = "by `asyncio`, too, with `Retry`"
VALKEY = {"CLIENT": "valkey"}


def python_clients(name, version, env=None):
    package = f"{name}=={version}"
    title = f"{name}-py"
    return [Client(title, PyPi("redis_py.py", package), SYNC, also=PYTHON, env=env or {}),
            Client(title, PyPi("redis_py_asyncio.py", package), ASYNC, also=PYTHON, env=env or {})]


CLIENTS = [
    Client("redis-cli", Debian("redis-tools", "bash", "shell/redis-cli.sh"),
           "commands, and lines on standard input", always=True),
    Client("hiredis", Compiled("libhiredis-dev", "cc", "c/hiredis.c"),
           "`redisCommand()`, `redisAppendCommand()`", always=True),
    Client("redis-py", Debian("python3-redis", "/usr/bin/python3", "python/redis_py.py"), SYNC,
           always=True, also=PYTHON),
    Client("redis-py", Debian("python3-redis", "/usr/bin/python3", "python/redis_py_asyncio.py"), ASYNC,
           always=True, also=PYTHON),
    *[each for version in ("5.3.1", "6.4.0", "7.4.1", "8.1.0")
      for each in python_clients("redis", version)],
    Client("redis-py", PyPi("redis_py.py", "redis==8.1.0", "hiredis==3.5.0"),
           "with hiredis 3.5.0 as its parser, too", also=PYTHON),
    *python_clients("valkey", "6.2.0", env=VALKEY),
    Client("valkey-glide (Python)", PyPi("valkey_glide.py", "valkey-glide==2.6.0"),
           "`Batch`, atomic and not"),
    Client("coredis", PyPi("coredis_client.py", "coredis==6.9.0"), "`pipeline()` with and without `MULTI`"),
    Client("walrus", PyPi("walrus_counter.py", "walrus==0.9.8", "redis==7.4.1"),
           "`Counter`, `pipeline()` with and without `MULTI`",
           "`incrby()` once before `counter()`, which makes a missing counter by `SET`",
           also={"alone": "refused"}),
    Client("node-redis", Npm("redis", "redis.js"), NODE, NODE_SETTINGS, always=True, also=JAVASCRIPT),
    Client("node-redis", Npm("redis", "redis.js"), "RESP2", NODE_SETTINGS, always=True,
           also=JAVASCRIPT, env={"RESP": "2"}),
    Client("ioredis", Npm("ioredis", "ioredis.js"), IOREDIS, IOREDIS_SETTINGS, always=True,
           also=JAVASCRIPT),
    Client("node-redis", Npm("redis", "redis.js", "node/newer"), NODE, NODE_SETTINGS, also=JAVASCRIPT),
    Client("node-redis", Npm("redis", "redis.js", "node/newer"), "RESP2", NODE_SETTINGS,
           also=JAVASCRIPT, env={"RESP": "2"}),
    Client("ioredis", Npm("ioredis", "ioredis.js", "node/newer"), IOREDIS, IOREDIS_SETTINGS,
           also=JAVASCRIPT),
    Client("iovalkey", Npm("iovalkey", "ioredis.js", "node/newer"), IOREDIS, IOREDIS_SETTINGS,
           env={"CLIENT": "iovalkey"}, also=JAVASCRIPT),
    Client("valkey-glide (Node.js)", Npm("@valkey/valkey-glide", "valkey-glide.js", "node/newer"),
           "`Batch`, atomic and not", "it always rounds ids beyond 2^53: `nextid define --max-js-safe`",
           also={"large": "9007199254740992"}),
    Client("go-redis", Go("go-redis", "github.com/redis/go-redis/v9"), "`Pipelined`, `TxPipelined`"),
    Client("rueidis", Go("rueidis", "github.com/redis/rueidis"), "`DoMulti`, also with `MULTI`"),
    Client("valkey-go", Go("valkey-go", "github.com/valkey-io/valkey-go"), "`DoMulti`, also with `MULTI`"),
    Client("redigo", Go("redigo", "github.com/gomodule/redigo"), "`Send`, `Do`, also with `MULTI`"),
    Client("radix", Go("radix", "github.com/mediocregopher/radix/v4"), "`Pipeline`, also with `MULTI`"),
    Client("valkey-glide (Go)", Go("valkey-glide", "github.com/valkey-io/valkey-glide/go/v2"),
           "`StandaloneBatch`, atomic and not"),
    Client("redis-rs", Crates("redis"), "`pipe()`, `pipe().atomic()`"),
    Client("fred", Crates("fred"), "`pipeline()`, `multi()`"),
    Client("rustis", Crates("rustis"), "`create_pipeline()`, `create_transaction()`"),
    Client("Jedis", Maven("jedis", "jedis", "UseJedis"), "`RedisClient`: `pipelined()`, `multi()`"),
    Client("valkey-java", Maven("valkey-java", "valkey-java", "UseValkeyJava"),
           "`JedisPooled`: `pipelined()`, `multi()`"),
    Client("valkey-glide (Java)", Maven("valkey-glide", "valkey-glide", "UseValkeyGlide"),
           "`Batch`, atomic and not"),
    Client("Lettuce", Maven("lettuce", "lettuce-core", "UseLettuce"),
           "`sync()`, `async()` flushed together, `multi()`"),
    Client("Spring Data Redis", Maven("spring", "spring-data-redis", "UseSpring"),
           "`RedisAtomicLong`, `executePipelined()`, `multi()`, over Lettuce",
           "`RedisAtomicLong` makes its counter: a token with `define`", rights="allocate,read,define"),
    Client("Redisson", Maven("redisson", "redisson", "UseRedisson"), "`RAtomicLong`, `RBatch`, atomic and not"),
    Client("Vert.x", Maven("vertx", "vertx-redis-client", "UseVertx"), "`batch()`, also with `MULTI`"),
    Client("redis-rb", Debian("ruby-redis", "ruby", "ruby/redis.rb"), "`pipelined`, `multi`"),
    Client("phpredis", Debian("php-redis", "php", "php/phpredis.php"), "`pipeline()`, `multi()`"),
    Client("Predis", Debian("php-nrk-predis", "php", "php/predis.php"), "`pipeline()`, `transaction()`"),
    Client("Redis (Perl)", Debian("libredis-perl", "perl", "perl/redis.pl"),
           "callbacks and `wait_all_responses`, `multi`"),
]


def table(versions):
    """As docs/resp.md has it. `versions` are those to write of Debian's clients on other systems, by name."""
    rows = {}
    for client in CLIENTS:
        row = rows.setdefault((client.name, client.source.name, client.settings), ({}, {}))
        row[0][client.source.version() or versions.get(client.name)] = True
        row[1][client.run] = True
    lines = ["| client | version | from | what was run | settings that it needs |", "|---|---|---|---|---|"]
    for (name, source, settings), (numbers, runs) in rows.items():
        lines.append(f"| {name} | {', '.join(map(str, numbers))} | {source} | {'; '.join(runs)} | {settings} |")
    return "\n".join(lines) + "\n"
