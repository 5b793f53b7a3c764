"""Backups of a store under fire, and their return: refused until somebody says how far to skip."""

import shutil
import subprocess
import time

import nextid
from torture import place

WAYS = ("nextid restore", "copied over it", "moved into its place")


def take_backup(world):
    """Returns how, in words. What the backup holds is judged like any look at the store (I7)."""
    folder = world.directory / "backups"
    if not folder.exists():
        folder.mkdir()
        place.give_to_user(folder)
    sent_ns = time.monotonic_ns()
    path = folder / f"{sent_ns}.db"
    by_nextid = world.rng.random() < 0.7
    if by_nextid:
        made = _run("backup", "--store", world.store.url, path).returncode == nextid.OK
    else:
        made = world.store.backup(path)
    how = "by nextid" if by_nextid else "by SQLite"
    if not made:
        return f"{how}, in vain"
    values = world.store.values_in(path)
    for counter, value in values.items():
        world.see_value(counter, sent_ns, value)
    world.backup = path, values
    return how


def restore(world, rng):
    """All nodes end, the store is set back, nobody gets an id, it is recovered, all goes on."""
    if world.backup is None:
        take_backup(world)
    if world.backup is None:
        return "there is no backup yet"
    backup, held = world.backup
    for node in world.fleet.nodes:
        node.kill() if rng.random() < 0.5 else node.stop()
    world.fleet.next_epoch()
    before = world.store.counters()
    skip = _far_enough(held, before)
    how = rng.choice(WAYS)
    if how == "nextid restore":
        _restore(world, backup, skip)
    else:
        _bring_back_by_hand(world.store.path, backup, how)
    world.restores[how] += 1
    _expect_refusal(world, how)
    _succeed("recover", "--all", "--store", world.store.url, "--skip", skip, "--yes")
    _expect_no_less(world, before)
    for node in world.fleet.nodes:
        node.start()
    return how


def _far_enough(held, before):
    """How many ids each counter of the backup must skip."""
    return max((value - (held.get(name) or 0)) // increment + 1
               for name, (value, _, increment) in before.items() if value is not None)


def _restore(world, backup, skip):
    """To the point where it asks whether to skip: nobody is there to say yes."""
    command = ["restore", backup, "--store", world.store.url, "--skip", skip]
    if _run(*command, "--yes").returncode == nextid.OK:
        world.found("I8 same store", "restore overwrote a store without --force")
    if _run(*command, "--force").returncode == nextid.OK:
        world.found("I8 same store", "restore asked nobody how far to skip")


def _bring_back_by_hand(path, backup, how):
    """As people do it who know that the log belongs to the file that is gone."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    if how == "copied over it":
        path.write_bytes(backup.read_bytes())
    else:
        fresh = path.with_name("fresh.db")
        shutil.copy(backup, fresh)
        place.give_to_user(fresh)
        fresh.rename(path)


def _expect_refusal(world, how):
    done = _run("next", "strict", "--store", world.store.url)
    if done.stdout.strip() or done.returncode == nextid.OK:
        world.found("I8 same store", f"after a restore ({how}) a command got {done.stdout.strip()}")
    for counter, answer in _served(world):
        if answer == 200:
            world.found("I8 same store", f"after a restore ({how}) a server gave ids of {counter}")
    world.restores["refused"] += 1


def _served(world):
    """[(counter, status)] of a server that starts on the store as it is."""
    server = nextid.Server(world.directory, store=world.store.url, env=world.store.env,
                           user=place.USER)
    try:
        try:
            server.wait_until_ready()
        except AssertionError:
            if server.port is None:
                return []
        return [(counter.name, server.ask("GET", f"/next?counter={counter.name}").status)
                for counter in world.counters]
    finally:
        server.kill()


def _expect_no_less(world, before):
    after = world.store.counters()
    for name, (value, _, _) in before.items():
        if value is not None and (after[name][0] or 0) < value:
            world.found("I7 never backwards", f"{name} was at {value}, and is at {after[name][0]}"
                        " after it was restored and told to skip enough")


def _succeed(*arguments):
    done = _run(*arguments)
    assert done.returncode == nextid.OK, f"{arguments}: {done.stdout}{done.stderr}"


def _run(*arguments):
    try:
        return place.run_as_user(nextid.BINARY, *arguments)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"nextid {arguments[0]} does not end: {error}") from None
