# The manual of the program: `cmake --build build/PRESET --target manuals` makes build/PRESET/manual with
#   man1/*.1, man5/nextid.toml.5, nextid.toml, completions/bash/nextid, .../zsh/_nextid, .../fish/nextid.fish
# of what `nextid manual` prints, and of packaging/completions. `cmake --install` installs it.

include(GNUInstallDirs)

set(NEXTID_MANUAL_PROGRAM "" CACHE FILEPATH
  "A nextid of the same version that runs on this machine, where the one that is built does not")

set(program $<TARGET_FILE:nextid>)
if(NEXTID_MANUAL_PROGRAM)
  set(program ${NEXTID_MANUAL_PROGRAM})
elseif(CMAKE_CROSSCOMPILING)
  list(PREPEND program ${CMAKE_CROSSCOMPILING_EMULATOR})
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
add_custom_target(manuals ALL DEPENDS ${manual}/nextid.toml)

if(NEXTID_INSTALL)
  install(DIRECTORY ${manual}/man1 ${manual}/man5 DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${manual}/nextid.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES ${manual}/completions/bash/nextid
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${manual}/completions/zsh/_nextid DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${manual}/completions/fish/nextid.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
