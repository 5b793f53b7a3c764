"""make_image.py BINARY [OUTPUT]: lays the root file system of the container image, and writes it as an archive
that is an OCI image layout and `docker save`'s at the same time. script/image runs this.

Libraries, authorities and time zones are files of the packages that are installed here; what has
been taken, and of which version, is in /var/lib/dpkg/status.d, where scanners look for it.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = 10001

# By the machine that the ELF header names: OCI's name, Debian's triplet, and the tools for it.
MACHINES = {62: ("amd64", "x86_64-linux-gnu"), 183: ("arm64", "aarch64-linux-gnu")}

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# MySQL 8 and MariaDB sign users in by these, which libmariadb loads.
PLUGINS = ["caching_sha2_password.so", "client_ed25519.so", "sha256_password.so"]

PASSWD = f"root:x:0:0:root:/:/nonexistent\nnextid:x:{USER}:{USER}:nextid:/var/lib/nextid:/nonexistent\n"
GROUP = f"root:x:0:\nnextid:x:{USER}:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


# ---- What a program needs

class Program:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        with self.path.open("rb") as file:
            head = file.read(20)
        if head[:4] != b"\x7fELF" or int.from_bytes(head[18:20], "little") not in MACHINES:
            sys.exit(f"script/image: {path} is no program for amd64 or arm64.")
        self.architecture, self.triplet = MACHINES[int.from_bytes(head[18:20], "little")]

    def libraries(self):
        """The paths of all shared libraries that it needs, and of what loads them."""
        found, waiting = {}, [self.path, *self.plugins()]
        while waiting:
            for name in needed_by(waiting.pop()):
                if name not in found:
                    found[name] = self.find(name)
                    waiting.append(found[name])
        return sorted(found.values())

    def plugins(self):
        folder = pathlib.Path("/usr/lib") / self.triplet / "libmariadb3" / "plugin"
        if not any(name.startswith("libmariadb.so") for name in needed_by(self.path)):
            return []
        return [folder / name for name in PLUGINS if (folder / name).exists()]

    def find(self, name):
        for folder in (f"/usr/lib/{self.triplet}", f"/lib/{self.triplet}", f"/usr/{self.triplet}/lib", "/lib64"):
            if (path := pathlib.Path(folder) / name).exists():
                return path
        sys.exit(f"script/image: {self.path} needs {name}, which is not installed for {self.triplet}.")

    def stripped(self):
        tool = f"{self.triplet}-strip"
        target = ROOT / "build" / "image" / "nextid-stripped"
        target.parent.mkdir(parents=True, exist_ok=True)
        run(tool, "-o", target, self.path)
        data = target.read_bytes()
        target.unlink()
        return data


def needed_by(path):
    told = run("readelf", "--wide", "--dynamic", "--program-headers", path)
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", told)
    return names + [pathlib.Path(name).name for name in re.findall(r"interpreter: (.*)\]", told)]


# ---- The files of the image

class Files:
    """The layer: an entry a path, in the order of their names."""

    def __init__(self, time):
        self._time = time
        self._entries = {}

    def _add(self, path, kind, mode, owner=0, data=b"", link=""):
        entry = tarfile.TarInfo(path.strip("/"))
        entry.type, entry.mode, entry.mtime, entry.linkname = kind, mode, self._time, link
        entry.uid = entry.gid = owner
        entry.size = len(data)
        self._entries[entry.name] = (entry, data)

    def directory(self, path, mode=0o755, owner=0):
        self._add_parent(path)
        self._add(path, tarfile.DIRTYPE, mode, owner)

    def _add_parent(self, path):
        parent = os.path.dirname(path)
        if parent.strip("/") and parent.strip("/") not in self._entries:
            self.directory(parent)

    def file(self, path, data, mode=0o644):
        self._add_parent(path)
        self._add(path, tarfile.REGTYPE, mode, data=data.encode() if isinstance(data, str) else data)

    def link(self, path, target):
        self._add(path, tarfile.SYMTYPE, 0o777, link=target)

    def copy(self, source, path=None, mode=0o644):
        self.file(path or str(source), pathlib.Path(source).read_bytes(), mode)

    def tar(self):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(self._entries):
                entry, data = self._entries[name]
                archive.addfile(entry, io.BytesIO(data))
        return stream.getvalue()


def lay(files, program):
    for path in ("/dev", "/proc", "/sys", "/run"):
        files.directory(path)
    files.directory("/tmp", 0o1777)
    files.link("/lib", "usr/lib")
    files.link("/lib64", "usr/lib64")
    files.file("/usr/bin/nextid", program.stripped(), 0o755)
    taken = {pathlib.Path(BUNDLE)}
    for path in [*program.libraries(), *program.plugins()]:
        folder = "/usr/lib64" if path.name.startswith("ld-linux-x86-64") else f"/usr/lib/{program.triplet}"
        target = str(path) if "plugin" in path.parts else f"{folder}/{path.name}"
        if path.name.startswith("ld-linux-aarch64"):
            target = f"/usr/lib/{path.name}"
        files.copy(path.resolve(), target, 0o755)
        taken.add(path.resolve())
    files.copy(BUNDLE)
    # Where OpenSSL itself looks, on behalf of libmariadb.
    files.directory("/usr/lib/ssl")
    files.link("/usr/lib/ssl/cert.pem", BUNDLE)
    files.link("/usr/lib/ssl/certs", "/etc/ssl/certs")
    lay_time_zones(files)
    for path, text in (("passwd", PASSWD), ("group", GROUP), ("nsswitch.conf", NSSWITCH), ("hosts", ""),
                       ("resolv.conf", ""), ("hostname", "")):
        files.file(f"/etc/{path}", text)
    files.copy("/etc/os-release")
    for path in ("/var/lib/nextid", "/var/lib/nextid-state"):
        files.directory(path, 0o750, USER)
    files.copy(ROOT / "LICENSE", "/usr/share/doc/nextid/copyright")
    lay_packages(files, taken)


def lay_time_zones(files):
    base = pathlib.Path("/usr/share/zoneinfo")
    for path in sorted(base.rglob("*")):
        if path.relative_to(base).parts[0] in ("posix", "right", "localtime") or path.is_dir():
            continue
        files.copy(path.resolve(), str(path))


def lay_packages(files, taken):
    """Of each package that something was taken from: its entry, as scanners read it, and its licence."""
    names = {"ca-certificates", "tzdata"} | owners(taken)
    for entry in run("dpkg-query", "--status", *sorted(names)).strip().split("\n\n"):
        name = re.match(r"Package: (\S+)\n", entry).group(1)
        files.file(f"/var/lib/dpkg/status.d/{name}", entry + "\n")
        licence = pathlib.Path("/usr/share/doc") / name / "copyright"
        if licence.exists():
            files.copy(licence.resolve(), str(licence))


def owners(paths):
    """The packages that have these files, which they may know by their names before /lib was a link to /usr/lib."""
    names = {str(path) for path in paths} | {str(path).removeprefix("/usr") for path in paths}
    # It fails as well where only some are found.
    found = subprocess.run(["dpkg-query", "--search", *sorted(names)], capture_output=True, text=True).stdout
    return {name for line in found.splitlines() for name in line.rpartition(": ")[0].split(", ")}


# ---- The image

def version():
    return re.search(r'kVersion = "(.*)"', (ROOT / "include/nextid/version.h").read_text()).group(1)


def commit():
    done = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%H %ct"], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else ["", "0"]


def config_of(program, layer, created, revision):
    labels = {"title": "nextid", "description": "Unique, increasing 64-bit ids and ranges of them",
              "version": version(), "licenses": "Apache-2.0", "created": created}
    if revision:
        labels["revision"] = revision
    return {
        "architecture": program.architecture,
        "os": "linux",
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "WorkingDir": "/var/lib/nextid",
            "Entrypoint": ["/usr/bin/nextid"],
            "Cmd": ["serve"],
            "Env": ["NEXTID_STORE=sqlite:/var/lib/nextid/ids.db", "NEXTID_HTTP=0.0.0.0:8000",
                    "NEXTID_RESP=0.0.0.0:6380"],
            "ExposedPorts": {"8000/tcp": {}, "6380/tcp": {}},
            "Volumes": {"/var/lib/nextid": {}},
            "StopSignal": "SIGTERM",
            "Healthcheck": {"Test": ["CMD", "/usr/bin/nextid", "probe"], "Interval": 10_000_000_000,
                            "Timeout": 5_000_000_000, "StartPeriod": 30_000_000_000, "Retries": 3},
            "Labels": {f"org.opencontainers.image.{name}": value for name, value in labels.items()},
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        "history": [{"created": created, "created_by": "script/image"}],
    }


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def archive(program, layer, config, time):
    """The bytes of the archive, and the digest of the manifest in it."""
    blobs, tag = {}, f"nextid:{version()}"

    def blob(data, kind):
        blobs[digest(data)] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest(data), "size": len(data)}

    packed = gzip.compress(layer, compresslevel=6, mtime=0)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(as_json(config), "config.v1+json"),
                "layers": [blob(packed, "layer.v1.tar+gzip")]}
    listed = blob(as_json(manifest), "manifest.v1+json") | {
        "platform": {"architecture": program.architecture, "os": "linux"},
        "annotations": {"org.opencontainers.image.ref.name": version(),
                        "io.containerd.image.name": f"docker.io/library/{tag}"}}
    path = {name: f"blobs/{name.replace(':', '/')}" for name in blobs}
    saved = [{"Config": path[manifest["config"]["digest"]], "RepoTags": [tag],
              "Layers": [path[manifest["layers"][0]["digest"]]]}]
    files = Files(time)
    files.file("oci-layout", as_json({"imageLayoutVersion": "1.0.0"}))
    files.file("index.json", as_json({"schemaVersion": 2, "manifests": [listed],
                                      "mediaType": "application/vnd.oci.image.index.v1+json"}))
    files.file("manifest.json", as_json(saved))
    for name, data in blobs.items():
        files.file(path[name], data)
    return files.tar(), listed["digest"]


def main(binary, output=None):
    program = Program(binary)
    revision, committed = commit()
    time = int(os.environ.get("SOURCE_DATE_EPOCH", committed))
    created = run("date", "--utc", f"--date=@{time}", "+%Y-%m-%dT%H:%M:%SZ").strip()
    files = Files(time)
    lay(files, program)
    layer = files.tar()
    data, name = archive(program, layer, config_of(program, layer, created, revision), time)
    target = pathlib.Path(output or ROOT / "build" / "image" / f"nextid-{version()}-{program.architecture}.tar")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    print(f"{target}: {len(layer) / 1e6:.1f} MB unpacked, {len(data) / 1e6:.1f} MB, {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
