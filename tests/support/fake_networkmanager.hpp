// A message bus of a test's own, and a service on it that stands in for NetworkManager. Linux.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "protocol/base/files.hpp"

namespace upswarm::tests {

/// A dbus-daemon for the programs of this account; it ends with the object, or with the test's program.
class PrivateBus {
 public:
  /// Returns when it listens on `socket`, or after some 20 s; then `address` leads nowhere.
  explicit PrivateBus(const Path& socket);

  std::string address() const { return "unix:path=" + socket_.string(); }

 private:
  Path socket_;
  std::jthread daemon_;
};

/// Owns org.freedesktop.NetworkManager for as long as it lives.
class FakeNetworkManager {
 public:
  /// What it says when it is asked for its property Metered: nothing at all, a number, or a text.
  using Answer = std::variant<std::monostate, std::uint32_t, std::string>;

  /// Errors: unreachable  there is no such bus, or the name is taken.
  static Result<FakeNetworkManager> start(const std::string& bus, Answer answer);

  FakeNetworkManager(FakeNetworkManager&&) noexcept;
  FakeNetworkManager& operator=(FakeNetworkManager&&) noexcept;
  ~FakeNetworkManager();

 private:
  struct Service;
  explicit FakeNetworkManager(std::unique_ptr<Service> service);

  std::unique_ptr<Service> service_;
};

}  // namespace upswarm::tests
