"""Certificates of a private authority, made with the openssl command."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """A certificate authority whose file is all that its clients need to have."""

    def __init__(self, directory):
        self._directory = directory
        self.file = directory / "authority.pem"
        self._key = directory / "authority.key"
        # Python 3.13 refuses an authority that does not say what its key is for.
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.file, "-days", "2",
                 "-subj", "/CN=nextid test authority", "-addext", "keyUsage=critical,keyCertSign")

    def certificate_for(self, name, days=2):
        """`name` as a certificate has it: "IP:127.0.0.1", "DNS:example.com". Days below 0: over."""
        stem = self._directory / name.replace(":", "-")
        made = Certificate(stem.with_name(f"{stem.name}.pem"), stem.with_name(f"{stem.name}.key"))
        request = stem.with_name(f"{stem.name}.csr")
        extensions = stem.with_name(f"{stem.name}.ext")
        extensions.write_text(f"subjectAltName={name}\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", *_NEW_KEY, "-keyout", made.key, "-out", request, "-subj", "/CN=server")
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
                 "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", made.certificate)
        return made


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
