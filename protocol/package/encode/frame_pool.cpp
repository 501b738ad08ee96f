#include "protocol/package/encode/frame_pool.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace upswarm::package {
namespace {

using Packed = Result<std::vector<PackedFrame>>;

struct Job {
  FrameJob frames;
  std::promise<Packed> result;
};

}  // namespace

struct FramePool::State {
  EncoderSettings settings;
  Sink sink;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> waiting;
  std::size_t unfinished = 0;  // jobs
  bool is_closing = false;
  std::deque<std::future<Packed>> results;  // in order; of the caller's thread alone
  std::vector<std::thread> threads;

  void work() {
    FrameEncoder encoder(settings);
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return is_closing || !waiting.empty(); });
      if (is_closing) return;
      auto job = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      job.result.set_value(encoder.encode(job.frames));
      job.frames = {};
      lock.lock();
      --unfinished;
      changed.notify_all();
    }
  }

  Result<void> collect() {
    UPSWARM_TRY(const auto frames, results.front().get());
    results.pop_front();
    for (const auto& frame : frames) UPSWARM_CHECK(sink(frame));
    return {};
  }
};

FramePool::FramePool(std::size_t threads, const EncoderSettings& settings, Sink sink)
    : state_(std::make_unique<State>()) {
  state_->settings = settings;
  state_->sink = std::move(sink);
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([this] { state_->work(); });
}

FramePool::~FramePool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_closing = true;
    state_->changed.notify_all();
  }
  for (auto& thread : state_->threads) thread.join();
}

Result<void> FramePool::add(FrameJob frames) {
  if (state_->results.size() > state_->threads.size()) UPSWARM_CHECK(state_->collect());
  Job job{.frames = std::move(frames), .result = {}};
  state_->results.push_back(job.result.get_future());
  std::unique_lock lock(state_->mutex);
  // No job waits beside those that are worked on: the caller has the next one ready, which is memory enough.
  state_->changed.wait(lock, [this] { return state_->unfinished < state_->threads.size(); });
  ++state_->unfinished;
  state_->waiting.push_back(std::move(job));
  state_->changed.notify_all();
  return {};
}

Result<void> FramePool::finish() {
  while (!state_->results.empty()) UPSWARM_CHECK(state_->collect());
  return {};
}

}  // namespace upswarm::package
