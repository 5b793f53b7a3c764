// What the operating system knows about this process.
#pragma once

#include <cstdint>
#include <optional>

namespace nextid::report {

/// Figures that the system does not tell are left out.
struct ProcessFigures {
  std::optional<double> cpu_seconds = {};
  std::optional<std::uint64_t> resident_bytes = {};
  std::optional<std::uint64_t> open_files = {};
  std::optional<std::uint64_t> max_open_files = {};
};

/// Of this process. Takes some ten microseconds.
std::optional<std::uint64_t> resident_bytes();

/// proc(5), getrusage(2), getrlimit(2). Takes some ten microseconds, more with many open files.
ProcessFigures process_figures();

}  // namespace nextid::report
