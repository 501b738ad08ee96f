#include <systemd/sd-bus.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "protocol/base/local_socket.hpp"
#include "protocol/base/process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_networkmanager.hpp"

namespace upswarm::tests {
namespace {

constexpr std::uint64_t kLookForStop = 20'000;  // microseconds

int answer_get(sd_bus_message* question, const FakeNetworkManager::Answer& answer) {
  const char* interface = nullptr;
  const char* property = nullptr;
  const int status = sd_bus_message_read(question, "ss", &interface, &property);
  if (status < 0) return status;
  if (interface != std::string_view("org.freedesktop.NetworkManager") || property != std::string_view("Metered"))
    return -ENOENT;
  if (const auto* number = std::get_if<std::uint32_t>(&answer))
    return sd_bus_reply_method_return(question, "v", "u", *number);
  if (const auto* text = std::get_if<std::string>(&answer))
    return sd_bus_reply_method_return(question, "v", "s", text->c_str());
  return 1;  // it has been seen to
}

int on_message(sd_bus_message* message, void* answer, sd_bus_error* /*error*/) {
  if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get") == 0) return 0;
  return answer_get(message, *static_cast<const FakeNetworkManager::Answer*>(answer));
}

void serve(sd_bus* bus, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const int status = sd_bus_process(bus, nullptr);
    if (status < 0 || (status == 0 && sd_bus_wait(bus, kLookForStop) < 0)) return;
  }
}

}  // namespace

PrivateBus::PrivateBus(const Path& socket) : socket_(socket) {
  daemon_ = std::jthread([this](const std::stop_token& stop) {
    ignore_failure(run_process({.argv = {UPSWARM_SETPRIV, "--pdeathsig", "KILL", UPSWARM_DBUS_DAEMON, "--session",
                                         "--nofork", "--nosyslog", "--address=" + address()},
                                .folder = socket_.parent_path(),
                                .environment = {},
                                .account = "",
                                .time_limit = std::chrono::minutes(2)},
                               stop),
                   "whoever connects to it notices");
  });
  static_cast<void>(eventually([&] { return connect_local(socket_).has_value(); }));
}

struct FakeNetworkManager::Service {
  Answer answer;
  std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)> bus{nullptr, &sd_bus_flush_close_unref};
  std::jthread serving;
};

Result<FakeNetworkManager> FakeNetworkManager::start(const std::string& bus, Answer answer) {
  auto service = std::make_unique<Service>();
  service->answer = std::move(answer);
  sd_bus* raw = nullptr;
  int status = sd_bus_new(&raw);
  service->bus.reset(raw);
  if (status >= 0) status = sd_bus_set_address(raw, bus.c_str());
  if (status >= 0) status = sd_bus_set_bus_client(raw, 1);
  if (status >= 0) status = sd_bus_start(raw);
  if (status >= 0)
    status = sd_bus_add_object(raw, nullptr, "/org/freedesktop/NetworkManager", on_message, &service->answer);
  if (status >= 0) status = sd_bus_request_name(raw, "org.freedesktop.NetworkManager", 0);
  if (status < 0) return Error{ErrorKind::unreachable, "serve on " + bus, std::generic_category().message(-status)};
  service->serving = std::jthread([raw](const std::stop_token& stop) { serve(raw, stop); });
  return FakeNetworkManager(std::move(service));
}

FakeNetworkManager::FakeNetworkManager(std::unique_ptr<Service> service) : service_(std::move(service)) {}
FakeNetworkManager::FakeNetworkManager(FakeNetworkManager&&) noexcept = default;
FakeNetworkManager& FakeNetworkManager::operator=(FakeNetworkManager&&) noexcept = default;
FakeNetworkManager::~FakeNetworkManager() = default;

}  // namespace upswarm::tests
