#include "protocol/base/database.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

constexpr std::string_view kFirst =
    "CREATE TABLE box (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO box VALUES (1, 'first');";
constexpr std::string_view kSecond = "ALTER TABLE box ADD COLUMN weight INTEGER NOT NULL DEFAULT 5;";
constexpr std::string_view kMigrations[] = {kFirst, kSecond};

class DatabaseTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  Path file = folder / "state.sqlite";

  Result<Database> open(std::span<const std::string_view> migrations = kMigrations) {
    return Database::open(file, migrations);
  }
  static std::int64_t count(Database& database) { return database.run("SELECT count(*) FROM box")->at(0).integer(0); }
};

TEST_F(DatabaseTest, KeepsWhatWasWritten) {
  {
    auto database = open();
    ASSERT_TRUE(database) << database.error().message();
    ASSERT_TRUE(database->run("INSERT INTO box VALUES (?, ?, ?)", {std::int64_t{2}, "second", std::int64_t{7}}));
  }
  auto database = open();
  ASSERT_TRUE(database);
  const auto rows = database->run("SELECT id, name, weight FROM box ORDER BY id");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(1).integer(0), 2);
  EXPECT_EQ(rows->at(1).text(1), "second");
  EXPECT_EQ(rows->at(1).integer(2), 7);
}

TEST_F(DatabaseTest, ATransactionIsOfOneThreadAlone) {
  auto database = open();
  ASSERT_TRUE(database);
  std::thread other;
  const auto undone = database->transact([&]() -> Result<void> {
    UPSWARM_CHECK(database->run("INSERT INTO box VALUES (2, 'inside', 1)"));
    other = std::thread([&] { EXPECT_TRUE(database->run("INSERT INTO box VALUES (3, 'beside', 1)")); });
    return Error{ErrorKind::invalid, "a test", "changed its mind"};
  });
  other.join();
  EXPECT_FALSE(undone);
  EXPECT_EQ(count(*database), 2) << "what the other thread wrote is not undone with what this one wrote";
}

TEST_F(DatabaseTest, MigratesAnOlderFile) {
  ASSERT_TRUE(open({kMigrations, 1}));
  auto database = open();
  ASSERT_TRUE(database) << database.error().message();
  EXPECT_EQ(database->run("SELECT weight FROM box")->at(0).integer(0), 5);
  EXPECT_EQ(database->run("PRAGMA user_version")->at(0).integer(0), 2);
}

TEST_F(DatabaseTest, RefusesAFileOfANewerProgram) {
  ASSERT_TRUE(open());
  const auto older = open({kMigrations, 1});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::invalid);
  EXPECT_NE(older.error().cause.find("newer program"), std::string::npos);
}

TEST_F(DatabaseTest, ABrokenMigrationLeavesTheVersionBefore) {
  ASSERT_TRUE(open({kMigrations, 1}));
  constexpr std::string_view broken[] = {kFirst, "INSERT INTO box VALUES (9, 'half'); SELECT nonsense FROM nowhere;"};
  EXPECT_FALSE(open(broken));
  auto database = open({kMigrations, 1});
  ASSERT_TRUE(database) << "the version is still 1";
  EXPECT_EQ(count(*database), 1) << "the first half of the broken migration was undone";
}

TEST_F(DatabaseTest, IsDurable) {
  auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(database->run("PRAGMA journal_mode")->at(0).text(0), "wal");
  EXPECT_EQ(database->run("PRAGMA synchronous")->at(0).integer(0), 2);
  EXPECT_EQ(database->run("PRAGMA foreign_keys")->at(0).integer(0), 1);
}

TEST_F(DatabaseTest, AnErrorUndoesTheTransaction) {
  auto database = open();
  ASSERT_TRUE(database);
  const auto result = database->transact([&]() -> Result<void> {
    UPSWARM_CHECK(database->run("INSERT INTO box (id, name) VALUES (2, 'x')"));
    return Error{ErrorKind::cancelled, "the work", "changed its mind"};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(count(*database), 1);
  EXPECT_TRUE(database->transact([]() -> Result<void> { return {}; })) << "the next one can begin";
}

TEST_F(DatabaseTest, ATransactionKeepsAll) {
  auto database = open();
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->transact([&]() -> Result<void> {
    UPSWARM_CHECK(database->run("INSERT INTO box (id, name) VALUES (2, 'x')"));
    UPSWARM_CHECK(database->run("INSERT INTO box (id, name) VALUES (3, 'y')"));
    return {};
  }));
  EXPECT_EQ(count(*database), 3);
}

TEST_F(DatabaseTest, ACommitThatFailsIsUndone) {
  constexpr std::string_view with_children[] = {
      kFirst, "CREATE TABLE lid (box INTEGER REFERENCES box (id) DEFERRABLE INITIALLY DEFERRED);"};
  auto database = open(with_children);
  ASSERT_TRUE(database);
  EXPECT_FALSE(database->transact([&]() -> Result<void> {
    UPSWARM_CHECK(database->run("INSERT INTO lid VALUES (99)"));
    return {};
  })) << "box 99 does not exist";
  EXPECT_EQ(database->run("SELECT count(*) FROM lid")->at(0).integer(0), 0);
  EXPECT_TRUE(database->transact([]() -> Result<void> { return {}; })) << "the next one can begin";
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyAre) {
  auto database = open();
  ASSERT_TRUE(database);
  const std::string odd("a\0'; DROP TABLE box; --\xc3\xa9", 25);
  const auto rows = database->run("SELECT ?, ?, ?", {odd, std::int64_t{-5}, std::monostate{}});
  ASSERT_TRUE(rows) << rows.error().message();
  const auto& row = rows->at(0);
  EXPECT_EQ(row.text(0), odd);
  EXPECT_EQ(row.integer(1), -5);
  EXPECT_TRUE(row.is_null(2));
  EXPECT_EQ(row.integer(2), 0);
  EXPECT_EQ(row.integer(0), 0) << "of another type";
  EXPECT_EQ(row.text(1), "") << "of another type";
}

TEST_F(DatabaseTest, MistakesInAStatementAreDefects) {
  auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(database->run("SELEKT 1").error().kind, ErrorKind::internal);
  EXPECT_FALSE(database->run("SELECT ?", {std::int64_t{1}, std::int64_t{2}})) << "a value too many";
}

TEST_F(DatabaseTest, AFileOfAnotherKindIsCorrupt) {
  folder.write("state.sqlite",
               "This is no database, and long enough to be seen as none by the first look at its header.");
  const auto database = open();
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().kind, ErrorKind::corrupt);
}

TEST_F(DatabaseTest, AFolderThatIsMissingIsAnError) {
  EXPECT_EQ(Database::open(folder / "none/state.sqlite", kMigrations).error().kind, ErrorKind::disk);
}

TEST_F(DatabaseTest, ThreadsTakeTurns) {
  auto database = open();
  ASSERT_TRUE(database);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&database] {
        for (int i = 0; i < 25; ++i) EXPECT_TRUE(database->run("INSERT INTO box (name) VALUES ('x')"));
      });
    }
  }
  EXPECT_EQ(count(*database), 101);
}

}  // namespace
}  // namespace upswarm
