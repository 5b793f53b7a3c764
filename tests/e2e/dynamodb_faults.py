"""What can go wrong between a program and DynamoDB, one function a fault.

A fault receives `apply`, which has the database do the request once and gives its answer. It
decides how often that happens, when, and what the program gets to see: an Answer or an End.
"""

import asyncio
import enum
import json
import random
import re
import threading
import zlib
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Optional

ERROR_PREFIX = "com.amazonaws.dynamodb.v20120810#"
SERVICE_PREFIX = "com.amazon.coral.service#"
JSON_TYPE = "application/x-amz-json-1.0"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = JSON_TYPE
    crc32: Optional[int] = None  # None: that of the body. Real answers of gateways have none.
    has_crc32: bool = True
    close: bool = False  # Close the connection afterwards, without having announced it.

    @property
    def stated_crc32(self):
        return zlib.crc32(self.body) if self.crc32 is None else self.crc32

    def json(self):
        return json.loads(self.body)


class End(enum.Enum):
    """Instead of an answer."""
    CLOSE = "the connection is closed"
    RESET = "the connection is reset"
    SILENCE = "nothing ever comes"


def error(status, name, message, prefix=ERROR_PREFIX, **fields):
    return Answer(status, json.dumps({"__type": prefix + name, "message": message, **fields},
                                     separators=(",", ":")).encode())


@dataclass(frozen=True)
class Fault:
    kind: str
    seconds: float = 0.0  # How late, for the kinds of LATE.


@dataclass
class Context:
    """What a fault works with."""
    fault: Fault
    apply: object  # async () -> Answer
    later: object  # (seconds, async function) -> None: runs it then, whatever happens meanwhile
    table: str


# ---- Nothing is applied

async def drop_request(context):
    return End.CLOSE


async def reset_request(context):
    return End.RESET


async def hang_before(context):
    return End.SILENCE


async def fail_before(context):
    return error(500, "InternalServerError", "Internal server error")


async def throttle(context):
    return error(400, "ProvisionedThroughputExceededException",
                 "The level of configured provisioned throughput for the table was exceeded."
                 " Consider increasing your provisioning level with the UpdateTable API.")


async def throttle_account(context):
    return error(400, "ThrottlingException", "Rate of requests exceeds the allowed throughput.",
                 prefix=SERVICE_PREFIX)


async def throttle_hot_key(context):
    return error(400, "ThrottlingException",
                 "Throughput exceeds the current capacity of your table or index. DynamoDB is"
                 " automatically scaling your table or index so please try again shortly. If"
                 " exceptions persist, check if you have a hot key:"
                 " https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
                 "bp-partition-key-design.html",
                 ThrottlingReasons=[{"reason": "TableWriteKeyRangeThroughputExceeded",
                                     "resource": table_arn(context.table)}])


# ---- Applied, once

async def delay(context):
    """Slow on the way there: it may be applied after the program has given up."""
    await asyncio.sleep(context.fault.seconds)
    return await context.apply()


async def delay_answer(context):
    answer = await context.apply()
    await asyncio.sleep(context.fault.seconds)
    return answer


async def drop_answer(context):
    await context.apply()
    return End.CLOSE


async def reset_answer(context):
    await context.apply()
    return End.RESET


async def hang_after(context):
    await context.apply()
    return End.SILENCE


async def fail_after(context):
    await context.apply()
    return error(500, "InternalServerError", "Internal server error")


async def bad_gateway(context):
    """Something on the way answers in the service's place."""
    await context.apply()
    return Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html",
                  has_crc32=False)


async def corrupt_crc(context):
    answer = await context.apply()
    return replace(answer, crc32=answer.stated_crc32 ^ 1)


async def corrupt_body(context):
    """Another last digit in the first number: only the checksum can tell."""
    answer = await context.apply()
    number = re.search(rb'"N":"[^"]*(\d)"', answer.body)
    if number:
        position, other = number.start(1), b"%d" % ((int(number.group(1)) + 5) % 10)
    else:
        position, other = 0, b"#"
    body = answer.body[:position] + other + answer.body[position + 1:]
    return replace(answer, body=body, crc32=answer.stated_crc32)


async def close_idle(context):
    """The connection is closed as soon as it is idle, as a service does with old ones."""
    return replace(await context.apply(), close=True)


async def arrive_late(context):
    """The connection breaks; the request was on its way all the same."""
    context.later(context.fault.seconds, context.apply)
    return End.CLOSE


# ---- Applied twice

async def deliver_twice(context):
    first, _ = await asyncio.gather(context.apply(), context.apply())
    return first


async def deliver_twice_answer_second(context):
    _, second = await asyncio.gather(context.apply(), context.apply())
    return second


async def deliver_again_late(context):
    answer = await context.apply()
    context.later(context.fault.seconds, context.apply)
    return answer


FAULTS = {function.__name__: function for function in [
    drop_request, reset_request, hang_before, fail_before, throttle, throttle_account,
    throttle_hot_key, delay, delay_answer, drop_answer, reset_answer, hang_after, fail_after,
    bad_gateway, corrupt_crc, corrupt_body, close_idle, arrive_late, deliver_twice,
    deliver_twice_answer_second, deliver_again_late]}

# Those that take a time, and what a schedule picks it from, in seconds.
LATE = {"delay": (0.0, 1.0), "delay_answer": (0.0, 1.0), "arrive_late": (0.05, 4.0),
        "deliver_again_late": (0.05, 4.0)}


class Script:
    """Faults for the next requests, in order."""

    def __init__(self):
        self._lock = threading.Lock()
        self._steps = deque()

    def add(self, *faults, operation=None):
        """`faults` are Faults, names of kinds, or None for a request that passes."""
        with self._lock:
            for fault in faults:
                fault = Fault(fault) if isinstance(fault, str) else fault
                assert fault is None or fault.kind in FAULTS, fault
                self._steps.append((operation, fault))

    def pick(self, operation):
        with self._lock:
            for index, (wanted, fault) in enumerate(self._steps):
                if wanted in (None, operation):
                    del self._steps[index]
                    return fault
        return None

    def clear(self):
        with self._lock:
            self._steps.clear()

    def left(self):
        """How many faults have not happened yet."""
        with self._lock:
            return len(self._steps)


@dataclass
class Schedule:
    """Faults by chance, from a seed: `chances` are probabilities by kind, a request each."""
    seed: int
    chances: dict
    operations: Optional[frozenset] = None  # None: of any.
    _random: random.Random = field(init=False)

    def __post_init__(self):
        assert set(self.chances) <= set(FAULTS), self.chances
        assert sum(self.chances.values()) <= 1, self.chances
        self._random = random.Random(self.seed)

    def pick(self, operation):
        if self.operations is not None and operation not in self.operations:
            return None
        draw = self._random.random()
        for kind, chance in self.chances.items():
            if draw < chance:
                return Fault(kind, self._random.uniform(*LATE.get(kind, (0.0, 0.0))))
            draw -= chance
        return None


def table_arn(table, region="eu-west-1"):
    return f"arn:aws:dynamodb:{region}:123456789012:table/{table}"
