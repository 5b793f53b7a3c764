"""The load test: many clients, threads and processes at once, judged by check_history."""

import itertools
import re
import subprocess

import nextid
from load import check, finish
from nextid import LOAD_CLIENT, WORK, poll

SERVER = ["--request-timeout", "50", "--threads", "2"]


def test_load_is_exact(start_server, start_load, store):
    """One server with 64 clients and three processes of 8 threads, all on one file."""
    server = start_server(*SERVER)
    http = start_load("http", "--url", server.url, "--clients", 64, "--ids", 60_000 * WORK,
                      "--seconds", 4 * WORK)
    library = [start_load("library", "--store", store, "--threads", 8, "--ids", 50_000 * WORK,
                          "--seconds", 4 * WORK) for _ in range(3)]
    for client in [http, *library]:
        print(finish(client))

    value = server.value()
    assert value >= 200_000
    counts = server.stop()
    assert counts["burned"] == 0
    histories = [client.history for client in [http, *library]]
    done = check("--exact", value, "--no-gap", "--value", value, *histories)
    assert done.returncode == 0, done.stdout
    expect_faults_found(histories, value)


def expect_faults_found(histories, value):
    """The check that just passed must fail on the same history with one fault in it."""
    history = histories[0]
    lines = history.read_text().splitlines(keepends=True)
    position = len(lines) // 2
    words = lines[position].split()
    assert words[0] == "ok"
    start, end = int(words[6]), int(words[7])
    for fault, replacement, invariant in [
            ("lost", "", "I5 accounted"),
            ("twice", lines[position] * 2, "I1 unique"),
            ("torn", lines[position].replace(f" {start} {end} ", f" {start} {end + 1} "),
             "I4 contiguous"),
            # Answered long before: all ids up to its own came too late.
            ("early", " ".join([*words[:3], "1", "2", *words[5:]]) + "\n", "I3 ordered")]:
        faulty = history.with_suffix(f".{fault}")
        faulty.write_text("".join([*lines[:position], replacement, *lines[position + 1:]]))
        done = check("--exact", value, faulty, *histories[1:])
        assert done.returncode == 1, fault
        assert invariant in done.stdout, fault


def test_load_survives_kills_of_the_server(start_server, start_load, store, tmp_path):
    """64 clients that see their server killed; another process that shares the file all along."""
    enough = tmp_path / "enough"
    server = start_server(*SERVER)
    address = f"127.0.0.1:{server.port}"
    http = start_load("http", "--url", server.url, "--clients", 64, "--ids", 140_000,
                      "--reconnect", "--keep-going-until-file", enough)
    library = start_load("library", "--store", store, "--threads", 8, "--ids", 60_000,
                         "--keep-going-until-file", enough)
    for kills in itertools.count(1):
        before = server.value()
        poll(lambda: server.value() > before + 15_000, "ids are served", seconds=60)
        if kills > 10 * WORK:
            break
        server.kill()
        server = start_server(*SERVER, http=address)
    enough.touch()
    print(finish(http), finish(library))

    value = server.value()
    assert server.stop()["burned"] == 0
    done = check("--max", value, http.history, library.history)
    assert done.returncode == 0, done.stdout
    # Only what somebody asked for and got no answer to may be missing.
    lost = [line for line in http.history.read_text().splitlines() if line.startswith("none ")]
    assert lost, "no client noticed a kill"
    answered = int(re.search(r"(\d+) ids in", done.stdout).group(1))
    assert 0 <= value - answered <= sum(int(line.split()[5]) for line in lost)


def test_load_survives_kills_of_its_processes(start_server, start_load, store, tmp_path):
    """Processes of the library are killed while 64 clients are served from the same file."""
    server = start_server(*SERVER)
    enough = tmp_path / "enough"
    http = start_load("http", "--url", server.url, "--clients", 64, "--ids", 60_000,
                      "--keep-going-until-file", enough)
    histories = [http.history]
    for _ in range(8 * WORK):
        victim = start_load("library", "--store", store, "--threads", 8, "--ids", 10_000_000)
        histories.append(victim.history)
        poll(lambda: victim.history.exists() and victim.history.stat().st_size > 0,
             "the process takes ids", seconds=60)
        victim.kill()
        victim.wait(timeout=nextid.PATIENCE)
    enough.touch()
    print(finish(http))

    value = server.value()
    counts = server.stop()
    assert counts["burned"] == 0
    done = check("--max", value, *histories)
    assert done.returncode == 0, done.stdout


def test_load_client_refuses_other_machines(tmp_path):
    for url in ["http://192.0.2.1:8000", "http://example.com:80", "http://0.0.0.0:80",
                "https://127.0.0.1:80", "http://127.0.0.1"]:
        done = subprocess.run(
            [LOAD_CLIENT, "http", "--url", url, "--counter", "a", "--history", tmp_path / "h",
             "--ids", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        assert done.returncode == 1, url
        assert url in done.stdout
