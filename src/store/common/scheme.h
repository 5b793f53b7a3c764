// What a kind of store can do, for the factory: a kind fills in a Scheme, in the scheme.cc of its
// folder, and the table in factory.cc names it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nextid/error.h"
#include "nextid/log.h"

#include "contract/store_driver.h"
#include "store/common/backup_contents.h"

namespace nextid::store {

struct OpenOptions {
  bool create = true;  ///< StoreOptions::create_store; a URL that says so wins.
  /// The store was there before: none is made in its place. Tables that a store makes only when it
  /// first needs them are still made.
  bool is_known = false;
  bool accept_copy = false;  ///< StoreOptions::accept_copy.
  /// Take the store as it is, whatever is wrong with it, short of damage: for recovery only, which
  /// then moves its counters on.
  bool accept_as_is = false;
  Log log = {};
};

/// What is known of a kind of store before one is opened.
struct Traits {
  bool forgets = false;  ///< The store ends with the process that opened it.
  /// A page of its counters takes a read of the whole store, which may take long and cost money.
  bool lists_by_reading_all = false;
};

/// A store that is a file of this machine.
struct LocalFile {
  std::string path;       ///< As the URL has it.
  std::string full_path;  ///< From the root, for messages.
};

/// A store that is not there.
struct MissingStore {
  std::string name;      ///< "'/x/ids.db'", "table 'ids'"
  std::string obstacle;  ///< A sentence, where opening the URL would not make the store.
};

/// The functions of a kind of store. `rest` is the part of a URL after "NAME:". A kind leaves out
/// those that it has no use for, but for `open`.
struct Scheme {
  Result<std::shared_ptr<contract::StoreDriver>> (*open)(const std::string& rest,
                                                         const OpenOptions& options) = nullptr;
  /// See never_making(); left out where opening never makes anything that lasts.
  std::string (*never_making)(const std::string& rest) = nullptr;
  /// See shown_url(); left out if the URL without its password will do.
  std::string (*show)(const std::string& rest) = nullptr;
  /// See missing_store(); left out where a store is never missing.
  std::optional<MissingStore> (*missing)(const std::string& rest, bool create) = nullptr;
  /// See schema_of(); left out where there is none to show.
  Result<std::string> (*schema)(const std::string& rest) = nullptr;
  Result<void> (*end_recovery)(const std::string& rest, std::uint64_t skip_for_new) = nullptr;
  // Only for a store with a file of its own.
  std::optional<LocalFile> (*local_file)(const std::string& rest) = nullptr;
  Result<BackupContents> (*back_up)(const std::string& rest, const std::string& file,
                                    bool force) = nullptr;
  Result<BackupContents> (*restore)(const std::string& file, const std::string& rest,
                                    bool force) = nullptr;
};

}  // namespace nextid::store
