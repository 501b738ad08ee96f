#include "seeder/http_message.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

#include <array>

namespace upswarm::seeder {
namespace {

namespace http = boost::beast::http;

// Beast 1.74 has no names for these.
constexpr std::array kOtherFields{"available-dictionary", "priority",     "upswarm-lease",
                                  "upswarm-machine",      "upswarm-time", "upswarm-signature"};

}  // namespace

HttpCall to_call(const RequestParser::value_type& request, const IpAddress& remote, const IpAddress& local) {
  HttpCall call;
  call.method = std::string(request.method_string());
  const auto target = request.target();
  const auto question = target.find('?');
  call.path = std::string(target.substr(0, question));
  if (question != boost::beast::string_view::npos) call.query = std::string(target.substr(question + 1));
  for (const auto& [field, name] :
       {std::pair{http::field::authorization, "authorization"}, std::pair{http::field::if_none_match, "if-none-match"},
        std::pair{http::field::if_range, "if-range"}, std::pair{http::field::range, "range"},
        std::pair{http::field::accept_encoding, "accept-encoding"}}) {
    if (request.count(field) == 1) call.headers[name] = std::string(request[field]);
  }
  for (const auto* name : kOtherFields) {
    if (request.count(name) == 1) call.headers[name] = std::string(request[name]);
  }
  call.remote = remote;
  call.local = local;
  return call;
}

bool is_malformed(const boost::system::error_code& failed) {
  return failed.category() == make_error_code(http::error::bad_target).category() &&
         failed != http::error::end_of_stream && failed != http::error::partial_message;
}

std::string header_of(const HttpAnswer& answer, bool keep_alive) {
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(answer.status)));
  std::string text;
  text.reserve(512);
  text.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(reason.data(), reason.size());
  text += "\r\nServer: upswarm-seeder\r\n";
  for (const auto& [name, value] : answer.headers) text.append(name).append(": ").append(value).append("\r\n");
  const auto length = answer.file != nullptr ? answer.length.count : answer.body.size();
  if (answer.status != 304) text.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
  if (!keep_alive) text += "Connection: close\r\n";
  return text += "\r\n";
}

}  // namespace upswarm::seeder
