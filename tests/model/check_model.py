"""Has spin search the worlds of slots.pml, and refute the mutants, each of which lacks one rule.

  check_model.py                   the worlds and the mutants
  check_model.py --long            also larger worlds: some minutes, and up to 4 GB of memory
  check_model.py --only NAME       one world or mutant
  check_model.py --trace MUTANT    how a mutant goes wrong, in as few steps as possible
  check_model.py --junit FILE      also writes the results as JUnit has them

A world passes if spin has searched all of it and found no error. A mutant passes if it breaks the very
invariant that its rule is there for, all others left unchecked.
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

MODEL = pathlib.Path(__file__).with_name("slots.pml")
WORKERS = 2
TIME_LIMIT_S = 1800
# A search that meets one of these bounds is not exhaustive.
MOST_STEPS = 2000
MEMORY_MB = 700
LONG_MEMORY_MB = 4000


@dataclasses.dataclass
class Search:
    name: str
    defines: str
    breaks: str = ""     # For a mutant: I1 ... I7, or SANE.
    is_long: bool = False

    def definitions(self):
        if not self.breaks:
            return self.defines.split()
        only = "8" if self.breaks == "SANE" else self.breaks.removeprefix("I")
        return [f"-DMUTANT_{self.name.upper().replace('-', '_')}", f"-DONLY={only}", *self.defines.split()]


# Without TIDY every copy is kept. That is for mutants, whose old copies may do something, and for the
# worlds that show that those of the protocol do not.
WORLDS = [
    Search("strict-restarts", "-DTIDY -DLIVES0=2"),
    Search("strict-ranges", "-DTIDY -DASKED=2 -DRANGE=2"),
    Search("strict-advances", "-DTIDY -DASKED=2 -DADVANCE=2"),
    Search("cached-beside-restarts", "-DTIDY -DLIVES0=2 -DSPARE1=1 -DMAX=2"),
    Search("cached-ranges", "-DTIDY -DSPARE0=1 -DSPARE1=1 -DRANGE=2 -DOPS=4"),
    Search("two-given-up-ops-land", "-DTIDY -DASKED=2 -DSPARE1=2"),
    Search("advances-and-revisions", "-DTIDY -DSPARE1=1 -DADVANCE=2 -DREVISIONS=2"),
    Search("deleted-and-back", "-DTIDY -DSPARE1=1 -DREVISIONS=3 -DDELETED=1"),
    Search("foreign-adds", "-DTIDY -DSPARE1=1 -DFOREIGN=2"),
    Search("every-copy-kept", "-DSPARE1=1"),
    Search("long-strict-restarts", "-DTIDY -DLIVES0=2 -DASKED=2", is_long=True),
    Search("long-cached-beside-restarts", "-DTIDY -DLIVES0=2 -DSPARE1=1", is_long=True),
    Search("long-cached-restarts", "-DTIDY -DLIVES0=2 -DSPARE0=1", is_long=True),
    Search("long-all-cached-restarts", "-DTIDY -DLIVES0=2 -DSPARE0=1 -DSPARE1=1", is_long=True),
    Search("long-cached-ranges", "-DTIDY -DSPARE0=1 -DSPARE1=1 -DRANGE=2 -DOPS=4 -DASKED=2", is_long=True),
    Search("long-revisions-restarts", "-DTIDY -DLIVES0=2 -DREVISIONS=2", is_long=True),
    Search("long-foreign-restarts", "-DTIDY -DLIVES0=2 -DSPARE1=1 -DFOREIGN=1", is_long=True),
    Search("long-every-copy-kept", "-DLIVES0=2 -DSPARE1=1 -DMAX=2", is_long=True),
]
MUTANTS = [
    Search("reserve-without-seq", "-DSPARE1=1", "I5"),
    Search("new-slot-ignores-floor", "-DLIVES0=2 -DSPARE1=1", "I1"),
    Search("give-back-without-seq", "-DLIVES0=2 -DSPARE1=1", "I1"),
    Search("give-back-without-value", "-DLIVES0=2 -DSPARE1=1", "I1"),
    Search("prune-keeps-floor", "-DLIVES0=2 -DSPARE1=1", "I1"),
    Search("release-keeps-floor", "-DLIVES0=2 -DSPARE1=1", "I1"),
    Search("release-raises-floor-to-slot", "-DSPARE1=1", "I5"),
    Search("floor-falls", "-DLIVES0=2 -DSPARE1=1 -DMAX=2", "I1"),
    Search("op-changes", "", "I1"),
    Search("writer-reused", "-DLIVES0=2 -DRANGE=2", "I1"),
    Search("comes-back-anew", "-DREVISIONS=3 -DDELETED=1", "I1"),
    Search("deleted-is-reserved", "-DREVISIONS=2 -DDELETED=1", "I6"),
    Search("dead-tickets-ids-are-used", "", "I3"),
    Search("given-up-is-forgotten", "-DSPARE1=1 -DMAX=2", "I5"),
    Search("overtaken-is-forgotten", "-DSPARE1=2 -DASKED=2", "SANE"),
    Search("tail-offered-again", "-DLIVES0=2 -DSPARE1=1", "I1"),
]


class Unusable(Exception):
    """What spin or the compiler makes of the model can't be run."""


def run(command, where):
    done = subprocess.run(command, cwd=where, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=TIME_LIMIT_S, check=False)
    return done.returncode, done.stdout


def build(search, where, *options):
    shutil.copy(MODEL, where)
    status, said = run(["spin", *search.definitions(), "-a", MODEL.name], where)
    if status != 0 or "Error" in said:
        raise Unusable(f"spin does not accept the model:\n{said}")
    memory_mb = LONG_MEMORY_MB if search.is_long else MEMORY_MB
    # Compiling takes as long as most searches: the shorter ones are not worth an optimiser.
    optimisation = "-O0" if search.breaks else "-O2" if search.is_long else "-O1"
    status, said = run(["gcc", optimisation, "-w", "-DSAFETY", "-DNOREDUCE", f"-DMEMLIM={memory_mb}", *options,
                        "-o", "pan", "pan.c"], where)
    if status != 0:
        raise Unusable(f"gcc does not accept what spin made of the model:\n{said}")


def judge(search, said):
    """The number of states that were searched, and what is wrong, or nothing."""
    found = re.search(r"^\s*(\d+) states, stored", said, re.MULTILINE)
    if not found:
        return 0, f"the search ended without a result:\n{said}"
    states = int(found.group(1))
    violated = re.search(r"assertion violated .*", said)
    if search.breaks:
        # Of an index beyond its array spin says "assertion violated - ...", which refutes nothing.
        return states, None if violated and " violated (" in violated.group(0) else f"{search.breaks} holds without this rule"
    if violated:
        return states, violated.group(0)
    if "errors: 0" not in said or "not completed" in said or "depth too small" in said:
        return states, f"the world was not searched to its end:\n{said}"
    return states, None


def check(search):
    """Prints and returns the search, its seconds, and what is wrong, or None."""
    started = time.monotonic()
    states = 0
    with tempfile.TemporaryDirectory(prefix="nextid-model-") as place:
        where = pathlib.Path(place)
        try:
            build(search, where)
            states, wrong = judge(search, run(["./pan", f"-m{MOST_STEPS}", "-w20"], where)[1])
        except Unusable as unusable:
            wrong = str(unusable)
        except subprocess.TimeoutExpired:
            wrong = f"it took longer than {TIME_LIMIT_S} s"
    seconds = time.monotonic() - started
    holds = f"mutant, breaks {search.breaks}" if search.breaks else "world, no error"
    print(f"{'ok' if wrong is None else 'FAILED'}: {search.name}: {states:,} states, {seconds:.1f} s, "
          f"{holds if wrong is None else wrong}", flush=True)
    return search, seconds, wrong


def trace(search):
    with tempfile.TemporaryDirectory(prefix="nextid-model-") as place:
        where = pathlib.Path(place)
        build(search, where, "-DREACH")
        run(["./pan", "-i", f"-m{MOST_STEPS}", "-w20"], where)
        said = run(["spin", *search.definitions(), "-T", "-t", MODEL.name], where)[1]
    if "assertion violated" not in said:
        print(f"No counterexample was found.\n{said}")
        return 1
    print("\n".join(re.findall(r"^ *((?:node \d|store|other):.*)", said, re.MULTILINE)))
    print(f"So {search.breaks} is broken.")
    return 0


def write_junit(path, results):
    suite = ElementTree.Element("testsuite", name="model", tests=str(len(results)))
    for search, seconds, wrong in results:
        case = ElementTree.SubElement(suite, "testcase", name=search.name, time=f"{seconds:.1f}",
                                      classname="model.mutant" if search.breaks else "model.world")
        if wrong is not None:
            ElementTree.SubElement(case, "failure", message=wrong.splitlines()[0]).text = wrong
    ElementTree.ElementTree(suite).write(path)


def main():
    parser = argparse.ArgumentParser(description="Has spin search the model of the slot protocol.")
    everything = {search.name: search for search in WORLDS + MUTANTS}
    parser.add_argument("--long", action="store_true", help="larger worlds, too")
    parser.add_argument("--only", metavar="NAME", choices=everything, help="one world or mutant")
    parser.add_argument("--trace", metavar="MUTANT", choices=[mutant.name for mutant in MUTANTS],
                        help="print how a mutant goes wrong")
    parser.add_argument("--junit", metavar="FILE", help="where to write the results")
    options = parser.parse_args()
    searches = [everything[options.only]] if options.only else [
        search for search in everything.values() if options.long or not search.is_long]
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            wrong = f"there is no {tool}; script/setup --test installs it."
            if options.junit:
                write_junit(options.junit, [(search, 0, wrong) for search in searches])
            sys.exit(f"check_model.py: {wrong}")
    if options.trace:
        return trace(everything[options.trace])

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(check, searches))
    if options.junit:
        write_junit(options.junit, results)
    return 1 if any(wrong is not None for _, _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
