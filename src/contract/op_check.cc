#include "contract/op_check.h"

#include <string>

#include "nextid/counter.h"
#include "nextid/id_generator.h"
#include "nextid/id_range.h"

#include "base/cat.h"
#include "base/checked.h"
#include "contract/definition_fields.h"

namespace nextid::contract {
namespace {

using base::cat;

std::optional<std::string> check(const Load&) { return std::nullopt; }

std::optional<std::string> check_definition(const std::string& counter,
                                            const Definition& definition) {
  for (const NumberField& field : kNumberFields) {
    const std::uint64_t value = definition.*field.member;
    if (value < field.least || value > field.most) {
      return cat("counter '", counter, "' can't be defined: its ", field.name, " is ", value,
                 ", and must be ", field.least, " to ", field.most);
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_identity(WriterId writer, Seq seq) {
  if (writer == 0) return "writer 0 stands for nobody and can't hold a slot";
  if (seq < 1 || seq > kMaxId) {
    return cat("an op can't have the seq ", seq, ": it must be 1 to ", kMaxId);
  }
  return std::nullopt;
}

std::optional<std::string> check_key(const std::string& scope, const std::string& key) {
  if (!scope.empty() && !is_counter_name(scope)) {
    return cat("an idempotency key was refused: its scope has ", scope.size(),
               " bytes, and must have the form of a counter name");
  }
  if (is_idempotency_key(key)) return std::nullopt;
  return cat("an idempotency key of ", key.size(), " bytes was refused: it must be 1 to ",
             kMaxIdempotencyKeyBytes, " bytes of printable ASCII");
}

std::optional<std::string> check(const Define& op) {
  return check_definition(op.counter, op.definition);
}

std::optional<std::string> check(const Redefine& op) {
  if (op.raise && op.raise->to < op.raise->from) {
    return cat("counter '", op.counter, "' can't be raised from ", op.raise->from, " to ",
               op.raise->to, ": that is lower");
  }
  return check_definition(op.counter, op.definition);
}

std::optional<std::string> check(const Reserve& op) {
  if (op.step < 1) {
    return cat("counter '", op.counter, "' can't move by ", op.step, ": it only grows");
  }
  return check_identity(op.writer, op.seq);
}

std::optional<std::string> check(const GiveBack& op) {
  if (op.new_end >= op.end) {
    return cat("counter '", op.counter, "' can't be given ids back from ", op.end, " to ",
               op.new_end, ": that is no lower");
  }
  return check_identity(op.writer, op.seq);
}

std::optional<std::string> check(const Advance& op) {
  if (op.to < 1) {
    return cat("counter '", op.counter, "' can't advance to ", op.to, ": ids begin at 1");
  }
  return check_identity(op.writer, op.seq);
}

std::optional<std::string> check(const Release& op) { return check_identity(op.writer, op.seq); }

std::optional<std::string> check(const Recall& op) { return check_key(op.scope, op.key); }

std::optional<std::string> check(const TryWrite&) { return std::nullopt; }

std::optional<std::string> check(const Remember& op) {
  if (!has_ids(op.record)) {
    return cat("an idempotency key of counter '", op.counter,
               "' can't stand for ids that no counter has");
  }
  return check_key(op.scope, op.key);
}

}  // namespace

std::optional<std::string> refuse_unstorable(const Op& op) {
  return std::visit([](const auto& each) { return check(each); }, op);
}

bool has_ids(const IdempotencyRecord& record) noexcept {
  const IdRange& range = record.range;
  if (range.start() < 1 || range.count() < 1 || range.increment() < 1) return false;
  const auto length = base::checked_mul<std::uint64_t>(range.count() - 1, range.increment());
  const auto end = length ? base::checked_add<std::int64_t>(range.start(), *length) : std::nullopt;
  return end.has_value();
}

}  // namespace nextid::contract
