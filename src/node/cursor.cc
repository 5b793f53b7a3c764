#include "nextid/cursor.h"

#include <utility>

#include "node/counter.h"
#include "node/node.h"

namespace nextid {
namespace {

/// Ids of a sub-block. With so many the lock costs 0.01 ns an id; with a quarter of them, 0.04.
constexpr std::uint64_t kMostIds = 16'384;

}  // namespace

/// What a cursor needs once for each sub-block.
struct Cursor::Source {
  const IdGenerator generator;
  std::uint64_t lent = 0;  // Ids of the sub-block, those already handed out included.
  std::uint64_t increment = 1;
  Error error = {};

  /// An id of the generator's, or 0.
  std::uint64_t next_without_block() {
    const Result<std::uint64_t> id = generator.next_id();
    if (!id) error = id.error();
    return id ? *id : 0;
  }

  void settle(std::uint64_t next, std::uint64_t end) {
    const std::uint64_t count = std::exchange(lent, 0);
    if (count == 0 || generator.node_->in_child()) return;
    generator.usable_->settle(count, {next, (end - next) / increment, increment});
  }
};

/// The cursor owns it, by a plain pointer, since its header does not know the type: close()
/// deletes.
Cursor::Source* Cursor::open(const IdGenerator& generator) { return new Source{generator}; }

void Cursor::close(Source* source, std::uint64_t next, std::uint64_t end) noexcept {
  source->settle(next, end);
  delete source;
}

Cursor::Refilled Cursor::refill(Source& source, std::uint64_t next, std::uint64_t end) {
  const IdGenerator& generator = source.generator;
  node::Counter* const counter = generator.usable_;
  if (counter == nullptr || generator.node_->in_child()) return {source.next_without_block()};
  source.settle(next, end);
  const auto loan = counter->lend(kMostIds);
  if (!loan) return {source.next_without_block()};
  counter->run();  // The loan may have used half of the stock: then the next block is asked for.
  source.lent = loan->count;
  source.increment = loan->increment;
  return {loan->first, loan->first + loan->increment, loan->first + loan->count * loan->increment,
          loan->increment};
}

Error Cursor::last_error(const Source& source) { return source.error; }

}  // namespace nextid
