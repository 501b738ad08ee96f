// A TUF repository at two addresses that somebody gives on a command line.
#pragma once

#include <stop_token>
#include <string>

#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::tools {

/// `base` with a slash at its end. It is taken as it was given: it may hold percent-encoded characters.
std::string as_folder(std::string base);

/// The path of a target as part of an address: everything but unreserved characters and slashes percent-encoded
/// (RFC 3986, 2.1).
std::string encode_target_path(std::string_view path);

/// One GET a file; 404 and 403 are not_found, every other status but 200 is unreachable.
class HttpSource final : public trust::RepositorySource {
 public:
  /// `http` must outlive it.
  HttpSource(HttpClient& http, std::string metadata_url, std::string target_url, std::stop_token stop);

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;
  /// A target of any length, as it comes.   Errors: as target, and what `sink` returns.
  Result<void> stream_target(const std::string& name, Bytes longest, std::function<Result<void>(ByteView)> sink);

 private:
  Result<std::string> get(HttpRequest request);

  HttpClient& http_;
  std::string metadata_url_;
  std::string target_url_;
  std::stop_token stop_;
};

}  // namespace upswarm::tools
