// What the HTTP server asks, in values that know no HTTP library.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "protocol/base/files.hpp"
#include "seeder/uploads.hpp"

namespace upswarm::seeder {

using IpAddress = boost::asio::ip::address;

struct HttpCall {
  std::string method;
  std::string path;   ///< before the question mark, as it was sent
  std::string query;  ///< after it
  /// accept-encoding, authorization, available-dictionary, if-none-match, if-range, priority, range,
  /// upswarm-lease, upswarm-machine, upswarm-time, upswarm-signature; names in lower case. One that came twice is left
  /// out.
  std::map<std::string, std::string> headers;
  std::string body;
  IpAddress remote;
  IpAddress local;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct HttpAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  /// Sent instead of `body` when set: `length` bytes from `first`.
  std::shared_ptr<InputFile> file = {};
  Bytes first = {};
  Bytes length = {};
  bool is_background = false;  ///< sent with the mark of traffic that gives way (protocol/base/traffic_mark.hpp)
};

/// Called from several threads at once. May block, where nothing else is said.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// The answer, if it can be had without waiting for anything: called on a thread that serves many connections.
  virtual std::optional<HttpAnswer> answer_at_once(const HttpCall& /*call*/) { return std::nullopt; }
  virtual HttpAnswer answer(const HttpCall& call) = 0;
  /// The same for a PUT, before its body: where the body goes, or why not. `length` is what the client announced.
  virtual std::variant<std::unique_ptr<UploadSink>, HttpAnswer> begin_upload(const HttpCall& call,
                                                                             std::optional<Bytes> length) = 0;
  /// After the body was written.
  virtual HttpAnswer end_upload(UploadSink& sink) = 0;
  /// Whatever went wrong, in the form of this API.
  virtual HttpAnswer failure(const Error& error) = 0;
};

}  // namespace upswarm::seeder
