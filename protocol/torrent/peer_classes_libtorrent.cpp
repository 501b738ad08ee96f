#include "protocol/torrent/peer_classes_libtorrent.hpp"

#include <libtorrent/address.hpp>
#include <libtorrent/session_handle.hpp>

namespace upswarm {

lt::ip_filter global_class_for_all() {
  const auto global = std::uint32_t{1} << static_cast<std::uint32_t>(lt::session_handle::global_peer_class_id);
  lt::ip_filter filter;
  filter.add_rule(lt::make_address_v4("0.0.0.0"), lt::make_address_v4("255.255.255.255"), global);
  filter.add_rule(lt::make_address_v6("::"), lt::make_address_v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), global);
  return filter;
}

}  // namespace upswarm
