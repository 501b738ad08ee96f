#include "protocol/package/decode/hash_thread.hpp"

#include <atomic>
#include <chrono>
#include <future>

#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

TEST(HashThread, FilesWithTheirDigestsAreRight) {
  HashThread hashes;
  for (unsigned i = 0; i < 1000; ++i) {
    const auto content = noise(i * 37, i);
    hashes.update(as_bytes(content).first(content.size() / 2));
    hashes.update(as_bytes(content).subspan(content.size() / 2));
    hashes.finish("file " + std::to_string(i), sha256(content));
  }
  EXPECT_TRUE(hashes.check());
  EXPECT_FALSE(hashes.has_failed());
}

TEST(HashThread, OneLargeFileIsOneFile) {
  const auto content = noise(9'000'000, 1);
  HashThread hashes;
  for (std::size_t at = 0; at < content.size(); at += 100'000)
    hashes.update(as_bytes(content).subspan(at, std::min<std::size_t>(100'000, content.size() - at)));
  hashes.finish("large", sha256(content));
  EXPECT_TRUE(hashes.check());
}

TEST(HashThread, TheFirstWrongFileIsNamed) {
  HashThread hashes;
  hashes.update(as_bytes("right"));
  hashes.finish("first", sha256("right"));
  hashes.update(as_bytes("wrong"));
  hashes.finish("second", sha256("right"));
  hashes.finish("third", sha256("something"));
  const auto checked = hashes.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(checked.error().context, "unpack second");
  EXPECT_TRUE(hashes.has_failed());
}

TEST(HashThread, AJudgeSaysWhatADigestMeans) {
  std::vector<Sha256> seen;
  HashThread hashes;
  for (const char* content : {"one", "", "two"}) {
    hashes.update(as_bytes(content));
    hashes.finish([&seen](const Sha256& digest) -> Result<void> {
      seen.push_back(digest);
      if (seen.size() < 3) return {};
      return Error{ErrorKind::corrupt, "the third", "no", "wrong_base"};
    });
  }
  const auto checked = hashes.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, "wrong_base");
  EXPECT_EQ(seen, (std::vector{sha256("one"), sha256(""), sha256("two")}));
}

TEST(HashThread, ManyEmptyFilesWaitForTheThread) {
  constexpr int kMostHeld = 6 * 256;  // batches that wait, are hashed and are filled
  std::atomic<int> given = 0;
  std::promise<void> too_many;
  std::atomic<int> most = 0;
  HashThread hashes;
  for (int i = 0; i < 4 * kMostHeld; ++i) {
    hashes.finish([&, i](const Sha256&) -> Result<void> {
      // Time for the other thread to run away.
      if (i == 0) too_many.get_future().wait_for(std::chrono::milliseconds(200));
      most = std::max(most.load(), given - i);
      return {};
    });
    if (++given == kMostHeld + 1 + 256) too_many.set_value();
  }
  EXPECT_TRUE(hashes.check());
  EXPECT_LE(most, kMostHeld);
}

TEST(HashThread, SaysWhatItTook) {
  HashThread hashes;
  const ByteBuffer content(1 << 20);
  // Clocks of threads go by 16 ms on some systems.
  for (int i = 0; i < 100; ++i) hashes.update(content);
  hashes.finish([](const Sha256&) -> Result<void> { return {}; });
  EXPECT_TRUE(hashes.check());
  EXPECT_GT(hashes.cpu_time().count(), 0);
}

TEST(HashThread, ItMayGoAwayWithWorkToDo) {
  HashThread hashes;
  hashes.update(as_bytes(noise(3'000'000, 1)));
}

}  // namespace
}  // namespace upswarm::package
