// What the store keeps in etcd, as text and back.
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "store/etcd/base64.h"
#include "store/etcd/counter_text.h"
#include "store/etcd/keys.h"

namespace nextid::store {
namespace {

constexpr const char* kCounter =
    R"({"value":"0","floor":"0","start":"1","increment":"1","max":"9","cache":"1","comment":"","revision":"1"})";

/// kCounter with `from` replaced by `to`.
std::string with(const std::string& from, const std::string& to) {
  std::string text = kCounter;
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(EtcdText, Base64HasAllBytesAndLengths) {
  // RFC 4648, 10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(from_base64(to_base64(all)), all);
  for (const char* wrong : {"Z", "Zg", "Zg=", "Z===", "====", "Zm 9", "Zg==Zg==", "Z=g="}) {
    EXPECT_FALSE(from_base64(wrong)) << wrong;
  }
}

TEST(EtcdText, CountersComeBackAsTheyWere) {
  contract::CounterState state;
  state.value = std::numeric_limits<std::int64_t>::max();
  state.floor = kMaxId;
  state.definition.start = 5;
  state.definition.increment = 10;
  state.definition.comment = "\"quoted\" \\ \xc3\xa9 \n";
  state.definition.revision = 3;
  state.deleted = true;
  const auto again = parse_counter(counter_text(state));
  ASSERT_TRUE(again) << again.error().what();
  EXPECT_EQ(again->value, state.value);
  EXPECT_EQ(again->floor, state.floor);
  EXPECT_EQ(again->definition, state.definition);
  EXPECT_TRUE(again->deleted);
}

TEST(EtcdText, WhatNoCounterHasIsRefusedWithItsName) {
  ASSERT_TRUE(parse_counter(kCounter));
  const std::pair<std::string, const char*> wrong[] = {
      {with("\"value\":\"0\",", ""), "value is missing"},
      {with("\"value\":\"0\"", "\"value\":\"x\""), "value is"},
      {with("\"value\":\"0\"", "\"value\":\"-1\""), "below its start"},
      {with("\"value\":\"0\"", "\"value\":1.5"), "value is"},
      {with("\"value\":\"0\"", "\"value\":\"9223372036854775808\""), "value is"},
      {with("\"floor\":\"0\"", "\"floor\":\"-1\""), "floor is -1"},
      {with("\"max\":\"9\"", "\"max\":\"0\""), "max is 0"},
      {with("\"revision\":\"1\"", "\"revision\":\"0\""), "revision is 0"},
      {with("\"comment\":\"\"", "\"comment\":1"), "comment is no text"},
      {with("\"comment\"", "\"later\""), "later"},
      {"[]", "no JSON object"},
  };
  for (const auto& [text, part] : wrong) {
    const auto refused = parse_counter(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(std::string(refused.error().what()).find(part), std::string::npos)
        << text << ": " << refused.error().what();
  }
}

TEST(EtcdText, SlotsAreTwoNumbers) {
  const auto slot = parse_slot(slot_text({kMaxId, -5}));
  ASSERT_TRUE(slot);
  EXPECT_EQ(*slot, (contract::Slot{kMaxId, -5}));
  for (const char* wrong : {"", "1", ",", "1,", ",1", "-1,1", "1,1,1", "x,1", "1, 1"}) {
    EXPECT_FALSE(parse_slot(wrong)) << wrong;
  }
}

TEST(EtcdText, NoPrefixHoldsTheKeysOfAnother) {
  for (const char* good : {"ids", "prod/ids", "/ids", "a.b-c:d_e", "counters"}) {
    EXPECT_TRUE(is_etcd_prefix(good)) << good;
  }
  for (const char* bad :
       {"", "ids/", "/", "ids/c", "ids/c/x", "s", "i/x", "ids/store", "a b", "é"}) {
    EXPECT_FALSE(is_etcd_prefix(bad)) << bad;
  }
}

TEST(EtcdText, KeysAndRangesFitEachOther) {
  const EtcdKeys keys("ids");
  const contract::WriterId writer = 0xb0b0'0000'0000'0b0b;
  EXPECT_EQ(keys.slot("orders", writer), "ids/s/orders/b0b0000000000b0b");
  EXPECT_EQ(keys.writer_of(keys.slot("orders", writer)), writer);
  const KeyRange slots = keys.slots("orders");
  EXPECT_LT(slots.begin, keys.slot("orders", 0));
  EXPECT_LT(keys.slot("orders", ~contract::WriterId{0}), slots.end);
  EXPECT_LE(slots.end, keys.slot("orders0", 0)) << "no other counter's";
  EXPECT_LT(keys.slot("orders-", 0), slots.begin);
  const KeyRange after = keys.counters("orders");
  EXPECT_LT(keys.counter("orders"), after.begin);
  EXPECT_LE(after.begin, keys.counter("orders-"));
  EXPECT_LT(keys.counter("z"), after.end);
  EXPECT_LE(keys.counters("").begin, keys.counter("0"));
  EXPECT_EQ(keys.counter_of(keys.counter("orders")), "orders");
}

}  // namespace
}  // namespace nextid::store
