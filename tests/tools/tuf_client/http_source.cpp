#include "tests/tools/tuf_client/http_source.hpp"

#include <algorithm>

namespace upswarm::tools {
namespace {

constexpr int kOk = 200;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr auto kLongestMetadataRequest = std::chrono::seconds(60);
constexpr auto kLongestTargetRequest = std::chrono::hours(1);

}  // namespace

std::string as_folder(std::string base) {
  if (!base.ends_with('/')) base += '/';
  return base;
}

std::string encode_target_path(std::string_view path) {
  std::string encoded;
  for (;;) {
    const auto slash = path.find('/');
    encoded += trust::encode_role_name(path.substr(0, slash));
    if (slash == std::string_view::npos) return encoded;
    encoded += '/';
    path.remove_prefix(slash + 1);
  }
}

HttpSource::HttpSource(HttpClient& http, std::string metadata_url, std::string target_url, std::stop_token stop)
    : http_(http),
      metadata_url_(as_folder(std::move(metadata_url))),
      target_url_(as_folder(std::move(target_url))),
      stop_(std::move(stop)) {}

Result<std::string> HttpSource::get(HttpRequest request) {
  UPSWARM_TRY(auto response, http_.send(request, stop_));
  if (response.status == kOk) return std::move(response.body);
  const bool missing = response.status == kForbidden || response.status == kNotFound;
  return Error{missing ? ErrorKind::not_found : ErrorKind::unreachable, "GET " + request.url,
               "the answer is HTTP " + std::to_string(response.status)};
}

Result<std::string> HttpSource::metadata(const std::string& name, Bytes longest) {
  return get({.url = metadata_url_ + name, .longest = longest, .time_limit = kLongestMetadataRequest});
}

Result<std::string> HttpSource::target(const std::string& name, Bytes longest) {
  return get({.url = target_url_ + encode_target_path(name), .longest = longest, .time_limit = kLongestTargetRequest});
}

Result<void> HttpSource::stream_target(const std::string& name, Bytes longest,
                                       std::function<Result<void>(ByteView)> sink) {
  UPSWARM_CHECK(get({.url = target_url_ + encode_target_path(name),
                     .longest = longest,
                     .time_limit = kLongestTargetRequest,
                     .sink = std::move(sink)}));
  return {};
}

}  // namespace upswarm::tools
