#!/usr/bin/env python3
"""Runs one cut of a recording again, in its place:

    /usr/bin/python3 tests/powerloss/again.py DIRECTORY CUT [OPTION of serve ...]
    /usr/bin/python3 tests/powerloss/again.py --image DIRECTORY CUT

--image only makes DIRECTORY/root what is left on the disk. A test that failed prints both words,
and leaves the directory in /var/tmp.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))

import cuts
from recording import Cut, Cutter, Recording


def main(arguments):
    only_image = arguments[0] == "--image"
    directory, cut, *options = arguments[only_image:]
    recording = Recording.load(Path(directory))
    cut = Cut.parse(cut)
    image = Cutter(recording).image(cut)
    if only_image:
        recording.place.become(image, recording.inodes)
        return
    cuts.verify(recording, cut, image, options)
    print("ok")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:])
