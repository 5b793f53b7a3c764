"""What packages are made of, quickly: files, dependencies, maintainer scripts. tests/systems makes and installs them."""

import fnmatch
import importlib.util
import json
import os
import re
import shutil
import subprocess
from types import SimpleNamespace

import jsonschema
import pytest

import nextid

PACKAGING = nextid.REPOSITORY / "packaging"
DEBIAN = PACKAGING / "debian"
MAN_PAGE = re.compile(r"share/man/man[15]/[a-z.-]+\.[15]")

# What `cmake --install --component program` puts under its prefix, besides pages of docs/ and manual pages.
INSTALLED = {
    "bin/nextid",
    "share/bash-completion/completions/nextid",
    "share/fish/vendor_completions.d/nextid.fish",
    "share/nextid/grafana/nextid.json",
    "share/nextid/nextid.toml",
    "share/nextid/prometheus/nextid-alerts.yml",
    "share/nextid/systemd/nextid-resp.socket",
    "share/nextid/systemd/nextid.service",
    "share/nextid/systemd/nextid.service.d/reload.conf",
    "share/nextid/systemd/nextid.service.d/tls.conf",
    "share/nextid/systemd/nextid.service.d/tokens.conf",
    "share/nextid/systemd/nextid.socket",
    "share/zsh/site-functions/_nextid",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    done = subprocess.run(["cmake", "--install", nextid.BUILD, "--component", "program", "--prefix", prefix],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    assert done.returncode == 0, done.stdout
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


def test_what_is_installed(installed):
    pages = {f"share/doc/nextid/{path.relative_to(nextid.REPOSITORY / 'docs')}"
             for path in (nextid.REPOSITORY / "docs").rglob("*") if path.is_file()}
    pages |= {"share/doc/nextid/CHANGELOG.md", "share/doc/nextid/SECURITY.md"}
    manuals = {name for name in installed if MAN_PAGE.fullmatch(name)}
    assert {"share/man/man1/nextid.1", "share/man/man5/nextid.toml.5"} <= manuals
    assert installed - pages - manuals == INSTALLED
    assert pages <= installed


def patterns(name):
    """The first word of each line of a file of debhelper."""
    return [line.split()[0] for line in (DEBIAN / name).read_text().splitlines() if line.strip()]


def test_the_package_has_each_installed_file(installed):
    wanted = patterns("nextid.install") + patterns("not-installed")

    def is_in(name, pattern):
        return fnmatch.fnmatch(name, pattern) or name.startswith(pattern + "/")

    files = [f"usr/{name}" for name in installed]
    assert not [name for name in files if not any(is_in(name, pattern) for pattern in wanted)]
    assert not [pattern for pattern in wanted if not any(is_in(name, pattern) for name in files)]


def test_dependencies_are_those_of_set_up():
    setup = (nextid.REPOSITORY / "script" / "setup").read_text()
    (base,) = re.findall(r"^wanted=\((.*?)\)", setup, re.M | re.S)
    (boost,) = re.findall(r"wanted\+=\((libboost1\.81.*?)\)", setup)
    (other_boost,) = re.findall(r"wanted\+=\((libboost-dev.*?)\)", setup)
    # A Debian that builds packages has the compiler, and no certificates are needed for that.
    wanted = set(f"{base} {boost}".split()) - {"g++", "ca-certificates"}
    wanted = {{"pkg-config": "pkgconf"}.get(name, name) for name in wanted}
    control = (DEBIAN / "control").read_text()
    (block,) = re.findall(r"^Build-Depends:\n((?: .*\n)*)", control, re.M)
    choices = [[re.sub(r" \(.*\)", "", choice.strip()) for choice in line.split("|")]
               for line in block.replace("\n", "").split(",") if line.strip()]
    assert {names[0] for names in choices} - {"debhelper-compat", "dh-sequence-installsysusers"} == wanted
    assert {names[1] for names in choices if len(names) > 1} == set(other_boost.split())


def test_what_the_library_needs_is_what_its_users_are_told(installed):
    """The .pc file, which says which libraries to link, against the packages that have them."""
    package = (DEBIAN / "control").read_text().split("Package: libnextid-dev")[1]
    wanted = {"sqlite3": "libsqlite3-dev", "libcurl": "libcurl4-openssl-dev", "libpq": "libpq-dev",
              "libmariadb": "libmariadb-dev"}
    pc = (nextid.BUILD / "nextid.pc").read_text()
    (required,) = re.findall(r"^Requires: (.*)$", pc, re.M)
    named = {part.split()[0] for part in required.split(",")}
    assert named == set(wanted)
    for name in wanted.values():
        assert re.search(rf"^ {name}\b", package, re.M), name


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="not run: there is no systemd-analyze here")
def test_the_unit_with_the_package_s_settings(tmp_path):
    unit = tmp_path / "nextid.service"
    unit.write_text((PACKAGING / "systemd" / "nextid.service").read_text().replace("/usr/bin/nextid", str(nextid.BINARY)))
    (tmp_path / "nextid.service.d").mkdir()
    # root is a user that each system has.
    settings = (DEBIAN / "service-user.conf").read_text().replace("User=nextid", "User=root")
    (tmp_path / "nextid.service.d" / "00-package.conf").write_text(settings.replace("Group=nextid", "Group=root"))
    done = subprocess.run(["systemd-analyze", "verify", unit], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0 and "nextid" not in done.stdout, done.stdout


def test_the_package_s_settings_come_before_the_operator_s():
    """Drop-ins count in the order of their names, whichever folder they are in."""
    assert "d/00-package.conf" in (DEBIAN / "rules").read_text()
    ours = [path.name for path in (PACKAGING / "systemd" / "nextid.service.d").iterdir()]
    assert "00-package.conf" < min([*ours, "override.conf"])


def run_script(name, tmp_path, *arguments):
    """A maintainer script whose /var is a folder of ours."""
    script = tmp_path / name
    script.write_text((DEBIAN / name).read_text().replace("/var/", f"{tmp_path}/var/"))
    done = subprocess.run(["sh", script, *arguments], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_purge_keeps_ids(tmp_path):
    state = tmp_path / "var" / "lib"
    (state / "nextid").mkdir(parents=True)
    (state / "nextid-state").mkdir()
    (state / "nextid" / "ids.db").write_text("ids")
    (tmp_path / "var" / "log" / "nextid").mkdir(parents=True)
    for action in ("remove", "upgrade", "abort-install"):
        assert run_script("nextid.postrm", tmp_path, action) == ""
    assert (state / "nextid-state").exists() and (tmp_path / "var/log/nextid").exists()
    for _ in range(2):
        assert "lib/nextid is kept" in run_script("nextid.postrm", tmp_path, "purge")
        assert (state / "nextid" / "ids.db").read_text() == "ids"
        assert not (state / "nextid-state").exists() and not (tmp_path / "var/log/nextid").exists()


def test_purge_keeps_ids_of_a_service_with_a_user_of_the_moment(tmp_path):
    """systemd keeps them elsewhere then, and has a link to there."""
    private = tmp_path / "var" / "lib" / "private" / "nextid"
    private.mkdir(parents=True)
    (tmp_path / "var" / "lib" / "nextid").symlink_to("private/nextid")
    run_script("nextid.postrm", tmp_path, "purge")
    assert private.exists() and (tmp_path / "var" / "lib" / "nextid").is_symlink()


def test_installing_leaves_what_is_there(tmp_path):
    state = tmp_path / "var" / "lib"
    for name in ("nextid", "nextid-state"):
        (state / name).mkdir(parents=True)
    os.chmod(state / "nextid", 0o700)
    run_script("nextid.postinst", tmp_path, "configure", "0.0.1")
    assert (state / "nextid").stat().st_mode & 0o777 == 0o700


# The parts of SPDX 2.3's own schema that a bill of nextid's uses.
IDENTIFIER = {"type": "string", "pattern": r"^SPDXRef-[A-Za-z0-9.-]+$"}
BILL = {
    "type": "object",
    "required": ["spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages",
                 "files", "relationships"],
    "properties": {
        "spdxVersion": {"const": "SPDX-2.3"},
        "dataLicense": {"const": "CC0-1.0"},
        "SPDXID": {"const": "SPDXRef-DOCUMENT"},
        "documentNamespace": {"type": "string", "pattern": "^https://[^#]+$"},
        "creationInfo": {
            "required": ["created", "creators"],
            "properties": {"created": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                           "creators": {"items": {"pattern": "^(Tool|Person|Organization): "}}}},
        "packages": {"items": {
            "required": ["SPDXID", "name", "versionInfo", "downloadLocation", "licenseDeclared", "filesAnalyzed"],
            "properties": {
                "SPDXID": IDENTIFIER, "filesAnalyzed": {"const": False},
                "primaryPackagePurpose": {"enum": ["APPLICATION", "LIBRARY"]},
                "externalRefs": {"items": {"properties": {
                    "referenceCategory": {"const": "PACKAGE-MANAGER"}, "referenceType": {"const": "purl"},
                    "referenceLocator": {"pattern": r"^pkg:deb/debian/[a-z0-9.%B-]+@[^ :+~]+\?arch=source$"}}}}}}},
        "files": {"minItems": 1, "items": {"required": ["SPDXID", "fileName", "checksums"],
                                           "properties": {"SPDXID": IDENTIFIER}}},
        "relationships": {"items": {
            "required": ["spdxElementId", "relationshipType", "relatedSpdxElement"],
            "properties": {"relationshipType": {
                "enum": ["DESCRIBES", "GENERATED_FROM", "STATIC_LINK", "DYNAMIC_LINK", "CONTAINS"]}}}},
    },
}


def sbom():
    spec = importlib.util.spec_from_file_location("sbom", PACKAGING / "static" / "sbom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_bill_of_materials():
    found = {"openssl": ("3.0.20-1~deb12u2", "STATIC_LINK", None), "mariadb": ("1:10.11.18-0+deb12u1", "STATIC_LINK", None),
             "glibc": ("2.36-9", "DYNAMIC_LINK", None), "boost1.81": ("1.81.0-5", "CONTAINS", None)}
    options = SimpleNamespace(program=nextid.BINARY, version="1.2.3", architecture="amd64", epoch=1_700_000_000, glibc="2.36")
    bill = json.loads(json.dumps(sbom().document(options, found)))
    jsonschema.validate(bill, BILL)
    assert bill == json.loads(json.dumps(sbom().document(options, found)))
    known = {"SPDXRef-DOCUMENT", *(part["SPDXID"] for part in bill["packages"] + bill["files"])}
    assert len(known) == 1 + 5 + 1
    for relation in bill["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known
    related = {relation["relatedSpdxElement"] for relation in bill["relationships"]}
    assert related >= {"SPDXRef-Package-openssl", "SPDXRef-Package-glibc", "SPDXRef-Package-boost1.81"}
    locators = [reference["referenceLocator"] for part in bill["packages"] for reference in part.get("externalRefs", [])]
    assert "pkg:deb/debian/mariadb@1%3A10.11.18-0%2Bdeb12u1?arch=source" in locators


def test_the_linker_s_map_says_which_archives_are_in_it(tmp_path):
    written = tmp_path / "map"
    written.write_text("Archive member included to satisfy reference by file (symbol)\n\n"
                       "/usr/lib/x/libssl.a(libssl-lib-a.o)\n                              b.o (SSL_new)\n"
                       "LOAD /usr/lib/gcc/x/12/../../../x/Scrt1.o\nLOAD /usr/lib/x/libnever.a\nLOAD one.o\n")
    assert {path.name for path in sbom().archives_in(written)} == {"libssl.a", "Scrt1.o"}
