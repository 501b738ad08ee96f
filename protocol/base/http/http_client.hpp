// HTTP(S) requests, one at a time a thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm {

/// Bytes `first` to `first + length - 1` (RFC 9110, 14).
struct HttpRange {
  Bytes first;
  Bytes length;
};

struct HttpRequest {
  std::string url;
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::filesystem::path body_file = {};  ///< sent instead of `body` when set, streaming
  std::optional<HttpRange> range = {};
  std::string from = {};  ///< the IP address of this machine to connect from; empty: as the system routes
  /// Nobody waits for it: it says `Priority: u=7` (RFC 9218), what is sent for it is marked (traffic_mark.hpp), and its
  /// answer makes room for others on the link (yielding.hpp).
  bool is_background = false;
  std::uint64_t most_per_second = 0;                                ///< bytes of the answer; 0: no limit
  Bytes longest = 1_MiB;                                            ///< a longer answer is cut off: corrupt (too_long)
  std::chrono::milliseconds time_limit{std::chrono::seconds(60)};   ///< for the whole request
  std::chrono::milliseconds stall_limit{std::chrono::seconds(20)};  ///< below 100 bytes a second; whole seconds
  /// Takes the body of a 2xx answer as it comes, instead of HttpResponse::body. An error of it ends the request.
  std::function<Result<void>(ByteView)> sink = {};
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// Any thread may call; calls take turns on nothing but the connection cache.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Any answer with a status is success, 404 and 500 too. Redirects are not followed.
  /// Errors: unreachable  no connection, no answer in time, broken off
  ///         untrusted    the server's certificate is not good (reason "certificate")
  ///         corrupt      longer than `longest` (reason "too_long"), or not HTTP
  ///         invalid      the URL is none, or not http or https
  ///         cancelled    and what `sink` returns
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) = 0;
};

struct HttpSettings {
  std::filesystem::path ca_file = {};  ///< PEM; empty: what the system trusts
  std::string proxy = {};              ///< empty: what the environment says
  /// For `proxy`, by whichever way it asks for: Basic, Digest, and NTLM or Negotiate where libcurl has them. Empty:
  /// what its URL says.
  std::string proxy_user = {};
  std::string proxy_password = {};
  std::string user_agent = "upswarm/" UPSWARM_VERSION;
};

/// By libcurl.
std::unique_ptr<HttpClient> make_http_client(HttpSettings settings);

}  // namespace upswarm
