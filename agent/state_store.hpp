// What the agent must not forget: history, reports the seeder does not have yet, wishes of users, downloads.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/put_off.hpp"
#include "agent/swarm.hpp"
#include "protocol/base/database.hpp"
#include "protocol/base/files.hpp"
#include "protocol/messages/agent_messages.hpp"
#include "protocol/messages/session_messages.hpp"

namespace upswarm::agent {

/// A package that was asked of the swarm: enough to seed it again, or go on fetching it, without any network.
struct CachedDownload {
  std::string product;
  std::string version;
  Sha256 content;            ///< content digest of the release
  std::string way = "full";  ///< that it was a part of: Outcome::kind
  DownloadRequest request;
  bool complete = false;                ///< all that the way needed of it came
  messages::SourceBytes bytes;          ///< of the last fetch
  std::optional<Time> idle_since = {};  ///< no release here needs it any more

  bool is_whole() const { return complete && way != "sparse" && way != "repair"; }
};

/// An outcome that the seeder has not taken yet.
struct WaitingReport {
  std::int64_t id = 0;
  messages::HistoryItem item;
};

enum class ReportFate { sent, refused };

/// A session that has not ended.
struct OpenSession {
  std::int64_t number = 0;
  messages::SessionRecord record;  ///< with a step at least
};

/// Every change survives a power cut when the call returns. Any thread. Errors of all: disk, no_space, corrupt, busy.
class StateStore {
 public:
  /// A file of a newer agent is used as it is.   Errors: as Database::open.
  static Result<StateStore> open(const Path& file);

  /// "" when it was never set.
  Result<std::string> setting(const std::string& key);
  Result<void> set(const std::string& key, const std::string& value);

  /// Stores each outcome once, with the bytes of the download behind it, and its report as waiting; one transaction.
  /// Returns those that were new.
  Result<std::vector<messages::Outcome>> add_outcomes(const std::vector<messages::Outcome>& outcomes);
  /// Newest first.
  Result<std::vector<messages::HistoryItem>> history(std::int64_t limit);
  /// Oldest first.
  Result<std::vector<WaitingReport>> waiting_reports(std::int64_t limit);
  Result<std::int64_t> count_waiting_reports();
  Result<void> mark_report(std::int64_t id, ReportFate fate);

  /// Adds a session, which has not ended, and forgets the oldest beyond messages::kMostSessions. Those of the same
  /// product that are open end by the step `cut`. Returns its number.
  Result<std::int64_t> begin_session(const messages::SessionRecord& session, const messages::SessionStep& cut);
  /// Nothing else follows on what `is_end`. Of very many steps those in the midst are left out.
  Result<void> add_step(std::int64_t session, const messages::SessionStep& step, bool is_end);
  /// Newest first.
  Result<std::vector<messages::SessionRecord>> sessions(std::int64_t limit);
  Result<std::vector<OpenSession>> open_sessions();

  /// When this machine first saw the release; `now` when it does only now.
  Result<Time> first_seen(const std::string& product, const Sha256& content, Time now);
  Result<UserWish> wish_of(const std::string& product);
  Result<void> defer(const std::string& product, Time until);
  Result<void> skip(const std::string& product, const std::string& version);
  /// Forgets the deferral and skip of a product; empty: of all.
  Result<void> lift_wishes(const std::string& product = "");

  /// A package whose bytes are known to be useless here.
  Result<void> add_bad_package(const Sha256& sha256, const std::string& reason, Time now);
  /// A failure that may have another cause: the third one makes the package bad.
  Result<void> count_package_failure(const Sha256& sha256, const std::string& reason, Time now);
  Result<std::set<Sha256>> bad_packages();
  /// Lets them be tried again. Returns how many.
  Result<std::int64_t> forget_bad_packages();

  Result<void> keep_download(const CachedDownload& download);
  /// So much of the full package needed not come, since this download was enough (messages::SourceBytes::delta).
  Result<void> note_spared(const Sha256& sha256, Bytes spared);
  Result<std::vector<CachedDownload>> downloads();
  Result<void> forget_download(const Sha256& sha256);
  /// Packages of other releases than these, by content digest, are idle from `now` on if they were not before; packages
  /// of these are not. Writes only what changes.
  Result<void> note_needed(const std::set<Sha256>& contents, Time now);

 private:
  explicit StateStore(Database database);
  Result<std::string> bytes_behind(const messages::Outcome& outcome);
  Result<std::vector<OpenSession>> read_sessions(const std::string& which, std::int64_t limit);
  Result<void> write_step(const OpenSession& session, const messages::SessionStep& step, bool is_end);

  std::unique_ptr<std::mutex> turn_;  ///< one call at a time: a transaction must not swallow another thread's change
  Database database_;
};

}  // namespace upswarm::agent
