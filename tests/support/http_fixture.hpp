// A small HTTP/1.1 server on loopback whose answers a test writes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace upswarm::tests {

struct FixtureRequest {
  std::string method;
  std::string path;  ///< without the query
  std::string query;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

struct FixtureReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::size_t promised = 0;  ///< Content-Length to claim, when not the body's: the answer is cut off
};

/// Serves from construction to destruction, one connection a request. The handler is called from several threads.
class HttpFixture {
 public:
  explicit HttpFixture(std::function<FixtureReply(const FixtureRequest&)> handler);
  ~HttpFixture();

  std::string url() const;  ///< "http://127.0.0.1:40123"

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace upswarm::tests
