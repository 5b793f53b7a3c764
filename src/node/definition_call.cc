#include "node/definition_call.h"

#include <optional>
#include <string>

#include "base/cat.h"
#include "base/utf8.h"
#include "contract/definition_fields.h"
#include "contract/op.h"
#include "contract/tombstone.h"
#include "node/store_call.h"

namespace nextid::node {
namespace {

using base::cat;
using contract::CounterState;
using contract::NumberField;
using contract::TextField;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

std::optional<Error> problem_with(const NumberField& field, std::uint64_t number) {
  if (number >= field.least_in_change() && number <= field.most) return std::nullopt;
  const std::string name(field.name);
  if (field.is_revision) {
    return invalid(cat(name, " must be one that the counter had, not ", number, "."));
  }
  return invalid(
      cat(name, " must be from ", field.least, " to ", field.most, ", not ", number, "."));
}

std::optional<Error> problem_with(const TextField& field, const std::string& text) {
  const std::string name(field.name);
  if (text.size() > field.most_bytes) {
    return invalid(cat(name, " has ", text.size(), " bytes; it may have ", field.most_bytes, "."));
  }
  if (!base::is_utf8(text)) return invalid(name + " must be text in UTF-8.");
  return std::nullopt;
}

/// What is wrong with the change, whatever the counter is.
std::optional<Error> problem_with(const DefinitionChange& change) {
  for (const NumberField& field : contract::kNumberFields) {
    const auto& number = change.*field.change;
    const auto problem = number ? problem_with(field, *number) : std::nullopt;
    if (problem) return problem;
  }
  for (const TextField& field : contract::kTextFields) {
    const auto& text = change.*field.change;
    const auto problem = text ? problem_with(field, *text) : std::nullopt;
    if (problem) return problem;
  }
  return std::nullopt;
}

Definition with(Definition definition, const DefinitionChange& change) {
  const auto set = [&](const auto& field) {
    if (const auto& given = change.*field.change) definition.*field.member = *given;
  };
  const auto set_number = [&](const NumberField& field) {
    if (!field.is_revision) set(field);
  };
  contract::for_each_field(set_number, set);
  return definition;
}

std::optional<Error> problem_with(const Definition& wanted) {
  if (wanted.max >= wanted.start) return std::nullopt;
  return invalid(cat("max is ", wanted.max, ", below the start, which is ", wanted.start,
                     ": no id would fit."));
}

/// Why the counter in this state can't become `wanted`.
std::optional<Error> conflict_of(const std::string& name, const CounterState& state,
                                 const DefinitionChange& change, const Definition& wanted) {
  const Definition& now = state.definition;
  const auto conflict = [&name](const std::string& sentence) {
    return Error(ErrorCode::kConflict, cat("counter '", name, "' ", sentence));
  };
  for (const NumberField& field : contract::kNumberFields) {
    if (!field.never_changes() || wanted.*field.member == now.*field.member) continue;
    return conflict(cat(field.fixed.has, " ", now.*field.member, ", and ", field.fixed.why, "."));
  }
  // The revision tells that somebody has read what the tombstone says.
  if (state.deleted && contract::has_moved(now) && !change.revision) {
    return conflict(cat("was deleted; ", contract::way_back(name, now)));
  }
  if (change.revision && *change.revision != now.revision) {
    return conflict(cat("is at revision ", now.revision, ", not ", *change.revision,
                        "; read it again before you change it."));
  }
  if (state.value > static_cast<std::int64_t>(wanted.max)) {
    return conflict(
        cat("has reached ", state.value, "; its max can't be ", wanted.max, ", below that."));
  }
  return std::nullopt;
}

}  // namespace

void DefinitionCall::start(Runtime& runtime, const std::string& name,
                           const DefinitionChange& change, Store::DefinitionCondition condition,
                           base::MonotonicTime deadline, Store::DefinedReceiver receiver,
                           std::shared_ptr<contract::Payer> payer) {
  if (const auto problem = problem_with(change)) return receiver(*problem);
  const std::shared_ptr<DefinitionCall> call(
      new DefinitionCall(runtime, name, change, std::move(condition), deadline, std::move(receiver),
                         std::move(payer)));
  call->load();
}

template <typename Then>
void DefinitionCall::call(contract::Op op, Then then) {
  StoreCall::run_with_doubt(
      runtime_, std::move(op), deadline_,
      [self = shared_from_this(), then](Result<contract::Outcome> outcome, bool was_in_doubt) {
        self->was_in_doubt_ = was_in_doubt;
        if (!outcome) return self->receiver_(outcome.error());
        then(*self, *outcome);
      });
}

void DefinitionCall::load() {
  call(contract::Load{name_, 0},
       [](DefinitionCall& self, const contract::Outcome& outcome) { self.on_loaded(outcome); });
}

void DefinitionCall::on_loaded(const contract::Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) {
    change(found->state);
  } else if (std::holds_alternative<contract::Missing>(outcome)) {
    create();
  } else {
    fail_unclear(outcome);
  }
}

void DefinitionCall::create() {
  if (!may_follow(nullptr)) return refuse(nullptr);
  if (change_.revision.value_or(0) != 0) {
    return fail(ErrorCode::kConflict, cat("there is no counter '", name_, "' at revision ",
                                          *change_.revision, ", nor any other."));
  }
  Definition first;
  first.cache = runtime_.options().default_cache;
  const Definition wanted = with(first, change_);
  if (const auto problem = problem_with(wanted)) return receiver_(*problem);
  if (payer_) {
    if (const auto paid = payer_->make_counter(); !paid) return receiver_(paid.error());
  }
  call(contract::Define{name_, 0, wanted},
       [wanted](DefinitionCall& self, const contract::Outcome& outcome) {
         const auto* found = std::get_if<contract::Found>(&outcome);
         if (found == nullptr) return self.fail_unclear(outcome);
         if (found->made) return self.finish(found->state, true);
         if (self.payer_) self.payer_->take_back_counter();
         if (self.is_conditional()) return self.change_if_clear(found->state);
         // Made by this call, or by one that wants the same; anything else is there to be changed.
         const CounterState& state = found->state;
         if (state.definition == wanted && !state.deleted) return self.finish(state, true);
         self.change(state);
       });
}

/// A deleted counter is brought back; to the condition it is one that there is not.
void DefinitionCall::change(const CounterState& state) {
  const Definition* now = state.deleted ? nullptr : &state.definition;
  if (!may_follow(now)) return refuse(now);
  Definition wanted = with(state.definition, change_);
  if (const auto conflict = conflict_of(name_, state, change_, wanted)) {
    return receiver_(*conflict);
  }
  if (const auto problem = problem_with(wanted)) return receiver_(*problem);
  if (wanted == state.definition && !state.deleted) return finish(state, false);
  if (state.deleted && contract::has_moved(wanted) && !change_.comment) wanted.comment.clear();
  ++wanted.revision;
  redefine(wanted, state.deleted);
}

void DefinitionCall::redefine(const Definition& wanted, bool brings_back) {
  call(contract::Redefine{name_, 0, wanted},
       [wanted, brings_back](DefinitionCall& self, const contract::Outcome& outcome) {
         if (const auto* found = std::get_if<contract::Found>(&outcome)) {
           return self.finish(found->state, brings_back);
         }
         const auto* refused = std::get_if<contract::Refused>(&outcome);
         if (refused == nullptr) return self.fail_unclear(outcome);
         if (self.is_conditional()) return self.change_if_clear(refused->state);
         // Exactly our fields: it was our own write, sent twice, or another's that wants the same.
         const CounterState& state = refused->state;
         if (state.definition == wanted && !state.deleted) return self.finish(state, brings_back);
         self.change_again(state);
       });
}

bool DefinitionCall::may_follow(const Definition* now) const {
  return !condition_ || condition_(now);
}

void DefinitionCall::refuse(const Definition* now) {
  if (now == nullptr) {
    return fail(ErrorCode::kPrecondition,
                cat("there is no counter '", name_, "', so the condition does not hold."));
  }
  fail(ErrorCode::kPrecondition, cat("counter '", name_, "' is at revision ", now->revision,
                                     ", so the condition does not hold; read it again."));
}

void DefinitionCall::change_again(const CounterState& state) {
  if (base::monotonic_now() < deadline_) return change(state);
  fail(ErrorCode::kDeadline,
       cat("counter '", name_, "' is being changed by others all the time; try again."));
}

// Of two conditional calls that want the same, one is told that it was done: an equal definition
// may be another's. Where an earlier attempt may have been applied, nobody can tell.
void DefinitionCall::change_if_clear(const CounterState& state) {
  if (!was_in_doubt_) return change_again(state);
  fail(ErrorCode::kUnavailable,
       cat("the store failed while counter '", name_,
           "' was written, and the counter has changed: look whether this is your change."));
}

void DefinitionCall::finish(const CounterState& state, bool created) {
  receiver_(DefinedCounter{contract::info_of(name_, state), created});
}

void DefinitionCall::fail(ErrorCode code, const std::string& sentence) {
  receiver_(Error(code, sentence));
}

void DefinitionCall::fail_unclear(const contract::Outcome& outcome) {
  const auto* damaged = std::get_if<contract::Damaged>(&outcome);
  fail(ErrorCode::kCorrupt, cat("counter '", name_, "' can't be defined, since ",
                                damaged != nullptr ? damaged->why : "it has vanished", "."));
}

}  // namespace nextid::node
