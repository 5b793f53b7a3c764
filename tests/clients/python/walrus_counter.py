"""walrus' Counter, whose key is its name after "counter:"."""

from redis import ResponseError
from walrus import Database

from scenario import COUNTER, HOST, PORT, TOKEN, say, say_refusal

KEY = f"counter:{COUNTER}"

database = Database(host=HOST, port=PORT, password=TOKEN)
try:
    database.counter(COUNTER)
except ResponseError:  # It makes one that is missing by SET.
    say("alone", "refused")
say("incr", database.incrby(KEY, 1))
counter = database.counter(COUNTER)
say("incrby", counter.incr(10))
say("get", database.get(KEY))
say("missing", database.get(f"{COUNTER}.none"))
with database.pipeline(transaction=False) as pipeline:
    for _ in range(10):
        pipeline.incr(KEY)
    say("pipeline", *pipeline.execute())
with database.pipeline() as transaction:
    say("transaction", *transaction.incr(KEY).incrby(KEY, 10).get(KEY).execute())
say_refusal(counter.decr, ResponseError)
say("large", database.incr(f"{COUNTER}.large"))
