// Credentials as containers, machines, programs and files write them down: they are taken as they
// say, or refused with a sentence that gives none of them away.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>

#include "aws/credential_document.h"
#include "aws/settings_file.h"
#include "base/ascii.h"
#include "fuzz/require.h"

namespace nextid::fuzz {
namespace {

namespace json = boost::json;

/// No sentence of ours has as long a word, so one that a sentence has came from the document.
constexpr std::size_t kLongWord = 24;

bool fits_a_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string member_of(std::string_view text, const char* name) {
  boost::system::error_code failure;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure || !value.is_object()) return "";
  const json::value* member = value.get_object().if_contains(name);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : "";
}

/// The only value of a document that is shown is the time of its end.
void check_secrecy(std::string_view text, const std::string& sentence) {
  const std::string end = member_of(text, "Expiration");
  for (const char* name : {"AccessKeyId", "SecretAccessKey", "Token"}) {
    const std::string secret = member_of(text, name);
    if (secret.size() < kLongWord || end.find(secret) != std::string::npos) continue;
    require(sentence.find(secret) == std::string::npos);
  }
}

void check_document(std::string_view text) {
  const auto credentials = aws::parse_credentials_json(text, "Token", "the machine");
  if (!credentials) {
    require_sentence(credentials.error().what());
    check_secrecy(text, credentials.error().what());
    return;
  }
  require(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty());
  require(credentials->access_key_id == member_of(text, "AccessKeyId"));
  require(credentials->secret_access_key == member_of(text, "SecretAccessKey"));
  require(credentials->session_token == member_of(text, "Token"));
  for (const auto* value : {&credentials->access_key_id, &credentials->secret_access_key,
                            &credentials->session_token}) {
    require(fits_a_header(*value));
  }
  require(!credentials->expires || *credentials->expires > std::chrono::system_clock::now());
}

void check_failure(std::string_view text) {
  const std::string words = aws::parse_failure_json(text);
  if (!words.empty()) require_sentence(words);
}

void check_expiry(std::string_view text) {
  using std::chrono::sys_days;
  if (const auto expiry = aws::parse_expiry(text)) {
    require(*expiry < sys_days(std::chrono::year(2202) / 1 / 1));
  }
}

/// The words of the line that is at fault, which may be a key.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words{""};
  for (const char c : text) {
    if (c > ' ') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

void check_settings(std::string_view text) {
  const auto sections = aws::parse_settings_file(text, "FILE");
  if (sections) {
    for (const auto& [section, settings] : *sections) {
      require(!section.empty());
      for (const auto& [name, value] : settings) require(name == base::to_lower(name));
    }
    return;
  }
  const std::string sentence = sections.error().what();
  require_sentence(sentence);
  const std::string place = "FILE, line ";
  require(sentence.starts_with(place));
  const auto number = std::stol(sentence.substr(place.size()));
  require(number >= 1 && number <= 1 + std::count(text.begin(), text.end(), '\n'));
  for (const std::string& word : words_of(text)) {
    if (word.size() < kLongWord) continue;
    require(sentence.find(word) == std::string::npos);
    require(sentence.find(base::to_lower(word)) == std::string::npos);
  }
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  nextid::fuzz::check_document(text);
  nextid::fuzz::check_failure(text);
  nextid::fuzz::check_expiry(text);
  nextid::fuzz::check_settings(text);
  return 0;
}
