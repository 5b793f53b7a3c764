// What the tests of credentials share.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "nextid/error.h"

namespace nextid::testing {

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <typename T>
std::string what(const Result<T>& result) {
  return result.has_error() ? result.error().what() : "(no error)";
}

/// Asks until the condition holds, up to `limit`.
inline bool happens_within(std::chrono::milliseconds limit,
                           const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

inline bool eventually(const std::function<bool()>& condition) {
  return happens_within(std::chrono::seconds(30), condition);
}

/// A time as AWS writes it, `seconds` from now.
inline std::string time_from_now(std::chrono::seconds seconds) {
  const std::time_t time =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + seconds);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

/// The answer of a container's endpoint or an instance's role.
inline std::string keys_json(const std::string& key = "AKIDROLE") {
  return R"({"Code": "Success", "AccessKeyId": ")" + key +
         R"(", "SecretAccessKey": "role-secret", "Token": "role-token", "Expiration": ")" +
         time_from_now(std::chrono::hours(6)) + R"("})";
}

}  // namespace nextid::testing
