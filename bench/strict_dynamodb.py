"""Strict ids: nextid's /next on DynamoDB beside the server that anyone would write, in bench/baseline.

Both keep their counter in the same dynalite and serve the same numbers of connections over loopback, in
turn, round by round: the ratio of the medians holds even where the machine's speed drifts. Every id of
either is backed by a write to the table that began after its request arrived; nextid lets the requests
that wait share a write. So the store writes an id, and what a million ids cost, stand beside the rates.
"""

import contextlib
import os
import statistics
import subprocess

import common
from results import Results

CONNECTIONS = (1, 32, 256)
RATE_TARGETS = {1: 3, 32: 45, 256: 100}
IDS_A_WRITE_TARGETS = {256: 50}
REGION = "us-east-1"
TABLE = "nextid_bench"
BASELINE_TABLE = "baseline_bench"
# On demand, in REGION. An item of less than 1 KB takes one unit a write.
DOLLARS_A_MILLION_WRITES = 0.625


def environment(**settings):
    """This process's, with fixed keys for AWS in place of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": REGION, **settings}


@contextlib.contextmanager
def dynalite():
    """A DynamoDB on loopback, in memory; its URL."""
    server = subprocess.Popen(
        ["node", common.ROOT / "tests/dynalite/serve.js"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{common.listening_ports(server.stdout, 'dynalite')[0]}"
    finally:
        common.stop(server)


@contextlib.contextmanager
def baseline(endpoint, loop):
    """The baseline server on that event loop; its port."""
    server = subprocess.Popen(
        ["/usr/bin/python3", "-m", "uvicorn", "--app-dir", common.ROOT / "bench/baseline",
         "--port", "0", "--loop", loop, "--http", "httptools" if loop == "uvloop" else "h11",
         "--no-access-log",
         "counter_server:app"],
        stderr=subprocess.PIPE, text=True,
        env=environment(TABLE_NAME=BASELINE_TABLE, DYNAMODB_ENDPOINT=endpoint))
    try:
        yield common.listening_ports(server.stderr, "the baseline")[0]
    finally:
        common.stop(server)


def measure_nextid(endpoint, connections, seconds):
    """The load, and the account of a server that served nothing else."""
    store = f"dynamodb://{TABLE}?region={REGION}&endpoint={endpoint}"
    with common.Nextid(store, environment=environment()) as server:
        load = common.load_next(server.port, connections, seconds)
    return load, common.Account.read(server.log)


def measure_baseline(port, connections, seconds):
    load = common.load_next(port, connections, seconds)
    # It finishes what the clients left behind, in order: this answer comes when it is idle again.
    common.take_id(port)
    return load


def counter_value(endpoint):
    import boto3  # Not there where this file is only tested.

    dynamodb = boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="bench",
        aws_secret_access_key="bench")
    item = dynamodb.get_item(
        TableName=TABLE, Key={"counter_id": {"S": "global"}}, ConsistentRead=True)["Item"]
    return int(item["current_value"]["N"])


def print_rates(loads):
    rates = {key: [load.rate for load in runs] for key, runs in loads.items()}
    common.print_table(
        ["connections", "nextid /next", "baseline /next", "ratio", "reach"],
        [[str(c), common.spread(rates["nextid", c]), common.spread(rates["baseline", c]),
          f"{common.ratio(rates['nextid', c], rates['baseline', c]):.1f}", str(RATE_TARGETS[c])]
         for c in CONNECTIONS])


def print_latencies(loads):
    def median(who, c):
        return f"{statistics.median(load.median_ms for load in loads[who, c]):.2f}"

    print("\nMilliseconds a request, medians of the runs' medians")
    common.print_table(["connections", "nextid", "baseline"],
                       [[str(c), median("nextid", c), median("baseline", c)] for c in CONNECTIONS])


def print_costs(accounts):
    def row(c):
        ids = sum(account.returned for account in accounts[c])
        writes = sum(account.reservations for account in accounts[c])
        reach = f"1/{IDS_A_WRITE_TARGETS[c]}" if c in IDS_A_WRITE_TARGETS else ""
        return [str(c), f"1/{ids / writes:.1f}", reach, "1",
                f"${DOLLARS_A_MILLION_WRITES * writes / ids:.4f}", f"${DOLLARS_A_MILLION_WRITES:.4f}"]

    print(f"\nStore writes an id, and a million ids at ${DOLLARS_A_MILLION_WRITES} a million writes")
    common.print_table(["connections", "nextid writes", "reach", "baseline writes", "nextid cost",
                        "baseline cost"], [row(c) for c in CONNECTIONS])


def add_figures(results, loads, accounts):
    results.add_rates({key: [load.rate for load in runs] for key, runs in loads.items()})
    results.add_waits(loads)
    for c, runs in accounts.items():
        results.add("writes per id", "writes", [account.reservations / account.returned for account in runs],
                    of="nextid", clients=c)
    results.add("price of a million writes", "USD", [DOLLARS_A_MILLION_WRITES])


def main():
    parser = common.parser_of(__doc__, rounds=5, seconds=3)
    parser.add_argument("--baseline-loop", choices=("asyncio", "uvloop"), default="asyncio",
                        help="uvloop, with httptools, is a little faster; needs python3-uvloop "
                        "and python3-httptools")
    options = parser.parse_args()
    results = Results("dynamodb", options, ["dynalite", "FastAPI", "uvicorn", "boto3"])

    loads = {(who, c): [] for who in ("nextid", "baseline") for c in CONNECTIONS}
    accounts = {c: [] for c in CONNECTIONS}
    with dynalite() as endpoint, baseline(endpoint, options.baseline_loop) as baseline_port:
        # Not counted: dynalite is slow until its code is compiled.
        measure_baseline(baseline_port, 32, options.seconds)
        warmed_up = measure_nextid(endpoint, 32, options.seconds)[1]
        for _ in range(options.rounds):
            for c in CONNECTIONS:
                load, account = measure_nextid(endpoint, c, options.seconds)
                loads["nextid", c].append(load)
                accounts[c].append(account)
                loads["baseline", c].append(measure_baseline(baseline_port, c, options.seconds))
        value = counter_value(endpoint) - warmed_up.returned - warmed_up.burned

    print(f"Strict ids a second on one dynalite, medians of {options.rounds} interleaved runs of "
          f"{options.seconds} s (lowest to highest)")
    print_rates(loads)
    print_latencies(loads)
    print_costs(accounts)
    common.check_for_gaps(sum(accounts.values(), []), value)
    add_figures(results, loads, accounts)
    results.write()


if __name__ == "__main__":
    main()
