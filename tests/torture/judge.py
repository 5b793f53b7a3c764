"""What a round's processes, clients and store say, held against the invariants.

tests/history's checker judges what clients were answered (I1, I3, I4, I6, and that no id is beyond
the store's value, I2). What it lacks is here: the sums of all closing lines (I5), and each look at
the store's values between the answers (I2, I7).
"""

import bisect
import re
import subprocess
from collections import defaultdict

import accounting
import nextid


class Answers:
    """What the judgement below needs of all histories, read once."""

    def __init__(self, paths):
        self.by_life = defaultdict(int)  # Ids without a key, by the life that answered.
        self._ends = defaultdict(list)  # By counter: (received, end).
        for path in paths:
            with open(path) as lines:
                for line in lines:
                    if line.startswith("ok ") and line.endswith("\n"):
                        self._add(line.split())
        for ends in self._ends.values():
            ends.sort()
            highest = 0
            for index, (received_ns, end) in enumerate(ends):
                highest = max(highest, end)
                ends[index] = (received_ns, highest)

    def highest_before(self, counter, moment_ns):
        """The highest id that was answered before; 0 for none."""
        ends = self._ends[counter]
        index = bisect.bisect_left(ends, (moment_ns, 0))
        return ends[index - 1][1] if index else 0

    def _add(self, words):
        counter, received_ns, end, count = words[2], int(words[4]), int(words[7]), int(words[8])
        self._ends[counter].append((received_ns, end))
        marks = dict(mark.split("=", 1) for mark in words[10:])
        if "key" not in marks:
            self.by_life[marks.get("node")] += count


def judge(world):
    """Adds to what the round has found. Returns words for how far I5 was checked."""
    values = world.store.counters()
    answered = sum(_check_history(world, counter, values) for counter in world.counters)
    answers = Answers(world.fleet.histories)
    _check_values(world, answers)
    _check_lives(world, answers)
    return _check_sums(world, values, answered)


def _check_history(world, counter, values):
    """Ids that clients were answered."""
    value = values.get(counter.name, (0,))[0] or 0
    options = ["--counter", counter.name, "--start", counter.start, "--increment",
               counter.increment, "--max", min(counter.max, value)]
    if counter.cache > 1:
        options.append("--order-within-node")
    done = subprocess.run(
        list(map(str, [nextid.CHECK_HISTORY, *options, *world.fleet.histories])),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stdout
    for line in done.stdout.splitlines():
        invariant, found, text = line.partition(": ")
        if found and re.match(r"I\d ", invariant):
            world.found(invariant, text)
    total = re.search(r"violations; (\d+) ids in", done.stdout)
    assert total, done.stdout
    world.distinct_ids += int(total.group(1))
    return int(total.group(1))


def _check_values(world, answers):
    for counter, sent_ns, value in world.values_seen:
        highest = answers.highest_before(counter, sent_ns)
        if value < highest:
            world.found("I7 never backwards", f"{counter} was seen at {value}, after {highest} had"
                        " been answered")


def _check_lives(world, answers):
    for life in world.fleet.lives:
        if life.how == "stopped" and answers.by_life[life.name] > life.returned:
            world.found("I5 accounted", f"{life.name} says that it returned {life.returned} ids;"
                        f" its clients got {answers.by_life[life.name]}")


def _check_sums(world, values, answered):
    lives = world.fleet.lives
    reserved = sum(accounting.ids_moved(*counter) for counter in values.values())
    told = world.ids_shared + sum(life.told() for life in lives)
    burned = sum(sum(life.burned.values()) for life in lives)
    says = (f"{reserved} ids are reserved in the store; the closing lines and others tell of {told}, {burned}"
            f" of them burned; clients got {answered}")
    untold = {life.untold for life in lives if life.untold}
    if any(life.how != "stopped" for life in lives):
        untold.add("processes were killed")
    if world.restores:
        untold.add("the store was restored")
    if not untold and told != reserved:
        world.found("I5 accounted", says)
    if told > reserved or answered + burned > reserved:
        world.found("I5 accounted", f"more ids than there were: {says}")
    return f"not too many, since {' and '.join(sorted(untold))}" if untold else "to the last id"
