#include "agent/http_repository.hpp"

#include <array>
#include <cstdio>

#include "protocol/base/http/compressed_request.hpp"

namespace upswarm::agent {
namespace {

constexpr int kOk = 200;
constexpr int kNotModified = 304;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/+").find(c) != std::string_view::npos;
}

}  // namespace

std::string encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    std::array<char, 4> text{};
    std::snprintf(text.data(), text.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += text.data();
  }
  return out;
}

HttpRepository::HttpRepository(HttpClient& http, std::string seeder_url, std::stop_token stop, Earlier earlier)
    : http_(http), seeder_url_(std::move(seeder_url)), stop_(std::move(stop)), earlier_(std::move(earlier)) {}

Result<HttpResponse> HttpRepository::get(const std::string& path, Bytes longest, const std::string& etag) {
  HttpRequest request{.url = seeder_url_ + path, .longest = longest};
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  auto response = http_.send(request, stop_);
  if (response && response->status == kNotModified && !etag.empty()) return response;
  return checked(request.url, std::move(response));
}

Result<HttpResponse> HttpRepository::checked(const std::string& url, Result<HttpResponse> response) const {
  if (!response || response->status == kOk) return response;
  const auto status = "the seeder answered HTTP " + std::to_string(response->status);
  const bool missing = response->status == kForbidden || response->status == kNotFound;
  return Error{missing ? ErrorKind::not_found : ErrorKind::unreachable, "fetch " + url, status};
}

Result<std::string> HttpRepository::metadata(const std::string& name, Bytes longest) {
  const HttpRequest request{.url = seeder_url_ + "/metadata/" + encode_path(name), .longest = longest};
  const auto earlier = earlier_ ? earlier_(name) : "";
  UPSWARM_TRY(auto response, checked(request.url, send_compressed(http_, request, earlier, stop_)));
  return std::move(response.body);
}

Result<std::string> HttpRepository::target(const std::string& name, Bytes longest) {
  UPSWARM_TRY(auto response, get("/targets/" + encode_path(name), longest));
  return std::move(response.body);
}

Result<HttpRepository::Poll> HttpRepository::poll(const std::string& etag) {
  UPSWARM_TRY(const auto response, get("/metadata/timestamp.json", trust::kLongestTimestamp, etag));
  const auto tag = response.headers.find("etag");
  return Poll{response.status == kNotModified, tag == response.headers.end() ? "" : tag->second};
}

}  // namespace upswarm::agent
