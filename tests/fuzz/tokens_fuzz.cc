// The token file: it is taken as it says, or refused with a sentence that gives nothing away.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/counter.h"

#include "auth/tokens.h"
#include "fuzz/require.h"

namespace nextid::fuzz {
namespace {

using auth::Digest;
using auth::Tokens;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words{""};
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines{""};
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

/// Of the 64 digits that end `word`.
Digest digest_in(const std::string& word) {
  Digest digest{};
  const std::string digits = word.substr(word.size() - 2 * digest.size());
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<unsigned char>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
  }
  return digest;
}

/// Every line is a token, found by its digest, with what the line gives it and no more.
void check_tokens(const Tokens& tokens, const std::vector<std::string>& lines) {
  std::set<std::string> names;
  std::set<Digest> digests;
  for (const std::string& line : lines) {
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    require(words.size() >= 4 && is_counter_name(words[0]));
    require(words[1].size() == std::string_view("sha256:").size() + 64);
    const Digest digest = digest_in(words[1]);
    const auth::Grant* const grant = tokens.find(digest);
    require(grant != nullptr && grant->name == words[0]);
    require(auth::parse_rights(words[2]) == grant->rights && grant->rights != auth::Rights{});
    require(
        std::equal(grant->counters.begin(), grant->counters.end(), words.begin() + 3, words.end()));
    require(names.insert(words[0]).second && digests.insert(digest).second);
  }
  require(tokens.size() == names.size() && !names.empty());
  for (Digest other : digests) {
    other[0] ^= 1U;
    require(digests.contains(other) == (tokens.find(other) != nullptr));
  }
}

/// No word of our sentences is as long as this: one that is comes from the file.
constexpr std::size_t kLongWord = 16;

/// Where a token or a digest may stand, commented out or in the wrong place, nothing is quoted.
/// Names are, and they are the first words.
void check_secrecy(const std::string& sentence, const std::vector<std::string>& lines) {
  std::string names;
  for (const std::string& line : lines) {
    if (const auto words = words_of(line); !words.empty()) names += words[0] + " ";
  }
  for (const std::string& line : lines) {
    const auto words = words_of(line);
    for (std::size_t i = 1; i < words.size(); ++i) {
      const bool may_be_a_name = names.find(words[i]) != std::string::npos;
      if (words[i].size() < kLongWord || may_be_a_name) continue;
      require(sentence.find(words[i]) == std::string::npos);
    }
  }
}

/// A sentence that names a line of the file, or says how to make one.
void check_error(const Error& error, const std::vector<std::string>& lines) {
  const std::string sentence = error.what();
  require(error.code() == ErrorCode::kInvalid && sentence.ends_with('.'));
  const std::string place = "FILE, line ";
  if (sentence.starts_with(place)) {
    const auto number = std::stoul(sentence.substr(place.size()));
    require(number >= 1 && number <= lines.size());
    require(!words_of(lines[number - 1]).empty());
  } else {
    require(sentence.starts_with("FILE has no token; `nextid token NAME`"));
  }
  check_secrecy(sentence, lines);
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nextid;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = fuzz::lines_of(text);
  const auto tokens = auth::Tokens::parse(text, "FILE");
  const auto again = auth::Tokens::parse(text, "FILE");
  fuzz::require(tokens.has_error() == again.has_error());
  if (tokens) {
    fuzz::check_tokens(*tokens, lines);
    fuzz::require(tokens->size() == again->size());
  } else {
    fuzz::check_error(tokens.error(), lines);
    fuzz::require(std::string_view(tokens.error().what()) == again.error().what());
  }
  return 0;
}
