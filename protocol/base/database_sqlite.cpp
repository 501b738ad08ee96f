#include <sqlite3.h>

#include <mutex>

#include "protocol/base/database.hpp"

namespace upswarm {
namespace {

constexpr int kBusyTimeoutMs = 5000;

Error failure(sqlite3* database, int code, std::string_view doing) {
  auto kind = ErrorKind::disk;
  if (code == SQLITE_FULL) kind = ErrorKind::no_space;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) kind = ErrorKind::corrupt;
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) kind = ErrorKind::busy;
  if (code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_AUTH) kind = ErrorKind::denied;
  if (code == SQLITE_ERROR || code == SQLITE_MISUSE || code == SQLITE_RANGE) kind = ErrorKind::internal;
  return {kind, "database: " + std::string(doing),
          database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code)};
}

struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

int bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, index);
}

SqlValue column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, index)};
    case SQLITE_TEXT:
      return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, index)),
                         static_cast<std::size_t>(sqlite3_column_bytes(statement, index)));
    default: return std::monostate{};
  }
}

}  // namespace

struct Database::Connection {
  sqlite3* database = nullptr;
  std::recursive_mutex turn;  ///< a transaction holds it over its statements

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close_v2(database); }
};

std::int64_t SqlRow::integer(std::size_t column) const {
  const auto* number = std::get_if<std::int64_t>(&values_.at(column));
  return number != nullptr ? *number : 0;
}

std::string SqlRow::text(std::size_t column) const {
  const auto* text = std::get_if<std::string>(&values_.at(column));
  return text != nullptr ? *text : std::string();
}

bool SqlRow::is_null(std::size_t column) const { return std::holds_alternative<std::monostate>(values_.at(column)); }

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::filesystem::path& file, std::span<const std::string_view> migrations,
                                NewerSchema newer) {
  auto connection = std::make_unique<Connection>();
  const int code = sqlite3_open_v2(file.string().c_str(), &connection->database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  if (code != SQLITE_OK) return failure(connection->database, code, "open " + file.string());
  sqlite3_busy_timeout(connection->database, kBusyTimeoutMs);
  Database database(std::move(connection));
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"}) {
    UPSWARM_CHECK(database.run(pragma));
  }
  UPSWARM_TRY(const auto rows, database.run("PRAGMA user_version"));
  const auto version = static_cast<std::size_t>(rows.at(0).integer(0));
  if (version > migrations.size() && newer == NewerSchema::refuse) {
    return Error{ErrorKind::invalid, "open the database " + file.string(),
                 "it was written by a newer program (schema " + std::to_string(version) + ", this one knows " +
                     std::to_string(migrations.size()) + ")"};
  }
  for (auto step = version; step < migrations.size(); ++step) {
    UPSWARM_CHECK(database.transact([&]() -> Result<void> {
      char* words = nullptr;
      const std::string sql(migrations[step]);
      const int status = sqlite3_exec(database.connection_->database, sql.c_str(), nullptr, nullptr, &words);
      sqlite3_free(words);
      if (status != SQLITE_OK) return failure(database.connection_->database, status, "migrate " + file.string());
      UPSWARM_CHECK(database.run("PRAGMA user_version=" + std::to_string(step + 1)));
      return {};
    }));
  }
  return database;
}

std::unique_lock<std::recursive_mutex> Database::take_turn() { return std::unique_lock(connection_->turn); }

Result<std::vector<SqlRow>> Database::run(std::string_view sql, std::span<const SqlValue> values) {
  const auto turn = take_turn();
  auto* const database = connection_->database;
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, StatementCloser> statement(raw);
  if (code != SQLITE_OK) return failure(database, code, sql.substr(0, 80));
  for (std::size_t i = 0; i < values.size(); ++i) {
    code = bind(raw, static_cast<int>(i + 1), values[i]);
    if (code != SQLITE_OK) return failure(database, code, sql.substr(0, 80));
  }
  std::vector<SqlRow> rows;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    std::vector<SqlValue> row;
    for (int i = 0; i < sqlite3_column_count(raw); ++i) row.push_back(column(raw, i));
    rows.emplace_back(std::move(row));
  }
  if (code != SQLITE_DONE) return failure(database, code, sql.substr(0, 80));
  return rows;
}

}  // namespace upswarm
