// Where a store's keys are in etcd, all behind its prefix:
//
//   PREFIX/store          which store it is (identity.h)
//   PREFIX/c/NAME         a counter (counter_text.h)
//   PREFIX/s/NAME/WRITER  the slot of a writer, 16 hexadecimal digits: "seq,end"
//   PREFIX/i/SPACE/KEY    an idempotency record (records.h)
//   PREFIX/try            never written: what TryWrite would write if its condition could hold
//
// Every write of a slot writes its counter's key in the same transaction. So a counter whose
// mod_revision is as it was has the slots that it had.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "contract/counter_state.h"

namespace nextid::store {

/// "store", "c", "s" and "i" can't be parts of a prefix: or the keys of one store might be those of
/// another.
bool is_etcd_prefix(std::string_view prefix);

/// All keys from the first on, and before the second.
struct KeyRange {
  std::string begin;
  std::string end;
};

class EtcdKeys {
 public:
  explicit EtcdKeys(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& prefix() const noexcept { return prefix_; }
  std::string store() const { return prefix_ + "/store"; }
  std::string never() const { return prefix_ + "/try"; }
  std::string counter(std::string_view name) const;
  std::string slot(std::string_view name, contract::WriterId writer) const;
  /// Of all writers of a counter.
  KeyRange slots(std::string_view name) const;
  /// Of all counters whose names follow `after`.
  KeyRange counters(std::string_view after) const;
  /// `space` is contract::key_space().
  std::string record(std::string_view space, std::string_view key) const;

  std::string counter_of(std::string_view key) const;
  /// Nothing where no writer has such a key.
  std::optional<contract::WriterId> writer_of(std::string_view key) const;

 private:
  const std::string prefix_;
};

}  // namespace nextid::store
