// What the installer knows of one product, with the journal of what is under way: one file, replaced atomically.
//
// Every step of an installation is written here before it is done. Because record and journal are one file, a commit
// ("the new release is installed" and "nothing is under way") is one rename.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

inline constexpr Bytes kLongestRecord = 32_MiB;
inline constexpr std::size_t kMostKeptOutcomes = 200;
inline constexpr std::size_t kMostBad = 200;
inline constexpr std::size_t kMostSetbacks = 200;
inline constexpr std::size_t kMostMended = 100;
/// As often the machine may go down while one release is switched to: then that is the release's fault.
inline constexpr std::int64_t kMostInterruptions = 3;

/// How far the work has come. What recovery does is said beside.
enum class Phase {
  staging,       ///< nothing outside the staging folder was touched: forget it; what is whole serves the next try
  preparing,     ///< the release is unpacked, the hook `before` may have run: the same
  switching,     ///< services may be down, `current` may name either: roll back
  probation,     ///< the new release runs, its health is being checked: check again, roll back at the third time
  rolling_back,  ///< go on rolling back
  repairing,     ///< services may be down, some files are mended: start them, the rest is mended by another try
};

std::string_view to_string(Phase phase);

struct Journal {
  Phase phase = Phase::staging;
  std::string kind;  ///< as Outcome::kind
  trust::Entry to;
  std::string from;    ///< version that `current` named before; empty: none
  std::string reason;  ///< why it is being rolled back
  bool blame = false;  ///< whether a rollback marks the release bad
  Time started;
  std::int64_t recoveries = 0;  ///< starts that found this journal in probation
  bool stopped = false;         ///< the installer was asked to stop: its next start is no recovery from a crash
  bool reboot = false;          ///< another installer said that the machine should start anew
  /// Of a release that another installer installs. Saved before its command runs: from then on nobody knows what of it
  /// is there, whatever a rule finds. A journal that does not say it is of an older program, which may have run it.
  bool foreign_begun = false;
  bool foreign_ended = false;  ///< saved after that command has ended, and the release was found installed
  /// Services of `from` that were to run before they were stopped; nothing: not known (yet).
  std::optional<std::vector<std::string>> ran = {};
};

/// A release that is unpacked under versions/.
struct KnownRelease {
  trust::Entry entry;
  Time installed_at;
};

struct BadRelease {
  Sha256 content;
  std::string version;
  std::string reason;
  Time at;
};

/// Five minutes after one failure in a row, then three times as long each time, at most a day.
std::chrono::seconds wait_after(std::int64_t failures);

/// A release that was given up for a reason that is not known to be its own: it is left alone for a while.
struct Setback {
  Sha256 content;
  std::string version;
  std::string reason;
  std::int64_t count = 0;          ///< in a row
  std::int64_t interruptions = 0;  ///< of these, how often the machine or the installer died
  Time not_before;

  /// Not where it would for longer than is ever waited: then the clock was wrong when it was noted.
  bool holds(Time now) const;
};

/// What runs is not what was signed. It is to be repaired.
struct DamageMark {
  Sha256 content;     ///< of the release
  std::string found;  ///< for people
  Time at;
  bool needs_package = true;  ///< parts of it must be fetched
  std::int64_t failures = 0;  ///< repairs that failed, in a row
  Time not_before{};          ///< of the next try
  std::int64_t bounces = 0;   ///< of the failures: those for which services were stopped
  bool is_asked = false;      ///< by an administrator
  bool is_held = false;       ///< nothing is done by itself: an administrator is waited for
};

/// A file that was repaired without being asked for: what damages it may be the product itself.
struct Mended {
  std::string path;
  std::int64_t count = 0;  ///< each within 30 days of the one before
  Time at;
};

struct ProductRecord {
  std::string product;
  std::string current;                  ///< version; empty: nothing installed
  std::vector<KnownRelease> releases;   ///< newest last
  trust::ReleaseCounter highest{1, 0};  ///< highest ever committed
  trust::ReleaseCounter floor{1, 0};    ///< highest floor ever seen signed
  std::vector<BadRelease> bad;
  std::vector<Setback> setbacks;
  std::vector<std::string> owed;  ///< services that a rollback could not start again: the next change does
  std::vector<messages::Quarantined> quarantine;
  std::optional<DamageMark> damage;
  std::vector<Mended> mended = {};
  std::optional<Time> checked;  ///< when every byte of what runs was last found to be right
  std::optional<Journal> journal;
  std::vector<messages::Outcome> outcomes;  ///< the last, whether the agent has them or not
  std::int64_t last_outcome = 0;            ///< the highest number given; numbers rise over all products of a machine

  const KnownRelease* find(std::string_view version) const;
  /// The release with the highest counter below that of what runs whose content is not bad; nullptr: there is none.
  const KnownRelease* newest_before_current() const;
  /// Of all releases unpacked here.
  std::vector<std::string> versions() const;
  /// Nothing: `package` may be tried on `base` (nothing: by itself).
  const messages::Quarantined* quarantined(const Sha256& package, const std::optional<Sha256>& base) const;
  /// In place of what was said of the same content; the oldest is dropped beyond kMostBad.
  void mark_bad(BadRelease one);
  /// Nothing: nothing stands against trying `content`.
  const Setback* setback(const Sha256& content) const;
  /// One more: five minutes are waited, then three times as long each time, at most a day.
  void note_setback(const trust::Entry& entry, const std::string& reason, bool is_interruption, Time now);
  void forget_setback(const Sha256& content);
  /// What runs is damaged. `asked`: by an administrator, so that no wait counts,
  /// nor what it is held for.
  void mark_damaged(std::string found, bool needs_package, bool asked, Time now);
  /// The mark of what runs, if it may be repaired now.
  const DamageMark* repair_due(Time now) const;
  /// One more: waits as note_setback does. `is_bounce`: services were stopped for it, which at the third time is the
  /// last that is done without being asked for.
  void note_failed_repair(Time now, bool is_bounce = false);
  /// Paths that were mended; the oldest is dropped beyond kMostMended.
  void note_mended(const std::vector<std::string>& paths, Time now);
  /// Whether it was mended twice already, within 30 days.
  bool is_mended_often(const std::string& path, Time now) const;
  /// Adds a recipe; the oldest is dropped beyond kMostQuarantined.
  void put_aside(messages::Quarantined recipe);
  /// Adds an outcome; the oldest is dropped beyond kMostKeptOutcomes.
  void keep(messages::Outcome outcome);
};

Json to_json(const ProductRecord& record);
/// Errors: corrupt.
Result<ProductRecord> parse_record(std::string_view text, const std::string& what);

/// The records on disk. One thread writes; the caller sees to that.
class RecordStore {
 public:
  /// `folder` exists. Both must outlive the store.
  RecordStore(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

  /// A new record where there is none.   Errors: corrupt, disk.
  Result<ProductRecord> load(const std::string& product);
  /// The number for a new outcome: above all that the records of `products` and `record` gave, and above
  /// number_above().
  Result<std::int64_t> next_outcome(const std::vector<std::string>& products, const ProductRecord& record);
  /// After success the record survives a power cut. On a full disk the reserve is given up for it.
  Result<void> save(const ProductRecord& record);
  /// Sees to it that there is a reserve: so much of the disk that records can be written, and an installation ended,
  /// though something else took all the rest.
  Result<void> keep_reserve();
  /// Of records that are gone numbers may be known to others.
  void number_above(std::int64_t least) { least_ = least; }

 private:
  Path file_of(const std::string& product) const { return folder_ / (product + ".json"); }
  Path reserve() const { return folder_ / "reserve"; }

  Files& files_;
  Path folder_;
  std::int64_t least_ = 0;
};

}  // namespace upswarm::installer
