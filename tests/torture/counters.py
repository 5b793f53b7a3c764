"""The counters of a round: how they are defined, and how much they are asked for."""

from dataclasses import dataclass

MOST = 2**63 - 1


@dataclass(frozen=True)
class Counter:
    name: str
    weight: int  # Of 100 requests, so many are for it.
    start: int = 1
    increment: int = 1
    cache: int = 1
    max: int = MOST

    @property
    def definition(self):
        return {"start": self.start, "increment": self.increment, "cache": self.cache,
                "max": self.max}


# "small" runs out, so that refusals are seen to be honest (I6). "rare" is idle in between: its
# nodes give back what they hold, and forget it.
COUNTERS = [
    Counter("strict", 45),
    Counter("strides", 20, start=7, increment=5),
    Counter("cached", 25, cache=300),
    Counter("rare", 2, cache=40),
    Counter("small", 8, max=20_000),
]
