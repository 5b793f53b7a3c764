// What DynamoDB, or something in its place, answers: a write counts as done or as not applied only
// where that is sure, and an item is a counter with values that one can have, or is refused.
#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "aws/dynamodb_reply.h"
#include "contract/counter_state.h"
#include "fuzz/require.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/outcomes.h"
#include "store/dynamodb/table.h"

namespace nextid::fuzz {
namespace {

namespace json = boost::json;
using Kind = aws::DynamodbReply::Kind;

constexpr contract::WriterId kWriter = 0x0123456789abcdef;
constexpr std::array kStatuses{200L, 400L, 413L, 429L, 500L, 503L, 302L, 0L};

aws::DynamodbReply reply_to(std::uint8_t choice, std::string body) {
  aws::SignedAnswer answer;
  answer.status = kStatuses[choice % kStatuses.size()];
  answer.body = std::move(body);
  if (choice >= 128) answer.crc32 = 0;
  const aws::CallContext context{.operation = "UpdateItem",
                                 .table = "ids",
                                 .region = "eu-west-1",
                                 .endpoint = "https://db.example",
                                 .credentials_source = "the environment",
                                 .credentials_trouble = "",
                                 .now = {}};
  return aws::read_reply(answer, context);
}

void check_reply(const aws::DynamodbReply& reply, std::uint8_t choice) {
  const long status = kStatuses[choice % kStatuses.size()];
  if (reply.kind == Kind::kDone) {
    require(status == 200 && reply.why.empty());
  } else if (reply.kind == Kind::kConditionFailed) {
    require(status >= 400 && status < 500 && reply.why.empty());
  } else {
    require(reply.kind == Kind::kInDoubt || (status >= 400 && status < 500));
    require(reply.body.empty());
    require_sentence(reply.why);
  }
}

void check_item(const json::object& item) {
  for (const contract::WriterId writer : {contract::WriterId{0}, kWriter}) {
    const auto state = store::parse_item(item, writer);
    if (!state) {
      require_sentence(state.error().what());
      continue;
    }
    const Definition& definition = state->definition;
    require(definition.increment >= 1);
    require(state->value >= contract::value_before_first(definition));
    require(writer != 0 || !state->slot);
    const CounterInfo info = contract::info_of(store::key_of_item(item), *state);
    require(!info.value || *info.value >= definition.start);
  }
  const auto slots = store::slots_of(item);
  const auto idle = store::idle_slots(item, kWriter, 1'800'000'000'000'000, 2);
  require(idle.size() <= 2 && idle.size() <= slots.size());
  for (const auto& slot : slots) require(slot.seq <= store::newest_of(slots));
}

void check_body(const json::object& body) {
  check_item(body);
  for (const char* part : {"Item", "Attributes"}) {
    if (const json::object* item = store::part_of(body, part)) check_item(*item);
  }
  if (const json::value* items = body.if_contains("Items"); items && items->is_array()) {
    for (const json::value& item : items->get_array()) {
      if (item.is_object()) check_item(item.get_object());
    }
  }
  const auto outcome = store::committed_at(body, "current_value");
  if (const auto* doubt = std::get_if<contract::InDoubt>(&outcome)) require_sentence(doubt->why);
  store::description_of(body);
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto reply = nextid::fuzz::reply_to(data[0], body);
  nextid::fuzz::check_reply(reply, data[0]);
  nextid::fuzz::check_body(reply.body);
  return 0;
}
