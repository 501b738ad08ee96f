#include "protocol/package/tree_difference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace upswarm::package {
namespace {

TreeEntry file(const std::string& path, unsigned content) {
  return {path, FileType::regular, 0644, Bytes{content}, sha256(std::to_string(content)), ""};
}
TreeEntry folder(const std::string& path) { return {path, FileType::folder, 0755, {}, {}, ""}; }

Tree sorted(std::vector<TreeEntry> entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return {std::move(entries)};
}

std::vector<ContentSource> sources_of(const Tree& from, const Tree& to) {
  std::vector<ContentSource> sources;
  for (const auto& entry : to.entries) {
    ContentSource source;
    if (entry.type == FileType::regular) {
      source = {ContentSource::Kind::patched, 0, start_of(entry.digest)};
      for (std::uint32_t i = 0; i < from.entries.size(); ++i) {
        if (from.entries[i].type == FileType::regular && from.entries[i].digest == entry.digest) {
          source = {ContentSource::Kind::copied, i, {}};
          break;
        }
      }
    }
    sources.push_back(source);
  }
  return sources;
}

std::string told(const Tree& from, const Tree& to) {
  std::string bytes;
  ByteWriter out(bytes);
  encode_tree_difference(from, to, sources_of(from, to), out);
  return bytes;
}

void expect_comes_back(const Tree& from, const Tree& to) {
  const auto bytes = told(from, to);
  ByteReader in(bytes);
  const auto back = decode_tree_difference(in, from);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(in.is_at_end());
  ASSERT_EQ(back->tree.entries.size(), to.entries.size());
  for (std::size_t i = 0; i < to.entries.size(); ++i) {
    auto wanted = to.entries[i];
    const auto& source = back->sources[i];
    if (source.is_made()) {
      EXPECT_EQ(source.check, start_of(wanted.digest)) << wanted.path.view();
      wanted.digest = {};
    } else if (source.kind == ContentSource::Kind::copied) {
      EXPECT_EQ(from.entries.at(source.from).digest, wanted.digest) << wanted.path.view();
    }
    EXPECT_EQ(back->tree.entries[i], wanted) << wanted.path.view();
  }
}

TEST(TreeDifference, RandomTreesComeBack) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const auto random_tree = [&] {
      std::vector<TreeEntry> entries;
      for (const auto* top : {"a", "b-1", "b-2"}) {
        if (random() % 4 == 0) continue;
        entries.push_back(folder(top));
        for (unsigned i = 0; i < 12; ++i) {
          const auto path = std::string(top) + "/f" + std::to_string(i);
          if (random() % 3 != 0) entries.push_back(file(path, static_cast<unsigned>(random() % 20)));
          else if (random() % 3 == 0) entries.push_back({path, FileType::symlink, 0777, {}, {}, "f1"});
        }
      }
      return sorted(std::move(entries));
    };
    expect_comes_back(random_tree(), random_tree());
  }
}

TEST(TreeDifference, AFolderThatMovedCostsLittle) {
  std::vector<TreeEntry> from{folder("headers-1")};
  std::vector<TreeEntry> to{folder("headers-2")};
  for (unsigned i = 0; i < 500; ++i) {
    from.push_back(file("headers-1/file" + std::to_string(i), i));
    to.push_back(file("headers-2/file" + std::to_string(i), i == 250 ? 9999 : i));
  }
  const auto old_tree = sorted(from);
  const auto new_tree = sorted(to);
  expect_comes_back(old_tree, new_tree);
  EXPECT_LT(told(old_tree, new_tree).size(), 200U) << "of 500 files";
}

TEST(TreeDifference, EveryFlippedByteIsAnErrorOrASafeTree) {
  const auto from = sorted({folder("a"), file("a/x", 1), file("a/y", 2), file("z", 3)});
  const auto to = sorted({folder("b"), file("b/x", 1), file("b/y", 2), file("z", 4), file("new", 5)});
  const auto whole = told(from, to);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int flip = 1; flip < 256; flip += 5) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      ByteReader in(bytes);
      const auto back = decode_tree_difference(in, from);
      if (back) EXPECT_TRUE(check_tree(back->tree));
      else EXPECT_EQ(back.error().kind, ErrorKind::corrupt);
    }
  }
}

TEST(TreeDifference, EveryTruncationIsRefused) {
  const auto from = sorted({file("a", 1)});
  const auto to = sorted({file("a", 2), file("b", 1)});
  const auto whole = told(from, to);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ByteReader in(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(decode_tree_difference(in, from)) << length;
  }
}

TEST(Varint, HasOneForm) {
  for (const std::uint64_t value : {0ULL, 1ULL, 127ULL, 128ULL, 300ULL, ~0ULL}) {
    std::string bytes;
    ByteWriter(bytes).varint(value);
    ByteReader in(bytes);
    EXPECT_EQ(in.varint(), value);
    EXPECT_TRUE(in.is_at_end());
  }
  for (const auto& bad : {std::string("\x80\x00", 2), std::string(10, '\xff'), std::string("\x80")}) {
    ByteReader in(bad);
    EXPECT_EQ(in.varint(), 0U);
    EXPECT_FALSE(in.good());
  }
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 62, -(std::int64_t{1} << 62)}) {
    std::string bytes;
    ByteWriter(bytes).zigzag(value);
    ByteReader in(bytes);
    EXPECT_EQ(in.zigzag(), value);
  }
}

}  // namespace
}  // namespace upswarm::package
