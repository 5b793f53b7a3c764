// One transaction of etcd as its JSON gateway has it: conditions, what is done if all of them hold,
// and what is done if not. Every one here is linearizable: etcd knows a "serializable" read, which
// may be stale, and nothing here asks for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "nextid/error.h"

#include "store/etcd/keys.h"

namespace nextid::store {

/// Revisions of etcd: each transaction that writes is one more.
using EtcdRevision = std::int64_t;

class EtcdTxn {
 public:
  /// The key was last written by that revision.
  EtcdTxn& if_at(std::string_view key, EtcdRevision mod_revision);
  EtcdTxn& if_absent(std::string_view key);
  EtcdTxn& if_none(const KeyRange& range);

  EtcdTxn& then_put(std::string_view key, std::string_view value, std::int64_t lease = 0);
  EtcdTxn& then_delete(std::string_view key);
  EtcdTxn& then_get(std::string_view key);
  EtcdTxn& then_get(const KeyRange& range, std::size_t limit, bool keys_only = false);

  EtcdTxn& else_get(std::string_view key);
  EtcdTxn& else_get(const KeyRange& range, std::size_t limit, bool keys_only = false);

  bool writes() const noexcept { return writes_; }
  /// The body of the request.
  std::string body() const;

 private:
  std::string compares_;
  std::string then_;
  std::string else_;
  bool writes_ = false;
};

/// The body of a request for a range alone.
std::string range_body(const KeyRange& range, std::size_t limit);

/// A key as it was read.
struct EtcdEntry {
  std::string key;
  std::string value;
  EtcdRevision mod_revision = 0;
};

/// What one request of a transaction found; empty for a put or a deletion.
struct EtcdRange {
  std::vector<EtcdEntry> entries;
  bool more = false;

  /// The entry of a request for one key; null where there is none.
  const EtcdEntry* only() const noexcept { return entries.empty() ? nullptr : &entries.front(); }
};

struct EtcdTxnAnswer {
  bool succeeded = false;
  EtcdRevision revision = 0;      ///< Of this transaction, if it wrote.
  std::vector<EtcdRange> ranges;  ///< One a request of the branch that was taken.
};

/// kUnavailable is a clause, for what no etcd answers.
Result<EtcdTxnAnswer> parse_txn_answer(const boost::json::object& answer);
Result<EtcdRange> parse_range(const boost::json::object& answer);

/// An integer of the gateway, which writes them as text and leaves zeros out. `otherwise` for what
/// is none.
std::int64_t etcd_integer(const boost::json::object& object, std::string_view name,
                          std::int64_t otherwise = 0);
/// The same for ids, which have all 64 bits.
std::uint64_t etcd_id(const boost::json::object& object, std::string_view name);

}  // namespace nextid::store
