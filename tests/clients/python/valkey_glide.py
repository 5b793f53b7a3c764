import asyncio

from glide import (Batch, GlideClient, GlideClientConfiguration, NodeAddress, RequestError,
                   ServerCredentials)

from scenario import COUNTER, HOST, PORT, TOKEN, say


async def main():
    client = await GlideClient.create(GlideClientConfiguration(
        [NodeAddress(HOST, PORT)], credentials=ServerCredentials(TOKEN) if TOKEN else None))
    say("incr", await client.incr(COUNTER))
    say("incrby", await client.incrby(COUNTER, 10))
    say("get", await client.get(COUNTER))
    say("missing", await client.get(f"{COUNTER}.none"))
    pipeline = Batch(is_atomic=False)
    for _ in range(10):
        pipeline.incr(COUNTER)
    say("pipeline", *await client.exec(pipeline, raise_on_error=True))
    transaction = Batch(is_atomic=True).incr(COUNTER).incrby(COUNTER, 10).get(COUNTER)
    say("transaction", *await client.exec(transaction, raise_on_error=True))
    try:
        say("refused", "not at all:", await client.decr(COUNTER))
    except RequestError as refusal:
        say("refused", refusal)
    say("large", await client.incr(f"{COUNTER}.large"))
    await client.close()


asyncio.run(main())
