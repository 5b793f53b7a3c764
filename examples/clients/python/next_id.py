import json
import os
import random
import time
from http.client import HTTPException
from urllib.request import Request, urlopen

SERVER = os.environ.get("IDS_URL", "http://127.0.0.1:8000")
TOKEN = os.environ.get("IDS_TOKEN", "")


def next_id(counter, key, attempts=10):
    """A new id for a new key, the same id for the same key: use the order's own UUID."""
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {TOKEN}"}
    request = Request(f"{SERVER}/v1/counters/{counter}/next", method="POST", headers=headers)
    for attempt in range(1, attempts + 1):
        try:
            with urlopen(request, timeout=8) as answer:  # The server answers within 5 s.
                return json.load(answer)["id"]
        except (OSError, HTTPException) as failure:  # Perhaps it took an id: the same key finds it again.
            status, fields = getattr(failure, "code", 0), getattr(failure, "headers", {})  # 0: no answer.
            if attempt == attempts or status not in (0, 408, 429, 502, 503, 504):
                raise RuntimeError(failure.read().decode() if status else failure) from failure
            time.sleep(int(fields.get("Retry-After", 1)) + random.random())
