// SQLite behind four verbs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/result.hpp"

namespace upswarm {

/// A value bound to or read from a statement.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string>;

/// One row of an answer.
class SqlRow {
 public:
  explicit SqlRow(std::vector<SqlValue> values) : values_(std::move(values)) {}
  /// 0 or "" where the column is NULL or of another type.
  std::int64_t integer(std::size_t column) const;
  std::string text(std::size_t column) const;
  bool is_null(std::size_t column) const;

 private:
  std::vector<SqlValue> values_;
};

/// What to do with a file that a newer program has written. `use` is for schemas that only ever gain tables and columns
/// (with a default): a program that was updated and went back goes on with what it left.
enum class NewerSchema { refuse, use };

/// One connection, WAL, synchronous=FULL, foreign keys on. Calls from several threads take turns.
class Database {
 public:
  /// Opens or makes the file and brings its schema up to date: `migrations[i]` leads from version i to i + 1 (kept in
  /// user_version), each in a transaction of its own.
  /// Errors: disk, no_space, corrupt, busy; invalid  the file was written by a newer program, and is not to be used.
  static Result<Database> open(const std::filesystem::path& file, std::span<const std::string_view> migrations,
                               NewerSchema newer = NewerSchema::refuse);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// Runs one statement and returns all its rows. Answers here are small by design; ask with LIMIT.
  Result<std::vector<SqlRow>> run(std::string_view sql, std::span<const SqlValue> values = {});
  Result<std::vector<SqlRow>> run(std::string_view sql, std::initializer_list<SqlValue> values) {
    return run(sql, std::span(values.begin(), values.size()));
  }

  /// Runs `work` inside one transaction; an error of it undoes all. Other threads wait until it has ended.
  template <typename Work>
  Result<void> transact(Work work) {
    const auto turn = take_turn();
    UPSWARM_CHECK(run("BEGIN IMMEDIATE"));
    if (auto result = work(); !result) {
      ignore_failure(run("ROLLBACK"), "the first error is the one to tell");
      return result;
    }
    if (auto committed = run("COMMIT"); !committed) {
      ignore_failure(run("ROLLBACK"), "the first error is the one to tell");
      return std::move(committed).error();
    }
    return {};
  }

 private:
  struct Connection;
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_lock<std::recursive_mutex> take_turn();
  std::unique_ptr<Connection> connection_;
};

}  // namespace upswarm
