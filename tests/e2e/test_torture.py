"""script/torture, short: each fault once with kills, then rounds in which every id is accounted
for; and the proof that it finds what is wrong."""

import os
import re
import subprocess
import sys

import pytest

from nextid import REPOSITORY, WORK

# Other seeds are for script/torture itself.
SEED = os.environ.get("NEXTID_TEST_SEED", "20261130")


def torture(*options):
    """(exit code, what it said)"""
    paths = [str(REPOSITORY / path) for path in ("tests", "tests/e2e", "tests/servers")]
    done = subprocess.run(
        [sys.executable, "-m", "torture", "--seed", SEED, *map(str, options)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, timeout=600 * WORK)
    print(done.stdout)
    return done.returncode, done.stdout


@pytest.mark.parametrize("store", ["sqlite", "dynamodb", "postgres", "mysql", "etcd"])
def test_torture(store, capsys):
    code, said = torture("--store", store, "--rounds", 2 * WORK, "--seconds", 3)
    assert code == 0, said
    assert "PASSED" in said
    # What it judged it judged again, with faults in it.
    assert re.search("^self-test  I1 twice, I3 early, I7 behind", said, re.MULTILINE), said
    with capsys.disabled():
        print("\n  " + "\n  ".join(line for line in said.splitlines()
                                  if re.match("round|injected|burned", line)), end="")


FOUND = {
    # Where nodes notice it themselves, they refuse.
    "set-back": "I1 unique|500 for|'strict' has stopped",
    # What etcd applies twice takes the value back.
    "no-slots": "I5 accounted|I1 unique|500 for|'strict' has stopped",
}
DAMAGED = [("set-back", "sqlite"), ("no-slots", "dynamodb"), ("no-slots", "postgres"),
           ("set-back", "mysql"), ("set-back", "etcd")]
if WORK > 1:
    DAMAGED += [("set-back", "postgres"), ("no-slots", "mysql"), ("no-slots", "etcd")]


@pytest.mark.parametrize("damage, store", DAMAGED)
def test_it_finds_what_is_wrong(damage, store):
    code, said = torture("--damage", damage, "--store", store, "--seconds", 5)
    assert code == 1, said
    assert re.search(rf"^(  |load_client: ).*({FOUND[damage]})", said, re.MULTILINE), said
    assert (f"again: script/torture --seed {SEED} --round 1 --seconds 5 --damage {damage}"
            f" --store {store}") in said
