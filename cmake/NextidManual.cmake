# The manual of the program: `cmake --build build/PRESET --target manuals` makes build/PRESET/manual with
#   man1/*.1, man5/nextid.toml.5, nextid.toml, completions/bash/nextid, .../zsh/_nextid, .../fish/nextid.fish
# of what `nextid manual` prints, and of packaging/completions. packaging/CMakeLists.txt installs it.

set(program $<TARGET_FILE:nextid>)
set(in_all ALL)
if(CMAKE_CROSSCOMPILING)
  list(PREPEND program ${CMAKE_CROSSCOMPILING_EMULATOR})
  if(NOT CMAKE_CROSSCOMPILING_EMULATOR)
    set(in_all "")
  endif()
endif()

set(manual ${PROJECT_BINARY_DIR}/manual)
file(GLOB completions CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/packaging/completions/*)
list(JOIN program "|" joined_program)
add_custom_command(OUTPUT ${manual}/nextid.toml
  COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${joined_program}" -DOUTPUT=${manual}
    -DCOMPLETIONS=${PROJECT_SOURCE_DIR}/packaging/completions
    -P ${PROJECT_SOURCE_DIR}/cmake/WriteManual.cmake
  DEPENDS nextid ${completions} ${PROJECT_SOURCE_DIR}/cmake/WriteManual.cmake
  VERBATIM)
add_custom_target(manuals ${in_all} DEPENDS ${manual}/nextid.toml)
