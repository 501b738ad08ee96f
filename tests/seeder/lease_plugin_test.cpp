// The origin as clients see it: BitTorrent (BEP 3, BEP 10) over loopback, byte by byte.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/uuid/detail/sha1.hpp>

#include "protocol/base/hex.hpp"
#include "protocol/base/traffic_mark.hpp"
#include "seeder/bencode.hpp"
#include "seeder/seeding.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/socket_marks.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

using tcp = boost::asio::ip::tcp;
using std::chrono::seconds;

constexpr std::size_t kPiece = 32 * 1024;
constexpr std::size_t kBlock = 16 * 1024;

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const auto shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>((number >> shift) & 0xFFU);
  return bytes;
}

std::string sha1(const std::string& bytes) {
  boost::uuids::detail::sha1 hasher;
  hasher.process_bytes(bytes.data(), bytes.size());
  boost::uuids::detail::sha1::digest_type digest;
  hasher.get_digest(digest);
  std::string text;
  for (const auto word : digest) text += big_endian(word);
  return text;
}

/// A client that says what the test wants.
class Client {
 public:
  Client(std::uint16_t port, const std::string& info_hash) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    send(std::string("\x13"
                     "BitTorrent protocol") +
         std::string("\0\0\0\0\0\x10\0\0", 8) + info_hash + std::to_string(10'000'000 + ++made_) + "-XX0100-0000");
    take(68);
  }

  void send(const std::string& bytes) {
    boost::system::error_code gone;
    boost::asio::write(socket_, boost::asio::buffer(bytes), gone);
  }
  void say(char id, const std::string& rest = "") {
    send(big_endian(static_cast<std::uint32_t>(rest.size() + 1)) + id + rest);
  }
  void shake_hands(const std::string& token, bool is_foreground = false) {
    std::map<std::string, std::string> words{{"m", bencoded_dictionary({})}};
    std::map<std::string, std::string> ours{{"lease", bencoded(token)}};
    if (is_foreground) ours["foreground"] = bencoded(std::int64_t{1});
    if (!token.empty()) words["upswarm"] = bencoded_dictionary(ours);
    say(20, std::string(1, '\0') + bencoded_dictionary(words));
  }
  void ask_for_a_block() {
    say(2);
    say(6, big_endian(0) + big_endian(0) + big_endian(kBlock));
  }

  /// Waits for a message with this id. False: the connection ended before.
  bool hears(char id) {
    while (true) {
      const auto head = take(4);
      if (head.empty()) return false;
      std::uint32_t length = 0;
      for (const auto byte : head) length = length << 8U | static_cast<unsigned char>(byte);
      if (length == 0) continue;
      const auto body = take(length);
      if (body.empty()) return false;
      heard_ += body.front();
      if (body.front() == id) return true;
    }
  }
  bool is_hung_up_on() { return !hears('\x7f'); }
  const std::string& heard() const { return heard_; }
  /// The mark of the origin's end.
  int mark() const {
    const auto marks = tests::marks_towards(socket_.local_endpoint().port());
    return marks.size() == 1 ? marks[0] : -1;
  }

 private:
  std::string take(std::size_t count) {
    std::string bytes(count, '\0');
    boost::system::error_code failed;
    boost::asio::read(socket_, boost::asio::buffer(bytes), failed);
    return failed ? "" : bytes;
  }

  static inline int made_ = 0;
  boost::asio::io_context io_;
  tcp::socket socket_;
  std::string heard_;
};

constexpr char kUnchoke = 1;
constexpr char kPieceMessage = 7;

class LeasePluginTest : public testing::Test {
 protected:
  void start(bool is_open = false) {
    const std::string content(2 * kPiece, 'x');
    folder.write("stored", content);
    const auto pieces = sha1(content.substr(0, kPiece)) + sha1(content.substr(kPiece));
    const auto torrent = bencoded_dictionary(
        {{"info", bencoded_dictionary({{"length", bencoded(static_cast<std::int64_t>(content.size()))},
                                       {"name", bencoded("app.upk")},
                                       {"piece length", bencoded(std::int64_t{kPiece})},
                                       {"pieces", bencoded(pieces)}})}});
    const SeedFile seed{folder / "stored", "pkg/app.upk", torrent, *read_torrent(torrent, "test")};
    hash = as_text(*from_hex(seed.facts.info_hash));
    auto started = start_libtorrent_seeding(
        {.listen = "127.0.0.1", .port = 0, .upload_limit = {}, .leases = is_open ? nullptr : &leases});
    ASSERT_TRUE(started) << started.error().message();
    seeding = std::move(*started);
    seeding->seed_only({seed});
  }
  LeaseId begin() { return leases.begin(hash, "site", "machine", clock.now() + seconds(15)); }
  Client connect() { return {seeding->port(), hash}; }
  /// It shows the lease, and is let in.
  void let_in(Client& client, LeaseId lease) const {
    client.shake_hands(leases.token(lease));
    client.ask_for_a_block();
    ASSERT_TRUE(client.hears(kUnchoke));
  }

  tests::TemporaryFolder folder;
  tests::FakeClock clock;
  Leases leases{clock};
  std::string hash;
  std::unique_ptr<Seeding> seeding;
};

TEST_F(LeasePluginTest, ServesWhoShowsALeaseAndCountsWhatItSends) {
  start();
  const auto lease = begin();
  auto client = connect();
  let_in(client, lease);
  client.ask_for_a_block();
  ASSERT_TRUE(client.hears(kPieceMessage));
  EXPECT_TRUE(tests::eventually([&] { return leases.standing(lease).sent.count >= kBlock; }));
  EXPECT_LT(leases.standing(lease).sent.count, 4 * kBlock);
}

TEST_F(LeasePluginTest, MarksWhatItSendsUnlessAUserWaits) {
  start();
  const auto lease = begin();
  auto background = connect();
  let_in(background, lease);
  EXPECT_EQ(background.mark(), kLowerEffort);
  auto foreground = connect();
  foreground.shake_hands(leases.token(lease), true);
  foreground.ask_for_a_block();
  ASSERT_TRUE(foreground.hears(kUnchoke));
  EXPECT_TRUE(tests::eventually([&] { return foreground.mark() == kDefaultEffort; }));
}

TEST_F(LeasePluginTest, HangsUpOnWhoShowsNoneAndGivesItNothing) {
  start();
  const auto lease = begin();
  auto token = leases.token(lease);
  token.back() = static_cast<char>(token.back() ^ 1);
  for (const auto& shown : {std::string(), std::string("forged"), token, std::string(200, 'x')}) {
    auto client = connect();
    client.ask_for_a_block();
    client.shake_hands(shown);
    client.ask_for_a_block();
    EXPECT_TRUE(client.is_hung_up_on());
    EXPECT_EQ(client.heard().find(kPieceMessage), std::string::npos);
  }
  EXPECT_EQ(leases.standing(lease).sent, 0_B);
}

TEST_F(LeasePluginTest, CutsOffWhoseLeaseEnds) {
  start();
  const auto lease = begin();
  auto client = connect();
  let_in(client, lease);
  leases.end(lease);
  EXPECT_TRUE(client.is_hung_up_on());
}

TEST_F(LeasePluginTest, ALeaseHasOneConnectionTheNewest) {
  start();
  const auto lease = begin();
  auto first = connect();
  let_in(first, lease);
  auto second = connect();
  let_in(second, lease);
  EXPECT_TRUE(first.is_hung_up_on());
  EXPECT_FALSE(leases.standing(lease).cut_at) << "the second one stands";
}

TEST_F(LeasePluginTest, SaysThatAConnectionBroke) {
  start();
  const auto lease = begin();
  {
    auto client = connect();
    client.shake_hands(leases.token(lease));
    client.ask_for_a_block();
    ASSERT_TRUE(client.hears(kUnchoke));
    EXPECT_FALSE(leases.standing(lease).cut_at);
  }
  EXPECT_TRUE(tests::eventually([&] { return leases.standing(lease).cut_at.has_value(); }));
}

TEST_F(LeasePluginTest, LetsAnAdmittedAddressInOnce) {
  start();
  const auto lease = begin();
  leases.admit(lease, boost::asio::ip::make_address("127.0.0.1"));
  auto client = connect();
  client.ask_for_a_block();
  ASSERT_TRUE(client.hears(kUnchoke));
  client.ask_for_a_block();
  ASSERT_TRUE(client.hears(kPieceMessage));
  EXPECT_TRUE(tests::eventually([&] { return leases.standing(lease).sent.count >= kBlock; }));
  auto second = connect();
  second.shake_hands("");
  EXPECT_TRUE(second.is_hung_up_on());
  client.ask_for_a_block();
  EXPECT_TRUE(client.hears(kPieceMessage)) << "the first stays";
}

TEST_F(LeasePluginTest, AnOpenOriginServesEverybody) {
  start(true);
  auto client = connect();
  client.ask_for_a_block();
  EXPECT_TRUE(client.hears(kUnchoke));
}

}  // namespace
}  // namespace upswarm::seeder
