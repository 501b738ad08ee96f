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
constexpr int kShares = 1 << 8;                // as a byte

}  // namespace

/// An administrator's `verify` or `repair`.
Result<Json> InstallerService::look_through(const std::string& word, const Json& question,
                                            const std::stop_token& stop) {
  ObjectReader in(question, word);
  const auto name = in.text("product", 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  std::unique_lock lock(mutex_);
  if (is_asked_)
    return Error{ErrorKind::busy, word + " " + name, "another administrator has a product read", "administrator_first"};
  end_reading(lock);
  UPSWARM_CHECK(may_begin(word + " " + name));
  end_check();
  UPSWARM_TRY(const auto record, records_.load(name));
  if (record.journal)
    return Error{ErrorKind::busy, word + " " + name, "an installation is not finished; it is gone on with by itself"};
  Survey found;
  if (!record.current.empty()) {
    is_asked_ = true;
    const auto read = without_lock(lock, name, stop, [&](const std::stop_token& ending) -> Result<void> {
      UPSWARM_TRY(found, installation_of(*product).survey(sink_for(name, record.current), ending));
      return {};
    });
    is_asked_ = false;
    UPSWARM_CHECK(read);
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
  if (is_asked) unsaved_.erase(product);
  look_around_at_ = SteadyClock::now();
  wake_.notify_all();
  return {};
}

/// As of the record; nor where only this program knows of the wait.
const DamageMark* InstallerService::repair_due(const ProductRecord& record) const {
  const auto unsaved = unsaved_.find(record.product);
  const bool waits = unsaved != unsaved_.end() && unsaved->second.holds(clock_.now());
  return waits ? nullptr : record.repair_due(clock_.now());
}

/// A disk that takes no record lets no failure be noted there: the same would be tried again at once. `after`: what the
/// record says after a failure.
void InstallerService::note_unsaved_repair(const std::string& product, const Result<ProductRecord>& after) {
  if (!after || after->repair_due(clock_.now()) == nullptr) {
    unsaved_.erase(product);
    return;
  }
  auto& one = unsaved_[product];
  one.not_before = clock_.now() + wait_after(++one.count);
  if (one.count > 1) return;
  log::error("a repair failed, which its record could not be told: it is tried again ever less often, at most daily",
             {{"product", product}});
}

/// What is installed, where it is damaged: the agent can have nothing else repaired, nor oftener.
Result<trust::Entry> InstallerService::find_damaged(const std::string& product, const std::string& doing) {
  UPSWARM_TRY(const auto record, records_.load(product));
  if (repair_due(record) == nullptr)
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
    if (repaired.error().kind != ErrorKind::cancelled) note_unsaved_repair(name, after);
    look_around_at_ = SteadyClock::now() + kBreak;
  } else {
    const std::lock_guard lock(mutex_);
    unsaved_.erase(name);
  }
  keep_reserve();
}

/// What the installer does of its own accord: it mends what needs no package, and looks through what was not for long.
/// Nothing: neither is due yet, or other work came. Under the lock, which it may give up for a while.
///
/// Questions of the agent that only read keep it from neither: what is to be mended ends them, and a look through a
/// tree goes on beside them. While anything is unfinished no such look begins, for it may last, and services be down.
std::optional<InstallerService::NextWork> InstallerService::look_around(std::unique_lock<std::mutex>& lock) {
  if (busy_ && !reading_) return std::nullopt;
  auto next = std::chrono::milliseconds(unfinished_.empty() ? kLongestRest : kBreak);
  const ProductConfig* unchecked = nullptr;
  for (const auto& product : config_.products) {
    if (std::ranges::find(unfinished_, &product) != unfinished_.end()) continue;
    const auto record = records_.load(product.product);
    if (!record || record->find(record->current) == nullptr || record->journal) continue;
    const auto* const mark = repair_due(*record);
    if (mark != nullptr && !mark->needs_package) {
      if (is_asked_) {
        next = std::min<std::chrono::milliseconds>(next, kBreak);
        continue;
      }
      if (reading_) {
        end_reading(lock);
        return look_around(lock);  // of what is there now
      }
      busy_ = product.product;
      Job job{.product = &product, .entry = {}, .steps = {}, .files = {}, .rollback_to = {}, .is_repair = true};
      return NextWork{.job = std::move(job)};
    }
    if (config_.verify_every == std::chrono::milliseconds(0) || record->damage || !unfinished_.empty()) continue;
    const auto left = until_check(*record);
    if (left <= std::chrono::milliseconds(0) && unchecked == nullptr) unchecked = &product;
    next = std::min(next, left);
  }
  if (unchecked != nullptr) return NextWork{.job = {}, .unfinished = nullptr, .unchecked = unchecked};
  look_around_at_ = SteadyClock::now() + next;
  return std::nullopt;
}

/// Zero or less: every byte of what is installed is to be read now. What was installed on many machines at once is not
/// read on all of them at once, nor where they start at once: after a start a thousandth of verify_every is waited (ten
/// minutes of a week), and up to seven times as long, by the machine's id.
std::chrono::milliseconds InstallerService::until_check(const ProductRecord& record) const {
  using std::chrono::milliseconds;
  const auto every = config_.verify_every;
  const auto part = [this](milliseconds of) { return of * share_ / kShares; };
  const auto quiet = started_ + every / 1000 + part(6 * every / 1000) - SteadyClock::now();
  const auto now = clock_.now();
  const auto last = record.checked ? *record.checked : record.find(record.current)->installed_at;
  // A time that is to come was noted while the clock was wrong.
  auto left = last > now ? milliseconds(0) : every - milliseconds(now - last);
  if (!record.checked) left -= part(every);
  return std::max(left, std::chrono::ceil<milliseconds>(quiet));
}

/// Reads every byte of what is installed, unless other work comes: it hinders nobody, and nothing is busy by it.
/// Nothing can become unfinished meanwhile, for the thread that works waits for it.
void InstallerService::check_at_rest(const ProductConfig& product, const std::stop_token& stop) {
  auto ending = [this] {
    const std::lock_guard lock(mutex_);
    checking_.emplace();
    if (busy_ && !reading_) checking_->request_stop();
    return *checking_;
  }();
  Result<Survey> found = Error{ErrorKind::cancelled, "verify " + product.product, "stopped"};
  {
    const std::stop_callback forward(stop, [&ending] { ending.request_stop(); });
    const std::jthread reader([&] {
      static std::once_flag told;
      if (const auto yielded = yield_to_all_others(); !yielded)
        std::call_once(told, [&] {
          log::warning("what is installed is read, but not at the lowest priority",
                       {{"error", yielded.error().message()}});
        });
      found = installation_of(product).survey({}, ending.get_token());
    });
  }
  std::unique_lock lock(mutex_);
  await_reading(lock);  // which may write the record, too
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
