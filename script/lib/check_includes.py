"""Fails on an include that the link graph does not allow.

The DEPENDS lines of the CMakeLists.txt files below src/ are the architecture. Each folder that has
one is a room, named by its path: src/store/sqlite is the room store/sqlite with the target
nextid_store_sqlite. A file may include files of its own room, "nextid/...", and files of another
room only if its target reaches that room's target through those lines; a room below or above it in
the tree is another room like any other. All rooms share one include path, so the compiler would not
notice.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)/[^"/]+"', re.MULTILINE)


def unrolled(text):
    """With the targets that are named in `foreach(NAME IN ITEMS ...)` as PREFIX${NAME}."""
    for name, items in re.findall(r"foreach\((\w+) IN ITEMS ([^)]*)\)", text):
        for prefix in set(re.findall(r"\b(nextid_\w*)\$\{" + name + r"\}", text)):
            text += "".join(f"\n{prefix}{item}" for item in items.split())
    return text


def direct_dependencies():
    """The rooms, each with those that its own lines name."""
    texts = {}
    for lists in sorted(ROOT.glob("src/**/CMakeLists.txt")):
        texts[lists.parent.relative_to(ROOT / "src").as_posix()] = unrolled(lists.read_text())
    room_of = {"nextid_" + room.replace("/", "_"): room for room in texts}
    graph = {}
    for room, text in texts.items():
        named = set(re.findall(r"\bnextid_\w+\b", text)) & room_of.keys()
        graph[room] = {room_of[target] for target in named} - {room}
    return graph


def reachable(graph, room, seen=()):
    found = set()
    for other in graph[room]:
        if other in seen:
            raise SystemExit(f"src/{room} and src/{other} depend on one another")
        found |= {other} | reachable(graph, other, (*seen, room))
    return found


def sources(folder):
    return sorted(file for file in folder.rglob("*.*") if file.suffix in (".h", ".cc"))


def wrong_includes(graph):
    allowed = {room: {room, "nextid"} | reachable(graph, room) for room in graph}
    for file in sources(ROOT / "src"):
        room = file.parent.relative_to(ROOT / "src").as_posix()
        if room not in graph:
            yield f"{file.relative_to(ROOT)} is in no room: its folder has no CMakeLists.txt"
            continue
        for target in INCLUDE.findall(file.read_text()):
            if target not in allowed[room] and not target.startswith("nextid/"):
                yield f"{file.relative_to(ROOT)} includes {target}/, above or beside it"
    for file in sources(ROOT / "include"):
        for target in INCLUDE.findall(file.read_text()):
            if target.split("/")[0] != "nextid":
                yield f"{file.relative_to(ROOT)} includes {target}/, which users do not have"


def main():
    graph = direct_dependencies()
    wrong = list(wrong_includes(graph))
    print("\n".join(wrong) or f"{len(graph)} rooms, no upward include")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
