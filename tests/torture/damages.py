"""The promise broken on purpose: a run that is told to must find it, and end with a verdict of red.

Some are done to the nodes' world, some to what the clients wrote down.
"""

import nextid


class Damage:
    """`round` is the kind of round that it is done in: (store, gentle)."""
    round = ("sqlite", True)

    def before(self, world):
        """The nodes run, the faults have not begun."""

    def midway(self, world):
        """Half of the round is over."""

    def after(self, world):
        """All has ended, nothing is judged yet."""


class TwiceInHistory(Damage):
    """One answer stands in the history twice, as of two requests (I1)."""

    def after(self, world):
        _change(world, lambda line, lines: [line, line])


class DisorderInHistory(Damage):
    """An answer was there before the ids below it were asked for (I3)."""

    def after(self, world):
        def early(line, lines):
            words = line.split(" ")
            first_sent = min(int(other.split(" ")[3]) for other in lines)
            return [" ".join([*words[:3], str(first_sent - 2), str(first_sent - 1), *words[5:]])]

        _change(world, early)


class WordlessBurn(Damage):
    """A closing line tells of one id less than there were (I5)."""

    def after(self, world):
        max(world.fleet.lives, key=lambda life: life.returned).returned -= 1


class SetBack(Damage):
    """Another program sets a counter back in the file, under the nodes that use it."""
    round = ("sqlite", False)

    def midway(self, world):
        nextid.poll(world.store.set_back, "the counter is set back")


class NoSlots(Damage):
    """The store applies what it is sent, however often: the proxy takes the condition out."""
    round = ("dynamodb", True)

    def before(self, world):
        world.store.proxy.strip_slot_conditions = True


DAMAGES = {"twice": TwiceInHistory, "disorder": DisorderInHistory, "wordless-burn": WordlessBurn,
           "set-back": SetBack, "no-slots": NoSlots}


def _change(world, change):
    """Has an answer without a key, of "strict", in the middle of the HTTP clients' history replaced."""
    path = next(path for path in world.fleet.histories if path.name == "http.history")
    lines = path.read_text().splitlines(keepends=True)
    fit = [index for index, line in enumerate(lines)
           if line.startswith("ok ") and line.split(" ")[2] == "strict" and " key=" not in line]
    chosen = fit[len(fit) // 2]
    path.write_text("".join([*lines[:chosen], *change(lines[chosen], lines), *lines[chosen + 1:]]))
