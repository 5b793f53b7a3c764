// The table itself: looked at, and made when it is missing, before a store is open.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <boost/json/object.hpp>

#include "nextid/error.h"
#include "nextid/log.h"

#include "aws/dynamodb_client.h"

namespace nextid::store {

struct PreparedTable {
  std::string id;     ///< Its TableId; empty where the service tells none.
  bool made = false;  ///< It was missing, and this call made it.
};

/// Waits until the client's table can be used. Makes it, with on-demand billing, if there is none
/// and `create` is true; several nodes may do so at the same time. Blocks: some seconds while the
/// service does not answer or throttles, a minute while the table is being made. Errors say what to
/// do: kInvalid for a table with other keys, or none and `create` false; kUnavailable for the rest.
Result<PreparedTable> prepare_table(aws::DynamodbClient& client, bool create, const Log& log);

/// Whether the service says that there is no such table; false where it says nothing. Blocks: some
/// seconds while it does not answer or throttles.
bool is_table_missing(aws::DynamodbClient& client);

/// What DescribeTable answers of a table; empty texts where it does not say.
struct TableDescription {
  std::string id;
  std::string status;  ///< "ACTIVE"
};
TableDescription description_of(const boost::json::object& answer);

/// For calls that make or change a table, which take longer than those on items.
inline constexpr std::chrono::milliseconds kTableCallLimit{2'000};

/// CreateTable, with on-demand billing; the partition key is the text in `key_attribute`.
boost::json::object create_table_request(const std::string& key_attribute);

/// The same as a line for a shell.
std::string create_table_command(const std::string& table, const std::string& region,
                                 const std::string& key_attribute);

}  // namespace nextid::store
