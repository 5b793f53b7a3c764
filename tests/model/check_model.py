"""Has spin search the worlds of slots.pml, and refute the mutants, each of which lacks one rule.

  check_model.py [--junit FILE] [--long]

A world passes if spin has searched all of it and found no error; a mutant, if spin found one.
"""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

MODEL = pathlib.Path(__file__).with_name("slots.pml")

# TIDY forgets the copies that can do nothing any more; a mutant may make them do something.
WORLDS = {
    "two strict nodes": "-DTIDY -DOPS=2 -DASKED=2 -DMAX=3",
    "a strict node and a cached one": "-DTIDY -DOPS=3 -DASKED=1 -DMAX=2 -DSPARE1=1",
    "a restart beside a strict node": "-DTIDY -DOPS=2 -DASKED=1 -DMAX=2 -DLIVES0=2",
}
LONG_WORLDS = {
    "two strict nodes, more requests": "-DTIDY -DOPS=3 -DASKED=2 -DMAX=3",
    "a strict node and a cached one, more requests": "-DTIDY -DOPS=3 -DASKED=2 -DMAX=3 -DSPARE1=1",
}
CACHED = "-DOPS=3 -DASKED=2 -DMAX=3 -DSPARE1=1"
RESTARTED = "-DOPS=3 -DASKED=2 -DMAX=3 -DLIVES0=2"
MUTANTS = {
    "RESERVE_WITHOUT_SEQ": RESTARTED,
    "OP_CHANGES": CACHED,
    "WRITER_REUSED": RESTARTED,
    "PRUNE_KEEPS_FLOOR": RESTARTED,
    "RELEASE_KEEPS_FLOOR": CACHED,
    "FLOOR_FALLS": CACHED,
    "NEW_SLOT_IGNORES_FLOOR": RESTARTED,
    "GIVE_BACK_WITHOUT_SEQ": CACHED,
    "GIVE_BACK_WITHOUT_VALUE": CACHED,
    "DEAD_TICKETS_IDS_ARE_USED": RESTARTED,
    "GIVEN_UP_IS_FORGOTTEN": CACHED,
    "RELEASE_RAISES_FLOOR_TO_SLOT": CACHED,
    "TAIL_OFFERED_AGAIN": "-DOPS=4 -DASKED=1 -DMAX=3 -DSPARE1=1",
}
SEARCH_LIMIT_S = {False: 240, True: 1800}


def search(defines, limit_s):
    """What spin's verifier prints about this world."""
    with tempfile.TemporaryDirectory(prefix="nextid-model-") as place:
        run = lambda command: subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=limit_s, check=False)
        shutil.copy(MODEL, place)
        made = run(["spin", *defines.split(), "-a", MODEL.name])
        if made.returncode != 0:
            return made.stdout + made.stderr
        # Compiling takes longer than searching: so the compiler does not optimise.
        made = run(["gcc", "-O1" if "TIDY" in defines else "-O0", "-w", "-DSAFETY", "-DNOREDUCE",
                    "-DCOLLAPSE", "-DMEMLIM=900", "-o", "pan", "pan.c"])
        if made.returncode != 0:
            return made.stderr
        return run(["./pan", "-m200000", "-w22"]).stdout


def verdict(name, defines, is_mutant, limit_s):
    """(name, seconds, a line about it, whether it passed)"""
    started = time.monotonic()
    try:
        output = search(defines, limit_s)
    except subprocess.TimeoutExpired:
        output = f"the search took longer than {limit_s} s"
    seconds = time.monotonic() - started
    states = re.search(r"(\d+) states, stored", output)
    violated = re.search(r"assertion violated (.*) \(at depth", output)
    whole = ("errors: 0" in output and "Search not completed" not in output
             and "max search depth too small" not in output)
    passed = violated is not None if is_mutant else whole
    if violated:
        said = f"violates {violated.group(1)}"
    elif whole:
        said = "no error"
    else:
        said = "was not searched to its end: " + " ".join(output.split())[-300:]
    return name, seconds, f"{states.group(1) if states else 0} states, {said}", passed


def write_junit(path, results):
    suite = ElementTree.Element("testsuite", name="model", tests=str(len(results)))
    for name, seconds, line, passed in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname="model", name=name, time=f"{seconds:.1f}")
        if not passed:
            ElementTree.SubElement(case, "failure", message=line)
    ElementTree.ElementTree(suite).write(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            sys.exit(f"check_model.py: there is no {tool}; script/setup --test installs it.")
    jobs = [(name, defines, False) for name, defines in WORLDS.items()]
    if options.long:
        jobs += [(name, defines, False) for name, defines in LONG_WORLDS.items()]
    jobs += [(f"mutant {name} is refuted", f"-DMUTANT_{name} {world}", True)
             for name, world in MUTANTS.items()]
    results = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        limit_s = SEARCH_LIMIT_S[options.long]
        for result in pool.map(lambda job: verdict(*job, limit_s), jobs):
            name, seconds, line, passed = result
            print(f"{'ok' if passed else 'FAILED'}: {name}: {line}, {seconds:.1f} s", flush=True)
            results.append(result)
    if options.junit:
        write_junit(options.junit, results)
    return 0 if all(passed for *_, passed in results) else 1


if __name__ == "__main__":
    sys.exit(main())
