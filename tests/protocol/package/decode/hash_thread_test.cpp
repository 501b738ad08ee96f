#include "protocol/package/decode/hash_thread.hpp"

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

TEST(HashThread, ItMayGoAwayWithWorkToDo) {
  HashThread hashes;
  hashes.update(as_bytes(noise(3'000'000, 1)));
}

}  // namespace
}  // namespace upswarm::package
