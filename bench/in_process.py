"""The engine and the library in process: nextid_cached_bench, then nextid_bench, which takes the options of
Google Benchmark.
"""

import json
import pathlib
import subprocess
import tempfile

import common
from results import Results

PROGRAMS = common.ROOT / "build/release/bench"


def add_cached(results, text):
    """A line has a name, a tab, and nanoseconds per id of each round."""
    for line in text.splitlines():
        name, values = line.split("\t")
        results.add("time per id", "ns", [float(value) for value in values.split()], of=name)


def add_google(results, report):
    runs = {}
    for run in report["benchmarks"]:
        if run.get("run_type") == "iteration" and "error_message" not in run:
            runs.setdefault((run["name"], run["time_unit"]), []).append(run["real_time"])
    for (name, unit), values in runs.items():
        results.add("time per iteration", unit, values, of=name)


def main():
    options, others = common.parser_of(__doc__).parse_known_args()
    results = Results("engine", options, ["Google Benchmark"])
    with tempfile.TemporaryDirectory() as name:
        cached, google = pathlib.Path(name, "cached"), pathlib.Path(name, "google.json")
        subprocess.run([PROGRAMS / "nextid_cached_bench", cached], check=True)
        out = [f"--benchmark_out={google}", "--benchmark_out_format=json"] if options.json else []
        subprocess.run([PROGRAMS / "nextid_bench", *out, *others], check=True)
        if options.json:
            add_cached(results, cached.read_text())
            add_google(results, json.loads(google.read_text()))
    results.write()


if __name__ == "__main__":
    main()
