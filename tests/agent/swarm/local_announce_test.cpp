#include "agent/local_announce.hpp"

#include <gmock/gmock.h>

namespace upswarm::agent {
namespace {

using testing::HasSubstr;

const std::string kOne(40, 'a');
const std::string kTwo = "0123456789abcdef0123456789abcdef01234567";

std::string announce_with(const std::string& fields) { return "BT-SEARCH * HTTP/1.1\r\n" + fields + "\r\n"; }

TEST(LocalAnnounce, IsReadAsItWasWritten) {
  const LocalAnnounce announce{.port = 6881, .ids = {kOne, kTwo}, .cookie = "5eed"};
  const auto text = write_local_announce(announce, kLocalGroup);
  EXPECT_EQ(text, "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: " + kOne +
                      "\r\nInfohash: " + kTwo + "\r\ncookie: 5eed\r\n\r\n\r\n");
  const auto read = read_local_announce(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, announce);
}

TEST(LocalAnnounce, OfOthersMayLookDifferent) {
  const auto read = read_local_announce(announce_with("HOST:x\r\nport:  1 \r\nINFOHASH: " + std::string(40, 'A') +
                                                      "\r\nInfohash: " + std::string(64, 'b') + "\r\nx-more: 7\r\n"));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, (LocalAnnounce{.port = 1, .ids = {kOne}}));
}

TEST(LocalAnnounce, WhatIsNoneIsRefused) {
  const auto good = announce_with("Port: 6881\r\nInfohash: " + kOne + "\r\n");
  ASSERT_TRUE(read_local_announce(good));
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(read_local_announce(good.substr(0, length))) << length;
  }
  const auto says = [](const std::string& text) {
    const auto read = read_local_announce(text);
    return read ? std::string("nothing") : read.error().message();
  };
  EXPECT_THAT(says("GET * HTTP/1.1\r\n\r\n"), HasSubstr("another method"));
  EXPECT_THAT(says(announce_with("Infohash: " + kOne + "\r\n")), HasSubstr("no port"));
  EXPECT_THAT(says(announce_with("Port: 6881\r\n")), HasSubstr("no info-hash"));
  for (const auto* port : {"0", "65536", "-1", "6881x", ""}) {
    EXPECT_THAT(says(announce_with("Port: " + std::string(port) + "\r\nInfohash: " + kOne + "\r\n")),
                HasSubstr("no port"))
        << port;
  }
  EXPECT_THAT(says(announce_with("Port: 1\r\nPort: 2\r\nInfohash: " + kOne + "\r\n")), HasSubstr("two ports"));
  EXPECT_THAT(says(announce_with("Port: 1\r\nInfohash: " + std::string(40, 'g') + "\r\n")),
              HasSubstr("an info-hash that is none"));
  EXPECT_THAT(says(announce_with("Port 1\r\n")), HasSubstr("a line that is no field"));
  EXPECT_THAT(says(good + std::string(kLongestLocalAnnounce, ' ')), HasSubstr("too long"));
}

}  // namespace
}  // namespace upswarm::agent
