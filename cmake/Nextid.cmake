# Flags and helpers that every target uses.

include(Hardening)
include(Precompiled)

# Only for developers: a guest's own settings are the guest's.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(CCACHE ccache)
  if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # What ccache asks for before it keeps what was compiled with precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  endif()
endif()

# What our own files are compiled with, and nobody else's.
add_library(nextid_flags INTERFACE)
target_compile_features(nextid_flags INTERFACE cxx_std_20)
target_compile_options(nextid_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion
  -Wsign-conversion -Wimplicit-fallthrough -fno-omit-frame-pointer)
# A newer compiler warns of more: only our presets, whose compilers we know, stop at that.
if(NEXTID_WARNINGS_AS_ERRORS)
  target_compile_options(nextid_flags INTERFACE -Werror)
endif()
# g++ 12 at -O3 warns of overlaps inside "text" + std::string that can't be: gcc.gnu.org/PR105651.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(nextid_flags INTERFACE -Wno-restrict)
  # The same false alarm by other names, which it keeps to itself except in precompiled headers.
  # The builds by clang and those without precompiled headers still warn.
  if(NEXTID_PCH)
    target_compile_options(nextid_flags INTERFACE
      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(nextid_flags INTERFACE -Wthread-safety)
endif()
if(NEXTID_SANITIZE)
  target_compile_options(nextid_flags INTERFACE -fsanitize=${NEXTID_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(nextid_flags INTERFACE -fsanitize=${NEXTID_SANITIZE})
  # g++ 12 warns of uses in inlined library code that only its instrumentation makes.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(nextid_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()
if(NEXTID_HARDENING)
  nextid_harden(nextid_flags)
endif()
if(NEXTID_PCH)
  nextid_share_definitions(nextid_flags)
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(nextid_flags INTERFACE -fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    target_compile_options(nextid_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

# nextid_settings(TARGET)
# Files of a target of ours include "folder/file.h" of src/ and of include/, ahead of what a guest has
# under the same name. Not a usage requirement: who links to the target sees include/ alone.
function(nextid_settings target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_include_directories(${target} BEFORE PRIVATE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:nextid_flags>)
endfunction()

# What the precompiled headers of ours are made for: code that a shared library may hold, and hidden in it.
function(nextid_library_properties target)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

if(NEXTID_PCH)
  nextid_precompile(nextid_pch)
  nextid_library_properties(nextid_pch)
  nextid_precompile(nextid_boost_pch WITH_BOOST)
  nextid_library_properties(nextid_boost_pch)
endif()

# Whether the FUZZED libraries have the code that a fuzzer follows, and tests/fuzz is built.
set(NEXTID_FUZZ OFF)
if(NEXTID_TESTS AND CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NEXTID_SANITIZE MATCHES "address")
  set(NEXTID_FUZZ ON)
endif()
if(NEXTID_FUZZ AND NEXTID_PCH)
  nextid_precompile(nextid_fuzzed_pch WITH_BOOST)
  nextid_library_properties(nextid_fuzzed_pch)
  target_compile_options(nextid_fuzzed_pch PRIVATE -fsanitize=fuzzer-no-link)
endif()

# nextid_library(NAME [FUZZED] [WITH_BOOST] SOURCES a.cc b.cc DEPENDS targets...)
# A static library of this folder, whose files include one another as "folder/file.h". A program of
# tests/fuzz calls those that are FUZZED. Those WITH_BOOST use its Asio, JSON or URLs in most files.
function(nextid_library name)
  cmake_parse_arguments(ARG "FUZZED;WITH_BOOST" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  nextid_settings(${name})
  nextid_library_properties(${name})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
  if(ARG_FUZZED AND NEXTID_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
    nextid_use_precompiled(${name} nextid_fuzzed_pch)
  elseif(ARG_WITH_BOOST)
    nextid_use_precompiled(${name} nextid_boost_pch)
  else()
    nextid_use_precompiled(${name} nextid_pch)
  endif()
endfunction()

# nextid_program(NAME SOURCES a.cc DEPENDS targets...)
# A program with command-line options. CLI11 is not precompiled: g++ takes three seconds for the code of
# its header, even in a file that uses none of it, and one to parse it.
function(nextid_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  nextid_settings(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} CLI11::CLI11)
  # As the libraries are, whose precompiled headers it takes; CMake alone would have -fPIE.
  nextid_library_properties(${name})
  target_compile_options(${name} PRIVATE -fPIC)
  nextid_use_precompiled(${name} nextid_pch)
endfunction()
