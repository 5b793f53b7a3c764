#include "cli/version_text.h"

#include <string_view>

#include "nextid/version.h"

#include "base/cat.h"
#include "cli/revision.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

constexpr std::string_view kCompiler =
#ifdef __clang__
    "Clang " __clang_version__;
#else
    "GCC " __VERSION__;
#endif

constexpr std::string_view kProcessor =
#if defined(__x86_64__)
    "x86-64";
#elif defined(__aarch64__)
    "arm64";
#else
        "another processor";
#endif

std::string commit_text() {
  if (kCommit.empty()) return "not known";
  return base::cat(kCommit, kHasChanges ? ", with changes" : "");
}

}  // namespace

std::string version_text() {
  return base::cat("nextid ", kVersion, "\ncommit: ", commit_text(), "\nbuild: ", NEXTID_BUILD_TYPE,
                   ", ", kCompiler, ", ", kProcessor, "\nstores: ", store::store_names());
}

}  // namespace nextid::cli
