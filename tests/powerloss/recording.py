"""What was recorded of processes at work on one store, and what cuts of the power would have left."""

import pickle
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import journal
from disk import Disk, Image, Keep, Model
from place import Place


@dataclass(frozen=True, order=True)
class Moment:
    """A place in a journal. Each power failure while we record begins a new one."""
    part: int
    position: int


@dataclass(frozen=True)
class Answer:
    """A client has it since then."""
    moment: Moment
    counter: str
    first: int
    last: int
    count: int
    key: str = ""


@dataclass(frozen=True)
class Cut:
    """Of the power. Its words are all that it takes to do it once more to the same recording."""
    moment: Moment
    model: Model
    keep: Keep
    seed: int

    def __str__(self):
        return (f"{self.moment.part}:{self.moment.position}:{self.model.value}:{self.keep.value}:"
                f"{self.seed}")

    @staticmethod
    def parse(words):
        part, position, model, keep, seed = words.split(":")
        return Cut(Moment(int(part), int(position)), Model(model), Keep(keep), int(seed))


@dataclass
class Part:
    """From one power failure to the next."""
    base: Image  # What was on the disk when it began.
    journal: Path
    stale: list = field(default_factory=list)  # The index of the log (-shm) at some moments.

    def records(self):
        return journal.read(self.journal)


@dataclass
class Recording:
    directory: Path
    seed: int
    serve_options: list
    parts: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    defined: dict = field(default_factory=dict)  # Counters, and since when.
    cuts: list = field(default_factory=list)  # The power failures in it.
    turns: list = field(default_factory=list)  # When processes opened and closed it: (from, to).
    inodes: set = field(default_factory=set)  # Of all files that there ever were.

    @property
    def place(self):
        return Place(self.directory)

    def known_at(self, moment):
        """Requires that the recording has ended."""
        return self.answers[:bisect_right(self.answers, moment, key=lambda answer: answer.moment)]

    def save(self):
        """For again.py."""
        (self.directory / "recording").write_bytes(pickle.dumps(self))

    @staticmethod
    def load(directory):
        return pickle.loads((directory / "recording").read_bytes())


class Cutter:
    """Makes what is left of cuts, which are best in the order of their moments."""

    def __init__(self, recording, ignores_sync_of=lambda name: False):
        self.recording = recording
        self.ignores_sync_of = ignores_sync_of
        self._part = None
        self._reached = None

    def image(self, cut):
        if self._part != cut.moment.part or cut.moment < self._reached:
            self._begin(cut.moment.part)
        while self._records and self._records[-1].end <= cut.moment.position:
            record = self._records.pop()
            for disk in self._disks.values():
                disk.apply(record)
        self._reached = cut.moment
        return self._disks[cut.model].after_cut(cut.keep, Random(cut.seed))

    def _begin(self, number):
        self._part = number
        part = self.recording.parts[number]
        self._records = part.records()[::-1]
        self._disks = {model: Disk(model, part.base, part.stale, self.ignores_sync_of)
                       for model in Model}
