"""The figures in docs/comparison.md are those that the other documents tell of."""

import re

import nextid

PAGE = (nextid.REPOSITORY / "docs" / "comparison.md").read_text()
# What others say of their own work, behind a link to it.
OF_OTHERS = {"127,439,148", "50,000"}


def figures(text):
    return set(re.findall(r"\b\d{1,3}(?:,\d{3})+\b", text))


def test_figures_are_measured_ones():
    others = [nextid.REPOSITORY / "README.md",
              *(path for path in (nextid.REPOSITORY / "docs").rglob("*.md") if path.name != "comparison.md")]
    told = set().union(*(figures(path.read_text()) for path in others))
    speed = PAGE.split("\n## Speed\n")[1].split("\n## ")[0]
    assert len(figures(speed)) > 25
    assert not figures(speed) - told - OF_OTHERS
