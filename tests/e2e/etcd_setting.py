"""What a test of the store in etcd works with: keys, and nodes on them."""

import base64
import http.client
import json
import urllib.parse

import nextid


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class Keys:
    """The keys of nextid's store at a prefix, as another program sees them. Nobody has made them yet."""

    def __init__(self, server, prefix):
        self.server = server  # An Etcd that answers; a test may exchange it.
        self.prefix = prefix
        self.changed = False  # By this program: the value of a counter.
        self.user = None  # (name, password), where etcd asks for one.
        self.endpoints = {server.endpoint}  # All that lead there.
        self.name = f"etcd-{server.endpoint}-{prefix}"

    def is_at(self, store):
        """Whether that is the URL of a store at these keys."""
        place = urllib.parse.urlsplit(store)
        endpoints = set(place.netloc.rpartition("@")[2].split(","))
        return bool(endpoints & self.endpoints) and place.path == f"/{self.prefix}"

    def call(self, path, **body):
        """An answer of the gateway."""
        token = {}
        if self.user:
            name, password = self.user
            answer = self._call("/v3/auth/authenticate", {"name": name, "password": password}, {})
            token = {"Authorization": answer["token"]}
        return self._call(path, body, token)

    def _call(self, path, body, headers):
        connection = http.client.HTTPConnection(self.server.endpoint, timeout=nextid.PATIENCE)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, text
        return json.loads(text)

    def entries(self, beginning):
        """{what follows PREFIX/beginning: value}"""
        begin = f"{self.prefix}/{beginning}"
        answer = self.call("/v3/kv/range", key=encoded(begin),
                           range_end=encoded(begin[:-1] + chr(ord(begin[-1]) + 1)))
        return {base64.b64decode(entry["key"]).decode()[len(begin):]:
                base64.b64decode(entry.get("value", "")).decode() for entry in answer.get("kvs", [])}

    def put(self, key, value):
        self.call("/v3/kv/put", key=encoded(f"{self.prefix}/{key}"), value=encoded(value))

    def set(self, value, counter="global"):
        """The value of a counter, by hand."""
        entry = json.loads(self.entries("c/")[counter])
        self.put(f"c/{counter}", json.dumps(entry | {"value": str(value)}))

    def remove(self, counter="global"):
        """A counter and all that is known of it."""
        self.call("/v3/kv/deleterange", key=encoded(f"{self.prefix}/c/{counter}"))

    def value(self, counter="global"):
        """0 before the first use."""
        entry = self.entries("c/").get(counter)
        return int(json.loads(entry)["value"]) if entry else 0

    def counters(self):
        """[(value, start, increment), ...], with the deleted ones."""
        found = [json.loads(entry) for entry in self.entries("c/").values()]
        return [tuple(int(counter[name]) for name in ("value", "start", "increment"))
                for counter in found]

    def slots(self, counter="global"):
        """The names of the writers."""
        return list(self.entries(f"s/{counter}/"))


class EtcdSetting:
    """Nodes of one store in etcd."""

    def __init__(self, keys, start_server, endpoints=None):
        """`endpoints` are those of the members, in the order in which nodes are to ask them."""
        self.keys = keys
        self._start_server = start_server
        self.endpoints = endpoints or [keys.server.endpoint]

    @property
    def server(self):
        return self.keys.server

    def store(self, endpoints=None, **parameters):
        """The store's URL."""
        endpoints = endpoints or self.endpoints
        self.keys.endpoints.update(endpoints)
        query = urllib.parse.urlencode(parameters, safe=":/")
        return (f"etcd://{','.join(endpoints)}/{self.keys.prefix}" + (f"?{query}" if query else ""))

    def start(self, *options, env=None, wait=True, http="127.0.0.1:0", **parameters):
        """A node; `parameters` are those of store()."""
        return self._start_server(*options, store=self.store(**parameters), wait=wait, http=http,
                                  env=env)

    def run(self, *arguments, env=None, **parameters):
        """One command line."""
        return nextid.run(*arguments, "--store", self.store(**parameters), env=env)
