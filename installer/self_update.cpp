#include "installer/self_update.hpp"

#include <thread>

#include "installer/program_of.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/process.hpp"
#include "protocol/messages/conversation.hpp"
#include "protocol/trust/metadata.hpp"

namespace upswarm::installer {
namespace {

constexpr std::chrono::milliseconds kQuestionLimit{std::chrono::seconds(60)};
constexpr std::chrono::milliseconds kBetweenProbes{200};
constexpr std::chrono::seconds kBetweenEnds{30};
constexpr Bytes kLongestMachineId = 1_KiB;

Result<void> read_role(const std::string& name, std::string_view bytes) {
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(bytes, name, trust::kLongestTargets));
  if (name == "root.json") UPSWARM_CHECK(trust::parse_root(envelope));
  else if (name == "timestamp.json") UPSWARM_CHECK(trust::parse_timestamp(envelope));
  else if (name == "snapshot.json") UPSWARM_CHECK(trust::parse_snapshot(envelope));
  else if (name == "targets.json") UPSWARM_CHECK(trust::parse_targets(envelope, "targets"));
  return {};
}

/// Without the lock that the running installer holds: each file is replaced as a whole.
Result<void> read_trust_state(Files& files, const Path& folder) {
  UPSWARM_TRY(const auto there, exists(files, folder));
  if (!there) return {};
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& name : names) {
    if (!name.ends_with(".json")) continue;
    UPSWARM_TRY(const auto bytes, read_file(files, folder / name, trust::kLongestTargets));
    UPSWARM_CHECK(read_role(name, bytes));
  }
  return {};
}

Result<messages::Hello> say_hello(const Path& socket, std::chrono::milliseconds limit) {
  UPSWARM_TRY(const auto link, connect_local(socket));
  UPSWARM_TRY(const auto answer, messages::ask(*link, {{"ask", "hello"}}, limit, {}));
  return messages::parse_hello(answer);
}

}  // namespace

Result<void> SelfUpdate::begin(const std::string& from, const std::string& to) {
  return begin_trial(files_, trial_file_, from, to);
}

void SelfUpdate::forgive() {
  const auto trial = read_trial(files_, trial_file_);
  if (!trial || !*trial || (*trial)->trying != running_ || (*trial)->starts == 0) return;
  ignore_failure(begin((*trial)->previous, (*trial)->trying), "then this start counts: the safe side");
}

bool SelfUpdate::took_back(const ProductRecord& record) {
  const auto trial = read_trial(files_, trial_file_);
  return trial && *trial && (*trial)->previous == running_ && (*trial)->trying == record.current &&
         (*trial)->starts >= kMostStarts && record.find(record.current) != nullptr;
}

void SelfUpdate::reopen(ProductRecord& record, Time now) const {
  record.journal = Journal{.phase = Phase::probation,
                           .kind = "rollback",
                           .to = record.find(record.current)->entry,
                           .from = running_,
                           .reason = {},
                           .blame = false,
                           .started = now};
  record.current = record.find(running_) != nullptr ? running_ : "";
  record.damage.reset();
  record.checked.reset();
  record.mended.clear();
}

Result<void> SelfUpdate::end_others() {
  const auto trial = read_trial(files_, trial_file_);
  return trial && *trial && (*trial)->trying == running_ ? Result<void>() : end();
}

std::string SelfUpdate::previous() {
  const auto trial = read_trial(files_, trial_file_);
  return trial && *trial ? (*trial)->previous : "";
}

SelfUpdate::SteadyTime SelfUpdate::watch(bool under_way, SteadyTime now) {
  if (now < kept_at_) return kept_at_;
  if (under_way) return now + kBetweenEnds;
  const auto before = previous();
  if (const auto ended = end(); !ended) {
    log::warning("starts of this installer are still counted", {{"error", ended.error().message()}});
    return now + kBetweenEnds;
  }
  if (!before.empty())
    log::info("the new installer ran for long enough, and is kept", {{"version", running_}, {"before", before}});
  return SteadyTime::max();
}

Result<void> SelfUpdate::end() { return end_trial(files_, trial_file_); }

int SelfUpdate::starts() {
  const auto trial = read_trial(files_, trial_file_);
  return trial && *trial ? (*trial)->starts : 0;
}

trust::Command ask_installer(const char* question, const Path& file) {
  return {.argv = {"bin/upswarm-installer", "--config", file.string(), question}, .timeout = kQuestionLimit};
}

Result<std::string> own_release(const Path& root) {
  UPSWARM_TRY(const auto program, own_program());
  const auto versions = root / "versions";
  if (is_below(program, versions)) return program.lexically_relative(versions).begin()->string();
  return Error{ErrorKind::denied, "update the installer itself",
               "it runs " + program.string() + ", not a release below " + versions.string() +
                   "; start it by upswarm-launcher, or take `self` out of installer.toml",
               "not_own_root"};
}

Result<void> test_self(Files& files, const InstallerConfig& config) {
  UPSWARM_CHECK(user_id_of(config.agent_account));
  RecordStore records(files, config.state_folder / "products");
  for (const auto& product : config.product_names()) {
    UPSWARM_TRY(const auto record, records.load(product));
    if (record.product != product)
      return Error{ErrorKind::corrupt, "the record of " + product, "it is of another product"};
  }
  return read_trust_state(files, config.state_folder / "trust");
}

Result<void> probe_installer(Files& files, const InstallerConfig& config, std::chrono::milliseconds limit) {
  using SteadyClock = std::chrono::steady_clock;
  UPSWARM_TRY(const auto machine_id, read_file(files, config.state_folder / "machine-id", kLongestMachineId));
  const auto deadline = SteadyClock::now() + limit;
  auto hello = say_hello(config.socket, limit);
  while (!hello && hello.error().kind == ErrorKind::unreachable && SteadyClock::now() < deadline) {
    std::this_thread::sleep_for(kBetweenProbes);
    hello = say_hello(config.socket, limit);
  }
  UPSWARM_CHECK(hello);
  if (hello->machine_id == machine_id) return {};
  return Error{ErrorKind::corrupt, "talk to the installer", "it says that it is another machine's"};
}

}  // namespace upswarm::installer
