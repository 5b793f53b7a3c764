#include "nextid/id_generator.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/awaited.h"
#include "node/counter.h"
#include "node/node.h"
#include "node/request_key.h"

namespace nextid {
namespace {

/// Waits for one answer. The engine answers every request by its deadline, so this ends by itself.
class Waiter final : public RangeReceiver {
 public:
  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    answer_.set(std::move(range));
  }

  Result<IdRange> wait() { return answer_.wait(); }

 private:
  base::Awaited<Result<IdRange>> answer_;
};

/// Nobody's key.
std::optional<node::RequestKey> own_key(std::optional<IdempotencyKey> key) {
  if (!key) return std::nullopt;
  return node::RequestKey{.text = std::string(*key)};
}

const node::RequestKey* pointer_to(const std::optional<node::RequestKey>& key) {
  return key ? &*key : nullptr;
}

}  // namespace

IdGenerator::IdGenerator(Result<Store> store, std::string_view counter)
    : IdGenerator(store ? store->node_ : nullptr,
                  store ? store->node_->counter(counter)
                        : Result<std::shared_ptr<node::Counter>>(store.error())) {}

IdGenerator::IdGenerator(std::shared_ptr<node::Node> node,
                         Result<std::shared_ptr<node::Counter>> counter)
    : node_(std::move(node)),
      counter_(std::move(counter)),
      usable_(counter_ ? counter_->get() : nullptr),
      lane_(counter_ ? &usable_->lane() : nullptr) {}

Result<std::uint64_t> IdGenerator::next_id_beyond_lane() const {
  if (usable_ != nullptr && !node_->in_child()) {
    if (const std::uint64_t id = usable_->take_at_mark()) return id;
  }
  const Result<IdRange> range = next_range(1);
  if (!range) return range.error();
  return range->start();
}

Result<IdRange> IdGenerator::next_range(std::uint64_t count) const {
  return wait_for_range(count, std::nullopt);
}

Result<std::uint64_t> IdGenerator::next_id(IdempotencyKey key) const {
  const Result<IdRange> range = next_range(1, key);
  if (!range) return range.error();
  return range->start();
}

Result<IdRange> IdGenerator::next_range(std::uint64_t count, IdempotencyKey key) const {
  return wait_for_range(count, key);
}

Result<IdRange> IdGenerator::wait_for_range(std::uint64_t count,
                                            std::optional<IdempotencyKey> key) const {
  if (!counter_) return counter_.error();
  if (node_->in_child()) return node::forked_error();
  Waiter waiter;
  const auto own = own_key(key);
  add(pointer_to(own), count, Clock::now() + node_->runtime().options().request_timeout, waiter, 0);
  usable_->run();
  return waiter.wait();
}

RequestId IdGenerator::add(const node::RequestKey* key, std::uint64_t count,
                           Clock::time_point deadline, RangeReceiver& receiver,
                           std::uint64_t tag) const {
  return key != nullptr ? usable_->add_idempotent(*key, count, deadline, receiver, tag)
                        : usable_->add(count, deadline, receiver, tag);
}

RequestId IdGenerator::async_next_range(std::uint64_t count, Clock::time_point deadline,
                                        RangeReceiver& receiver, std::uint64_t tag,
                                        std::optional<IdempotencyKey> key) const {
  if (!counter_ || node_->in_child()) {
    receiver.on_range(tag, counter_ ? node::forked_error() : counter_.error());
    return 0;
  }
  const auto own = own_key(key);
  const RequestId id = add(pointer_to(own), count, deadline, receiver, tag);
  usable_->run();
  return id;
}

bool IdGenerator::cancel(RequestId request) const {
  return counter_ && !node_->in_child() && usable_->cancel(request);
}

void IdGenerator::count_undelivered(std::uint64_t count) const {
  if (counter_ && !node_->in_child()) usable_->count_as_burned(count, BurnReason::kDisconnect);
}

Accounting IdGenerator::accounting() const {
  return counter_ && !node_->in_child() ? usable_->accounting() : Accounting{};
}

// --- Batch

struct Batch::Impl {
  struct Failure {
    RangeReceiver* receiver;
    std::uint64_t tag;
    Error error;
  };

  std::shared_ptr<node::Node> node;
  std::vector<std::shared_ptr<node::Counter>> counters;  // Some perhaps more than once.
  std::vector<Failure> failures;                         // Answered by submit(), like all others.
};

Batch::Batch(Store store) : impl_(std::make_unique<Impl>()) { impl_->node = store.node_; }

Batch::~Batch() = default;

RequestId Batch::add(const IdGenerator& generator, std::uint64_t count,
                     IdGenerator::Clock::time_point deadline, RangeReceiver& receiver,
                     std::uint64_t tag, std::optional<IdempotencyKey> key) {
  const auto own = own_key(key);
  return add_with(pointer_to(own), generator, count, deadline, receiver, tag);
}

RequestId Batch::add_with(const node::RequestKey* key, const IdGenerator& generator,
                          std::uint64_t count, IdGenerator::Clock::time_point deadline,
                          RangeReceiver& receiver, std::uint64_t tag) {
  if (!generator.counter_ || impl_->node->in_child()) {
    const Error error = generator.counter_ ? node::forked_error() : generator.counter_.error();
    impl_->failures.push_back({&receiver, tag, error});
    return 0;
  }
  const auto& counter = *generator.counter_;
  const RequestId id = generator.add(key, count, deadline, receiver, tag);
  if (impl_->counters.empty() || impl_->counters.back() != counter) {
    impl_->counters.push_back(counter);
  }
  return id;
}

void Batch::submit() {
  // Receivers may add to this batch while it is being submitted; that is for the next submit().
  auto counters = std::exchange(impl_->counters, {});
  auto failures = std::exchange(impl_->failures, {});
  for (Impl::Failure& failure : failures) {
    failure.receiver->on_range(failure.tag, std::move(failure.error));
  }
  std::sort(counters.begin(), counters.end());
  counters.erase(std::unique(counters.begin(), counters.end()), counters.end());
  std::vector<contract::Call> calls;
  for (const auto& counter : counters) counter->pump(calls);
  impl_->node->runtime().submit(std::move(calls));
}

}  // namespace nextid
