"""The documents as tests read them: their blocks of commands, in the order in which a reader meets them."""

import re
import subprocess
from dataclasses import dataclass

import nextid

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    page: str
    kind: str  # sh: commands alone; console: commands behind "$ ", and what they print.
    text: str

    @property
    def first_line(self):
        return self.text.splitlines()[0].strip()

    def commands(self):
        """Each with the lines that it prints, None where the block does not tell."""
        if self.kind == "sh":
            return [(self.text, None)]
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found[-1][0].endswith("\\"):
                found[-1] = (found[-1][0] + "\n" + line, [])
            else:
                found[-1][1].append(line)
        return found


def pages():
    """The Markdown files of the repository, by their paths in it."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            cwd=nextid.REPOSITORY, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\n") if name and (nextid.REPOSITORY / name).exists())


def text_of(page):
    return (nextid.REPOSITORY / page).read_text()


def shell_blocks(page):
    return [Block(page, kind, text) for _, kind, text in FENCE.findall(text_of(page))
            if kind in ("sh", "console", "bash", "shell")]


def spans(page):
    """What stands in the text between backquotes."""
    return SPAN.findall(FENCE.sub("", text_of(page)))
