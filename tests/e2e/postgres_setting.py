"""What a test of the PostgreSQL store works with: tables, and nodes on them."""

import os
import struct
import urllib.parse

import nextid
from postgres import tool
from private_server import run
from tcp_proxy import PostgresMessages, TcpProxy

DEFAULT_SCHEMA = "public"
DEFAULT_PORT = 5432

# Tests of what every PostgreSQL can do run in this database too, if the user names one.
USER_URL = os.environ.get("NEXTID_TEST_POSTGRES_URL")

# Parameters of URLs that only nextid knows.
_OURS = {"schema", "create", "attempt_timeout"}


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
        hosts = place.netloc.rpartition("@")[2].split(",")
        ports = {int(host.partition(":")[2] or DEFAULT_PORT) for host in hosts}
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

    def set(self, value, counter="global"):
        """Sets a counter, whatever nextid thinks of it."""
        self.changed = True
        self.sql(f"UPDATE nextid_counters SET value = {value} WHERE name = '{counter}'")

    def remove(self, counter="global"):
        """Deletes the row of a counter."""
        self.changed = True
        self.sql(f"DELETE FROM nextid_counters WHERE name = '{counter}'")

    def slots(self, counter="global"):
        """The names of the writers."""
        return self.sql("SELECT jsonb_object_keys(slots) FROM nextid_counters"
                        f" WHERE name = '{counter}'").split()


class PostgresSetting:
    """Nodes of one set of tables."""

    def __init__(self, tables, start_server, port=None):
        """`port` leads to the tables' server: that of a proxy or a pooler."""
        self.tables = tables
        self.env = {}
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
                                  env=self.env if env is None else env)

    def run(self, *arguments, env=None, **parameters):
        """One command line."""
        return nextid.run(*arguments, "--store", self.store(**parameters),
                          env=self.env if env is None else env)

    def sessions(self, application_name):
        """How many sessions of that name the server has."""
        return self.server.value("SELECT count(*) FROM pg_stat_activity"
                                 f" WHERE application_name = '{application_name}'")


class UserServer:
    """The user's own server, by its URL; what psql needs besides is in the environment, as for nextid."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self._parts = parts
        self._parameters = dict(urllib.parse.parse_qsl(parts.query))
        self.port = parts.port or DEFAULT_PORT

    def url(self, **parameters):
        return self._parts._replace(query=urllib.parse.urlencode(
            {**self._parameters, **parameters}, safe=":/")).geturl()

    def sql(self, statements):
        theirs = {name: value for name, value in self._parameters.items() if name not in _OURS}
        url = self._parts._replace(query=urllib.parse.urlencode(theirs)).geturl()
        return run(tool("psql"), url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                   "--set=ON_ERROR_STOP=1", text_in=statements, env=_user_environment()).rstrip("\n")


def _user_environment():
    return {name: value for name, value in os.environ.items() if name.startswith("PG")}


class UserSetting(PostgresSetting):
    """Nodes on the user's server."""

    def __init__(self, tables, start_server):
        super().__init__(tables, start_server)
        self.env = _user_environment()

    def store(self, **parameters):
        return self.server.url(schema=self.tables.schema, **parameters)


class FaultySetting(PostgresSetting):
    """Behind a proxy."""

    def __init__(self, tables, start_server):
        self.proxy = TcpProxy(tables.server.port, PostgresMessages)
        super().__init__(tables, start_server, self.proxy.port)


def reserves(message):
    """Whether the client's message has a Reserve committed."""
    return message.type in ("S", "Q") and "SET value = value +" in message.sql


# Of a Reserve's condition: what makes a repeat do nothing.
_SLOT_CONDITION = (b"CASE WHEN slots ? $3::text THEN slots->$3::text->>0 = $7::text"
                   b" ELSE floor < $4::bigint END")


class WithoutSlotCondition:
    """For TcpProxy.rewrite: takes the exactly-once out of Reserves."""

    def __init__(self):
        self.stripped = 0

    def __call__(self, message):
        if message.type != "P" or _SLOT_CONDITION not in message.raw:
            return message.raw
        self.stripped += 1
        # All parameters stay, since they are sent.
        always = b"coalesce($3::text, $7::text, $4::bigint::text) IS NOT NULL"
        body = message.raw[5:].replace(_SLOT_CONDITION, always)
        return b"P" + struct.pack(">I", len(body) + 4) + body


def without_notices(message):
    """For TcpProxy.rewrite: takes out what the server warns of."""
    return b"" if message.type == "N" and message.side == "server" else message.raw
