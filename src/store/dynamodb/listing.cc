#include "store/dynamodb/listing.h"

#include <iterator>
#include <utility>

#include <boost/json/array.hpp>

#include "base/cat.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/requests.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using aws::DynamodbReply;

/// A page is up to 1 MB of items, read and filtered.
constexpr std::chrono::seconds kPageLimit{5};

}  // namespace

void DynamodbListing::start(aws::DynamodbClient& client, const contract::PageWanted& wanted,
                            Warn warn, Done done) {
  const std::shared_ptr<DynamodbListing> listing(
      new DynamodbListing(client, wanted, std::move(warn), std::move(done)));
  listing->next_page(nullptr);
}

DynamodbListing::DynamodbListing(aws::DynamodbClient& client, contract::PageWanted wanted,
                                 Warn warn, Done done)
    : client_(client), wanted_(std::move(wanted)), warn_(std::move(warn)), done_(std::move(done)) {}

void DynamodbListing::next_page(const json::value* from) {
  json::object request = scan_request(wanted_.after);
  if (from != nullptr) request["ExclusiveStartKey"] = *from;
  client_.call("Scan", std::move(request), kPageLimit,
               [self = shared_from_this()](DynamodbReply reply) { self->take(std::move(reply)); });
}

void DynamodbListing::take(DynamodbReply reply) {
  if (reply.kind != DynamodbReply::Kind::kDone) {
    return done_(
        Error(ErrorCode::kUnavailable, cat("the counters can't be listed: ", reply.why, ".")));
  }
  const json::value* items = reply.body.if_contains("Items");
  if (items == nullptr || !items->is_array()) {
    return done_(Error(ErrorCode::kUnavailable,
                       "the counters can't be listed: a Scan was answered without items."));
  }
  for (const json::value& item : items->get_array()) {
    if (item.is_object()) keep(item.get_object());
  }
  const json::value* last = reply.body.if_contains("LastEvaluatedKey");
  if (last != nullptr && last->is_object() && !last->get_object().empty()) return next_page(last);
  finish();
}

void DynamodbListing::keep(const json::object& item) {
  const std::string name = key_of_item(item);
  auto state = parse_item(item, contract::WriterId{0});
  if (!state) {
    left_out_.push_back(name);
    return warn_(cat("counter '", name, "' is left out of the list, since ", state.error().what(),
                     "; mend or remove the item."));
  }
  if (state->deleted != wanted_.deleted) return;
  kept_.insert_or_assign(name, contract::info_of(name, *state));
  // One more than asked for tells whether there are more.
  if (kept_.size() > wanted_.limit + 1) kept_.erase(std::prev(kept_.end()));
}

void DynamodbListing::finish() {
  CounterPage page;
  page.more = kept_.size() > wanted_.limit;
  if (page.more) kept_.erase(std::prev(kept_.end()));
  for (auto& [name, info] : kept_) page.counters.push_back(std::move(info));
  page.left_out = std::move(left_out_);
  done_(std::move(page));
}

}  // namespace nextid::store
