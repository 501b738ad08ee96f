#include "seeder/http_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include "protocol/base/http/http_client.hpp"
#include "protocol/base/traffic_mark.hpp"
#include "seeder/tls.hpp"
#include "tests/support/socket_marks.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

using tcp = boost::asio::ip::tcp;

/// Serves a file, echoes bodies, stores uploads.
class Echo final : public HttpHandler {
 public:
  explicit Echo(const tests::TemporaryFolder& folder) : folder_(folder) {}

  std::optional<HttpAnswer> answer_at_once(const HttpCall& call) override {
    if (call.path != "/at-once") return std::nullopt;
    return HttpAnswer{.body = "at once"};
  }
  HttpAnswer answer(const HttpCall& call) override {
    ++calls;
    if (call.path == "/echo") return {.body = call.method + " " + call.query + " " + call.body};
    if (call.path == "/signed")
      return {.body = call.header("upswarm-machine") + "|" + call.header("upswarm-time") + "|" +
                      call.header("upswarm-signature") + "|" + call.header("upswarm-lease")};
    if (call.path == "/range")
      return {.status = 206,
              .file = open("file"),
              .first = 3_B,
              .length = 4_B,
              .is_background = call.header("priority") == "u=7"};
    if (call.path == "/same") return {.status = 304, .headers = {{"ETag", "\"x\""}}};
    return {.file = open("file"), .length = Bytes{size}};
  }
  std::variant<std::unique_ptr<UploadSink>, HttpAnswer> begin_upload(const HttpCall& call,
                                                                     std::optional<Bytes> length) override {
    if (call.header("authorization") != "Bearer good") return HttpAnswer{.status = 401, .body = "no"};
    if (!length) return HttpAnswer{.status = 411};
    const auto coming = folder_ / "coming";
    return std::make_unique<UploadSink>(system_files(), coming, folder_ / "stored",
                                        std::move(*system_files().create(coming, 0644)));
  }
  HttpAnswer end_upload(UploadSink& sink) override { return {.status = sink.finish() ? 201 : 500}; }
  HttpAnswer failure(const Error& error) override {
    return {.status = error.reason == "too_long" ? 413 : 400, .body = error.message()};
  }

  std::atomic<int> calls = 0;
  std::uint64_t size = 0;

 private:
  std::shared_ptr<InputFile> open(const std::string& name) { return std::move(*system_files().open(folder_ / name)); }
  const tests::TemporaryFolder& folder_;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string content;
    while (content.size() < 3'000'000) content += std::to_string(content.size()) + " ";
    folder.write("file", content);
    handler.size = content.size();
  }
  void start(HttpServerSettings settings = {.tls = false}) {
    settings.listen = "127.0.0.1";
    settings.port = 0;
    auto started = start_http_server(settings, handler);
    ASSERT_TRUE(started) << started.error().message();
    server = std::move(*started);
  }
  HttpResponse send(HttpRequest request) {
    request.url = (scheme + "://127.0.0.1:" + std::to_string(server->port())) + request.url;
    request.longest = 16_MiB;
    const auto response = client->send(request, {});
    EXPECT_TRUE(response) << response.error().message();
    return response ? *response : HttpResponse{};
  }
  /// Sends bytes as they are; all that comes back until the server closes.
  std::string raw(const std::string& bytes) {
    boost::asio::io_context io;
    tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
    boost::asio::write(socket, boost::asio::buffer(bytes));
    std::string answer;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
    return answer;
  }

  tests::TemporaryFolder folder;
  Echo handler{folder};
  std::string scheme = "http";
  std::unique_ptr<HttpClient> client = make_http_client({});
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, ServesBodiesAndFiles) {
  start();
  EXPECT_EQ(send({.url = "/echo?a=b", .method = "POST", .body = "hello"}).body, "POST a=b hello");
  EXPECT_EQ(send({.url = "/file"}).body, folder.read("file"));
  const auto part = send({.url = "/range"});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, folder.read("file").substr(3, 4));
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
  start();
  const auto answer =
      raw("GET /echo?1 HTTP/1.1\r\nHost: x\r\n\r\nGET /same HTTP/1.1\r\nHost: x\r\n\r\nHEAD /file HTTP/1.1\r\nHost: "
          "x\r\n\r\n"
          "GET /echo?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("GET 1 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("304 Not Modified"), std::string::npos);
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(handler.size)), std::string::npos);
  EXPECT_TRUE(answer.ends_with("GET 2 ")) << answer;
  EXPECT_EQ(handler.calls, 4);
}

TEST_F(HttpServerTest, AsksForAnAnswerAtOnceFirst) {
  start();
  EXPECT_EQ(send({.url = "/at-once"}).body, "at once");
  EXPECT_EQ(handler.calls, 0);
}

TEST_F(HttpServerTest, ReadsARequestThatComesInPieces) {
  start();
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  socket.set_option(tcp::no_delay(true));
  for (const char byte :
       std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")) {
    boost::asio::write(socket, boost::asio::buffer(&byte, 1));
  }
  std::string answer;
  boost::system::error_code end;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
  EXPECT_TRUE(answer.ends_with("POST  hello")) << answer;
}

TEST_F(HttpServerTest, PassesTheFieldsOfMachinesOnOnce) {
  start();
  HttpRequest request{.url = "/signed"};
  request.headers = {
      {"Upswarm-Machine", "m-1"}, {"Upswarm-Time", "now"}, {"Upswarm-Signature", "abc"}, {"Upswarm-Lease", "01"}};
  EXPECT_EQ(send(request).body, "m-1|now|abc|01");
  const auto twice =
      raw("GET /signed HTTP/1.1\r\nHost: x\r\nUpswarm-Machine: a\r\nUpswarm-Machine: b\r\n"
          "Upswarm-Time: t\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(twice.ends_with("\r\n\r\n|t||")) << twice;
}

TEST_F(HttpServerTest, MarksWhatItSendsInTheBackground) {
  start();
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  /// The mark of the server's end once it has answered.
  const auto mark_after = [&](const std::string& path, const std::string& priority) {
    boost::asio::write(socket, boost::asio::buffer("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + priority + "\r\n"));
    boost::asio::streambuf answer;
    const auto head = boost::asio::read_until(socket, answer, "\r\n\r\n");
    const std::string text(boost::asio::buffers_begin(answer.data()),
                           boost::asio::buffers_begin(answer.data()) + static_cast<std::ptrdiff_t>(head));
    const auto length = std::stoul(text.substr(text.find("Content-Length: ") + 16));
    boost::asio::read(socket, answer, boost::asio::transfer_exactly(length - (answer.size() - head)));
    const auto marks = tests::marks_towards(socket.local_endpoint().port());
    return marks.size() == 1 ? marks[0] : -1;
  };
  EXPECT_EQ(mark_after("/at-once", ""), kDefaultEffort);
  EXPECT_EQ(mark_after("/range", "Priority: u=7\r\n"), kLowerEffort);
  EXPECT_EQ(mark_after("/range", "Priority: u=7\r\n"), kLowerEffort);
  EXPECT_EQ(mark_after("/at-once", "Priority: u=7\r\n"), kDefaultEffort);
  EXPECT_EQ(mark_after("/range", "Priority: u=7\r\n"), kLowerEffort);
  EXPECT_EQ(mark_after("/range", "Priority: u=7\r\nPriority: u=7\r\n"), kDefaultEffort) << "it came twice";
}

TEST_F(HttpServerTest, AClientsMarkedConnectionIsForTheBackgroundAlone) {
  start();
  using testing::ElementsAre;
  const auto marks = [this] { return tests::marks_towards(server->port()); };
  EXPECT_EQ(send({.url = "/range", .is_background = true}).status, 206);
  EXPECT_THAT(marks(), ElementsAre(kLowerEffort));
  EXPECT_EQ(send({.url = "/range"}).status, 206);
  EXPECT_THAT(marks(), testing::UnorderedElementsAre(kLowerEffort, kDefaultEffort));
  EXPECT_EQ(send({.url = "/range", .is_background = true}).status, 206);
  EXPECT_EQ(send({.url = "/range"}).status, 206);
  EXPECT_EQ(marks().size(), 2U) << "both kinds are used again";
}

TEST_F(HttpServerTest, StoresUploads) {
  start();
  const auto content = folder.read("file");
  const auto stored = send(
      {.url = "/up", .method = "PUT", .headers = {{"Authorization", "Bearer good"}}, .body_file = folder / "file"});
  EXPECT_EQ(stored.status, 201);
  EXPECT_EQ(folder.read("stored"), content);
}

TEST_F(HttpServerTest, RefusesAnUploadBeforeItsBody) {
  start();
  EXPECT_EQ(send({.url = "/up", .method = "PUT", .body_file = folder / "file"}).status, 401);
  EXPECT_FALSE(exists(system_files(), folder / "stored").value());
}

TEST_F(HttpServerTest, BoundsHeadersAndBodies) {
  start();
  EXPECT_EQ(send({.url = "/echo", .method = "POST", .body = std::string(70'000, 'x')}).status, 413);
  EXPECT_NE(raw("GET /echo HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").find("431"),
            std::string::npos);
  EXPECT_NE(raw("GET\r\n\r\n").find("400"), std::string::npos);
  EXPECT_EQ(handler.calls, 0);
}

TEST_F(HttpServerTest, SendsHalfAnUploadNowhere) {
  start();
  boost::asio::io_context io;
  {
    tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
    boost::asio::write(
        socket, boost::asio::buffer(std::string(
                    "PUT /up HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 100\r\n\r\nhalf")));
  }
  server.reset();
  EXPECT_FALSE(exists(system_files(), folder / "stored").value());
  EXPECT_FALSE(exists(system_files(), folder / "coming").value());
}

TEST_F(HttpServerTest, NamesAPortInUse) {
  start();
  Echo other(folder);
  const auto second = start_http_server({.listen = "127.0.0.1", .port = server->port(), .tls = false}, other);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_NE(second.error().message().find(std::to_string(server->port())), std::string::npos);
}

TEST_F(HttpServerTest, ClosesConnectionsBeyondTheLimit) {
  start({.tls = false, .most_connections = 1});
  boost::asio::io_context io;
  tcp::socket first(io);
  first.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  boost::asio::write(first, boost::asio::buffer(std::string("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")));
  std::string answer(12, '\0');
  boost::asio::read(first, boost::asio::buffer(answer));
  EXPECT_EQ(answer, "HTTP/1.1 200");
  boost::system::error_code closed;
  tcp::socket second(io);
  second.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  std::string nothing;
  boost::asio::read(second, boost::asio::dynamic_buffer(nothing), closed);
  EXPECT_EQ(nothing, "");
}

TEST_F(HttpServerTest, StopsAtOnceWithIdleConnections) {
  start();
  boost::asio::io_context io;
  tcp::socket idle(io);
  idle.connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  boost::asio::write(idle, boost::asio::buffer(std::string("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")));
  std::string answer(12, '\0');
  boost::asio::read(idle, boost::asio::buffer(answer));
  const auto begin = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

class TlsTest : public HttpServerTest {
 protected:
  void SetUp() override {
    HttpServerTest::SetUp();
    scheme = "https";
    ASSERT_TRUE(make_certificate(system_files(), folder / "c.pem", folder / "k.pem", {"seeder.example", "10.1.2.3"}));
    start({.certificate = folder / "c.pem", .key = folder / "k.pem"});
  }
};

TEST_F(TlsTest, IsTrustedByWhoNamesItsCertificate) {
  client = make_http_client({.ca_file = folder / "c.pem"});
  EXPECT_EQ(send({.url = "/echo?a"}).body, "GET a ");
  EXPECT_EQ(send({.url = "/file"}).body, folder.read("file"));
  const auto stored = send(
      {.url = "/up", .method = "PUT", .headers = {{"Authorization", "Bearer good"}}, .body_file = folder / "file"});
  EXPECT_EQ(stored.status, 201);
}

TEST_F(TlsTest, IsNotTrustedByOthers) {
  const auto response = client->send({.url = "https://127.0.0.1:" + std::to_string(server->port()) + "/echo"}, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::untrusted);
}

TEST_F(TlsTest, KeepsAnExistingCertificateAndItsKeySecret) {
  const auto before = folder.read("c.pem");
  EXPECT_EQ(system_files().info(folder / "k.pem")->mode, 0600U);
  ASSERT_TRUE(make_certificate(system_files(), folder / "c.pem", folder / "k.pem", {}));
  EXPECT_EQ(folder.read("c.pem"), before);
  ASSERT_TRUE(system_files().remove_file(folder / "k.pem"));
  EXPECT_EQ(make_certificate(system_files(), folder / "c.pem", folder / "k.pem", {}).error().kind, ErrorKind::denied);
}

TEST_F(TlsTest, SaysWhichFileIsWrong) {
  folder.write("broken.pem", "nonsense");
  const auto second = start_http_server(
      {.listen = "127.0.0.1", .port = 0, .certificate = folder / "broken.pem", .key = folder / "k.pem"}, handler);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("broken.pem"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::seeder
