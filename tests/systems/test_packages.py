"""The packages of script/package: made twice, installed, upgraded, removed and purged in bare roots of Debian, and run.

`script/test --long` runs this. Needs to be root, and debootstrap; otherwise what needs them is not run.
"""

import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bare_root import REPOSITORY, Machine, Root

PLACE = REPOSITORY / "build" / "packages-test"
VERSION = re.search(r'kVersion = "(.*)"', (REPOSITORY / "include" / "nextid" / "version.h").read_text()).group(1)
BEFORE = "0.0.1"
# What find_package and pkg-config are tried with, as docs/library.md has it.
GUEST = (REPOSITORY / "tests" / "guest" / "program.cc").read_text()
LISTS = """cmake_minimum_required(VERSION 3.25)
project(guest LANGUAGES CXX)
find_package(nextid REQUIRED COMPONENTS sqlite postgres mysql etcd dynamodb)
include_directories(${CMAKE_CURRENT_SOURCE_DIR})
add_executable(program program.cc)
target_link_libraries(program PRIVATE nextid::nextid)
target_compile_definitions(program PRIVATE NEXTID_GUEST)
"""


def package(name, *options):
    """What script/package makes with these options, in a folder of its own."""
    output = PLACE / name
    subprocess.run(["rm", "-rf", str(output)], check=True)
    done = subprocess.run(
        ["script/package", "--output", str(output), "--work", str(PLACE / f"work-{name}"), *options],
        cwd=REPOSITORY, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=7200)
    assert done.returncode == 0, done.stdout[-4000:]
    return output


def packages_in(folder):
    return [path for path in sorted(folder.glob("*.deb")) if "dbgsym" not in path.name]


@pytest.fixture(scope="session")
def made():
    return package("made", "--deb", "--tarball")


@pytest.fixture(scope="session")
def before():
    return package("before", "--deb", "--version", BEFORE)


@pytest.fixture(scope="session")
def bookworm():
    return Root(PLACE / "bookworm", "bookworm").make()


def put(root, *paths):
    """Copies files to /packages of a root."""
    target = root.path / "packages"
    target.mkdir(exist_ok=True)
    for path in paths:
        (target / path.name).write_bytes(path.read_bytes())


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir() if path.suffix in (".deb", ".gz", ".json")}


def test_the_same_bytes_in_another_folder(made):
    again = package("again-in-a-folder-with-a-longer-name", "--deb", "--tarball")
    assert contents(again) == contents(made)


def test_life_of_the_package(made, before, bookworm):
    """Installed, used, upgraded, removed, installed again and purged, with systemd; no id is given twice."""
    root = bookworm.copy(PLACE / "life")
    put(root, *(path for path in [*packages_in(before), *packages_in(made)] if path.name.startswith("nextid_")))
    old, new = f"/packages/nextid_{BEFORE}_amd64.deb", f"/packages/nextid_{VERSION}_amd64.deb"
    root.run(f"apt-get update && apt-get install -y --no-install-recommends systemd-sysv curl man-db {old}")
    # Without a service manager it is installed all the same, and its directory is there.
    assert (root.path / "var/lib/nextid").is_dir()
    assert "0.0.1" in root.run("nextid --version")
    root.run("dpkg --purge nextid")
    machine = Machine(root).wait_until_booted()
    try:
        live(machine, old, new)
    finally:
        machine.stop()


def live(machine, old, new):
    def next_id():
        return json.loads(machine.run("curl", "-sS", "--fail", "--retry-connrefused", "--retry", "20",
                                      "http://127.0.0.1:8000/next"))["id"]

    def main_pid():
        return machine.run("systemctl", "show", "-P", "MainPID", "nextid").strip()

    machine.run("dpkg", "-i", old)
    assert [next_id(), next_id()] == [1, 2]
    first = main_pid()
    assert machine.run("stat", "-c", "%U %G", f"/proc/{first}").split() == ["nextid", "nextid"]
    assert machine.run("stat", "-c", "%U %a", "/var/lib/nextid/ids.db").split() == ["nextid", "600"]
    machine.run("sh", "-c", "echo '# mine' >> /etc/nextid/nextid.toml && echo mine > /etc/nextid/tokens.txt")
    # An upgrade restarts it, and keeps what was changed by hand; twice is as good as once.
    for _ in range(2):
        machine.run("dpkg", "-i", "--force-confold", new)
    assert main_pid() not in ("0", first)
    assert VERSION in machine.run("nextid", "--version")
    assert "# mine" in machine.run("cat", "/etc/nextid/nextid.toml")
    assert next_id() == 3
    value = machine.run("runuser", "-u", "nextid", "--", "nextid", "next", "--store", "sqlite:/var/lib/nextid/ids.db")
    assert value == "4\n"
    assert "NEXTID(1)" in machine.run("sh", "-c", "man nextid | head -3")
    assert machine.run("systemctl", "is-enabled", "nextid").strip() == "enabled"
    assert machine.ask("systemctl", "is-enabled", "nextid.socket").stdout.strip() == "disabled"
    # The sockets, of which no client notices a restart.
    machine.run("systemctl", "disable", "--now", "nextid")
    machine.run("systemctl", "enable", "--now", "nextid.socket", "nextid-resp.socket")
    assert next_id() == 5
    machine.run("dpkg", "--remove", "nextid")
    assert machine.ask("curl", "-sS", "http://127.0.0.1:8000/next").returncode != 0
    machine.run("test", "-e", "/etc/nextid/nextid.toml")
    machine.run("dpkg", "-i", new)
    machine.run("systemctl", "start", "nextid")
    assert next_id() == 6
    said = machine.run("sh", "-c", "dpkg --purge nextid 2>&1")
    assert "/var/lib/nextid is kept" in said
    assert machine.ask("test", "-e", "/etc/nextid/nextid.toml").returncode == 1
    machine.run("test", "-e", "/etc/nextid/tokens.txt")
    machine.run("dpkg", "-i", new)
    assert next_id() == 7
    machine.run("dpkg", "--purge", "nextid")
    left = machine.run("sh", "-c", "dpkg -l nextid 2>/dev/null | grep -c '^ii' || true").strip()
    assert left == "0"


def compile_guest(root):
    folder = root.path / "guest"
    folder.mkdir(exist_ok=True)
    (folder / "program.cc").write_text(GUEST)
    (folder / "CMakeLists.txt").write_text(LISTS)
    for header in (REPOSITORY / "tests" / "guest").rglob("*.h"):
        target = folder / header.relative_to(REPOSITORY / "tests" / "guest")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(header.read_text())
    said = root.run("""
        set -e; cd /guest; export HOME=/root
        c++ -std=c++20 -DNEXTID_GUEST program.cc -I. $(pkg-config --cflags --libs nextid) -o by-pkg-config
        cmake -B build . >cmake.log && cmake --build build >>cmake.log
        ./by-pkg-config memory: && ./build/program && ./build/program
        c++ -std=c++20 /usr/share/doc/libnextid-dev/examples/order_numbers.cc $(pkg-config --cflags --libs nextid) -o order
        ./order >/dev/null
        """, minutes=30, network=False)
    assert said.split() == ["1", "1", "2"]


def test_programs_compile_against_the_library(made, bookworm):
    root = bookworm.copy(PLACE / "library")
    library = next(path for path in packages_in(made) if path.name.startswith("libnextid-dev"))
    put(root, library)
    root.run(f"apt-get update && apt-get install -y --no-install-recommends g++ make cmake iproute2 /packages/{library.name}",
             minutes=30)
    compile_guest(root)


def build_there(root, sources, *, architecture=None):
    """The Debian packages, built in a root of the sources alone."""
    put(root, sources)
    foreign = f" -a{architecture}" if architecture else ""
    root.run(f"""
        set -e; apt-get update
        cd /packages && rm -rf nextid-{VERSION} *.deb && tar xzf {sources.name} && cd nextid-{VERSION}
        apt-get install -y --no-install-recommends build-essential {'crossbuild-essential-' + architecture if architecture else ''}
        apt-get build-dep -y --no-install-recommends{foreign} .
        dpkg-buildpackage --build=binary --no-sign{foreign}
        """, minutes=240)
    return [path for path in (root.path / "packages").glob("*.deb") if "dbgsym" not in path.name]


def test_debian_13():
    root = Root(PLACE / "trixie", "trixie").make()
    sources = package("source", "--source") / f"nextid-{VERSION}.tar.gz"
    built = build_there(root, sources)
    assert len(built) == 2
    root.run("apt-get install -y --no-install-recommends lintian curl iproute2 && "
             "lintian --allow-root --fail-on error,warning /packages/*.changes", minutes=30)
    root.run("apt-get install -y --no-install-recommends " + " ".join(f"/packages/{path.name}" for path in built))
    assert_serves(root)
    compile_guest(root)


def assert_serves(root, program="nextid", directory="/var/lib/nextid"):
    """As the package's user, over HTTP, beside the command line."""
    said = root.run(f"""
        set -e; exec 2>/tmp/errors; trap 'cat /tmp/errors' ERR
        cd {directory}; rm -f ids.db*
        as_user="setpriv --reuid=nextid --regid=nextid --clear-groups"
        $as_user {program} next --store sqlite:{directory}/ids.db
        $as_user {program} serve --store sqlite:{directory}/ids.db 2>/tmp/serve.log & server=$!
        curl -sS --fail --retry-connrefused --retry 30 http://127.0.0.1:8000/next; echo
        $as_user {program} next --store sqlite:{directory}/ids.db
        kill $server; wait $server
        grep -c 'stopped: returned 1 ids' /tmp/serve.log
        """, network=False)
    lines = said.split("\n")
    assert [lines[0], json.loads(lines[1])["id"], lines[2], lines[3]] == ["1", 2, "3", "1"], said


def test_arm64():
    """Compiled here, and run by an emulator: the package's program, and the engine's tests."""
    root = Root(PLACE / "arm64", "bookworm").make()
    sources = package("source", "--source") / f"nextid-{VERSION}.tar.gz"
    root.run("dpkg --add-architecture arm64 && apt-get update && "
             "apt-get install -y --no-install-recommends qemu-user-static curl iproute2", minutes=30)
    built = build_there(root, sources, architecture="arm64")
    program = next(path for path in built if path.name.startswith("nextid_"))
    root.run(f"dpkg-deb -x /packages/{program.name} /arm64 && cat /arm64/usr/lib/sysusers.d/nextid.conf >/dev/null && "
             "(id nextid || useradd --system --home-dir /var/lib/nextid nextid) && "
             "install -d -o nextid -g nextid /var/lib/nextid")
    assert_serves(root, program="qemu-aarch64-static /arm64/usr/bin/nextid")
    root.run("apt-get install -y --no-install-recommends libgtest-dev:arm64")
    root.run(f"""
        set -e; cd /packages/nextid-{VERSION}
        cmake -G Ninja -B build/tests -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \\
          -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_LIBRARY_ARCHITECTURE=aarch64-linux-gnu \\
          -DPKG_CONFIG_EXECUTABLE=/usr/bin/aarch64-linux-gnu-pkg-config -DCMAKE_BUILD_TYPE=RelWithDebInfo \\
          -DCMAKE_CROSSCOMPILING_EMULATOR=/usr/bin/qemu-aarch64-static
        cmake --build build/tests --target engine_test
        qemu-aarch64-static $(find build/tests -name engine_test -type f) --gtest_brief=1
        """, minutes=120)


def test_tarball(made, bookworm):
    """Unpacked in a Debian that has nothing but itself, it serves."""
    root = bookworm.copy(PLACE / "tarball")
    tarball = made / f"nextid-{VERSION}-linux-amd64.tar.gz"
    put(root, tarball)
    root.run("apt-get update && apt-get install -y --no-install-recommends curl iproute2")
    root.run(f"tar xzf /packages/{tarball.name} -C /opt && useradd --system nextid && install -d -o nextid /var/lib/nextid")
    place = f"/opt/nextid-{VERSION}-linux-amd64"
    needed = root.run(f"ldd {place}/bin/nextid")
    assert set(re.findall(r"(lib\w+)[.-]", needed)) <= {"libc", "libm"}, needed
    assert_serves(root, program=f"{place}/bin/nextid")
    for store in ("postgres://nobody@127.0.0.1:1/ids", "mysql://nobody@127.0.0.1:1/ids", "etcd://127.0.0.1:1/ids"):
        said = root.run(f"! {place}/bin/nextid counters --store '{store}' 2>&1", network=False)
        assert "no " not in said.split("127.0.0.1")[0] and "build" not in said, said
    program = PLACE / "tarball" / "root" / place[1:] / "bin" / "nextid"
    begin = time.monotonic()
    for _ in range(20):
        subprocess.run([program, "--version"], check=True, capture_output=True)
    print(f"--version takes {(time.monotonic() - begin) * 50:.1f} ms")


def test_bill_of_materials(made, tmp_path):
    """By the tools of SPDX itself, which PyPI has."""
    bill = made / f"nextid-{VERSION}-linux-amd64.spdx.json"
    packages = {entry["name"] for entry in json.loads(bill.read_text())["packages"]}
    assert packages >= {"nextid", "openssl", "curl", "sqlite3", "mariadb", "glibc", "boost1.81"}
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    done = subprocess.run([str(tmp_path / "venv/bin/pip"), "install", "-q", "spdx-tools==0.8.3"], capture_output=True,
                          text=True)
    if done.returncode:
        pytest.skip(f"not run: spdx-tools is not to be had here: {done.stderr[-300:]}")
    done = subprocess.run([str(tmp_path / "venv/bin/pyspdxtools"), "-i", str(bill)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
