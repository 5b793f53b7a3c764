"""Prometheus, as users run it: it scrapes servers of ours, and evaluates queries and rules."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

from nextid import PATIENCE, poll

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="not run: there is no prometheus or promtool here (Debian: prometheus)")


def promtool(*arguments, stdin=None):
    done = subprocess.run(["promtool", *map(str, arguments)], text=True, input=stdin or "",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout


class Prometheus:
    def __init__(self, directory, servers, rules):
        """`servers` are nextid.Server; `rules`, a file."""
        directory.mkdir()
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({  # JSON is YAML.
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "nextid", "static_configs": [
                {"targets": [f"127.0.0.1:{server.port}" for server in servers]}]}]}))
        self._log_path = directory / "log"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}",
                 "--web.listen-address=127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        try:
            self._port = int(poll(self._listening, "Prometheus listens").group(1))
            poll(lambda: self._ask("/-/ready", lambda text: True), "Prometheus is ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(timeout=PATIENCE)

    def _listening(self):
        log = self._log_path.read_text()
        assert self._process.poll() is None, log
        return re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', log)

    def _ask(self, path, read=json.loads):
        """None while it is not ready, and for what it does not like."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self._port}{path}", timeout=PATIENCE) as answer:
                return read(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return None
            raise AssertionError(f"{path}: {error.read().decode()}") from error

    def get(self, path):
        return self._ask(path)["data"]

    def query(self, expression):
        """The samples of an instant query."""
        return self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))["result"]

    def metric_names(self):
        return set(self.get("/api/v1/label/__name__/values"))

    def rules(self):
        return [rule for group in self.get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def scraped_as(self):
        """What the targets are, by their health: {"up": 2}."""
        healths = [target["health"] for target in self.get("/api/v1/targets")["activeTargets"]]
        return {health: healths.count(health) for health in healths}
