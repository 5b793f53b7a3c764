"""Programs of others that use the library, built as docs/library.md has it."""

import os
import re
import shutil
import subprocess
import tarfile

import pytest

import nextid

PAGE = (nextid.REPOSITORY / "docs" / "library.md").read_text()
BLOCK = re.compile(r"^```(?:cmake|sh)\n(.*?)^```", re.M | re.S)
GUEST = nextid.REPOSITORY / "tests" / "guest"

# What the library with memory: and sqlite: must do without.
NOT_NEEDED = ("CURL", "PostgreSQL", "OpenSSL", "spdlog", "CLI11", "prometheus-cpp", "PkgConfig", "GTest",
              "benchmark")

# The stores that are options: a URL of each, its product and the option.
OPTIONAL = [("dynamodb://orders?region=eu-west-1", "DynamoDB", "NEXTID_DYNAMODB"),
            ("postgres://ann:secret@db/ids", "PostgreSQL", "NEXTID_POSTGRES"),
            ("mysql://ann:secret@db/ids", "MySQL", "NEXTID_MYSQL"),
            ("etcd://ann:secret@db:2379/ids", "etcd", "NEXTID_ETCD")]


def block(heading):
    """The commands of a section."""
    return BLOCK.search(PAGE.split(f"\n## {heading}\n")[1]).group(1)


def run(*command, cwd, environment=None, **options):
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=1800, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def guest(tmp_path):
    """A user's folder."""
    shutil.copytree(GUEST, tmp_path / "guest")
    return tmp_path / "guest"


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Where nextid was installed, and then moved to."""
    first = tmp_path_factory.mktemp("installed") / "first"
    run("cmake", "--install", nextid.BUILD, "--prefix", first, cwd=nextid.REPOSITORY)
    return first.rename(first.with_name("moved"))


def build(guest, lists, *settings):
    """The program of a project that says nothing of C++ standards, flags or build types."""
    (guest / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(guest LANGUAGES CXX)\n"
        f"include_directories(${{CMAKE_CURRENT_SOURCE_DIR}})\n{lists}"
        "target_compile_definitions(program PRIVATE NEXTID_GUEST)\n"
        # Where a folder of nextid has told the project what only concerns nextid.
        "if(CMAKE_CXX_STANDARD OR CMAKE_EXPORT_COMPILE_COMMANDS OR TARGET nextid OR TARGET nextid_tests)\n"
        "  message(FATAL_ERROR \"nextid changes the project that uses it\")\nendif()\n")
    # Two of the programs compile the same sources, in folders of one name.
    cached = {"CCACHE_BASEDIR": str(guest.parent), "CCACHE_NOHASHDIR": "1"}
    if shutil.which("ccache"):
        settings += ("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",)
    environment = os.environ | cached
    environment.pop("CMAKE_CXX_COMPILER_LAUNCHER", None)
    run("cmake", "-S", ".", "-B", "build", "-G", "Ninja", *settings, cwd=guest, environment=environment)
    run("cmake", "--build", "build", "--target", "program", cwd=guest, environment=environment)
    return guest / "build" / "program"


def prints_ids(program):
    assert run(program, "memory:", cwd=program.parent) == "1\n"
    assert run(program, cwd=program.parent) == "1\n"
    assert run(program, cwd=program.parent) == "2\n"


def says_what_it_has_not(program):
    for url, product, option in OPTIONAL:
        done = subprocess.run([program, url], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        shown = url.replace(":secret", "")
        assert (f"'{shown}' can't be opened: this build of nextid has no {product}; build it with {option}=ON"
                in done.stderr), done.stderr


def test_a_folder_of_the_project(guest):
    (guest / "nextid").symlink_to(nextid.REPOSITORY)
    program = build(guest, block("A folder of your project"),
                    *(f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in NOT_NEEDED))
    prints_ids(program)
    says_what_it_has_not(program)


def test_fetch_content(guest):
    with tarfile.open(guest / "nextid.tar.gz", "w:gz") as archive:
        for name in ("CMakeLists.txt", "cmake", "include", "src"):
            archive.add(nextid.REPOSITORY / name, f"nextid/{name}")
    # Where the other test has its folder, so that what is compiled there is compiled once.
    lists = block("FetchContent").replace(
        "nextid.tar.gz)", "nextid.tar.gz SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/nextid)")
    prints_ids(build(guest, lists))


def test_find_package(guest, prefix):
    prints_ids(build(guest, block("Installed, with find_package"), f"-DCMAKE_PREFIX_PATH={prefix}"))


def test_find_package_knows_each_store(guest, prefix):
    stores = " ".join(["memory", "sqlite", *(url.partition(":")[0] for url, _, _ in OPTIONAL)])
    lists = block("Installed, with find_package").replace("COMPONENTS sqlite", f"COMPONENTS {stores}")
    assert stores in lists
    prints_ids(build(guest, lists, f"-DCMAKE_PREFIX_PATH={prefix}"))


def test_the_page_has_each_option():
    options = set(re.findall(r"^option\((\w+)|^cmake_dependent_option\((\w+)",
                             (nextid.REPOSITORY / "CMakeLists.txt").read_text(), re.M))
    named = {one or other for one, other in options} - {"NEXTID_WARNINGS_AS_ERRORS"}
    assert named == set(re.findall(r"^\| `(NEXTID_\w+)`", PAGE, re.M))


@pytest.mark.parametrize("wanted, complaint", [
    ("9.0", "version"), ("0.2 COMPONENTS abacus", "abacus")])
def test_find_package_refuses_what_is_not_there(guest, prefix, wanted, complaint):
    lists = f"find_package(nextid {wanted} REQUIRED)\nadd_executable(program program.cc)\n"
    with pytest.raises(AssertionError, match=complaint):
        build(guest, lists, f"-DCMAKE_PREFIX_PATH={prefix}")


def test_pkg_config(guest, prefix):
    folder = next(prefix.rglob("nextid.pc")).parent
    command = block("Installed, with pkg-config").replace("program.cc", "-DNEXTID_GUEST program.cc")
    run("bash", "-ec", command, cwd=guest,
        environment=os.environ | {"PKG_CONFIG_PATH": str(folder)})
    prints_ids(guest / "program")


def test_a_shared_library_does_not_show_what_is_in_it(guest, prefix):
    folder = next(prefix.rglob("nextid.pc")).parent
    command = block("Installed, with pkg-config").replace(
        "program.cc", "-DNEXTID_GUEST -shared -fPIC program.cc")
    run("bash", "-ec", command, cwd=guest,
        environment=os.environ | {"PKG_CONFIG_PATH": str(folder)})
    shown = run("nm", "--dynamic", "--defined-only", "--demangle", "program", cwd=guest)
    assert " T main\n" in shown
    assert not re.findall(r" \w nextid::(?:base|contract|engine|node|state|store)::.*", shown)


def test_what_is_installed_has_the_program(prefix):
    assert run(prefix / "bin" / "nextid", "--version", cwd=prefix)
