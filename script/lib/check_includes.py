"""Fails on an include that the link graph does not allow.

The DEPENDS lines of src/*/CMakeLists.txt are the architecture: a file in src/FOLDER may include
"FOLDER/...", "nextid/...", and "OTHER/..." only if its target reaches nextid_OTHER through them. All
folders share one include path, so the compiler would not notice.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/', re.MULTILINE)


def direct_dependencies():
    graph = {}
    for lists in sorted(ROOT.glob("src/*/CMakeLists.txt")):
        graph[lists.parent.name] = set(re.findall(r"\bnextid_(\w+)\b", lists.read_text()))
    for folder, depends in graph.items():
        depends &= graph.keys() - {folder}
    return graph


def reachable(graph, folder, seen=()):
    found = set()
    for other in graph[folder]:
        if other in seen:
            raise SystemExit(f"src/{folder} and src/{other} depend on one another")
        found |= {other} | reachable(graph, other, (*seen, folder))
    return found


def main():
    graph = direct_dependencies()
    wrong = []
    for folder in graph:
        allowed = {folder, "nextid"} | reachable(graph, folder)
        for file in sorted((ROOT / "src" / folder).glob("*.*")):
            if file.suffix not in (".h", ".cc"):
                continue
            for target in INCLUDE.findall(file.read_text()):
                if target not in allowed:
                    wrong.append(f"{file.relative_to(ROOT)} includes {target}/, above or beside it")
    for file in sorted(ROOT.glob("include/nextid/*.h")):
        for target in INCLUDE.findall(file.read_text()):
            if target != "nextid":
                wrong.append(f"{file.relative_to(ROOT)} includes {target}/, which users do not have")
    print("\n".join(wrong) or f"{len(graph)} folders, no upward include")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
