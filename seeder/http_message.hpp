// HTTP messages as Beast parses them and as the API sees them.
#pragma once

#include <string>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "seeder/http_handler.hpp"

namespace upswarm::seeder {

/// Of a request; its body goes where the caller says, block by block.
using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

/// The call that a request is, but for its body.
HttpCall to_call(const RequestParser::value_type& request, const IpAddress& remote, const IpAddress& local);

/// What was sent is not HTTP, as opposed to a connection that ended.
bool is_malformed(const boost::system::error_code& failed);

/// Status line and header fields, with the empty line behind them. 304 has no length.
std::string header_of(const HttpAnswer& answer, bool keep_alive);

}  // namespace upswarm::seeder
