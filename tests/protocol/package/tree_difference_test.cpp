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

/// What can be told without `from` is what is told with it.
void expect_made_files(const std::string& bytes, const Tree& from, const ToldTree& with_base) {
  ByteReader in(bytes);
  const auto made = decode_made_files(in);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_TRUE(in.is_at_end());
  auto next = made->begin();
  for (std::uint32_t i = 0; i < with_base.sources.size(); ++i) {
    if (!with_base.sources[i].is_made()) continue;
    ASSERT_NE(next, made->end());
    const auto& entry = with_base.tree.entries[i];
    EXPECT_EQ(next->entry, i);
    EXPECT_EQ(next->old_entry ? from.entries.at(*next->old_entry).path : next->path, entry.path);
    EXPECT_EQ(next->size, entry.size);
    EXPECT_EQ(next->kind, with_base.sources[i].kind);
    ++next;
  }
  EXPECT_EQ(next, made->end());
}

void expect_comes_back(const Tree& from, const Tree& to) {
  const auto bytes = told(from, to);
  ByteReader in(bytes);
  const auto back = decode_tree_difference(in, from);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(in.is_at_end());
  ASSERT_EQ(back->tree.entries.size(), to.entries.size());
  expect_made_files(bytes, from, *back);
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
      ByteReader again(bytes);
      const auto made = decode_made_files(again);
      EXPECT_TRUE(made || !back) << "what is right with the other tree is right without";
    }
  }
}

TEST(TreeDifference, MadeFilesHaveBoundsWithoutTheOtherTree) {
  const auto read = [](std::initializer_list<std::uint64_t> numbers, const std::string& rest = "") {
    std::string bytes;
    ByteWriter out(bytes);
    for (const auto one : numbers) out.varint(one);
    ByteReader in(bytes += rest);
    return decode_made_files(in);
  };
  constexpr std::uint64_t kMost = kMostTreeEntries;
  EXPECT_TRUE(read({kMost, kMost << 3U}));
  EXPECT_FALSE(read({kMost + 1, (kMost + 1) << 3U})) << "too many entries";
  EXPECT_FALSE(read({1, 2U << 3U})) << "more than it says";
  EXPECT_FALSE(read({1, 0})) << "a step of none";
  EXPECT_FALSE(read({1, (1U << 3U) | 5U})) << "a step that is not known";
  EXPECT_FALSE(read({1, (kMost << 3U) | 1U, (1U << 3U) | 1U, 1U << 3U})) << "the other tree has no more entries";
  const std::string digest = "12345678";
  const auto largest = kLargestTree.count;
  EXPECT_EQ(read({1, (1U << 3U) | 2U, 0, largest}, digest)->at(0).size, kLargestTree);
  EXPECT_FALSE(read({1, (1U << 3U) | 2U, 0, largest + 1}, digest)) << "too large";
}

TEST(TreeDifference, EveryTruncationIsRefused) {
  const auto from = sorted({file("a", 1)});
  const auto to = sorted({file("a", 2), file("b", 1)});
  const auto whole = told(from, to);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ByteReader in(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(decode_tree_difference(in, from)) << length;
    ByteReader again(std::string_view(whole).substr(0, length));
    EXPECT_FALSE(decode_made_files(again)) << length;
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
