#include "installer/service.hpp"

#include <algorithm>
#include <charconv>

#include "installer/guard.hpp"
#include "installer/program_of.hpp"
#include "installer/versioned_layout.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

constexpr Bytes kLongestMachineId = 1_KiB;
constexpr Bytes kLongestMark = 32_B;

Result<std::string> read_machine_id(Files& files, const Path& file) {
  const auto text = read_file(files, file, kLongestMachineId);
  if (text) return *text;
  if (text.error().kind != ErrorKind::not_found) return text.error();
  auto made = to_hex(random_bytes(16));
  UPSWARM_CHECK(write_file_atomically(files, file, made, 0644));
  return made;
}

/// A mark that is lost or damaged costs no more than that outcomes are told again.
std::int64_t read_acknowledged(Files& files, const Path& file) {
  const auto text = read_file(files, file, kLongestMark);
  std::int64_t number = 0;
  if (text && std::from_chars(text->data(), text->data() + text->size(), number).ec == std::errc{} && number >= 0)
    return number;
  if (text || text.error().kind != ErrorKind::not_found)
    log::warning("what the agent acknowledged is not known: outcomes are told again", {{"file", file.string()}});
  return 0;
}

}  // namespace

InstallerService::InstallerService(const InstallerConfig& config, Files& files, const Clock& clock, TrustGate gate,
                                   std::string machine_id, std::uint32_t agent_user, std::int64_t acknowledged)
    : config_(config),
      files_(files),
      clock_(clock),
      gate_(std::move(gate)),
      machine_id_(std::move(machine_id)),
      agent_user_(agent_user),
      share_(static_cast<int>(sha256(machine_id_).bytes.front())),
      confirmations_(files, config.socket.parent_path(), program_of_peer),
      runner_(make_process_runner(config.systemctl, make_command_runner(config.systemctl), confirmations_)),
      records_(files, config.state_folder / "products"),
      acknowledged_(acknowledged) {
  records_.number_above(acknowledged);
}

Result<std::unique_ptr<InstallerService>> InstallerService::open(const InstallerConfig& config, Files& files,
                                                                 const Clock& clock) {
  UPSWARM_TRY(const auto agent_user, user_id_of(config.agent_account));
  if (agent_user == 0) {
    return Error{ErrorKind::denied, "use the agent's account " + config.agent_account, "it is root by another name",
                 "agent_is_root"};
  }
  for (const char* name : {"", "products", "trees", "incoming", "trust"}) {
    UPSWARM_CHECK(prepare_private_folder(files, name[0] == '\0' ? config.state_folder : config.state_folder / name));
  }
  UPSWARM_CHECK(prepare_private_folder(files, config.socket.parent_path()));
  UPSWARM_TRY(auto gate, TrustGate::open(files, config.state_folder / "trust", clock));
  if (gate.root_version() == 0 && !config.root_file.empty()) {
    UPSWARM_TRY(const auto root, read_file(files, config.root_file, trust::kLongestRoot));
    UPSWARM_CHECK(gate.place_first_root(root));
    log::info("first root of trust placed", {{"file", config.root_file.string()}, {"version", gate.root_version()}});
  }
  UPSWARM_TRY(auto machine_id, read_machine_id(files, config.state_folder / "machine-id"));
  std::unique_ptr<InstallerService> service(
      new InstallerService(config, files, clock, std::move(gate), std::move(machine_id), agent_user,
                           read_acknowledged(files, config.state_folder / kAcknowledged)));
  UPSWARM_CHECK(service->find_self());
  for (const auto& product : config.products) {
    // A record that cannot be read must not be guessed at: say so before anything is touched.
    UPSWARM_TRY(const auto record, service->records_.load(product.product));
    if (record.product != product.product)
      return Error{ErrorKind::corrupt, "the record of " + product.product, "it is of another product"};
  }
  return service;
}

void InstallerService::settle(const std::stop_token& stop) {
  for (const auto& product : config_.products) {
    if (stop.stop_requested()) return;
    if (const auto settled = installation_of(product).settle(stop); !settled)
      log::error("not settled before services start",
                 {{"product", product.product}, {"error", settled.error().message()}});
  }
}

void InstallerService::recover(const std::stop_token& stop) {
  // This program first: while it is on trial its time is short, and the recovery of others may take long.
  for (const bool is_self : {true, false}) {
    for (const auto& product : config_.products) {
      if (product.self != is_self) continue;
      {
        const std::lock_guard lock(mutex_);
        busy_ = product.product;
      }
      finish(product, stop, true);
    }
    if (is_self && is_another_to_run()) return;
  }
  const std::lock_guard lock(mutex_);
  is_recovering_ = stop.stop_requested();
  rest();
}

/// What fails now, for a full disk or rights that were changed, is tried again: services may be down until then.
void InstallerService::finish(const ProductConfig& product, const std::stop_token& stop, bool is_restart) {
  keep_reserve();
  const auto recovered = installation_of(product).recover(sink_for(product.product, ""), stop, is_restart);
  if (recovered) return;
  log::error("recovery failed, and is tried again",
             {{"product", product.product}, {"error", recovered.error().message()}});
  leave_unfinished(product);
}

void InstallerService::leave_unfinished(const ProductConfig& product) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(unfinished_, &product) == unfinished_.end()) unfinished_.push_back(&product);
  retry_at_ = std::chrono::steady_clock::now() + config_.recovery_retry;
}

void InstallerService::keep_reserve() {
  if (const auto kept = records_.keep_reserve(); !kept)
    log::warning("no reserve for records", {{"error", kept.error().message()}});
}

/// Nothing is being worked on; what waits is busy.
void InstallerService::rest() {
  busy_.reset();
  if (job_) busy_ = job_->product->product;
  if (rollback_) busy_ = rollback_->product->product;
  progress_ = {};
}

Result<void> InstallerService::find_self() {
  const auto found = std::ranges::find_if(config_.products, &ProductConfig::self);
  if (found == config_.products.end()) return {};
  UPSWARM_TRY(auto running, own_release(found->root));
  self_.emplace(files_, config_.state_folder / kTrial, std::move(running), started_ + config_.self_watch);
  self_product_ = &*found;
  watch_at_ = started_;
  return {};
}

/// Also where it was rolled back, by this program or by the launcher.
bool InstallerService::is_another_to_run() {
  if (!self_) return false;
  const auto current = VersionedLayout(files_, self_product_->root).current_version();
  if (current && *current && **current != self_->running()) {
    log::info("another installer is to run", {{"running", self_->running()}, {"current", **current}});
    return true;
  }
  const auto record = records_.load(self_product_->product);
  const bool under_way = !record || record->journal;
  if (!under_way) end_launch_watch();
  watch_at_ = self_->watch(under_way, std::chrono::steady_clock::now());
  return false;
}

void InstallerService::work(std::stop_token stop) {
  if (is_recovering_) recover(stop);
  while (!stop.stop_requested() && !is_another_to_run()) {
    auto work = next_work(stop);
    if (work.unchecked != nullptr) check_at_rest(*work.unchecked, stop);
    if (!work.job && work.unfinished == nullptr) continue;  // nothing was busy by it
    if (work.job) perform(*work.job, stop);
    else finish(*work.unfinished, stop, false);
    const std::lock_guard lock(mutex_);
    rest();
  }
  if (self_ && stop.stop_requested()) self_->forgive();
}

/// Waits for it. Nothing: it is time to end, or to look after this program itself. An administrator's rollback goes
/// first; what is unfinished goes before the agent's job when its time has come, so that no agent keeps services down.
InstallerService::NextWork InstallerService::next_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto is_due = [this] { return !unfinished_.empty() && std::chrono::steady_clock::now() >= retry_at_; };
  while (!stop.stop_requested()) {
    if (rollback_) return {.job = std::exchange(rollback_, std::nullopt)};
    if (is_due()) {
      end_reading(lock);
      if (rollback_) continue;
      const auto* const product = unfinished_.front();
      unfinished_.pop_front();
      busy_ = product->product;
      return {.job = {}, .unfinished = product};
    }
    if (job_) return {.job = std::exchange(job_, std::nullopt)};
    if (std::chrono::steady_clock::now() >= watch_at_) return {};
    const auto is_time = [this] { return std::chrono::steady_clock::now() >= look_around_at_; };
    if (is_time()) {
      if (auto work = look_around(lock)) return *std::move(work);
    }
    const auto is_there = [&] { return rollback_ || job_ || is_due() || is_time(); };
    const auto until = std::min(watch_at_, look_around_at_);
    wake_.wait_until(lock, stop, unfinished_.empty() ? until : std::min(retry_at_, until), is_there);
  }
  return {};
}

void InstallerService::perform(Job& job, const std::stop_token& stop) {
  if (job.is_repair) return perform_repair(job, stop);
  auto installation = installation_of(*job.product);
  const auto version = job.entry ? job.entry->version : job.rollback_to;
  const auto sink = sink_for(job.product->product, version);
  const auto run = [&]() -> Result<messages::Outcome> {
    if (!job.entry) return installation.roll_back(job.rollback_to, sink, stop);
    if (job.steps.empty()) return installation.install_kept(*job.entry, sink, stop);
    if (job.steps.front().is_sparse)
      return installation.install_sparse(*job.entry, std::move(job.files.front()), sink, stop);
    sink({"verifying", {}, job.length()});
    UPSWARM_CHECK(take_packages(job, installation, stop));
    return installation.install(*job.entry, job.steps, sink, stop);
  };
  if (!job.entry) finish_before(*job.product, stop);
  const auto before = records_.load(job.product->product);
  const auto outcome = run();
  if (!outcome) note_failure(job, outcome.error(), before ? before->last_outcome : kMax);
  keep_reserve();
}

/// An administrator's rollback of what is unfinished.
void InstallerService::finish_before(const ProductConfig& product, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (std::erase(unfinished_, &product) == 0) return;
  }
  finish(product, stop, false);
}

Bytes InstallerService::Job::length() const {
  Bytes all;
  for (const auto& step : steps) all += step.package.length;
  return all;
}

std::string InstallerService::Job::kind() const {
  if (!entry) return "rollback";
  if (steps.size() != 1) return steps.empty() ? "nothing" : "chain";
  if (steps.front().is_sparse) return "sparse";
  return steps.front().package.sha256 == entry->full.sha256 ? "full" : "delta";
}

Result<void> InstallerService::take_packages(Job& job, Installation& installation, const std::stop_token& stop) {
  UPSWARM_CHECK(installation.remove_incoming());
  const auto folder = installation.incoming().parent_path();
  UPSWARM_TRY(const auto there, files_.free_space(folder));
  if (there < job.length() + config_.keep_free) {
    return Error{
        ErrorKind::no_space, "take over the package " + job.steps.front().package.path,
        to_string(job.length()) + " are needed and " + to_string(there) + " are free under " + folder.string()};
  }
  for (std::size_t i = 0; i < job.steps.size(); ++i)
    UPSWARM_CHECK(take_package(job.steps.at(i), *job.files.at(i), installation.incoming(i), stop));
  return {};
}

Result<void> InstallerService::take_package(const PackageStep& step, InputFile& from, const Path& to,
                                            const std::stop_token& stop) {
  const auto& package = step.package;
  UPSWARM_TRY(const auto copy, files_.create(to, 0600));
  ByteBuffer buffer(256 * 1024);
  Sha256Hasher hasher;
  Bytes at;
  while (at < package.length) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "take over a package", "stopped"};
    const auto wanted = std::min<std::uint64_t>(buffer.size(), (package.length - at).count);
    UPSWARM_TRY(const auto count, from.read_at(at, std::span(buffer).first(wanted)));
    if (count == 0) break;
    const auto part = ByteView(buffer).first(count);
    hasher.update(part);
    UPSWARM_CHECK(copy->write(part));
    at += Bytes{count};
  }
  const auto refuse = [&](const char* why, const char* reason) {
    ignore_failure(files_.remove_file(to), "the refusal is what matters; recovery removes it too");
    return Error{ErrorKind::untrusted, "take over the package " + package.path, why, reason};
  };
  if (at != package.length) return refuse("it ended before its signed length", "wrong_length");
  if (hasher.finish() != package.sha256) return refuse("its bytes are not the signed ones", "wrong_digest");
  return copy->sync();
}

/// An error may come after its outcome was recorded, when the disk fails in the midst of it: what is recorded stands.
void InstallerService::note_failure(const Job& job, const Error& why, std::int64_t told_before) {
  log::warning("work not done", {{"product", job.product->product}, {"error", why.message()}});
  if (why.kind == ErrorKind::cancelled) return;
  auto record = records_.load(job.product->product);
  const bool is_unfinished = !record || record->journal;
  if (is_unfinished) leave_unfinished(*job.product);
  // Of what is journaled recovery tells what came of it; a rollback that was not begun is in no journal.
  if (!record || (is_unfinished && job.entry) || record->last_outcome > told_before) return;
  const auto number = records_.next_outcome(config_.product_names(), *record);
  if (!number) return;
  messages::Outcome outcome;
  outcome.number = *number;
  outcome.product = record->product;
  outcome.from = record->current;
  outcome.to = job.entry ? job.entry->version : job.rollback_to;
  outcome.running = record->current;
  outcome.kind = job.kind();
  outcome.result = "failed";
  outcome.reason = why.message();
  outcome.at = clock_.now();
  record->keep(std::move(outcome));
  if (const auto saved = records_.save(*record); !saved)
    log::error("outcome not recorded", {{"error", saved.error().message()}});
}

Installation InstallerService::installation_of(const ProductConfig& product) {
  return {files_,
          records_,
          *runner_,
          clock_,
          product,
          config_,
          config_.state_folder,
          product.self && self_ ? &*self_ : nullptr};
}

package::ProgressSink InstallerService::sink_for(const std::string& product, const std::string& version) {
  return [this, product, version](const Progress& progress) {
    const std::lock_guard lock(mutex_);
    progress_ = {product, version, std::string(progress.phase), progress.done, progress.total};
  };
}

Result<const ProductConfig*> InstallerService::find_product(const std::string& name) const {
  const auto found = std::ranges::find_if(config_.products, [&](const auto& one) { return one.product == name; });
  if (found == config_.products.end()) {
    return Error{ErrorKind::not_found, "product \"" + name.substr(0, 64) + "\"", "installer.toml does not name it",
                 "unknown_product"};
  }
  return &*found;
}

Result<void> InstallerService::is_at_rest(const std::string& doing) const {
  if (!is_recovering_) return {};
  return Error{ErrorKind::busy, doing, "the installer still finishes what a restart interrupted", "recovering"};
}

Result<void> InstallerService::may_begin(const std::string& doing) const {
  UPSWARM_CHECK(is_at_rest(doing));
  if (busy_) return Error{ErrorKind::busy, doing, "the installer is at work on " + *busy_};
  return {};
}

Result<void> InstallerService::start(Job job) {
  UPSWARM_CHECK(may_begin("start work on " + job.product->product));
  end_check();
  busy_ = job.product->product;
  job_ = std::move(job);
  wake_.notify_all();
  return {};
}

}  // namespace upswarm::installer
