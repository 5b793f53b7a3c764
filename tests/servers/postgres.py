"""Private PostgreSQL servers, their standbys, and PgBouncer in front of one."""

import contextlib
import re
import signal
import subprocess
from pathlib import Path

from private_server import (PrivateServer, ServerError, as_user, copy_folder, environment, poll,
                            program, run, template)

SUPERUSER = "postgres"
USER = "nextid"
DATABASE = "nextid"

_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"),
                 key=lambda path: int(path.parent.name.partition(".")[0]), reverse=True)

# Everybody who can reach the port: that is this machine. A test of passwords has its own with set_hba().
TRUST = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


def tool(name):
    return program(name, *_DEBIAN)


def _make_cluster(path):
    run(tool("initdb"), "--pgdata", path / "data", "--username", SUPERUSER, "--auth", "trust",
        "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", user=True)
    statements = (f"CREATE ROLE {USER} LOGIN;\n"
                  f"CREATE DATABASE {DATABASE} OWNER {USER};\n")
    run(tool("postgres"), "--single", "-D", path / "data", "postgres", text_in=statements, user=True)


def _template():
    version = run(tool("postgres"), "--version").split()[2]
    return template(f"postgres-{version}", _make_cluster) / "data"


class Postgres(PrivateServer):
    """A server with the empty database `nextid` of the role `nextid`, durable as PostgreSQL installs.

    All are copies of one template and so have the same system identifier; `own_identity` makes another.
    """

    kind = "postgres"
    death_signal = "QUIT"  # Takes its shared memory with it.
    stop_signal = signal.SIGINT  # Ends sessions, and does not wait for them.

    def __init__(self, folder=None, settings=None, own_identity=False, data=None):
        """`settings` {name: value} are lines of postgresql.conf. `data` is a folder's content to use."""
        super().__init__(folder)
        self.data = self.folder / "data"
        if data is not None:
            copy_folder(data, self.data)
        elif own_identity:
            _make_cluster(self.folder)
        else:
            copy_folder(_template(), self.data)
        self.configure(settings or {})
        if data is None:
            self.set_hba(TRUST)

    # ---- How it is reached

    @property
    def url(self):
        return self.url_of()

    def url_of(self, port=None, user=USER, database=DATABASE, **parameters):
        """The URL of nextid's store there; `port` is another's that leads there."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return (f"postgres://{user}@127.0.0.1:{port or self.port}/{database}"
                + (f"?{query}" if query else ""))

    def sql(self, statements, user=SUPERUSER, database=DATABASE):
        """What psql prints of them, rows as lines, columns with | between; fails where one fails."""
        return run(*self.shell(user, database), text_in=statements).rstrip("\n")

    def value(self, query, **options):
        """The integer that a query finds."""
        return int(self.sql(query, **options))

    def session(self, user=SUPERUSER, database=DATABASE):
        """A Session that stays, for transactions and locks of an outsider."""
        return Session(self.shell(user, database))

    def shell(self, user=USER, database=DATABASE, port=None):
        """The command line of a psql that executes its input; `port` is another's that leads here."""
        return [tool("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                "--set=ON_ERROR_STOP=1", "--host", "127.0.0.1", "--port", port or self.port,
                "--username", user, "--dbname", database]

    # ---- How it is set up

    def configure(self, settings):
        """Lines of postgresql.conf; from the next start() or reload() on."""
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in settings.items():
                file.write(f"{name} = '{value}'\n")

    def set(self, **settings):
        """Settings that take effect by a reload, now."""
        self.configure(settings)
        self.reload()
        for name, value in settings.items():
            poll(lambda: self.sql(f"SELECT setting FROM pg_file_settings WHERE name = '{name}'"
                                  " AND applied") == str(value), f"{name} = {value}")

    def set_hba(self, text):
        """The whole of pg_hba.conf; from the next start() or reload() on."""
        (self.data / "pg_hba.conf").write_text(text)

    def reload(self):
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        poll(lambda: "received SIGHUP" in self.log()[before:], "the server reloads")

    # ---- Standbys

    def standby(self, name="standby1", sync=True, **options):
        """A hot standby that has caught up; a synchronous one is waited for by every commit from now on."""
        standby = Postgres._backup_of(self, name, **options)
        standby.name = name
        standby.start()
        if sync:
            self.set(synchronous_standby_names=name)
        poll(lambda: self.sql("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming' AND"
                              f" application_name = '{name}'") == ("sync" if sync else "async"),
             f"{name} streams")
        return standby

    @classmethod
    def _backup_of(cls, primary, name, folder=None, settings=None):
        standby = cls.__new__(cls)
        PrivateServer.__init__(standby, folder)
        standby.data = standby.folder / "data"
        run(tool("pg_basebackup"), "--pgdata", standby.data, "--write-recovery-conf", "--no-sync",
            "--checkpoint=fast", "--dbname",
            f"host=127.0.0.1 port={primary.port} user={SUPERUSER} application_name={name}", user=True)
        standby.configure({"synchronous_standby_names": "", **(settings or {})})
        return standby

    def promote(self):
        """A standby becomes a primary."""
        assert self.sql("SELECT pg_promote(true, 60)") == "t"

    # ---- What PrivateServer asks for

    def command(self):
        return [tool("postgres"), "-D", self.data, "-h", "127.0.0.1", "-p", self.port, "-k",
                self.folder]

    def is_ready(self, log):
        """The server's own word for it, which a kill leaves behind."""
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return (len(lines) >= 8 and int(lines[0]) == self.process.pid
                    and lines[7].strip() in ("ready", "standby"))
        return False

    def may_try_again(self, log):
        # Its processes notice a little later than we that the first of them was killed.
        return "pre-existing shared memory block" in log

    def remove(self):
        shared = None
        with contextlib.suppress(OSError, IndexError):
            shared = (self.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        if self.is_running():
            self.resume()
            self.process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
        elif shared:  # It was killed, and nobody else will free this.
            run("ipcrm", "--shmem-id", shared, check=False)
        super().remove()


class Session:
    """A psql that stays connected; use it with `with`."""

    def __init__(self, command):
        self._process = subprocess.Popen(
            as_user(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment(), cwd="/")
        self._asked = 0
        self.pid = int(self.sql("SELECT pg_backend_pid()"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def sql(self, statements):
        """Executes them and returns what psql prints."""
        self.send(statements)
        return self.answer()

    def send(self, statements):
        """Does not wait: a statement may wait for a lock. answer() then does."""
        self._asked += 1
        self._process.stdin.write(f"{statements.rstrip('; ')};\n\\echo answer {self._asked}\n")
        self._process.stdin.flush()

    def answer(self):
        lines = []
        for line in self._process.stdout:
            if line == f"answer {self._asked}\n":
                return "".join(lines).rstrip("\n")
            lines.append(line)
        raise ServerError(f"psql ended: {''.join(lines)}")

    def close(self):
        """What is not committed is rolled back."""
        self._process.kill()
        self._process.communicate()


class PgBouncer(PrivateServer):
    """In front of a Postgres, in transaction mode: a client gets another session each transaction."""

    kind = "pgbouncer"

    def __init__(self, postgres, folder=None, settings=None):
        super().__init__(folder)
        self._postgres = postgres
        self._settings = settings or {}

    @property
    def url(self):
        return self._postgres.url_of(self.port)

    def command(self):
        users = self.folder / "users.txt"
        users.write_text(f'"{USER}" ""\n"{SUPERUSER}" ""\n')
        settings = {
            "listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "",
            "auth_type": "trust", "auth_file": users, "pool_mode": "transaction",
            "admin_users": SUPERUSER, **self._settings}
        lines = ["[databases]", f"* = host=127.0.0.1 port={self._postgres.port}", "[pgbouncer]",
                 *(f"{name} = {value}" for name, value in settings.items())]
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n")
        return [program("pgbouncer"), configuration]

    def is_ready(self, log):
        return bool(re.search(r"process up", log))
