#include "nextid/id_generator.h"

#include "loadtool/id_source.h"

namespace nextid::loadtool {
namespace {

class StoreSource final : public IdSource {
 public:
  StoreSource(const Store& store, const std::string& counter) : generator_(store, counter) {}

  Result<void> take(std::size_t count, std::vector<std::uint64_t>& ids) override {
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = generator_.next_id();
      if (!id) return id.error();
      ids.push_back(*id);
    }
    return {};
  }

 private:
  const IdGenerator generator_;
};

}  // namespace

std::unique_ptr<IdSource> use_store(const Store& store, const std::string& counter) {
  return std::make_unique<StoreSource>(store, counter);
}

}  // namespace nextid::loadtool
