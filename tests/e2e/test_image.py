"""The container image: what is in it, that it is made the same twice, and its program in namespaces as a container
runtime makes them: process 1, a read-only root, no privileges, and a volume of a megabyte.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

import nextid
from accounting import counters_of_file, ids_moved
from nextid import REPOSITORY, Connection, poll

USER = 10001
DOCKER_STOP_SECONDS = 10

# As a runtime does it. The last command is process 1 of its namespace.
CONTAINER = """
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --bind "$VOLUME" "$ROOT/var/lib/nextid"
mount -o remount,bind,ro "$ROOT"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all \\
  chroot --userspec=%d:%d --groups= "$ROOT" "$@"
""" % (USER, USER)

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"),
    reason="not run: only root can give a container its mounts here, with unshare and setpriv")

pytestmark = pytest.mark.not_accounted("the ids of the container are counted by the test itself")


def make_image(path):
    done = subprocess.run([REPOSITORY / "script/image", "--binary", nextid.BINARY, "--output", path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return path


class Image:
    """An archive, taken apart and checked."""

    def __init__(self, path, place):
        self.archive = path
        with tarfile.open(path) as archive:
            self.files = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
        (self.listed,) = self.json("index.json")["manifests"]
        self.manifest = self.json(self.blob(self.listed))
        self.config = self.json(self.blob(self.manifest["config"]))
        (layer,) = self.manifest["layers"]
        self.root = place / "root"
        self.root.mkdir()
        packed = place / "layer.tar.gz"
        packed.write_bytes(self.files[self.blob(layer)])
        with tarfile.open(packed) as archive:
            self.entries = {entry.name: entry for entry in archive}
        subprocess.run(["tar", "--extract", "--preserve-permissions", "--numeric-owner", "--file", packed,
                        "--directory", self.root], check=True)

    def json(self, name):
        return json.loads(self.files[name])

    def blob(self, descriptor):
        """The name of the file that a descriptor means; fails where its digest or size is another."""
        name = "blobs/" + descriptor["digest"].replace(":", "/")
        data = self.files[name]
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert descriptor["size"] == len(data)
        return name


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    place = tmp_path_factory.mktemp("image")
    return Image(make_image(place / "image.tar"), place)


# ---- What it is

def test_it_is_an_image_for_oci_and_docker(image):
    assert image.json("oci-layout") == {"imageLayoutVersion": "1.0.0"}
    (saved,) = image.json("manifest.json")
    assert saved["Config"] == image.blob(image.manifest["config"])
    assert saved["Layers"] == [image.blob(image.manifest["layers"][0])]
    version = subprocess.run([nextid.BINARY, "--version"], capture_output=True, text=True).stdout.split()[1]
    assert saved["RepoTags"] == [f"nextid:{version}"]
    config = image.config["config"]
    assert config["User"] == f"{USER}:{USER}" and config["StopSignal"] == "SIGTERM"
    assert config["Volumes"] == {"/var/lib/nextid": {}}
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/nextid", "probe"]
    assert config["Labels"]["org.opencontainers.image.version"] == version
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    assert image.config["architecture"] == image.listed["platform"]["architecture"] == machine


def test_there_is_no_shell_and_no_package_manager(image):
    programs = [name for name, entry in image.entries.items()
                if entry.isfile() and entry.mode & 0o111 and "/lib" not in f"/{name}"]
    assert programs == ["usr/bin/nextid"]
    assert not [name for name, entry in image.entries.items() if entry.mode & 0o6000]
    writable = {name for name, entry in image.entries.items()
                if not entry.issym() and (entry.mode & 0o022 or entry.uid != 0)}
    assert writable == {"tmp", "var/lib/nextid", "var/lib/nextid-state"}
    assert len(image.files[image.blob(image.manifest["layers"][0])]) < 25e6
    assert {"libc6", "ca-certificates", "tzdata"} <= {
        path.name for path in (image.root / "var/lib/dpkg/status.d").iterdir()}


def test_equal_contents_are_an_equal_image(image, tmp_path):
    assert make_image(tmp_path / "again.tar").read_bytes() == image.archive.read_bytes()


# ---- What it does

class Container:
    def __init__(self, image, place, volume, *command, **env):
        self.log_path = place / f"container-{time.monotonic_ns()}.log"
        self.environment = [*image.config["config"]["Env"], "NEXTID_HTTP=127.0.0.1:0", "NEXTID_RESP=off",
                            *(f"{name}={value}" for name, value in env.items())]
        with self.log_path.open("wb") as log:
            self.runtime = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "bash", "-ec",
                 CONTAINER, "container", "/usr/bin/nextid", *(command or image.config["config"]["Cmd"])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"ROOT": str(image.root), "VOLUME": str(volume), "PATH": os.environ["PATH"],
                     **dict(pair.split("=", 1) for pair in self.environment)})
        self.port = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_until_ready(self):
        def listening():
            assert self.runtime.poll() is None, self.log()
            return re.search(r"listening on http://[^ ]*:(\d+)\b", self.log())
        self.port = int(poll(listening, "the container listens").group(1))
        poll(lambda: self.ask("/readyz").status == 200, "it is ready")

    def process(self):
        """Its number outside of the namespace."""
        runtime = self.runtime.pid
        return int(Path(f"/proc/{runtime}/task/{runtime}/children").read_text().split()[0])

    def ask(self, target, method="GET", headers=()):
        with Connection(self.port) as connection:
            return connection.ask(method, target, headers=list(headers))

    def execute(self, *command, **env):
        """As `docker exec` does."""
        own = [f"NEXTID_HTTP=127.0.0.1:{self.port}", *(f"{name}={value}" for name, value in env.items())]
        return subprocess.run(
            ["nsenter", "--target", str(self.process()), "--mount", "--pid", "--root", f"--setuid={USER}",
             f"--setgid={USER}", "--", *command], capture_output=True, text=True, timeout=30,
            env=dict(pair.split("=", 1) for pair in [*self.environment, *own]))

    def stop(self):
        """As `docker stop` does; the seconds that it took."""
        begin = time.monotonic()
        os.kill(self.process(), signal.SIGTERM)
        assert self.runtime.wait(timeout=DOCKER_STOP_SECONDS) == 0, self.log()
        return time.monotonic() - begin

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.runtime.kill()
        self.runtime.wait(timeout=nextid.PATIENCE)


@pytest.fixture
def volume(tmp_path):
    """A disk of one megabyte."""
    place = tmp_path / "volume"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,mode=0750,uid={USER},gid={USER}", "nextid-test", place],
                   check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def run(image, tmp_path, volume):
    containers = []

    def start(*command, wait=True, **env):
        containers.append(Container(image, tmp_path, volume, *command, **env))
        if wait:
            containers[-1].wait_until_ready()
        return containers[-1]

    yield start
    for container in containers:
        container.kill()
        print(f"--- log of a container\n{container.log()}")


@needs_root
def test_as_process_1_with_a_read_only_root(run, volume):
    container = run()
    assert container.ask("/next").json()["id"] == 1
    status = Path(f"/proc/{container.process()}/status").read_text()
    assert re.search(r"^NSpid:\s+\d+\s+1$", status, re.M)
    assert re.search(rf"^Uid:\s+{USER}\s+{USER}\s+{USER}\s+{USER}$", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    mounts = Path(f"/proc/{container.process()}/mountinfo").read_text()
    assert re.search(r" / ro\b", mounts), mounts
    assert container.stop() < DOCKER_STOP_SECONDS
    # The next one goes on.
    container = run()
    assert container.ask("/next").json()["id"] == 2
    container.stop()
    assert sorted(path.name for path in volume.iterdir()) == ["ids.db", "ids.db-lock"]


@needs_root
def test_a_stop_with_requests_that_wait(run, volume):
    """The store's lock is held by somebody else, for longer than the server waits."""
    container = run()
    container.ask("/next")
    with nextid.store_locked(volume / "ids.db"), Connection(container.port) as connection:
        connection.request("GET", "/next")
        connection.wait_until_read()
        assert container.stop() < DOCKER_STOP_SECONDS


@needs_root
def test_the_health_check(image, run, volume):
    container = run()
    _, *command = image.config["config"]["Healthcheck"]["Test"]
    done = container.execute(*command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert container.execute(*command, "/readyz").returncode == 0
    os.kill(container.process(), signal.SIGSTOP)
    try:
        done = container.execute(*command)
        assert done.returncode == nextid.UNAVAILABLE and "it took too long" in done.stderr
    finally:
        os.kill(container.process(), signal.SIGCONT)
    assert container.execute(*command, NEXTID_HTTP="127.0.0.1:1").returncode == nextid.UNAVAILABLE
    assert container.execute("/usr/bin/nextid", "next").stdout == "1\n"


@needs_root
def test_a_full_volume_loses_no_id(run, volume):
    container = run(NEXTID_REQUEST_TIMEOUT="500ms")
    before = [container.ask("/next").json()["id"] for _ in range(5)]
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    answers, refused = [], None
    while refused is None:  # The log has some room yet.
        answer = container.ask("/next")
        assert len(answers) < 5000
        if answer.status == 200:
            answers.append(answer.json()["id"])
        else:
            refused = answer
    assert refused.status == 503 and "full" in refused.json()["detail"], refused
    poll(lambda: container.ask("/readyz").status == 503, "it says that it is not ready")
    assert container.ask("/healthz").status == 200
    filler.unlink()
    poll(lambda: container.ask("/readyz").status == 200, "it is ready again")
    after = [container.ask("/next").json()["id"] for _ in range(5)]
    ids = before + answers + after
    assert ids == sorted(set(ids)), "an id came twice, or out of order"
    container.stop()
    closing = re.search(r"returned (\d+) ids in \d+ reservations, burned (\d+)", container.log())
    assert int(closing.group(1)) == len(ids)
    reserved = sum(ids_moved(*counter) for counter in counters_of_file(volume / "ids.db"))
    assert reserved == int(closing.group(1)) + int(closing.group(2))


@needs_root
def test_without_tokens_it_says_what_is_missing(run):
    container = run(wait=False, NEXTID_HTTP="0.0.0.0:0")
    assert container.runtime.wait(timeout=nextid.PATIENCE) == nextid.INVALID
    assert "--tokens" in container.log() and "--insecure" in container.log()


@needs_root
def test_time_zones_and_authorities_are_there(image, run):
    container = run(TZ="Asia/Tokyo")
    assert "+09:00 info listening" in container.log()
    certificates = (image.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert certificates.count("BEGIN CERTIFICATE") > 100
    assert (image.root / "usr/lib/ssl/cert.pem").read_text() == certificates


# ---- With podman, where it runs

class Podman:
    """With a storage of its own, and limits that a process without CAP_SYS_RESOURCE may set."""

    LIMITS = ["--network=host", "--cgroups=disabled", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]

    def __init__(self, place):
        self._command = ["podman", "--root", place / "storage", "--runroot", place / "run", "--storage-driver", "vfs"]

    def __call__(self, *arguments, check=True):
        # crun takes no mixture of the two versions of control groups, of which containers here need neither.
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "podman",
             *self._command, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def run(self, *arguments, **options):
        return self("run", "--pull=never", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
                    *self.LIMITS, *arguments, **options)


@pytest.fixture
def short_path():
    """Podman takes no long one."""
    with tempfile.TemporaryDirectory(prefix="nextid-") as path:
        yield Path(path)


@pytest.fixture
def podman(image, short_path):
    if not shutil.which("podman"):
        pytest.skip("not run: podman is not installed; script/setup --long brings it")
    podman = Podman(short_path)
    podman("load", "--quiet", "--input", image.archive)
    podman.image = image.json("manifest.json")[0]["RepoTags"][0]
    tried = podman.run("--rm", podman.image, "--version", check=False)
    if tried.returncode != 0:
        pytest.skip(f"not run: podman can't run containers here: {tried.stderr.strip()}")
    yield podman
    podman("rm", "--all", "--force", "--volumes")


@needs_root
def test_with_podman(podman):
    podman.run("--detach", "--name", "ids", "--env", "NEXTID_HTTP=127.0.0.1:0", "--env", "NEXTID_RESP=off",
               "--volume", "ids:/var/lib/nextid", podman.image)

    def log():
        done = podman("logs", "ids")
        return done.stdout + done.stderr

    port = int(poll(lambda: re.search(r"listening on http://127.0.0.1:(\d+)", log()), "it listens").group(1))
    with Connection(port) as connection:
        assert connection.ask("GET", "/next").json()["id"] == 1
    podman("exec", "--env", f"NEXTID_HTTP=127.0.0.1:{port}", "ids", "/usr/bin/nextid", "probe", "/readyz")
    begin = time.monotonic()
    podman("stop", "--time", str(DOCKER_STOP_SECONDS), "ids")
    assert time.monotonic() - begin < DOCKER_STOP_SECONDS
    assert "stopped: returned 1 ids" in log()
    taken = podman.run("--rm", "--volume", "ids:/var/lib/nextid", podman.image, "next")
    assert taken.stdout == "2\n"
