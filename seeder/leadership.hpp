// Who of a site fetches a package from the origin, and when somebody else should
// (docs/decisions/0012-sites-and-leaders.md). Rules alone: times and counts come in as values.
//
// Nobody leads while somebody of the site has the whole package and the others gain by it. Else the first that asks
// does; one that lost a lease before waits until the others have had their chance. A leader that does well leads until
// it has the package. It is judged at each announce of its site; only where somebody else could lead:
//
//   idle      for `patience` the origin sent it less than kLittle
//   keeps     over some seconds of plenty, the best of the followers that were there before gained less than half of
//             what the leader was sent, and less than half of what it lacked. Followers at the leader's own address are
//             no witnesses
//   broken    its connection to the origin broke, and nothing was sent since; for kLag not where it was sent about all
//             that it lacked: a client that has the package hangs up before it tells the tracker
//   silent    it did not renew its lease
//   seeded    somebody has the whole package now
//   done      by its own word: it has it, or stops, or may not lead
//
// Where nobody leads because of whole copies, and the best follower gains less than kSmallGain over some seconds,
// somebody leads all the same. Patience begins with kPatience, doubles with each idle or keeping leader that did not
// bring the double of the one before, up to kMostPatience, and begins anew after a success: a slow link is no bad
// leader.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "protocol/base/clock.hpp"
#include "protocol/base/units.hpp"
#include "seeder/leases.hpp"

namespace upswarm::seeder {

/// Of one package at one site. Not for use by two threads at once.
class Leadership {
 public:
  using MemberId = std::uint64_t;

  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::chrono::seconds kMostPatience{80};
  static constexpr std::chrono::seconds kGrace{5};  ///< before what followers gain is looked at
  static constexpr std::chrono::seconds kLag{3};    ///< from the origin's sending to the followers' telling
  static constexpr std::chrono::seconds kStarving{6};
  static constexpr std::chrono::seconds kLongestLoss{600};  ///< then a lost lease is forgotten
  static constexpr std::size_t kMostLosses = 1000;
  static constexpr Bytes kLittle = 256_KiB;
  static constexpr Bytes kSmallGain = 64_KiB;

  enum class Loss { idle, keeps, broken, silent, seeded, done };

  /// Who announces.
  struct Asker {
    MemberId id = 0;
    IpAddress address;
    std::int64_t left = 0;
    bool wants = false;  ///< lacks something, and wants peers
    bool may_lead = false;
  };

  /// What a member gained; kept beside it, and changed by note() alone.
  struct Progress {
    std::uint64_t window = 0;
    std::int64_t baseline = 0;
    std::int64_t left = -1;  ///< not known yet
    bool is_witness = false;
  };

  /// The site as it is now.
  struct Site {
    std::size_t seeds = 0;             ///< members with the whole package
    std::size_t able = 0;              ///< members that want and may lead, the leader among them
    std::chrono::seconds interval{2};  ///< of those who want
    bool is_helped = false;            ///< by other sites: what the leader gains there counts, too
  };

  Leadership(Bytes piece_length, Time now);

  /// 0: nobody leads.
  MemberId leader() const { return leader_.id; }

  /// First at each announce.
  void note(const Asker& asker, Progress& progress, Time now);
  /// Then, while somebody leads: why that is to end, if it is.
  std::optional<Loss> judge(const Asker& asker, const Site& site, const Leases::Standing& standing, Time now);
  void end(Loss loss, Time now);
  /// Then, while nobody leads.
  bool should_lead(const Asker& asker, const Site& site, Time now);
  void begin(const Asker& asker, const Site& site, Time now);

  std::chrono::seconds patience() const { return patience_; }

 private:
  struct Leader {
    MemberId id = 0;
    IpAddress address;
    Time since;
    bool is_despite_seeds = false;
    std::int64_t first_left = 0;
    std::int64_t left = 0;
    std::uint64_t received = 0;
    std::uint64_t told_at = 0;  ///< of `received`, when it last told what it lacks
    std::uint64_t marked = 0;   ///< of `received`, when it last was worth something
    Time marked_at;
  };
  /// A time over which gains are compared.
  struct Window {
    std::uint64_t number = 0;
    bool is_open = false;
    Time since;
    std::uint64_t received = 0;
    std::optional<Time> checked_at;  ///< enough was sent by then: what of it do followers have kLag later?
    std::uint64_t checked = 0;
    std::int64_t best = 0;
    bool is_halved = false;  ///< somebody got half of all that it lacked
    bool is_heard = false;   ///< a witness spoke late enough
  };

  void open_window(Time now);
  bool is_broken(const Leases::Standing& standing, Time now) const;
  std::optional<Loss> judge_gain(const Site& site, Time now);
  bool is_starving(const Site& site, Time now);
  void remember_loss(Time now);
  void learn_patience(bool is_worthless, Time now);

  Bytes evidence_;  ///< so much must have been sent before followers can show something
  Leader leader_;
  Window window_;
  Time vacant_since_;
  std::chrono::seconds patience_ = kPatience;
  std::optional<std::uint64_t> last_rate_;  ///< of the leader before, which failed
  std::map<IpAddress, Time> losses_;
};

/// "idle", ...
std::string_view to_string(Leadership::Loss loss);

}  // namespace upswarm::seeder
