#include "installer/loopback.hpp"

#include <gtest/gtest.h>

namespace upswarm::installer {
namespace {

constexpr std::string_view kHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::string line(const std::string& local, const std::string& state, int user, int inode) {
  return "   0: " + local + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000  " +
         std::to_string(user) + "        0 " + std::to_string(inode) + " 1 0000000000000000 100 0 0 10 0\n";
}

std::vector<Listener> found(const std::string& tcp, const std::string& tcp6) {
  const auto all = listeners_on(8080, std::string(kHead) + tcp, std::string(kHead) + tcp6);
  EXPECT_TRUE(all) << all.error().message();
  return all ? *all : std::vector<Listener>{};
}

TEST(Listeners, AreThoseThatLoopbackLeadsTo) {
  EXPECT_EQ(found(line("0100007F:1F90", "0A", 33, 7), ""), (std::vector<Listener>{{33, 7, true, false}}));
  EXPECT_EQ(found(line("00000000:1F90", "0A", 33, 7), ""), (std::vector<Listener>{{33, 7, true, false}}));
  EXPECT_EQ(found("", line("00000000000000000000000001000000:1F90", "0A", 33, 8)),
            (std::vector<Listener>{{33, 8, false, true}}));
  EXPECT_EQ(found("", line("00000000000000000000000000000000:1F90", "0A", 33, 8)),
            (std::vector<Listener>{{33, 8, true, true}}));
  EXPECT_EQ(found("", line("0000000000000000FFFF00000100007F:1F90", "0A", 33, 8)),
            (std::vector<Listener>{{33, 8, true, false}}));
  EXPECT_EQ(found(line("0100007F:1F90", "0A", 1, 1) + line("00000000:1F90", "0A", 2, 2), "").size(), 2U);
}

TEST(Listeners, OthersAreNone) {
  EXPECT_TRUE(found("", "").empty());
  EXPECT_TRUE(found(line("0100007F:1F91", "0A", 33, 7), "").empty()) << "another port";
  EXPECT_TRUE(found(line("0100007F:1F90", "01", 33, 7), "").empty()) << "a connection";
  EXPECT_TRUE(found(line("0A00000A:1F90", "0A", 33, 7), "").empty()) << "another address of the machine";
}

TEST(Listeners, ALineOfAnotherFormIsRefused) {
  for (const std::string wrong :
       {"nonsense\n", "0: 0100007F 0:0 0A 0 0 0 33 0 7\n", "0: 0100007F:XYZ 0:0 0A 0 0 0 33 0 7\n",
        "0: 0100007F:1F90 0:0 0A 0 0 0 -1 0 7\n", "0: 0100007F:1F90 0:0 0A 0 0 0 33\n"}) {
    EXPECT_FALSE(listeners_on(8080, std::string(kHead) + wrong, kHead)) << wrong;
    EXPECT_FALSE(listeners_on(8080, kHead, std::string(kHead) + wrong)) << wrong;
  }
}

TEST(StatusLine, IsThatOfHttp1) {
  EXPECT_EQ(*parse_status_line("HTTP/1.1 200 OK\r\n"), 200);
  EXPECT_EQ(*parse_status_line("HTTP/1.0 503\r\nmore"), 503);
  EXPECT_EQ(*parse_status_line("HTTP/1.1 204\n"), 204);
  for (const char* wrong : {"", "HTTP/1.1 200 OK", "HTTP/2 200 OK\r\n", "HTTP/1.1  200\r\n", "HTTP/1.1 2000\r\n",
                            "HTTP/1.1 20\r\n", "HTTP/1.1 -20\r\n", "HTTP/1.1 099 x\r\n", "SSH-2.0-x\r\n", "\n"}) {
    EXPECT_FALSE(parse_status_line(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace upswarm::installer
