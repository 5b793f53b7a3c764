// The counters of a store, one after another.
#include "copy/counter_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"
#include "store/memory/store.h"

namespace nextid::copy {
namespace {

class Stream : public testing::Test {
 protected:
  void make(const std::string& name) { test::run(store_, contract::Define{name, 0, {}}); }
  void remove(const std::string& name) {
    Definition last;
    last.revision = 2;
    test::run(store_, contract::Redefine{name, 0, last, true});
  }
  std::string rest(CounterStream& stream) {
    std::string names;
    for (auto next = stream.next().value(); next; next = stream.next().value()) {
      names += next->name + (next->deleted ? "- " : " ");
    }
    return names;
  }

  store::MemoryStore store_;
};

TEST_F(Stream, BothListsInOrderWhateverThePages) {
  for (const char* name : {"a", "b", "B", "c", "d", "e", "f"}) make(name);
  for (const char* name : {"b", "c", "f"}) remove(name);
  for (const std::size_t page : {1U, 2U, 3U, 100U}) {
    CounterStream stream(store_, {.page = page});
    EXPECT_EQ(rest(stream), "B a b- c- d e f- ");
    CounterStream in_use(store_, {.page = page}, CounterStream::Which::kInUse);
    EXPECT_EQ(rest(in_use), "B a d e ");
  }
}

TEST_F(Stream, ANameComesOnceAlsoIfItIsDeletedMeanwhile) {
  for (const char* name : {"a", "b", "c", "d"}) make(name);
  remove("c");
  CounterStream stream(store_, {.page = 1});
  EXPECT_EQ(stream.next().value()->name, "a");
  EXPECT_EQ(stream.next().value()->name, "b");
  remove("a");
  remove("b");
  EXPECT_EQ(rest(stream), "c- d ");
}

TEST_F(Stream, FindsByAscendingNames) {
  for (const char* name : {"a", "c", "e"}) make(name);
  CounterStream stream(store_, {.page = 1});
  EXPECT_EQ(stream.find("a").value()->name, "a");
  EXPECT_FALSE(stream.find("b").value());
  EXPECT_EQ(stream.find("c").value()->name, "c");
  EXPECT_FALSE(stream.find("d").value());
  EXPECT_FALSE(stream.find("dd").value());
  EXPECT_EQ(stream.find("e").value()->name, "e");
  EXPECT_FALSE(stream.find("f").value());
}

}  // namespace
}  // namespace nextid::copy
