#include "auth/tokens.h"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <utility>

#include "nextid/counter.h"

#include "auth/token_file.h"
#include "base/ascii.h"
#include "base/cat.h"
#include "base/glob.h"

namespace nextid::auth {
namespace {

using base::cat;

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::string_view kSpaces = " \t\r";
constexpr std::size_t kRandomBytes = 32;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const auto begin = line.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto word = line.substr(0, line.find_first_of(kSpaces));
    words.push_back(word);
    line.remove_prefix(word.size());
  }
}

std::optional<unsigned> hex_digit(char c) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto digit = kDigits.find(base::to_lower(c));
  if (digit == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(digit);
}

std::optional<Digest> parse_digest(std::string_view text) noexcept {
  Digest digest{};
  if (!text.starts_with(kDigestPrefix)) return std::nullopt;
  text.remove_prefix(kDigestPrefix.size());
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<unsigned char>(*high << 4 | *low);
  }
  return digest;
}

// The counters, and the limits behind them.
Result<void> read_rest(const std::vector<std::string_view>& words, Grant& grant) {
  std::size_t i = 3;
  for (; i < words.size() && !is_limit(words[i]); ++i) {
    if (!is_counter_pattern(words[i])) {
      return invalid(cat("word ", i + 1,
                         " can't be for any counter; it must be a name or a pattern such as "
                         "orders:* ; more of them have spaces between them."));
    }
    grant.counters.emplace_back(words[i]);
  }
  if (grant.counters.empty()) return invalid("limits stand behind the counters, and it has none.");
  for (; i < words.size(); ++i) {
    if (!is_limit(words[i])) {
      return invalid(cat("word ", i + 1, " stands behind limits; counters come before them."));
    }
    if (const auto set = set_limit(grant.limits, words[i]); !set) return set;
  }
  return {};
}

}  // namespace

Digest digest_of(std::string_view secret) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return digest;
}

bool Grant::allows(Right right, std::string_view counter) const noexcept {
  return rights.has(right) &&
         std::any_of(counters.begin(), counters.end(), [&](const std::string& pattern) {
           return base::glob_matches(pattern, counter);
         });
}

bool Grant::allows_all(Right right) const noexcept {
  return rights.has(right) && std::find(counters.begin(), counters.end(), "*") != counters.end();
}

Result<Tokens> Tokens::parse(std::string_view text, const std::string& source) {
  auto tokens = parse_or_none(text, source);
  if (tokens && tokens->size() == 0) {
    return invalid(source + " has no token; `nextid token NAME` makes one and its line.");
  }
  return tokens;
}

Result<Tokens> Tokens::parse_or_none(std::string_view text, const std::string& source) {
  Tokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const auto added = tokens.add_line(line.substr(0, line.find('#'))); !added) {
      return invalid(cat(source, ", line ", number, ": ", added.error().what()));
    }
  }
  return tokens;
}

// The error does not quote the wrong text: it may be the token itself.
Result<void> Tokens::add_line(std::string_view line) {
  const auto words = words_of(line);
  if (words.empty()) return {};
  if (words.size() < 4) {
    return invalid(
        "a token's line has its name, sha256:DIGEST, rights and counters; `nextid token NAME` "
        "prints such a line.");
  }
  if (!is_counter_name(words[0])) {
    return invalid(
        "the first word is no name: 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a letter, a "
        "digit or '_'.");
  }
  const auto digest = parse_digest(words[1]);
  if (!digest) {
    return invalid(
        "the second word must be the token's digest, sha256: and 64 hexadecimal digits, and never "
        "the token itself.");
  }
  const auto rights = parse_rights(words[2]);
  if (!rights) {
    return invalid(
        "the third word must be rights: read, allocate and define, with commas and no spaces "
        "between them.");
  }
  Entry entry{.digest = *digest, .grant = {.name = std::string(words[0]), .rights = *rights}};
  if (const auto read = read_rest(words, entry.grant); !read) return read;
  for (const auto& other : entries_) {
    if (other.grant.name == entry.grant.name || other.digest == entry.digest) {
      return invalid(
          cat("the token '", entry.grant.name, "' has the name or the digest of another."));
    }
  }
  entries_.push_back(std::move(entry));
  return {};
}

void Tokens::count_in(const std::function<std::shared_ptr<Usage>(const Grant&)>& usage_of) {
  for (Entry& entry : entries_) entry.grant.usage = usage_of(entry.grant);
}

Result<Tokens> Tokens::read(const std::string& path) {
  const auto text = read_token_file(path);
  if (!text) return text.error();
  return parse(*text, path);
}

bool Tokens::has(std::string_view name) const noexcept {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.grant.name == name; });
}

std::vector<std::string> Tokens::names_not_in(const Tokens& other) const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (!other.has(entry.grant.name)) names.push_back(entry.grant.name);
  }
  return names;
}

const Grant* Tokens::find(const Digest& digest) const noexcept {
  const Grant* found = nullptr;
  for (const auto& entry : entries_) {
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) {
      found = &entry.grant;
    }
  }
  return found;
}

Result<std::string> make_token() {
  std::array<unsigned char, kRandomBytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return Error(ErrorCode::kUnavailable, "The system gives no random bytes for a token.");
  }
  // 4 characters for each 3 bytes begun, and a NUL.
  std::array<unsigned char, (kRandomBytes + 2) / 3 * 4 + 1> base64{};
  EVP_EncodeBlock(base64.data(), random.data(), static_cast<int>(random.size()));
  std::string token = cat("nextid_", reinterpret_cast<const char*>(base64.data()));
  std::replace(token.begin(), token.end(), '+', '-');
  std::replace(token.begin(), token.end(), '/', '_');
  std::erase(token, '=');
  return token;
}

bool is_counter_pattern(std::string_view text) noexcept {
  constexpr std::string_view kSpecial = "*?[]^\\._:-";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSpecial.find(c) != std::string_view::npos;
  });
}

std::string token_line(const std::string& name, std::string_view secret, const std::string& rights,
                       const std::vector<std::string>& counters) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string line = cat(name, " ", kDigestPrefix);
  for (const auto byte : digest_of(secret)) {
    line += kHex[byte >> 4];
    line += kHex[byte & 0xf];
  }
  line += " " + rights;
  for (const auto& counter : counters) line += " " + counter;
  return line;
}

}  // namespace nextid::auth
