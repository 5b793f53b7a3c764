"""Where a run works: copies of the programs, a disk that can be filled, a user without rights."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nextid

# Limits on a user's threads do not hold for root, so root has the processes run as nobody.
_NOBODY = 65534
USER = _NOBODY if os.geteuid() == 0 else None

DISK_MB = 64
_CLOCK = nextid.BUILD / "tests" / "torture" / "libtorture_clock.so"


class Place:
    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="nextid-torture-"))
        self.root.chmod(0o755)
        self.programs = self._directory("programs")
        # A build beside the run changes nothing, and nobody may read them, wherever they are built.
        nextid.BINARY = self._copy(nextid.BINARY)
        self.load_client = self._copy(nextid.LOAD_CLIENT)
        self.clock = self._copy(_CLOCK)

    def round(self, number):
        return self._directory(f"round-{number}")

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def _directory(self, name):
        path = self.root / name
        path.mkdir()
        return path

    def _copy(self, path):
        if not path.exists():
            sys.exit(f"{path} is missing; script/torture builds it")
        copy = self.programs / path.name
        shutil.copy(path, copy)
        copy.chmod(0o755)
        return copy


def give_to_user(path):
    if USER is not None:
        os.chown(path, USER, -1)
    return path


def run_as_user(*command, env=None, timeout=60, **options):
    return subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=nextid.environment(env), text=True, timeout=timeout, user=USER,
        **options)


class Disk:
    """A small file system of its own in memory, where this process may mount one; else a folder."""

    def __init__(self, path, size_mb=DISK_MB):
        self.path = path
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.mounted = done.returncode == 0
        give_to_user(path)
        self._ballast = path / "ballast"

    def fill(self):
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                block = b"\0" * size
                while self._write(file, block):
                    pass

    def empty(self):
        self._ballast.unlink(missing_ok=True)

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", self.path], check=True)

    @staticmethod
    def _write(file, block):
        try:
            return file.write(block) == len(block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return False
