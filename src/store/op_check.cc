#include "store/op_check.h"

#include <array>
#include <string>
#include <utility>

#include "nextid/id_range.h"

namespace nextid::store {
namespace {

std::optional<std::string> check(const contract::Load&) { return std::nullopt; }

std::optional<std::string> check(const contract::Define& op) {
  const Definition& definition = op.definition;
  const std::array<std::pair<const char*, std::uint64_t>, 5> fields{{
      {"start", definition.start},
      {"increment", definition.increment},
      {"max", definition.max},
      {"cache", definition.cache},
      {"revision", definition.revision},
  }};
  for (const auto& [name, value] : fields) {
    if (value < 1 || value > kMaxId) {
      return "counter '" + op.counter + "' can't be defined: its " + name + " is " +
             std::to_string(value) + ", and must be 1 to " + std::to_string(kMaxId);
    }
  }
  return std::nullopt;
}

std::optional<std::string> check_identity(contract::WriterId writer, contract::Seq seq) {
  if (writer == 0) return "writer 0 stands for nobody and can't hold a slot";
  if (seq > kMaxId) return "seq " + std::to_string(seq) + " is past " + std::to_string(kMaxId);
  return std::nullopt;
}

std::optional<std::string> check(const contract::Reserve& op) {
  if (op.step < 1) {
    return "counter '" + op.counter + "' can't move by " + std::to_string(op.step) +
           ": it only grows";
  }
  return check_identity(op.writer, op.seq);
}

std::optional<std::string> check(const contract::Release& op) {
  return check_identity(op.writer, op.seq);
}

}  // namespace

std::optional<std::string> refuse_unstorable(const contract::Op& op) {
  return std::visit([](const auto& each) { return check(each); }, op);
}

}  // namespace nextid::store
