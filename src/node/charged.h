// The calls of nextid::Store for those who have somebody to charge. A server has; programs that
// embed the library have nobody, and their header does not know of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "nextid/id_generator.h"
#include "nextid/store.h"

#include "contract/payer.h"

namespace nextid::node {

/// A payer that is null is nobody. Thread-safe.
class Charged {
 public:
  /// A generator whose counter, if it is not in memory, takes a place there at the payer's cost.
  static IdGenerator generator(const Store& store, std::string_view counter,
                               contract::Payer* payer);
  /// `payer` uses a generator that was made for another. So it may pay, too, where its counter does
  /// not exist yet. Cheap.
  static void join(const IdGenerator& generator, contract::Payer& payer);

  /// Store::async_define() and Store::async_advance().
  static void define(const Store& store, std::string_view counter, const DefinitionChange& change,
                     Store::DefinedReceiver receiver, Store::DefinitionCondition condition,
                     std::shared_ptr<contract::Payer> payer);
  static void advance(const Store& store, std::string_view counter, std::uint64_t to,
                      Store::CounterReceiver receiver, contract::Payer* payer);
};

}  // namespace nextid::node
