#include "conformance/store_harness.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <stdlib.h>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

namespace nextid::test {
namespace {

using contract::CounterState;
using contract::Outcome;

std::string describe_definition(const Definition& definition) {
  std::ostringstream out;
  out << "start " << definition.start << ", increment " << definition.increment << ", max "
      << definition.max << ", cache " << definition.cache << ", comment '" << definition.comment
      << "', revision " << definition.revision;
  return out.str();
}

std::string describe_record(const contract::IdempotencyRecord& record) {
  std::ostringstream out;
  out << "{start " << record.range.start() << ", count " << record.range.count() << ", increment "
      << record.range.increment() << ", expires " << record.expires_s << ", owner " << record.owner
      << "}";
  return out.str();
}

/// The name of an op with a seq, and what all of them have.
template <typename SlotOp>
std::string describe_slot_op(const char* name, const SlotOp& op) {
  std::ostringstream out;
  out << name << " " << op.counter << " by " << op.writer << " seq " << op.seq << " prev "
      << op.prev;
  return out.str();
}

std::string describe_state(const CounterState& state) {
  std::ostringstream out;
  out << "{value " << state.value << ", floor " << state.floor << ", "
      << describe_definition(state.definition);
  if (state.slot) out << ", slot " << state.slot->seq << " -> " << state.slot->end;
  if (state.deleted) out << ", deleted";
  out << "}";
  return out.str();
}

}  // namespace

TempDir::TempDir() {
  std::string form = (std::filesystem::temp_directory_path() / "nextid-test-XXXXXX").string();
  if (::mkdtemp(form.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + form);
  }
  path_ = form;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<Outcome> run_all(contract::StoreDriver& store, std::vector<contract::Op> ops) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Outcome> outcomes(ops.size(), contract::Missing{});
  std::size_t open = ops.size();
  std::vector<contract::Call> calls;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    calls.push_back({std::move(ops[i]), [&, i](Outcome outcome) {
                       const std::lock_guard lock(mutex);
                       outcomes[i] = std::move(outcome);
                       if (--open == 0) changed.notify_all();
                     }});
  }
  store.submit(std::move(calls));
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return open == 0; });
  return outcomes;
}

Outcome run(contract::StoreDriver& store, contract::Op op) {
  return run_all(store, {std::move(op)}).front();
}

Result<CounterPage> list(contract::StoreDriver& store, const contract::PageWanted& wanted) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<CounterPage>> answer;
  store.list(wanted, [&](Result<CounterPage> page) {
    const std::lock_guard lock(mutex);
    answer = std::move(page);
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answer.has_value(); });
  return *answer;
}

std::string describe(const Outcome& outcome) {
  struct {
    std::string operator()(const contract::Committed& x) const {
      return "Committed " + std::to_string(x.end);
    }
    std::string operator()(const contract::Refused& x) const {
      return "Refused " + describe_state(x.state);
    }
    std::string operator()(const contract::Found& x) const {
      return "Found " + describe_state(x.state);
    }
    std::string operator()(const contract::Missing&) const { return "Missing"; }
    std::string operator()(const contract::Remembered& x) const {
      return "Remembered " + (x.record ? describe_record(*x.record) : "nothing");
    }
    std::string operator()(const contract::InDoubt&) const { return "InDoubt"; }
    std::string operator()(const contract::NotApplied&) const { return "NotApplied"; }
    std::string operator()(const contract::Damaged&) const { return "Damaged"; }
  } const text;
  return std::visit(text, outcome);
}

std::string describe(const contract::Op& op) {
  struct {
    std::string operator()(const contract::Load& x) const {
      return "Load " + x.counter + " by " + std::to_string(x.writer);
    }
    std::string operator()(const contract::Define& x) const {
      return "Define " + x.counter + " by " + std::to_string(x.writer) + " " +
             describe_definition(x.definition);
    }
    std::string operator()(const contract::Redefine& x) const {
      return (x.deletes ? "Delete " : "Redefine ") + x.counter + " by " + std::to_string(x.writer) +
             " " + describe_definition(x.definition) +
             (x.raise
                  ? " raise " + std::to_string(x.raise->from) + " to " + std::to_string(x.raise->to)
                  : "");
    }
    std::string operator()(const contract::Reserve& x) const {
      return describe_slot_op("Reserve", x) + " revision " + std::to_string(x.revision) + " step " +
             std::to_string(x.step) + " limit " + std::to_string(x.limit);
    }
    std::string operator()(const contract::GiveBack& x) const {
      return describe_slot_op("GiveBack", x) + " end " + std::to_string(x.end) + " new_end " +
             std::to_string(x.new_end);
    }
    std::string operator()(const contract::Advance& x) const {
      return describe_slot_op("Advance", x) + " revision " + std::to_string(x.revision) + " to " +
             std::to_string(x.to);
    }
    std::string operator()(const contract::Release& x) const {
      return describe_slot_op("Release", x);
    }
    std::string operator()(const contract::Recall& x) const {
      return "Recall " + contract::key_space(x.counter, x.scope) + " '" + x.key + "'";
    }
    std::string operator()(const contract::Remember& x) const {
      return "Remember " + contract::key_space(x.counter, x.scope) + " '" + x.key + "' " +
             describe_record(x.record);
    }
    std::string operator()(const contract::TryWrite&) const { return "TryWrite"; }
  } const text;
  return std::visit(text, op);
}

namespace {

/// Unlike describe(), with what each store says in its own words.
std::string in_full(const Outcome& outcome) {
  std::string why;
  if (const auto* failed = std::get_if<contract::NotApplied>(&outcome)) why = failed->why;
  if (const auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) why = in_doubt->why;
  if (const auto* damaged = std::get_if<contract::Damaged>(&outcome)) why = damaged->why;
  return describe(outcome) + (why.empty() ? "" : ": " + why);
}

}  // namespace

CounterState found(const Outcome& outcome) {
  const auto* found = std::get_if<contract::Found>(&outcome);
  EXPECT_NE(found, nullptr) << in_full(outcome);
  return found == nullptr ? CounterState() : found->state;
}

CounterState refused(const Outcome& outcome) {
  const auto* refused = std::get_if<contract::Refused>(&outcome);
  EXPECT_NE(refused, nullptr) << in_full(outcome);
  return refused == nullptr ? CounterState() : refused->state;
}

std::int64_t committed(const Outcome& outcome) {
  const auto* committed = std::get_if<contract::Committed>(&outcome);
  EXPECT_NE(committed, nullptr) << in_full(outcome);
  return committed == nullptr ? std::numeric_limits<std::int64_t>::min() : committed->end;
}

std::optional<contract::IdempotencyRecord> remembered(const Outcome& outcome) {
  const auto* remembered = std::get_if<contract::Remembered>(&outcome);
  EXPECT_NE(remembered, nullptr) << in_full(outcome);
  return remembered == nullptr ? std::nullopt : remembered->record;
}

contract::Reserve reserve(const std::string& counter, contract::WriterId writer, contract::Seq seq,
                          contract::Seq prev, std::uint64_t step) {
  const auto limit = static_cast<std::int64_t>(kMaxId - step);
  return {counter, writer, seq, prev, 1, step, limit};
}

}  // namespace nextid::test
