"""What a test of the MySQL store works with: tables, and nodes on them."""

import urllib.parse

import nextid
from tcp_proxy import MysqlMessages, TcpProxy

DEFAULT_PREFIX = "nextid"


class Tables:
    """The rows of nextid's counters, as another program sees them. Nobody has made them yet."""

    def __init__(self, server, prefix=DEFAULT_PREFIX):
        self.server = server  # That has them now: a failover changes it.
        self.prefix = prefix
        self.changed = False  # By this program: the value of a counter.
        self.ports = {server.port}  # All that lead there.
        self.name = f"mysql-{server.port}-{prefix}"

    def is_at(self, store):
        """Whether that is the URL of a store in these tables."""
        place = urllib.parse.urlsplit(store)
        prefix = urllib.parse.parse_qs(place.query).get("tables", [DEFAULT_PREFIX])
        return place.port in self.ports and prefix == [self.prefix]

    def table(self, name="counters"):
        return f"{self.prefix}_{name}"

    def sql(self, statements, **options):
        """In them {counters}, {idempotency} and {store} are the tables."""
        names = {name: self.table(name) for name in ("counters", "idempotency", "store")}
        return self.server.sql(statements.format(**names), **options)

    def value(self, counter="global"):
        """0 before the first use."""
        return int(self.sql(f"SELECT value FROM {{counters}} WHERE name = '{counter}'") or 0)

    def set(self, value, counter="global"):
        """Sets a counter, whatever nextid thinks of it."""
        self.sql(f"UPDATE {{counters}} SET value = {value} WHERE name = '{counter}'")
        self.changed = True

    def remove(self, counter="global"):
        """Deletes the row of a counter."""
        self.changed = True
        self.sql(f"DELETE FROM {{counters}} WHERE name = '{counter}'")

    def counters(self):
        """[(value, start, increment), ...], with the deleted ones."""
        if self.sql(f"SHOW TABLES LIKE '{self.table()}'") == "":
            return []
        rows = self.sql("SELECT value, start, increment FROM {counters}").splitlines()
        return [tuple(map(int, row.split("\t"))) for row in rows]

    def slots(self, counter="global"):
        """How many writers have one."""
        return int(self.sql(f"SELECT JSON_LENGTH(slots) FROM {{counters}} WHERE name = '{counter}'"))


class MysqlSetting:
    """Nodes of one set of tables."""

    def __init__(self, tables, start_server, port=None):
        """`port` leads to the tables' server: that of a proxy."""
        self.tables = tables
        self._start_server = start_server
        self.port = port or tables.server.port
        tables.ports.add(self.port)

    @property
    def server(self):
        return self.tables.server

    def store(self, user="nextid", database="nextid", host="127.0.0.1", port=None, **parameters):
        """The store's URL."""
        self.tables.ports.add(port or self.port)
        if self.tables.prefix != DEFAULT_PREFIX:
            parameters = {"tables": self.tables.prefix, **parameters}
        query = urllib.parse.urlencode(parameters, safe=":/")
        return f"mysql://{user}@{host}:{port or self.port}/{database}" + (f"?{query}" if query else "")

    def start(self, *options, env=None, wait=True, http="127.0.0.1:0", **parameters):
        """A node; `parameters` are those of store()."""
        return self._start_server(*options, store=self.store(**parameters), wait=wait, http=http,
                                  env=env)

    def run(self, *arguments, env=None, **parameters):
        """One command line."""
        return nextid.run(*arguments, "--store", self.store(**parameters), env=env)

    def session_ids(self):
        """Of nodes' sessions that the server has."""
        return self.server.sql("SELECT id FROM information_schema.processlist WHERE user = 'nextid'").split()

    def sessions(self):
        return len(self.session_ids())


class FaultySetting(MysqlSetting):
    """Behind a proxy."""

    def __init__(self, tables, start_server):
        self.proxy = TcpProxy(tables.server.port, MysqlMessages)
        super().__init__(tables, start_server, self.proxy.port)


def reserves(message):
    """Whether the client's message is a Reserve."""
    return "LAST_INSERT_ID(" in message.sql
