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
    paths = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "e2e")]
    done = subprocess.run(
        [sys.executable, "-m", "torture", "--seed", SEED, *map(str, options)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, timeout=600 * WORK)
    print(done.stdout)
    return done.returncode, done.stdout


@pytest.mark.parametrize("store", ["sqlite", "dynamodb"])
def test_torture(store, capsys):
    code, said = torture("--store", store, "--rounds", 2 * WORK, "--seconds", 3)
    assert code == 0, said
    assert "PASSED" in said
    # What it judged it judged again, with faults in it.
    assert re.search("^self-test  I1 twice, I3 early, I7 behind", said, re.MULTILINE), said
    with capsys.disabled():
        print("\n  " + "\n  ".join(line for line in said.splitlines()
                                  if re.match("round|injected|burned", line)), end="")


@pytest.mark.parametrize("damage, found", [
    # Where nodes notice it themselves, they refuse.
    ("set-back", "I1 unique|500 for|'strict' has stopped"), ("no-slots", "I5 accounted")])
def test_it_finds_what_is_wrong(damage, found):
    code, said = torture("--damage", damage, "--seconds", 5)
    assert code == 1, said
    assert re.search(rf"^(  |load_client: ).*({found})", said, re.MULTILINE), said
    assert f"again: script/torture --seed {SEED} --round 1 --seconds 5 --damage {damage}" in said
