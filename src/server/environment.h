// Variables that look like an option of nextid and are none.
#pragma once

#include <string>
#include <string_view>

#include "nextid/error.h"

#include "server/options.h"

namespace nextid::server {

/// The variable with the token of `nextid bench`: not an option, since every user of the machine
/// can see the arguments of programs.
inline constexpr std::string_view kTokenEnvironmentName = "NEXTID_TOKEN";

/// kInvalid names the first NEXTID_* variable that nothing here reads, and the nearest known one: a
/// misspelt NEXTID_STORE would open another store, with ids from 1 again. Variables that Kubernetes
/// makes pass.
Result<void> check_environment(const Environment& environment);

/// Whether Kubernetes makes a variable of this kind for a service that is called nextid, or
/// nextid-something, in the pods beside it.
/// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
bool is_made_by_kubernetes(std::string_view name, std::string_view value);

}  // namespace nextid::server
