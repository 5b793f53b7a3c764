#include "conformance/store_rows.h"

#include <chrono>
#include <memory>
#include <variant>

#include "base/clock.h"
#include "conformance/dynamodb_server.h"
#include "conformance/etcd_server.h"
#include "conformance/mysql_server.h"
#include "conformance/postgres_server.h"
#include "store/memory/store.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

/// As unique as the directory.
std::string table_of(const TempDir& directory) { return directory.path().filename().string(); }

/// The store, once its table of records has been made: that is done when it is first needed, and
/// until then ops are not applied.
std::shared_ptr<contract::StoreDriver> with_records(std::shared_ptr<contract::StoreDriver> store) {
  const auto deadline = base::monotonic_now() + std::chrono::seconds(10);
  while (
      std::holds_alternative<contract::NotApplied>(run(*store, contract::Recall{"any", "key"})) &&
      base::monotonic_now() < deadline) {
  }
  return store;
}

}  // namespace

std::vector<StoreRow> store_rows() {
  return {
      {"memory",
       [](const TempDir&, const TurnedClock& clock) {
         return std::make_shared<store::MemoryStore>(clock.reader());
       },
       false},
      {"sqlite",
       [](const TempDir& directory, const TurnedClock& clock) {
         const store::MachineClocks clocks{clock.reader(), clock.reader(), 1};
         return store::SqliteStore::open(directory.file("ids.db"), {}, clocks).value();
       },
       true},
      {"dynamodb",
       [](const TempDir& directory, const TurnedClock& clock) {
         return with_records(DynamodbServer::instance().open(table_of(directory), clock.reader()));
       },
       true, [](const TempDir& directory) { DynamodbServer::instance().drop(table_of(directory)); },
       2'000},
      {"postgres",
       [](const TempDir& directory, const TurnedClock& clock) {
         return PostgresServer::instance().open(table_of(directory), clock.reader());
       },
       true, [](const TempDir& directory) { PostgresServer::instance().drop(table_of(directory)); },
       2'000},
      {"mysql",
       [](const TempDir& directory, const TurnedClock& clock) {
         return MysqlServer::instance().open(table_of(directory), clock.reader());
       },
       true, [](const TempDir& directory) { MysqlServer::instance().drop(table_of(directory)); },
       2'000},
      {"etcd",
       [](const TempDir& directory, const TurnedClock& clock) {
         return EtcdServer::instance().open(table_of(directory), clock.reader());
       },
       true, [](const TempDir& directory) { EtcdServer::instance().drop(table_of(directory)); },
       2'000},
  };
}

std::vector<StoreRow> durable_store_rows() {
  std::vector<StoreRow> rows = store_rows();
  std::erase_if(rows, [](const StoreRow& row) { return !row.is_durable; });
  return rows;
}

}  // namespace nextid::test
