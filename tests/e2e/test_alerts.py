"""The alerts in packaging/prometheus, on what /metrics of a real server says before and after."""

import json
import shutil
import sqlite3
import subprocess
from collections import defaultdict

import pytest

import nextid
from nextid import is_problem, poll, store_locked
from prometheus_text import metrics_of

RULES = nextid.REPOSITORY / "packaging" / "prometheus" / "nextid-alerts.yml"
WHERE = {"job": "nextid", "instance": "ids-1"}

pytestmark = pytest.mark.skipif(not shutil.which("promtool"),
                                reason="not run: there is no promtool here (Debian: prometheus)")


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout


def number(value):
    # A gap in the series: promtool reads no infinity.
    return "_" if value in (float("inf"), float("-inf")) else repr(value)


def series_of(pages):
    """What Prometheus has after scraping `pages`, a minute apart."""
    values = defaultdict(lambda: ["_"] * len(pages))
    for index, page in enumerate(pages):
        for key, value in page.samples.items():
            values[key][index] = number(value)
    for (name, *pairs), samples in values.items():
        labels = {**WHERE, **dict(pairs)}
        text = ",".join(f"{label}={json.dumps(value)}" for label, value in labels.items())
        yield {"series": f"{name}{{{text}}}", "values": " ".join(samples)}


def firing(tmp_path, pages, alert, minutes):
    """Whether the alert fires `minutes` after the first of `pages`."""
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [{
        "interval": "1m", "input_series": list(series_of(pages)),
        "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}]}]}
    path = tmp_path / "rules-test.json"
    path.write_text(json.dumps(test))  # JSON is YAML.
    code, output = promtool("test", "rules", path)
    assert code == 0 or "exp:[" in output.replace(" ", ""), output
    return code != 0


def set_back(path, value):
    """As a restored backup would: under the server's feet."""
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("UPDATE counters SET value = ? WHERE writer = 0", (value,))


def test_the_rules_are_valid():
    code, output = promtool("check", "rules", RULES)
    assert code == 0, output


@pytest.mark.not_accounted("the store is set back on purpose")
def test_the_first_stop_of_a_counter_is_seen(start_server, tmp_path):
    server = start_server()
    for _ in range(30):
        server.next_id()
    calm = [metrics_of(server)] * 4
    assert not firing(tmp_path, calm, "NextidCounterStopped", 3)

    set_back(tmp_path / "ids.db", 10)
    assert is_problem(server.ask("GET", "/next"), 500, "corrupt")
    poll(lambda: metrics_of(server).get("nextid_counters_stopped") == 1, "the metrics tell")
    stopped = metrics_of(server)
    assert stopped.get("nextid_counter_stopped", counter="global") == 1
    pages = [*calm, stopped, stopped]
    assert firing(tmp_path, pages, "NextidCounterStopped", 4)
    assert not firing(tmp_path, pages, "NextidCounterStopped", 3)
    assert not firing(tmp_path, pages, "NextidStoreInDoubt", 4)

    # The counts of requests alone tell it as well, by their first event.
    for page in [*calm, stopped]:
        page.samples = {key: value for key, value in page.samples.items()
                        if not key[0].startswith("nextid_counter")}
    assert firing(tmp_path, pages, "NextidCounterStopped", 4)


def test_a_store_that_takes_no_writes_is_seen(start_server, tmp_path):
    server = start_server()
    calm = metrics_of(server)
    assert calm.get("nextid_store_takes_writes") == 1
    with store_locked(tmp_path / "ids.db"):
        poll(lambda: metrics_of(server).get("nextid_store_takes_writes") == 0, "the metrics tell")
        failing = metrics_of(server)
    pages = [calm, calm, failing, failing, failing]
    assert not firing(tmp_path, pages, "NextidTakesNoWrites", 2)
    assert firing(tmp_path, pages, "NextidTakesNoWrites", 4)
    assert not firing(tmp_path, [calm] * 5, "NextidTakesNoWrites", 4)


def test_what_alerts_look_at_is_there_from_the_start(server):
    metrics = metrics_of(server)
    for route, protocol in [("next", "http"), ("range", "http"), ("INCR", "resp"),
                            ("INCRBY", "resp")]:
        for result in ["corrupt", "overloaded", "unavailable", "deadline", "exhausted"]:
            assert metrics.get("nextid_requests_total", protocol=protocol, route=route,
                               result=result) == 0
    for result in ["not_applied", "in_doubt", "damaged"]:
        assert metrics.get("nextid_store_calls_total", call="reserve", result=result) == 0
    for name in ["nextid_counters_stopped", "nextid_store_in_doubt", "nextid_state_dir_failing"]:
        assert metrics.get(name) == 0
    assert metrics.types["nextid_counter_stopped"] == "gauge"
