# Given to libtorrent's build with -DCMAKE_PROJECT_libtorrent_INCLUDE=: a precompiled header. Nearly all of its compile time
# goes into the Boost.Asio headers that every one of its files includes.
cmake_language(DEFER CALL target_precompile_headers torrent-rasterbar PRIVATE
  "<libtorrent/config.hpp>" "<boost/asio.hpp>" "<libtorrent/aux_/session_impl.hpp>" "<libtorrent/torrent.hpp>"
  "<libtorrent/peer_connection.hpp>" "<libtorrent/alert_types.hpp>")
