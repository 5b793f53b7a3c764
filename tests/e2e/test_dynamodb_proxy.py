"""The tests' own DynamoDB endpoint: its signature check, and each of its faults."""

import contextlib
import datetime
import email.utils
import json
import socket
import ssl
import time
import zlib

import botocore.config
import botocore.exceptions
import botocore.session
import pytest

import nextid
from aws_signatures import Key, signed_headers
from certificates import Authority
from dynalite import REGION, Client, DynamoDbError, Table
from dynamodb_faults import FAULTS, Fault, Schedule
from dynamodb_proxy import Proxy, without_slot_condition
from nextid import poll


@pytest.fixture
def key(keys):
    return keys.issue()


@pytest.fixture
def client(proxy, key):
    with Client(proxy.url, key) as made:
        yield made


@pytest.fixture
def behind(client, table):
    """The test's table, made, through the proxy."""
    table.create()
    table.add(10)
    return Table(client, table.name)


def refusal(client, operation="ListTables", **parameters):
    with pytest.raises(DynamoDbError) as caught:
        client(operation, **parameters)
    return caught.value


def add_request(table, count=1):
    return {"TableName": table.name, "Key": {"counter_id": {"S": "global"}},
            "UpdateExpression": "ADD current_value :n", "ReturnValues": "UPDATED_NEW",
            "ExpressionAttributeValues": {":n": {"N": str(count)}}}


# ---- Signatures

def test_signed_requests_pass(proxy, keys):
    for key in [keys.issue(), keys.issue(lifetime=60), keys.issue(token=True)]:
        with Client(proxy.url, key) as client:
            assert "TableNames" in client("ListTables")
    assert proxy.requests["ListTables"] == proxy.applied["ListTables"] == 3


def test_requests_of_botocore_pass(proxy, key, table):
    session = botocore.session.Session()
    session.set_credentials(key.access_key_id, key.secret_access_key, key.session_token)
    client = session.create_client(
        "dynamodb", region_name=REGION, endpoint_url=proxy.url,
        config=botocore.config.Config(retries={"total_max_attempts": 1}))
    table.create()
    client.update_item(**{**add_request(table), "Key": {"counter_id": {"S": "é\"x"}}})
    assert table.value("é\"x") == 1
    proxy.denied.add("GetItem")
    with pytest.raises(botocore.exceptions.ClientError, match="not authorized to perform"):
        client.get_item(TableName=table.name, Key={"counter_id": {"S": "global"}})
    # botocore checks the checksum, too.
    proxy.script.add("corrupt_crc", operation="ListTables")
    with pytest.raises(botocore.exceptions.ChecksumError):
        client.list_tables()


def test_tampered_requests_are_refused(proxy, key):
    body = json.dumps({}).encode()
    good = signed(proxy, key, body)
    assert post(proxy, good, body)[0] == 200

    def name_of(headers, body=body, target="/"):
        status, answer = post(proxy, headers, body, target)
        assert status == 400
        return answer["__type"].partition("#")[2]

    signature = good["Authorization"]
    flipped = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    for headers, text, target, name in [
            (good, b'{"Limit":1}', "/", "InvalidSignatureException"),
            (good, body, "/x", "InvalidSignatureException"),
            ({**good, "X-Amz-Target": "DynamoDB_20120810.DescribeTable"}, body, "/",
             "InvalidSignatureException"),
            ({**good, "Host": "other"}, body, "/", "InvalidSignatureException"),
            ({**good, "X-Amz-Extra": "unsigned"}, body, "/", "InvalidSignatureException"),
            ({**good, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, body, "/",
             "InvalidSignatureException"),
            ({**good, "Authorization": flipped}, body, "/", "InvalidSignatureException"),
            ({**good, "Authorization": "AWS4-HMAC-SHA256 nonsense"}, body, "/",
             "IncompleteSignatureException"),
            ({name: value for name, value in good.items() if name != "Authorization"}, body, "/",
             "MissingAuthenticationTokenException")]:
        assert name_of(headers, text, target) == name
    assert proxy.applied["ListTables"] == 1


def signed(proxy, key, body):
    return signed_headers(key, REGION, f"127.0.0.1:{proxy.port}", "DynamoDB_20120810.ListTables",
                          body)


def post(proxy, headers, body, target="/"):
    with nextid.Connection(proxy.port) as connection:
        lines = [f"POST {target} HTTP/1.1",
                 *(f"{name}: {value}" for name, value in headers.items()),
                 f"Content-Length: {len(body)}", "", ""]
        connection.send("\r\n".join(lines).encode() + body)
        answer = connection.answer()
    return answer.status, answer.json()


def test_keys_come_and_go(proxy, keys, key):
    other = keys.issue(token=True)
    with Client(proxy.url, key) as one, Client(proxy.url, other) as two:
        one("ListTables")
        two("ListTables")
        keys.revoke(key)
        assert refusal(one).name == "UnrecognizedClientException"
        two("ListTables")
    for wrong in [Key(other.access_key_id, other.secret_access_key),
                  Key(other.access_key_id, other.secret_access_key, "another token"),
                  Key("AKIAUNKNOWN", "secret")]:
        with Client(proxy.url, wrong) as client:
            assert refusal(client).name == "UnrecognizedClientException"
    with Client(proxy.url, Key(other.access_key_id, "wrong", other.session_token)) as client:
        assert refusal(client).name == "InvalidSignatureException"
    assert proxy.refused == {"UnrecognizedClientException": 4, "InvalidSignatureException": 1}


def test_keys_expire(proxy, keys):
    key = keys.issue(lifetime=2)
    with Client(proxy.url, key) as client:
        client("ListTables")
        poll(lambda: time.time() > key.expires, "the key expires")
        assert refusal(client).name == "ExpiredTokenException"


def test_other_regions_and_services_are_refused(proxy, key):
    with Client(proxy.url, key, region="us-east-1") as client:
        assert "scoped to a valid region, not 'us-east-1'" in refusal(client).message


@pytest.mark.parametrize("offset_s, says", [(3600, "Signature expired"),
                                            (-3600, "Signature not yet current")])
def test_clock(proxy, client, offset_s, says):
    proxy.clock_offset_s = 60
    client("ListTables")
    proxy.clock_offset_s = offset_s
    answer, body = client.send("ListTables", {})
    assert says in json.loads(body)["message"]
    date = email.utils.parsedate_to_datetime(answer.headers["Date"])
    off = (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert abs(off - offset_s) < 30


def test_denied_operations(proxy, client, behind):
    proxy.denied.add("UpdateItem")
    error = refusal(client, "UpdateItem", **add_request(behind))
    assert error.name == "AccessDeniedException"
    assert error.message.startswith(
        "User: arn:aws:iam::123456789012:user/nextid is not authorized to perform:"
        f" dynamodb:UpdateItem on resource: arn:aws:dynamodb:{REGION}:123456789012:table/")
    assert behind.value() == 10
    proxy.denied.clear()
    assert behind.add(1) == 11


# ---- Answers

def test_answers_have_what_aws_sends(client):
    answer, body = client.send("ListTables", {})
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(body)
    assert len(answer.headers["x-amzn-RequestId"]) == 52
    assert answer.headers["Date"]


def test_connections_are_kept(proxy, client):
    for _ in range(20):
        client("ListTables")
    assert proxy.connections == 1


def conditional_add(table, **more):
    return {**add_request(table), "ConditionExpression": "current_value < :limit",
            "ExpressionAttributeValues": {":n": {"N": "1"}, ":limit": {"N": "5"}}, **more}


def test_old_items(proxy, client, behind):
    wants = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    for works, asked, comes in [(False, wants, False), (True, {}, False), (True, wants, True)]:
        proxy.return_old_items = works
        error = refusal(client, "UpdateItem", **conditional_add(behind, **asked))
        assert error.name == "ConditionalCheckFailedException"
        assert ("Item" in error.body) == comes
    assert error.body["Item"]["current_value"] == {"N": "10"}
    assert proxy.old_items_returned == 1
    # There is none to return.
    error = refusal(client, "UpdateItem", **{**conditional_add(behind, **wants),
                                             "Key": {"counter_id": {"S": "other"}}})
    assert "Item" not in error.body


def test_small_pages(proxy, client, behind):
    for number in range(5):
        behind.add(1, f"c{number}")
    proxy.scan_limit = 2
    pages, start = 0, {}
    names = []
    while True:
        page = client("Scan", TableName=behind.name, **start)
        pages += 1
        assert len(page["Items"]) <= 2
        names += [item["counter_id"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert pages >= 3
    assert sorted(names) == ["c0", "c1", "c2", "c3", "c4", "global"]


# ---- Faults

NO_ANSWER = (ConnectionError, TimeoutError, EOFError)


def outcome(proxy, key, table):
    """What a client sees of one `ADD current_value 1`, with half a second of patience."""
    with Client(proxy.url, key, timeout=0.5) as client:
        try:
            answer, body = client.send("UpdateItem", add_request(table))
        except NO_ANSWER as failure:
            return type(failure).__name__
        if answer.status != 200:
            return json.loads(body)["__type"].partition("#")[2] if body[:1] == b"{" else "html"
        stated = answer.headers.get("x-amz-crc32")
        return "done" if int(stated) == zlib.crc32(body) else "wrong checksum"


@pytest.mark.parametrize("kind, seconds, seen, applied", [
    ("drop_request", 0, "RemoteDisconnected", 0),
    ("reset_request", 0, "ConnectionResetError", 0),
    ("hang_before", 0, "TimeoutError", 0),
    ("fail_before", 0, "InternalServerError", 0),
    ("throttle", 0, "ProvisionedThroughputExceededException", 0),
    ("throttle_account", 0, "ThrottlingException", 0),
    ("throttle_hot_key", 0, "ThrottlingException", 0),
    ("delay", 0.1, "done", 1),
    ("delay", 0.8, "TimeoutError", 1),
    ("delay_answer", 0.1, "done", 1),
    ("delay_answer", 0.8, "TimeoutError", 1),
    ("drop_answer", 0, "RemoteDisconnected", 1),
    ("reset_answer", 0, "ConnectionResetError", 1),
    ("hang_after", 0, "TimeoutError", 1),
    ("fail_after", 0, "InternalServerError", 1),
    ("bad_gateway", 0, "html", 1),
    ("corrupt_crc", 0, "wrong checksum", 1),
    ("corrupt_body", 0, "wrong checksum", 1),
    ("close_idle", 0, "done", 1),
    ("arrive_late", 0.2, "RemoteDisconnected", 1),
    ("deliver_twice", 0, "done", 2),
    ("deliver_twice_answer_second", 0, "done", 2),
    ("deliver_again_late", 0.2, "done", 2)])
def test_fault(proxy, key, behind, kind, seconds, seen, applied):
    proxy.script.add(Fault(kind, seconds), operation="UpdateItem")
    started = time.monotonic()
    assert outcome(proxy, key, behind) == seen
    took = time.monotonic() - started
    if kind in ("delay", "delay_answer"):
        assert took > min(seconds, 0.5) * 0.9
    if kind in ("arrive_late", "deliver_again_late"):
        assert took < seconds
        assert behind.value() == 10 + applied - 1
        proxy.settle()
    poll(lambda: proxy.injected[kind] == 1, "the fault is over")
    assert proxy.applied["UpdateItem"] == applied
    assert behind.value() == 10 + applied
    # Only that request.
    assert outcome(proxy, key, behind) == "done"
    assert behind.value() == 10 + applied + 1
    assert proxy.script.left() == 0


def test_every_fault_is_tested():
    (marks,) = [mark for mark in test_fault.pytestmark if mark.name == "parametrize"]
    assert {row[0] for row in marks.args[1]} == set(FAULTS)


def test_throttled_for_a_hot_key(proxy, client, behind):
    proxy.script.add("throttle_hot_key")
    (reason,) = refusal(client, "UpdateItem", **add_request(behind)).body["ThrottlingReasons"]
    assert reason["reason"] == "TableWriteKeyRangeThroughputExceeded"
    assert reason["resource"].endswith(f":table/{behind.name}")


def test_damaged_answers_are_valid_json(proxy, client, behind):
    proxy.script.add("corrupt_body", operation="UpdateItem")
    assert behind.add(5) != 15
    assert behind.value() == 15


def test_idle_connections_are_closed(proxy, client):
    proxy.script.add("close_idle")
    client("ListTables")
    with pytest.raises(NO_ANSWER):
        client("ListTables")
    client("ListTables")
    assert proxy.connections == 2
    proxy.close_connections()
    with pytest.raises(NO_ANSWER):
        client("ListTables")


def test_script_is_for_operations(proxy, client, behind):
    proxy.script.add(None, "fail_before", operation="GetItem")
    behind.add(1)
    assert behind.value() == 11
    assert refusal(client, "GetItem", TableName=behind.name,
                   Key={"counter_id": {"S": "global"}}).status == 500


def test_schedule_is_repeatable(proxy, client, behind):
    chances = {"fail_before": 0.3, "fail_after": 0.2}

    def results(seed):
        proxy.schedule = Schedule(seed, chances, operations=frozenset(["UpdateItem"]))
        seen = []
        for _ in range(60):
            before = proxy.applied["UpdateItem"]
            answer, _ = client.send("UpdateItem", add_request(behind))
            seen.append((answer.status, proxy.applied["UpdateItem"] - before))
            behind.value()  # Of another operation: never fails.
        proxy.schedule = None
        return seen

    one = results(1)
    assert results(1) == one
    assert results(2) != one
    assert {(500, 0), (500, 1), (200, 1)} == set(one)
    assert proxy.injected["fail_before"] > 20
    assert proxy.injected["fail_after"] > 20


# ---- Being away

def test_down_and_back(proxy, client):
    client("ListTables")
    proxy.go_down("refuse")
    for _ in range(2):
        with pytest.raises(NO_ANSWER):
            client("ListTables")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))
    proxy.come_back()
    client("ListTables")

    proxy.go_down("close")
    for _ in range(2):
        with pytest.raises(NO_ANSWER):
            client("ListTables")
    socket.create_connection(("127.0.0.1", proxy.port)).close()
    proxy.come_back()
    client("ListTables")


def test_silent_and_back(proxy, key):
    with contextlib.closing(Client(proxy.url, key, timeout=0.3)) as client:
        client("ListTables")
        proxy.go_down("hang")
        with pytest.raises(TimeoutError):
            client("ListTables")
        client.close()
        proxy.come_back()
        client("ListTables")


# ---- TLS

def test_tls(dynalite, keys, key, tmp_path):
    authority = Authority(tmp_path)
    context = authority.certificate_for("IP:127.0.0.1").server_context()
    with Proxy(dynalite.port, keys, tls=context) as proxy:
        assert proxy.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=authority.file)
        with connect_tls(proxy, trusting) as connection:
            assert connection.version().startswith("TLS")
        with pytest.raises(ssl.SSLCertVerificationError):
            connect_tls(proxy, ssl.create_default_context())
    other = authority.certificate_for("DNS:dynamodb.example.com").server_context()
    with Proxy(dynalite.port, keys, tls=other) as proxy:
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            connect_tls(proxy, trusting)


def connect_tls(proxy, context):
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=nextid.PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname="127.0.0.1")
    except ssl.SSLError:
        plain.close()
        raise


# ---- Taking exactly-once away

RESERVE = {
    "TableName": "t", "Key": {"counter_id": {"S": "global"}},
    "UpdateExpression":
        "SET current_value = current_value + :n, #e = current_value + :n, #s = :seq",
    "ConditionExpression":
        "(#s = :prev OR (attribute_not_exists(#s) AND (attribute_not_exists(#f) OR #f < :seq)))"
        " AND current_value <= :limit AND revision = :rev",
    "ExpressionAttributeNames": {"#s": "s:1", "#e": "e:1", "#f": "floor"},
    "ExpressionAttributeValues": {":n": {"N": "1"}, ":seq": {"N": "2"}, ":prev": {"N": "1"},
                                  ":limit": {"N": "9"}, ":rev": {"N": "1"}}}
ALWAYS = "attribute_exists(counter_id)"


@pytest.mark.parametrize("condition, without", [
    (RESERVE["ConditionExpression"],
     f"({ALWAYS} OR ({ALWAYS} AND ({ALWAYS} OR {ALWAYS}))) AND current_value <= :limit"
     " AND revision = :rev"),
    ("#s = :prev AND current_value <= :limit AND revision = :rev",
     f"{ALWAYS} AND current_value <= :limit AND revision = :rev"),
    ("attribute_not_exists(#s) AND #f < :seq AND current_value <= :limit AND revision = :rev",
     f"{ALWAYS} AND {ALWAYS} AND current_value <= :limit AND revision = :rev")])
def test_slot_condition_is_taken_out(condition, without):
    changed = without_slot_condition({**RESERVE, "ConditionExpression": condition})
    assert changed["ConditionExpression"] == without
    assert changed["UpdateExpression"] == RESERVE["UpdateExpression"]
    assert set(changed["ExpressionAttributeNames"]) == {"#s", "#e"}
    assert set(changed["ExpressionAttributeValues"]) == {":n", ":seq", ":limit", ":rev"}


def test_other_conditions_stay():
    for other in [{}, {**RESERVE, "UpdateExpression": "SET #f = :f REMOVE #s, #e"}]:
        assert without_slot_condition(other) == other


def test_without_slot_conditions_a_repeat_counts_twice(proxy, client, table):
    table.create()
    table.put(current_value=0, revision=1, **{"s:1": 1, "e:1": 0})
    request = {**RESERVE, "TableName": table.name}
    client("UpdateItem", **request)
    assert refusal(client, "UpdateItem", **request).name == "ConditionalCheckFailedException"
    assert table.value() == 1
    proxy.strip_slot_conditions = True
    client("UpdateItem", **request)
    assert table.value() == 2
    assert proxy.stripped == 1


# ---- Speed

def test_proxy_is_no_bottleneck(proxy, client, behind):
    """The load tests need it to be faster than dynalite, not to be a benchmark."""
    started = time.monotonic()
    for _ in range(200):
        client("GetItem", TableName=behind.name, Key={"counter_id": {"S": "global"}})
    rate = 200 / (time.monotonic() - started)
    print(f"{rate:.0f} requests/s on one connection, signing included")
    assert rate > 50
