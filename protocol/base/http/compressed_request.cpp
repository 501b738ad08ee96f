#include "protocol/base/http/compressed_request.hpp"

#include "protocol/base/http/content_coding.hpp"

namespace upswarm {

Result<HttpResponse> send_compressed(HttpClient& http, HttpRequest request, std::string_view older,
                                     std::stop_token stop) {
  const bool has_older = !older.empty() && Bytes{older.size()} <= kLongestDictionary;
  request.headers.emplace_back("Accept-Encoding", has_older ? "dcz, zstd" : "zstd");
  if (has_older) request.headers.emplace_back("Available-Dictionary", dictionary_field(sha256(older)));
  UPSWARM_TRY(auto response, http.send(request, std::move(stop)));
  const auto field = response.headers.find("content-encoding");
  if (field == response.headers.end() || response.body.empty()) return response;
  const auto decode = [&]() -> Result<std::string> {
    const auto coding = parse_content_coding(field->second);
    if (coding == ContentCoding::identity) return std::move(response.body);
    if (coding == ContentCoding::zstd) return decode_zstd(response.body, request.longest);
    if (coding == ContentCoding::dcz && has_older) return decode_dcz(response.body, older, request.longest);
    return Error{ErrorKind::corrupt, "read the answer",
                 "it comes as \"" + field->second.substr(0, 64) + "\", which was not asked for"};
  };
  auto body = decode();
  if (!body) return std::move(body).error().within("GET " + request.url);
  response.body = *std::move(body);
  return response;
}

}  // namespace upswarm
