#include "agent/torrent_session.hpp"

#include <gmock/gmock.h>

#include "tests/agent/swarm/package_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kLength = 2 * kPiece + 1;

class TorrentSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    SwarmSettings settings;
    settings.cache = folder.path();
    settings.listen_address = "127.0.0.1";
    settings.listen_port = 0;
    settings.local_discovery = false;
    auto opened = open_libtorrent_session(settings);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }
  Result<void> add(std::string resume = {}) {
    return session->add({package.request.file, package.request.torrent, "file.bin", std::move(resume)});
  }
  template <typename Condition>
  bool wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition(session->state(id).value_or(TorrentState{}))) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      session->wait_for_change(50ms);
    }
    return true;
  }
  bool is_checked() {
    return wait_for([](const TorrentState& state) { return state.is_checked; });
  }
  ByteView piece(std::size_t index) const {
    return as_bytes(std::string_view(package.bytes).substr(index * kPiece, kPiece));
  }

  tests::TemporaryFolder folder;
  tests::TestPackage package = tests::make_package(kLength, kPiece, 200);
  trust::InfoHash id = package.request.file.info_hash;
  std::unique_ptr<TorrentSession> session;
};

TEST_F(TorrentSessionTest, WhatIsNotThereIsIgnored) {
  EXPECT_FALSE(session->state(id));
  EXPECT_THAT(session->missing(id), IsEmpty());
  session->want(id, {0});
  session->start(id);
  session->hold(id);
  session->remove(id);
  session->connect(id, {{"127.0.0.1", 1}});
  session->lead(id, {"token", {"127.0.0.1", 1}}, 0);
  session->follow(id);
  session->give_piece(id, 0, piece(0));
  EXPECT_TRUE(session->flush(id, 1s));
  EXPECT_THAT(session->saved(1s), IsEmpty());
}

TEST_F(TorrentSessionTest, TakesPiecesAndSaysWhatIsMissing) {
  ASSERT_TRUE(add());
  ASSERT_TRUE(add());
  ASSERT_TRUE(is_checked());
  session->start(id);
  session->give_piece(id, 1, piece(1));
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.bytes.origin_http == Bytes{kPiece}; }));
  EXPECT_THAT(session->missing(id), ElementsAre(0, 2));
  session->give_piece(id, 0, piece(1));  // the wrong one
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.failed_given == 1; }));
  EXPECT_EQ(session->state(id)->bytes.wasted, Bytes{kPiece});
  session->give_piece(id, 2, piece(1));  // of the wrong size
  session->give_piece(id, 9, piece(1));
  session->give_piece(id, 1, piece(1));  // for the second time
  EXPECT_EQ(session->state(id)->bytes.wasted, Bytes{2 * kPiece});
  session->give_piece(id, 0, piece(0));
  session->give_piece(id, 2, piece(2));
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.is_complete; }));
  ASSERT_TRUE(session->flush(id, 10s));
  EXPECT_EQ(folder.read("file.bin"), package.bytes);
  EXPECT_EQ(session->state(id)->bytes.origin_http, Bytes{kLength});
}

TEST_F(TorrentSessionTest, OfWantedPiecesNoOtherIsMissing) {
  ASSERT_TRUE(add());
  ASSERT_TRUE(is_checked());
  session->want(id, {1});
  session->start(id);
  EXPECT_THAT(session->missing(id), ElementsAre(1));
  EXPECT_EQ(session->state(id)->wanted, Bytes{kPiece});
  session->give_piece(id, 1, piece(1));
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.is_complete; }));
  EXPECT_EQ(session->state(id)->left, Bytes{kLength - kPiece});
  session->want(id, {1, 2});
  EXPECT_FALSE(session->state(id)->is_complete);
  EXPECT_THAT(session->missing(id), ElementsAre(2));
  session->want(id, {});
  EXPECT_THAT(session->missing(id), ElementsAre(0, 2));
  session->give_piece(id, 0, piece(0));
  session->give_piece(id, 2, piece(2));
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.is_complete; }));
  ASSERT_TRUE(session->flush(id, 10s));
  EXPECT_EQ(folder.read("file.bin"), package.bytes);
}

TEST_F(TorrentSessionTest, ResumeDataSpareTheCheck) {
  ASSERT_TRUE(add());
  ASSERT_TRUE(is_checked());
  session->start(id);
  session->give_piece(id, 1, piece(1));
  ASSERT_TRUE(wait_for([](const TorrentState& state) { return state.bytes.origin_http > 0_B; }));
  const auto saved = session->saved(5s);
  ASSERT_TRUE(saved.contains(id));
  session->remove(id);
  EXPECT_FALSE(session->state(id));
  folder.write("file.bin", std::string(kLength, 'x'));  // the data still vouch for piece 1
  ASSERT_TRUE(add(saved.at(id)));
  ASSERT_TRUE(is_checked());
  EXPECT_THAT(session->missing(id), ElementsAre(0, 2));
  session->remove(id);
  ASSERT_TRUE(add("garbage"));
  ASSERT_TRUE(is_checked());
  EXPECT_THAT(session->missing(id), ElementsAre(0, 1, 2));
}

TEST_F(TorrentSessionTest, RestsWhileNothingIsFetchedOrGivenAndWakesAtOnce) {
  ASSERT_TRUE(add());
  ASSERT_TRUE(is_checked());
  const auto nothing_happens_for = [&](std::chrono::milliseconds duration) {
    const auto begin = std::chrono::steady_clock::now();
    session->wait_for_change(duration);
    return std::chrono::steady_clock::now() - begin >= duration;
  };
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!nothing_happens_for(1500ms)) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never rests";
  session->start(id);
  EXPECT_FALSE(nothing_happens_for(1s));
  EXPECT_FALSE(nothing_happens_for(1s)) << "it stays awake while pieces are missing";
}

}  // namespace
}  // namespace upswarm::agent
