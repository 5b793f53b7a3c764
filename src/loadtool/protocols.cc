#include <array>

#include "loadtool/id_source.h"

namespace nextid::loadtool {

std::span<const Protocol> protocols() {
  static constexpr std::array kProtocols{
      Protocol{"http", "HTTP", connect_http},
      Protocol{"resp", "RESP", connect_resp},
  };
  return kProtocols;
}

}  // namespace nextid::loadtool
