// Who gets how much of a package by HTTP (docs/decisions/0012-sites-and-leaders.md).
//
// With a live lease of the package's torrent: all of it; what is sent is counted for the lease, and stops with it.
// Without: a ration. Of each site so many machines at a time get a package, each until kHold after its last request;
// the others are told when to come again. A machine is an address here, so that of many behind one address
// translation at most kMostAtOnce requests are answered at a time. What is no package, and up to kFree of one, is for
// everybody.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include "protocol/base/digest.hpp"
#include "protocol/base/files.hpp"
#include "seeder/leases.hpp"
#include "seeder/sites.hpp"

namespace upswarm::seeder {

/// Safe from any thread. Must outlive the files that it lets through, as must all that it was made of.
class PackageGate {
 public:
  static constexpr Bytes kFree = 64_KiB;
  static constexpr std::chrono::seconds kHold{10};
  static constexpr int kMostAtOnce = 4;
  /// Sites times packages; beyond, nobody new gets anything for some seconds.
  static constexpr std::size_t kMostPlaces = 100'000;
  static constexpr std::uint32_t kShortestWait = 2;  ///< seconds
  static constexpr std::uint32_t kLongestWait = 6;

  /// `ration`: machines of a site; 0: no ration.
  PackageGate(int ration, const SiteMap& sites, Leases& leases, const Clock& clock)
      : ration_(ration), sites_(sites), leases_(leases), clock_(clock) {}

  /// The packages, with the info-hashes (20 raw bytes) of their torrents.
  void offer_only(std::map<Sha256, std::string> info_hashes);

  struct Request {
    Sha256 target;      ///< what is asked for
    Bytes length;       ///< of the range
    std::string lease;  ///< as the header field Upswarm-Lease has it, or empty
    IpAddress remote;
  };
  using Verdict = std::variant<std::shared_ptr<InputFile>, std::chrono::seconds>;
  /// What to send instead of `file`, or after how long another try makes sense.
  Verdict admit(const Request& request, std::shared_ptr<InputFile> file);

 private:
  struct Served {
    Time last;
    int running = 0;
  };
  using Place = std::pair<std::string, Sha256>;  ///< site, package
  using Machines = std::map<IpAddress, Served>;
  class Rationed;

  LeaseId find_lease(const Request& request, const std::string& info_hash) const;
  bool enter(const Place& place, const IpAddress& machine);
  void leave(const Place& place, const IpAddress& machine);
  void forget_served(Machines& machines, Time now) const;

  const int ration_;
  const SiteMap& sites_;
  Leases& leases_;
  const Clock& clock_;
  std::mutex turn_;
  std::map<Sha256, std::string> info_hashes_;
  std::map<Place, Machines> served_;
};

}  // namespace upswarm::seeder
