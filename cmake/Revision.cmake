# cmake -DSOURCE=checkout -DARCHIVED=file -DOUTPUT=revision.h -P Revision.cmake
# Writes which commit is being built: of a checkout as git tells it, of an archive that git made as
# ARCHIVED has it. An unchanged OUTPUT is left as it is.
cmake_minimum_required(VERSION 3.25)
file(STRINGS "${ARCHIVED}" commit REGEX "^[0-9a-f]+$")
set(has_changes false)
if(commit STREQUAL "" AND EXISTS "${SOURCE}/.git")
  execute_process(COMMAND git -C "${SOURCE}" rev-parse HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND git -C "${SOURCE}" status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT changes STREQUAL "")
    set(has_changes true)
  endif()
endif()
string(SUBSTRING "${commit}" 0 12 commit)

file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// Written by Revision.cmake.
#pragma once

#include <string_view>

namespace nextid::cli {

inline constexpr std::string_view kCommit = \"@commit@\";
inline constexpr bool kHasChanges = @has_changes@;

}  // namespace nextid::cli
" @ONLY)
