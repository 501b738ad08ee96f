#include "seeder/bencode.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

TEST(Bencode, WritesTextAndNumbers) {
  EXPECT_EQ(bencoded("spam"), "4:spam");
  EXPECT_EQ(bencoded(""), "0:");
  EXPECT_EQ(bencoded(std::string_view("\0e", 2)), std::string("2:\0e", 4));
  EXPECT_EQ(bencoded(std::int64_t{-3}), "i-3e");
}

TEST(Bencode, SortsTheKeysOfADictionary) {
  EXPECT_EQ(bencoded_dictionary({{"b", bencoded("2")}, {"a", bencoded(std::int64_t{1})}, {"a b", bencoded_list({})}}),
            "d1:ai1e3:a ble1:b1:2e");
}

TEST(Bencode, PutsListsIntoEachOther) {
  EXPECT_EQ(bencoded_list({bencoded("x"), bencoded_list({bencoded("y")})}), "l1:xl1:yee");
}

}  // namespace
}  // namespace upswarm::seeder
