"""The plain manifests: what the chart says, what Kubernetes would take, and what nextid does with their command
lines, volumes and Secrets. Rendering itself needs Helm, which tests/systems/test_helm.py brings with --long.
"""

import copy
import hashlib
import json
import re
import shutil
import time

import jsonschema
import kubernetes.client
import pytest
import yaml

import nextid
from kubelet import DRAIN_SECONDS, USER, Node, parameters
from nextid import REPOSITORY, poll
from postgres import TRUST

CHART = REPOSITORY / "packaging" / "helm" / "nextid"
MANIFESTS = REPOSITORY / "packaging" / "kubernetes"
EXAMPLES = sorted(path.stem for path in (CHART / "examples").iterdir())
SHARED = ["dynamodb", "etcd", "mysql", "postgres"]
PASSWORD = "correct-horse"

pytestmark = pytest.mark.skipif(not shutil.which("setpriv"), reason="not run: setpriv is missing")


def text_of(name):
    return (MANIFESTS / f"{name}.yaml").read_text()


def objects(name):
    """{kind: object} of a manifest."""
    found = {each["kind"]: each for each in yaml.safe_load_all(text_of(name)) if each}
    return found


def workload(name):
    return objects(name)["StatefulSet" if name == "sqlite" else "Deployment"]


def pod_of(name):
    return workload(name)["spec"]["template"]["spec"]


def container_of(name):
    (container,) = pod_of(name)["containers"]
    return container


def options_of(name):
    """{"--http": "0.0.0.0:8000", ...}; None for a flag."""
    pairs = [argument.partition("=") for argument in container_of(name)["args"][1:]]
    assert len({option for option, _, _ in pairs}) == len(pairs), "an option is given twice"
    return {option: value if equals else None for option, equals, value in pairs}


def seconds(text):
    return int(text.removesuffix("s"))


# ---- The manifests and the chart

def chart_digest():
    """As script/manifests takes it: of what sha256sum prints of each file."""
    paths = ["Chart.yaml", "values.yaml"]
    paths += [f"{folder}/{path.name}" for folder in ("examples", "templates")
              for path in sorted((CHART / folder).iterdir(), key=lambda path: path.name.encode())]
    lines = "".join(f"{hashlib.sha256((CHART / path).read_bytes()).hexdigest()}  {path}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()


def test_there_is_a_manifest_of_each_example():
    assert sorted(path.stem for path in MANIFESTS.glob("*.yaml")) == EXAMPLES
    assert EXAMPLES == sorted([*SHARED, "servicemonitor", "sqlite"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_manifests_are_made_of_the_chart_as_it_is(name):
    made, chart, below, body = text_of(name).split("\n", 3)
    assert made.startswith("# Made by script/manifests")
    assert chart == f"# chart: {chart_digest()}", "the chart has changed: run script/manifests"
    assert below == f"# below: {hashlib.sha256(body.encode()).hexdigest()}", "change the chart, not the manifest"


def test_the_chart_has_the_version_of_the_program():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'kVersion = "(.*)"', (REPOSITORY / "include/nextid/version.h").read_text()).group(1)
    assert chart["version"] == chart["appVersion"] == version
    assert all(container_of(name)["image"] == f"nextid:{version}" for name in ["sqlite", *SHARED])


# ---- Values

def schema():
    return jsonschema.Draft7Validator(json.loads((CHART / "values.schema.json").read_text()))


def values_with(**changes):
    """The chart's own, with changes as "store__url"."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path, value in changes.items():
        *groups, name = path.split("__")
        group = values
        for each in groups:
            group = group[each]
        group[name] = value
    return values


def merged(values, changes):
    """As Helm does it, before it looks at the schema."""
    return {**values, **{name: merged(values[name], value) if isinstance(value, dict) and name in values else value
                         for name, value in changes.items()}}


def test_the_schema_takes_the_values_and_examples():
    jsonschema.Draft7Validator.check_schema(schema().schema)
    assert schema().is_valid(values_with())
    for name in EXAMPLES:
        example = yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text())
        schema().validate(merged(values_with(), example))
    assert schema().is_valid(values_with(options={"default-cache": 100}, sqlite__stateStorage__size=""))


@pytest.mark.parametrize("changes", [
    {"store__url": "postgres://nextid:secret@db/ids"}, {"store__url": "postgres://db/ids?user=a&password=secret"},
    {"store__url": "sqlite:ids.db"}, {"store__url": "sqlite:/tmp/ids.db"}, {"store__url": "memory:"}, {"replicas": 2},
    {"sqlite__replicas": 2}, {"sqlite__storage__accessMode": "ReadWriteMany"}, {"sqlite__storage__size": ""},
    {"shared__replicas": 0}, {"options": {"store": "memory:"}}, {"options": {"tokens": "x"}}, {"tokens__secret": ""},
    {"http__port": 70000}, {"networkPolicy__clients": []}, {"nonsense": 1}], ids=str)
def test_the_schema_refuses(changes):
    assert not schema().is_valid(values_with(**changes))


def test_each_value_is_used_and_in_the_schema():
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())

    def check(values, kind, path):
        for name, value in values.items():
            assert name in kind["properties"], f"{path}.{name}"
            assert f".{name}" in templates, f"no template uses {path}.{name}"
            inner = kind["properties"][name]
            if isinstance(value, dict) and "properties" in inner:
                check(value, inner, f"{path}.{name}")

    check(values_with(), schema().schema, "")
    used = set(re.findall(r"\.Values\.(\w+)", templates))
    assert used == set(values_with())


# ---- What Kubernetes takes

PLAIN = {"str": str, "int": int, "bool": bool, "object": object}


def model(kind, value):
    """As the client of Kubernetes has it: an unknown field, another type or a missing one raises."""
    if kind.startswith("list["):
        return [model(kind[5:-1], each) for each in value]
    if kind.startswith("dict("):
        assert all(type(each) is str for each in [*value, *value.values()]), value
        return value
    if kind in PLAIN:
        assert isinstance(value, PLAIN[kind]) and type(value) is not (bool if kind == "int" else None), value
        return value
    of = getattr(kubernetes.client, kind)
    names = {field: name for name, field in of.attribute_map.items()}
    return of(**{names[field]: model(of.openapi_types[names[field]], each) for field, each in value.items()})


def kind_of(each):
    version = each["apiVersion"].rpartition("/")[2]
    return version.capitalize() + each["kind"]


@pytest.mark.parametrize("name", ["sqlite", *SHARED])
def test_kubernetes_knows_each_field(name):
    for each in yaml.safe_load_all(text_of(name)):
        model(kind_of(each), each)
    assert set(objects(name)) == {"NetworkPolicy", "Service", "ServiceAccount", *(
        ["StatefulSet"] if name == "sqlite" else ["Deployment", "PodDisruptionBudget"])}


def test_the_check_of_fields_finds_what_is_wrong():
    for change in [lambda pod: pod.update(imagePullSecret=[]), lambda pod: pod.pop("containers"),
                   lambda pod: pod.update(terminationGracePeriodSeconds="30"),
                   lambda pod: pod["containers"][0]["env"].append({"name": "A", "value": 1})]:
        pod = copy.deepcopy(pod_of("sqlite"))
        change(pod)
        with pytest.raises((AssertionError, KeyError, ValueError)):
            model("V1PodSpec", pod)


@pytest.mark.parametrize("name", ["sqlite", *SHARED])
def test_pods_are_restricted(name):
    """The Pod Security Standard `restricted`, and a root that is read-only."""
    pod, container = pod_of(name), container_of(name)
    assert "initContainers" not in pod and not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert all(set(volume) - {"name"} in ({"secret"}, {"emptyDir"}) for volume in pod.get("volumes", []))
    assert pod["automountServiceAccountToken"] is False
    assert {"requests", "limits"} == set(container["resources"])
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", ["sqlite", *SHARED])
def test_the_parts_fit_together(name):
    found, pod, container = objects(name), pod_of(name), container_of(name)
    labels = workload(name)["spec"]["template"]["metadata"]["labels"]
    selectors = [workload(name)["spec"]["selector"]["matchLabels"], found["Service"]["spec"]["selector"],
                 found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    if name in SHARED:
        selectors.append(found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])
        selectors += [spread["labelSelector"]["matchLabels"] for spread in pod["topologySpreadConstraints"]]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    options = options_of(name)
    assert ports == {protocol: int(options[f"--{protocol}"].rpartition(":")[2]) for protocol in ("http", "resp")}
    assert all(ports[port["targetPort"]] == port["port"] for port in found["Service"]["spec"]["ports"])
    clients, metrics = found["NetworkPolicy"]["spec"]["ingress"]
    assert {port["port"] for port in clients["ports"]} == set(ports.values())
    assert [port["port"] for port in metrics["ports"]] == [ports["http"]]
    claims = workload(name)["spec"].get("volumeClaimTemplates", [])
    volumes = [volume["name"] for volume in [*pod.get("volumes", []), *(claim["metadata"] for claim in claims)]]
    assert sorted(volumes) == sorted(mount["name"] for mount in container["volumeMounts"])
    assert not any("subPath" in mount for mount in container["volumeMounts"])
    assert pod["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"


@pytest.mark.parametrize("name", ["sqlite", *SHARED])
def test_a_stop_has_the_time_that_it_takes(name):
    options = options_of(name)
    needed = seconds(options.get("--drain-delay", "0s")) + seconds(options["--shutdown-timeout"])
    assert needed < pod_of(name)["terminationGracePeriodSeconds"] <= needed + 10
    # It is out of the Service on all nodes before it stops to serve; SQLite's has no other pod to wait for.
    assert seconds(options.get("--drain-delay", "0s")) == (0 if name == "sqlite" else 10)
    assert "lifecycle" not in container_of(name)


@pytest.mark.parametrize("name", ["sqlite", *SHARED])
def test_egress_is_what_the_store_needs(name):
    egress = objects(name)["NetworkPolicy"]["spec"]["egress"]
    ports = {"sqlite": [], "postgres": [5432], "mysql": [3306], "etcd": [2379], "dynamodb": [443, 80]}[name]
    dns = [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]
    assert egress == (dns + [{"ports": [{"port": port} for port in ports]}] if ports else [])


def test_sqlite_has_one_pod():
    spec = workload("sqlite")["spec"]
    assert spec["replicas"] == 1 and spec["podManagementPolicy"] == "OrderedReady"
    assert spec["updateStrategy"]["type"] == "RollingUpdate"
    assert [claim["spec"]["accessModes"] for claim in spec["volumeClaimTemplates"]] == [["ReadWriteOncePod"]] * 2
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of("sqlite")["volumeMounts"]}
    assert mounts["data"] == "/var/lib/nextid" and mounts["state"] == "/var/lib/nextid-state"


def test_prometheus_finds_the_service():
    (monitor,) = yaml.safe_load_all(text_of("servicemonitor"))
    service = objects("sqlite")["Service"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1" and monitor["kind"] == "ServiceMonitor"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    assert endpoint["authorization"] == {
        "type": "Bearer", "credentials": {"name": "nextid-metrics", "key": "token"}}


# ---- What nextid does with it

@pytest.fixture
def cluster(tmp_path, start_server):
    """A node with a Secret of tokens, and the tokens: one that may do all, and that of Prometheus."""
    made = [nextid.run("token", name, "--rights", rights).stdout.splitlines()
            for name, rights in (("admin", "read,allocate,define"), ("metrics", "read"))]
    node = Node(tmp_path, {"nextid-tokens": {"tokens": "".join(line + "\n" for _, line in made)}})
    node.admin, node.metrics = (f"Authorization: Bearer {token}" for token, _ in made)
    node.start_server = start_server
    yield node
    node.close()


def start(cluster, name, **options):
    claims = [claim["metadata"]["name"] for claim in workload(name)["spec"].get("volumeClaimTemplates", [])]
    return cluster.start(cluster.start_server, pod_of(name), claims, **options)


def next_id(server, cluster):
    return server.ask("GET", "/next", headers=[cluster.admin]).json()["id"]


def check_probes(server, name):
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert server.ask("GET", container_of(name)[probe]["httpGet"]["path"],
                          headers=[f"Host: 10.1.2.3:{server.port}"]).status == 200


def test_a_pod_with_sqlite(cluster):
    server = start(cluster, "sqlite")
    check_probes(server, "sqlite")
    assert next_id(server, cluster) == 1
    assert server.ask("GET", "/next").status == 401
    assert server.ask("GET", "/metrics", headers=[cluster.metrics]).status == 200
    assert (cluster.root / "var/lib/nextid/ids.db").exists()
    assert (cluster.root / "var/lib/nextid-state/nextid-state.db").exists()
    warnings = [line for line in server.log().splitlines() if '"warning"' in line]
    assert all("Tokens travel in the clear" in line for line in warnings), warnings
    begin = time.monotonic()
    assert server.stop()["returned"] == 1
    assert time.monotonic() - begin < pod_of("sqlite")["terminationGracePeriodSeconds"]
    # The next pod, with the same volumes.
    server = start(cluster, "sqlite")
    assert "opened store" in server.log()
    assert next_id(server, cluster) == 2


def test_a_volume_that_everyone_may_write_is_refused(cluster):
    """Of provisioners that make such directories; sqlite.volumePermissions is for them."""
    cluster.mount({"claim": "data"}, "/var/lib/nextid")
    (cluster.root / "var/lib/nextid").chmod(0o777)
    server = cluster.start(cluster.start_server, pod_of("sqlite"), ["data", "state"], wait=False)
    assert server.wait() == nextid.INVALID
    assert "could exchange it" in server.log()


def test_names_of_the_service_are_known_without_tokens(cluster):
    pod = copy.deepcopy(pod_of("sqlite"))
    (container,) = pod["containers"]
    container["args"] = [re.sub("^--tokens=.*", "--insecure", argument) for argument in container["args"]]
    server = cluster.start(cluster.start_server, pod, ["data", "state"])
    for host in ("nextid", "nextid.shop", "nextid.shop.svc", "nextid.shop.svc.cluster.local", "10.1.2.3"):
        assert server.ask("GET", "/next", headers=[f"Host: {host}:8000"]).status == 200, host
    for host in ("nextid.other", "evil.example"):
        assert server.ask("GET", "/next", headers=[f"Host: {host}:8000"]).status == 403, host


def at(address, without=()):
    """Has a manifest's URL lead to a server of the test, which has no TLS."""
    def changed(url):
        kept = [each for each in parameters(url).split("&") if each.partition("=")[0] not in without]
        return "&".join([f"{address}?{kept[0]}", *kept[1:]]) if any(kept) else address
    return changed


def check_drain(server, cluster, name):
    """Ids are given while load balancers see that it stops; then it ends, in the time that a pod has."""
    begin = time.monotonic()
    server.terminate()
    poll(lambda: server.ask("GET", "/readyz").status == 503, "it tells that it stops")
    taken = next_id(server, cluster)
    assert server.wait() == 0
    took = time.monotonic() - begin
    assert DRAIN_SECONDS <= took < pod_of(name)["terminationGracePeriodSeconds"]
    return taken


def test_a_pod_with_postgres(cluster, start_postgres):
    setting = start_postgres()
    setting.server.set_hba("host all nextid 127.0.0.1/32 scram-sha-256\n" + TRUST)
    setting.server.sql(f"ALTER ROLE nextid PASSWORD '{PASSWORD}'")
    setting.server.reload()
    cluster.secrets["nextid-store"] = {"pg_service.conf": f"[nextid]\npassword={PASSWORD}\n", "ca.crt": ""}
    server = start(cluster, "postgres", store=at(setting.store(), ["sslmode", "sslrootcert"]))
    check_probes(server, "postgres")
    assert next_id(server, cluster) == 1
    assert check_drain(server, cluster, "postgres") == 2
    assert PASSWORD not in server.log()


def test_a_pod_with_postgres_and_a_wrong_password(cluster, start_postgres):
    setting = start_postgres()
    setting.server.set_hba("host all nextid 127.0.0.1/32 scram-sha-256\n" + TRUST)
    setting.server.reload()
    cluster.secrets["nextid-store"] = {"pg_service.conf": "[nextid]\npassword=wrong\n", "ca.crt": ""}
    server = start(cluster, "postgres", store=at(setting.store(), ["sslmode", "sslrootcert"]), wait=False)
    assert server.wait() == nextid.UNAVAILABLE
    assert "password authentication failed" in server.log()


def test_a_pod_with_mysql(cluster, mysql):
    mysql.server.sql(f"CREATE USER pod@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
                     "GRANT ALL ON nextid.* TO pod@'127.0.0.1'")
    cluster.secrets["nextid-store"] = {"my.cnf": f"[client]\npassword={PASSWORD}\n", "ca.crt": ""}
    store = mysql.store(user="pod")
    server = start(cluster, "mysql", store=lambda url: f"{store}&{at('', ['ssl_ca'])(url)[1:]}")
    check_probes(server, "mysql")
    assert next_id(server, cluster) == 1
    assert PASSWORD not in server.log()


def test_a_pod_with_etcd(cluster, start_etcd):
    setting = start_etcd()
    guard(setting.keys)
    cluster.secrets["nextid-store"] = {"password": f"{PASSWORD}\n", "ca.crt": ""}
    server = start(cluster, "etcd", store=at(f"etcd://nextid@{setting.server.endpoint}/ids", ["ca_file"]))
    check_probes(server, "etcd")
    assert next_id(server, cluster) == 1
    assert PASSWORD not in server.log()


def guard(keys):
    """Has etcd ask for nextid's password."""
    for name in ("root", "nextid"):
        keys.call("/v3/auth/user/add", name=name, password=PASSWORD)
    keys.call("/v3/auth/role/add", name="root")
    for name in ("root", "nextid"):
        keys.call("/v3/auth/user/grant", user=name, role="root")
    keys.call("/v3/auth/enable")
    keys.user = ("root", PASSWORD)


def test_a_pod_with_dynamodb(cluster, dynamodb):
    """Its variables are those that IRSA would find keys with; here the keys themselves."""
    pod = copy.deepcopy(pod_of("dynamodb"))
    pod["containers"][0]["env"] += [{"name": name, "value": value} for name, value in dynamodb.env.items()]
    server = cluster.start(cluster.start_server, pod, store=lambda url: dynamodb.store())
    check_probes(server, "dynamodb")
    assert next_id(server, cluster) == 1
    assert objects("dynamodb")["ServiceAccount"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
