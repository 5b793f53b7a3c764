#include "copy/decision.h"

#include <algorithm>

#include "base/cat.h"
#include "base/quoting.h"
#include "contract/definition_fields.h"

namespace nextid::copy {
namespace {

using base::cat;
using contract::NumberField;
using contract::TextField;

Error conflict(const std::string& sentence) { return Error(ErrorCode::kConflict, sentence); }

bool is_shut(const CounterInfo& counter) {
  return !counter.deleted && counter.definition.comment == kShut;
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

/// The target's counter was deleted by others, or an earlier copy did not end with it.
Result<Decision> decide_for_deleted(const CounterInfo& source, const CounterInfo& target) {
  Decision decision;
  const bool below = is_below(target, source);
  if (below) decision.raise_to = source.value;
  if (source.deleted && target.deleted && !below) return decision;
  if (const auto differs = fixed_difference(source, target)) return fixed_conflict(*differs);
  // One that is shut was in use in the source: a copy has deleted it there.
  if (source.deleted && !is_shut(target)) {
    decision.fate = below ? Fate::kRaised : Fate::kMade;
    decision.deletes = true;
    return decision;
  }
  const std::uint64_t value = target.value.value_or(0);
  if (!source.deleted && value > source.definition.max && value > source.value.value_or(0)) {
    return conflict(cat("counter '", source.name, "' was deleted in the target at ", value,
                        ", past its max in the source, which is ", source.definition.max,
                        "; copy to another store."));
  }
  decision.fate = Fate::kBroughtBack;
  decision.brings_back = true;
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

std::optional<Error> problem_with(const CounterInfo& source) {
  if (!is_counter_name(source.name)) {
    return conflict(cat("the source has ", base::in_quotes(source.name, kMaxCounterNameBytes),
                        ", a name that no counter can have; rename or remove it."));
  }
  if (!is_unfinished(source)) return std::nullopt;
  return conflict(cat("counter '", source.name,
                      "' of the source is left by an earlier copy into that store, which has not "
                      "ended; end that first: `nextid copy` with the same store behind --to."));
}

bool is_unfinished(const CounterInfo& counter) {
  return is_shut(counter) || (!counter.deleted && counter.definition.comment == kUnfinished);
}

Definition shut(Definition definition, std::int64_t value) {
  const auto start = static_cast<std::int64_t>(definition.start);
  // Below the start there is no id. A max is 1 at least.
  const std::int64_t most = value < start ? std::max<std::int64_t>(start - 1, 1) : value;
  definition.max = static_cast<std::uint64_t>(most);
  definition.comment = kShut;
  return definition;
}

Result<Decision> decide(const CounterInfo& source, const std::optional<CounterInfo>& target) {
  if (auto problem = problem_with(source)) return *std::move(problem);
  if (!target) {
    return Decision{.fate = Fate::kMade, .raise_to = source.value, .deletes = source.deleted};
  }
  if (target->deleted || is_unfinished(*target)) return decide_for_deleted(source, *target);
  if (const auto differs = fixed_difference(source, *target)) return fixed_conflict(*differs);
  const auto differs = source.deleted ? std::nullopt : first_difference(source, *target, false);
  if (differs) {
    return conflict(cat(*differs,
                        "; make them equal with `nextid define` in the target, or copy to another "
                        "store."));
  }
  if (!is_below(*target, source)) return Decision{};
  return Decision{.fate = Fate::kRaised, .raise_to = source.value};
}

std::optional<std::string> fixed_difference(const CounterInfo& source, const CounterInfo& target) {
  return first_difference(source, target, true);
}

}  // namespace nextid::copy
