# Headers of others, parsed once a build instead of once a file.
#
# They are put before each source, so a source that forgot an include compiles all the same. That is
# found out where NEXTID_PCH is off: in the `debug` preset, which `script/test --long` builds whole,
# and in what guests build of the library, which `script/test` does each time.

option(NEXTID_PCH "Precompile the headers of others" ${PROJECT_IS_TOP_LEVEL})

# What at least a tenth of the sources would parse, each for more than some milliseconds.
set(NEXTID_PCH_HEADERS
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring>
  <filesystem> <fstream> <functional> <limits> <map> <memory> <mutex> <optional> <random> <set>
  <span> <string> <string_view> <thread> <utility> <variant> <vector>)
# The same of Boost. g++ instantiates what the inline functions of precompiled headers call at the end of
# each file, even of an empty one: so these are for the rooms that use them.
set(NEXTID_BOOST_HEADERS
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp>
  <boost/json.hpp> <boost/url/parse.hpp>)

# A source sees the macros that the precompiled headers saw, or it can't use them.
function(nextid_share_definitions target)
  foreach(library Boost::container Boost::json Boost::url)
    if(TARGET ${library})
      target_compile_definitions(${target} INTERFACE
        $<TARGET_PROPERTY:${library},INTERFACE_COMPILE_DEFINITIONS>)
    endif()
  endforeach()
endfunction()

# nextid_precompile(NAME [WITH_BOOST] [HEADERS <a.h>...] [DEPENDS targets...])
# A target whose precompiled headers others reuse: those above, and HEADERS.
function(nextid_precompile name)
  cmake_parse_arguments(ARG "WITH_BOOST" "" "HEADERS;DEPENDS" ${ARGN})
  if(ARG_WITH_BOOST)
    list(APPEND ARG_HEADERS ${NEXTID_BOOST_HEADERS})
  endif()
  set(empty ${PROJECT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${empty} CONTENT "")
  add_library(${name} OBJECT ${empty})
  nextid_settings(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  target_precompile_headers(${name} PRIVATE ${NEXTID_PCH_HEADERS} ${ARG_HEADERS})
endfunction()

# nextid_use_precompiled(TARGET NAME)
function(nextid_use_precompiled target name)
  if(NEXTID_PCH)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()
