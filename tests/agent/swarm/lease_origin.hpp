// The seeder as BitTorrent peers see it: it has a package, and gives it to whoever says the right lease alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/agent/swarm/package_fixture.hpp"

namespace upswarm::tests {

class LeaseOrigin {
 public:
  /// `rate`: bytes a second that it gives; 0: no limit.
  LeaseOrigin(const TestPackage& package, std::string token, int rate = 0);
  ~LeaseOrigin();
  LeaseOrigin(const LeaseOrigin&) = delete;
  LeaseOrigin& operator=(const LeaseOrigin&) = delete;

  std::uint16_t port() const;
  /// Connections that said the right lease and are still there.
  int connected() const;
  /// Connections that said none, or another.
  int refused() const;
  /// Of those that said the right lease: for how many a user waits.
  int foreground() const;
  /// The pieces that were asked for, by the first request for each.
  std::vector<std::uint32_t> asked() const;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace upswarm::tests
