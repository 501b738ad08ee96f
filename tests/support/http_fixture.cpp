#include "tests/support/http_fixture.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <sstream>
#include <thread>
#include <utility>

namespace upswarm::tests {
namespace {

using boost::asio::ip::tcp;

FixtureRequest read_request(tcp::socket& socket) {
  std::string head;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(head, 65536), "\r\n\r\n");
  std::istringstream lines(head);
  FixtureRequest request;
  std::string target;
  lines >> request.method >> target;
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line != "\r") {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    auto name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = line.substr(colon + 2, line.size() - colon - 3);
  }
  return request;
}

void write_reply(tcp::socket& socket, const FixtureReply& reply) {
  const auto length = reply.promised > 0 ? reply.promised : reply.body.size();
  auto head = "HTTP/1.1 " + std::to_string(reply.status) +
              " Test\r\nConnection: close\r\nContent-Length: " + std::to_string(length) + "\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  boost::asio::write(socket, boost::asio::buffer(head + "\r\n" + reply.body));
}

}  // namespace

struct HttpFixture::Server {
  explicit Server(std::function<FixtureReply(const FixtureRequest&)> handle)
      : handler(std::move(handle)), acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread = std::thread([this] { context.run(); });
  }
  ~Server() {
    context.stop();
    thread.join();
    for (auto& connection : connections) connection.join();
  }

  void accept() {
    acceptor.async_accept([this](const boost::system::error_code& problem, tcp::socket socket) {
      if (problem) return;
      connections.emplace_back([this, open = std::move(socket)]() mutable { serve(open); });
      accept();
    });
  }

  void serve(tcp::socket& socket) const {
    try {
      write_reply(socket, handler(read_request(socket)));
    } catch (const boost::system::system_error&) {
      return;  // the client went away
    }
  }

  std::function<FixtureReply(const FixtureRequest&)> handler;
  boost::asio::io_context context;
  tcp::acceptor acceptor;
  std::vector<std::thread> connections;
  std::thread thread;
};

HttpFixture::HttpFixture(std::function<FixtureReply(const FixtureRequest&)> handler)
    : server_(std::make_unique<Server>(std::move(handler))) {}

HttpFixture::~HttpFixture() = default;

std::string HttpFixture::url() const {
  return "http://127.0.0.1:" + std::to_string(server_->acceptor.local_endpoint().port());
}

}  // namespace upswarm::tests
