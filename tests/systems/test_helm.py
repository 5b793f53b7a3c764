"""The Helm chart, by Helm itself: linted, rendered, and compared with the manifests that are kept; and what it renders
checked against the schemas of the newest Kubernetes.

`script/test --long` runs this. Helm comes as a Go module, the schemas from PyPI; where one is not to be had, it is not run.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "packaging" / "helm" / "nextid"
# Outside of the sources: what is brought and compiled stays for the next run.
PLACE = REPOSITORY / "build" / "helm"
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"
# A helm that was not made by its release takes the cluster for an older one.
KUBERNETES = "1.33.0"
SCHEMAS = "kubernetes-validate==1.37.0"
EXAMPLES = sorted(path.stem for path in (CHART / "examples").iterdir())
PASSWORD = ["--set", "store.secret=s", "--set", "store.passwordKey=k"]


def run(*command, cwd=REPOSITORY, timeout=120, **environment):
    return subprocess.run(list(map(str, command)), cwd=cwd, stdin=subprocess.DEVNULL, text=True, capture_output=True,
                          timeout=timeout, env={**os.environ, **environment})


def bring(*command, what, **environment):
    done = run(*command, cwd=PLACE, timeout=3000, **environment)
    if done.returncode != 0:
        pytest.skip(f"not run: {what} is not to be had here: {done.stderr[-300:]}")


@pytest.fixture(scope="module")
def helm():
    """Its path, as script/manifests takes it."""
    found = os.environ.get("NEXTID_HELM") or shutil.which("helm") or PLACE / "bin" / "helm"
    if not Path(found).exists():
        if not shutil.which("go"):
            pytest.skip("not run: there is no helm here, and no go to make one")
        PLACE.mkdir(parents=True, exist_ok=True)
        bring("go", "install", HELM, what="helm", GOBIN=str(PLACE / "bin"))
    return Path(found)


@pytest.fixture(scope="module")
def validator():
    """The program that checks objects against the schemas of Kubernetes."""
    program = PLACE / "venv" / "bin" / "kubernetes-validate"
    if not program.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        bring("/usr/bin/python3", "-m", "venv", "venv", what="python3-venv")
        bring("venv/bin/pip", "install", "-q", SCHEMAS, what=SCHEMAS)
    return program


def template(helm, *options, name="nextid"):
    return run(helm, "template", name, CHART, "--kube-version", KUBERNETES, *options)


def render(helm, *options):
    done = template(helm, *options)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def pod_in(objects):
    (found,) = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    return found["spec"]["template"]["spec"]


def arguments_in(objects):
    return pod_in(objects)["containers"][0]["args"]


def test_the_manifests_are_what_helm_renders(helm):
    done = run("script/manifests", "--check", NEXTID_HELM=str(helm))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


VARIANTS = {
    "insecure": ["--set", "insecure=true"],
    "tls": ["--set", "tls.secret=t", "--set", "serviceMonitor.enabled=true"],
    "no resp": ["--set", "resp.enabled=false"],
    "local volumes": ["--set", "sqlite.volumePermissions.enabled=true", "--set", "sqlite.stateStorage.size="],
    "options": ["--set", "options.max-counters=2000000", "--set", "options.default-cache=100"],
    "everything": ["--set", "podAnnotations.a=b,podLabels.a=b,priorityClassName=high,nodeSelector.a=b",
                   "--set", "imagePullSecrets[0].name=r,tolerations[0].key=k,service.annotations.a=b",
                   "--set", "extraEnv[0].name=AWS_REGION,extraEnv[0].value=eu-west-1,store.create=false",
                   "--set", "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
                            ".nodeSelectorTerms[0].matchExpressions[0].key=a",
                   "--set", "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
                            ".nodeSelectorTerms[0].matchExpressions[0].operator=Exists",
                   "--set", "image.digest=sha256:" + "0" * 64, "--set", "allowHosts={ids.example}"],
}


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_kubernetes_takes_what_it_renders(helm, validator, tmp_path, example, variant):
    done = template(helm, "--values", CHART / "examples" / f"{example}.yaml", *VARIANTS[variant])
    assert done.returncode == 0, done.stderr
    objects = [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] != "ServiceMonitor"]
    path = tmp_path / "objects.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    checked = run(validator, "--strict", path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_validator_finds_what_is_wrong(validator, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{prot: 1}]}\n")
    assert run(validator, "--strict", path).returncode != 0


def test_lint(helm):
    for example in EXAMPLES:
        done = run(helm, "lint", "--strict", CHART, "--kube-version", KUBERNETES, "--values", CHART / "examples" / f"{example}.yaml")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("value", [
    "store.url=postgres://nextid:secret@db/ids", "store.url=sqlite:ids.db", "replicas=3", "options.store=memory:",
    "sqlite.storage.accessMode=ReadWriteMany"])
def test_wrong_values_are_refused(helm, value):
    done = template(helm, "--set", value)
    assert done.returncode != 0 and "values" in done.stderr, done


def test_values_come_through(helm):
    arguments = arguments_in(render(helm, *VARIANTS["options"]))
    assert {"--max-counters=2000000", "--default-cache=100", "--log-format=json"} <= set(arguments)
    arguments = arguments_in(render(helm, *VARIANTS["everything"]))
    assert "--no-create-store" in arguments
    (hosts,) = [argument for argument in arguments if argument.startswith("--allow-host=")]
    assert hosts.endswith(".svc.cluster.local,ids.example"), hosts
    arguments = arguments_in(render(helm, *VARIANTS["insecure"]))
    assert "--insecure" in arguments and not any("token" in argument for argument in arguments)
    arguments = arguments_in(render(helm, *VARIANTS["no resp"]))
    assert "--resp=off" in arguments


def test_probes_and_prometheus_follow_tls(helm):
    objects = render(helm, *VARIANTS["tls"])
    (container,) = pod_in(objects)["containers"]
    assert {container[f"{probe}Probe"]["httpGet"]["scheme"] for probe in ("startup", "liveness", "readiness")} == {"HTTPS"}
    (monitor,) = [each for each in objects if each["kind"] == "ServiceMonitor"]
    assert monitor["spec"]["endpoints"][0]["scheme"] == "https"
    assert {"--tls-cert=/etc/nextid/tls/tls.crt", "--tls-key=/etc/nextid/tls/tls.key"} <= set(container["args"])


@pytest.mark.parametrize("url, argument, variables", [
    ("postgres://nextid@db/ids", "postgres://nextid@db/ids", {"PGSERVICE": "nextid", "PGSERVICEFILE": "/etc/nextid/store/k"}),
    ("mysql://nextid@db/ids", "mysql://nextid@db/ids?option_file=/etc/nextid/store/k", {}),
    ("etcd://u@db/ids?tls=true", "etcd://u@db/ids?tls=true&password_file=/etc/nextid/store/k", {})])
def test_passwords_come_by_file(helm, url, argument, variables):
    objects = render(helm, *PASSWORD, "--set", f"store.url={url}")
    assert f"--store={argument}" in arguments_in(objects)
    environment = pod_in(objects)["containers"][0]["env"]
    assert {each["name"]: each["value"] for each in environment if "value" in each} == variables


def test_two_releases_in_one_namespace_are_apart(helm):
    done = template(helm, name="orders")
    names = {each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout) if each}
    assert names == {"orders-nextid"}


def test_it_packs(helm, tmp_path):
    done = run(helm, "package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    listed = run("tar", "tzf", next(tmp_path.glob("nextid-*.tgz"))).stdout.split()
    assert "nextid/values.schema.json" in listed and not any("examples" in name for name in listed)
