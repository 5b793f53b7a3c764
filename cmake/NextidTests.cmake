# What the test programs are made with.

# The lines of a test run once or twice: to optimise them takes longer than it saves. What they test is
# optimised as the build type has it, except for what is inline in a header and the linker takes from the
# test: there are no such copies in `nextid`, since it has no file of a test.
function(nextid_unoptimised target)
  target_compile_options(${target} PRIVATE -O0)
  set_target_properties(${target} PROPERTIES NEXTID_UNOPTIMISED ON)
endfunction()

if(NEXTID_PCH)
  nextid_precompile(nextid_test_pch HEADERS <gtest/gtest.h> DEPENDS GTest::gtest)
  nextid_unoptimised(nextid_test_pch)
  nextid_precompile(nextid_boost_test_pch WITH_BOOST HEADERS <gtest/gtest.h> DEPENDS GTest::gtest)
  nextid_unoptimised(nextid_boost_test_pch)
endif()

function(nextid_test_settings target with_boost)
  nextid_settings(${target})
  nextid_unoptimised(${target})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(with_boost)
    nextid_use_precompiled(${target} nextid_boost_test_pch)
  else()
    nextid_use_precompiled(${target} nextid_test_pch)
  endif()
endfunction()

# nextid_test_library(NAME [WITH_BOOST] SOURCES a.cc DEPENDS targets...)
# What more than one test program is made of, compiled once.
function(nextid_test_library name)
  cmake_parse_arguments(ARG "WITH_BOOST" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  nextid_test_settings(${name} ${ARG_WITH_BOOST})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} GTest::gtest)
endfunction()

# nextid_test(NAME [ONE_THREAD] [WITH_BOOST] SOURCES a.cc DEPENDS targets...)
# A GoogleTest program whose cases ctest runs one by one, each with a time limit. Those of code that
# only ever runs in one thread say so: the thread sanitizer has nothing to find in them. The others
# are what the target nextid_thread_tests builds, and have the label "threads"; nextid_tests builds
# all, and no more than they need.
add_custom_target(nextid_tests)
add_custom_target(nextid_thread_tests)
function(nextid_test name)
  cmake_parse_arguments(ARG "ONE_THREAD;WITH_BOOST" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  nextid_test_settings(${name} ${ARG_WITH_BOOST})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main)
  add_dependencies(nextid_tests ${name})
  set(label threads)
  if(ARG_ONE_THREAD)
    set(label one-thread)
  else()
    add_dependencies(nextid_thread_tests ${name})
  endif()
  gtest_discover_tests(${name} PROPERTIES TIMEOUT 120 LABELS ${label} DISCOVERY_TIMEOUT 60)
endfunction()
