"""The alerts in packaging/prometheus, on what /metrics of a real server says before and after."""

import copy
import json
import re
import sqlite3
from collections import defaultdict

import pytest
import yaml

import nextid
from nextid import is_problem, poll, store_locked
from prometheus_server import needs_prometheus, promtool
from prometheus_text import metrics_of

RULES = nextid.REPOSITORY / "packaging" / "prometheus" / "nextid-alerts.yml"
WHERE = {"job": "nextid", "instance": "ids-1"}

pytestmark = needs_prometheus


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
    assert promtool("check", "metrics", stdin=server.ask("GET", "/metrics").body.decode()) == (0, "")
    assert stopped.get("nextid_counters_stopped_info", counter="global") == 1
    pages = [*calm, stopped, stopped]
    assert firing(tmp_path, pages, "NextidCounterStopped", 4)
    assert not firing(tmp_path, pages, "NextidCounterStopped", 3)
    assert not firing(tmp_path, pages, "NextidStoreInDoubt", 4)

    # The counts of requests alone tell it as well, by their first event.
    for page in [*calm, stopped]:
        page.samples = {key: value for key, value in page.samples.items()
                        if not key[0].startswith("nextid_counter")}
    assert firing(tmp_path, pages, "NextidCounterStopped", 4)


def requests(result):
    return ("nextid_requests_total", ("protocol", "http"), ("result", result), ("route", "next"))


def time_left(seconds):
    return {("nextid_time_to_exhaustion_seconds", ("counter", "global")): seconds}


def store_calls(result, count):
    return {("nextid_store_calls_total", ("call", "reserve"), ("result", result)): count}


def latency(page, bound_s):
    """A thousand requests, all within the bound, and none within a smaller one."""
    return {key: 1000 for key in page.samples
            if key[0] == "nextid_allocation_duration_seconds_bucket"
            and ("protocol", "http") in key and float(dict(key[1:])["le"]) >= bound_s}


def burned(count, of):
    return {("nextid_ids_burned_total", ("reason", "disconnect")): count,
            ("nextid_ids_returned_total",): of}


def credentials(expiry_s, failing):
    return {("nextid_credentials_expiry_timestamp_seconds",): expiry_s,
            ("nextid_credentials_renewal_failing",): failing}


# By alert, what makes it fire and what does not yet, and the minutes that it waits. Gauges have these
# values; counts grow by them in a minute.
TROUBLES = {
    "NextidDown": ({("up",): 0}, {("up",): 1}, 1),
    "NextidCounterStopped": ({("nextid_counters_stopped",): 1}, {requests("corrupt"): 0}, 0),
    "NextidStoreInDoubt": ({("nextid_store_in_doubt",): 1}, {("nextid_store_in_doubt",): 0}, 0),
    "NextidTakesNoWrites": (
        {("nextid_store_takes_writes",): 0}, {("nextid_store_takes_writes",): 1}, 1),
    "NextidCounterRunsOut": (time_left(29 * 86400), time_left(31 * 86400), 60),
    "NextidStoreFails": (store_calls("in_doubt", 8), store_calls("refused", 8), 5),
    "NextidRefuses": ({requests("overloaded"): 80}, {requests("overloaded"): 50}, 5),
    "NextidSlow": (lambda page: latency(page, 1), lambda page: latency(page, 0.25), 10),
    "NextidCredentialsEnd": (credentials(150 * 60, 1), credentials(150 * 60, 0), 0),
    "NextidStateDirFails": (
        {("nextid_state_dir_failing",): 1}, {("nextid_state_dir_failing",): 0}, 10),
    "NextidBurnsIds": (burned(10, 500), burned(4, 500), 60),
}
CALM_MINUTES = 10


def troubled(page, trouble, minutes):
    """Calm pages, and then those of so many minutes of trouble."""
    changes = trouble(page) if callable(trouble) else trouble
    pages = [page] * CALM_MINUTES
    for minute in range(1, minutes + 1):
        later = copy.copy(page)
        later.samples = {**page.samples, **{
            key: page.samples.get(key, 0) + minute * value
            if key[0].endswith(("_total", "_bucket")) else value for key, value in changes.items()}}
        pages.append(later)
    return pages


def test_each_alert_leads_to_its_runbook():
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    sections = {re.sub(r"\W+", "-", title.lower()) for title in
                re.findall(r"^##+ (.*)$", (nextid.REPOSITORY / "docs" / "failures.md").read_text(), re.M)}
    for rule in rules:
        notes = rule["annotations"]
        assert all(notes[name].strip() for name in ("summary", "description")), rule["alert"]
        page, _, section = notes["runbook"].partition("#")
        assert page == "docs/failures.md" and section in sections, rule["alert"]


def test_each_alert_has_a_trouble():
    assert re.findall(r"- alert: (\w+)", RULES.read_text()) == list(TROUBLES)


@pytest.mark.parametrize("alert", TROUBLES)
def test_alerts_fire_for_their_trouble_and_no_other(server, tmp_path, alert):
    server.next_id()
    page = metrics_of(server)
    trouble, tolerable, waits_minutes = TROUBLES[alert]
    end = CALM_MINUTES + 139
    pages = troubled(page, trouble, end)
    assert firing(tmp_path, pages, alert, end)
    assert not firing(tmp_path, pages, alert, CALM_MINUTES - 1 + waits_minutes)
    assert not firing(tmp_path, troubled(page, tolerable, end), alert, end)


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
    assert metrics.types["nextid_counters_stopped_info"] == "gauge"
