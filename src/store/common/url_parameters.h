// What the URLs of stores on a network have in common: their parameters, read strictly.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <boost/url/url_view.hpp>

namespace nextid::store {

/// Why a URL is wrong: a sentence without its end, to which a store adds the form of its URLs.
/// Empty where nothing is.
using UrlProblem = std::string;

/// The same URL with the brackets in its query encoded: parameters may have an IPv6 address, whose
/// brackets a query can't have as they are (RFC 3986, 3.4).
std::string with_encoded_brackets(const std::string& url);

/// Calls take(name, value) for each parameter, decoded, up to the first problem; that may be a name
/// that was there before.
UrlProblem for_each_parameter(
    const boost::urls::url_view& url,
    const std::function<UrlProblem(const std::string& name, const std::string& value)>& take);

/// What follows "NAME:" in the URL of a store, with create=false instead of what it says.
std::string never_making_url(const std::string& rest);

/// "true" or "false".
UrlProblem set_bool(bool& target, std::string_view name, std::string_view value);

/// Any text but an empty one.
UrlProblem set_text(std::string& target, std::string_view name, std::string_view value);

/// The longest attempt_timeout.
inline constexpr std::chrono::milliseconds kLongestAttempt{30'000};

/// attempt_timeout: "500ms", "2s" or "2", from `shortest` to kLongestAttempt.
UrlProblem set_attempt_timeout(std::chrono::milliseconds& target, std::string_view text,
                               std::chrono::milliseconds shortest);

}  // namespace nextid::store
