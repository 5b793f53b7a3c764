"""What all programs here do with their client; tests/e2e/test_redis_clients.py says what must come out.

    python3 PROGRAM.py PORT COUNTER [TOKEN]
"""

import sys

HOST = "127.0.0.1"
PORT, COUNTER, TOKEN = int(sys.argv[1]), sys.argv[2], (sys.argv[3:] or [None])[0]


def text_of(value):
    if value is None:
        return "none"
    return value.decode() if isinstance(value, bytes) else str(value)


def say(name, *values):
    print(name, *map(text_of, values))


def say_refusal(call, error):
    try:
        say("refused", "not at all:", call())
    except error as refusal:
        say("refused", refusal)
