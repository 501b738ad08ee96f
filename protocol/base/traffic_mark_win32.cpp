#include "protocol/base/traffic_mark.hpp"

namespace upswarm {

void mark_traffic(std::intptr_t /*socket*/, bool /*is_background*/) {}

}  // namespace upswarm
