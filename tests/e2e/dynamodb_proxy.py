"""A DynamoDB endpoint that checks signatures and goes wrong on demand, in front of dynalite.

    with Proxy(dynalite.port, keys) as proxy:
        proxy.script.add("drop_answer", operation="UpdateItem")
        ...
        assert proxy.injected["drop_answer"] == 1

It runs on a thread of its own; the plain attributes may be set at any time, from any thread.
"""

import asyncio
import contextlib
import email.utils
import json
import re
import secrets
import socket
import struct
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace

from aws_signatures import SignatureCheck
from dynamodb_faults import FAULTS, SERVICE_PREFIX, Answer, Context, End, Script, error, table_arn

_HEAD_END = b"\r\n\r\n"
_WRITES = frozenset(["UpdateItem", "PutItem", "DeleteItem"])
_REASONS = {200: "OK", 400: "Bad Request", 500: "Internal Server Error", 502: "Bad Gateway"}

# What an expression's own name or value looks like: "#s", ":prev".
_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: tuple  # Pairs, names in lower case.
    body: bytes

    def header(self, name, default=""):
        return next((value for key, value in self.headers if key == name), default)

    @property
    def operation(self):
        return self.header("x-amz-target").rpartition(".")[2]

    def json(self):
        return json.loads(self.body)


class Proxy:
    def __init__(self, backend_port, keys, region=None, tls=None):
        """`tls` is an ssl.SSLContext of a server. `region` None takes signatures for any."""
        self.keys = keys
        self.script = Script()      # Faults to come; before the schedule.
        self.schedule = None        # A Schedule.
        self.clock_offset_s = 0.0   # Of the service's clock, against this machine's.
        self.denied = set()         # Operations that the caller's policy does not allow.
        self.return_old_items = False   # ReturnValuesOnConditionCheckFailure works, as in AWS.
        self.strip_slot_conditions = False  # Takes the exactly-once out of updates.
        self.scan_limit = None      # Items a page of Scan.
        self.send_crc32 = True

        self.requests = Counter()   # By operation: all that arrived.
        self.applied = Counter()    # By operation: all that the database was asked to do.
        self.refused = Counter()    # By error.
        self.injected = Counter()   # By kind of fault.
        self.stripped = 0
        self.old_items_returned = 0
        self.connections = 0
        self.recent = deque(maxlen=1000)  # Requests.

        self._check = SignatureCheck(keys, region=region, clock=self._clock)
        self._region = region or "eu-west-1"
        self._tls = tls
        self._backend = _Backend(backend_port)
        self._key_locks = {}
        self._clients = set()  # Writers.
        self._serving = set()  # Tasks: the event loop alone would not keep them.
        self._late = set()  # Tasks.
        self._hanging = False
        self._accepting = True
        self._server = None
        self._socket = _bound_socket(0)
        self.port = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._run(self._listen())

    @property
    def url(self):
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if not self._loop.is_running():
            return
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ---- Being away

    def go_down(self, how="refuse"):
        """"refuse": nobody listens. "close": connections end at once. "hang": no answer comes,
        not even later to what was asked meanwhile."""
        self._run(self._go_down(how))

    def come_back(self):
        """Listens again on the same port; returns time.monotonic() of just before."""
        moment = time.monotonic()
        self._run(self._come_back())
        return moment

    def heal(self):
        """Nothing goes wrong any more, and nothing is still to arrive."""
        self.script.clear()
        self.schedule = None
        self.denied.clear()
        self.keys.accept_all()
        self.clock_offset_s = 0.0
        self.come_back()
        self.settle()

    def move_backend(self, port):
        """The database was started again, on another port. What it was asked meanwhile is lost."""
        self._run(self._move_backend(port))

    def close_connections(self):
        self._run(self._drop_clients())

    def settle(self, seconds=20):
        """Waits until everything that was to arrive late has arrived."""
        deadline = time.monotonic() + seconds
        while self._late:
            assert time.monotonic() < deadline, "late requests do not arrive"
            time.sleep(0.01)

    async def _go_down(self, how):
        assert how in ("refuse", "close", "hang"), how
        self._hanging = how == "hang"
        self._accepting = how != "close"
        if how == "refuse":
            self._server.close()
            self._server = None
            # Bound and not listening: refuses connections, and nobody else gets the port.
            self._socket = _bound_socket(self.port)
        if how != "hang":
            await self._drop_clients()

    async def _come_back(self):
        self._hanging = False
        self._accepting = True
        if self._server is None:
            await self._listen()

    async def _listen(self):
        self._server = await asyncio.start_server(self._serve, sock=self._socket, ssl=self._tls,
                                                  backlog=256)

    async def _move_backend(self, port):
        self._backend.close()
        self._backend = _Backend(port)

    async def _drop_clients(self):
        for writer in list(self._clients):
            writer.transport.abort()

    async def _finish(self):
        if self._server:
            self._server.close()
        else:
            self._socket.close()
        await self._drop_clients()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._backend.close()

    # ---- Connections

    async def _serve(self, reader, writer):
        self.connections += 1
        self._clients.add(writer)
        self._serving.add(asyncio.current_task())
        try:
            while self._accepting:
                request = await _read_request(reader, writer)
                if request is None or not await self._serve_request(request, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # The client went away, or the database did.
        finally:
            self._clients.discard(writer)
            self._serving.discard(asyncio.current_task())
            with contextlib.suppress(RuntimeError):
                writer.close()

    async def _serve_request(self, request, reader, writer):
        """False when the connection is to be closed."""
        outcome = End.SILENCE if self._hanging else await self._outcome(request)
        if outcome is End.SILENCE:
            await reader.read(1)  # Until the client leaves.
            return False
        if outcome is End.RESET:
            _reset(writer)
            return False
        if outcome is End.CLOSE:
            return False
        writer.write(self._answer_bytes(outcome))
        await writer.drain()
        return not outcome.close

    def _answer_bytes(self, answer):
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}",
                 f"Date: {email.utils.formatdate(self._clock(), usegmt=True)}",
                 f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}",
                 f"x-amzn-RequestId: {secrets.token_hex(26).upper()}"]
        if answer.has_crc32 and self.send_crc32:
            lines.append(f"x-amz-crc32: {answer.stated_crc32}")
        return "\r\n".join([*lines, "", ""]).encode() + answer.body

    # ---- Requests

    async def _outcome(self, request):
        operation = request.operation
        self.requests[operation] += 1
        self.recent.append(request)
        refusal = self._check.refusal(request.method, request.target, request.headers,
                                      request.body)
        if refusal is not None:
            self.refused[refusal.error] += 1
            return error(400, refusal.error, refusal.message, prefix=SERVICE_PREFIX)
        if operation in self.denied:
            self.refused["AccessDeniedException"] += 1
            return self._access_denied(request)
        fault = self.script.pick(operation)
        if fault is None and self.schedule is not None:
            fault = self.schedule.pick(operation)
        if fault is None:
            return await self._apply(request)
        outcome = await FAULTS[fault.kind](Context(
            fault, lambda: self._apply(request), self._later, _table(request)))
        self.injected[fault.kind] += 1
        return outcome

    def _access_denied(self, request):
        action = f"dynamodb:{request.operation}"
        sentence = (f"User: arn:aws:iam::123456789012:user/nextid is not authorized to perform:"
                    f" {action} on resource: {table_arn(_table(request), self._region)} because no"
                    f" identity-based policy allows the {action} action")
        # This one error spells the field with a capital.
        body = {"__type": f"{SERVICE_PREFIX}AccessDeniedException", "Message": sentence}
        return Answer(400, json.dumps(body).encode())

    def _later(self, seconds, action):
        async def act():
            await asyncio.sleep(seconds)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await action()  # Or it finds no database.

        task = self._loop.create_task(act())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _apply(self, request):
        """Has the database do it, once."""
        self.applied[request.operation] += 1
        if request.operation == "Scan" and self.scan_limit is not None:
            request = _with_body(request, {**request.json(), "Limit": self.scan_limit})
        if self.strip_slot_conditions and request.operation == "UpdateItem":
            request = self._without_slot_condition(request)
        if self.return_old_items and request.operation in _WRITES:
            return await self._apply_with_old_item(request)
        return await self._backend.ask(request)

    async def _apply_with_old_item(self, request):
        """The item that failed a condition comes with the error, as AWS does it."""
        parameters = request.json()
        table, key = parameters["TableName"], parameters.get("Key") or {
            "counter_id": parameters["Item"]["counter_id"]}
        lock = self._key_locks.setdefault((table, json.dumps(key)), asyncio.Lock())
        async with lock:  # So that the item is still as the condition saw it.
            answer = await self._backend.ask(request)
            if (b"ConditionalCheckFailedException" not in answer.body or parameters.get(
                    "ReturnValuesOnConditionCheckFailure") != "ALL_OLD"):
                return answer
            get = _with_body(request, {"TableName": table, "Key": key, "ConsistentRead": True},
                             operation="GetItem")
            item = (await self._backend.ask(get)).json().get("Item")
        if item is None:
            return answer
        self.old_items_returned += 1
        return replace(answer, body=json.dumps({**answer.json(), "Item": item}).encode())

    def _without_slot_condition(self, request):
        parameters = request.json()
        changed = without_slot_condition(parameters)
        if changed == parameters:
            return request
        self.stripped += 1
        return _with_body(request, changed)

    def _clock(self):
        return time.time() + self.clock_offset_s

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=20)


class _Backend:
    """Keep-alive connections to dynalite: as many as there are requests at a time."""

    def __init__(self, port):
        self._port = port
        self._idle = []

    async def ask(self, request):
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        lines = [f"{request.method} {request.target} HTTP/1.1",
                 *(f"{name}: {value}" for name, value in request.headers
                   if name not in ("content-length", "expect", "connection")),
                 f"content-length: {len(request.body)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + request.body)
        head = await reader.readuntil(_HEAD_END)
        status_line, *fields = head[:-4].decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in
                   (field.partition(":") for field in fields)}
        body = await reader.readexactly(int(headers["content-length"]))
        self._idle.append((reader, writer))
        return Answer(int(status_line.split(" ")[1]), body)

    def close(self):
        for _, writer in self._idle:
            writer.close()


def without_slot_condition(parameters):
    """An update of the value without what in its condition makes a repeat do nothing.

    That is each comparison with the writer's slot or the floor; what else the condition says stays.
    Other requests are returned as they are.
    """
    if "current_value =" not in parameters.get("UpdateExpression", ""):
        return parameters
    names = parameters.get("ExpressionAttributeNames", {})
    condition = parameters.get("ConditionExpression", "")
    for name, attribute in names.items():
        if attribute.startswith("s:") or attribute == "floor":
            test = rf"attribute_not_exists\({name}\)|{name} (=|<) :\w+"
            condition = re.sub(test, "attribute_exists(counter_id)", condition)
    changed = {**parameters, "ConditionExpression": condition}
    # Names and values that no expression mentions are an error.
    used = set(_PLACEHOLDER.findall(condition + " " + changed["UpdateExpression"]))
    for field in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        kept = {name: value for name, value in changed.get(field, {}).items() if name in used}
        if kept:
            changed[field] = kept
        else:
            changed.pop(field, None)
    return changed


def _table(request):
    try:
        return request.json().get("TableName", "")
    except ValueError:
        return ""


def _with_body(request, parameters, operation=None):
    headers = request.headers
    if operation:
        target = ("x-amz-target", f"DynamoDB_20120810.{operation}")
        headers = tuple(target if pair[0] == target[0] else pair for pair in headers)
    return replace(request, headers=headers, body=json.dumps(parameters).encode())


async def _read_request(reader, writer):
    """None when the client is done."""
    try:
        head = await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, _ = request_line.split(" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.lower(), value.strip()))
    request = Request(method, target, tuple(headers), b"")
    if request.header("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return replace(request, body=await reader.readexactly(
        int(request.header("content-length", "0"))))


def _bound_socket(port):
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer):
    """The client gets a RST, not an end of input."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
