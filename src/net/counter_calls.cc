#include "net/counter_calls.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace nextid::net {
namespace {

constexpr std::size_t kPage = 1000;

struct Search {
  std::vector<Result<CounterInfo>> found;
  std::atomic<std::size_t> left;
  std::function<void(std::vector<Result<CounterInfo>>)> done;
};

struct Count {
  Store store;
  std::uint64_t sum = 0;
  std::function<void(Result<std::uint64_t>)> done;
};

void count_from(const std::shared_ptr<Count>& count, const std::string& after) {
  count->store.async_counters(after, kPage, [count](const Result<CounterPage>& page) {
    if (!page) return count->done(page.error());
    count->sum += page->counters.size();
    if (!page->more || page->counters.empty()) return count->done(count->sum);
    count_from(count, page->counters.back().name);
  });
}

}  // namespace

void find_counters(const Store& store, const std::vector<std::string>& names,
                   std::function<void(std::vector<Result<CounterInfo>>)> done) {
  const auto search = std::make_shared<Search>();
  search->found.assign(names.size(), Error(ErrorCode::kNotFound, "there is no such counter."));
  search->left = names.size();
  search->done = std::move(done);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto take = [search, i](Result<CounterInfo> counter) {
      search->found[i] = std::move(counter);
      if (--search->left == 0) search->done(std::move(search->found));
    };
    if (is_counter_name(names[i])) {
      store.async_counter(names[i], take);
    } else {
      take(search->found[i]);
    }
  }
}

void count_counters(const Store& store, std::function<void(Result<std::uint64_t>)> done) {
  count_from(std::make_shared<Count>(Count{store, 0, std::move(done)}), "");
}

}  // namespace nextid::net
