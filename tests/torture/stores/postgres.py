"""A PostgreSQL."""

import contextlib
import subprocess

from postgres import USER, Postgres
from postgres_setting import WithoutSlotCondition
from private_server import ServerError
from tcp_proxy import PostgresMessages
from torture.stores.server import ATTEMPT_S, ServerStore

_SESSIONS = f"FROM pg_stat_activity WHERE usename = '{USER}'"

# As short as can be, so that the log soon needs more of the disk, and the disk may be small.
_SETTINGS = {"max_wal_size": "64MB", "min_wal_size": "32MB", "wal_recycle": "off"}


class PostgresStore(ServerStore):
    kind = "postgres"
    messages = PostgresMessages

    LOCKS = {
        "of a row": "BEGIN; SELECT * FROM nextid_counters WHERE name = 'strict' FOR UPDATE",
        "of all rows": "BEGIN; SELECT * FROM nextid_counters FOR UPDATE",
        "of the table": "BEGIN; LOCK TABLE nextid_counters IN ACCESS EXCLUSIVE MODE",
        "of no row, but all versions stay":
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM nextid_counters",
    }
    ENDS = ("terminate", "cancel")

    def make_servers(self, folder):
        return [Postgres(folder / "server", _SETTINGS)]

    def url_of(self, *ports):
        return self.server.url_of(*ports, attempt_timeout=f"{ATTEMPT_S:g}s")

    @staticmethod
    def is_commit(message):
        return message.type in ("S", "Q") and message.sql != ""

    @staticmethod
    def is_answer(message):
        return message.type == "C"

    def ask(self):
        self.server.sql("SELECT 1")

    def use_room(self):
        self.server.sql("SELECT pg_switch_wal()")

    def counters(self):
        rows = self.server.sql("SELECT value, start, increment, name FROM nextid_counters")
        return {name: (int(value), int(start), int(increment)) for value, start, increment, name in
                (row.split("|") for row in rows.splitlines())}

    # ---- What others do

    def lock(self, how):
        """Another program's transaction; returns what ends it, or None where it came to nothing."""
        outsider = self.server.session()
        try:
            outsider.sql("SET statement_timeout = '2s'")
            outsider.sql(self.LOCKS[how])
        except ServerError:
            outsider.close()
            return None
        return outsider.close

    def end_sessions(self, how):
        """Of all nodes; or what they do at that moment."""
        return self.server.value(f"SELECT count(pg_{how}_backend(pid)) {_SESSIONS}")

    def refuse_sessions(self):
        """There are too many."""
        self.server.sql(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
        self.end_sessions("terminate")

    def admit_sessions(self):
        self.server.sql(f"ALTER ROLE {USER} CONNECTION LIMIT -1")

    def take(self, counter, count):
        """Ids for somebody else, as docs/postgres.md says: the last one, or None."""
        last = self.server.sql(
            f"UPDATE nextid_counters SET value = value + {count} * increment WHERE name = '{counter}'"
            f" AND revision > 0 AND value <= max - {count} * increment RETURNING value")
        return int(last) if last else None

    def set_back(self):
        with contextlib.suppress(ServerError, subprocess.TimeoutExpired):
            return self.server.sql("UPDATE nextid_counters SET value = value - 200"
                                   " WHERE name = 'strict' AND value > 200 RETURNING 1") == "1"
        return False

    def forget_slots(self):
        self.proxies[0].rewrite = WithoutSlotCondition()
        self.drop_connections()  # What was prepared on them is.
