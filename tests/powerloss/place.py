"""A directory whose power can fail: processes that work in it are recorded, and it can be made to
hold what the disk model says is left."""

import os
import shutil
import uuid
from pathlib import Path

import nextid
from disk import DIRECTORY

RECORDER = nextid.BUILD / "tests" / "powerloss" / "libpowerloss.so"


class Place:
    def __init__(self, directory):
        self.root = directory / "root"  # Where the store is.
        self.kept = directory / "kept"  # Files that have no name below root now, by their inodes.
        self.logs = directory / "logs"
        for folder in (self.root, self.kept, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.boot = directory / "boot_id"
        if not self.boot.exists():
            self._start_machine()

    @property
    def store(self):
        return f"sqlite:{self.root}/ids.db"

    def environment(self, journal=None):
        """For a process that works here. Without a journal it is not recorded, but what it removes
        is kept as ever."""
        assert RECORDER.exists(), f"{RECORDER} is missing; build the target nextid_powerloss"
        settings = {"LD_PRELOAD": str(RECORDER), "POWERLOSS_ROOT": str(self.root),
                    "POWERLOSS_KEEP": str(self.kept), "POWERLOSS_BOOT": str(self.boot)}
        return {**settings, "POWERLOSS_JOURNAL": str(journal)} if journal else settings

    def contents(self):
        """By name; None for a directory."""
        return {str(path.relative_to(self.root)): None if path.is_dir() else path.read_bytes()
                for path in self.root.rglob("*")}

    def become(self, image, inodes):
        """Every file is the inode that it was when it was recorded, so it is no copy of itself.
        `inodes`: of all files that were recorded; others go."""
        self._start_machine()
        wanted = set(image.contents)
        for path in [path for path in self.root.rglob("*") if not path.is_dir()]:
            self._put_away(path)
        for path in self.kept.iterdir():
            if path.stat().st_ino not in inodes:
                path.unlink()
        for path in self.root.iterdir():
            shutil.rmtree(path)
        for name in sorted(name for name, inode in image.names.items() if inode == DIRECTORY):
            (self.root / name).mkdir()
        placed = {}
        for name, inode in image.names.items():
            if inode in placed:
                os.link(placed[inode], self.root / name)
            elif inode in wanted:
                placed[inode] = self.root / name
                self._place(inode, placed[inode], image.contents[inode])

    def _start_machine(self):
        self.boot.write_text(f"{uuid.uuid4()}\n")

    def _put_away(self, path):
        kept = self.kept / str(path.stat().st_ino)
        if kept.exists():  # It is another name of the same.
            path.unlink()
        else:
            path.rename(kept)

    def _place(self, inode, path, content):
        kept = self.kept / str(inode)
        if kept.exists():
            kept.rename(path)
        with open(path, "r+b" if path.exists() else "xb") as file:
            file.write(content)
            file.truncate()
