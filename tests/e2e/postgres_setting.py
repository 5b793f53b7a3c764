"""What a test of the PostgreSQL store works with: tables, and nodes on them."""

import urllib.parse

import nextid
from tcp_proxy import PostgresMessages, TcpProxy

DEFAULT_SCHEMA = "public"


class Tables:
    """The rows of nextid's counters, as another program sees them. Nobody has made them yet."""

    def __init__(self, server, schema=DEFAULT_SCHEMA):
        self.server = server  # That has them now: a failover changes it.
        self.schema = schema
        self.changed = False  # By this program: the value of a counter.
        self.ports = {server.port}  # All that lead there.
        self.name = f"postgres-{server.port}-{schema}"

    def is_at(self, store):
        """Whether that is the URL of a store in these tables."""
        place = urllib.parse.urlsplit(store)
        ports = {int(host.rpartition(":")[2]) for host in place.netloc.split(",")}
        schema = urllib.parse.parse_qs(place.query).get("schema", [DEFAULT_SCHEMA])
        return bool(ports & self.ports) and schema == [self.schema]

    def sql(self, statements, **options):
        return self.server.sql(f"SET search_path = {self.schema}; {statements}", **options)

    def value(self, counter="global"):
        """0 before the first use."""
        return int(self.sql(f"SELECT value FROM nextid_counters WHERE name = '{counter}'") or 0)

    def counters(self):
        """[(value, start, increment), ...], with the deleted ones."""
        if self.sql("SELECT to_regclass('nextid_counters')") == "":
            return []
        rows = self.sql("SELECT value, start, increment FROM nextid_counters").splitlines()
        return [tuple(map(int, row.split("|"))) for row in rows]

    def slots(self, counter="global"):
        """The names of the writers."""
        return self.sql("SELECT jsonb_object_keys(slots) FROM nextid_counters"
                        f" WHERE name = '{counter}'").split()


class PostgresSetting:
    """Nodes of one set of tables."""

    def __init__(self, tables, start_server, port=None):
        """`port` leads to the tables' server: that of a proxy or a pooler."""
        self.tables = tables
        self._start_server = start_server
        self.port = port or tables.server.port
        tables.ports.add(self.port)

    @property
    def server(self):
        return self.tables.server

    def store(self, user="nextid", database="nextid", ports=None, **parameters):
        """The store's URL; `ports` are those of several servers."""
        ports = ports or [self.port]
        self.tables.ports.update(ports)
        if self.tables.schema != DEFAULT_SCHEMA:
            parameters = {"schema": self.tables.schema, **parameters}
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        query = urllib.parse.urlencode(parameters, safe=":/")
        return f"postgres://{user}@{hosts}/{database}" + (f"?{query}" if query else "")

    def start(self, *options, env=None, wait=True, http="127.0.0.1:0", **parameters):
        """A node; `parameters` are those of store()."""
        return self._start_server(*options, store=self.store(**parameters), wait=wait, http=http,
                                  env=env)

    def run(self, *arguments, env=None, **parameters):
        """One command line."""
        return nextid.run(*arguments, "--store", self.store(**parameters), env=env)

    def sessions(self):
        """How many nodes' sessions the server has."""
        return self.server.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'nextid'")


class FaultySetting(PostgresSetting):
    """Behind a proxy."""

    def __init__(self, tables, start_server):
        self.proxy = TcpProxy(tables.server.port, PostgresMessages)
        super().__init__(tables, start_server, self.proxy.port)


def reserves(message):
    """Whether the client's message has a Reserve committed."""
    return message.type in ("S", "Q") and "SET value = value +" in message.sql
