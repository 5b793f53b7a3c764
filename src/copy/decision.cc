#include "copy/decision.h"

#include <algorithm>

#include "base/cat.h"
#include "contract/definition_fields.h"

namespace nextid::copy {
namespace {

using base::cat;
using contract::NumberField;
using contract::TextField;

Error conflict(const std::string& sentence) { return Error(ErrorCode::kConflict, sentence); }

bool is_unfinished(const CounterInfo& target) {
  return !target.deleted && target.definition.comment == kUnfinished;
}

bool is_below(const CounterInfo& target, const CounterInfo& source) {
  return source.value && target.value.value_or(0) < *source.value;
}

Definition unfinished(Definition definition) {
  definition.comment = kUnfinished;
  return definition;
}

/// Of those that never change, or of all.
std::optional<std::string> first_difference(const CounterInfo& source, const CounterInfo& target,
                                            bool only_fixed) {
  std::optional<std::string> found;
  const auto look_at_number = [&](const NumberField& field) {
    if (found || field.is_revision || (only_fixed && !field.never_changes())) return;
    const auto there = target.definition.*field.member;
    const auto here = source.definition.*field.member;
    if (there == here) return;
    found = cat("counter '", source.name, "' has the ", field.name, " ", there,
                " in the target and ", here, " in the source");
  };
  const auto look_at_text = [&](const TextField& field) {
    if (found || only_fixed || target.definition.*field.member == source.definition.*field.member) {
      return;
    }
    found = cat("counter '", source.name, "' has another ", field.name,
                " in the target than in the source");
  };
  contract::for_each_field(look_at_number, look_at_text);
  return found;
}

Error fixed_conflict(const std::string& what) {
  return conflict(cat(what, ", which never changes; copy to another store."));
}

/// The target's counter was deleted by others, or an earlier copy was about to delete it.
Result<Decision> decide_for_deleted(const CounterInfo& source, const CounterInfo& target) {
  Decision decision;
  const bool below = is_below(target, source);
  if (below) decision.raise_to = source.value;
  if (source.deleted && target.deleted && !below) return decision;
  if (const auto differs = first_difference(source, target, true)) return fixed_conflict(*differs);
  if (source.deleted) {
    decision.fate = below ? Fate::kRaised : Fate::kMade;
    decision.deleted_as = source.definition;
    if (target.deleted) {
      // Whatever its value is, it must fit below the max while it is in use.
      decision.definition = unfinished(source.definition);
      decision.definition->max = kMaxId;
    }
    return decision;
  }
  if (target.value.value_or(0) > source.definition.max) {
    return conflict(cat("counter '", source.name, "' was deleted in the target at ", *target.value,
                        ", past its max in the source, which is ", source.definition.max,
                        "; copy to another store."));
  }
  decision.fate = Fate::kBroughtBack;
  decision.definition = source.definition;
  return decision;
}

}  // namespace

std::string_view to_string(Fate fate) noexcept {
  switch (fate) {
    case Fate::kMade:
      return "made";
    case Fate::kBroughtBack:
      return "brought back";
    case Fate::kRaised:
      return "raised";
    case Fate::kKept:
      return "kept";
  }
  return "";
}

Definition made_of(const CounterInfo& source) {
  Definition definition = source.definition;
  // A counter that another program made in DynamoDB has revision 0, which no other store has.
  definition.revision = std::max<std::uint64_t>(definition.revision, 1);
  return source.deleted ? unfinished(std::move(definition)) : definition;
}

Result<Decision> decide(const CounterInfo& source, const std::optional<CounterInfo>& target) {
  if (!target) {
    Decision decision{.fate = Fate::kMade, .raise_to = source.value};
    if (source.deleted) decision.deleted_as = source.definition;
    return decision;
  }
  if (target->deleted || is_unfinished(*target)) return decide_for_deleted(source, *target);
  if (const auto differs = first_difference(source, *target, true)) return fixed_conflict(*differs);
  if (const auto differs = difference(source, *target)) {
    return conflict(cat(*differs,
                        "; make them equal with `nextid define`, or copy to another "
                        "store."));
  }
  if (!is_below(*target, source)) return Decision{};
  return Decision{.fate = Fate::kRaised, .raise_to = source.value};
}

std::optional<std::string> difference(const CounterInfo& source, const CounterInfo& target) {
  return first_difference(source, target, false);
}

}  // namespace nextid::copy
