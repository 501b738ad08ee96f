#include "agent/state_store.hpp"

#include <array>

#include "protocol/base/hex.hpp"

namespace upswarm::agent {
namespace {

/// From now on they add tables, and columns with a default, and change nothing else: an agent that was updated and went
/// back uses the newer schema.
constexpr std::array<std::string_view, 4> kMigrations{R"(
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE history (
  id INTEGER PRIMARY KEY, number INTEGER NOT NULL, product TEXT NOT NULL, at TEXT NOT NULL,
  outcome TEXT NOT NULL, bytes TEXT NOT NULL, report TEXT NOT NULL,
  UNIQUE (number, product, at));
CREATE INDEX history_report ON history (report, id);
CREATE TABLE first_seen (product TEXT NOT NULL, content TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (product, content));
CREATE TABLE deferrals (product TEXT PRIMARY KEY, until TEXT NOT NULL);
CREATE TABLE skips (product TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE bad_packages (sha256 TEXT PRIMARY KEY, failures INTEGER NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE downloads (
  sha256 TEXT PRIMARY KEY, product TEXT NOT NULL, version TEXT NOT NULL, content TEXT NOT NULL, is_delta INTEGER NOT NULL,
  path TEXT NOT NULL, length INTEGER NOT NULL, info_hash TEXT NOT NULL, piece_length INTEGER NOT NULL,
  torrent TEXT NOT NULL, http_path TEXT NOT NULL, complete INTEGER NOT NULL, bytes TEXT NOT NULL);
)",
                                                      R"(
ALTER TABLE downloads ADD COLUMN way TEXT NOT NULL DEFAULT '';
UPDATE downloads SET way = CASE is_delta WHEN 1 THEN 'delta' ELSE 'full' END;
)",
                                                      R"(
ALTER TABLE downloads ADD COLUMN idle_since TEXT;
)",
                                                      R"(
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY, product TEXT NOT NULL, version TEXT NOT NULL, steps TEXT NOT NULL, ended INTEGER NOT NULL);
)"};

constexpr std::int64_t kFailuresOfABadPackage = 3;
constexpr std::int64_t kKeptHistory = messages::kMostHistory;

SqlValue number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
Bytes bytes_of(std::int64_t value) { return Bytes{static_cast<std::uint64_t>(value)}; }

Result<messages::SourceBytes> read_bytes(const std::string& text) {
  UPSWARM_TRY(const auto value, parse_json(text, "the bytes of a download"));
  return messages::parse_source_bytes(value);
}

/// From columns outcome, bytes, report.
Result<messages::HistoryItem> read_item(const SqlRow& row, std::size_t first) {
  UPSWARM_TRY(auto value, parse_json(row.text(first), "an outcome in the history"));
  UPSWARM_TRY(auto outcomes, messages::parse_outcomes(Json{{"outcomes", Json::array({std::move(value)})}}));
  messages::HistoryItem item;
  item.outcome = std::move(outcomes.front());
  UPSWARM_TRY(item.bytes, read_bytes(row.text(first + 1)));
  item.reported = row.text(first + 2) == "sent";
  return item;
}

Result<CachedDownload> read_download(const SqlRow& row) {
  CachedDownload one;
  auto& file = one.request.file;
  UPSWARM_TRY(file.sha256, parse_sha256(row.text(0)));
  one.product = row.text(1);
  one.version = row.text(2);
  UPSWARM_TRY(one.content, parse_sha256(row.text(3)));
  one.way = row.text(4);
  file.path = row.text(5);
  file.length = bytes_of(row.integer(6));
  file.info_hash = row.text(7);
  file.piece_length = bytes_of(row.integer(8));
  UPSWARM_TRY(const auto torrent, from_base64(row.text(9)));
  one.request.torrent = std::string(as_text(torrent));
  one.request.http_path = row.text(10);
  one.complete = row.integer(11) != 0;
  UPSWARM_TRY(one.bytes, read_bytes(row.text(12)));
  if (!row.text(13).empty()) {
    UPSWARM_TRY(one.idle_since, parse_time(row.text(13)));
  }
  return one;
}

}  // namespace

StateStore::StateStore(Database database) : turn_(std::make_unique<std::mutex>()), database_(std::move(database)) {}

Result<StateStore> StateStore::open(const Path& file) {
  UPSWARM_TRY(auto database, Database::open(file, kMigrations, NewerSchema::use));
  return StateStore(std::move(database));
}

Result<std::string> StateStore::setting(const std::string& key) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows, database_.run("SELECT value FROM settings WHERE key = ?", {key}));
  return rows.empty() ? std::string() : rows.front().text(0);
}

Result<void> StateStore::set(const std::string& key, const std::string& value) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(database_.run("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", {key, value}));
  return {};
}

/// The bytes column for an outcome: those of the download that it installed, none for a rollback or what was on disk.
Result<std::string> StateStore::bytes_behind(const messages::Outcome& outcome) {
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT bytes FROM downloads WHERE product = ? AND version = ? AND way = ? "
                            "AND complete = 1",
                            {outcome.product, outcome.to, outcome.kind}));
  messages::SourceBytes all;
  for (const auto& row : rows) {
    UPSWARM_TRY(const auto bytes, read_bytes(row.text(0)));
    all.disk += bytes.disk;
    all.site += bytes.site;
    all.other += bytes.other;
    all.origin_bt += bytes.origin_bt;
    all.origin_http += bytes.origin_http;
    all.wasted += bytes.wasted;
    all.delta += bytes.delta;
  }
  return to_text(messages::to_json(all));
}

Result<std::vector<messages::Outcome>> StateStore::add_outcomes(const std::vector<messages::Outcome>& outcomes) {
  const std::lock_guard turn(*turn_);
  std::vector<messages::Outcome> added;
  const auto add_all = [&]() -> Result<void> {
    for (auto outcome : outcomes) {
      outcome.reason = messages::shortened(std::move(outcome.reason), messages::kLongestReportedReason);
      UPSWARM_TRY(const auto bytes, bytes_behind(outcome));
      UPSWARM_TRY(
          const auto rows,
          database_.run(
              "INSERT INTO history (number, product, at, outcome, bytes, report) VALUES (?, ?, ?, ?, ?, "
              "'waiting') ON CONFLICT DO NOTHING RETURNING id",
              {outcome.number, outcome.product, to_string(outcome.at), to_text(messages::to_json(outcome)), bytes}));
      if (!rows.empty()) added.push_back(std::move(outcome));
    }
    UPSWARM_CHECK(database_.run(
        "DELETE FROM history WHERE report <> 'waiting' AND id <= (SELECT max(id) FROM history) - ?", {kKeptHistory}));
    return {};
  };
  if (outcomes.empty()) return added;
  UPSWARM_CHECK(database_.transact(add_all));
  return added;
}

Result<std::vector<messages::HistoryItem>> StateStore::history(std::int64_t limit) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT outcome, bytes, report FROM history ORDER BY id DESC LIMIT ?", {limit}));
  std::vector<messages::HistoryItem> items;
  for (const auto& row : rows) {
    UPSWARM_TRY(auto item, read_item(row, 0));
    items.push_back(std::move(item));
  }
  return items;
}

Result<std::vector<WaitingReport>> StateStore::waiting_reports(std::int64_t limit) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(
      const auto rows,
      database_.run("SELECT id, outcome, bytes, report FROM history WHERE report = 'waiting' ORDER BY id LIMIT ?",
                    {limit}));
  std::vector<WaitingReport> reports;
  for (const auto& row : rows) {
    UPSWARM_TRY(auto item, read_item(row, 1));
    reports.push_back({row.integer(0), std::move(item)});
  }
  return reports;
}

Result<std::int64_t> StateStore::count_waiting_reports() {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows, database_.run("SELECT count(*) FROM history WHERE report = 'waiting'"));
  return rows.at(0).integer(0);
}

Result<void> StateStore::mark_report(std::int64_t id, ReportFate fate) {
  const std::lock_guard turn(*turn_);
  const std::string word = fate == ReportFate::sent ? "sent" : "refused";
  UPSWARM_CHECK(database_.run("UPDATE history SET report = ? WHERE id = ?", {word, id}));
  return {};
}

Result<std::vector<OpenSession>> StateStore::read_sessions(const std::string& which, std::int64_t limit) {
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT id, steps FROM sessions " + which + " ORDER BY id DESC LIMIT ?", {limit}));
  std::vector<OpenSession> sessions;
  for (const auto& row : rows) {
    UPSWARM_TRY(const auto value, parse_json(row.text(1), "a session"));
    UPSWARM_TRY(auto read, messages::parse_sessions(value));
    if (read.size() != 1 || read.front().steps.empty())
      return Error{ErrorKind::corrupt, "read a session", "it has no steps"};
    sessions.push_back({row.integer(0), std::move(read.front())});
  }
  return sessions;
}

Result<void> StateStore::write_step(const OpenSession& session, const messages::SessionStep& step, bool is_end) {
  auto record = session.record;
  if (record.steps.size() >= messages::kMostSessionSteps) record.steps.pop_back();
  record.steps.push_back(step);
  UPSWARM_CHECK(database_.run("UPDATE sessions SET steps = ?, ended = ? WHERE id = ?",
                              {to_text(messages::sessions_to_json({record})), is_end ? 1 : 0, session.number}));
  return {};
}

Result<std::int64_t> StateStore::begin_session(const messages::SessionRecord& session,
                                               const messages::SessionStep& cut) {
  const std::lock_guard turn(*turn_);
  std::int64_t number = 0;
  const auto add = [&]() -> Result<void> {
    UPSWARM_TRY(const auto open, read_sessions("WHERE ended = 0", messages::kMostSessions));
    for (const auto& one : open) {
      if (one.record.product == session.product) UPSWARM_CHECK(write_step(one, cut, true));
    }
    UPSWARM_TRY(const auto rows,
                database_.run("INSERT INTO sessions (product, version, steps, ended) VALUES (?, ?, ?, 0) RETURNING id",
                              {session.product, session.version, to_text(messages::sessions_to_json({session}))}));
    number = rows.at(0).integer(0);
    UPSWARM_CHECK(database_.run("DELETE FROM sessions WHERE id <= ?", {number - messages::kMostSessions}));
    return {};
  };
  UPSWARM_CHECK(database_.transact(add));
  return number;
}

Result<void> StateStore::add_step(std::int64_t session, const messages::SessionStep& step, bool is_end) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto open, read_sessions("WHERE ended = 0 AND id = " + std::to_string(session), 1));
  if (open.empty()) return Error{ErrorKind::not_found, "add a step to a session", "it has ended, or is forgotten"};
  return write_step(open.front(), step, is_end);
}

Result<std::vector<messages::SessionRecord>> StateStore::sessions(std::int64_t limit) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(auto all, read_sessions("", limit));
  std::vector<messages::SessionRecord> records;
  for (auto& one : all) records.push_back(std::move(one.record));
  return records;
}

Result<std::vector<OpenSession>> StateStore::open_sessions() {
  const std::lock_guard turn(*turn_);
  return read_sessions("WHERE ended = 0", messages::kMostSessions);
}

Result<Time> StateStore::first_seen(const std::string& product, const Sha256& content, Time now) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(database_.run("INSERT INTO first_seen (product, content, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                              {product, content.hex(), to_string(now)}));
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT at FROM first_seen WHERE product = ? AND content = ?", {product, content.hex()}));
  return parse_time(rows.at(0).text(0));
}

Result<UserWish> StateStore::wish_of(const std::string& product) {
  const std::lock_guard turn(*turn_);
  UserWish wish;
  UPSWARM_TRY(const auto deferrals, database_.run("SELECT until FROM deferrals WHERE product = ?", {product}));
  if (!deferrals.empty()) {
    UPSWARM_TRY(wish.deferred_until, parse_time(deferrals.front().text(0)));
  }
  UPSWARM_TRY(const auto skips, database_.run("SELECT version FROM skips WHERE product = ?", {product}));
  if (!skips.empty()) wish.skipped = skips.front().text(0);
  return wish;
}

Result<void> StateStore::defer(const std::string& product, Time until) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(
      database_.run("INSERT OR REPLACE INTO deferrals (product, until) VALUES (?, ?)", {product, to_string(until)}));
  return {};
}

Result<void> StateStore::skip(const std::string& product, const std::string& version) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(database_.run("INSERT OR REPLACE INTO skips (product, version) VALUES (?, ?)", {product, version}));
  return {};
}

Result<void> StateStore::lift_wishes(const std::string& product) {
  const std::lock_guard turn(*turn_);
  return database_.transact([&]() -> Result<void> {
    UPSWARM_CHECK(database_.run("DELETE FROM deferrals WHERE ?1 = '' OR product = ?1", {product}));
    UPSWARM_CHECK(database_.run("DELETE FROM skips WHERE ?1 = '' OR product = ?1", {product}));
    return {};
  });
}

Result<void> StateStore::add_bad_package(const Sha256& sha256, const std::string& reason, Time now) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(database_.run("INSERT OR REPLACE INTO bad_packages (sha256, failures, reason, at) VALUES (?, ?, ?, ?)",
                              {sha256.hex(), kFailuresOfABadPackage, reason, to_string(now)}));
  return {};
}

Result<void> StateStore::count_package_failure(const Sha256& sha256, const std::string& reason, Time now) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(
      database_.run("INSERT INTO bad_packages (sha256, failures, reason, at) VALUES (?, 1, ?, ?) ON CONFLICT (sha256) "
                    "DO UPDATE SET failures = failures + 1, reason = excluded.reason, at = excluded.at",
                    {sha256.hex(), reason, to_string(now)}));
  return {};
}

Result<std::set<Sha256>> StateStore::bad_packages() {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT sha256 FROM bad_packages WHERE failures >= ? ORDER BY at DESC LIMIT 1000",
                            {kFailuresOfABadPackage}));
  std::set<Sha256> bad;
  for (const auto& row : rows) {
    UPSWARM_TRY(const auto sha256, parse_sha256(row.text(0)));
    bad.insert(sha256);
  }
  return bad;
}

Result<std::int64_t> StateStore::forget_bad_packages() {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows, database_.run("DELETE FROM bad_packages RETURNING sha256"));
  return static_cast<std::int64_t>(rows.size());
}

Result<void> StateStore::keep_download(const CachedDownload& one) {
  const std::lock_guard turn(*turn_);
  const auto& file = one.request.file;
  UPSWARM_CHECK(
      database_.run("INSERT OR REPLACE INTO downloads (sha256, product, version, content, is_delta, path, length, "
                    "info_hash, piece_length, torrent, http_path, complete, bytes, way) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    {file.sha256.hex(), one.product, one.version, one.content.hex(), std::int64_t{one.way != "full"},
                     file.path, number(file.length.count), file.info_hash, number(file.piece_length.count),
                     to_base64(as_bytes(one.request.torrent)), one.request.http_path, std::int64_t{one.complete},
                     to_text(messages::to_json(one.bytes)), one.way}));
  return {};
}

Result<void> StateStore::note_spared(const Sha256& sha256, Bytes spared) {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows, database_.run("SELECT bytes FROM downloads WHERE sha256 = ?", {sha256.hex()}));
  if (rows.empty()) return {};
  UPSWARM_TRY(auto bytes, read_bytes(rows.front().text(0)));
  bytes.delta = spared;
  UPSWARM_CHECK(database_.run("UPDATE downloads SET bytes = ? WHERE sha256 = ?",
                              {to_text(messages::to_json(bytes)), sha256.hex()}));
  return {};
}

Result<std::vector<CachedDownload>> StateStore::downloads() {
  const std::lock_guard turn(*turn_);
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT sha256, product, version, content, way, path, length, info_hash, "
                            "piece_length, torrent, http_path, complete, bytes, COALESCE(idle_since, '') "
                            "FROM downloads ORDER BY sha256"));
  std::vector<CachedDownload> all;
  for (const auto& row : rows) {
    UPSWARM_TRY(auto one, read_download(row));
    all.push_back(std::move(one));
  }
  return all;
}

Result<void> StateStore::note_needed(const std::set<Sha256>& contents, Time now) {
  UPSWARM_TRY(const auto all, downloads());
  const std::lock_guard turn(*turn_);
  for (const auto& one : all) {
    const bool is_needed = contents.contains(one.content);
    if (is_needed != one.idle_since.has_value()) continue;
    UPSWARM_CHECK(database_.run("UPDATE downloads SET idle_since = NULLIF(?, '') WHERE sha256 = ?",
                                {is_needed ? std::string() : to_string(now), one.request.file.sha256.hex()}));
  }
  return {};
}

Result<void> StateStore::forget_download(const Sha256& sha256) {
  const std::lock_guard turn(*turn_);
  UPSWARM_CHECK(database_.run("DELETE FROM downloads WHERE sha256 = ?", {sha256.hex()}));
  return {};
}

}  // namespace upswarm::agent
