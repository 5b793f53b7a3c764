"""The promise broken on purpose.

DAMAGES are done to a round: it must end with a verdict of red. prove() changes what a round that
was fine left behind, and has it judged again: each run shows so that its judge would have seen it.
"""

import nextid
from torture.judge import judge


class Damage:
    """Done in rounds without kills, of one of `stores`, the first unless told otherwise."""
    stores = ()

    def before(self, world):
        """The nodes run, the faults have not begun."""

    def midway(self, world):
        """Half of the round is over."""


class SetBack(Damage):
    """Another program sets a counter back, under the nodes that use it. In a round with kills a
    backup of SQLite that comes back would undo it."""
    stores = ("sqlite", "postgres", "mysql", "etcd")

    def midway(self, world):
        nextid.poll(world.store.set_back, "the counter is set back")


class NoSlots(Damage):
    """The store applies what it is sent, however often: the proxy takes the condition out."""
    stores = ("dynamodb", "postgres", "mysql", "etcd")

    def before(self, world):
        world.store.forget_slots()


DAMAGES = {"set-back": SetBack, "no-slots": NoSlots}


# ---- What a round left behind


def twice(world):
    """One answer stands in the history twice, as of two requests."""
    return _change(world, lambda line, lines: [line, line])


def early(world):
    """An answer was there before the ids below it were asked for."""
    def change(line, lines):
        words = line.split(" ")
        sent_ns = min(int(other.split(" ")[3]) for other in lines)
        return [" ".join([*words[:3], str(sent_ns - 2), str(sent_ns - 1), *words[5:]])]

    return _change(world, change)


def behind(world):
    """A look at the store's value shows less than was answered before."""
    counter, sent_ns, value = max(world.values_seen, key=lambda seen: seen[1])
    world.values_seen.append((counter, sent_ns + 10**12, value // 2))
    return world.values_seen.pop


def untold(world):
    """A closing line tells of one id less than there were."""
    life = max(world.fleet.lives, key=lambda life: life.returned)
    life.returned -= 1

    def undo():
        life.returned += 1

    return undo


_LEFT = [(twice, "I1"), (early, "I3"), (behind, "I7")]


def prove(world):
    """After a round without findings. Returns the names of what was found, as it must be."""
    proved = []
    exact = [(untold, "I5")] if world.accounted == "to the last id" else []
    distinct_ids = world.distinct_ids
    for damage, invariant in [*_LEFT, *exact]:
        undo = damage(world)
        judge(world)
        seen = any(found.startswith(invariant) for found, _ in world.findings)
        world.findings.clear()
        undo()
        if not seen:
            world.found("self-test", f"'{damage.__name__}' was not found: {damage.__doc__}")
            break
        proved.append(f"{invariant} {damage.__name__}")
    world.distinct_ids = distinct_ids
    return proved


def _change(world, change):
    """Has an answer without a key, of "strict", in the HTTP clients' history replaced."""
    path = next(path for path in world.fleet.histories if path.name == "http.history")
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    fit = [index for index, line in enumerate(lines)
           if line.startswith("ok ") and line.split(" ")[2] == "strict" and " key=" not in line]
    chosen = fit[len(fit) // 2]
    path.write_text("".join([*lines[:chosen], *change(lines[chosen], lines), *lines[chosen + 1:]]))
    return lambda: path.write_text(whole)
