# The swarm of the agent: included by agent/CMakeLists.txt.
set(own_network ${CMAKE_CURRENT_LIST_DIR}/own_network_posix.cpp)
set(own_network_libs)
if(WIN32)
  set(own_network ${CMAKE_CURRENT_LIST_DIR}/own_network_win32.cpp)
  set(own_network_libs ws2_32 iphlpapi)
endif()

upswarm_library(upswarm_swarm
  PUBLIC_LIBS upswarm_manners upswarm_base
  PRIVATE_LIBS upswarm_agent upswarm_http upswarm_torrent ${own_network_libs}
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/announcer.cpp
    ${CMAKE_CURRENT_LIST_DIR}/bencode.cpp
    ${CMAKE_CURRENT_LIST_DIR}/byte_book.cpp
    ${CMAKE_CURRENT_LIST_DIR}/doorkeeper.cpp
    ${CMAKE_CURRENT_LIST_DIR}/http_share.cpp
    ${CMAKE_CURRENT_LIST_DIR}/local_announce.cpp
    ${CMAKE_CURRENT_LIST_DIR}/local_discovery.cpp
    ${CMAKE_CURRENT_LIST_DIR}/network.cpp
    ${CMAKE_CURRENT_LIST_DIR}/origin_ranges.cpp
    ${CMAKE_CURRENT_LIST_DIR}/own_network.cpp
    ${CMAKE_CURRENT_LIST_DIR}/origin_line_libtorrent.cpp
    ${own_network}
    ${CMAKE_CURRENT_LIST_DIR}/package_cache.cpp
    ${CMAKE_CURRENT_LIST_DIR}/package_fetch.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parts_fetch.cpp
    ${CMAKE_CURRENT_LIST_DIR}/prefix_hasher.cpp
    ${CMAKE_CURRENT_LIST_DIR}/range_requests.cpp
    ${CMAKE_CURRENT_LIST_DIR}/source_use.cpp
    ${CMAKE_CURRENT_LIST_DIR}/swarm.cpp
    ${CMAKE_CURRENT_LIST_DIR}/torrent_alerts_libtorrent.cpp
    ${CMAKE_CURRENT_LIST_DIR}/torrent_leading_libtorrent.cpp
    ${CMAKE_CURRENT_LIST_DIR}/torrent_session_libtorrent.cpp
    ${CMAKE_CURRENT_LIST_DIR}/torrent_setup_libtorrent.cpp
    ${CMAKE_CURRENT_LIST_DIR}/witness_libtorrent.cpp)
