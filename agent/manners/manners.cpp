#include "agent/manners/manners.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

std::string per_cent(int value) { return std::to_string(value) + " %"; }
std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

std::string rate_words(std::uint64_t rate) { return rate == 0 ? "no limit" : to_string(Bytes{rate}) + "/s"; }

class Decision {
 public:
  explicit Decision(const MannersPolicy& policy) : policy_(policy) {}

  /// Adds a gate; `closed` says what stands in the way, and is empty when nothing does.
  void gate(std::string name, std::string value, std::string closed, std::string open) {
    const bool is_open = closed.empty();
    auto set_by = policy_.given.contains(name) ? "configuration" : "default";
    gates_.push_back(
        {std::move(name), std::move(value), set_by, is_open, is_open ? std::move(open) : std::move(closed)});
  }

  bool are_open() const { return std::ranges::all_of(gates_, &Gate::is_open); }
  std::vector<Gate> take() { return std::move(gates_); }

 private:
  const MannersPolicy& policy_;
  std::vector<Gate> gates_;
};

/// " (NetworkManager says so)"
std::string by(const LinkWord& word) { return word.by.empty() ? "" : " (" + word.by + ")"; }

std::string link_open(const LinkWord& word) {
  if (word.link == Link::metered) return "metered, and allowed" + by(word);
  return word.by.empty() ? "nobody says that the connection is metered" : "the connection is not metered" + by(word);
}

std::string battery_closed(const MannersPolicy& policy, const Surroundings& around) {
  if (policy.upload_above_battery == 0 || !around.battery || *around.battery > policy.upload_above_battery) return "";
  return per_cent(*around.battery) + " are left: uploads begin again " +
         (policy.upload_above_battery < 100 ? "above " + per_cent(policy.upload_above_battery) + ", or " : "") +
         "on mains";
}

std::string room_closed(Bytes there, Bytes least, const std::string& what) {
  if (there >= least) return "";
  return to_string(there) + " of " + what + ": " + to_string(least) + " are wanted of a machine that gives to others";
}

}  // namespace

std::string rate_name(Traffic traffic) { return "rate of " + std::string(name_of(traffic)); }

Manners decide_manners(const MannersPolicy& policy, const Surroundings& around, Bytes uploaded, Time now) {
  const bool is_metered = around.link.link == Link::metered;
  Decision decision(policy);
  decision.gate("upload", yes_or_no(policy.upload), policy.upload ? "" : "this machine downloads only", "");
  decision.gate("upload_when_metered", yes_or_no(policy.upload_when_metered),
                is_metered && !policy.upload_when_metered ? "the connection is metered" + by(around.link) : "",
                link_open(around.link));
  decision.gate("upload_by_vpn", yes_or_no(policy.upload_by_vpn),
                around.is_vpn && !policy.upload_by_vpn ? "the way to the seeder is a tunnel" : "",
                around.is_vpn ? "a tunnel, and allowed" : "no tunnel");
  decision.gate("upload_above_battery", per_cent(policy.upload_above_battery), battery_closed(policy, around),
                around.battery ? per_cent(*around.battery) + " are left" : "on mains");
  const auto no_memory = around.memory == 0_B ? "" : room_closed(around.memory, policy.least_memory, "memory");
  const auto no_disk = room_closed(around.free_disk, policy.least_disk, "free disk space");
  decision.gate("least_memory", to_string(policy.least_memory), no_memory,
                around.memory == 0_B ? "not known" : to_string(around.memory));
  decision.gate("least_disk", to_string(policy.least_disk), no_disk, to_string(around.free_disk));
  const bool is_used_up = policy.monthly_upload != 0_B && uploaded >= policy.monthly_upload;
  decision.gate("monthly_upload", policy.monthly_upload == 0_B ? "no cap" : to_string(policy.monthly_upload),
                is_used_up ? to_string(uploaded) + " were given this month: uploads begin again with the next" : "",
                to_string(uploaded) + " were given this month");
  Manners manners;
  manners.may_upload = decision.are_open();
  const bool has_way = manners.may_upload && !is_metered && !around.is_vpn;
  manners.may_lead = policy.may_lead && has_way;
  decision.gate("may_lead", yes_or_no(policy.may_lead),
                policy.may_lead ? "" : "this machine never fetches from the seeder for its site",
                has_way ? "" : "not while it does not upload, is on a metered line or behind a tunnel");
  manners.has_room = no_memory.empty() && no_disk.empty();
  manners.link = around.link.link;
  manners.rates = policy.rates.at(now);
  for (const auto traffic : {Traffic::all, Traffic::site, Traffic::other, Traffic::origin}) {
    const auto& rates = of(manners.rates, traffic);
    const bool is_usual = rates == of(policy.rates.usual, traffic);
    decision.gate(rate_name(traffic), "upload " + rate_words(rates.upload) + ", download " + rate_words(rates.download),
                  "", is_usual ? "" : "by a rule for this day and hour");
  }
  decision.gate("time_zone", policy.rates.zone.text(), "", "");
  manners.gates = decision.take();
  return manners;
}

}  // namespace upswarm::agent
