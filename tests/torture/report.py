"""What a run tells at its end."""

from collections import Counter


class Report:
    """Sums over rounds; one that is told is forgotten but for its sums."""

    def __init__(self):
        self.rounds = 0
        self.distinct_ids = 0
        self.injected = Counter()
        self.possible = set()  # Faults that the rounds had.
        self.request_faults = Counter()
        self.ids = Counter()  # By protocol.
        self.counts = Counter()  # Of the clients.
        self.refusals = Counter()
        self.burned = Counter()
        self.lives = Counter()
        self.values_seen = 0
        self.starts_refused = 0
        self.restores = Counter()
        self.accounted = Counter()
        self.proved = []  # What was damaged afterwards, and found.
        self.findings = Counter()  # By invariant.

    def add(self, world):
        self.rounds += 1
        self.distinct_ids += world.distinct_ids
        self.injected += world.nemesis.injected
        self.possible |= world.nemesis.possible
        self.request_faults += Counter(world.store.injected)
        for protocol, summary in world.clients.items():
            self.counts += Counter(summary["counts"])
            self.ids[protocol] += summary["counts"].get("ids", 0)
            self.refusals += Counter(summary["refusals"])
        for node in world.fleet.nodes:
            self.starts_refused += node.starts_refused
        for node in world.fleet.libraries:
            self.ids["library"] += sum(life.returned for life in node.lives)
        for life in world.fleet.lives:
            self.lives[life.how] += 1
            self.burned += Counter(life.burned)
        self.values_seen += len(world.values_seen)
        self.restores += world.restores
        if world.accounted:
            self.accounted[world.accounted] += 1
        self.proved += world.proved
        self.findings += Counter(invariant for invariant, _ in world.findings)

    @property
    def ok(self):
        return not self.findings and self.rounds > 0

    def text(self, seed, seconds, again):
        lines = [f"seed {seed}: {self.rounds} rounds in {seconds:.0f} s",
                 f"ids        {self.distinct_ids} different ones checked; answered by protocol: "
                 f"{_list(self.ids)} (the library's of processes that were stopped, not killed)",
                 f"injected   {sum(self.injected.values())}: {_list(self.injected)}"]
        if never := sorted(self.possible - self.injected.keys()):
            lines.append(f"           never, for want of time: {', '.join(never)}")
        if self.request_faults:
            lines.append(f"           and {sum(self.request_faults.values())} of single store"
                         f" requests: {_list(self.request_faults)}")
        lines += [f"processes  {_list(self.lives)}; starts refused: {self.starts_refused}",
                  f"clients    {_list(_without(self.counts, 'ids'))}",
                  f"refused    {_list(self.refusals) or 'nothing'}",
                  f"burned     {_list(self.burned) or 'nothing'}, as the closing lines say"]
        if self.restores:
            lines.append(f"restores   {_list(self.restores)}")
        lines += [f"I5         {_list(self.accounted)}",
                  f"I2, I7     {self.values_seen} looks at values in the store",
                  f"self-test  {', '.join(self.proved) or 'none'}",
                  f"found      {_list(self.findings) or 'nothing'}"]
        if self.ok:
            return "\n".join([*lines, "PASSED: I1 to I8 hold"])
        return "\n".join([*lines, f"FAILED; again: {again}"])


def _list(counts):
    return ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))


def _without(counts, name):
    return {what: count for what, count in counts.items() if what != name}
