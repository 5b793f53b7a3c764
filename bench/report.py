"""Charts and tables of the documents, made of the results of benchmarks.

A document has blocks: from `<!-- report: NAME -->` to `<!-- end -->`. Each is made of the results that it
names in BLOCKS; where one of them is missing, the block and its chart stay as they are.
"""

import argparse
import json
import pathlib
import re
import sys
from dataclasses import dataclass
from typing import Callable

import chart
import shown

BLOCK = re.compile(r"(<!-- report: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
DOCUMENTS = ("README.md", "docs/benchmarks.md")
CHARTS = "docs/charts"


@dataclass(frozen=True)
class Block:
    needs: tuple[str, ...]  # Benchmarks.
    lines: Callable[[dict], list[str]]  # Of the results, by benchmark: Markdown.
    picture: Callable[[dict], chart.Chart] | None = None


BLOCKS = {
    "overview": Block(shown.STRICT, shown.overview_table, shown.overview_chart),
    "cached": Block(("server", "sqlite"), shown.cached_sentences),
    "runs": Block(shown.ALL, shown.runs_table),
    "sqlite": Block(("sqlite",), shown.sqlite_table, shown.store_chart("sqlite")),
    "postgres": Block(("postgres",), shown.database_tables("postgres"), shown.store_chart("postgres")),
    "mysql": Block(("mysql",), shown.database_tables("mysql"), shown.store_chart("mysql")),
    "etcd": Block(("etcd",), shown.database_tables("etcd"), shown.store_chart("etcd")),
    "dynamodb": Block(("dynamodb",), shown.dynamodb_table, shown.store_chart("dynamodb")),
    "server": Block(("server",), shown.server_table, shown.server_chart),
    "threads": Block(("threads",), shown.threads_table),
}


def read_results(root):
    """By the benchmark's name, which is the file's."""
    found = {}
    for path in sorted((root / "bench/results").glob("*.json")):
        found[path.stem] = shown.Results(json.loads(path.read_text()))
    return found


def picture(name, drawn, folder):
    """For the page's light or dark scheme."""
    alt = f"{drawn.title}: a bar chart of the table's figures"
    return ["<picture>", f'  <source media="(prefers-color-scheme: dark)" srcset="{folder}/{name}-dark.svg">',
            f'  <img alt="{alt}" src="{folder}/{name}-light.svg" width="{chart.WIDTH}">', "</picture>", ""]


def block_text(name, results, folder):
    block = BLOCKS[name]
    lines = picture(name, block.picture(results), folder) if block.picture else []
    return "\n".join(["", *lines, *block.lines(results), "", ""])


def missing(name, results):
    return [each for each in BLOCKS[name].needs if each not in results]


def new_document(text, results, folder):
    def renewed(found):
        opening, name, end = found.groups()
        if name not in BLOCKS:
            raise SystemExit(f"script/report: there is no block '{name}'; choose {', '.join(BLOCKS)}.")
        return found.group(0) if missing(name, results) else opening + block_text(name, results, folder) + end
    return BLOCK.sub(renewed, text)


def new_files(root):
    """What the results make: the text of each file, by its path."""
    results = read_results(root)
    made = {}
    for document in DOCUMENTS:
        path = root / document
        folder = pathlib.PurePosixPath(CHARTS).relative_to(pathlib.PurePosixPath(document).parent)
        made[path] = new_document(path.read_text(), results, folder)
    for name, block in BLOCKS.items():
        if block.picture and not missing(name, results):
            for theme in chart.THEMES:
                made[root / CHARTS / f"{name}-{theme}.svg"] = chart.svg(block.picture(results), theme)
    return made, {name: lacks for name in BLOCKS if (lacks := missing(name, results))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, help="a checkout")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where something would change")
    options = parser.parse_args()
    made, left = new_files(options.root)
    for name, lacks in left.items():
        print(f"left as it is: {name}, without bench/results/{'.json, '.join(lacks)}.json")
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{'not current' if options.check else 'written'}: {path.relative_to(options.root)}")
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path])
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
