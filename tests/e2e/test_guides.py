"""The guides for ECS, Compose and Kubernetes, and the files in packaging/ that they show: the files are what AWS and
Compose take, and the server starts with the variables in them. Neither AWS, Docker nor Kubernetes is here: calls of
their command lines are checked against AWS' own descriptions of them, or written down."""

import json
import os
import re
import shlex
import shutil
import subprocess

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator

import nextid

GUIDES = nextid.REPOSITORY / "docs" / "guides"
PACKAGING = nextid.REPOSITORY / "packaging"
PAGES = {name: (GUIDES / name).read_text() for name in ("ecs-fargate.md", "compose.md", "kubernetes.md")}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
SHOWN = re.compile(r"^\[`[^`]*`\]\(\.\./\.\./packaging/(\S+?)\)[^\n]*\n\n```\w+\n(.*?)^```", re.M | re.S)

VERSION = re.search(r'kVersion = "([^"]+)"', (nextid.REPOSITORY / "include/nextid/version.h").read_text()).group(1)


def blocks(page, kind="sh"):
    return [text for found, text in BLOCK.findall(PAGES[page]) if found == kind]


def test_every_block_has_a_test():
    assert {page: [len(blocks(page, kind)) for kind in ("sh", "console")] for page in PAGES} == {
        "ecs-fargate.md": [5, 1], "compose.md": [2, 1], "kubernetes.md": [3, 1]}


@pytest.mark.parametrize("page, folder", [("ecs-fargate.md", "ecs"), ("compose.md", "compose")])
def test_the_page_shows_the_files(page, folder):
    shown = dict(SHOWN.findall(PAGES[page]))
    assert shown == {f"{folder}/{path.name}": path.read_text() for path in (PACKAGING / folder).iterdir()}


def images(value):
    """Those of nextid, in any file."""
    if isinstance(value, dict):
        return {found for each in value.values() for found in images(each)}
    if isinstance(value, list):
        return {found for each in value for found in images(each)}
    return {value} if isinstance(value, str) and re.fullmatch(r"([\w.-]+/)?nextid:[\w.]+", value) else set()


def test_versions():
    files = [*(PACKAGING / "ecs").iterdir(), *(PACKAGING / "compose").iterdir()]
    found = set().union(*(images(yaml.safe_load(path.read_text())) for path in files))
    assert found and {image.partition(":")[2] for image in found} == {VERSION}
    assert set(re.findall(r"nextid:(\d+\.\d+\.\d+)", "".join(PAGES.values()))) == {VERSION}


# ---- Containers

# What the image sets.
IMAGE = {"NEXTID_STORE": "sqlite:/var/lib/nextid/ids.db", "NEXTID_HTTP": "0.0.0.0:8000", "NEXTID_RESP": "0.0.0.0:6380"}


def start_container(start_server, root, variables, store=None, env=None):
    """The server of a container with these variables, its directories in the test's own; `store` and `env` lead to
    the test's in place of the container's."""
    chosen = {**IMAGE, **variables}
    assert (chosen["NEXTID_HTTP"], chosen["NEXTID_RESP"]) == ("0.0.0.0:8000", "0.0.0.0:6380")
    at_root = {name: re.sub(r"(^|:)/(var|etc)/", rf"\1{root}/\2/", value) for name, value in chosen.items()}
    # What is drained is another test's.
    at_root |= {"NEXTID_HTTP": "127.0.0.1:0", "NEXTID_RESP": "127.0.0.1:0", "NEXTID_DRAIN_DELAY": "off"}
    if store:
        at_root["NEXTID_STORE"] = store
    return start_server(store=None, http=None, env={**at_root, **(env or {})})


def seconds(text):
    return int(text.removesuffix("s"))


def has_tokens(server, token):
    assert server.ask("POST", "/next").status == 401
    answer = server.ask("POST", "/v1/counters/orders/next", headers=[f"Authorization: Bearer {token}"])
    assert answer.status == 200, answer
    return answer.json()["id"]


@pytest.fixture
def shell(tmp_path):
    """Types blocks in a copy of the repository's files. What is not here is written down in the file `calls`."""
    work = tmp_path / "work"
    shutil.copytree(PACKAGING, work / "packaging", ignore=shutil.ignore_patterns("debian"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nextid").symlink_to(nextid.BINARY)
    for name in ("docker", "kubectl", "helm", "aws"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n')
    # Root gives files away; who is not root has them already.
    (programs / "sudo").write_text('#!/bin/sh\n[ "$(id -u)" != 0 ] || exec "$@"\n')
    for name in programs.iterdir():
        if not name.is_symlink():
            name.chmod(0o755)
    environment = nextid.environment({"PATH": f"{programs}:{os.environ['PATH']}", "PASSWORD": "secret"})

    def run(script):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True, cwd=work, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, (script, done.stderr)
        return done.stdout

    run.work, run.calls = work, tmp_path / "calls"
    return run


# ---- ECS

def load(path):
    return json.loads((PACKAGING / "ecs" / path).read_text())


AWS = botocore.session.Session()


def from_file(value):
    if not value.startswith("file://"):
        return value
    path = nextid.REPOSITORY / value.removeprefix("file://")
    return path.read_text() if path.exists() else "made by the command before it"


def parameter(shape, words):
    """Of a call, as the aws command line reads it."""
    if shape.type_name == "boolean":
        assert not words, words
        return True
    if shape.type_name == "list":
        if shape.member.type_name == "structure":
            return [dict(part.split("=", 1) for part in word.split(",")) for word in words]
        return words
    (word,) = words
    return from_file(word)


def check_aws(command):
    """That AWS knows this call, with these parameters."""
    words = shlex.split(command)
    _, service, operation, *options = words
    model = AWS.get_service_model(service)
    if operation == "wait":
        waiters = AWS.get_waiter_model(service)
        waits = {xform_name(name, "-"): name for name in waiters.waiter_names}
        operation = xform_name(waiters.get_waiter(waits[options.pop(0)]).operation, "-")
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    members = {f"--{xform_name(name, '-')}": (name, member) for name, member in shape.members.items()}
    given, values = {}, []
    for word in options:
        if word.startswith("--"):
            values = given[word] = []
        else:
            values.append(word)
    if "--cli-input-json" in given:
        assert len(given) == 1
        parameters = json.loads(from_file(given["--cli-input-json"][0]))
    else:
        parameters = {members[name][0]: parameter(members[name][1], words) for name, words in given.items()}
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), (command, report.generate_report())
    return service, operation


def test_aws_calls():
    page = PAGES["ecs-fargate.md"]
    scripts = "".join(blocks("ecs-fargate.md")).replace("\\\n", " ")
    in_text = re.findall(r"`(aws [^`\s]+ [^`\s]+ -[^`]*)`", page)
    commands = [line for line in scripts.splitlines() if line.startswith("aws ")] + in_text
    assert len(commands) > 12
    for command in commands:
        check_aws(command)


def test_a_wrong_aws_call_is_found():
    with pytest.raises(KeyError):
        check_aws("aws ecs describe-services --service nextid")
    with pytest.raises(AssertionError, match="targetGroup"):
        check_aws("aws elbv2 modify-target-group-attributes --target-group-arn a --attributes targetGroup=1")


def test_roles():
    page = (nextid.REPOSITORY / "docs" / "dynamodb.md").read_text()
    permissions = re.search(r"^## Permissions\n\n```json\n(.*?)^```", page, re.M | re.S).group(1)
    assert load("task-role.json") == json.loads(permissions)
    task = load("task-definition.json")
    account = r"arn:aws:[a-z]+:[a-z0-9-]*:123456789012:"
    secret = task["containerDefinitions"][0]["secrets"][0]["valueFrom"]
    (allowed,) = load("execution-role.json")["Statement"]
    assert re.fullmatch(allowed["Resource"].replace("*", ".*"), secret)
    scripts = "".join(blocks("ecs-fargate.md"))
    for role in (task["taskRoleArn"], task["executionRoleArn"]):
        assert f"--role-name {re.sub(account + 'role/', '', role)} " in scripts
    assert f"--log-group-name {task['containerDefinitions'][1]['logConfiguration']['options']['awslogs-group']}\n" in scripts


def test_the_task(shell, start_server, dynamodb, tmp_path):
    """Its first container writes the tokens, and the server takes them, on tables that are there."""
    task = load("task-definition.json")
    writer, server = task["containerDefinitions"]
    variables = {each["name"]: each["value"] for each in server["environment"]}
    assert server["stopTimeout"] > seconds(variables["NEXTID_DRAIN_DELAY"]) + 8
    assert server["healthCheck"]["command"] == ["CMD", "/usr/bin/nextid", "probe"]
    assert {mount["containerPort"] for mount in server["portMappings"]} == {8000, 6380}
    service, target = load("service.json"), load("target-group.json")
    (balancer,) = service["loadBalancers"]
    assert (balancer["containerName"], balancer["containerPort"], target["Port"]) == (server["name"], 8000, 8000)
    assert service["taskDefinition"] == task["family"]

    token = next(iter(shell("\n".join(line for line in blocks("ecs-fargate.md")[1].splitlines()
                                      if line.startswith("nextid "))).splitlines()))
    (tmp_path / "etc/nextid").mkdir(parents=True)
    writer["command"][2] = writer["command"][2].replace("/etc/", f"{tmp_path}/etc/")
    tokens = (shell.work / "tokens").read_text()
    subprocess.run(writer["command"], env={**os.environ, "TOKENS": tokens.rstrip("\n")}, check=True)
    assert (tmp_path / "etc/nextid/tokens").read_text() == tokens

    assert dynamodb.run("define", "orders").returncode == 0
    assert variables["NEXTID_NO_CREATE_STORE"] == "true"
    node = start_container(start_server, tmp_path, variables, dynamodb.store(), dynamodb.env)
    assert has_tokens(node, token) == 1
    for path in (target["HealthCheckPath"], "/readyz"):
        assert node.ask("GET", path, headers=["X-Forwarded-For: 192.0.2.1"]).status == 200


# ---- Compose

def compose(name):
    return yaml.safe_load((PACKAGING / "compose" / name).read_text())


def make_tokens(shell, block):
    token = shell(block).splitlines()[0]
    tokens = shell.work / "packaging/compose/etc/tokens"
    assert tokens.stat().st_mode & 0o777 == 0o600
    return token


def test_compose(shell, start_server, tmp_path):
    token = make_tokens(shell, blocks("compose.md")[0])
    assert shell.calls.read_text() == "docker compose up --detach\ndocker compose logs nextid\n"
    (name, service), = compose("compose.yaml")["services"].items()
    assert name == "nextid" and set(compose("compose.yaml")["volumes"]) == {"ids", "state"}
    assert service["volumes"] == ["ids:/var/lib/nextid", "state:/var/lib/nextid-state", "./etc:/etc/nextid:ro"]
    assert seconds(service["stop_grace_period"]) > 8
    (tmp_path / "var/lib/nextid").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nextid").symlink_to(shell.work / "packaging/compose/etc")
    node = start_container(start_server, tmp_path, service["environment"])
    assert has_tokens(node, token) == 1
    assert (tmp_path / "var/lib/nextid/ids.db").exists()


def test_compose_with_postgres(shell, start_server, postgres, tmp_path):
    token = make_tokens(shell, blocks("compose.md")[1])
    assert shell.calls.read_text() == "docker compose --file compose.postgres.yaml up --detach\n"
    services = compose("compose.postgres.yaml")["services"]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nextid").symlink_to(shell.work / "packaging/compose/etc")
    ids = []
    for name in ("nextid-1", "nextid-2"):
        service = services[name]
        variables = service["environment"]
        assert seconds(service["stop_grace_period"]) > seconds(variables["NEXTID_DRAIN_DELAY"]) + 8
        assert "PGPASSWORD" in variables and "postgres" in service["depends_on"]
        node = start_container(start_server, tmp_path, variables, postgres.store())
        ids.append(has_tokens(node, token))
    assert ids == [1, 2]
    database = services["postgres"]["environment"]
    assert services["nextid-1"]["environment"]["NEXTID_STORE"] == f"postgres://{database['POSTGRES_USER']}@postgres/{database['POSTGRES_DB']}"


# ---- Kubernetes

def values_of(text):
    """--set NAME=VALUE of a command."""
    return [word.partition("=")[0] for word in re.findall(r"--set '?([\w.]+=)", text)]


def test_kubernetes(shell):
    chart = PACKAGING / "helm" / "nextid"
    if not chart.exists():
        pytest.skip("not run: packaging/helm is not there")
    for block in blocks("kubernetes.md"):
        (shell.work / "ca.crt").touch()
        shell(block)
    calls = shell.calls.read_text()
    assert (shell.work / "pg_service.conf").read_text() == "[nextid]\npassword=secret\n"
    assert (shell.work / "tokens").read_text().count("sha256:") == 2
    for path in re.findall(r"packaging/\S+", calls):
        assert (nextid.REPOSITORY / path).exists(), path
    page = PAGES["kubernetes.md"]
    for name in re.findall(r"`(?:examples/)?(\w+\.yaml)`", page):
        assert (chart / "examples" / name).exists() or name == "values.yaml", name
    values = yaml.safe_load((chart / "values.yaml").read_text())
    named = values_of(page) + re.findall(r"`((?:serviceAccount|serviceMonitor|allowHosts|store|shared|sqlite)[\w.]*)`", page)
    assert len(named) > 4
    for name in named:
        place = values
        for part in name.split("."):
            assert part in place, name
            place = place[part]
    assert values["shared"]["drainDelaySeconds"] == 10 and values["resp"]["port"] == 6380
    assert [values[name][key] for name, key in (("tokens", "secret"), ("tokens", "key"))] == ["nextid-tokens", "tokens"]
