"""Cuts the power at moments of a recording, and looks what the real binary makes of what is left."""

import contextlib
import itertools
import re
import shutil
import sqlite3
import tempfile
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from random import Random

import nextid
from disk import Keep, Model
from journal import Kind
from recording import Cut, Cutter, Moment
from workload import INCREMENTS, ask_for

KEYS_ASKED = 3


def choose_cuts(recording, count, random):
    """In the order of their moments. A third of the cuts comes right after an answer, a third while
    processes open and close the store, and a third after an operation of any sort: each sort is
    equally likely, however rare it is."""
    by_sort = moments_by_sort(recording)
    sorts = list(by_sort.values())
    every = sorted(moment for moments in sorts for moment in moments)
    turns = [every[bisect_right(every, begin):bisect_right(every, end)]
             for begin, end in recording.turns]
    answers = [answer.moment for answer in recording.answers]
    choices = [lambda: random.choice(answers), lambda: random.choice(random.choice(turns)),
               lambda: random.choice(random.choice(sorts))]
    cuts = [Cut(random.choice(choices)(), random.choice(list(Model)), random.choice(list(Keep)),
                random.getrandbits(32)) for _ in range(count)]
    return in_order(cuts)


def in_order(cuts):
    return sorted(cuts, key=lambda cut: cut.moment)


def cuts_of_turn(recording, turn, count, random):
    """Cuts after the operations of one process, whose images all differ."""
    begin, end = turn
    moments = sorted(moment for moments in moments_by_sort(recording).values()
                     for moment in moments if begin < moment <= end)
    cutter = Cutter(recording)
    by_image = {}
    for moment in moments:
        for model, keep in itertools.product(Model, Keep):
            cut = Cut(moment, model, keep, random.getrandbits(32))
            by_image.setdefault(cutter.image(cut).key(), cut)
    cuts = list(by_image.values())
    return in_order(random.sample(cuts, min(count, len(cuts))))


def moments_by_sort(recording):
    """When each operation was over, by its kind and the name of its file."""
    by_sort = defaultdict(list)
    names = {}  # By inode.
    for number, part in enumerate(recording.parts):
        names.update({inode: name for name, inode in part.base.names.items()})
        for record in part.records():
            if record.kind == Kind.CREATE:
                names[record.inode] = record.name
            name = record.name or names.get(record.inode, "")
            by_sort[record.kind, name].append(Moment(number, record.end))
    return by_sort


def verify(recording, cut, image, restart_options=()):
    """AssertionError where the store broke a promise."""
    place = recording.place
    place.become(image, recording.inodes)
    known = recording.known_at(cut.moment)
    random = Random(cut.seed)
    if random.random() < 0.3:
        take_by_command(place, known, random)
    serve(recording, cut, known, random, restart_options)
    check_integrity(place)


def take_by_command(place, known, random):
    """Opens the store, takes an id and closes it."""
    last = last_ids(known)
    counter = random.choice([*last, "strict"])
    done = nextid.run_unseen("next", counter, "--store", place.store, env=place.environment())
    assert done.returncode == nextid.OK, f"`next {counter}`: {done.stderr}"
    assert int(done.stdout) > last.get(counter, 0), (
        f"{counter}: {done.stdout.strip()} again; {last[counter]} was given")


def serve(recording, cut, known, random, restart_options):
    place = recording.place
    server = nextid.Server(place.logs, *recording.serve_options, *restart_options,
                           store=place.store, env=place.environment())
    try:
        server.wait_until_ready()
        with server.connect() as connection:
            check_keys(connection, known, random)
            check_counters(connection, recording, cut, known)
    finally:
        if random.random() < 0.5:
            server.terminate()
            assert server.wait() == 0, server.log()
        server.kill()
        log = server.log()
        server.log_path.unlink()
    assert not re.search(r"\berror\b", log), log


def last_ids(known):
    last = {}
    for answer in known:
        last[answer.counter] = max(last.get(answer.counter, 0), answer.last)
    return last


def check_keys(connection, known, random):
    keyed = [answer for answer in known if answer.key]
    for answer in random.sample(keyed, min(KEYS_ASKED, len(keyed))):
        ids = ask_for(connection, answer.counter, answer.count, answer.key)
        assert ids == (answer.first, answer.last), (
            f"the key of {answer} gives {ids[0]} to {ids[1]} now")


def check_counters(connection, recording, cut, known):
    last = last_ids(known)
    for counter, since in recording.defined.items():
        if since > cut.moment:
            continue
        state = connection.ask("GET", f"/v1/counters/{counter}")
        assert state.status == 200, f"{counter} is gone: {state}"
        state = state.json()
        assert state["increment"] == INCREMENTS[counter], state
        first, _ = ask_for(connection, counter, 1)
        if counter in last:
            assert (state["value"] or 0) >= last[counter], (
                f"{counter} is at {state['value']}; {last[counter]} was given")
            assert first > last[counter], f"{counter}: {first} again; {last[counter]} was given"


def check_integrity(place):
    """Of a copy: who closes the file would remove its log."""
    with tempfile.TemporaryDirectory(dir=place.logs) as directory:
        for name in ("ids.db", "ids.db-wal"):
            if (place.root / name).exists():
                shutil.copyfile(place.root / name, Path(directory) / name)
        with contextlib.closing(sqlite3.connect(f"{directory}/ids.db")) as database:
            database.execute("PRAGMA synchronous = OFF")
            (verdict,), = database.execute("PRAGMA integrity_check(1)")
    assert verdict == "ok", verdict


def try_cuts(recording, cuts, restart_options=(), ignores_sync_of=lambda name: False,
             most_failures=5):
    """The cuts that failed, with what was wrong."""
    cutter = Cutter(recording, ignores_sync_of)
    failures = []
    for cut in cuts:
        image = cutter.image(cut)
        try:
            verify(recording, cut, image, restart_options)
        except (AssertionError, sqlite3.DatabaseError) as failure:
            failures.append((cut, str(failure)))
            if len(failures) == most_failures:
                break
    return failures
