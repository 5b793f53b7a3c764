"""Debian 13 as it comes, made by debootstrap: nextid is built there and its tests run.

`script/test --long` runs this. The root stays in build/debian-13, so a second run is quick. Needs to
be root, and debootstrap; otherwise it is not run.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PLACE = REPOSITORY / "build" / "debian-13"
ROOT = PLACE / "root"
LOG = PLACE / "log"

# In namespaces of its own, so that nothing stays mounted or running when it ends.
ENTER = """
mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" && mount -t proc proc "$0/proc" &&
exec chroot "$0" /bin/bash -c "cd /nextid && $1"
"""


def why_not():
    if os.geteuid() != 0:
        return "only root can make a root directory of Debian 13"
    if not shutil.which("debootstrap"):
        return "debootstrap is not installed: apt-get install debootstrap"
    if not mirror():
        return "apt here knows no mirror of Debian to take Debian 13 from"
    return None


def mirror():
    """Where this machine's own Debian comes from."""
    if not shutil.which("apt-get"):
        return None
    sites = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"], text=True,
                           capture_output=True, timeout=60).stdout.split()
    return next((site for site in sites if site.rstrip("/").endswith("/debian")), None)


def logged(*command, hours):
    with LOG.open("a") as log:
        log.write(f"== {' '.join(map(str, command))}\n")
        log.flush()
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, timeout=hours * 3600)
    tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-40:])
    assert done.returncode == 0, f"{command[0]} failed; {LOG} ends so:\n{tail}"


def make_root():
    if (PLACE / "made").exists():
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    logged("debootstrap", "--variant=minbase", "--include=ca-certificates,git", "trixie", ROOT, mirror(),
           hours=1)
    (PLACE / "made").touch()


def copy_sources():
    """What git knows here, and the npm packages that script/setup has brought."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        target = ROOT / "nextid" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).exists():
            shutil.copy2(REPOSITORY / name, target)
    for modules in REPOSITORY.glob("tests/*/node_modules"):
        shutil.copytree(modules, ROOT / "nextid" / modules.relative_to(REPOSITORY), symlinks=True,
                        dirs_exist_ok=True)


def test_debian_13():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    PLACE.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    make_root()
    copy_sources()
    logged("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, ROOT,
           "script/test --quick", hours=2)
