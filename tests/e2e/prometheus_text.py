"""Reads Prometheus' text format, version 0.0.4, and refuses what a strict reader would."""

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


class Metrics:
    """One page: metrics[name, label=value, ...] is a sample's number."""

    def __init__(self, text):
        self.types = {}
        self.samples = {}
        assert text.endswith("\n")
        family = None
        helped = set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family, _, words = line[len("# HELP "):].partition(" ")
                assert family not in helped, f"a second HELP of {family}"
                assert words, line
                helped.add(family)
            elif line.startswith("# TYPE "):
                name, kind = line[len("# TYPE "):].split(" ")
                assert name == family and name not in self.types, line
                assert kind in ("counter", "gauge", "histogram"), line
                self.types[name] = kind
            else:
                self._take_sample(line, family)
        assert helped == set(self.types)
        for name, kind in self.types.items():
            assert re.fullmatch(NAME, name)
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            if kind == "histogram":
                self._check_histogram(name)

    def _take_sample(self, line, family):
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels, number = match.groups()
        suffixes = SUFFIXES.get(self.types[family], ("",))
        assert name in [family + suffix for suffix in suffixes], f"{line!r} is not of {family}"
        pairs = LABEL.findall(labels or "")
        assert LABEL.sub("", labels or "") == "", line
        key = (name, *sorted(pairs))
        assert len({label for label, _ in pairs}) == len(pairs), line
        assert key not in self.samples, f"twice: {line}"
        self.samples[key] = float(number)

    def _check_histogram(self, name):
        series = {}
        for (sample, *labels), number in self.samples.items():
            if sample == name + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), number))
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            assert counts == sorted(counts), f"{name}{labels} is not cumulative"
            assert max(buckets)[0] == math.inf
            assert counts[-1] == self.samples[(name + "_count", *labels)]
            assert (name + "_sum", *labels) in self.samples

    def get(self, name, default=None, **labels):
        key = (name, *sorted(labels.items()))
        return self.samples.get(key, default) if default is not None else self.samples[key]

    def total(self, name, **labels):
        """The sum of all samples that have these labels, and perhaps others."""
        wanted = set(labels.items())
        return sum(number for (sample, *pairs), number in self.samples.items()
                   if sample == name and wanted <= set(pairs))


def metrics_of(server):
    answer = server.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.body.decode())
