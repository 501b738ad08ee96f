#include <systemd/sd-bus.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>

#include "agent/manners/networkmanager.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Bus = std::unique_ptr<sd_bus, decltype(&sd_bus_close_unref)>;  // nothing waits until all is sent
using Message = std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)>;
using Slot = std::unique_ptr<sd_bus_slot, decltype(&sd_bus_slot_unref)>;

constexpr std::size_t kLongestCause = 200;
constexpr const char* kService = "org.freedesktop.NetworkManager";
constexpr const char* kObject = "/org/freedesktop/NetworkManager";

Error failure(ErrorKind kind, std::string cause) {
  return {kind, "ask NetworkManager whether the line is metered", std::move(cause)};
}

Error failure(int status) { return failure(ErrorKind::unreachable, std::generic_category().message(-status)); }

/// Begins to connect, and waits for nothing.
Result<Bus> open(const std::string& address) {
  sd_bus* raw = nullptr;
  int status = address.empty() ? sd_bus_open_system(&raw) : sd_bus_new(&raw);
  Bus bus(raw, &sd_bus_close_unref);
  if (!address.empty()) {
    if (status >= 0) status = sd_bus_set_address(raw, address.c_str());
    if (status >= 0) status = sd_bus_set_bus_client(raw, 1);
    if (status >= 0) status = sd_bus_start(raw);
  }
  if (status < 0) return failure(status);
  return bus;
}

Result<Message> make_question(sd_bus* bus) {
  sd_bus_message* raw = nullptr;
  int status = sd_bus_message_new_method_call(bus, &raw, kService, kObject, "org.freedesktop.DBus.Properties", "Get");
  Message question(raw, &sd_bus_message_unref);
  if (status >= 0) status = sd_bus_message_set_auto_start(raw, 0);
  if (status >= 0) status = sd_bus_message_append(raw, "ss", kService, "Metered");
  if (status < 0) return failure(status);
  return question;
}

int keep_reply(sd_bus_message* message, void* reply, sd_bus_error* /*error*/) {
  static_cast<Message*>(reply)->reset(sd_bus_message_ref(message));
  return 0;
}

/// sd_bus_call would wait for a bus that does not greet, for longer than any limit that it is given.
Result<Message> call(sd_bus* bus, sd_bus_message* question, std::chrono::microseconds limit) {
  const auto deadline = Clock::now() + limit;
  Message reply(nullptr, &sd_bus_message_unref);
  sd_bus_slot* raw = nullptr;
  int status = sd_bus_call_async(bus, &raw, question, keep_reply, &reply, static_cast<std::uint64_t>(limit.count()));
  const Slot slot(raw, &sd_bus_slot_unref);
  while (status >= 0 && !reply) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
    if (left.count() <= 0) return failure(-ETIMEDOUT);
    status = sd_bus_process(bus, nullptr);
    if (status == 0) status = sd_bus_wait(bus, static_cast<std::uint64_t>(left.count()));
    if (status == -EINTR) status = 0;
  }
  if (status < 0) return failure(status);
  return reply;
}

LinkWord word_of(std::uint32_t metered) {
  switch (metered) {
    case 1: return {Link::metered, "NetworkManager says so"};
    case 2: return {Link::normal, "NetworkManager says so"};
    case 3: return {Link::metered, "NetworkManager guesses so"};
    case 4: return {Link::normal, "NetworkManager guesses so"};
    default: return {};
  }
}

}  // namespace

Result<LinkWord> ask_network_manager(const std::string& bus, std::chrono::milliseconds limit) {
  UPSWARM_TRY(const auto connection, open(bus));
  UPSWARM_TRY(const auto question, make_question(connection.get()));
  UPSWARM_TRY(const auto reply, call(connection.get(), question.get(), limit));
  if (const auto* error = sd_bus_message_get_error(reply.get())) {
    const std::string_view words = error->message != nullptr ? error->message : error->name;
    return failure(ErrorKind::unreachable, std::string(words.substr(0, kLongestCause)));
  }
  std::uint32_t metered = 0;
  if (sd_bus_message_read(reply.get(), "v", "u", &metered) < 0 || metered > 4) {
    return failure(ErrorKind::corrupt, "the property is no number from 0 to 4");
  }
  return word_of(metered);
}

}  // namespace upswarm::agent
