# Every third-party library as one imported target, named upswarm::NAME, native or from the Windows prefix.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 QUIET)

function(upswarm_import name header library)
  find_path(UPSWARM_${name}_INCLUDE ${header} REQUIRED)
  find_library(UPSWARM_${name}_LIBRARY ${library} REQUIRED)
  add_library(upswarm::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(upswarm::${name} PROPERTIES IMPORTED_LOCATION "${UPSWARM_${name}_LIBRARY}")
  # The system's own include folder must not be named again with -isystem: it breaks include_next.
  if(NOT UPSWARM_${name}_INCLUDE STREQUAL "/usr/include")
    target_include_directories(upswarm::${name} SYSTEM INTERFACE "${UPSWARM_${name}_INCLUDE}")
  endif()
endfunction()

upswarm_import(sodium sodium.h sodium)
upswarm_import(zstd zstd.h zstd)
upswarm_import(zlib zlib.h z)
upswarm_import(utf8proc utf8proc.h utf8proc)
upswarm_import(divsufsort divsufsort.h divsufsort)
upswarm_import(sqlite sqlite3.h sqlite3)
upswarm_import(curl curl/curl.h curl)

add_library(upswarm_headers INTERFACE)  # nlohmann, toml++, CLI11: headers alone
find_path(UPSWARM_HEADERS_INCLUDE nlohmann/json.hpp REQUIRED)
if(NOT UPSWARM_HEADERS_INCLUDE STREQUAL "/usr/include")
  target_include_directories(upswarm_headers SYSTEM INTERFACE "${UPSWARM_HEADERS_INCLUDE}")
endif()

add_library(upswarm_spdlog INTERFACE)
if(WIN32)
  target_compile_definitions(upswarm_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY=1)
  target_compile_definitions(upswarm::sodium INTERFACE SODIUM_STATIC)
  target_compile_definitions(upswarm::utf8proc INTERFACE UTF8PROC_STATIC)
  target_compile_definitions(upswarm::curl INTERFACE CURL_STATICLIB)
  target_link_libraries(upswarm::curl INTERFACE ws2_32 crypt32 bcrypt secur32 advapi32)
  target_link_libraries(upswarm_spdlog INTERFACE upswarm_headers)
else()
  find_package(spdlog REQUIRED)
  find_package(fmt REQUIRED)
  target_link_libraries(upswarm_spdlog INTERFACE spdlog::spdlog fmt::fmt)

  upswarm_import(systemd systemd/sd-bus.h systemd)

  find_package(OpenSSL REQUIRED)
  upswarm_import(libtorrent libtorrent/session.hpp torrent-rasterbar)
  target_compile_definitions(upswarm::libtorrent INTERFACE
    TORRENT_LINKING_SHARED TORRENT_USE_OPENSSL TORRENT_USE_LIBCRYPTO TORRENT_SSL_PEERS
    BOOST_ASIO_ENABLE_CANCELIO BOOST_ASIO_NO_DEPRECATED)
  target_link_libraries(upswarm::libtorrent INTERFACE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
endif()
