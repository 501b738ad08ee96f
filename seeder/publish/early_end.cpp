#include "seeder/publish/early_end.hpp"

#include <condition_variable>
#include <mutex>

namespace upswarm::publish {

EarlyEnd::EarlyEnd(const std::stop_token& stop, std::chrono::milliseconds grace, std::function<void()> end)
    : thread_([stop, grace, end = std::move(end)](const std::stop_token& done) {
        std::mutex mutex;
        std::condition_variable_any changed;
        // Called here and now where the stop came before: this thread must not have the lock yet.
        const std::stop_callback wake(stop, [&] {
          { const std::lock_guard turn(mutex); }  // not between the look at `stop` and the wait
          changed.notify_all();
        });
        std::unique_lock lock(mutex);
        if (!changed.wait(lock, done, [&] { return stop.stop_requested(); })) return;
        changed.wait_for(lock, done, grace, [] { return false; });
        if (!done.stop_requested()) end();
      }) {}

}  // namespace upswarm::publish
