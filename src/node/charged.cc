#include "node/charged.h"

#include <utility>

#include "node/counter.h"
#include "node/node.h"

namespace nextid::node {

IdGenerator Charged::generator(const Store& store, std::string_view counter,
                               contract::Payer* payer) {
  return {store.node_, store.node_->counter(counter, payer)};
}

void Charged::join(const IdGenerator& generator, contract::Payer& payer) {
  Counter* const counter = generator.usable_;
  if (counter != nullptr && !counter->is_known()) counter->charge_also(payer);
}

void Charged::define(const Store& store, std::string_view counter, const DefinitionChange& change,
                     Store::DefinedReceiver receiver, Store::DefinitionCondition condition,
                     std::shared_ptr<contract::Payer> payer) {
  store.node_->define(counter, change, std::move(condition), std::move(receiver), std::move(payer));
}

void Charged::advance(const Store& store, std::string_view counter, std::uint64_t to,
                      Store::CounterReceiver receiver, contract::Payer* payer) {
  store.node_->advance(counter, to, std::move(receiver), payer);
}

}  // namespace nextid::node
