// Outcomes of ops leave a DynamoDB store only as outcomes of the table that was opened.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "contract/op.h"
#include "store/dynamodb/identity.h"

namespace nextid::store {

using OutcomeReceiver = std::function<void(contract::Outcome)>;

/// `done`, behind what DynamodbIdentity promises: an outcome that tells what is in the table waits
/// until it is known which table that is. Another table's is Damaged; where it can't be known now,
/// it is NotApplied for a Load, and InDoubt for a write, which may have been applied. To be called
/// when the op is sent, at the wall clock's `now`: a look that will be needed begins at once.
OutcomeReceiver confirmed(std::shared_ptr<DynamodbIdentity> identity, const contract::Op& op,
                          base::WallMicros now, OutcomeReceiver done);

/// The same for a write of which something showed already that the table may be another one.
OutcomeReceiver confirmed_from_now(std::shared_ptr<DynamodbIdentity> identity,
                                   OutcomeReceiver done);

}  // namespace nextid::store
