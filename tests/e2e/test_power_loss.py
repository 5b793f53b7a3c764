"""Power failures: a disk that loses what was not synced, at hundreds of moments (tests/powerloss)."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest

import nextid

sys.path.append(str(nextid.REPOSITORY / "tests" / "powerloss"))

import cuts
import workload
from disk import Disk, Keep, Model
from journal import Kind, Record
from place import Place

SEED = int(os.environ.get("POWERLOSS_SEED", "0")) or Random().getrandbits(32)
CUTS = 250 * nextid.WORK
CUTS_OF_A_BIRTH = 60 * nextid.WORK
AGAIN = nextid.REPOSITORY / "tests" / "powerloss" / "again.py"


@pytest.fixture(scope="module")
def directories(request):
    """Makes directories that stay when a test failed, so that its cuts can be tried again."""
    failed_before = request.session.testsfailed
    made = []

    def make():
        made.append(Path(tempfile.mkdtemp(prefix="nextid-powerloss-", dir="/var/tmp")))
        return made[-1]

    yield make
    if request.session.testsfailed == failed_before:
        for directory in made:
            shutil.rmtree(directory)


@pytest.fixture(scope="module")
def recorded(directories):
    print(f"POWERLOSS_SEED={SEED}")
    directory = directories()
    # What a node remembers is lost like all else, and is no reason for it to doubt its store.
    options = ["--state-dir", Place(directory).root / "state"]
    has_memory = "--state-dir" in nextid.run_unseen("serve", "--help").stdout
    return workload.record_a_day(directory, SEED, options if has_memory else [])


def check(recorded, chosen):
    failures = cuts.try_cuts(recorded, chosen)
    assert not failures, f"POWERLOSS_SEED={SEED}\n" + "\n".join(
        f"{why}\n  once more: /usr/bin/python3 {AGAIN} {recorded.directory} {cut}"
        for cut, why in failures)


def test_every_returned_id_stays_taken(recorded):
    check(recorded, cuts.choose_cuts(recorded, CUTS, Random(SEED)))


def test_a_store_that_is_being_made_can_be_opened(directories):
    recorded = workload.record_a_birth(directories(), SEED)
    check(recorded, cuts.cuts_of_turn(recorded, recorded.turns[0], CUTS_OF_A_BIRTH, Random(SEED)))


@pytest.mark.parametrize("lost", ["", "ids.db", "ids.db-wal"], ids=["directory", "file", "log"])
def test_a_disk_that_lies_is_found(recorded, lost):
    """The canary: without the syncs of any one of them, ids come again or the store can't be
    opened."""
    chosen = cuts.choose_cuts(recorded, 100, Random(SEED))
    assert cuts.try_cuts(recorded, chosen, ignores_sync_of=lambda name: name == lost,
                         most_failures=1)


# ---- The disk itself


FILE, OTHER = 7, 8


class Steps:
    """Records, numbered from 1, on a disk of both models."""

    def __init__(self):
        self.position = 0
        self.disks = {model: Disk(model) for model in Model}

    def do(self, kind, inode=0, number=0, name="", data=b""):
        self.position += 1
        record = Record(self.position, self.position + 1, kind, inode, number, name, data)
        for disk in self.disks.values():
            disk.apply(record)

    def sync(self, kind=Kind.SYNC, begin=None, **what):
        self.do(kind, number=self.position + 1 if begin is None else begin, **what)

    def left(self, model, keep, seed=0):
        image = self.disks[model].after_cut(keep, Random(seed))
        return {name: image.contents[inode] for name, inode in image.names.items()}

    def all_left(self, model, keep):
        return [self.left(model, keep, seed) for seed in range(200)]


@pytest.fixture
def steps():
    return Steps()


def test_what_was_not_synced_may_be_lost(steps):
    steps.do(Kind.CREATE, FILE, name="a")
    steps.do(Kind.WRITE, FILE, 0, data=b"old")
    steps.sync(inode=FILE)
    steps.sync(Kind.SYNC_DIR)
    steps.do(Kind.WRITE, FILE, 0, data=b"new, longer")
    for model in Model:
        assert steps.left(model, Keep.ALL) == {"a": b"new, longer"}
        assert steps.left(model, Keep.NONE) == {"a": b"old"}
        # The size and the bytes do not reach the disk together.
        assert {left["a"] for left in steps.all_left(model, Keep.SECTORS)} == {
            b"old", b"new", b"new, longer", b"old" + bytes(8)}


def test_writes_are_torn_between_sectors_only(steps):
    steps.do(Kind.CREATE, FILE, name="a")
    steps.do(Kind.WRITE, FILE, 0, data=b"-" * 1536)
    steps.sync(inode=FILE)
    steps.sync(Kind.SYNC_DIR)
    steps.do(Kind.WRITE, FILE, 256, data=b"1" * 1024)
    steps.do(Kind.WRITE, FILE, 256, data=b"2" * 256)
    for model in Model:
        lefts = {left["a"] for left in steps.all_left(model, Keep.SECTORS)}
        firsts = {left[:512] for left in lefts}
        assert firsts == {b"-" * 512, b"-" * 256 + b"1" * 256, b"-" * 256 + b"2" * 256}
        assert {left[512:1024] for left in lefts} == {b"-" * 512, b"1" * 512}
        assert len(lefts) == 12  # All combinations.


def test_a_sync_does_not_wait_for_what_came_after_its_begin(steps):
    steps.do(Kind.CREATE, FILE, name="a")
    steps.do(Kind.WRITE, FILE, 0, data=b"before")
    begin = steps.position + 1
    steps.do(Kind.WRITE, FILE, 0, data=b"during")
    steps.sync(begin=begin, inode=FILE)
    assert steps.left(Model.EXT4, Keep.NONE) == {"a": b"before"}


def test_a_file_s_first_sync_makes_its_entry_durable_on_ext4_only(steps):
    steps.do(Kind.CREATE, FILE, name="a")
    steps.do(Kind.CREATE, OTHER, name="b")
    steps.sync(inode=FILE)
    assert steps.left(Model.EXT4, Keep.NONE) == {"a": b""}
    assert steps.left(Model.POSIX, Keep.NONE) == {}
    steps.sync(Kind.SYNC_DIR)
    for model in Model:
        assert steps.left(model, Keep.NONE) == {"a": b"", "b": b""}


def test_entries_are_lost_in_order_on_ext4_only(steps):
    steps.do(Kind.CREATE, FILE, name="a")
    steps.sync(Kind.SYNC_DIR)
    steps.do(Kind.UNLINK, name="a")
    steps.do(Kind.CREATE, OTHER, name="b")
    in_order = [{"a"}, set(), {"b"}]
    for model, possible in [(Model.EXT4, in_order), (Model.POSIX, [*in_order, {"a", "b"}])]:
        lefts = [set(left) for left in steps.all_left(model, Keep.SECTORS)]
        assert all(left in possible for left in lefts)
        assert all(left in lefts for left in possible)


def test_a_rename_replaces_at_once(steps):
    for inode, name in [(FILE, "a"), (OTHER, "a.new")]:
        steps.do(Kind.CREATE, inode, name=name)
        steps.do(Kind.WRITE, inode, 0, data=name.encode())
        steps.sync(inode=inode)
    steps.sync(Kind.SYNC_DIR)
    steps.do(Kind.RENAME, name="a.new", data=b"a")
    for model in Model:
        lefts = steps.all_left(model, Keep.SECTORS)
        for left in [{"a": b"a", "a.new": b"a.new"}, {"a": b"a.new"}]:
            assert left in lefts
        assert all("a.new" in left or left["a"] == b"a.new" for left in lefts)
