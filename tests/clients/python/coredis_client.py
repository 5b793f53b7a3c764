import asyncio

import coredis

from scenario import COUNTER, HOST, PORT, TOKEN, say


async def main():
    async with coredis.Redis(host=HOST, port=PORT, password=TOKEN) as client:
        say("incr", await client.incr(COUNTER))
        say("incrby", await client.incrby(COUNTER, 10))
        say("get", await client.get(COUNTER))
        say("missing", await client.get(f"{COUNTER}.none"))
        async with client.pipeline(transaction=False) as pipeline:
            ids = [pipeline.incr(COUNTER) for _ in range(10)]
        say("pipeline", *[await each for each in ids])
        async with client.pipeline(transaction=True) as pipeline:
            replies = [pipeline.incr(COUNTER), pipeline.incrby(COUNTER, 10), pipeline.get(COUNTER)]
        say("transaction", *[await each for each in replies])
        try:
            say("refused", "not at all:", await client.decr(COUNTER))
        except coredis.exceptions.ResponseError as refusal:
            say("refused", refusal)
        say("large", await client.incr(f"{COUNTER}.large"))


asyncio.run(main())
