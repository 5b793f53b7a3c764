"""Log lines: who reads them must not matter to who takes ids."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time

import pytest

import nextid
from nextid import Connection, store_locked


class UnreadServer:
    """A server whose standard error is a pipe, read up to its line about the address."""

    def __init__(self, directory, *options):
        self._reader, self._writer = os.pipe()
        self.process = subprocess.Popen(
            [nextid.BINARY, "serve", "--http", "127.0.0.1:0", *options], cwd=directory,
            stderr=self._writer, env=nextid.environment())
        text = b""
        while not (found := re.search(rb"http://127\.0\.0\.1:(\d+)", text)):
            piece = os.read(self._reader, 4096)
            assert piece, text
            text += piece
        self.port = int(found.group(1))

    def fill_pipe(self):
        """From now on nobody reads, and there is no room for a line."""
        flags = fcntl.fcntl(self._writer, fcntl.F_GETFL)
        fcntl.fcntl(self._writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b"." * 4096)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b".")
        fcntl.fcntl(self._writer, fcntl.F_SETFL, flags)  # It is the server's, too.

    def read_to_end(self):
        os.close(self._writer)
        text = b""
        while piece := os.read(self._reader, 65536):
            text += piece
        os.close(self._reader)
        return text.decode()


@pytest.mark.not_accounted("nobody reads the closing line")
def test_a_server_whose_log_nobody_reads_goes_on(tmp_path):
    server = UnreadServer(tmp_path, "--request-timeout", "200ms")
    try:
        server.fill_pipe()
        with Connection(server.port) as client:
            with store_locked(tmp_path / "ids.db"):
                for _ in range(10):  # Each failure is a line.
                    assert client.ask("GET", "/next").status in (503, 504)
                assert client.ask("GET", "/healthz").status == 200
            nextid.poll(lambda: client.ask("GET", "/next").status == 200, "ids after the outage")
            assert client.ask("GET", "/healthz").status == 200
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(nextid.PATIENCE) == 0
        assert time.monotonic() - began < 5
    finally:
        server.process.kill()
        server.process.wait()
