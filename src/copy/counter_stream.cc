#include "copy/counter_stream.h"

#include <utility>

#include "base/cat.h"
#include "base/quoting.h"
#include "copy/attempts.h"

namespace nextid::copy {

CounterStream::CounterStream(contract::StoreDriver& store, const Reading& reading, Which which)
    : store_(store), reading_(reading) {
  lists_.push_back({.wanted = {.limit = reading.page}});
  if (which == Which::kAll) lists_.push_back({.wanted = {.limit = reading.page, .deleted = true}});
}

/// The first one of the list above the last name; null at its end.
Result<const CounterInfo*> CounterStream::head(List& list) {
  while (true) {
    while (list.next < list.page.counters.size()) {
      const CounterInfo& counter = list.page.counters[list.next];
      if (counter.name > last_) return &counter;
      ++list.next;
    }
    if (list.ended) return nullptr;
    auto page = read_page(store_, list.wanted, reading_.patience);
    if (!page) {
      return Error(page.error().code(), base::cat(reading_.store, ": ", page.error().what()));
    }
    list.page = *std::move(page);
    left_out_.insert(list.page.left_out.begin(), list.page.left_out.end());
    list.next = 0;
    list.ended = !list.page.more || list.page.counters.empty();
    if (!list.page.counters.empty()) list.wanted.after = list.page.counters.back().name;
  }
}

Error CounterStream::left_out(const std::string& name) const {
  return Error(ErrorCode::kCorrupt,
               base::cat(reading_.store, ": ", base::in_quotes(name, kMaxCounterNameBytes),
                         " is damaged, or no counter, so its value can't be told; mend or remove "
                         "it."));
}

Result<std::optional<CounterInfo>> CounterStream::next() {
  auto counter = pass();
  if (counter && !left_out_.empty()) return left_out(*left_out_.begin());
  return counter;
}

Result<std::optional<CounterInfo>> CounterStream::pass() {
  if (passed_) return std::exchange(passed_, std::nullopt);
  const CounterInfo* first = nullptr;
  for (List& list : lists_) {
    const auto counter = head(list);
    if (!counter) return counter.error();
    if (*counter == nullptr) continue;
    if (first == nullptr || (*counter)->name < first->name) first = *counter;
  }
  if (first == nullptr) return std::optional<CounterInfo>();
  last_ = first->name;
  return std::optional<CounterInfo>(*first);
}

Result<std::optional<CounterInfo>> CounterStream::find(std::string_view name) {
  while (true) {
    auto counter = pass();
    if (!counter) return counter;
    if (*counter && (*counter)->name < name) continue;
    if (const auto it = left_out_.find(name); it != left_out_.end()) return left_out(*it);
    if (!*counter || (*counter)->name == name) return counter;
    passed_ = *std::move(*counter);
    return std::optional<CounterInfo>();
  }
}

}  // namespace nextid::copy
