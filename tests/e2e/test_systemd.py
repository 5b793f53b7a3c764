"""The packaged systemd unit: its own command, as an unprivileged user, with what it may read there."""

import os
import re
import shlex
import shutil
import ssl
from types import SimpleNamespace

import pytest

import nextid
from certificates import Authority

UNIT = nextid.REPOSITORY / "packaging" / "systemd" / "nextid.service"
USER = 61234  # Of those that systemd gives a DynamicUser.
GROUP = 61999

pytestmark = [
    pytest.mark.not_accounted("the server runs in a directory of its own, as the unit has it"),
    pytest.mark.skipif(not shutil.which("setpriv") or not shutil.which("prlimit"),
                       reason="not run: setpriv or prlimit is missing"),
]


def settings_of(*drop_ins):
    """{"ExecStart": ["/usr/bin/nextid serve"], ...} of the unit with these files of its .d directory."""
    settings = {}
    for path in [UNIT, *(UNIT.with_name("nextid.service.d") / name for name in drop_ins)]:
        for line in path.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                settings.setdefault(name, []).append(value)
    return settings


def make_token(name):
    return nextid.run("token", name, "--rights", "allocate", "--counters", "*").stdout.splitlines()


def belongs(path, user, group, mode):
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, user, group)


@pytest.fixture
def place(tmp_path):
    """The directories of the service, which its user can reach, and the operator's files."""
    closed = [path for path in (tmp_path, *tmp_path.parents) if path.stat().st_mode & 0o001 == 0]
    for path in closed:
        path.chmod(path.stat().st_mode | 0o011)
    etc, states, credentials = (tmp_path / name for name in ("etc", "states", "credentials"))
    for path in (etc, states, states / "nextid", states / "nextid-state", credentials):
        path.mkdir()
    for name in ("nextid", "nextid-state"):
        belongs(states / name, USER, USER, 0o750)
    certificate = Authority(tmp_path).certificate_for("IP:127.0.0.1")
    shutil.copy(certificate.certificate, etc / "server.pem")
    shutil.copy(certificate.key, etc / "server.key")
    token, line = make_token("first")
    (etc / "tokens").write_text(line + "\n")
    for path in etc.iterdir():
        belongs(path, 0, 0, 0o600)
    yield SimpleNamespace(etc=etc, states=states, credentials=credentials, token=token,
                          tls=ssl.create_default_context(cafile=tmp_path / "authority.pem"))
    for path in closed:
        path.chmod(0o700)


def load_credentials(place, settings):
    """As systemd does when it starts a service: copies that only its user can read."""
    place.credentials.chmod(0o700)
    for loaded in settings.get("LoadCredential", []):
        name, _, source = loaded.partition(":")
        copy = place.credentials / name
        copy.unlink(missing_ok=True)
        shutil.copy(place.etc / source.removeprefix("/etc/nextid/"), copy)
        belongs(copy, USER, USER, 0o400)
    belongs(place.credentials, USER, USER, 0o500)


def start(place, settings, groups=None):
    """What ExecStart= says, with the unit's environment, umask and limits."""
    load_credentials(place, settings)

    def expand(text):
        return (text.replace("%S", str(place.states)).replace("%d", str(place.credentials))
                .replace("/etc/nextid", str(place.etc)))

    pairs = [pair for line in settings["Environment"] for pair in shlex.split(expand(line))]
    environment = dict(pair.split("=", 1) for pair in pairs)
    (command,) = settings["ExecStart"]
    assert command == "/usr/bin/nextid serve"  # What nextid.Server runs.
    as_user = ["setpriv", "--no-new-privs"]
    if os.geteuid() == 0:
        as_user += [f"--reuid={USER}", f"--regid={USER}", "--bounding-set=-all", "--inh-caps=-all",
                    f"--groups={groups}" if groups else "--clear-groups"]
    (core,) = settings["LimitCORE"]
    mask = os.umask(int(settings["UMask"][0], 8))
    try:
        return nextid.Server(
            place.states / "nextid", http=None, store=None, tls=place.tls,
            prefix=[*as_user, "prlimit", f"--core={core}"],
            env={"NEXTID_HTTP": "127.0.0.1:0", "CREDENTIALS_DIRECTORY": str(place.credentials),
                 **environment})
    finally:
        os.umask(mask)


def status(server, token):
    headers = [f"Authorization: Bearer {token}"] if token else []
    return server.ask("GET", "/next", headers=headers).status


def test_the_unit_serves_with_tokens_and_tls(place):
    settings = settings_of("tokens.conf", "tls.conf")
    assert "MemoryMax" in settings
    server = start(place, settings)
    try:
        server.wait_until_ready()
        assert [status(server, token) for token in (place.token, "nextid_other", None)] == [200, 401, 401]
        limits = open(f"/proc/{server.process.pid}/limits").read()
        assert re.search(r"Max core file size +0 +0 ", limits), limits
        if os.geteuid() == 0:
            owner = re.search(r"Uid:\t(\d+)", open(f"/proc/{server.process.pid}/status").read())
            assert int(owner.group(1)) == USER
        assert not re.search(" warning (?!A token that this server does not know)", server.log())
        for path in [*(place.states / "nextid").glob("ids.db*"), *(place.states / "nextid-state").iterdir()]:
            assert path.stat().st_mode & 0o777 == 0o600, path

        # The operator takes a token away. systemd makes no new copy for a reload.
        second, line = make_token("second")
        (place.etc / "tokens").write_text(line + "\n")
        server.reload()
        nextid.poll(lambda: "read the certificate again" in server.log(), "all is read again")
        assert server.log().count("`systemctl restart` makes a new one") == 2
        assert [status(server, token) for token in (place.token, second)] == [200, 401]
        server.stop()
        server = start(place, settings)
        server.wait_until_ready()
        assert [status(server, token) for token in (place.token, second)] == [401, 200]
    finally:
        server.kill()


@pytest.mark.parametrize("store", ["postgres://nextid@127.0.0.1:1/ids", "mysql://nextid@127.0.0.1:1/ids",
                                   "etcd://127.0.0.1:1/ids"])
def test_a_store_that_is_away_at_the_start_is_tried_again(store):
    settings = settings_of()
    done = nextid.run("serve", "--http", "127.0.0.1:0", "--resp", "off", "--store", store)
    assert done.returncode == 3, done.stderr
    assert settings["Restart"] == ["on-failure"]
    assert "3" not in settings["RestartPreventExitStatus"][0].split()
    assert settings["StartLimitIntervalSec"] == ["0"]  # Else five times, within five seconds.


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root gives a process another group")
def test_the_unit_reads_files_again_through_a_group(place):
    settings = settings_of("reload.conf")
    assert "LoadCredential" not in settings and settings["SupplementaryGroups"] == ["nextid-secrets"]
    for path in place.etc.iterdir():
        belongs(path, 0, GROUP, 0o640)
    server = start(place, settings, groups=GROUP)
    try:
        server.wait_until_ready()
        assert " warning " not in server.log()
        second, line = make_token("second")
        (place.etc / "tokens").write_text(line + "\n")
        server.reload()
        assert [status(server, token) for token in (place.token, second)] == [401, 200]
        assert "systemctl restart" not in server.log()
    finally:
        server.kill()
