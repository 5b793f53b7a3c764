// One listing: the pages of a Scan, of which the first names in byte order are kept.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "aws/dynamodb_client.h"
#include "contract/store_driver.h"

namespace nextid::store {

/// Keeps itself alive until `done` was called, on the client's thread. Holds at most limit + 1
/// counters at a time. Items that are no counters are left out, each with a line to `warn`: another
/// program's mistake must not hide all other counters.
class DynamodbListing : public std::enable_shared_from_this<DynamodbListing> {
 public:
  using Done = std::function<void(Result<CounterPage>)>;
  using Warn = std::function<void(const std::string&)>;

  /// `client` must live until `done` was called.
  static void start(aws::DynamodbClient& client, const contract::PageWanted& wanted, Warn warn,
                    Done done);

 private:
  DynamodbListing(aws::DynamodbClient& client, contract::PageWanted wanted, Warn warn, Done done);
  void next_page(const boost::json::value* from);
  void take(aws::DynamodbReply reply);
  void keep(const boost::json::object& item);
  void finish();

  aws::DynamodbClient& client_;
  const contract::PageWanted wanted_;
  const Warn warn_;
  const Done done_;
  std::map<std::string, CounterInfo> kept_;
  std::vector<std::string> left_out_;
};

}  // namespace nextid::store
