"""Errors of etcd that a user can act on: what is said, and that no password is."""

import re

import pytest

import nextid
from certificates import Authority
from conftest import QUICK
from etcd import Etcd, etcdctl
from etcd_setting import EtcdSetting, Keys
from nextid import INVALID, OK, UNAVAILABLE, poll
from private_server import free_port, give_to_user

# What the tests' passwords begin with: no output may have it.
SECRET = "s3cret-"
RIGHT, WRONG, ROOT = SECRET + "right", SECRET + "wrong", SECRET + "root"


def refused(done, *words, code=UNAVAILABLE):
    """A command line ended with one sentence that has these words."""
    assert (done.returncode, done.stdout) == (code, ""), done
    for word in words:
        assert word in done.stderr, done.stderr
    assert SECRET not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert re.search(r"\.\n$", done.stderr), done.stderr
    return True


def ends_well(setting, node):
    """Ids come again; those of requests that were given up meanwhile are burned."""
    following = poll(lambda: node.ask("GET", "/next").json().get("id"), "ids come again")
    counts = node.stop()
    assert counts["returned"] + counts["burned"] == following == setting.keys.value()


# ---- No etcd

def test_nobody_listens(etcd):
    refused(etcd.run("next", endpoints=[f"127.0.0.1:{free_port()}"], attempt_timeout="100ms"),
            "gave no answer", "127.0.0.1")


def test_an_unknown_host(etcd):
    # A name with an empty label, which no resolver asks for.
    refused(etcd.run("next", endpoints=["no..host:2379"]), "no", code=nextid.UNAVAILABLE)


def test_something_else_listens(etcd, server):
    """A node of nextid itself."""
    address = server.url.removeprefix("http://")
    refused(etcd.run("next", endpoints=[address]), address, "is no etcd 3.4 or newer", code=INVALID)


@pytest.mark.parametrize("url, words", [
    ("etcd://127.0.0.1:x/ids", "is no HOST:PORT of etcd"),
    ("etcd://127.0.0.1/ids/c", "is no prefix"),
    ("etcd://127.0.0.1/ids?what=1", "has no parameter 'what'"),
    ("etcd://127.0.0.1/ids?ca_file=/none", "ca_file '/none' is no file"),
    ("etcd://127.0.0.1/ids?user=app", "has no password"),
    ("etcd://127.0.0.1/ids?user=app&password_file=/none", "can't read the password file /none"),
    (f"etcd://app:{RIGHT}@127.0.0.1/ids", "which others see"),
    (f"etcd://127.0.0.1/ids?user=app&password={RIGHT}", "which others see"),
])
def test_a_wrong_url(url, words):
    done = nextid.run_unseen("next", "--store", url)
    assert done.returncode == INVALID, done
    assert words in done.stderr, done.stderr
    assert SECRET not in done.stderr


def test_no_store_and_none_is_made(etcd):
    refused(etcd.run("next", create="false"), f"etcd has no store at '{etcd.keys.prefix}'",
            "start nextid once without create=false", code=INVALID)
    refused(etcd.run("next", "--no-create-store"), "etcd has no store at", code=INVALID)
    assert etcd.keys.entries("") == {}


# ---- Users

@pytest.fixture(scope="module")
def guarded_server():
    """One with users: nextid may use the prefix "ids", and stranger another."""
    with Etcd(settings=QUICK) as server:
        def ctl(*words, **options):
            return etcdctl([server.endpoint], *words, **options)

        ctl("user", "add", f"root:{ROOT}")
        ctl("user", "grant-role", "root", "root")
        for name, prefix in (("nextid", "ids/"), ("stranger", "others/")):
            ctl("role", "add", name)
            ctl("role", "grant-permission", name, "--prefix=true", "readwrite", prefix)
            ctl("user", "add", f"{name}:{RIGHT}")
            ctl("user", "grant-role", name, name)
        ctl("auth", "enable")
        yield server


@pytest.fixture
def guarded(guarded_server, start_server, ledger):
    keys = ledger.know(Keys(guarded_server, "ids"))
    keys.user = ("root", ROOT)
    yield EtcdSetting(keys, start_server)
    etcdctl([guarded_server.endpoint], "--user", f"root:{ROOT}", "del", "--prefix", "ids/")


def test_no_user(guarded):
    refused(guarded.run("next"), "user name is empty", "ETCDCTL_USER", "password_file=")


def test_a_wrong_password(guarded):
    refused(guarded.run("next", user="nextid", env={"ETCDCTL_PASSWORD": WRONG}),
            "authentication failed", "check the user and the password")


def test_a_user_without_rights(guarded):
    refused(guarded.run("next", user="stranger", env={"ETCDCTL_PASSWORD": RIGHT}),
            "permission denied", "etcdctl role grant-permission ROLE --prefix=true readwrite ids/")


@pytest.mark.parametrize("way", ["ETCDCTL_USER", "ETCDCTL_PASSWORD", "password_file="])
def test_ways_to_give_a_password(guarded, tmp_path, way):
    file = tmp_path / "password"
    file.write_text(RIGHT + "\n")
    file.chmod(0o600)
    env, parameters = {
        "ETCDCTL_USER": ({"ETCDCTL_USER": f"nextid:{RIGHT}"}, {}),
        "ETCDCTL_PASSWORD": ({"ETCDCTL_PASSWORD": RIGHT}, {"user": "nextid"}),
        "password_file=": ({}, {"user": "nextid", "password_file": file}),
    }[way]
    done = guarded.run("next", env=env, **parameters)
    assert (done.returncode, done.stdout) == (OK, "1\n"), done
    node = guarded.start(env=env, **parameters)
    assert node.next_id() == 2
    status = node.ask("GET", "/v1/status").body.decode()
    metrics = node.ask("GET", "/metrics").body.decode()
    assert "nextid_etcd_db_size_bytes" in metrics, "the facts are to be had, too"
    node.stop()
    assert SECRET not in node.log() + status + metrics
    done = guarded.run("doctor", env=env, **parameters)
    assert SECRET not in done.stdout + done.stderr


def test_a_token_that_ends_with_its_server_is_renewed(guarded, guarded_server):
    node = guarded.start(user="nextid", env={"ETCDCTL_PASSWORD": RIGHT})
    assert node.next_id() == 1
    guarded_server.restart()
    assert poll(lambda: node.ask("GET", "/next").json().get("id"), "ids come again") == 2
    node.stop()


def test_rights_that_are_taken_and_given_back(guarded, guarded_server):
    """Each change of rights ends the tokens that there are."""
    def ctl(*words):
        return etcdctl([guarded_server.endpoint], "--user", f"root:{ROOT}", *words)

    node = guarded.start("--request-timeout", "2s", user="nextid", env={"ETCDCTL_PASSWORD": RIGHT})
    assert node.next_id() == 1
    ctl("role", "revoke-permission", "nextid", "--prefix=true", "ids/")
    answer = node.ask("GET", "/next")
    assert answer.status == 503
    assert "permission denied" in answer.json()["detail"]
    ctl("role", "grant-permission", "nextid", "--prefix=true", "readwrite", "ids/")
    ends_well(guarded, node)


# ---- TLS

@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """One that wants its clients' certificates on server.tls; server.endpoint is in the clear."""
    directory = tmp_path_factory.mktemp("certificates")
    authority = Authority(directory)
    pair = authority.certificate_for("IP:127.0.0.1")
    server = Etcd(settings=QUICK)
    for name, source in (("server.crt", pair.certificate), ("server.key", pair.key),
                         ("ca.crt", authority.file)):
        (server.folder / name).write_bytes(source.read_bytes())
        give_to_user(server.folder / name)
    server.choose_ports()
    server.tls = f"127.0.0.1:{free_port()}"
    server.settings |= {
        "listen-client-urls": f"http://{server.endpoint},https://{server.tls}",
        "cert-file": server.folder / "server.crt", "key-file": server.folder / "server.key",
        "trusted-ca-file": server.folder / "ca.crt", "client-cert-auth": "true"}
    server.authority = authority
    server.client = authority.certificate_for("DNS:client", only_for="clientAuth")
    server.other_authority = Authority(tmp_path_factory.mktemp("other"))
    with server:
        yield server


@pytest.fixture
def tls(tls_server, start_server, ledger):
    yield EtcdSetting(ledger.know(Keys(tls_server, "ids")), start_server, [tls_server.tls])
    tls_server.ctl("del", "--prefix", "ids/")


def files_of(server):
    return {"ca_file": server.authority.file, "cert_file": server.client.certificate,
            "key_file": server.client.key}


def test_tls_with_a_client_certificate(tls, tls_server):
    assert tls.run("next", **files_of(tls_server)).stdout == "1\n"
    env = {"ETCDCTL_CACERT": str(tls_server.authority.file),
           "ETCDCTL_CERT": str(tls_server.client.certificate),
           "ETCDCTL_KEY": str(tls_server.client.key)}
    assert tls.run("next", env=env).stdout == "2\n"
    node = tls.start(**files_of(tls_server))
    assert node.next_id() == 3
    node.stop()


def test_a_certificate_of_another_authority(tls, tls_server):
    files = files_of(tls_server) | {"ca_file": tls_server.other_authority.file}
    refused(tls.run("next", **files), "the certificate of", "is not accepted", "ca_file=",
            "ETCDCTL_CACERT")


def test_no_client_certificate(tls, tls_server):
    refused(tls.run("next", ca_file=tls_server.authority.file), "cert_file=", "key_file=",
            "ETCDCTL_CERT")


def test_plain_http_to_tls(tls):
    refused(tls.run("next"), "if etcd speaks TLS there", "tls=true")


def test_tls_to_plain_http(tls, tls_server):
    refused(tls.run("next", endpoints=[tls_server.endpoint], **files_of(tls_server)),
            "if etcd does not speak TLS there", "leave out tls=true")


# ---- Alarms

def test_the_quota_is_full(start_etcd):
    """etcd takes no writes with the alarm NOSPACE; after the commands of docs/etcd.md ids go on."""
    setting = start_etcd(settings={**QUICK, "quota-backend-bytes": 16 * 1024 * 1024})
    node = setting.start("--request-timeout", "2s")
    assert node.next_id() == 1
    for number in range(200):
        done = setting.server.ctl("put", "filler", text_in="x" * 200_000, check=False)
        if done.returncode != 0:
            break
    assert "database space exceeded" in done.stderr
    answer = node.ask("GET", "/next")
    assert answer.status == 503
    for words in ("database space exceeded", "etcdctl alarm disarm"):
        assert words in answer.json()["detail"]
    assert node.ask("GET", "/readyz").status == 503
    doctor = setting.run("doctor")
    assert doctor.returncode != OK
    assert "alarm NOSPACE" in doctor.stdout
    revision = setting.keys.call("/v3/kv/range", key="AA==")["header"]["revision"]
    setting.server.ctl("compact", revision)
    setting.server.ctl("defrag")
    setting.server.ctl("alarm", "disarm")
    ends_well(setting, node)


def test_members_that_disagree(start_etcd):
    setting = start_etcd(settings=QUICK)
    node = setting.start("--request-timeout", "2s")
    assert node.next_id() == 1
    member = setting.keys.call("/v3/cluster/member/list")["members"][0]["ID"]
    setting.keys.call("/v3/maintenance/alarm", action="ACTIVATE", memberID=member, alarm="CORRUPT")
    answer = node.ask("GET", "/next")
    assert answer.status == 503
    assert "members disagree" in answer.json()["detail"]
    assert "alarm CORRUPT" in setting.run("doctor").stdout or setting.run("doctor").returncode != OK
    setting.server.ctl("alarm", "disarm")
    ends_well(setting, node)


def test_a_damaged_counter(etcd):
    node = etcd.start()
    assert node.next_id() == 1
    assert node.next_id("others") == 1
    etcd.keys.changed = True
    etcd.keys.put("c/global", "41")
    answer = node.ask("GET", "/next")
    assert answer.status == 500
    assert f"the key '{etcd.keys.prefix}/c/global' in etcd is damaged" in answer.json()["detail"]
    assert node.next_id("others") == 2
