// Outcomes leave a DynamoDB store only once they are known to come from the table that was opened.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "contract/op.h"
#include "store/dynamodb/identity.h"

namespace nextid::store {

using OutcomeReceiver = std::function<void(contract::Outcome)>;

/// Wraps `done`, so that what DynamodbIdentity promises holds: an outcome that tells what is in the
/// table waits until it is known which table that is. From another table it becomes Damaged. If the
/// table can't be known now, it becomes NotApplied for a Load, and InDoubt for a write, which may
/// have been applied. To be called when the op is sent, at the wall clock's `now`: a look that will
/// be needed begins at once.
OutcomeReceiver confirmed(std::shared_ptr<DynamodbIdentity> identity, const contract::Op& op,
                          base::WallMicros now, OutcomeReceiver done);

/// The same for a write before which something showed that the table may be another one.
OutcomeReceiver confirmed_from_now(std::shared_ptr<DynamodbIdentity> identity,
                                   OutcomeReceiver done);

}  // namespace nextid::store
