#include "protocol/package/decode/hash_thread.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace upswarm::package {
namespace {

constexpr std::size_t kMostWaiting = 4;    // batches
constexpr std::size_t kBatch = 256 << 10;  // small files travel together: waking a thread costs more than hashing them
constexpr std::size_t kMostFiles = 256;    // of a batch
constexpr std::size_t kMostSpare = 4;

struct File {
  std::size_t end;  // in the batch
  HashThread::Judge judge;
};

struct Batch {
  ByteBuffer bytes;
  std::vector<File> finished;
};

}  // namespace

struct HashThread::State {
  Batch filling;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> waiting;
  std::vector<ByteBuffer> spare;  // what is given back to the system is zeroed anew by it
  bool is_busy = false;
  bool is_closing = false;
  std::optional<Error> error;
  std::atomic<bool> has_failed = false;
  Sha256Hasher hasher;
  CpuTime cpu_time{};
  std::thread thread;

  void send() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return waiting.size() < kMostWaiting; });
    waiting.push_back(std::move(filling));
    filling = {};
    if (!spare.empty()) {
      filling.bytes = std::move(spare.back());
      spare.pop_back();
    }
    changed.notify_all();
  }

  void hash(const Batch& batch) {
    std::size_t at = 0;
    for (const auto& file : batch.finished) {
      hasher.update(ByteView(batch.bytes).subspan(at, file.end - at));
      at = file.end;
      const auto judged = file.judge(hasher.finish());
      if (judged) continue;
      const std::lock_guard lock(mutex);
      if (!error) error = judged.error();
      has_failed = true;
    }
    hasher.update(ByteView(batch.bytes).subspan(at));
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return is_closing || !waiting.empty(); });
      if (waiting.empty()) return;
      auto batch = std::move(waiting.front());
      waiting.pop_front();
      is_busy = true;
      lock.unlock();
      hash(batch);
      lock.lock();
      is_busy = false;
      batch.bytes.clear();
      if (spare.size() < kMostSpare) spare.push_back(std::move(batch.bytes));
      cpu_time = thread_cpu_time();
      changed.notify_all();
    }
  }
};

HashThread::HashThread() : state_(std::make_unique<State>()) {
  state_->thread = std::thread([this] { state_->run(); });
}

HashThread::~HashThread() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_closing = true;
    state_->waiting.clear();
    state_->changed.notify_all();
  }
  state_->thread.join();
}

void HashThread::update(ByteView bytes) {
  auto& filling = state_->filling;
  // Growing by steps would leave holes between the batches of the two threads: 15 MB of them on a busy machine.
  if (filling.bytes.capacity() == 0) filling.bytes.reserve(kBatch);
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kBatch - filling.bytes.size()));
    filling.bytes.insert(filling.bytes.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (filling.bytes.size() == kBatch) state_->send();
  }
}

void HashThread::finish(Judge judge) {
  state_->filling.finished.push_back({state_->filling.bytes.size(), std::move(judge)});
  if (state_->filling.finished.size() >= kMostFiles) state_->send();
}

void HashThread::finish(const std::string& path, const Sha256& expected) {
  finish([path, expected](const Sha256& found) -> Result<void> {
    if (found == expected) return {};
    return Error{ErrorKind::corrupt, "unpack " + path, "its content is not the signed one"};
  });
}

Result<void> HashThread::check() {
  state_->send();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->waiting.empty() && !state_->is_busy; });
  if (state_->error) return *state_->error;
  return {};
}

bool HashThread::has_failed() const { return state_->has_failed; }

CpuTime HashThread::cpu_time() const {
  const std::lock_guard lock(state_->mutex);
  return state_->cpu_time;
}

}  // namespace upswarm::package
