// The fixture of the conformance suite: one store, and calls that expect it to work.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"
#include "conformance/store_rows.h"

namespace nextid::test {

inline constexpr contract::WriterId kAda = 0xada;
/// Its bits are a negative number where a store has signed integers only.
inline constexpr contract::WriterId kBob = 0xb0b0'0000'0000'0b0b;

class StoreTest : public testing::TestWithParam<StoreRow> {
 protected:
  StoreTest() { reopen(); }
  ~StoreTest() override {
    store_.reset();
    if (GetParam().drop) GetParam().drop(directory_);
  }

  void reopen() {
    store_.reset();
    store_ = GetParam().open(directory_, clock_);
  }
  contract::StoreDriver& store() { return *store_; }
  /// A seq of this moment: close to the clock, as the engine's are.
  contract::Seq now() const { return clock_.now_us(); }
  void define(const std::string& counter, const Definition& definition = {}) {
    EXPECT_EQ(found(run(store(), contract::Define{counter, kAda, definition})).definition,
              definition);
  }
  contract::CounterState load(const std::string& counter, contract::WriterId writer = kAda) {
    return found(run(store(), contract::Load{counter, writer}));
  }

  TempDir directory_;
  TurnedClock clock_;
  std::shared_ptr<contract::StoreDriver> store_;
};

/// Names the cases of INSTANTIATE_TEST_SUITE_P after their stores.
inline std::string row_name(const testing::TestParamInfo<StoreRow>& row) { return row.param.name; }

}  // namespace nextid::test
