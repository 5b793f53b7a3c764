#include "node/deletion_call.h"

#include "base/cat.h"
#include "contract/op.h"
#include "contract/tombstone.h"
#include "node/store_call.h"

namespace nextid::node {

using base::cat;
using contract::CounterState;

Error no_such_counter(const std::string& name) {
  return Error(ErrorCode::kNotFound, cat("there is no counter '", name,
                                         "'; `nextid counters` lists those that there are."));
}

Error was_deleted(const CounterInfo& counter) {
  return Error(ErrorCode::kDeleted,
               cat("counter '", counter.name, "' was deleted at ", counter.value.value_or(0), "; ",
                   contract::way_back(counter.name, counter.definition)));
}

void DeletionCall::start(Runtime& runtime, std::string name, Store::DefinitionCondition condition,
                         base::MonotonicTime deadline, Store::CounterReceiver receiver) {
  const std::shared_ptr<DeletionCall> call(new DeletionCall(
      runtime, std::move(name), std::move(condition), deadline, std::move(receiver)));
  call->load();
}

void DeletionCall::load() {
  StoreCall::run(runtime_, contract::Load{name_, 0}, deadline_,
                 [self = shared_from_this()](const Result<contract::Outcome>& outcome) {
                   self->on_loaded(outcome);
                 });
}

void DeletionCall::on_loaded(const Result<contract::Outcome>& outcome) {
  if (!outcome) return receiver_(outcome.error());
  if (const auto* found = std::get_if<contract::Found>(&*outcome)) return go_on(found->state);
  if (!std::holds_alternative<contract::Missing>(*outcome)) return fail_unclear(*outcome);
  receiver_(no_such_counter(name_));
}

void DeletionCall::go_on(const CounterState& state) {
  if (condition_ && !condition_(state.deleted ? nullptr : &state.definition)) {
    const std::string now =
        state.deleted ? "was deleted already" : cat("is at revision ", state.definition.revision);
    return fail(ErrorCode::kPrecondition,
                cat("counter '", name_, "' ", now, ", so the condition does not hold."));
  }
  if (state.deleted) return finish(state);
  Definition wanted = state.definition;
  ++wanted.revision;
  remove(std::move(wanted));
}

void DeletionCall::remove(Definition wanted) {
  StoreCall::run_with_doubt(runtime_, contract::Redefine{name_, 0, wanted, true}, deadline_,
                            [self = shared_from_this(), wanted](
                                const Result<contract::Outcome>& outcome, bool was_in_doubt) {
                              if (!outcome) return self->receiver_(outcome.error());
                              if (const auto* found = std::get_if<contract::Found>(&*outcome)) {
                                return self->finish(found->state);
                              }
                              const auto* refused = std::get_if<contract::Refused>(&*outcome);
                              if (refused == nullptr) return self->fail_unclear(*outcome);
                              self->on_refused(refused->state, wanted, was_in_doubt);
                            });
}

/// The very revision that the condition was asked about is deleted: by this call, or by another
/// that wanted the same.
void DeletionCall::on_refused(const CounterState& state, const Definition& wanted,
                              bool was_in_doubt) {
  if (state.deleted && state.definition.revision == wanted.revision) return finish(state);
  if (condition_ && was_in_doubt) {
    return fail(ErrorCode::kUnavailable,
                cat("the store failed while counter '", name_,
                    "' was deleted, and it has changed since: look whether it was deleted."));
  }
  if (base::monotonic_now() < deadline_) return go_on(state);
  fail(ErrorCode::kDeadline,
       cat("counter '", name_, "' is being changed by others all the time; try again."));
}

void DeletionCall::finish(const CounterState& state) { receiver_(contract::info_of(name_, state)); }

void DeletionCall::fail(ErrorCode code, const std::string& sentence) {
  receiver_(Error(code, sentence));
}

void DeletionCall::fail_unclear(const contract::Outcome& outcome) {
  const auto* damaged = std::get_if<contract::Damaged>(&outcome);
  fail(ErrorCode::kCorrupt, cat("counter '", name_, "' can't be deleted, since ",
                                damaged != nullptr ? damaged->why : "it has vanished", "."));
}

}  // namespace nextid::node
