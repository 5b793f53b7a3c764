"""A MariaDB; in half of the rounds with a binary log."""

import contextlib
import re
import subprocess

from mysql import USER, Mysql
from private_server import ServerError
from tcp_proxy import MysqlMessages
from torture.stores.server import ATTEMPT_S, ServerStore

_SESSIONS = f"FROM information_schema.processlist WHERE user = '{USER}'"

_SETTINGS = {"innodb_log_file_size": "8M"}
# Then each commit needs room on the disk, and is two.
_BINARY_LOG = {"log_bin": "binlog", "binlog_format": "ROW", "sync_binlog": 1}

# Of a Reserve's condition: what makes a repeat do nothing.
_SLOT_CONDITION = re.compile(rb"COALESCE\(CAST\(JSON_EXTRACT\(`slots`, '[^']*'\) AS UNSIGNED\) = \d+,"
                             rb" `floor` < \d+\)")


class MysqlStore(ServerStore):
    kind = "mysql"
    messages = MysqlMessages

    LOCKS = {
        "of a row": "BEGIN; SELECT name FROM nextid_counters WHERE name = 'strict' FOR UPDATE",
        "of all rows": "BEGIN; SELECT name FROM nextid_counters FOR UPDATE",
        "of the table": "LOCK TABLES nextid_counters WRITE",
        "of no row, but all versions stay":
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
            " START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT count(*) FROM nextid_counters",
    }
    ENDS = ("CONNECTION", "QUERY")

    def make_servers(self, folder):
        return [Mysql(folder / "server", {**_SETTINGS, **self._rng.choice([{}, _BINARY_LOG])})]

    def url_of(self, *ports):
        return self.server.url_of(*ports, attempt_timeout=f"{ATTEMPT_S:g}s")

    @staticmethod
    def is_commit(message):
        return "UPDATE" in message.sql or "INSERT" in message.sql or "COMMIT" in message.sql

    @staticmethod
    def is_answer(message):
        return message.type == "0"  # OK, to a statement without rows.

    def ask(self):
        self.server.sql("SELECT 1")

    def empty_disk(self):
        """What found no room for the log looks again after a minute; not if the server starts anew."""
        self.disk.empty()
        self.kill_server()
        self.start_server()

    def counters(self):
        rows = self.server.sql("SELECT value, start, increment, name FROM nextid_counters")
        return {name: (int(value), int(start), int(increment)) for value, start, increment, name in
                (row.split("\t") for row in rows.splitlines())}

    # ---- What others do

    def lock(self, how):
        """Another program's transaction; returns what ends it, or None where it came to nothing."""
        outsider = self.server.session()
        said = outsider.sql("SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2;"
                            f" {self.LOCKS[how]}")
        if "ERROR" in said:
            outsider.close()
            return None
        return outsider.close

    def end_sessions(self, how):
        """Of all nodes; or what they do at that moment."""
        sessions = self.server.value(f"SELECT count(*) {_SESSIONS}")
        self.server.sql(f"KILL {how} USER {USER}")
        return sessions

    def refuse_sessions(self):
        """There are too many."""
        self._limit_sessions(1)
        self.end_sessions("CONNECTION")

    def admit_sessions(self):
        self._limit_sessions(0)

    def _limit_sessions(self, most):
        self.server.sql(f"ALTER USER {USER}@'127.0.0.1' WITH MAX_USER_CONNECTIONS {most}")

    def take(self, counter, count):
        """Ids for somebody else, as docs/mysql.md says: the last one, or None."""
        rows, last = self.server.sql(
            f"UPDATE nextid_counters SET value = LAST_INSERT_ID(value + {count} * increment)"
            f" WHERE name = '{counter}' AND revision > 0 AND value <= max - {count} * increment;"
            " SELECT ROW_COUNT(), LAST_INSERT_ID()").split("\t")
        return int(last) if rows == "1" else None

    def set_back(self):
        with contextlib.suppress(ServerError, subprocess.TimeoutExpired):
            return self.server.sql("UPDATE nextid_counters SET value = value - 200"
                                   " WHERE name = 'strict' AND value > 200;"
                                   " SELECT ROW_COUNT()") == "1"
        return False

    def forget_slots(self):
        self.proxies[0].rewrite = _without_slot_condition


def _without_slot_condition(message):
    """As long as it was: the packet says how long it is."""
    return _SLOT_CONDITION.sub(lambda found: b"TRUE".ljust(len(found.group())), message.raw)
