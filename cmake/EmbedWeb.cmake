# cmake -DDIRECTORY=web -DFILES="index.html|assets/page.js" -DVERSION=1.2.3 -DOUTPUT=assets.cc -P EmbedWeb.cmake
# Writes a C++ file with the bytes of FILES and the table that src/web/asset.cc looks them up in.
# @NEXTID_VERSION@ in JSON becomes VERSION.

set(TYPE_.html "text/html; charset=utf-8")
set(TYPE_.css "text/css; charset=utf-8")
set(TYPE_.js "text/javascript; charset=utf-8")
set(TYPE_.json "application/json")
set(TYPE_.svg "image/svg+xml")

set(PATH_index.html "/")
set(PATH_docs.html "/docs")

string(REPLACE "|" ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  cmake_path(GET file EXTENSION LAST_ONLY extension)
  if(NOT DEFINED TYPE_${extension})
    message(FATAL_ERROR "${file}: no content type is known for '${extension}'; add it to EmbedWeb.cmake.")
  endif()
  set(path "/${file}")
  if(DEFINED PATH_${file})
    set(path "${PATH_${file}}")
  endif()
  file(READ "${DIRECTORY}/${file}" bytes HEX)
  if(extension STREQUAL ".json")
    string(HEX "@NEXTID_VERSION@" placeholder)
    string(HEX "${VERSION}" version)
    string(REPLACE "${placeholder}" "${version}" bytes "${bytes}")
  endif()
  string(SHA256 hash "${bytes}")
  string(SUBSTRING "${hash}" 0 16 tag)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char kBytes${number}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${path}\", \"${TYPE_${extension}}\", \"\\\"${tag}\\\"\","
    " {kBytes${number}, sizeof kBytes${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUTPUT}" "// Written by EmbedWeb.cmake.
#include \"web/asset_table.h\"

namespace nextid::web {
namespace {

${arrays}
constexpr Asset kAssets[] = {
${rows}};

}  // namespace

std::span<const Asset> assets() noexcept { return kAssets; }

}  // namespace nextid::web
")
