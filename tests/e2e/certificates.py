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

    def certificate_for(self, name, expired=False, only_for=None):
        """`name` as a certificate has it: "IP:127.0.0.1", "DNS:example.com". `only_for` is the one
        use that it is good for: "serverAuth" or "clientAuth"."""
        stem = self._directory / name.replace(":", "-")
        made = Certificate(stem.with_name(f"{stem.name}.pem"), stem.with_name(f"{stem.name}.key"))
        request = stem.with_name(f"{stem.name}.csr")
        extensions = stem.with_name(f"{stem.name}.ext")
        extensions.write_text(f"subjectAltName={name}\nauthorityKeyIdentifier=keyid\n"
                              + (f"extendedKeyUsage={only_for}\n" if only_for else ""))
        _openssl("req", *_NEW_KEY, "-keyout", made.key, "-out", request, "-subj", "/CN=server")
        if expired:
            self._sign_for_the_past(request, extensions, made.certificate)
        else:
            _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
                     "-CAcreateserial", "-days", "2", "-extfile", extensions,
                     "-out", made.certificate)
        return made

    def _sign_for_the_past(self, request, extensions, certificate):
        """By `openssl ca`: `x509 -req` takes no dates before 3.4, and no days below 0 since."""
        index = self._directory / "index.txt"
        index.touch()
        config = self._directory / "ca.cnf"
        config.write_text("[ca]\ndefault_ca = own\n"
                          f"[own]\ndatabase = {index}\nserial = {self._directory}/serial\n"
                          f"new_certs_dir = {self._directory}\n"
                          "default_md = sha256\npolicy = any\n"
                          "[any]\ncommonName = supplied\n")
        _openssl("ca", "-batch", "-notext", "-create_serial", "-config", config, "-in", request,
                 "-cert", self.file, "-keyfile", self._key, "-extfile", extensions,
                 "-startdate", "20200101000000Z", "-enddate", "20200102000000Z",
                 "-out", certificate)


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
