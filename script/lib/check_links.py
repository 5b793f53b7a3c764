"""Fails on a link of a document to a file of this repository, or to a heading in one, that is not there.

So what SECURITY.md names as the test of a promise is a test that exists.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r'<(?:img|source) [^>]*?\bsrc(?:set)?="([^"]+)"')
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def documents():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def anchors(path):
    """Of its headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in plain}


def is_test(path):
    if path.is_dir():
        return any(is_test(each) for each in path.iterdir())
    return path.suffix in (".cc", ".py", ".js") and re.search(
        r"^def test_|^ *TEST(_[FP])?\(|LLVMFuzzerTestOneInput|\btest\(", path.read_text(), re.MULTILINE)


def why_broken(document, link):
    """None for one that leads somewhere."""
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return "there is no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "there is no such heading"
    if document.name == "SECURITY.md" and name.startswith("tests/") and not is_test(target):
        return "there is no test in it"
    return None


def broken_links():
    for document in documents():
        text = CODE.sub("", document.read_text())
        for link in LINK.findall(text) + PICTURE.findall(text):
            if not re.match(r"[a-z]+:", link) and (why := why_broken(document, link)):
                yield f"{document.relative_to(ROOT)} links to {link}: {why}"


if __name__ == "__main__":
    found = list(broken_links())
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    sys.exit(1 if found else 0)
