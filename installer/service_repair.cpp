// Of InstallerService: looking through what is installed, and its repair.
#include <algorithm>
#include <thread>

#include "installer/priority.hpp"
#include "installer/service.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::minutes kBreak{1};      // after work that ended a look through a tree
constexpr std::chrono::hours kLongestRest{1};  // between two looks at the records

}  // namespace

/// An administrator's `verify` or `repair`.
Result<Json> InstallerService::look_through(const std::string& word, const Json& question,
                                            const std::stop_token& stop) {
  ObjectReader in(question, word);
  const auto name = in.text("product", 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  std::unique_lock lock(mutex_);
  end_reading(lock);
  UPSWARM_CHECK(may_begin(word + " " + name));
  UPSWARM_TRY(const auto record, records_.load(name));
  if (record.journal)
    return Error{ErrorKind::busy, word + " " + name, "an installation is not finished; it is gone on with by itself"};
  Survey found;
  if (!record.current.empty()) {
    UPSWARM_CHECK(without_lock(lock, name, stop, [&](const std::stop_token& ending) -> Result<void> {
      UPSWARM_TRY(found, installation_of(*product).survey(sink_for(name, record.current), ending));
      return {};
    }));
    if (word == "repair") UPSWARM_CHECK(note_survey(name, found, true));
  }
  auto answer = told(found, name, record.current);
  answer.last_outcome = record.last_outcome;
  return messages::to_json(answer);
}

/// What is damaged waits for the agent, or is mended at once where nothing has to be fetched.
Result<void> InstallerService::note_survey(const std::string& product, const Survey& found, bool is_asked) {
  UPSWARM_TRY(const auto* const configured, find_product(product));
  UPSWARM_CHECK(installation_of(*configured).note_survey(found, is_asked));
  look_around_at_ = SteadyClock::now();
  wake_.notify_all();
  return {};
}

/// What is installed, where it is damaged: the agent can have nothing else repaired, nor oftener.
Result<trust::Entry> InstallerService::find_damaged(const std::string& product, const std::string& doing) {
  UPSWARM_TRY(const auto record, records_.load(product));
  if (record.repair_due(clock_.now()) == nullptr)
    return Error{ErrorKind::invalid, doing, "no repair of " + product + " is wanted now", "not_damaged"};
  return record.find(record.current)->entry;
}

Result<Json> InstallerService::damaged(const Json& question, std::unique_ptr<InputFile> file,
                                       const std::stop_token& stop) {
  ObjectReader in(question, "damaged");
  const auto name = in.text("product", 64);
  const bool with_frames = in.boolean_or("frames", false);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (!file) return Error{ErrorKind::invalid, "damaged", "no file came along", "no_file"};
  std::unique_lock lock(mutex_);
  UPSWARM_CHECK(may_read("look for damage"));
  UPSWARM_TRY(const auto entry, find_damaged(name, "damaged"));
  UPSWARM_CHECK(check_length(*file, entry.full, true));
  messages::MissingParts missing;
  UPSWARM_CHECK(without_lock(lock, name, stop, [&](const std::stop_token& ending) -> Result<void> {
    UPSWARM_TRY(missing,
                installation_of(*product).damaged(std::move(file), with_frames, sink_for(name, entry.version), ending));
    return {};
  }));
  return messages::to_json(missing);
}

Result<Json> InstallerService::offer_repair(const Json& question, std::unique_ptr<InputFile> file) {
  ObjectReader in(question, "offer_repair");
  const auto name = in.text("product", 64);
  const auto digest = in.parsed("sha256", parse_sha256);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (!file) return Error{ErrorKind::invalid, "offer_repair", "no file came along", "no_file"};
  UPSWARM_CHECK(may_begin("offer_repair"));
  UPSWARM_TRY(const auto entry, find_damaged(name, "offer_repair"));
  if (*digest != entry.full.sha256) {
    return Error{ErrorKind::untrusted, "offer_repair",
                 "it is not the full package of " + name + " " + entry.version + ", which is installed",
                 "wrong_digest"};
  }
  UPSWARM_CHECK(check_length(*file, entry.full, true));
  Job job{.product = product, .entry = {}, .steps = {}, .files = {}, .rollback_to = {}, .is_repair = true};
  job.files.push_back(std::move(file));
  UPSWARM_CHECK(start(std::move(job)));
  return Json{{"accepted", true}};
}

void InstallerService::perform_repair(Job& job, const std::stop_token& stop) {
  const auto& name = job.product->product;
  auto part = job.files.empty() ? nullptr : std::move(job.files.front());
  const auto record = records_.load(name);
  const auto sink = sink_for(name, record ? record->current : "");
  sink({"verifying", {}, {}});
  const auto repaired = installation_of(*job.product).repair(std::move(part), sink, stop);
  if (!repaired) {
    log::warning("work not done", {{"product", name}, {"error", repaired.error().message()}});
    const auto after = records_.load(name);
    if (repaired.error().kind != ErrorKind::cancelled && (!after || after->journal)) leave_unfinished(*job.product);
    const std::lock_guard lock(mutex_);
    look_around_at_ = SteadyClock::now() + kBreak;
  }
  keep_reserve();
}

/// What the installer does of its own accord: it mends what needs no package, and looks through what was not for long.
/// Nothing: neither is due yet. Under the lock.
std::optional<InstallerService::NextWork> InstallerService::look_around() {
  const auto now = clock_.now();
  std::chrono::milliseconds rest = kLongestRest;
  if (busy_) rest = kBreak;
  for (const auto& product : config_.products) {
    if (busy_ || std::ranges::find(unfinished_, &product) != unfinished_.end()) continue;
    const auto record = records_.load(product.product);
    const auto* const here = record ? record->find(record->current) : nullptr;
    if (here == nullptr || record->journal) continue;
    const auto* const mark = record->repair_due(now);
    if (mark != nullptr && !mark->needs_package) {
      busy_ = product.product;
      Job job{.product = &product, .entry = {}, .steps = {}, .files = {}, .rollback_to = {}, .is_repair = true};
      return NextWork{.job = std::move(job)};
    }
    if (config_.verify_every == std::chrono::milliseconds(0) || record->damage) continue;
    const auto last = std::max(record->checked.value_or(here->installed_at), here->installed_at);
    // A time that is to come was noted while the clock was wrong.
    const auto since = last > now ? config_.verify_every : std::chrono::milliseconds(now - last);
    if (since >= config_.verify_every) return NextWork{.job = {}, .unfinished = nullptr, .unchecked = &product};
    rest = std::min(rest, config_.verify_every - since);
  }
  look_around_at_ = SteadyClock::now() + rest;
  return std::nullopt;
}

/// Reads every byte of what is installed, unless other work comes: it hinders nobody, and nothing is busy by it.
void InstallerService::check_at_rest(const ProductConfig& product, const std::stop_token& stop) {
  auto ending = [this] {
    const std::lock_guard lock(mutex_);
    checking_.emplace();
    if (busy_) checking_->request_stop();
    return *checking_;
  }();
  Result<Survey> found = Error{ErrorKind::cancelled, "verify " + product.product, "stopped"};
  {
    const std::stop_callback forward(stop, [&ending] { ending.request_stop(); });
    const std::jthread reader([&] {
      yield_to_all_others();
      found = installation_of(product).survey({}, ending.get_token());
    });
  }
  const std::lock_guard lock(mutex_);
  checking_.reset();
  look_around_at_ = SteadyClock::now() + kBreak;
  if (busy_ || ending.stop_requested()) return;
  if (!found) {
    log::warning("what is installed could not be verified",
                 {{"product", product.product}, {"error", found.error().message()}});
    look_around_at_ = SteadyClock::now() + kLongestRest;
    return;
  }
  if (const auto noted = note_survey(product.product, *found, false); !noted) {
    log::warning("what was verified is not noted", {{"error", noted.error().message()}});
    look_around_at_ = SteadyClock::now() + kLongestRest;
  }
}

void InstallerService::end_check() {
  if (checking_) checking_->request_stop();
}

}  // namespace upswarm::installer
