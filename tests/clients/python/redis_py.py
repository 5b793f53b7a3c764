"""redis-py, and valkey-py, which is made from it: its name is in CLIENT."""

import importlib
import os

from scenario import COUNTER, HOST, PORT, TOKEN, say, say_refusal

redis = importlib.import_module(os.environ.get("CLIENT", "redis"))

with redis.Redis(HOST, PORT, password=TOKEN) as client:
    say("incr", client.incr(COUNTER))
    say("incrby", client.incrby(COUNTER, 10))
    say("get", client.get(COUNTER))
    say("missing", client.get(f"{COUNTER}.none"))
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(10):
            pipeline.incr(COUNTER)
        say("pipeline", *pipeline.execute())
    with client.pipeline() as transaction:
        say("transaction", *transaction.incr(COUNTER).incrby(COUNTER, 10).get(COUNTER).execute())
    say_refusal(lambda: client.decr(COUNTER), redis.ResponseError)
    say("large", client.incr(f"{COUNTER}.large"))
    say("names", *client.scan_iter(f"{COUNTER}.l*"))
