"""redis.asyncio with retries, and the same of valkey-py: its name is in CLIENT."""

import asyncio
import importlib
import os

from scenario import COUNTER, HOST, PORT, TOKEN, say

NAME = os.environ.get("CLIENT", "redis")
redis = importlib.import_module(NAME)
redis_asyncio = importlib.import_module(f"{NAME}.asyncio")
Retry = importlib.import_module(f"{NAME}.asyncio.retry").Retry
ExponentialBackoff = importlib.import_module(f"{NAME}.backoff").ExponentialBackoff


async def main():
    client = (redis_asyncio.Redis if NAME == "redis" else redis_asyncio.Valkey)(
        host=HOST, port=PORT, password=TOKEN, retry=Retry(ExponentialBackoff(cap=1, base=0.01), 3))
    async with client:
        say("incr", await client.incr(COUNTER))
        say("incrby", await client.incrby(COUNTER, 10))
        say("get", await client.get(COUNTER))
        say("missing", await client.get(f"{COUNTER}.none"))
        async with client.pipeline(transaction=False) as pipeline:
            for _ in range(10):
                pipeline.incr(COUNTER)
            say("pipeline", *await pipeline.execute())
        async with client.pipeline() as transaction:
            say("transaction",
                *await transaction.incr(COUNTER).incrby(COUNTER, 10).get(COUNTER).execute())
        try:
            say("refused", "not at all:", await client.decr(COUNTER))
        except redis.ResponseError as refusal:
            say("refused", refusal)
        say("large", await client.incr(f"{COUNTER}.large"))
        say("names", *[name async for name in client.scan_iter(f"{COUNTER}.l*")])


asyncio.run(main())
