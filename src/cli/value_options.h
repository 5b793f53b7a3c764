// Options and arguments with a value of a kind, and our words for a wrong one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <CLI/App.hpp>

namespace nextid::cli {

struct NumberRange {
  std::uint64_t min;
  std::uint64_t max;
};

/// Adds the option "--NAME N", or an argument where `option` has no dashes.
CLI::Option* add_number(CLI::App& command, const std::string& option, NumberRange range,
                        const std::function<void(std::uint64_t)>& take, const std::string& help);

/// The same for a counter's name, which completions offer, or another name of that form. What
/// `name` has is the default.
CLI::Option* add_name(CLI::App& command, const std::string& option, std::string& name,
                      const std::string& help);

/// Throws the error of a wrong value: "--clients is '0': it must be a whole number from 1 to 9."
/// `reason` is what stands behind the colon, without the full stop.
[[noreturn]] void refuse_value(const std::string& option, const std::string& text,
                               const std::string& reason);

}  // namespace nextid::cli
