"""The network between clients and nodes: a relay for each node, which can be cut."""

import asyncio
import contextlib
import threading

_CHUNK = 65536


class Network:
    """Runs on a thread of its own; its calls may come from any other."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def link(self, port):
        """A way to that port of this machine, with a port of its own."""
        return self.run(self._open(Link(self, port)))

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=20)

    def close(self):
        self.run(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _open(link):
        await link.open()
        return link

    @staticmethod
    async def _end_tasks():
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Link:
    CUTS = ("reset", "refuse", "stall")

    def __init__(self, network, target):
        self._network = network
        self._target = target
        self._passing = asyncio.Event()
        self._refusing = False
        self._writers = set()
        self._server = None
        self.port = None

    async def open(self):
        self._passing.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self, how):
        """"reset": all connections, once. "refuse": none lives until it is mended. "stall": no byte
        passes until then."""
        self._network.run(self._cut(how))

    def mend(self):
        self._network.run(self._mend())

    def close(self):
        self._network.run(self._close())

    async def _cut(self, how):
        assert how in self.CUTS, how
        if how == "stall":
            self._passing.clear()
            return
        self._refusing = how == "refuse"
        self._abort()

    async def _mend(self):
        self._refusing = False
        self._passing.set()

    async def _close(self):
        self._server.close()
        self._passing.set()
        self._abort()

    def _abort(self):
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        if self._refusing:
            writer.transport.abort()
            return
        try:
            node_reader, node_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, node_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, node_writer), self._pump(node_reader, writer))
        except OSError:
            pass  # One side is gone; so the other goes, too.
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader, writer):
        while True:
            data = await reader.read(_CHUNK)
            await self._passing.wait()
            if not data:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
