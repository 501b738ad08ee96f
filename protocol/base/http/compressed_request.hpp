// GET requests whose answers may come compressed.
#pragma once

#include "protocol/base/http/http_client.hpp"

namespace upswarm {

/// As HttpClient::send. The answer may come by Zstandard, and against `older`, an earlier form of what is asked for,
/// where the server has that, too (content_coding.hpp); the body that is returned is not compressed. Empty, or longer
/// than kLongestDictionary: there is no earlier form. `request` has no sink and no range. Both the body on its way and
/// the body that is returned are at most request.longest. Errors: as
/// HttpClient::send; corrupt  also a coding that was not asked for, or a damaged one.
Result<HttpResponse> send_compressed(HttpClient& http, HttpRequest request, std::string_view older,
                                     std::stop_token stop);

}  // namespace upswarm
