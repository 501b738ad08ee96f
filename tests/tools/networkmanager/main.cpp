// upswarm-fake-networkmanager BUS METERED: answers on this bus as NetworkManager would, until it is ended by a signal.
// For end-to-end tests. Prints "ready" when it owns the name; ends with 1 when it cannot.
#include <charconv>
#include <condition_variable>
#include <iostream>
#include <mutex>

#include "protocol/base/program.hpp"
#include "tests/support/fake_networkmanager.hpp"

int main(int argc, char** argv) {
  const std::string bus = argc == 3 ? argv[1] : "";
  const std::string_view metered = argc == 3 ? argv[2] : "";
  std::uint32_t number = 0;
  if (std::from_chars(metered.data(), metered.data() + metered.size(), number).ec != std::errc()) {
    std::cerr << "usage: upswarm-fake-networkmanager BUS METERED\n";
    return static_cast<int>(upswarm::ExitCode::usage);
  }
  const auto stop = upswarm::stop_on_signals();
  const auto service = upswarm::tests::FakeNetworkManager::start(bus, number);
  if (!service) return upswarm::report_error(service.error(), false);
  std::cout << "ready" << std::endl;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, stop, [] { return false; });
  return 0;
}
