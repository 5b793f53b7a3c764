"""The kinds of store that a round can stand on, with what is around each."""

from torture.stores.dynamodb import DynamodbStore
from torture.stores.etcd import EtcdStore
from torture.stores.mysql import MysqlStore
from torture.stores.postgres import PostgresStore
from torture.stores.sqlite import SqliteStore

STORES = {store.kind: store for store in (
    SqliteStore, DynamodbStore, PostgresStore, MysqlStore, EtcdStore)}
