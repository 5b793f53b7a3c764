"""The commands in docs/migration.md, each as it stands there, on real servers of what is moved from. Leaf and CosId are
not run: the table and the key that they keep are made as their documents have them."""

import os
import re
import shutil
import subprocess
import time
import types

import pytest

import nextid
from dynalite import REGION, DynamoDbError
from postgres import SUPERUSER, tool
from private_server import free_port, program

pytestmark = pytest.mark.not_accounted("the commands move counters on, and take ids outside of nextid")

PAGE = (nextid.REPOSITORY / "docs" / "migration.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def scripts(heading):
    """The shell blocks of a section."""
    section = re.split(rf"\n##+ {heading}\n", PAGE)[1]
    return SHELL.findall(re.split(r"\n##+ ", section)[0])


class Machine:
    """A shell in which nextid and the clients of the databases find those of this test."""

    def __init__(self, directory):
        self.directory = directory
        self.programs = directory / "bin"
        self.programs.mkdir()
        (self.programs / "nextid").symlink_to(nextid.BINARY)
        self.store = f"sqlite:{directory}/ids.db"
        self.environment = nextid.environment({
            "PATH": f"{self.programs}:{os.path.dirname(tool('psql'))}:{os.environ['PATH']}",
            "NEXTID_STORE": self.store, "HOME": "/nonexistent"})

    def add(self, name, text):
        """A program that runs another with what leads to this test's server."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def start(self, script):
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True, cwd=self.directory,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=self.environment,
                              check=False)

    def run(self, script):
        done = self.start(script)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout.strip()

    def fails(self, script):
        done = self.start(script)
        assert done.returncode != 0, (script, done.stdout)
        return done.stderr

    def next_id(self):
        return int(self.run("nextid next orders"))


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    machine.run("nextid define other")  # The store is there.
    return machine


def test_every_block_has_a_test():
    headings = re.findall(r"^##+ (.*)$", PAGE, re.M)
    assert {heading: len(scripts(heading)) for heading in headings if scripts(heading)} == {
        "Without a stop": 1, "From Redis INCR": 2, "From a PostgreSQL sequence": 4, "From AUTO_INCREMENT": 2,
        "From Leaf": 2, "From CosId": 3, "From Snowflakes": 2, "From UUIDv7": 1,
        "From a DynamoDB counter by hand": 2}


def test_without_a_stop(machine):
    (advance,) = scripts("Without a stop")
    machine.run(advance)
    assert machine.next_id() == 2_000_001
    machine.run(advance)
    assert machine.next_id() == 2_000_002


# ---- Redis

@pytest.fixture
def redis(machine, tmp_path):
    """redis-cli leads to a Redis of this test, and with -p 6380 to a nextid on the same store as the commands."""
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path],
                              stdout=subprocess.DEVNULL)
    node = nextid.Server(tmp_path, store=machine.store)
    try:
        node.wait_until_ready()
        resp = re.search(r"redis://127\.0\.0\.1:(\d+)", node.log()).group(1)
        real = shutil.which("redis-cli")
        machine.add("redis-cli", f'[ "$1" = -p ] && shift 2 && exec {real} -p {resp} "$@"\nexec {real} -p {port} "$@"')
        nextid.poll(lambda: machine.start("redis-cli PING").stdout == "PONG\n", "Redis answers")
        yield machine
    finally:
        node.kill()
        server.kill()
        server.wait()


def test_redis(redis):
    there, back = scripts("From Redis INCR")
    assert redis.run("redis-cli INCRBY orders 4711") == "4711"
    redis.run(there)
    assert "not an integer" in redis.run("redis-cli INCR orders")
    assert redis.run("redis-cli -p 6380 INCR orders") == "4712"
    redis.run(there)  # As after a failure in its midst.
    assert redis.run("redis-cli -p 6380 INCR orders") == "4713"

    redis.run(back)
    assert redis.run("redis-cli INCR orders") == "4714"
    assert "DELETED" in redis.run("redis-cli -p 6380 INCR orders")
    redis.run("nextid define orders")
    assert redis.next_id() == 4714


def test_a_move_that_finds_nothing_gives_no_ids(redis):
    """A wrong name: the next id of it would be 1."""
    there, _ = scripts("From Redis INCR")
    assert "--to is ''" in redis.fails(there)
    assert redis.run("nextid counters | grep -c orders || true") == "0"


# ---- PostgreSQL

@pytest.fixture
def postgres_shop(machine, postgres_server):
    machine.environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(postgres_server.port), "PGUSER": SUPERUSER}
    machine.run("createdb shop")
    yield machine
    machine.run("dropdb --force shop")


def insert(machine, columns="DEFAULT VALUES"):
    return machine.run("psql --dbname=shop --no-psqlrc --quiet --tuples-only --no-align"
                       f" --command='INSERT INTO orders {columns} RETURNING id'")


def test_a_postgresql_sequence(postgres_shop):
    machine = postgres_shop
    there, _, without_a_stop, back = scripts("From a PostgreSQL sequence")
    machine.run("psql --dbname=shop --command='CREATE TABLE orders (id bigserial PRIMARY KEY, note text)'")
    assert [insert(machine) for _ in range(3)] == ["1", "2", "3"]
    machine.run("psql --dbname=shop --command='DELETE FROM orders WHERE id = 3'")  # Its id is used.
    machine.run(there)
    assert "null value" in machine.fails("psql --dbname=shop --command='INSERT INTO orders DEFAULT VALUES'")
    taken = machine.next_id()
    assert taken == 4
    assert insert(machine, f"(id) VALUES ({taken})") == "4"
    machine.run(back)
    assert insert(machine) == "5"

    machine.run("nextid define orders")
    machine.run(without_a_stop)
    assert insert(machine) == "6"
    assert machine.next_id() == 2_000_001
    machine.run("""psql --dbname=shop --command="SELECT setval('orders_id_seq', 2000000)" """)
    assert "maximum value" in machine.fails("psql --dbname=shop --command='INSERT INTO orders DEFAULT VALUES'")
    machine.run(back)
    assert insert(machine) == "2000002"


def test_a_postgresql_identity(postgres_shop):
    machine = postgres_shop
    there = scripts("From a PostgreSQL sequence")[1]
    machine.run("psql --dbname=shop --command='CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)'")
    assert [insert(machine) for _ in range(3)] == ["1", "2", "3"]
    machine.run(there)
    assert "null value" in machine.fails("psql --dbname=shop --command='INSERT INTO orders DEFAULT VALUES'")
    taken = machine.next_id()
    assert taken == 4
    assert insert(machine, f"(id) VALUES ({taken})") == "4"


def test_uuids(postgres_shop):
    machine = postgres_shop
    (script,) = scripts("From UUIDv7")
    machine.run("nextid range 10 orders")
    machine.run("psql --dbname=shop --command='CREATE TABLE orders (id uuid PRIMARY KEY)'")
    for name in "cab":
        insert(machine, f"(id) VALUES ($${name * 32}$$)")
    machine.run(script)
    assert machine.run("psql --dbname=shop --tuples-only --no-align --command="
                       "'SELECT left(id::text, 1), number FROM orders ORDER BY number'") == "a|11\nb|12\nc|13"
    assert machine.next_id() == 14


# ---- MariaDB

@pytest.fixture
def mariadb(machine, mysql_server):
    machine.add("mariadb", f"exec {program('mariadb')} --no-defaults --host=127.0.0.1 --port={mysql_server.port}"
                           ' --user=root "$@"')
    for database in ("shop", "leaf", "cosid"):
        machine.run(f"mariadb --execute='CREATE DATABASE {database}'")
    yield machine
    for database in ("shop", "leaf", "cosid"):
        machine.run(f"mariadb --execute='DROP DATABASE {database}'")


def test_auto_increment(mariadb):
    there, back = scripts("From AUTO_INCREMENT")
    add = 'mariadb shop --execute="INSERT INTO orders (note) VALUES (\'a\')"'
    highest = "mariadb shop --batch --skip-column-names --execute='SELECT MAX(id) FROM orders'"
    mariadb.run("mariadb shop --execute='CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, note TEXT)'")
    mariadb.run(f"{add}; {add}; {add}; mariadb shop --execute='DELETE FROM orders WHERE id = 3'")
    mariadb.run(there)
    assert "default value" in mariadb.fails(add)
    assert mariadb.next_id() == 4
    mariadb.run(back)
    mariadb.run(add)
    assert mariadb.run(highest) == "5"


def leaf_takes_a_segment(machine):
    """As Leaf does; ids from max_id - step to max_id - 1. None where it finds no row."""
    tag = "biz_tag = 'orders'"
    found = machine.run(f'mariadb leaf --batch --skip-column-names --execute="UPDATE leaf_alloc SET max_id = max_id + step'
                        f' WHERE {tag}; SELECT max_id - step, max_id - 1 FROM leaf_alloc WHERE {tag}"')
    return tuple(map(int, found.split())) or None


def test_leaf(mariadb):
    there, back = scripts("From Leaf")
    mariadb.run("""mariadb leaf --execute="
      CREATE TABLE leaf_alloc (biz_tag varchar(128) NOT NULL DEFAULT '', max_id bigint(20) NOT NULL DEFAULT '1',
        step int(11) NOT NULL, description varchar(256) DEFAULT NULL,
        update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (biz_tag));
      INSERT INTO leaf_alloc (biz_tag, max_id, step) VALUES ('orders', 1, 2000)" """)
    assert leaf_takes_a_segment(mariadb) == (1, 2000)
    held = leaf_takes_a_segment(mariadb)
    mariadb.run(there)
    assert leaf_takes_a_segment(mariadb) is None
    taken = mariadb.next_id()
    assert taken > held[1]
    mariadb.run(back)
    assert leaf_takes_a_segment(mariadb)[0] > taken


def test_cosid(mariadb, redis):
    from_table, from_redis, back = scripts("From CosId")
    mariadb.run("""mariadb cosid --execute="
      CREATE TABLE cosid (name varchar(100) NOT NULL PRIMARY KEY, last_max_id bigint NOT NULL DEFAULT 0,
        last_fetch_time bigint NOT NULL);
      INSERT INTO cosid VALUES ('shop.orders', 500, unix_timestamp())" """)
    mariadb.run(from_table)
    assert mariadb.next_id() == 501
    redis.run("redis-cli INCRBY 'cosid:{shop.orders}.adder' 900")
    redis.run(from_redis)
    assert redis.next_id() == 901
    mariadb.run(back)
    assert mariadb.run("mariadb cosid --batch --skip-column-names --execute='SELECT last_max_id FROM cosid'") == "901"


# ---- Snowflakes

TWITTER_EPOCH_MS = 1288834974657


def snowflake(seconds, others):
    return (int(seconds * 1000) - TWITTER_EPOCH_MS << 22) + others


def test_snowflakes(machine):
    there, back = scripts("From Snowflakes")
    before = time.time()
    machine.run(there)
    taken = [machine.next_id(), *map(int, machine.run("nextid range 1000000 orders").split())]
    hours = 3600
    # The largest one of 22 hours from now, and those of a day later (25 with a change of the clocks) may be made.
    assert snowflake(before + 22 * hours, 2**22 - 1) < min(taken)
    assert max(taken) < snowflake(time.time() + 26 * hours, 0)

    stamp = machine.run(back).splitlines()[-1]
    again = int(machine.run(f"date --date='{stamp}' +%s"))
    assert max(taken) < snowflake(again, 0) < max(taken) + (3000 << 22)


# ---- DynamoDB

@pytest.fixture
def aws(machine, dynamodb, dynalite):
    """The aws of Debian: one that is older than the variable for endpoints."""
    if not os.path.exists("/usr/bin/aws"):
        pytest.skip("not run: there is no /usr/bin/aws; script/setup --test brings it")
    machine.add("aws", f'exec /usr/bin/aws --endpoint-url {dynalite.url} "$@"')
    machine.environment |= {**dynamodb.env, "NEXTID_STORE": dynamodb.store(), "AWS_DEFAULT_REGION": REGION,
                            "AWS_PAGER": ""}
    with dynalite.client() as client:
        client("CreateTable", TableName="sequences", BillingMode="PAY_PER_REQUEST",
               AttributeDefinitions=[{"AttributeName": "counter", "AttributeType": "S"}],
               KeySchema=[{"AttributeName": "counter", "KeyType": "HASH"}])
        nextid.poll(lambda: client("DescribeTable", TableName="sequences")["Table"]["TableStatus"] == "ACTIVE",
                    "the table is there")

        def add():
            answer = client("UpdateItem", TableName="sequences", Key={"counter": {"S": "orders"}},
                            UpdateExpression="ADD seq :one", ExpressionAttributeValues={":one": {"N": "1"}},
                            ReturnValues="UPDATED_NEW")
            return int(answer["Attributes"]["seq"]["N"])

        yield types.SimpleNamespace(machine=machine, add=add)
        client("DeleteTable", TableName="sequences")


def test_a_dynamodb_counter(aws):
    there, back = scripts("From a DynamoDB counter by hand")
    aws.machine.run("nextid define other")
    assert [aws.add() for _ in range(3)] == [1, 2, 3]
    aws.machine.run(there)
    with pytest.raises(DynamoDbError, match="ValidationException"):
        aws.add()
    assert aws.machine.next_id() == 4
    aws.machine.run(there)
    assert aws.machine.next_id() == 5
    aws.machine.run(back)
    assert aws.add() == 6
