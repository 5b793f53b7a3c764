"""The command: see script/torture."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time

# Where the disks of a run are mounted, seen by nobody else, and gone with it.
_APART = "NEXTID_TORTURE_APART"

# By how they are called in torture.stores, which needs what is not yet there when this is read.
STORES = ("sqlite", "dynamodb", "postgres", "mysql", "etcd")
KINDS = [(store, gentle) for gentle in (False, True) for store in STORES]
MOST_SHOWN = 5  # Findings of an invariant.


def parse(words):
    from torture.damages import DAMAGES
    parser = argparse.ArgumentParser(
        prog="script/torture", description="Tortures real nodes over real stores, and judges what"
        " their clients saw. Rounds follow one another until there are enough ids, rounds and"
        " minutes; each has a store of its own. Ends with 1 if a promise was broken.")
    parser.add_argument("--seed", type=int, help="of all that is random; else a new one")
    parser.add_argument("--ids", type=int, help="at least so many (1,000,000, unless --rounds)")
    parser.add_argument("--minutes", type=float, default=0, help="at least so long")
    parser.add_argument("--rounds", type=int, default=0, help="at least so many")
    parser.add_argument("--seconds", type=float, default=30, help="of faults, a round")
    parser.add_argument("--store", choices=STORES, help="only rounds of this store")
    parser.add_argument("--round", type=int, help="only this one, as the whole run would do it")
    parser.add_argument("--damage", choices=DAMAGES, help="break the promise; it must be found")
    parser.add_argument("--keep", action="store_true", help="keep histories and logs in any case")
    options = parser.parse_args(words)
    if options.damage and options.store not in (None, *DAMAGES[options.damage].stores):
        parser.error(f"--damage {options.damage} is for --store"
                     f" {' or '.join(DAMAGES[options.damage].stores)}")
    if options.ids is None:
        options.ids = 0 if options.rounds else 1_000_000
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(31)
    return options


def go_apart():
    """Starts this program again with mounts of its own, where the system allows that. Not as the root of a
    user namespace: who is root there can become nobody else, and PostgreSQL does not run as root."""
    if _APART in os.environ:
        return
    os.environ[_APART] = "1"
    unshare = ["unshare", "-m"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"],
                                                  stderr=subprocess.DEVNULL).returncode == 0:
        os.execvp(unshare[0], [*unshare, sys.executable, "-m", "torture", *sys.argv[1:]])


def rounds(options):
    """(number, store, gentle), without end but for what was asked for by name."""
    from torture.damages import DAMAGES
    number = options.round or 1
    while True:
        store, gentle = KINDS[(number - 1) % len(KINDS)]
        if options.damage:
            store, gentle = options.store or DAMAGES[options.damage].stores[0], True
        if options.store in (None, store):
            yield number, store, gentle
        if options.round or options.damage:
            return
        number += 1


def run_round(options, place, number, store, gentle, proves):
    """The round, ended and judged."""
    from torture.damages import DAMAGES
    from torture.world import World
    damage = DAMAGES[options.damage]() if options.damage else None
    world = World(place, number, options.seed, store, gentle, options.seconds, damage,
                  proves)
    try:
        world.run()
    finally:
        world.close()
    verdict = f"{len(world.findings)} findings" if world.findings else "ok"
    print(f"round {number} ({world.words}): {world.distinct_ids} ids,"
          f" {sum(world.nemesis.injected.values())} faults, accounted for {world.accounted}:"
          f" {verdict}", flush=True)
    show(world.findings)
    if not world.findings and not options.keep:
        shutil.rmtree(world.directory, ignore_errors=True)
    return world


def show(findings):
    by_invariant = {}
    for invariant, text in findings:
        by_invariant.setdefault(invariant, []).append(text)
    for invariant, texts in sorted(by_invariant.items()):
        for text in texts[:MOST_SHOWN]:
            print(f"  {invariant}: {text}")
        if len(texts) > MOST_SHOWN:
            print(f"  {invariant}: and {len(texts) - MOST_SHOWN} more")


def again(options, number):
    words = ["script/torture", f"--seed {options.seed}", f"--round {number}",
             f"--seconds {options.seconds:g}"]
    if options.damage:
        words.append(f"--damage {options.damage}")
        if options.store:
            words.append(f"--store {options.store}")
    return " ".join(words)


def main():
    options = parse(sys.argv[1:])
    # So that nodes, mounts and files go when this is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    go_apart()
    import nextid
    from torture.place import Place
    from torture.report import Report
    print(f"seed {options.seed}, nextid {nextid.BINARY}", flush=True)
    place, report, started = Place(), Report(), time.monotonic()
    number = 0
    for number, store, gentle in rounds(options):
        proves = gentle and not report.proved
        report.add(run_round(options, place, number, store, gentle, proves))
        took = time.monotonic() - started
        if not report.ok or (report.distinct_ids >= options.ids and took >= 60 * options.minutes
                             and report.rounds >= options.rounds):
            break
    print(report.text(options.seed, time.monotonic() - started, again(options, number)))
    if report.ok and not options.keep:
        place.remove()
    else:
        print(f"histories and logs: {place.root}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
