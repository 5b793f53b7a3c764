# What Debian compiles programs with that strangers talk to (dpkg-buildflags, hardening=+all), and the
# assertions of the standard library: a mistake in memory becomes the end of the process.
#
# For what we build ourselves. A guest's own flags decide for the guest, and what sanitizers do is
# more than this, which _FORTIFY_SOURCE would hide from them.

include(CheckCXXCompilerFlag)
include(CheckPIESupported)

# nextid_harden(TARGET)
# An INTERFACE library, whose users are hardened. The same flags for all: precompiled headers are taken
# by sources of equal flags alone.
function(nextid_harden target)
  check_pie_supported(LANGUAGES CXX)
  target_compile_options(${target} INTERFACE -fstack-protector-strong)
  foreach(flag -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "NEXTID_HAS${flag}" has_flag)
    check_cxx_compiler_flag(${flag} ${has_flag})
    if(${has_flag})
      target_compile_options(${target} INTERFACE ${flag})
    endif()
  endforeach()
  # glibc warns where nothing is optimised, since it can then check nothing. It takes 3 as 2 where the
  # compiler knows no sizes at run time.
  set(optimised $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
  set(checked $<AND:${optimised},$<NOT:$<BOOL:$<TARGET_PROPERTY:NEXTID_UNOPTIMISED>>>>)
  target_compile_options(${target} INTERFACE
    $<${checked}:-U_FORTIFY_SOURCE> $<${checked}:-D_FORTIFY_SOURCE=3> -D_GLIBCXX_ASSERTIONS)
  target_link_options(${target} INTERFACE LINKER:-z,relro,-z,now LINKER:-z,noexecstack)
endfunction()
