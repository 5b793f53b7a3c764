# cmake "-DPROGRAM=emulator|build/nextid" -DCOMPLETIONS=packaging/completions -DOUTPUT=manual -P WriteManual.cmake
# Writes what NextidManual.cmake says.

string(REPLACE "|" ";" PROGRAM "${PROGRAM}")

function(ask output)
  execute_process(COMMAND ${PROGRAM} manual ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${OUTPUT})
ask(names)
string(REGEX MATCHALL "[^\n]+" names "${names}")
foreach(name IN LISTS names)
  set(path "")
  if(name MATCHES "\\.([15])$")
    set(path man${CMAKE_MATCH_1}/${name})
  endif()
  if(path)
    ask(text ${name})
    file(WRITE ${OUTPUT}/${path} "${text}")
  endif()
endforeach()
file(MAKE_DIRECTORY ${OUTPUT}/completions/bash)
file(COPY_FILE ${COMPLETIONS}/nextid.bash ${OUTPUT}/completions/bash/nextid)
file(COPY ${COMPLETIONS}/_nextid DESTINATION ${OUTPUT}/completions/zsh)
file(COPY ${COMPLETIONS}/nextid.fish DESTINATION ${OUTPUT}/completions/fish)
# Last, since it tells the build that all are there.
ask(text nextid.toml)
file(WRITE ${OUTPUT}/nextid.toml "${text}")
