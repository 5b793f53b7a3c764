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


def environment():
    """This one's, for its proxies and the like, without what fits only here."""
    # The work of --long was done here; there it is the system that is tried.
    return {name: value for name, value in os.environ.items() if name not in ("NEXTID_TEST_LONG", "TMPDIR")}


def logged(*command, hours):
    with LOG.open("a") as log:
        log.write(f"== {' '.join(map(str, command))}\n")
        log.flush()
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, env=environment(), timeout=hours * 3600)
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
    """What git knows here, and the npm packages that script/setup has brought; what was built stays."""
    target = ROOT / "nextid"
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
    reason = why_not()
    if reason:
        pytest.skip(reason)
    PLACE.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    make_root()
    copy_sources()
    logged("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, ROOT,
           "script/test --quick", hours=4)
