// Who but us can get at a file: what nextid relies on, or keeps to itself, must be nobody else's to
// change, and better nobody else's to read.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace nextid::base {

/// The mode of all files that nextid makes, whatever the umask.
inline constexpr mode_t kOwnMode = 0600;

/// Makes an empty file of that mode where there is none; what is there stays as it is. False with
/// errno. Never follows a link, so that nobody else chooses the place.
[[nodiscard]] bool make_own_file(const std::string& path) noexcept;

/// Why the file at `path` can't be relied on, as a clause: every user of this machine may change
/// it, or put another one in its place or in that of a directory above it. It names what is open to
/// all, its owner and mode, and what to run. A file that is missing is judged by its directory.
/// What is no regular file passes, such as a pipe, and so does what groups may do: that somebody
/// chose.
///
/// In a directory where everyone may make files and nobody remove another's, such as /tmp, the file
/// must be this user's, root's or the directory's owner's. A file that passes can't be exchanged
/// before it is opened.
std::optional<std::string> why_others_can_write(const std::string& path);

/// A sentence of warning where other users of this machine may read the file, or its group may
/// change it.
std::optional<std::string> exposure_of_secret(const std::string& path);

/// The same, for a file that its group may share: only where all users may read it.
std::optional<std::string> exposure_of_shared(const std::string& path);

}  // namespace nextid::base
