"""What a round asks of its store."""


class Store:
    kind = ""
    request_timeout_ms = 2500  # Of the nodes.
    client_threads = {}  # By protocol.

    def __init__(self, directory):
        self.directory = directory
        self.url = ""
        self.env = {}  # Of the nodes.

    @property
    def injected(self):
        """{kind: how often}, of what went wrong with single requests."""
        return {}

    def begin_faults(self):
        """Single requests go wrong from now on."""

    def counters(self):
        """{name: (value, start, increment)}; None where there is no value yet."""
        raise NotImplementedError

    def set_back(self):
        """Breaks the promise: ids that were given are free again. True when it was possible."""
        raise NotImplementedError

    def forget_slots(self):
        """Breaks the promise: the store applies what it is sent, however often."""
        raise NotImplementedError

    def drop_connections(self):
        """All of the nodes', once."""

    def heal(self):
        """Nothing is wrong any more, from now on."""
        raise NotImplementedError

    def close(self):
        raise NotImplementedError
