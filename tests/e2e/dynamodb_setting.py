"""What a test of the DynamoDB store works with: a proxy, keys, a table, and nodes on them."""

import os
import urllib.parse

import botocore.session

import nextid
from aws_signatures import Key
from dynalite import REGION, Client

# Tests of what every DynamoDB can do run against this endpoint too, if the user names one.
USER_ENDPOINT = os.environ.get("NEXTID_TEST_DYNAMODB_ENDPOINT")


def isolated(directory):
    """Variables that keep AWS programs away from this machine's own keys and metadata."""
    return {"AWS_CONFIG_FILE": str(directory / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(directory / "no-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true"}


class Setting:
    """Nodes of one table, at one endpoint."""

    def __init__(self, endpoint, region, env, table, start_server):
        self.endpoint = endpoint
        self.region = region
        self.env = env
        self.table = table
        self._start_server = start_server

    def store(self, **parameters):
        """The store's URL; a parameter of None is left out."""
        chosen = {"region": self.region, "endpoint": self.endpoint, **parameters}
        query = urllib.parse.urlencode(
            {name: value for name, value in chosen.items() if value is not None}, safe=":/")
        return f"dynamodb://{self.table.name}" + (f"?{query}" if query else "")

    def start(self, *options, env=None, wait=True, http="127.0.0.1:0", prefix=(), **parameters):
        """A node; `parameters` are those of its store's URL."""
        return self._start_server(*options, store=self.store(**parameters), wait=wait, http=http,
                                  env=self.env if env is None else env, prefix=prefix)

    def run(self, *arguments, env=None, **parameters):
        """One command line."""
        return nextid.run(*arguments, "--store", self.store(**parameters),
                          env=self.env if env is None else env)


class ProxySetting(Setting):
    """Behind the proxy, with a key of its own."""

    def __init__(self, proxy, keys, table, start_server, directory):
        self.proxy = proxy
        self.keys = keys
        self.key = keys.issue()
        self.isolated = isolated(directory)
        self.isolated_file = directory.joinpath
        super().__init__(proxy.url, REGION, {**self.isolated, **self.key.environment}, table,
                         start_server)


def user_client():
    """A client of the user's endpoint, with the user's region and keys."""
    session = botocore.session.Session()
    found = session.get_credentials().get_frozen_credentials()
    return Client(USER_ENDPOINT, Key(found.access_key, found.secret_key, found.token),
                  user_region())


def user_region():
    # botocore does not know AWS_REGION, which wins where AWS programs do.
    return (os.environ.get("AWS_REGION") or botocore.session.Session().get_config_variable("region")
            or REGION)


def user_environment():
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
