"""Starts the tests' DynamoDB, and asks it as another program of the user's would."""

import http.client
import json
import re
import subprocess
import urllib.parse

import nextid
from aws_signatures import Key, signed_headers

SERVE = nextid.REPOSITORY / "tests" / "dynalite" / "serve.js"
REGION = "eu-west-1"


class DynamoDbError(Exception):
    """An error answer; `name` is that of the exception, without its prefix."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.name = body.get("__type", "").rpartition("#")[2]
        self.message = body.get("message", body.get("Message", ""))
        self.body = body


class Client:
    """Signed requests on one connection: client("GetItem", TableName=...). Not thread-safe."""

    def __init__(self, url, key=Key("AKIATEST", "secret"), region=REGION, timeout=nextid.PATIENCE):
        place = urllib.parse.urlsplit(url)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        self._host = place.netloc
        self._key = key
        self._region = region
        self._connection = kind[place.scheme](place.netloc, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._connection.close()

    def send(self, operation, parameters):
        """One attempt: the answer and its body, as they are. After a failure it connects again."""
        body = json.dumps(parameters).encode()
        headers = signed_headers(self._key, self._region, self._host,
                                 f"DynamoDB_20120810.{operation}", body)
        try:
            self._connection.request("POST", "/", body, headers)
            answer = self._connection.getresponse()
            return answer, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def __call__(self, operation, **parameters):
        answer, body = self.send(operation, parameters)
        if answer.status != 200:
            raise DynamoDbError(answer.status, json.loads(body))
        return json.loads(body)


class Dynalite:
    """A DynamoDB of its own, empty at first, or what `--path FOLDER` holds; ends with this process at
    the latest."""

    def __init__(self, *options, stderr=None):
        self.process = subprocess.Popen(
            ["node", SERVE, *map(str, options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=stderr, text=True)
        line = self.process.stdout.readline()
        listening = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
        assert listening, f"{SERVE} does not start; script/setup --test installs what it needs"
        self.port = int(listening.group(1))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options):
        return Client(self.url, **options)

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=nextid.PATIENCE)

    def kill(self):
        self.process.kill()
        self.stop()


class Table:
    """The items of nextid's counters, as another program sees them."""

    def __init__(self, client, name):
        self.client = client
        self.name = name
        self.changed = False  # By this program: the value of a counter.

    def create(self, partition_key="counter_id", key_type="S", sort_key=None):
        keys = [(partition_key, key_type, "HASH")]
        if sort_key:
            keys.append((sort_key, "S", "RANGE"))
        self.client(
            "CreateTable", TableName=self.name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind}
                                  for name, kind, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": role} for name, _, role in keys])
        self.wait_until_active()

    def delete(self):
        if self.status() is not None:
            self.client("DeleteTable", TableName=self.name)

    def status(self):
        """None when there is no such table."""
        try:
            return self.client("DescribeTable", TableName=self.name)["Table"]["TableStatus"]
        except DynamoDbError as error:
            assert error.name == "ResourceNotFoundException", error
            return None

    def wait_until_active(self):
        nextid.poll(lambda: self.status() == "ACTIVE", f"table {self.name} is active")

    def item(self, counter="global"):
        """{attribute: text or number}; None when there is no item."""
        answer = self.client("GetItem", TableName=self.name, Key=_key(counter),
                             ConsistentRead=True)
        if "Item" not in answer:
            return None
        return {name: _plain(value) for name, value in answer["Item"].items()}

    def value(self, counter="global"):
        """0 before the first use."""
        item = self.item(counter)
        return 0 if item is None else item["current_value"]

    def counters(self):
        """[(value, start, increment), ...]; of items of others with what nextid takes for granted."""
        found, page = [], {}
        while page is not None:
            answer = self.client("Scan", TableName=self.name, ConsistentRead=True, **page)
            found += [{name: _plain(value) for name, value in item.items()}
                      for item in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            page = {"ExclusiveStartKey": last} if last else None
        return [(item["current_value"], item.get("start_value", 1), item.get("increment", 1))
                for item in found]

    def slots(self, counter="global"):
        """The names of the writers' attributes."""
        return sorted(name for name in self.item(counter) if name.startswith(("s:", "e:")))

    def put(self, counter="global", **attributes):
        """An item of just these attributes: text, integers, or what DynamoDB calls a value."""
        self.changed = True
        self.client("PutItem", TableName=self.name, Item={
            **_key(counter), **{name: _value(value) for name, value in attributes.items()}})

    def set(self, counter="global", **attributes):
        """Changes attributes of an item, whatever nextid thinks of it."""
        self.changed = self.changed or "current_value" in attributes
        names = {f"#a{i}": name for i, name in enumerate(attributes)}
        values = {f":a{i}": _value(value) for i, value in enumerate(attributes.values())}
        self.client("UpdateItem", TableName=self.name, Key=_key(counter),
                    UpdateExpression="SET " + ", ".join(
                        f"#a{i} = :a{i}" for i in range(len(names))),
                    ExpressionAttributeNames=names, ExpressionAttributeValues=values)

    def remove(self, counter="global"):
        """Deletes an item."""
        self.changed = True
        self.client("DeleteItem", TableName=self.name, Key=_key(counter))

    def add(self, count, counter="global"):
        """What other programs do: ADD current_value :n. Returns the new value."""
        self.changed = True
        answer = self.client(
            "UpdateItem", TableName=self.name, Key=_key(counter), ReturnValues="UPDATED_NEW",
            UpdateExpression="ADD current_value :n",
            ExpressionAttributeValues={":n": {"N": str(count)}})
        return int(answer["Attributes"]["current_value"]["N"])


def _key(counter):
    return {"counter_id": {"S": counter}}


def _value(value):
    if isinstance(value, dict):
        return value
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _plain(value):
    (kind, content), = value.items()
    if kind != "N":
        return content
    return int(content) if content.lstrip("-").isdigit() else float(content)
