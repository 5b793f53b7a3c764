"""What a benchmark measured, as JSON: the figures of each round, and what they were measured on.

bench/results.schema.json tells the fields. script/report makes charts and tables of such files.
"""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

import common

sys.path.insert(0, str(common.ROOT / "tests/servers"))
from postgres import tool  # noqa: E402
from private_server import program  # noqa: E402

FORMAT = 1
# What a benchmark depends on, in the checkout.
MEASURED = ("bench", "cmake", "include", "src", "CMakeLists.txt", "CMakePresets.json", ":!bench/results")
DIGITS = 6


def output_of(*command):
    """Some programs tell their version as an error. Nothing of one that is not there."""
    try:
        done = subprocess.run(list(map(str, command)), cwd=common.ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout


def first(pattern, text):
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else None


def dynalite_version():
    return json.loads((common.ROOT / "tests/dynalite/node_modules/dynalite/package.json").read_text())["version"]


def number_of(*command):
    return first(r"(\d+\.\d[\w.]*)", output_of(*command))


# How each peer tells its version.
VERSIONS = {
    "Redis": lambda: number_of("redis-server", "--version"),
    "nginx": lambda: number_of("nginx", "-v"),
    "PostgreSQL": lambda: number_of(tool("postgres"), "--version"),
    "MariaDB": lambda: first(r"Ver (\d[\d.]*)", output_of(program("mariadbd", "/usr/sbin"), "--version")),
    "etcd": lambda: number_of("etcd", "--version"),
    "dynalite": dynalite_version,
    "FastAPI": lambda: importlib.metadata.version("fastapi"),
    "uvicorn": lambda: importlib.metadata.version("uvicorn"),
    "boto3": lambda: importlib.metadata.version("boto3"),
    "Google Benchmark": lambda: number_of("dpkg-query", "-W", "libbenchmark-dev"),
}


def file_system():
    """Of the disk that the stores are on."""
    best = ("", None)
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        kind = fields[fields.index("-") + 1]
        if common.ROOT.is_relative_to(fields[4]) and len(fields[4]) >= len(best[0]):
            best = (fields[4], kind)
    return best[1]


def machine():
    """What figures depend on, and nothing that names a host."""
    memory_kib = int(first(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()))
    return {
        "cpu": first(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text()) or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 2**20),
        "kernel": first(r"^([\d.]*\d)", platform.release()),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "file_system": file_system(),
    }


def commit():
    """What the build was made of: the commit, and whether anything that is measured differs from it."""
    found = first(r"^([0-9a-f]{40})$", output_of("git", "rev-parse", "HEAD"))
    changed = bool(found and output_of("git", "status", "--porcelain", "-uno", "--", *MEASURED))
    return {"commit": found, "changed": changed}


def rounded(value):
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


class Results:
    """The figures of a benchmark."""

    def __init__(self, benchmark, options, peers=()):
        """`options` are those of common.parser_of(); `peers` are names in VERSIONS."""
        self.path = options.json
        self.head = {"format": FORMAT, "benchmark": benchmark, "date": datetime.date.today().isoformat(),
                     "rounds": getattr(options, "rounds", None), "seconds": getattr(options, "seconds", None)}
        self.peers = peers
        self.figures = []

    def add(self, what, unit, values, **labels):
        """`values` has one of each round; the labels tell what was measured, and how."""
        values = [rounded(value) for value in values]
        self.figures.append({"what": what, **labels, "unit": unit, "values": values,
                             "median": rounded(statistics.median(values))})

    def add_rates(self, rates, **labels):
        """Of nextid and its peers, by (who, clients)."""
        for (who, clients), values in rates.items():
            self.add("rate", "ids/s", values, of=who, **labels, clients=clients)

    def add_waits(self, loads):
        """Of common.Load, by (who, clients)."""
        for (who, clients), runs in loads.items():
            self.add("median wait", "ms", [load.median_ms for load in runs], of=who, clients=clients)
            self.add("p99 wait", "ms", [load.p99_ms for load in runs], of=who, clients=clients)

    def write(self):
        """Where --json says; nothing without it."""
        if not self.path:
            return
        head = {**self.head, **commit(), "nextid": number_of(common.NEXTID, "--version"), "machine": machine(),
                "versions": {name: VERSIONS[name]() for name in self.peers}}
        figures = ",\n    ".join(json.dumps(figure) for figure in self.figures)
        self.path.write_text(f'{json.dumps(head, indent=2)[:-2]},\n  "figures": [\n    {figures}\n  ]\n}}\n')
        print(f"\nwritten: {self.path}")
