#include "agent/command_line/table.hpp"

#include <gtest/gtest.h>

namespace upswarm::command_line {
namespace {

TEST(TableTest, AlignsColumns) {
  Table table({"NAME", "SIZE", "NOTE"}, {1});
  table.add({"app", "12", "x"});
  table.add({"longer", "1", ""});
  EXPECT_EQ(table.text(),
            "NAME    SIZE  NOTE\n"
            "app       12  x\n"
            "longer     1\n");
}

TEST(TableTest, CountsCharactersNotBytes) {
  Table table({"A", "B"});
  table.add({"\xc3\xa4", "x"});
  EXPECT_EQ(table.text(), "A  B\n\xc3\xa4  x\n");
}

TEST(TableTest, TextOfOthersCannotSteerTheTerminal) {
  EXPECT_EQ(plain("a\x1b[2Jb\nc\x7f"), "a?[2Jb c?");
  EXPECT_EQ(plain("x\xc2\x9b"
                  "2J"),
            "x?2J");
  EXPECT_EQ(plain("\xc3\xa4"), "\xc3\xa4");
}

}  // namespace
}  // namespace upswarm::command_line
