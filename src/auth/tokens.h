// The token file: who may do what. A line is a token, and # begins a comment:
//
//   # name   digest                rights          counters, as patterns (base/glob.h)
//   billing  sha256:9f86d081...    read,allocate   orders invoices:*
//   admin    sha256:60303ae2...    read,define     *
//   partner  sha256:fcde2b2e...    allocate        b:*    keys=5000
//
// Words with = at a line's end are limits (limits.h).
//
// The file has the SHA-256 of each token and not the token, so a reader of the file can't use them.
// No salt and no slow hash: both make guessing expensive, but nobody can guess the 32 random bytes
// that `nextid token` makes. A text that a person made up must not be used as a token.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"

#include "auth/limits.h"
#include "auth/right.h"
#include "auth/usage.h"

namespace nextid::auth {

/// SHA-256.
using Digest = std::array<unsigned char, 32>;
Digest digest_of(std::string_view secret);

/// What one token allows.
struct Grant {
  std::string name;
  Rights rights;
  std::vector<std::string> counters = {};  ///< Patterns; a counter must have the form of one.
  Limits limits = {};
  std::shared_ptr<Usage> usage = nullptr;  ///< Null until Tokens::count_in().

  /// The right, for this counter.
  bool allows(Right right, std::string_view counter) const noexcept;
  /// The right, for calls that concern all counters: needs the pattern `*`.
  bool allows_all(Right right) const noexcept;
};

/// The tokens of one file. Immutable, so any thread may ask it.
class Tokens {
 public:
  /// `source` names the text in errors, which are of kInvalid and quote nothing but names.
  static Result<Tokens> parse(std::string_view text, const std::string& source);
  /// The same of a text that may have no token yet.
  static Result<Tokens> parse_or_none(std::string_view text, const std::string& source);
  /// Of a file (token_file.h). kInvalid: it can't be read, or is wrong.
  static Result<Tokens> read(const std::string& path);

  /// The token with that digest, or null. Takes the same time for any digest: it compares all bytes
  /// with those of all tokens.
  const Grant* find(const Digest& digest) const noexcept;
  /// Whether there is a token of that name.
  bool has(std::string_view name) const noexcept;
  /// The names of tokens that `other` lacks.
  std::vector<std::string> names_not_in(const Tokens& other) const;
  std::size_t size() const noexcept { return entries_.size(); }
  /// Gives each token's holders the usage that `usage_of` has for the token's name.
  void count_in(const std::function<std::shared_ptr<Usage>(const Grant&)>& usage_of);

 private:
  struct Entry {
    Digest digest;
    Grant grant;
  };
  Result<void> add_line(std::string_view line);

  std::vector<Entry> entries_;
};

/// A new token: "nextid_" and 32 random bytes in base64url. kUnavailable: no randomness.
Result<std::string> make_token();

/// Whether a counter's name can have the form of `text` at all: tells "a,b" from a pattern.
bool is_counter_pattern(std::string_view text) noexcept;

/// The line of the file for that token. Its words are not checked; parse() does that.
std::string token_line(const std::string& name, std::string_view secret, const std::string& rights,
                       const std::vector<std::string>& counters);

}  // namespace nextid::auth
