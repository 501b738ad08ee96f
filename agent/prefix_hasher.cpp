#include "agent/prefix_hasher.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

constexpr Bytes kBuffer = 256_KiB;

}  // namespace

PrefixHasher::PrefixHasher(Files& files, Path file, Bytes length, Start start, std::function<void()> wait)
    : files_(files),
      file_(std::move(file)),
      length_(length),
      start_(std::move(start)),
      wait_(std::move(wait)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Result<Sha256> PrefixHasher::finish(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (done_.wait(lock, std::move(stop), [this] { return result_.has_value(); })) return *result_;
  return Error{ErrorKind::cancelled, "verify " + file_.string(), "asked to stop"};
}

void PrefixHasher::run(const std::stop_token& stop) {
  auto result = digest(stop);
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  done_.notify_all();
}

Result<Sha256> PrefixHasher::digest(const std::stop_token& stop) const {
  const auto what = "verify " + file_.string();
  Sha256Hasher hasher;
  std::unique_ptr<InputFile> file;
  ByteBuffer buffer(kBuffer.count);
  for (Bytes at; at < length_;) {
    const auto start = start_();
    if (!start) return Error{ErrorKind::cancelled, what, "it is no longer wanted"};
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, what, "asked to stop"};
    if (*start <= at) {
      wait_();
      continue;
    }
    if (!file) {
      UPSWARM_TRY(file, files_.open(file_));
    }
    const auto most = std::min<std::uint64_t>(buffer.size(), (*start - at).count);
    UPSWARM_TRY(const auto count, file->read_at(at, std::span(buffer).first(most)));
    if (count == 0) return Error{ErrorKind::disk, what, "it ends after " + to_string(at)};
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
  return hasher.finish();
}

}  // namespace upswarm::agent
