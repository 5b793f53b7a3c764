# Flags and helpers that every target uses.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(nextid_flags INTERFACE)
target_compile_options(nextid_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion
  -Wsign-conversion -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer)
# g++ 12 at -O3 warns of overlaps inside "text" + std::string that can't be: gcc.gnu.org/PR105651.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(nextid_flags INTERFACE -Wno-restrict)
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

# nextid_library(NAME SOURCES a.cc b.cc DEPENDS targets...)
# A static library of this folder, whose files include one another as "folder/file.h".
function(nextid_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE nextid_flags)
endfunction()

# GoogleTest's header, parsed once for all test programs.
function(nextid_add_gtest)
  file(WRITE ${PROJECT_BINARY_DIR}/gtest_only.cc "")
  add_library(nextid_gtest OBJECT ${PROJECT_BINARY_DIR}/gtest_only.cc)
  target_link_libraries(nextid_gtest PRIVATE GTest::gtest nextid_flags)
  target_precompile_headers(nextid_gtest PRIVATE <gtest/gtest.h>)
endfunction()

# nextid_test(NAME [ONE_THREAD] SOURCES a.cc DEPENDS targets...)
# A GoogleTest program whose cases ctest runs one by one, each with a time limit. Those of code that
# only ever runs in one thread say so: the thread sanitizer has nothing to find in them. The others
# are what the target nextid_thread_tests builds, and have the label "threads"; nextid_tests builds
# all, and no more than they need.
add_custom_target(nextid_tests)
add_custom_target(nextid_thread_tests)
function(nextid_test name)
  cmake_parse_arguments(ARG "ONE_THREAD" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main nextid_flags)
  target_precompile_headers(${name} REUSE_FROM nextid_gtest)
  add_dependencies(nextid_tests ${name})
  set(label threads)
  if(ARG_ONE_THREAD)
    set(label one-thread)
  else()
    add_dependencies(nextid_thread_tests ${name})
  endif()
  gtest_discover_tests(${name} PROPERTIES TIMEOUT 120 LABELS ${label} DISCOVERY_TIMEOUT 60)
endfunction()
