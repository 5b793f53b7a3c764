// Stores by URL. A new store is one row of the table in factory.cc.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"

#include "contract/store_driver.h"
#include "store/common/scheme.h"

namespace nextid::store {

/// Opens "memory:", "sqlite:PATH", "postgres://...", "mysql://...", "etcd://..." or
/// "dynamodb://...", each but the first optionally with the parameter create=true or create=false.
/// kInvalid names an unknown scheme and the known ones, or a store that is missing and not to be
/// made; kUnavailable or kCorrupt say what is wrong with the store itself. OpenOptions::log
/// receives the rare lines worth keeping, from any thread; it may be empty.
Result<std::shared_ptr<contract::StoreDriver>> open_driver(std::string_view url,
                                                           const OpenOptions& options = {});

/// The statements that make what a store needs, and those that grant the least rights to use it,
/// for people who make tables themselves. Reads nothing but the URL. kInvalid for a wrong URL, and
/// for a store that has no such statements.
Result<std::string> schema_of(std::string_view url);

/// The URL of the same store whose opening never makes it, whatever `url` says: for looking at a
/// store.
std::string never_making(std::string_view url);

/// The URL without a password that it may have: for commands that people are to run, and wherever
/// else it is told as it was given. Also of a wrong one. That of a file stays as it is.
std::string without_password(std::string_view url);

/// A store's URL for messages: that of a file has an absolute path and no parameters, and none has
/// a password.
std::string shown_url(std::string_view url);

/// The URLs that there are, for people: "sqlite:PATH for a file; memory: for tests".
std::string url_forms();

/// What the URLs of each kind begin with, for completion: "sqlite:", "postgres://".
std::vector<std::string> url_starts();

/// The kinds of store that this build has: "sqlite, memory".
std::string store_names();

/// The traits of the store that a URL names; the defaults if it names none.
Traits traits_of(std::string_view url);

/// None for other stores, and for URLs that are wrong.
std::optional<LocalFile> local_file(std::string_view url);

/// Nothing where there is a store, or where only its opening can tell; `create` holds where the URL
/// does not say. Makes nothing, and is not for a process that has the store open. Blocks as
/// open_driver() does.
std::optional<MissingStore> missing_store(std::string_view url, bool create);

}  // namespace nextid::store
