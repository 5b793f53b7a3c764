# With NEXTID_STATIC: the program needs no library at run time but glibc's, whose name service can't be in it.
# packaging/static brings the libraries of which Debian has no static form, or one that needs a shared library.

include(CheckIPOSupported)
check_ipo_supported()
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
set(Boost_USE_STATIC_LIBS ON)
set(OPENSSL_USE_STATIC_LIBS ON)
add_link_options(-static-libstdc++ -static-libgcc)

# spdlog and fmt have one form that is in headers alone.
find_path(NEXTID_SPDLOG_INCLUDE spdlog/logger.h REQUIRED)
add_library(nextid_spdlog INTERFACE)
target_compile_definitions(nextid_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
target_include_directories(nextid_spdlog SYSTEM INTERFACE ${NEXTID_SPDLOG_INCLUDE})
add_library(spdlog::spdlog ALIAS nextid_spdlog)
