#include "agent/parts_fetch.hpp"

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "agent/parts_choice.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;

void sleep_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace

PartsFetch::PartsFetch(const SwarmSettings& settings, HttpClient& http, const PackageCache& cache,
                       const DownloadRequest& request, std::chrono::milliseconds patience, RateNow rate,
                       EffortNow effort)
    : settings_(settings),
      cache_(cache),
      request_(request),
      patience_(patience),
      file_(cache.path_of(request.file.sha256)),
      requests_(
          http, settings.seeder_url.substr(0, settings.seeder_url.find_last_not_of('/') + 1) + "/" + request.http_path,
          request.file.length, effort ? std::move(effort) : [now = request.effort()] { return now; }, std::move(rate)),
      last_received_(Clock::now()) {
  for (const auto& part : request.parts) {
    Bytes outside;
    for (const auto& span : spans_outside(request.file, {part}, request.pieces, {})) outside += span.length;
    parts_.push_back({part, outside, false});
  }
}

Result<void> PartsFetch::run(const std::function<void()>& tell, const std::stop_token& stop) {
  tell_ = tell;
  UPSWARM_CHECK(look_at_disk(stop));
  UPSWARM_CHECK(check_space());
  last_received_ = Clock::now();
  while (missing() > 0_B) {
    tell();
    verified_up_to_ = {};
    for (const auto& range : ranges_to_come()) {
      UPSWARM_CHECK(fetch(range, stop));
      UPSWARM_CHECK(verify_up_to(range.offset + range.length, stop));
      tell();
    }
    UPSWARM_CHECK(verify_up_to(request_.file.length, stop));  // parts that end in a piece
  }
  // Wholly in pieces that passed their SHA-1, or in ranges: whatever is wrong now, no origin can mend it.
  for (const auto& part : parts_) {
    if (!part.is_here)
      return Error{ErrorKind::corrupt, "fetch parts of " + request_.file.path, "pieces hold other bytes", "digest"};
  }
  tell();
  return {};
}

Result<bool> PartsFetch::is_right(const SignedPart& part, const std::stop_token& stop) const {
  const auto file = system_files().open(file_);
  if (!file && file.error().kind == ErrorKind::not_found) return false;
  if (!file) return file.error();
  Sha256Hasher hasher;
  ByteBuffer buffer((256_KiB).count);
  for (auto [at, left] = part.place; left > 0_B;) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "verify " + file_.string(), "asked to stop"};
    const auto most = std::min<std::uint64_t>(buffer.size(), left.count);
    UPSWARM_TRY(const auto count, (*file)->read_at(at, std::span(buffer).first(most)));
    if (count == 0) return false;
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
    left -= Bytes{count};
  }
  return hasher.finish() == part.sha256;
}

Result<void> PartsFetch::look_at_disk(const std::stop_token& stop) {
  for (auto& part : parts_) {
    UPSWARM_TRY(part.is_here, is_right(part.what, stop));
    if (part.is_here) on_disk_ += part.outside;
  }
  return {};
}

Result<void> PartsFetch::check_space() const {
  const auto needed = missing();
  if (needed == 0_B) return {};
  UPSWARM_TRY(const auto free, cache_.free_space());
  if (free >= needed + settings_.keep_free) return {};
  return Error{ErrorKind::no_space, "fetch parts of " + request_.file.path,
               to_string(needed) + " to come and " + to_string(settings_.keep_free) + " to be left, but " +
                   to_string(free) + " free in " + settings_.cache.string()};
}

std::vector<FilePart> PartsFetch::ranges_to_come() const {
  std::vector<SignedPart> missing;
  for (const auto& part : parts_) {
    if (!part.is_here) missing.push_back(part.what);
  }
  return ranges_for(request_.file, missing, request_.pieces, {});
}

Bytes PartsFetch::missing() const {
  Bytes all;
  for (const auto& part : parts_) {
    if (!part.is_here) all += part.outside;
  }
  return all;
}

BytesBySource PartsFetch::bytes() const {
  const auto received = requests_.received();
  BytesBySource bytes;
  bytes.disk = on_disk_;
  bytes.origin_http = verified_;
  if (received > verified_) bytes.wasted = received - verified_;
  return bytes;
}

Result<void> PartsFetch::fetch(const FilePart& range, const std::stop_token& stop) {
  for (;;) {
    const auto before = requests_.received();
    const auto bytes = requests_.fetch({range.offset, range.length}, stop);
    if (requests_.received() > before) last_received_ = Clock::now();
    if (bytes) {
      failures_ = 0;
      trouble_.clear();
      return write(range, *bytes);
    }
    ++failures_;
    UPSWARM_CHECK(wait_after(bytes.error(), stop));
  }
}

/// Of what may mend itself the patience is long: a seeder is restarted, a link comes back.
Result<void> PartsFetch::wait_after(Error why, const std::stop_token& stop) {
  const bool may_mend = why.kind == ErrorKind::unreachable || why.kind == ErrorKind::busy;
  const bool is_wrong = why.kind == ErrorKind::corrupt || why.kind == ErrorKind::not_found;
  if (!may_mend && !is_wrong) return why;
  if (is_wrong && ++wrong_ >= kMostWrongAnswers) return why;
  if (may_mend && Clock::now() - last_received_ >= patience_) {
    return Error{ErrorKind::unreachable, "fetch parts of " + request_.file.path,
                 "nothing came for " + to_string(patience_) + "; HTTP: " + why.message()};
  }
  trouble_ = "HTTP: " + why.message();
  tell_();
  sleep_for(std::min(requests_.retry_after(failures_), patience_), stop);
  if (stop.stop_requested()) return Error{ErrorKind::cancelled, "fetch " + request_.file.path, "asked to stop"};
  return {};
}

Result<void> PartsFetch::write(const FilePart& range, const std::string& bytes) const {
  std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
  if (!file.is_open()) {
    std::ofstream(file_, std::ios::binary | std::ios::app).flush();
    file.open(file_, std::ios::in | std::ios::out | std::ios::binary);
  }
  file.seekp(static_cast<std::streamoff>(range.offset.count));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return {};
  return Error{ErrorKind::disk, "write parts of " + request_.file.path, "cannot write to " + file_.string()};
}

Result<void> PartsFetch::verify_up_to(Bytes end, const std::stop_token& stop) {
  for (auto& part : parts_) {
    const auto& place = part.what.place;
    if (part.is_here || place.offset + place.length > end || place.offset + place.length <= verified_up_to_) continue;
    UPSWARM_TRY(part.is_here, is_right(part.what, stop));
    if (part.is_here) verified_ += part.outside;
    else if (++wrong_ >= kMostWrongAnswers)
      return Error{ErrorKind::corrupt, "fetch " + requests_.url(),
                   "the origin sent other bytes than the signed ones at " + std::to_string(place.offset.count),
                   "bad_origin"};
  }
  verified_up_to_ = end;
  return {};
}

}  // namespace upswarm::agent
