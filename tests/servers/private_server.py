"""What the tests' database servers have in common: a process of their own, in a folder of their own.

A server runs as an unprivileged user also where root starts it, listens on a port of 127.0.0.1 that the
system chooses, and ends with the thread that started it, however that ends: so start it on one that
outlives its use. Nothing that is installed and running on the machine is touched.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

# How long anything may take that should take no time, on a busy machine.
PATIENCE_S = 60.0

USER, GROUP = ("nobody", "nogroup") if os.geteuid() == 0 else (None, None)

# For a server in memory, and those beside it.
_ROOM_BYTES = 4 << 30

_IN_USE = "ddress already in use"


class ServerError(Exception):
    """A server does not do what its test needs, or a command of its failed; says what it told."""


def poll(condition, what, seconds=PATIENCE_S):
    """Waits until condition() is true and returns its value; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def free_port():
    """Free now: whoever binds it first has it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(extra=None):
    """This process's, without what clients of databases take from it."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("PG", "MYSQL", "MARIADB", "ETCD", "NOTIFY_", "LC_", "LANG"))}
    return {**clean, "HOME": "/nonexistent", "LANG": "C.UTF-8", **(extra or {})}


def as_user(command, death_signal="KILL"):
    """The command line that runs `command` as the unprivileged user, until its starter ends."""
    rights = [f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"] if USER else []
    return ["setpriv", *rights, f"--pdeathsig={death_signal}", "--", *map(str, command)]


def run(*command, text_in=None, env=None, user=False, check=True, seconds=PATIENCE_S):
    """One command to its end: what it printed. `user` runs it as the unprivileged one."""
    done = subprocess.run(
        as_user(command) if user else list(map(str, command)), input=text_in, text=True,
        stdin=subprocess.DEVNULL if text_in is None else None, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(env), timeout=seconds, check=False, cwd="/")
    if check and done.returncode != 0:
        raise ServerError(f"{Path(str(command[0])).name} failed with {done.returncode}:"
                          f" {(done.stderr or done.stdout).strip()}")
    return done.stdout if check else done


def program(name, *folders):
    """Its path: `folders` first, where distributions put what is not for everybody's PATH."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""),
                                                     "/usr/sbin", "/sbin"]))
    if not found:
        raise ServerError(f"{name} is not installed; script/setup --test installs it")
    return found


def give_to_user(path):
    if USER:
        shutil.chown(path, USER, GROUP)
    return path


def new_folder(kind):
    """One that only the server's user may write to, and whoever started it. In memory where there is room:
    to tests a disk is only slower. What measures, or fills a disk, brings a folder of its own."""
    path = Path(tempfile.mkdtemp(prefix=f"nextid-{kind}-", dir=_memory()))
    path.chmod(0o755)
    return give_to_user(path)


def _memory():
    """None where there is too little."""
    place = Path("/dev/shm")
    if place.is_dir() and shutil.disk_usage(place).free >= _ROOM_BYTES:
        return place
    return None


@contextlib.contextmanager
def _locked(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def template(name, make):
    """The folder that make(path) filled once on this machine, for copies. `name` says what is in it; a
    change of the file that makes it makes another one."""
    source = Path(make.__code__.co_filename).read_bytes()
    name = f"{name}-{zlib.crc32(source):08x}"
    cache = Path(tempfile.gettempdir(), f"nextid-test-templates-{os.geteuid()}")
    cache.mkdir(mode=0o755, exist_ok=True)
    if cache.stat().st_uid != os.geteuid() or cache.is_symlink():
        raise ServerError(f"{cache} is another user's; remove it")
    made = cache / name
    with _locked(cache / f"{name}.lock"):
        if not made.exists():
            unfinished = cache / f"{name}.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            make(give_to_user(unfinished))
            unfinished.rename(made)
    return made


def copy_folder(source, target):
    """With owners and modes. Not synced: a test's server may lose what it began with."""
    run("cp", "--archive", "--reflink=auto", source, target)


class PrivateServer:
    """A server process. A subclass says how it is started and when it is ready.

    Started by start(); `folder` is made where none is given, and removed by remove() in any case. Use it
    with `with`: it starts, and is removed at the end.
    """

    kind = ""
    death_signal = "KILL"    # When the starter ends.
    stop_signal = signal.SIGTERM

    def __init__(self, folder=None):
        if folder is None:
            self.folder = new_folder(self.kind)
        else:
            self.folder = Path(folder)
            self.folder.mkdir(exist_ok=True)
            give_to_user(self.folder)
        self.port = None
        self.process = None
        self.log_path = self.folder / "server.log"

    def __enter__(self):
        try:
            return self if self.is_running() else self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    # ---- What a subclass says

    def command(self):
        """The command line, for self.port."""
        raise NotImplementedError

    def is_ready(self, log):
        """`log` is what the server wrote since it was started."""
        raise NotImplementedError

    def may_try_again(self, log):
        """The server ended at once, for a reason that passes."""
        return False

    def choose_ports(self):
        self.port = free_port()

    # ---- Its life

    def start(self, seconds=PATIENCE_S):
        """Returns when it serves. On the port of the last time, if there was one."""
        deadline = time.monotonic() + seconds
        first = self.port is None
        while True:
            if first:
                self.choose_ports()
            self.launch()
            if self._becomes_ready(deadline):
                return self
            log = self.log()[self._log_start:]
            in_use = _IN_USE in log
            if not (in_use or self.may_try_again(log)) or time.monotonic() > deadline:
                raise ServerError(f"{self.kind} does not start:\n{log[-4000:]}")
            time.sleep(0.1)

    def launch(self):
        """Starts the process, and does not wait until it serves."""
        assert not self.is_running()
        self._log_start = len(self.log())
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                as_user(self.command(), self.death_signal), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment(), cwd="/", start_new_session=True)

    def wait_until_ready(self, seconds=PATIENCE_S):
        """After launch()."""
        if not self._becomes_ready(time.monotonic() + seconds):
            raise ServerError(f"{self.kind} ended:\n{self.log()[self._log_start:][-4000:]}")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, seconds=PATIENCE_S):
        """In good order."""
        if self.is_running():
            self.process.send_signal(self.stop_signal)
            self.process.wait(timeout=seconds)

    def kill(self):
        """As kill -9 does."""
        if self.is_running():
            self.process.kill()
            self.process.wait(timeout=PATIENCE_S)

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """Nothing is answered until resume(); connections stay."""
        self._signal_all(signal.SIGSTOP)

    def resume(self):
        self._signal_all(signal.SIGCONT)

    def remove(self):
        """The server, however it is, and its folder."""
        if self.is_running():
            self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal_all(self, number):
        """The process, and those that it started."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    def _becomes_ready(self, deadline):
        """False when it ended."""
        while not self.is_ready(self.log()[self._log_start:]):
            if not self.is_running():
                return False
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.02)
        return True
