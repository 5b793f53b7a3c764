#!/usr/bin/python3
"""The AWS command line, as far as docs/dynamodb.md uses it. The arguments of each call are judged by AWS's own model
of it. dynalite makes tables; it has no backups and no time to live, so a restore copies the items, and the
others only print what they would do."""

import json
import os
import sys
import time
from pathlib import Path

import botocore.session
from botocore import xform_name
from botocore.validate import validate_parameters

sys.path.insert(0, str(Path(__file__).resolve().parent))

from dynalite import Client, DynamoDbError


def shorthand(shape, texts):
    """The value of an option, as the AWS CLI reads it: A=x,B=y for a structure."""
    if shape.type_name == "list":
        return [shorthand(shape.member, [text]) for text in texts]
    (text,) = texts
    if shape.type_name == "structure":
        fields = dict(part.split("=", 1) for part in text.split(","))
        return {name: shorthand(shape.members[name], [value]) for name, value in fields.items()}
    return text == "true" if shape.type_name == "boolean" else text


def parameters(operation, words):
    """By the options of an operation."""
    members = {"--" + xform_name(name, "-"): name for name in operation.input_shape.members}
    found = {}
    # Debian 12's model is older than this one.
    words = [word for word in words if word != "--deletion-protection-enabled"]
    while words:
        option, *words = words
        shape = operation.input_shape.members[members[option]]
        count = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
        found[members[option]] = shorthand(shape, words[:count]) if count else True
        words = words[count:]
    validate_parameters(found, operation.input_shape)
    return found


def is_ready(client, table):
    try:
        return client("DescribeTable", TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    except DynamoDbError:
        return False


def copy_table(client, source, target):
    """What a restore to the latest moment leaves."""
    key = client("DescribeTable", TableName=source)["Table"]["KeySchema"]
    client("CreateTable", TableName=target, BillingMode="PAY_PER_REQUEST", KeySchema=key,
           AttributeDefinitions=[{"AttributeName": key[0]["AttributeName"], "AttributeType": "S"}])
    while not is_ready(client, target):
        time.sleep(0.01)
    for item in client("Scan", TableName=source)["Items"]:
        client("PutItem", TableName=target, Item=item)


def main(service, command, *words):
    assert service == "dynamodb"
    client = Client(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
    if command == "wait":
        assert words[:2] == ("table-exists", "--table-name")
        while not is_ready(client, words[2]):
            time.sleep(0.01)
        return
    model = botocore.session.Session().get_service_model(service)
    (name,) = [name for name in model.operation_names if xform_name(name, "-") == command]
    found = parameters(model.operation_model(name), list(words))
    if name == "CreateTable":
        client(name, **found)
    elif name == "RestoreTableToPointInTime":
        copy_table(client, found["SourceTableName"], found["TargetTableName"])
    print(name, json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
