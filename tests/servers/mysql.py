"""Private MariaDB servers and their replicas."""

import re
import subprocess

from private_server import (PrivateServer, ServerError, as_user, copy_folder, environment, poll,
                            program, run, template)

SUPERUSER = "root"
USER = "nextid"
DATABASE = "nextid"

# Everybody who can reach the port: that is this machine. A test of passwords makes its own user.
_GRANTS = f"""
FLUSH PRIVILEGES;
CREATE DATABASE {DATABASE};
CREATE USER {USER}@'127.0.0.1';
GRANT ALL ON {DATABASE}.* TO {USER}@'127.0.0.1';
GRANT ALL ON `{DATABASE}\\_%`.* TO {USER}@'127.0.0.1';
"""


_REPLICATION = {"log_bin": "binlog", "sync_binlog": 1}


def _make_data(path):
    data = path / "data"
    run(program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-name-resolve",
        "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-flush-method=nosync",
        user=True)
    run(program("mariadbd"), "--no-defaults", f"--datadir={data}", "--bootstrap", text_in=_GRANTS,
        user=True)


def _template():
    version = re.search(r"Ver (\S+)", run(program("mariadbd"), "--version")).group(1)
    return template(f"mariadb-{version}", _make_data) / "data"


class Mysql(PrivateServer):
    """A MariaDB with the empty database `nextid` of the user `nextid`, as compiled: what files of this
    machine say about it does not matter."""

    kind = "mysql"

    def __init__(self, folder=None, settings=None):
        """`settings` are options of mariadbd: {"sync_binlog": 1}; None as a value is an option without."""
        super().__init__(folder)
        self.data = self.folder / "data"
        self.settings = dict(settings or {})  # For the next start.
        copy_folder(_template(), self.data)

    # ---- How it is reached

    @property
    def url(self):
        return self.url_of()

    def url_of(self, port=None, user=USER, database=DATABASE, **parameters):
        """The URL of nextid's store there; `port` is another's that leads there."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return (f"mysql://{user}@127.0.0.1:{port or self.port}/{database}"
                + (f"?{query}" if query else ""))

    def sql(self, statements, user=SUPERUSER, database=DATABASE):
        """What mariadb prints of them, rows as lines, columns with tabs between; fails where one fails."""
        return run(*self.shell(user, database), text_in=statements).rstrip("\n")

    def value(self, query, **options):
        """The integer that a query finds."""
        return int(self.sql(query, **options))

    def session(self, user=SUPERUSER, database=DATABASE):
        """A Session that stays, for transactions and locks of an outsider."""
        return Session(self.shell(user, database))

    def shell(self, user=USER, database=DATABASE, port=None):
        """The command line of a shell that executes its input; `port` is another's that leads here."""
        return [program("mariadb"), "--no-defaults", "--batch", "--skip-column-names", "--unbuffered",
                "--host=127.0.0.1", f"--port={port or self.port}", f"--user={user}", database]

    def set(self, **settings):
        """Global variables, now and until the next start."""
        for name, value in settings.items():
            self.sql(f"SET GLOBAL {name} = {value}")

    # ---- Replicas

    @classmethod
    def primary(cls, folder=None, semi_sync=True, settings=None):
        """One that can have replicas; not started. With `semi_sync`, a commit waits for one of them: as
        long as the setting rpl_semi_sync_master_timeout says, and then no more."""
        waits = {"rpl_semi_sync_master_enabled": "ON",
                 "rpl_semi_sync_master_wait_point": "AFTER_SYNC"} if semi_sync else {}
        return cls(folder, {**_REPLICATION, "server_id": 1, **waits, **(settings or {})})

    def replica(self, server_id=2, semi_sync=True, folder=None, settings=None):
        """A replica of a primary() that has caught up. It waits for none of its own, also when it is
        promoted."""
        replica = Mysql(folder, {
            **_REPLICATION, "server_id": server_id, "log_slave_updates": "ON", "read_only": "ON",
            "relay_log": "relay", "rpl_semi_sync_slave_enabled": "ON" if semi_sync else "OFF",
            **(settings or {})})
        replica.start()
        # From the first event on: what the template has, both have.
        replica.sql("SET GLOBAL gtid_slave_pos = '';"
                    f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {self.port},"
                    f" MASTER_USER = '{SUPERUSER}', MASTER_USE_GTID = slave_pos,"
                    " MASTER_CONNECT_RETRY = 1; START SLAVE")
        replica.wait_until_caught_up(self)
        if semi_sync:
            poll(lambda: self.sql("SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'").split()[1] != "0",
                 "the replica is waited for")
        return replica

    def wait_until_caught_up(self, primary):
        position = primary.sql("SELECT @@gtid_binlog_pos")
        poll(lambda: self.sql(f"SELECT MASTER_GTID_WAIT('{position}', 1)") == "0",
             "the replica catches up")

    def promote(self):
        """A replica becomes a primary, with all that has reached it."""
        self.sql("STOP SLAVE IO_THREAD")
        poll(lambda: self.sql("SELECT 1 FROM information_schema.processlist"
                              " WHERE state LIKE 'Slave has read all relay log%'") == "1",
             "what has reached the replica is applied")
        self.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = OFF")

    # ---- What PrivateServer asks for

    def command(self):
        options = [f"--{name}" if value is None else f"--{name}={value}"
                   for name, value in self.settings.items()]
        # --no-defaults must be the first.
        return [program("mariadbd"), "--no-defaults", f"--datadir={self.data}",
                "--bind-address=127.0.0.1", f"--port={self.port}",
                f"--socket={self.folder}/mysqld.sock", f"--pid-file={self.folder}/mysqld.pid",
                "--skip-name-resolve", *options]

    def is_ready(self, log):
        return "ready for connections" in log


class Session:
    """A mariadb shell that stays connected; use it with `with`."""

    def __init__(self, command):
        self._process = subprocess.Popen(
            as_user([*command, "--force"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=environment(), cwd="/")
        self._asked = 0
        self.id = int(self.sql("SELECT CONNECTION_ID()"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def sql(self, statements):
        """Executes them and returns what the shell prints."""
        self.send(statements)
        return self.answer()

    def send(self, statements):
        """Does not wait: a statement may wait for a lock. answer() then does."""
        self._asked += 1
        self._process.stdin.write(f"{statements.rstrip('; ')};\nSELECT 'answer {self._asked}';\n")
        self._process.stdin.flush()

    def answer(self):
        lines = []
        for line in self._process.stdout:
            if line == f"answer {self._asked}\n":
                return "".join(lines).rstrip("\n")
            lines.append(line)
        raise ServerError(f"mariadb ended: {''.join(lines)}")

    def close(self):
        """What is not committed is rolled back."""
        self._process.kill()
        self._process.communicate()
