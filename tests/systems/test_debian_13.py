"""Debian 13 as it comes, made by debootstrap: nextid is built there and its tests run.

`script/test --long` runs this. The root stays in build/debian-13, so a second run is quick. Needs to
be root, and debootstrap; otherwise it is not run.
"""

import shutil
import subprocess

from bare_root import REPOSITORY, Root


def copy_sources(target):
    """What git knows here, and the npm packages that script/setup has brought; what was built stays."""
    target.mkdir(exist_ok=True)
    # A file that was moved or removed here must not linger there.
    for old in target.iterdir():
        if old.is_dir() and not old.is_symlink():
            if old.name != "build":
                shutil.rmtree(old)
        else:
            old.unlink()
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    for modules in (*REPOSITORY.glob("tests/*/node_modules"), *REPOSITORY.glob("tests/*/*/node_modules")):
        shutil.copytree(modules, target / modules.relative_to(REPOSITORY), symlinks=True)


def test_debian_13():
    root = Root(REPOSITORY / "build" / "debian-13", "trixie", "git").make()
    copy_sources(root.path / "nextid")
    root.run("cd /nextid && script/test --quick", minutes=240)
