#include "contract/op_check.h"

#include <array>
#include <string>
#include <utility>

#include "nextid/id_generator.h"
#include "nextid/id_range.h"

#include "base/cat.h"
#include "base/checked.h"

namespace nextid::contract {
namespace {

using base::cat;

std::optional<std::string> check(const Load&) { return std::nullopt; }

std::optional<std::string> check_definition(const std::string& counter,
                                            const Definition& definition) {
  const std::array<std::pair<const char*, std::uint64_t>, 5> fields{{
      {"start", definition.start},
      {"increment", definition.increment},
      {"max", definition.max},
      {"cache", definition.cache},
      {"revision", definition.revision},
  }};
  for (const auto& [name, value] : fields) {
    if (value < 1 || value > kMaxId) {
      return cat("counter '", counter, "' can't be defined: its ", name, " is ", value,
                 ", and must be 1 to ", kMaxId);
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

std::optional<std::string> check_key(const std::string& key) {
  if (is_idempotency_key(key)) return std::nullopt;
  return cat("an idempotency key of ", key.size(), " bytes was refused: it must be 1 to ",
             kMaxIdempotencyKeyBytes, " bytes of printable ASCII");
}

std::optional<std::string> check(const Define& op) {
  return check_definition(op.counter, op.definition);
}

std::optional<std::string> check(const Redefine& op) {
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

std::optional<std::string> check(const Recall& op) { return check_key(op.key); }

std::optional<std::string> check(const Remember& op) {
  if (!has_ids(op.record)) {
    return cat("an idempotency key of counter '", op.counter,
               "' can't stand for ids that no counter has");
  }
  return check_key(op.key);
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
