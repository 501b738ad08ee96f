// A seeder's repository over HTTP, as the TUF client reads it.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::agent {

/// {seeder}/metadata/NAME and {seeder}/targets/NAME. HTTP 403 and 404 are not_found (TUF 5.3.3), other answers but 200
/// unreachable. One thread at a time.
class HttpRepository final : public trust::RepositorySource {
 public:
  /// An earlier form of a metadata file, by its name ("7.snapshot.json"); empty: there is none.
  using Earlier = std::function<std::string(const std::string& name)>;

  /// `http` must outlive the repository. `stop` ends any request. Where the seeder has what `earlier` gives, too, only
  /// the difference comes over the network.
  HttpRepository(HttpClient& http, std::string seeder_url, std::stop_token stop, Earlier earlier = {});

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;

  /// From now on `stop` ends any request.
  void stop_by(std::stop_token stop) { stop_ = std::move(stop); }

  struct Poll {
    bool unchanged = false;
    std::string etag;  ///< of what the seeder has now; empty when it gave none
  };
  /// Asks whether timestamp.json is still the one with `etag` (RFC 9110, 13.1.2). An unchanged one costs a 304.
  Result<Poll> poll(const std::string& etag);

 private:
  Result<HttpResponse> get(const std::string& path, Bytes longest, const std::string& etag = {});
  Result<HttpResponse> checked(const std::string& url, Result<HttpResponse> response) const;

  HttpClient& http_;
  std::string seeder_url_;
  std::stop_token stop_;
  Earlier earlier_;
};

/// `path` for use in a URL: all but letters, digits and -._~/+ becomes %XX.
std::string encode_path(std::string_view path);

}  // namespace upswarm::agent
