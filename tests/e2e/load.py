"""Runs the load clients and the check of what they recorded."""

import subprocess

from nextid import CHECK_HISTORY, LOAD_CLIENT, WORK

LONG = 240 * WORK  # Seconds that a load may take at most.

# Ids take a while where the machine has other things to do; that is no failure here.
SLOW = ["--request-timeout", "60"]


def start_client(kind, history, seed, *arguments, counter="global"):
    """A process that takes ids of the counter and records its answers in `history`."""
    command = [LOAD_CLIENT, kind, "--counter", counter, "--history", history, *SLOW,
               "--seed", seed, "--time-limit", LONG, *arguments]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    process.history = history
    return process


def finish(client):
    output, _ = client.communicate(timeout=LONG + 30)
    assert client.returncode == 0, output
    return output


def check(*arguments):
    done = subprocess.run([CHECK_HISTORY, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    print(done.stdout)
    assert done.returncode in (0, 1), done.stdout
    return done
