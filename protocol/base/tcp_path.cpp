#include "protocol/base/tcp_path.hpp"

namespace upswarm {

void give_way(std::intptr_t socket, Yielding& yielding) {
  const auto now = std::chrono::steady_clock::now();
  if (!yielding.is_due(now)) return;
  const auto path = look_at_path(socket);
  if (!path) return;
  if (const auto window = yielding.look(now, *path)) limit_window(socket, *window);
}

}  // namespace upswarm
