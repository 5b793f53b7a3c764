#include "http/date.h"

#include <ctime>
#include <string>

#include "base/time_text.h"

namespace nextid::http {

std::string_view date() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    text = base::gmt_text(now);
    made_at = now;
  }
  return text;
}

}  // namespace nextid::http
