"""The server that anyone would write: FastAPI and boto3, one `UpdateItem ADD` a request.

It makes the promises that nextid is measured with: each id is a write to DynamoDB of its own, sent after
its request arrived, so ids are unique and in order. Endpoints are plain functions, which FastAPI runs in
its pool of threads, and all threads share one boto3 client. Programs of this kind often hold a lock
around the write; DynamoDB needs none, and this server is faster without. It runs on what the packages of
these names bring along: asyncio and h11.

    TABLE_NAME=counters AWS_DEFAULT_REGION=us-east-1 python3 -m uvicorn counter_server:app

DYNAMODB_ENDPOINT names another DynamoDB than that of AWS.
"""

import contextlib
import os

import boto3
from botocore.config import Config
from fastapi import FastAPI, Query

TABLE_NAME = os.environ.get("TABLE_NAME", "counters")
# As many as FastAPI's pool has threads, so that none waits for a connection.
CONNECTIONS = 40

dynamodb = boto3.client(
    "dynamodb", endpoint_url=os.environ.get("DYNAMODB_ENDPOINT"),
    config=Config(max_pool_connections=CONNECTIONS))
app = FastAPI()


@app.on_event("startup")
def create_table_when_missing():
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=TABLE_NAME, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "counter_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "counter_id", "KeyType": "HASH"}])
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE_NAME, WaiterConfig={"Delay": 1})


def add(counter, count):
    """Raises the counter by `count`, and returns its new value."""
    answer = dynamodb.update_item(
        TableName=TABLE_NAME, Key={"counter_id": {"S": counter}},
        UpdateExpression="ADD current_value :n",
        ExpressionAttributeValues={":n": {"N": str(count)}}, ReturnValues="UPDATED_NEW")
    return int(answer["Attributes"]["current_value"]["N"])


@app.get("/next")
def next_id(counter: str = "global"):
    return {"id": add(counter, 1)}


@app.get("/range")
def next_range(count: int = Query(ge=1), counter: str = "global"):
    end = add(counter, count)
    return {"start": end - count + 1, "end": end, "count": count}
