"""Prints the id of a key: python3 next_id.py COUNTER KEY"""
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request

SERVER = os.environ.get("IDS_URL", "http://127.0.0.1:8000")
TOKEN = os.environ.get("IDS_TOKEN")
TIMEOUT_S = 8  # The server answers within its --request-timeout, 5 s.
TRY_AGAIN = {408, 429, 502, 503, 504}


def next_id(counter, key, patience_s=60):
    """A new id for a new key, the same id for the same key: use the order's own UUID."""
    headers = {"Idempotency-Key": key, **({"Authorization": f"Bearer {TOKEN}"} if TOKEN else {})}
    request = urllib.request.Request(f"{SERVER}/v1/counters/{counter}/next", method="POST", headers=headers)
    deadline = time.monotonic() + patience_s
    while True:
        wait_s = 1
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)["id"]
        except urllib.error.HTTPError as refused:
            failure = RuntimeError(refused.read().decode())
            if refused.code not in TRY_AGAIN:
                raise failure from None
            wait_s = float(refused.headers.get("Retry-After", wait_s))
        except (OSError, http.client.HTTPException) as lost:  # Perhaps it took an id: the key finds it again.
            failure = lost
        wait_s *= random.uniform(1, 1.5)
        if time.monotonic() + wait_s > deadline:
            raise failure
        time.sleep(wait_s)


if __name__ == "__main__":
    print(next_id(*sys.argv[1:3]))
