#include "net/connection.h"

#include <utility>

#include "net/io_thread.h"

namespace nextid::net {

void Connection::on_range(std::uint64_t tag, Result<IdRange> range) noexcept {
  if (io_.in_this_thread()) {
    deliver(tag, std::move(range));
  } else {
    io_.post_answer(*this, tag, std::move(range));
  }
}

}  // namespace nextid::net
