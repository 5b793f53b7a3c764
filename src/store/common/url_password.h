// Passwords in the URLs of stores, which are for nobody's eyes.
#pragma once

#include <string>
#include <string_view>

namespace nextid::store {

/// The URL without its password: "SCHEME://USER:PASSWORD@HOST" loses ":PASSWORD", and its query the
/// parameters whose name contains "password" or "passwd" and does not end in "file", or is "pwd".
/// What is no URL, or a wrong one, rather loses too much: all from the first ':' behind the scheme
/// to the last '@'. Other text stays as it is.
std::string hide_password(std::string_view url);

/// True if hide_password() had to guess what the password is: it has a character that must be
/// percent-encoded there, such as '@' or '/'. Whoever takes such a URL apart may take a piece of
/// the password for the host, and tell it.
bool has_unclear_password(std::string_view url);

}  // namespace nextid::store
