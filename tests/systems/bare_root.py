"""Root directories of Debian as it comes, made by debootstrap, and machines that systemd boots from them.

They need root, and debootstrap. A root stays in build/, so a second run is quick.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# In namespaces of its own, so that nothing stays mounted or running when it ends.
ENTER = """
mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" && mount -t proc proc "$0/proc" &&
exec chroot "$0" /bin/bash -c "$1"
"""

# What systemd wants to find when it is started as the first process. It has no network but its own loopback.
BOOT = """
set -e
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for place in run tmp dev; do mount -t tmpfs -o mode=0755 tmpfs $place; done
chmod 1777 tmp
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
mkdir -p dev/pts dev/shm mnt
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
pivot_root . mnt
umount -l /mnt
exec env -i container=nextid-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
  --log-target=null --unit=multi-user.target
"""


def why_not():
    if os.geteuid() != 0:
        return "not run: only root can make a root directory of Debian"
    if not shutil.which("debootstrap"):
        return "not run: debootstrap is not installed: apt-get install debootstrap"
    if not mirror():
        return "not run: apt here knows no mirror to take a Debian from"
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
    left_out = ("NEXTID_TEST_LONG", "TMPDIR", "CMAKE_CXX_COMPILER_LAUNCHER")
    clean = {name: value for name, value in os.environ.items()
             if name not in left_out and not name.startswith("CCACHE")}
    return {**clean, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


class Root:
    """A folder with a Debian in it; what its commands say goes to the log beside it."""

    def __init__(self, place, suite, *packages):
        self.place = place
        self.path = place / "root"
        self.log = place / "log"
        self.suite = suite
        self.packages = packages

    def make(self):
        """Unless it is there already."""
        reason = why_not()
        if reason:
            pytest.skip(reason)
        self.place.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        if not (self.place / "made").exists():
            shutil.rmtree(self.path, ignore_errors=True)
            self.logged("debootstrap", "--variant=minbase", "--include=" + ",".join(("ca-certificates", *self.packages)),
                        self.suite, self.path, mirror(), minutes=60)
            (self.place / "made").touch()
        return self

    def copy(self, place):
        """Another one like it, for changes."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        other = Root(place, self.suite)
        subprocess.run(["cp", "-a", self.path, other.path], check=True, timeout=600)
        other.log.write_text("")
        return other

    def logged(self, *command, minutes):
        """Runs a command of this machine, which must succeed, and returns what it said."""
        before = self.log.stat().st_size
        with self.log.open("a") as log:
            log.write(f"== {' '.join(map(str, command))}\n")
            log.flush()
            done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=subprocess.STDOUT, env=environment(), timeout=minutes * 60)
        with self.log.open(errors="replace") as log:
            log.seek(before)
            said = log.read().partition("\n")[2]
        tail = "\n".join(said.splitlines()[-40:])
        assert done.returncode == 0, f"{command} failed; {self.log} ends so:\n{tail}"
        return said

    def run(self, script, minutes=10, network=True):
        """Runs a script of the shell in it. Without a network it has a loopback of its own."""
        apart = () if network else ("--net",)
        up = "" if network else "ip link set lo up && "
        return self.logged("unshare", "--mount", "--pid", "--fork", "--kill-child", *apart, "bash", "-c",
                           up + ENTER.lstrip(), self.path, script, minutes=minutes)


class Machine:
    """Boots systemd in a root."""

    def __init__(self, root):
        self.root = root
        hierarchy = next(line.split()[1] for line in open("/proc/mounts") if line.split()[2] == "cgroup2")
        self.group = Path(hierarchy) / f"nextid-test-{os.getpid()}"
        self.group.mkdir(exist_ok=True)
        join = f'echo $$ > {self.group}/cgroup.procs && exec "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", join, "join", "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup",
             "--fork", "--kill-child", "bash", "-c", BOOT, str(root.path)],
            stdin=subprocess.DEVNULL, stdout=root.log.open("a"), stderr=subprocess.STDOUT)

    def first_process(self):
        """systemd's number here."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return told[0] if told else None

    def wait_until_booted(self, seconds=90):
        deadline = time.monotonic() + seconds
        state = ""
        while state not in ("running", "degraded"):
            assert self.process.poll() is None, f"systemd ended: {self.root.log}"
            assert time.monotonic() < deadline, f"systemd did not boot within {seconds} s: {state}"
            time.sleep(0.2)
            state = self.ask("systemctl", "is-system-running").stdout.strip()
        return self

    def ask(self, *command, seconds=120):
        return subprocess.run(["nsenter", "--target", str(self.first_process()), "--mount", "--pid", "--net", "--uts",
                               "--ipc", "--cgroup", "--root", "--wd", *map(str, command)],
                              text=True, capture_output=True, timeout=seconds, env=environment())

    def run(self, *command):
        done = self.ask(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def stop(self):
        first = self.first_process()
        if first:
            os.kill(int(first), signal.SIGKILL)
        self.process.wait(timeout=60)
        deadline = time.monotonic() + 20
        for group in [*sorted(self.group.rglob("*/"), reverse=True), self.group]:
            while group.is_dir() and time.monotonic() < deadline:
                try:
                    group.rmdir()
                except OSError:
                    time.sleep(0.05)
