#include "installer/program_of.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

TEST(ProgramOf, IsThatOfTheProcess) {
  const auto program = program_of(::getpid());
  ASSERT_TRUE(program) << program.error().message();
  EXPECT_EQ(*program, std::filesystem::canonical("/proc/self/exe"));
}

TEST(ProgramOf, APeerIsANumberAndAStart) {
  const auto started = process_start(::getpid());
  ASSERT_NE(started, 0U);
  EXPECT_TRUE(program_of_peer({.user = 0, .process = ::getpid(), .started = started}));
  EXPECT_EQ(program_of_peer({.user = 0, .process = ::getpid(), .started = started - 1}).error().kind, ErrorKind::denied)
      << "the number is another's by now";
  EXPECT_EQ(program_of_peer({.user = 0, .process = ::getpid(), .started = 0}).error().kind, ErrorKind::denied);
}

TEST(ProgramOf, AConversationKnowsWhoIsAtItsOtherEnd) {
  const tests::TemporaryFolder folder;
  const auto server = listen_local(folder / "socket", 0600);
  ASSERT_TRUE(server) << server.error().message();
  const auto line = connect_local(folder / "socket");
  ASSERT_TRUE(line) << line.error().message();
  EXPECT_EQ((*line)->peer().process, ::getpid());
  EXPECT_EQ((*line)->peer().started, process_start(::getpid()));
  const auto program = program_of_peer((*line)->peer());
  ASSERT_TRUE(program) << program.error().message();
  EXPECT_EQ(*program, std::filesystem::canonical("/proc/self/exe"));
}

TEST(ProgramOf, WhoHasEndedHasNone) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(program_of(child));
  EXPECT_EQ(process_start(child), 0U);
}

TEST(IsBelow, GoesByWholeNames) {
  EXPECT_TRUE(is_below("/a/b/c", "/a/b"));
  EXPECT_TRUE(is_below("/a/b/c/d", "/a/b"));
  for (const char* other : {"/a/b", "/a/bc", "/a", "/", "/x/a/b/c", ""}) EXPECT_FALSE(is_below(other, "/a/b")) << other;
}

}  // namespace
}  // namespace upswarm::installer
