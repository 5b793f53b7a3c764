#!/usr/bin/python3
"""Runs a command beside one server of each kind named, which its processes then share:

   with_servers.py [--postgres] [--mysql] [--etcd] -- COMMAND...

The command finds them in NEXTID_TEST_POSTGRES_URL, NEXTID_TEST_MYSQL_URL and NEXTID_TEST_ETCD_ENDPOINTS;
where these are set already, they stay, and no server is started. Exits with the command's code.
"""

import contextlib
import os
import signal
import subprocess
import sys

from serve import SERVERS


def main(words):
    options, separator, command = words, "", []
    if "--" in words:
        at = words.index("--")
        options, separator, command = words[:at], words[at], words[at + 1:]
    kinds = [option.removeprefix("--") for option in options]
    if not separator or not command or not set(kinds) <= set(SERVERS):
        sys.exit(f"with_servers.py [{'] ['.join(f'--{kind}' for kind in SERVERS)}] -- COMMAND...;"
                 f" not: {' '.join(words)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as servers:
        env = dict(os.environ)
        for kind in kinds:
            make, variable, place_of = SERVERS[kind]
            if not env.get(variable):
                env[variable] = place_of(servers.enter_context(make()))
        return run(command, env)


def run(command, env):
    process = subprocess.Popen(command, env=env)
    try:
        return process.wait()
    except (KeyboardInterrupt, SystemExit):
        process.terminate()  # Or it has had its own.
        process.wait()
        raise


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
