"""Single faults that nobody notices, and a store that is away for a while."""

import socket
import statistics
import threading
import time

import pytest

from dynamodb_faults import FAULTS, LATE, Fault
import nextid
from nextid import NOTHING_BURNED, OK, UNAVAILABLE, is_problem, own_hosts_file, poll


# ---- One fault at a time

@pytest.mark.parametrize("sends_old_items", [False, True], ids=["read-back", "old-items"])
def test_single_faults_go_unnoticed(dynamodb, sends_old_items):
    """Each kind, at each write: the next id is the next number, and the store knows no other."""
    dynamodb.proxy.return_old_items = sends_old_items
    node = dynamodb.start()
    last = node.next_id()
    assert last == 1
    for kind in FAULTS:
        dynamodb.proxy.script.add(Fault(kind, 0.1 if kind in LATE else 0), operation="UpdateItem")
        last += 1
        assert node.next_id() == last, kind
        assert node.next_id() == last + 1, kind
        last += 1
        dynamodb.proxy.settle()
        assert dynamodb.table.value() == last, kind
    assert dynamodb.proxy.injected == dict.fromkeys(FAULTS, 1)
    assert node.stop() == {"returned": last, **NOTHING_BURNED}


def test_faults_of_reads_go_unnoticed(dynamodb):
    """Whatever happens to the load of a counter, and to the look at a failed condition."""
    dynamodb.run("range", "10")
    node = dynamodb.start()
    for number, kind in enumerate(FAULTS):
        dynamodb.proxy.script.add(Fault(kind, 0.1 if kind in LATE else 0), operation="GetItem")
        assert node.next_id(f"c{number}") == 1, kind
    # The answer of each write is lost, so that each repeat fails its condition and is looked up.
    for number, kind in enumerate(FAULTS):
        dynamodb.proxy.script.add("drop_answer", operation="UpdateItem")
        dynamodb.proxy.script.add(Fault(kind, 0.1 if kind in LATE else 0), operation="GetItem")
        assert node.next_id(f"c{number}") == 2, kind
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (2 * len(FAULTS), 0)


@pytest.mark.parametrize("kind", ["drop_answer", "fail_after", "deliver_twice", "fail_before",
                                  "arrive_late"])
def test_first_use_of_a_counter_under_faults(dynamodb, kind):
    """Its definition is written once, its first id is 1."""
    dynamodb.table.create()
    node = dynamodb.start()
    dynamodb.proxy.script.add(Fault(kind, 0.1), operation="UpdateItem")
    assert node.next_id() == 1
    dynamodb.proxy.settle()
    assert node.next_id() == 2
    assert dynamodb.table.value() == 2
    assert dynamodb.proxy.injected[kind] == 1


@pytest.mark.parametrize("kind", ["drop_answer", "fail_after", "deliver_twice_answer_second",
                                  "fail_before", "drop_request", "throttle", "arrive_late"])
def test_slots_are_released_under_faults(dynamodb, kind):
    node = dynamodb.start()
    assert node.next_id() == 1
    dynamodb.proxy.script.add(Fault(kind, 0.1), operation="UpdateItem")
    counts = node.stop()
    assert (counts["returned"], counts["burned"]) == (1, 0)
    dynamodb.proxy.settle()
    assert dynamodb.table.slots() == []
    assert dynamodb.proxy.injected[kind] == 1
    assert dynamodb.run("next").stdout == "2\n"


def test_idle_connections_that_close_go_unnoticed(dynamodb):
    node = dynamodb.start()
    for number in range(1, 11):
        assert node.next_id() == number
        dynamodb.proxy.close_connections()
    assert dynamodb.table.value() == 10


def test_answers_without_a_checksum(dynamodb):
    """Other servers that speak DynamoDB send none."""
    dynamodb.proxy.send_crc32 = False
    node = dynamodb.start()
    for number in range(1, 4):
        dynamodb.proxy.script.add("drop_answer", operation="UpdateItem")
        assert node.next_id() == number


def test_ids_of_a_slow_write_are_counted(dynamodb):
    """Its clients gave up; the ids went to nobody, and the closing line says so (I5)."""
    node = dynamodb.start("--request-timeout", "300ms", attempt_timeout="3s")
    assert node.next_id() == 1
    dynamodb.proxy.script.add(Fault("delay_answer", 0.8), operation="UpdateItem")
    answer = node.ask("GET", "/range?count=10")
    assert is_problem(answer, 504, "deadline")
    assert poll(lambda: node.ask("GET", "/next"), "an answer").status in (200, 504)
    counts = node.stop()
    assert counts["deadline"] >= 10
    assert counts["returned"] + counts["burned"] == dynamodb.table.value()


# ---- Away

def test_unreachable_at_start(dynamodb):
    for how in ["refuse", "close", "hang"]:
        dynamodb.proxy.go_down(how)
        node = dynamodb.start(wait=False)
        done = dynamodb.run("next")
        assert (done.returncode, done.stdout) == (UNAVAILABLE, ""), how
        assert node.wait() == UNAVAILABLE
        for said in [done.stderr, node.log()]:
            assert f"{dynamodb.endpoint} gave no answer" in said, how
            assert "check the endpoint, the region and the network" in said
        dynamodb.proxy.come_back()
    assert dynamodb.run("next").stdout == "1\n"


def test_short_absence_at_start_is_waited_for(dynamodb):
    dynamodb.proxy.go_down("refuse")
    timer = threading.Timer(1, dynamodb.proxy.come_back)
    timer.start()
    done = dynamodb.run("next")
    timer.join()
    assert (done.returncode, done.stdout) == (OK, "1\n"), done.stderr


@pytest.mark.parametrize("how", ["refuse", "close", "hang"])
def test_away_while_running(dynamodb, how):
    """503 with Retry-After in time; alive, not ready; and then all goes on by itself."""
    node = dynamodb.start("--request-timeout", "1s")
    assert node.next_id() == 1
    dynamodb.proxy.go_down(how)
    for counter in ["global", "never-used"]:
        started = time.monotonic()
        answer = node.ask("GET", f"/next?counter={counter}")
        took = time.monotonic() - started
        assert is_problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert dynamodb.endpoint in answer.json()["detail"]
        assert took < 2
    assert node.ask("GET", "/healthz").status == 200
    poll(lambda: node.ask("GET", "/readyz").status == 503, "not ready any more")
    dynamodb.proxy.come_back()
    poll(lambda: node.ask("GET", "/readyz").status == 200, "ready again", seconds=3)
    # The write under way when its client gave up has its place still, and goes to nobody (I3, I5).
    assert node.next_id() in (2, 3)
    assert node.next_id("never-used") in (1, 2)
    counts = node.stop()
    assert counts["returned"] == 3
    assert counts["burned"] == counts["deadline"]
    assert counts["returned"] + counts["burned"] == (
        dynamodb.table.value() + dynamodb.table.value("never-used"))


@pytest.mark.parametrize("how", ["refuse", "close", "hang"])
def test_service_resumes_within_a_second(dynamodb, how, capsys):
    """A request that waits is answered as soon as the store is back."""
    node = dynamodb.start("--request-timeout", "30s")
    times = []
    for number in range(1, 4):
        assert node.next_id() == 2 * number - 1
        dynamodb.proxy.go_down(how)
        with node.connect() as connection:
            connection.request("GET", "/next")
            connection.wait_until_read()
            # Long enough that the pauses between tries are as long as they get.
            tries = dynamodb.proxy.connections
            time.sleep(2)
            if how != "refuse":
                assert dynamodb.proxy.connections > tries
            back = dynamodb.proxy.come_back()
            assert connection.answer().json() == {"id": 2 * number}
            times.append(time.monotonic() - back)
    with capsys.disabled():
        print(f"\n  {how}: service resumed after {', '.join(f'{t:.2f}' for t in times)} s", end="")
    assert statistics.median(times) < 1
    assert max(times) < 2.5
    assert node.stop()["burned"] == 0
    assert dynamodb.table.value() == 6


def test_throttled_service_resumes_within_a_second(dynamodb, capsys):
    node = dynamodb.start("--request-timeout", "30s")
    times = []
    for number in range(1, 4):
        assert node.next_id() == 2 * number - 1
        dynamodb.proxy.script.add(*["throttle_hot_key"] * 1000, operation="UpdateItem")
        with node.connect() as connection:
            connection.request("GET", "/next")
            connection.wait_until_read()
            time.sleep(2)
            dynamodb.proxy.script.clear()
            back = time.monotonic()
            assert connection.answer().json() == {"id": 2 * number}
            times.append(time.monotonic() - back)
    with capsys.disabled():
        print(f"\n  service resumed after {', '.join(f'{t:.2f}' for t in times)} s", end="")
    assert statistics.median(times) < 1
    assert max(times) < 2.5


def test_refusals_of_many_clients_leave_no_gap(dynamodb):
    """An outage under load: all that is missing was counted."""
    node = dynamodb.start("--request-timeout", "700ms")
    ids, refused = [], []
    stop = threading.Event()

    def client():
        with node.connect() as connection:
            while not stop.is_set():
                answer = connection.ask("GET", "/next")
                if answer.status == 200:
                    ids.append(answer.json()["id"])
                else:
                    assert answer.status in (503, 504), answer
                    refused.append(answer.status)
                    time.sleep(0.02)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for how in ["refuse", "hang", "close"]:
        before = len(ids)
        poll(lambda: len(ids) > before + 50, "ids are served")
        seen = len(refused)
        dynamodb.proxy.go_down(how)
        poll(lambda: len(refused) > seen + 8, "requests are refused")
        dynamodb.proxy.come_back()
    before = len(ids)
    poll(lambda: len(ids) > before + 50, "ids are served again")
    stop.set()
    for thread in threads:
        thread.join()
    counts = node.stop()
    assert len(set(ids)) == len(ids) == counts["returned"]
    assert counts["returned"] + counts["burned"] == dynamodb.table.value()


# ---- An endpoint that moves


class Forwarder:
    """Takes connections on an address of loopback, and hands their bytes on to another port."""

    def __init__(self, host, port, target):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.port = self._listener.getsockname()[1]
        self._target = target
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    def stop(self):
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()


def test_an_endpoint_that_moves_is_found_again(dynalite, dynamodb, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 ids.test\n")
    prefix = own_hosts_file(hosts)
    if prefix is None:
        pytest.skip("not run: a mount namespace is not allowed here")
    before = Forwarder("127.0.0.2", 0, dynamodb.proxy.port)
    after = Forwarder("127.0.0.3", before.port, dynamodb.proxy.port)
    try:
        node = dynamodb.start("--request-timeout", "500ms", prefix=prefix,
                              endpoint=f"http://ids.test:{before.port}", plain_http="true")
        assert node.next_id() == 1
        before.stop()
        hosts.write_text("127.0.0.3 ids.test\n")
        moved = time.monotonic()
        poll(lambda: node.ask("GET", "/next").status == 200, "ids from the new address")
        assert time.monotonic() - moved < 6
        assert node.next_id() >= 3
    finally:
        before.stop()
        after.stop()


def test_an_endpoint_of_ipv6(dynamodb):
    forwarder = Forwarder("::1", 0, dynamodb.proxy.port)
    try:
        endpoint = f"http://[::1]:{forwarder.port}"
        assert dynamodb.run("next", endpoint=endpoint).stdout == "1\n"
        store = f"dynamodb://{dynamodb.table.name}?region={dynamodb.region}&endpoint={endpoint}"
        plain = nextid.run("next", "--store", store, env=dynamodb.env)  # With plain brackets.
        assert plain.stdout == "2\n", plain.stderr
    finally:
        forwarder.stop()
