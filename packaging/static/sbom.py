"""Writes the bill of materials (SPDX 2.3, as JSON) of a program that was linked statically.

What is in it comes from the build itself: the linker's map says which archives it took members of, and ninja which
headers were compiled; dpkg says whose they are. A package whose license is not in LICENSES is an error.
"""

import argparse
import datetime
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

# By source package, as SPDX calls it.
LICENSES = {
    "boost1.81": "BSL-1.0",
    "boost1.83": "BSL-1.0",
    "cli11": "BSD-3-Clause",
    "curl": "curl",
    "fmtlib": "MIT",
    "gcc-12": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-12-cross": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-14": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-14-cross": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
    "mariadb": "LGPL-2.1-or-later",  # Of its client library.
    "openssl": "Apache-2.0",
    "postgresql-15": "PostgreSQL",
    "postgresql-17": "PostgreSQL",
    "prometheus-cpp": "MIT",
    "spdlog": "MIT",
    "sqlite3": "blessing",
    "zlib": "Zlib",
}
# Declarations of what is not in the program, or is there by an archive already.
NOT_MATERIAL = {"linux", "libxcrypt", "linux-signed-amd64", "systemd"}


def archives_in(linker_map):
    """The archives and start files that the linker took code of."""
    archives = set()
    for line in linker_map.read_text(errors="replace").splitlines():
        found = re.match(r"(/\S+\.a)\(|LOAD (/\S+/\w*crt\w*\.o)$", line)
        if found:
            archives.add(Path(found.group(1) or found.group(2)).resolve())
    return archives


def headers_in(build):
    """Those of the system that were compiled."""
    told = subprocess.run(["ninja", "-C", build, "-t", "deps"], text=True, capture_output=True, check=True).stdout
    lines = {line.strip() for line in told.splitlines()}
    return {Path(line).resolve() for line in lines if line.startswith("/usr/")}


def owners_of(paths):
    """{(source package, version): a binary package} of files that dpkg knows."""
    packages = set()
    names = sorted({str(path) for path in paths})
    for start in range(0, len(names), 500):
        told = subprocess.run(["dpkg-query", "-S", *names[start:start + 500]], text=True, capture_output=True).stdout
        packages |= {name.strip() for line in told.splitlines() for name in line.rsplit(": ", 1)[0].split(",")}
    if not packages:
        return {}
    told = subprocess.run(["dpkg-query", "-W", "-f", "${source:Package}\t${source:Version}\t${Package}\n",
                           *sorted(packages)], text=True, capture_output=True, check=True).stdout
    return {(source, version): package for source, version, package in
            (line.split("\t") for line in told.splitlines())}


def materials(build, libraries):
    """{source package: (version, relation to nextid, the file with its copyright)}"""
    found = {}
    archives = archives_in(build / "nextid.map")
    ours = {path for path in archives if path.is_relative_to(libraries) or path.is_relative_to(build)}
    built = dict(line.split(" ", 1) for line in (libraries / "sources").read_text().splitlines())
    for path in ours:
        if path.name in built:
            source, version = built[path.name].split()
            unpacked = {"postgresql": "postgres", "prometheus-cpp": "prometheus"}.get(
                re.sub(r"-\d+$", "", source), source)
            found[source] = (version, "STATIC_LINK", libraries / "work" / unpacked / "debian" / "copyright")
    for relation, paths in (("STATIC_LINK", archives - ours), ("CONTAINS", headers_in(build))):
        for (source, version), package in owners_of(paths).items():
            if source not in found and source not in NOT_MATERIAL:
                found[source] = (version, relation, Path("/usr/share/doc") / package / "copyright")
    # Its start files and inline functions are in the program, but the rest is the system's.
    for name in ("cross-toolchain-base", "glibc"):
        if name in found:
            version, _, copyright_file = found.pop(name)
    found["glibc"] = (version, "DYNAMIC_LINK", copyright_file)
    return found


def spdx_id(name):
    return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package_of(source, version):
    return {
        "SPDXID": spdx_id(source),
        "name": source,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": LICENSES[source],
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{source.replace('+', '%2B')}@"
                                f"{version.replace(':', '%3A').replace('+', '%2B').replace('~', '%7E')}?arch=source",
        }],
    }


def document(options, found):
    program = options.program.read_bytes()
    sha256 = hashlib.sha256(program).hexdigest()
    name = f"nextid-{options.version}-linux-{options.architecture}"
    created = datetime.datetime.fromtimestamp(options.epoch, datetime.timezone.utc)
    nextid = {
        "SPDXID": spdx_id("nextid"),
        "name": "nextid",
        "versionInfo": options.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION",
        "comment": f"For Linux with glibc {options.glibc} or newer, {options.architecture}",
    }
    file = {
        "SPDXID": "SPDXRef-File-nextid",
        "fileName": "./bin/nextid",
        "fileTypes": ["BINARY"],
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(program).hexdigest()},
                      {"algorithm": "SHA256", "checksumValue": sha256}],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", nextid["SPDXID"]),
                 (file["SPDXID"], "GENERATED_FROM", nextid["SPDXID"]),
                 *((nextid["SPDXID"], relation, spdx_id(source))
                   for source, (_, relation, _) in sorted(found.items()))]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{sha256}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": ["Tool: nextid-script-package"]},
        "packages": [nextid, *(package_of(source, version) for source, (version, _, _) in sorted(found.items()))],
        "files": [file],
        "relationships": [{"spdxElementId": one, "relationshipType": relation, "relatedSpdxElement": other}
                          for one, relation, other in relations],
    }


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "build", "libraries", "licenses", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("version", "architecture", "glibc"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--epoch", type=int, required=True)
    options = parser.parse_args()
    found = materials(options.build.resolve(), options.libraries.resolve())
    unknown = sorted(set(found) - set(LICENSES))
    if unknown:
        parser.exit(1, f"sbom.py: the licenses of {', '.join(unknown)} are not known; add them to LICENSES.\n")
    options.licenses.mkdir(parents=True, exist_ok=True)
    for source, (_, _, copyright_file) in found.items():
        shutil.copyfile(copyright_file, options.licenses / source)
        (options.licenses / source).chmod(0o644)
    options.output.write_text(json.dumps(document(options, found), indent=2) + "\n")


if __name__ == "__main__":
    main()
