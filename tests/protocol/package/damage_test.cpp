// What accident or malice may do to the bytes of a package or a delta, without knowing what they mean: whatever comes
// of it is the right tree or an error, and nothing is written outside of the staging folder.
#include <tuple>

#include "protocol/package/decode/delta_reader.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/raw_delta.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

enum class Kind { package, delta };

std::string name_of(Kind kind) { return kind == Kind::package ? "Package" : "Delta"; }

class Damage : public testing::Test {
 protected:
  void make(Kind kind) {
    kind_ = kind;
    auto functions = random_functions(12, 1);
    TreeFiles from{{"bin/p", link_program(functions, in_order(12)).substr(0, 5500)},
                   {"moved", noise(40, 2)},
                   {"text", "one line\nand another\n"}};
    functions[3].calls[1] = 7;
    TreeFiles to{{"bin/p", link_program(functions, in_order(12)).substr(0, 5500)},
                 {"new/moved", noise(40, 2)},
                 {"new/empty", ""},
                 {"text", "one line\nand another one\n"}};
    old_tree_ = write_tree(folder_, "old", from);
    new_tree_ = write_tree(folder_, "new", to);
    right_ = scanned(new_tree_);
    base_ = scanned(old_tree_);
    if (kind == Kind::package) ASSERT_TRUE(write_package(system_files(), new_tree_, folder_ / "whole", {}, {}));
    else ASSERT_TRUE(write_delta(system_files(), old_tree_, new_tree_, folder_ / "whole", {}, {}));
    whole_ = folder_.read("whole");
  }

  Result<void> unpack(const Path& file, StagingFiles& staging) {
    UPSWARM_TRY(auto in, system_files().open(file));
    if (kind_ == Kind::package) {
      UPSWARM_TRY(auto reader, PackageReader::open(std::move(in), nullptr));
      return reader.unpack(staging, folder_ / "to", {}, {});
    }
    UPSWARM_TRY(auto reader, DeltaReader::open(std::move(in)));
    UPSWARM_CHECK(reader.apply(staging, old_tree_, base_, folder_ / "to", {}, {}));
    return {};
  }

  /// Counts what was taken all the same.
  void expect_right_or_refused(const std::string& bytes, const std::string& what) {
    folder_.write("bad", bytes);
    StagingFiles staging(folder_ / "to");
    const auto done = unpack(folder_ / "bad", staging);
    EXPECT_EQ(staging.trespass(), "") << what;
    if (done) {
      ++taken_;
      EXPECT_EQ(scanned(folder_ / "to"), right_) << what;
    } else {
      const auto kind = done.error().kind;
      EXPECT_TRUE(kind == ErrorKind::corrupt || kind == ErrorKind::invalid) << what << ": " << done.error().message();
    }
    std::filesystem::remove_all(folder_ / "to");
  }

  /// Where its parts begin: header, index or plan, frames or streams, end.
  std::vector<std::size_t> parts() {
    std::vector<std::size_t> begins{0};
    if (kind_ == Kind::package) {
      const auto reader = PackageReader::open(opened(folder_ / "whole"), nullptr);
      begins.push_back(32);
      for (const auto& frame : reader->index().frames) begins.push_back(frame.offset.count);
    } else {
      const auto reader = DeltaReader::open(opened(folder_ / "whole"));
      begins.push_back(96);
      begins.push_back(96 + reader->info().plan_length.count);
      for (const auto& group : reader->info().groups) {
        for (const auto& stream : group.streams)
          if (stream.length > Bytes{}) begins.push_back(begins.back() + stream.length.count);
      }
      begins.pop_back();
    }
    begins.push_back(whole_.size());
    return begins;
  }

  Kind kind_ = Kind::package;
  tests::TemporaryFolder folder_;
  Path old_tree_;
  Path new_tree_;
  Tree base_;
  Tree right_;
  std::string whole_;
  std::size_t taken_ = 0;
};

class DamageTest : public Damage, public testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override { make(GetParam()); }
};

/// A test for each bit of a byte: all in one would take minutes where files are slow.
class FlippedBitTest : public Damage, public testing::WithParamInterface<std::tuple<Kind, unsigned>> {
 protected:
  void SetUp() override { make(std::get<Kind>(GetParam())); }
};

TEST_P(DamageTest, TheWholeOneIsTaken) {
  expect_right_or_refused(whole_, "whole");
  EXPECT_EQ(taken_, 1U);
}

TEST_P(FlippedBitTest, InEveryByte) {
  const auto bit = std::get<unsigned>(GetParam());
  for (std::size_t at = 0; at < whole_.size(); ++at) {
    auto bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    expect_right_or_refused(bytes, "byte " + std::to_string(at));
  }
  // A bit of a zstd frame may mean nothing, one of the digests that name base and result may not.
  EXPECT_LT(taken_, whole_.size() / 32) << "of " << whole_.size();
}

TEST_P(DamageTest, EveryTruncation) {
  for (std::size_t length = 0; length < whole_.size(); ++length)
    expect_right_or_refused(whole_.substr(0, length), std::to_string(length));
  EXPECT_EQ(taken_, 0U);
}

TEST_P(DamageTest, EveryByteGone) {
  for (std::size_t at = 0; at < whole_.size(); ++at)
    expect_right_or_refused(whole_.substr(0, at) + whole_.substr(at + 1), std::to_string(at));
  EXPECT_EQ(taken_, 0U);
}

TEST_P(DamageTest, EveryByteTwice) {
  for (std::size_t at = 0; at < whole_.size(); ++at)
    expect_right_or_refused(whole_.substr(0, at) + whole_.substr(at, 1) + whole_.substr(at), std::to_string(at));
  EXPECT_EQ(taken_, 0U);
}

TEST_P(DamageTest, AnyTwoPartsThatChangedPlaces) {
  const auto begins = parts();
  ASSERT_GE(begins.size(), 4U);
  const auto part = [&](std::size_t i) { return whole_.substr(begins[i], begins[i + 1] - begins[i]); };
  for (std::size_t a = 0; a + 1 < begins.size(); ++a) {
    for (std::size_t b = a + 1; b + 1 < begins.size(); ++b) {
      if (part(a) == part(b)) continue;
      std::string bytes;
      for (std::size_t i = 0; i + 1 < begins.size(); ++i) bytes += part(i == a ? b : i == b ? a : i);
      expect_right_or_refused(bytes, std::to_string(a) + " and " + std::to_string(b));
    }
  }
  EXPECT_EQ(taken_, 0U);
}

TEST_P(DamageTest, AnyPartGoneOrTwice) {
  const auto begins = parts();
  for (std::size_t a = 0; a + 1 < begins.size(); ++a) {
    const auto part = whole_.substr(begins[a], begins[a + 1] - begins[a]);
    expect_right_or_refused(whole_.substr(0, begins[a]) + whole_.substr(begins[a + 1]), "gone");
    expect_right_or_refused(whole_.substr(0, begins[a + 1]) + part + whole_.substr(begins[a + 1]), "twice");
  }
  EXPECT_EQ(taken_, 0U);
}

TEST_P(DamageTest, APackageInAPackageIsAFile) {
  write_tree(folder_, "outer", {{"inner.upk", whole_}, {"inner.upd", whole_}});
  ASSERT_TRUE(write_package(system_files(), folder_ / "outer", folder_ / "p", {}, {}));
  auto package = PackageReader::open(opened(folder_ / "p"), nullptr);
  ASSERT_TRUE(package);
  ASSERT_TRUE(package->unpack(system_files(), folder_ / "to", {}, {}));
  EXPECT_EQ(scanned(folder_ / "to"), scanned(folder_ / "outer"));
}

TEST_P(DamageTest, WhatIsInTheWayIsNotTouched) {
  for (const bool is_link : {false, true}) {
    std::filesystem::remove_all(folder_ / "to");
    folder_.write("elsewhere/precious", "precious");
    std::error_code no_links;
    if (is_link) std::filesystem::create_directory_symlink(folder_ / "elsewhere", folder_ / "to", no_links);
    else std::filesystem::create_directory(folder_ / "to");
    if (no_links) continue;
    StagingFiles staging(folder_ / "to");
    EXPECT_FALSE(unpack(folder_ / "whole", staging)) << "the staging folder is made by the unpacking itself";
    EXPECT_EQ(scanned(folder_ / "elsewhere").entries.size(), 1U);
    std::filesystem::remove(folder_ / "to");
  }
}

INSTANTIATE_TEST_SUITE_P(Of, DamageTest, testing::Values(Kind::package, Kind::delta),
                         [](const auto& test) { return name_of(test.param); });
INSTANTIATE_TEST_SUITE_P(Of, FlippedBitTest,
                         testing::Combine(testing::Values(Kind::package, Kind::delta), testing::Range(0U, 8U)),
                         [](const auto& test) {
                           return name_of(std::get<Kind>(test.param)) + "Bit" +
                                  std::to_string(std::get<unsigned>(test.param));
                         });

}  // namespace
}  // namespace upswarm::package
