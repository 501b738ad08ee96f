#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "protocol/base/program.hpp"

namespace upswarm {

std::stop_token stop_on_signals() {
  static std::stop_source source;
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGINT);
  ::sigaddset(&wanted, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::thread([wanted] {
    int number = 0;
    ::sigwait(&wanted, &number);
    source.request_stop();
    // A person who presses Ctrl-C again waits no longer. SIGTERM stays blocked: who stops a service may send it twice.
    sigset_t again;
    ::sigemptyset(&again);
    ::sigaddset(&again, SIGINT);
    ::pthread_sigmask(SIG_UNBLOCK, &again, nullptr);
    for (;;) ::pause();
  }).detach();
  return source.get_token();
}

}  // namespace upswarm
