"""What the binary itself says of the guards that it was built with (cmake/Hardening.cmake)."""

import platform
import re
import resource
import subprocess

import pytest

import nextid

ON_X86 = platform.machine() == "x86_64"


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, nextid.BINARY], text=True, check=True,
                          stdout=subprocess.PIPE, timeout=120).stdout


@pytest.fixture(scope="module")
def wanted():
    """The names of what the binary takes from shared libraries."""
    names = {re.split("@", line.split()[7])[0] for line in readelf("--dyn-syms").splitlines()
             if len(line.split()) > 7 and line.split()[6] == "UND"}
    if any(name.startswith(("__asan_", "__tsan_")) for name in names):
        pytest.skip("not run: a build with sanitizers has guards of its own")
    return names


def test_it_is_loaded_anywhere_and_no_data_is_code(wanted):
    assert "Type: DYN" in re.sub(" +", " ", readelf("--file-header"))
    segments = readelf("--segments")
    stack = re.search(r"GNU_STACK.*", segments).group(0)
    assert "RW " in stack and "RWE" not in stack
    assert not re.search(r"LOAD.* RWE ", segments)


def test_its_tables_of_addresses_are_read_only(wanted):
    assert "GNU_RELRO" in readelf("--segments")
    dynamic = readelf("--dynamic")
    assert "BIND_NOW" in dynamic
    assert re.search(r"FLAGS_1\).*NOW.*PIE", dynamic)


def test_its_stack_and_its_copies_are_checked(wanted):
    assert "__stack_chk_fail" in wanted
    checked = {name for name in wanted if re.fullmatch(r"__\w+_chk", name)}
    assert checked >= {"__memcpy_chk", "__snprintf_chk"}, checked


def test_the_standard_library_asserts(wanted):
    assert any("__glibcxx_assert_fail" in name for name in wanted)


@pytest.mark.skipif(not ON_X86, reason="not run: x86 alone marks where a jump may land")
def test_jumps_land_at_marks_alone(wanted):
    """The note that says so for the whole program is the linker's, and Debian 12's startup code lacks it."""
    endbr64 = b"\xf3\x0f\x1e\xfa"
    assert nextid.BINARY.read_bytes().count(endbr64) > 1000


def test_each_source_has_the_flags(wanted):
    """Which leave no trace in the code that could be looked for: the debug information names them."""
    strings = readelf("--string-dump=.debug_str")
    producers = re.findall(r"GNU C\+\+.* -.*", strings)
    if not producers:
        pytest.skip("not run: the binary has no debug information of g++")
    flags = ["-fstack-protector-strong", "-fstack-clash-protection"]
    flags += ["-fcf-protection"] if ON_X86 else []
    for producer in producers:
        assert [flag for flag in flags if flag not in producer] == [], producer


def test_no_core_dump_has_tokens(start_server, tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard == 0:
        pytest.skip("not run: no process may dump its core here")
    allowed = ["prlimit", f"--core={'unlimited' if hard == resource.RLIM_INFINITY else hard}:"]

    def limits(*options):
        server = start_server(*options, prefix=allowed)
        return resource.prlimit(server.process.pid, resource.RLIMIT_CORE)

    tokens = tmp_path / "tokens"
    assert nextid.run("token", "a", "--file", tokens).returncode == nextid.OK
    assert limits() == (hard, hard)
    assert limits("--tokens", tokens) == (0, hard)
