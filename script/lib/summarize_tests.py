"""Adds up JUnit files: names what failed or did not run, then prints 'N passed, N failed'."""

import sys
import xml.etree.ElementTree as ElementTree


def main(paths):
    passed = failed = skipped = 0
    for path in paths:
        cases = list(ElementTree.parse(path).iter("testcase"))
        if not cases:
            print(f"FAILED {path}: it holds no test")
            failed += 1
        for case in cases:
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            notes = {child.tag: child for child in case}
            if "failure" in notes or "error" in notes or case.get("status") == "fail":
                failed += 1
                print(f"FAILED {path}: {name}")
            elif "skipped" in notes:
                skipped += 1
                print(f"not run: {name}: {notes['skipped'].get('message', 'no reason given')}")
            else:
                passed += 1
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{tail}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
