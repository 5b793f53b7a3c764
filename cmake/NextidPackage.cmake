# The library as others see it: nextid::nextid, one archive, in this tree and installed.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Targets that TARGET links to, itself included, ours and others'.
function(nextid_closure target)
  get_property(seen GLOBAL PROPERTY NEXTID_CLOSURE)
  if(target IN_LIST seen)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY NEXTID_CLOSURE ${target})
  if(NOT target MATCHES "^nextid_")
    return()
  endif()
  get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
  foreach(link IN LISTS links)
    if(link MATCHES "^[A-Za-z0-9_:]+$" AND TARGET ${link})
      nextid_closure(${link})
    endif()
  endforeach()
endfunction()

# Made of the object files of all that src/node links to: users have one name to link, whatever
# libraries we cut the sources into.
function(nextid_add_archive)
  nextid_closure(nextid_node)
  get_property(targets GLOBAL PROPERTY NEXTID_CLOSURE)
  set(objects "")
  set(libraries "")
  foreach(target IN LISTS targets)
    if(NOT target MATCHES "^nextid_")
      list(APPEND libraries ${target})
      continue()
    endif()
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND objects $<TARGET_OBJECTS:${target}>)
    endif()
  endforeach()

  add_library(nextid_archive STATIC ${objects})
  add_library(nextid::nextid ALIAS nextid_archive)
  set_target_properties(nextid_archive PROPERTIES
    OUTPUT_NAME nextid EXPORT_NAME nextid LINKER_LANGUAGE CXX)
  target_compile_features(nextid_archive PUBLIC cxx_std_20)
  target_include_directories(nextid_archive PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(nextid_archive PRIVATE ${libraries} $<BUILD_INTERFACE:nextid_flags>)
endfunction()

# So that what is installed can be moved, the .pc file finds its folders from its own.
function(nextid_install_pkg_config)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE prefix_from_pc)
  set(requires sqlite3)
  set(link_flags "-lboost_url")
  if(NEXTID_DYNAMODB OR NEXTID_ETCD)
    string(APPEND requires ", libcurl >= 7.88")
  endif()
  if(NEXTID_POSTGRES)
    string(APPEND requires ", libpq")
  endif()
  if(NEXTID_MYSQL)
    string(APPEND requires ", libmariadb")
  endif()
  if(NEXTID_DYNAMODB OR NEXTID_ETCD OR NEXTID_MYSQL)
    string(APPEND link_flags " -lboost_json -lboost_container")
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/nextid.pc.in ${PROJECT_BINARY_DIR}/nextid.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/nextid.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

function(nextid_install)
  set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/nextid)
  install(TARGETS nextid_archive EXPORT nextid ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/nextid DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT nextid NAMESPACE nextid:: FILE nextidTargets.cmake DESTINATION ${package_directory})
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/nextidConfig.cmake.in
    ${PROJECT_BINARY_DIR}/nextidConfig.cmake INSTALL_DESTINATION ${package_directory})
  # Before 1.0 a minor version may change what programs see.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/nextidConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/nextidConfig.cmake ${PROJECT_BINARY_DIR}/nextidConfigVersion.cmake
    DESTINATION ${package_directory})
  nextid_install_pkg_config()
endfunction()

nextid_add_archive()
if(NEXTID_INSTALL)
  nextid_install()
endif()
