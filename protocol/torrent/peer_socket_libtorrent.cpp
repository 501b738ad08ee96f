#include "protocol/torrent/peer_socket_libtorrent.hpp"

#include <boost/variant/get.hpp>
#include <libtorrent/aux_/socket_type.hpp>
#include <libtorrent/peer_connection.hpp>

namespace upswarm {

std::optional<std::intptr_t> socket_of(const lt::peer_connection_handle& peer) {
  const auto connection = peer.native_handle();
  if (connection == nullptr) return std::nullopt;
  auto* socket = boost::get<lt::tcp::socket>(&connection->get_socket());
  if (socket == nullptr || !socket->is_open()) return std::nullopt;
  return static_cast<std::intptr_t>(socket->native_handle());
}

}  // namespace upswarm
