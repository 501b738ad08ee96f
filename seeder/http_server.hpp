// HTTP/1.1 over TCP or TLS.
#pragma once

#include <memory>
#include <string>

#include "seeder/http_handler.hpp"

namespace upswarm::seeder {

inline constexpr Bytes kLongestHeader = 16_KiB;
inline constexpr Bytes kLongestBody = 64_KiB;  ///< of a POST

struct HttpServerSettings {
  std::string listen = "0.0.0.0";
  std::uint16_t port = 8443;  ///< 0: any
  bool tls = true;
  Path certificate = {};  ///< PEM, with its chain
  Path key = {};          ///< PEM
  std::size_t most_connections = 4000;
};

/// Serves from its start to its end. The end stops idle connections at once and waits a few seconds for the others.
///
/// Two threads do the network and what can be answered at once, four the rest of the handler's work. A connection that
/// is silent for a minute, a client that takes nothing for half a minute, a header of more than 16 KiB and a body of
/// more than 64 KiB end it; connections beyond the limit are closed at once.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;
};

/// `handler` must outlive the server.
/// Errors: busy  the port is in use (named); denied, unreachable  it cannot be opened; invalid  certificate or key.
Result<std::unique_ptr<HttpServer>> start_http_server(const HttpServerSettings& settings, HttpHandler& handler);

}  // namespace upswarm::seeder
