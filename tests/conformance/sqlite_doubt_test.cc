// What makes a store doubtful, as a table; tests/e2e/test_same_store.py has the files to it.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "store/sqlite/doubt.h"

namespace nextid::test {
namespace {

using store::Doubt;
using store::Evidence;
using store::Seal;
using Kind = store::Doubt::Kind;

Seal seal() {
  Seal seal;
  seal.identity = "0123456789abcdef0123456789abcdef";
  seal.mark = 7;
  seal.path = "/data/ids.db";
  seal.place = {.inode = 11, .born_ns = 12, .volume = 0, .is_lasting = true, .file_system = "ext4"};
  return seal;
}

/// Closed in good order, and where it was.
Evidence whole() {
  Evidence evidence;
  evidence.path = "/data/ids.db";
  evidence.alone = {seal(), 5, 512};
  evidence.place = seal().place;
  return evidence;
}

/// Killed, with its log beside it.
Evidence killed() {
  Evidence evidence = whole();
  evidence.alone.seal->needs_log = true;
  evidence.log = {
      .just_begins = true, .has_commits = true, .salts = {1, 2}, .frames = 9, .has_page = true};
  evidence.committed = store::CommittedNote{{1, 2}, 9};
  return evidence;
}

struct Row {
  const char* what;
  Evidence (*before)();
  std::function<void(Evidence&)> change;
  std::optional<Kind> kind;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"closed", &whole, [](Evidence&) {}, {}},
      {"closed, and noted",
       &whole,
       [](Evidence& e) {
         e.closed = {e.alone.seal->identity, e.alone.seal->mark};
       },
       {}},
      {"killed", &killed, [](Evidence&) {}, {}},
      {"killed before it noted a commit", &killed, [](Evidence& e) { e.committed.reset(); }, {}},
      {"killed, more in the log than was noted",
       &killed,
       [](Evidence& e) { e.log.frames = 10; },
       {}},
      {"killed, the log begun anew since",
       &killed,
       [](Evidence& e) {
         e.log = {true, true, {2, 9}, 1, true};
       },
       {}},
      {"closing was cut short", &killed, [](Evidence& e) { e.alone.seal->needs_log = false; }, {}},
      {"an older version", &whole, [](Evidence& e) { e.alone.seal.reset(); }, {}},
      {"an older version with its log", &killed, [](Evidence& e) { e.alone.seal.reset(); }, {}},
      {"log lost", &killed, [](Evidence& e) { e.log = {}; }, Kind::kLogMissing},
      {"killed while the log began anew",
       &killed,
       [](Evidence& e) {
         e.log = {true, false, {2, 9}, 0, false};
       },
       {}},
      {"the same over a power loss",
       &killed,
       [](Evidence& e) {
         e.log = {true, false, {2, 9}, 0, false};
         e.committed.reset();
       },
       {}},
      {"log cut to its header", &killed,
       [](Evidence& e) {
         e.log = {true, false, {1, 2}, 0, false};
       },
       Kind::kLogMissing},
      {"log cut to its header, over a power loss", &killed,
       [](Evidence& e) {
         e.log = {false, false, {1, 2}, 0, false};
         e.committed.reset();
       },
       Kind::kLogMissing},
      {"an empty log of another", &killed,
       [](Evidence& e) {
         e.log = {true, false, {5, 9}, 0, false};
       },
       Kind::kLogMissing},
      {"log cut", &killed, [](Evidence& e) { e.log.frames = 8; }, Kind::kLogMissing},
      {"a log without a seal", &whole,
       [](Evidence& e) {
         e.log = {true, true, {1, 2}, 9, false};
       },
       Kind::kForeignLog},
      {"another file than the one closed", &whole,
       [](Evidence& e) {
         e.closed = {e.alone.seal->identity, 8};
       },
       Kind::kExchanged},
      {"another store than the one closed", &whole,
       [](Evidence& e) {
         e.closed = {"other", 7};
       },
       Kind::kExchanged},
      {"another inode", &whole, [](Evidence& e) { e.place.inode = 13; }, Kind::kCopy},
      {"another birth", &whole, [](Evidence& e) { e.place.born_ns = 13; }, Kind::kCopy},
      {"another subvolume", &whole, [](Evidence& e) { e.place.volume = 1; }, Kind::kCopy},
      {"a copy that is accepted",
       &whole,
       [](Evidence& e) {
         e.place.inode = 13;
         e.copy_is_accepted = true;
       },
       {}},
      {"elsewhere, where files do not last",
       &whole,
       [](Evidence& e) {
         e.place.inode = 13;
         e.place.is_lasting = false;
       },
       {}},
      {"a backup", &whole, [](Evidence& e) { e.alone.seal->is_past = true; }, Kind::kPast},
      {"a backup, accepted as a copy", &whole,
       [](Evidence& e) {
         e.alone.seal->is_past = true;
         e.place.inode = 13;
         e.copy_is_accepted = true;
       },
       Kind::kPast},
      {"a torn copy, accepted as a copy", &killed,
       [](Evidence& e) {
         e.log = {};
         e.copy_is_accepted = true;
       },
       Kind::kLogMissing},
  };
  return all;
}

TEST(SqliteDoubt, OfWhatTheFilesShow) {
  for (const Row& row : rows()) {
    Evidence evidence = row.before();
    row.change(evidence);
    const auto doubt = store::doubt_of(evidence);
    EXPECT_EQ(doubt.has_value(), row.kind.has_value()) << row.what;
    if (!doubt || !row.kind) continue;
    EXPECT_EQ(doubt->kind, *row.kind) << row.what << ": " << doubt->sentence;
    EXPECT_NE(doubt->sentence.find("/data/ids.db"), std::string::npos) << doubt->sentence;
    EXPECT_NE(doubt->sentence.find("nextid recover"), std::string::npos) << doubt->sentence;
  }
}

TEST(SqliteDoubt, OfTheSealInTheLog) {
  const auto doubt_about = [](const std::function<void(Seal&)>& change) {
    Seal shown = seal();
    change(shown);
    return store::doubt_of_log(killed(), shown).has_value();
  };
  EXPECT_FALSE(doubt_about([](Seal&) {})) << "the very seal of the main file";
  EXPECT_FALSE(doubt_about([](Seal& shown) { shown.mark = 8, shown.follows = 7; }));
  EXPECT_FALSE(
      doubt_about([](Seal& shown) { shown.mark = 9, shown.follows = 6, shown.earlier = 7; }));
  EXPECT_TRUE(
      doubt_about([](Seal& shown) { shown.mark = 9, shown.follows = 8, shown.earlier = 8; }));
  EXPECT_TRUE(doubt_about([](Seal& shown) { shown.identity = "other"; }));
  EXPECT_TRUE(store::doubt_of_log(killed(), std::nullopt).has_value());
}

TEST(SqliteDoubt, OfAnOlderFileWithALogOfToday) {
  Evidence older = killed();
  older.alone.seal.reset();
  Seal first = seal();
  EXPECT_FALSE(store::doubt_of_log(older, std::nullopt).has_value());
  EXPECT_FALSE(store::doubt_of_log(older, first).has_value()) << "it was being brought up to date";
  first.follows = 3;
  EXPECT_TRUE(store::doubt_of_log(older, first).has_value());
}

}  // namespace
}  // namespace nextid::test
