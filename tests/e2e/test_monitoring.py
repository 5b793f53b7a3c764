"""/metrics, as Prometheus and other readers see it: both formats, the dashboard, the alerts."""

import json
import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import nextid
from aws_endpoints import CredentialProcess
from nextid import poll
from prometheus_server import Prometheus, needs_prometheus, promtool
from prometheus_text import metrics_of

PACKAGING = nextid.REPOSITORY / "packaging"
DASHBOARD = json.loads((PACKAGING / "grafana" / "nextid.json").read_text())
ALERTS = PACKAGING / "prometheus" / "nextid-alerts.yml"
PAGE = (nextid.REPOSITORY / "docs" / "operations.md").read_text()

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# A metric's name in a query.
NAME = re.compile(r"\b(?:nextid|process)_[a-z_]+")


def make_load(server):
    """Requests of many kinds, so that metrics of all kinds have samples."""
    port = int(re.search(r"redis://127\.0\.0\.1:(\d+)", server.log()).group(1))
    with nextid.Connection(port) as redis, server.connect() as http:
        redis.send(b"INCR orders\r\nINCRBY orders 10\r\nGET orders\r\nMAKE tea\r\n")
        http.ask("PUT", "/v1/counters/blocks", body=b'{"cache":50}',
                 headers=["Content-Type: application/json"])
        for target in ["/next", "/v1/counters/blocks/next", "/range?count=3", "/range?count=0",
                       "/nowhere"]:
            http.ask("GET", target)
        poll(lambda: metrics_of(server).get("nextid_requests_total", protocol="resp",
                                            route="other", result="invalid") > 0, "RESP is counted")


@pytest.fixture
def node_with_keys_that_end(dynamodb, tmp_path):
    """On DynamoDB, with all that is told of that store alone."""
    with CredentialProcess(dynamodb.keys, lifetime=3600) as source:
        config = tmp_path / "config"
        config.write_text("[default]\nregion = eu-west-1\n"
                          f"credential_process = {source.command(tmp_path)}\n")
        yield dynamodb.start(env={**dynamodb.isolated, "AWS_CONFIG_FILE": str(config)})


# ---- The formats

def lint(server):
    answer = server.ask("GET", "/metrics")
    assert answer.headers["content-type"] == TEXT
    return promtool("check", "metrics", stdin=answer.body.decode())


@needs_prometheus
def test_promtool_finds_nothing_to_say(server, node_with_keys_that_end):
    for each in (server, node_with_keys_that_end):
        assert lint(each) == (0, "")  # Before the first request.
        make_load(each)
        assert lint(each) == (0, "")
    assert "nextid_credentials_expiry_timestamp_seconds" in metrics_of(node_with_keys_that_end).types


def open_metrics_of(server, accept="application/openmetrics-text; version=1.0.0"):
    with server.connect() as connection:
        answer = connection.ask("GET", "/metrics", headers=[f"Accept: {accept}"])
    assert (answer.status, answer.headers["content-type"]) == (200, OPENMETRICS)
    return list(text_string_to_metric_families(answer.body.decode()))


def sample_key(name, labels):
    """Bounds are 1 in one format and 1.0 in the other."""
    return (name, *sorted((label, str(float(text)) if label == "le" else text)
                          for label, text in labels.items()))


def test_both_formats_have_the_same_samples(server, node_with_keys_that_end):
    for each in (server, node_with_keys_that_end):
        make_load(each)
        text = {sample_key(name, dict(labels)) for name, *labels in metrics_of(each).samples}
        families = open_metrics_of(each)
        samples = {sample_key(sample.name, sample.labels)
                   for family in families for sample in family.samples}
        assert samples == text
        values = {sample_key(sample.name, sample.labels): sample.value
                  for family in families for sample in family.samples}
        assert values[("nextid_ids_returned_total",)] == 1 + 10 + 1 + 1 + 3
        assert values[("nextid_last_reserved_id", ("counter", "orders"))] == 11
        units = {family.name: family.unit for family in families}
        assert units["process_cpu_seconds"] == units["nextid_allocation_duration_seconds"] == "seconds"
        assert units["nextid_sent_bytes"] == "bytes" and units["nextid_ids_held"] == ""
        assert all(family.documentation for family in families)


@pytest.mark.parametrize("accept,wanted", [
    (None, TEXT), ("*/*", TEXT), ("text/plain", TEXT), ("application/json", TEXT),
    ("application/openmetrics-text", OPENMETRICS),
    ("text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0;q=0.6", OPENMETRICS),
    ("text/plain;version=0.0.4;q=0.6, application/openmetrics-text;version=1.0.0;q=0.5", TEXT),
    ("application/openmetrics-text;version=0.0.1, text/plain;q=0.1", TEXT),
    ("application/openmetrics-text;q=0", TEXT),
])
def test_the_format_is_negotiated(server, accept, wanted):
    for method in ("GET", "HEAD"):
        answer = server.ask(method, "/metrics", headers=[f"Accept: {accept}"] if accept else [])
        assert (answer.status, answer.headers["content-type"]) == (200, wanted)
        if method == "GET":
            assert answer.body.endswith(b"# EOF\n") == (wanted == OPENMETRICS)


def test_each_metric_is_documented(server, node_with_keys_that_end, etcd):
    # What is known of an etcd that has compacted itself.
    header = etcd.keys.call("/v3/kv/range", key="AA==")["header"]
    etcd.keys.call("/v3/kv/compaction", revision=header["revision"], physical=True)
    nodes = (server, node_with_keys_that_end, etcd.start())
    exported = {name for each in nodes for name in metrics_of(each).types
                if not name.startswith("process_")}
    table = PAGE.split("\n## Metrics\n")[1].split("\n## ")[0].split("\n\n")[1]
    documented = {name for row in table.splitlines()
                  for name in re.findall(r"`(nextid_\w+)`", row.split("|")[1])}
    assert documented == exported


# ---- Prometheus itself

@pytest.fixture
def prometheus(server, node_with_keys_that_end, tmp_path):
    with Prometheus(tmp_path / "prometheus", [server, node_with_keys_that_end], ALERTS) as running:
        poll(lambda: running.scraped_as() == {"up": 2}, "both servers are scraped")
        for each in (server, node_with_keys_that_end):
            make_load(each)
        yield running


def queries():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def filled_in(expression):
    """As Grafana does it, with all jobs and servers chosen."""
    for variable, text in [("$__rate_interval", "5s"), ("$job", ".*"), ("$instance", ".*")]:
        expression = expression.replace(variable, text)
    assert "$" not in expression, expression
    return expression


def are_there(prometheus, expressions):
    """All metrics that they name: one that is not there is nothing to Prometheus, and no error."""
    used = set(NAME.findall(" ".join(expressions)))
    poll(lambda: used <= prometheus.metric_names(), f"there is each of {used}")


@needs_prometheus
def test_each_query_of_the_dashboard_has_data(prometheus):
    for title, expression in queries():
        poll(lambda query=filled_in(expression): prometheus.query(query), f"'{title}': {expression}")
    are_there(prometheus, [expression for _, expression in queries()])


@needs_prometheus
def test_each_alert_can_be_evaluated(prometheus):
    poll(lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()), "rules were tried")
    assert [rule for rule in prometheus.rules() if rule["health"] != "ok"] == []
    assert len(prometheus.rules()) == ALERTS.read_text().count("- alert: ")
    are_there(prometheus, [rule["query"] for rule in prometheus.rules()])


def test_the_dashboard_is_one_that_grafana_can_import():
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["title"] and panel["description"] and panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
            # All servers, or those that the user chose.
            selectors = target["expr"].count('job=~"$job", instance=~"$instance"')
            assert selectors == len(NAME.findall(target["expr"])), target["expr"]
