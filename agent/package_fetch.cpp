#include "agent/package_fetch.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLook = milliseconds(100);
constexpr auto kTellEvery = milliseconds(200);
constexpr auto kStalled = seconds(2);                 ///< the tracker may know better, and passes leases on
constexpr auto kLongestStall = seconds(16);           ///< between announces for that
constexpr auto kLeaderPatience = milliseconds(2500);  ///< a whole site waits
constexpr auto kFlushLimit = seconds(30);
constexpr auto kVerdictLimit = seconds(60);
constexpr auto kLastVerdictLimit = seconds(5);  ///< after a stop: bytes that crossed the link are worth this wait

std::string url_of(const std::string& seeder_url, const std::string& path) {
  return seeder_url.substr(0, seeder_url.find_last_not_of('/') + 1) + "/" + path;
}

}  // namespace

PackageFetch::PackageFetch(const FetchTools& tools, const DownloadRequest& request, milliseconds patience,
                           const DownloadSink& progress, std::stop_token stop)
    : tools_(tools),
      request_(request),
      id_(request.file.info_hash),
      patience_(patience),
      progress_(progress),
      stop_(std::move(stop)),
      ranges_(tools.http, url_of(tools.settings.seeder_url, request.http_path), request.file.length,
              request.file.piece_length, *this, tools.effort, tools.rate, tools.lease) {}

template <typename IsDone>
Result<TorrentState> PackageFetch::wait_until(IsDone is_done) {
  for (;;) {
    const auto state = tools_.session.state(id_);
    if (!state) return Error{ErrorKind::cancelled, "fetch " + request_.file.path, "it is no longer wanted"};
    if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "fetch " + request_.file.path, "asked to stop"};
    if (state->fault) return Error(*state->fault).within("fetch " + request_.file.path);
    UPSWARM_TRY(const bool done, is_done(*state));
    if (done) return *state;
    tools_.session.wait_for_change(kLook);
  }
}

Result<void> PackageFetch::run() {
  tools_.session.clear_fault(id_);
  auto state = wait_until([&](const TorrentState& now) -> Result<bool> {
    tell(now, false);
    return now.is_checked;
  });
  if (state) {
    tools_.session.want(id_, request_.pieces);
    if (request_.pieces.empty()) {
      hasher_.emplace(
          system_files(), tools_.cache.path_of(request_.file.sha256), request_.file.length,
          [this]() -> std::optional<Bytes> {
            const auto now = tools_.session.state(id_);
            return now ? std::optional(now->start) : std::nullopt;
          },
          [this] { tools_.session.wait_for_change(kLook); });
    }
    state = wait_until([](const TorrentState&) -> Result<bool> { return true; });
  }
  if (state && !state->is_complete) {
    UPSWARM_CHECK(check_space(*state));
    last_received_ = last_hurry_ = Clock::now();
    hunger_.emplace(last_hurry_);
    hurry_after_ = kStalled;
    tools_.session.start(id_);
    tools_.announcer.hurry(id_);
    ranges_thread_ = std::jthread([this](const std::stop_token& stop) { fetch_ranges(stop); });
    state = wait_until([&](const TorrentState& now) { return look_after(now); });
    ranges_thread_ = {};
    tools_.announcer.hurry(id_);  // complete, or no peers wanted any more
  }
  if (!state) {
    tools_.session.hold(id_);
    if (const auto last = tools_.session.state(id_)) tell(*last, true);
    return std::move(state).error();
  }
  UPSWARM_CHECK(tools_.session.flush(id_, kFlushLimit));
  tell(*state, true);
  // Of pieces there is no digest that was signed: who takes them verifies what lies in them.
  return request_.pieces.empty() ? verify() : Result<void>();
}

Result<void> PackageFetch::verify() {
  const auto digest = hasher_->finish(stop_);
  if (digest && *digest == request_.file.sha256) return {};
  if (!digest && digest.error().kind == ErrorKind::cancelled) return digest.error();
  // What lay there may have changed after it was read: what lies there now decides.
  return tools_.cache.verify(request_.file.sha256, stop_);
}

Result<void> PackageFetch::check_space(const TorrentState& state) const {
  UPSWARM_TRY(const auto free, tools_.cache.free_space());
  const auto needed = state.missing + tools_.settings.keep_free;
  if (free >= needed) return {};
  return Error{ErrorKind::no_space, "fetch " + request_.file.path,
               to_string(state.missing) + " to come and " + to_string(tools_.settings.keep_free) + " to be left, but " +
                   to_string(free) + " free in " + tools_.settings.cache.string()};
}

Result<bool> PackageFetch::look_after(const TorrentState& state) {
  tell(state, false);
  if (state.is_complete) return true;
  const auto now = Clock::now();
  const auto received = state.from_peers + ranges_.received();
  if (received > most_received_) {
    most_received_ = received;
    last_received_ = now;
    hurry_after_ = kStalled;
  }
  hurry_if_worse(state, now);
  hunger_->look(now, state.from_peers, tools_.rate ? tools_.rate() : 0);
  set_ranges_wanted(hunger_->has_lasted(ranges_after(state)));
  if (now - last_received_ >= patience_) return given_up();
  return false;
}

milliseconds PackageFetch::ranges_after(const TorrentState& state) const {
  if (state.peers == 0 && tools_.is_alone && tools_.is_alone()) return {};
  auto delay = tools_.settings.http_after;
  if (tools_.effort() == Effort::foreground) delay = std::min(delay, tools_.settings.http_after_foreground);
  return state.leads ? std::min(delay, kLeaderPatience) : delay;
}

/// Announces when nothing comes any more, less and less often, and when the origin is gone.
void PackageFetch::hurry_if_worse(const TorrentState& state, Clock::time_point now) {
  const bool is_stalled = now - std::max(last_received_, last_hurry_) >= hurry_after_;
  const bool lost_origin = had_origin_ && !state.has_origin;
  had_origin_ = state.has_origin;
  if (!is_stalled && !lost_origin) return;
  if (is_stalled) hurry_after_ = std::min<Clock::duration>(2 * hurry_after_, kLongestStall);
  last_hurry_ = now;
  tools_.announcer.hurry(id_);
}

std::string PackageFetch::trouble() const {
  const auto tracker = tools_.announcer.trouble(id_);
  const std::lock_guard lock(mutex_);
  std::string why;
  if (!tracker.empty()) why = "tracker: " + tracker;
  if (!ranges_trouble_.empty()) why += (why.empty() ? "HTTP: " : "; HTTP: ") + ranges_trouble_;
  return why;
}

Error PackageFetch::given_up() const {
  const auto why = trouble();
  return {ranges_.is_bad() ? ErrorKind::corrupt : ErrorKind::unreachable, "fetch " + request_.file.path,
          "nothing came for " + to_string(patience_) + (why.empty() ? "" : "; " + why)};
}

void PackageFetch::tell(const TorrentState& state, bool at_once) {
  const auto now = Clock::now();
  const auto since = now - last_told_;
  if (!progress_ || (!at_once && since < kTellEvery)) return;
  const auto ranges = ranges_.received();
  const auto elapsed = std::chrono::duration_cast<milliseconds>(since).count();
  const auto by_ranges = elapsed > 0 ? (ranges - told_ranges_).count * 1000 / static_cast<std::uint64_t>(elapsed) : 0;
  last_told_ = now;
  told_ranges_ = ranges;
  const bool waits = !state.is_complete && now - last_received_ >= tools_.settings.http_after;
  progress_({state.wanted - state.missing, state.wanted, state.bytes, state.bytes_per_second + by_ranges, state.peers,
             waits ? trouble() : std::string()});
}

void PackageFetch::set_ranges_wanted(bool wanted) {
  {
    const std::lock_guard lock(mutex_);
    if (ranges_wanted_ == wanted) return;
    ranges_wanted_ = wanted;
  }
  wanted_changed_.notify_all();
  if (!wanted && tools_.standing) tools_.standing->note("", {});
  log::debug(
      wanted ? "peers bring next to nothing: HTTP ranges join in" : "peers bring enough again: HTTP ranges pause",
      {{"package", request_.file.path}});
}

void PackageFetch::fetch_ranges(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wanted_changed_.wait(lock, stop, [&] { return ranges_wanted_; })) {
    lock.unlock();
    const auto step = ranges_.step(stop);
    lock.lock();
    ranges_trouble_ = step ? std::string() : step.error().message();
    if (stop.stop_requested() || ranges_.is_bad()) return;
    const auto pause = step ? milliseconds(0) : ranges_.retry_after();
    if (tools_.standing) tools_.standing->note(ranges_trouble_, pause);
    if (pause.count() > 0) wanted_changed_.wait_for(lock, stop, pause, [] { return false; });
  }
}

std::vector<std::uint32_t> PackageFetch::missing() { return tools_.session.missing(id_); }

Result<void> PackageFetch::put(std::uint32_t piece, ByteView bytes, const std::stop_token& stop) {
  const auto begin = Clock::now();
  const auto before = tools_.session.state(id_);
  tools_.session.give_piece(id_, piece, bytes);
  for (;;) {
    const auto state = tools_.session.state(id_);
    const auto waited = Clock::now() - begin;
    if (!before || !state || (stop.stop_requested() && waited > kLastVerdictLimit))
      return Error{ErrorKind::cancelled, "check piece", "asked to stop"};
    const auto still = missing();
    if (!std::binary_search(still.begin(), still.end(), piece)) return {};
    if (state->failed_given > before->failed_given) {
      return Error{ErrorKind::corrupt, "check piece " + std::to_string(piece), "its SHA-1 is not the signed one",
                   "piece"};
    }
    if (state->failed_mixed > before->failed_mixed) {
      return Error{ErrorKind::busy, "check piece " + std::to_string(piece), "bytes of peers in it were wrong", "mixed"};
    }
    if (state->fault || waited > kVerdictLimit) {
      return Error{ErrorKind::disk, "check piece " + std::to_string(piece),
                   state->fault ? state->fault->message() : "no verdict"};
    }
    tools_.session.wait_for_change(kLook);
  }
}

}  // namespace upswarm::agent
