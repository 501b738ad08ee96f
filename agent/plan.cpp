#include "agent/plan.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "protocol/messages/announce.hpp"

namespace upswarm::agent {
namespace {

constexpr std::array<std::string_view, 5> kWayNames{"nothing", "delta", "chain", "sparse", "full"};
constexpr std::string_view kOverBudget = "over the budget: ";
/// No package is longer, so that no sum of a chain overflows.
constexpr std::uint64_t kLongestReckoned = std::uint64_t{1} << 50U;

std::int64_t weighed(Bytes bytes, std::int64_t weight) {
  return static_cast<std::int64_t>(std::min(bytes.count, kLongestReckoned)) * weight;
}

std::int64_t majors_between(const std::string& one, const std::string& other) {
  const auto a = Version::parse(one);
  const auto b = Version::parse(other);
  if (!a || !b) return 0;
  const auto apart = std::max(a->major(), b->major()) - std::min(a->major(), b->major());
  return static_cast<std::int64_t>(std::min<std::uint64_t>(apart, 1'000'000));
}

class Planner {
 public:
  explicit Planner(const PlanFacts& facts) : facts_(facts) {}

  Plan make() {
    Plan plan{ways(), {}};
    const auto most = most_by_word(plan.ways);
    believes_tracker_ = true;
    auto believed = ways();
    for (std::size_t i = 0; i < believed.size(); ++i) {
      if (believed[i].bytes.network() <= most) plan.ways[i] = std::move(believed[i]);
    }
    std::ranges::stable_sort(plan.ways, {}, [&](const Way& way) { return rank(way); });
    judge(plan);
    return plan;
  }

  std::vector<trust::InfoHash> worth_asking_about() const {
    if (nothing().why_not.empty()) return {};
    std::vector<trust::InfoHash> ids;
    const auto add = [&](const Step& step) {
      const bool is_told = std::ranges::find(ids, step.file.info_hash) != ids.end();
      if (!is_told && !facts_.cached.contains(step.file.sha256) && ids.size() < messages::kMostScraped)
        ids.push_back(step.file.info_hash);
    };
    for (const auto& way : {full(), delta()}) {
      if (way.why_not.empty()) add(way.steps.front());
    }
    if (!facts_.installed || !facts_.base_damage.empty()) return ids;
    const auto deltas = edges();
    const auto to_go = steps_to_wanted(deltas);
    std::set<Sha256> reached{*facts_.installed};
    for (std::size_t length = 1; length <= messages::kLongestChain; ++length) {
      std::set<Sha256> next;
      for (const auto& content : reached) {
        const auto [first, last] = deltas.equal_range(content);
        for (auto edge = first; edge != last; ++edge) {
          const auto rest = to_go.find(edge->second.to->content);
          if (rest == to_go.end() || length + rest->second > messages::kLongestChain) continue;
          add(step_of(edge->second));
          next.insert(edge->second.to->content);
        }
      }
      reached = std::move(next);
    }
    return ids;
  }

 private:
  struct Edge {
    const trust::Entry* to;
    const trust::DeltaFile* delta;
  };
  /// How a release between is reached at least cost.
  struct Reach {
    std::tuple<std::int64_t, std::int64_t> rank;
    std::vector<Step> steps;
  };

  /// One of each kind, with what is expected of it.
  std::vector<Way> ways() const {
    std::vector<Way> all{nothing(), delta(), chain(), sparse(), full()};
    const auto& delta = all[1];
    const bool delta_failed = (!delta.steps.empty() && !delta.why_not.empty()) ||
                              facts_.failed.contains(WayKind::delta) || facts_.failed.contains(WayKind::chain);
    for (auto& way : all) {
      if (const auto failed = facts_.failed.find(way.kind); failed != facts_.failed.end())
        way.why_not = "it failed just now: " + failed->second;
      way.bytes = bytes_of(way);
      way.cost = cost_of(way);
      way.is_fallback = delta_failed && way.kind != WayKind::nothing && way.kind != WayKind::delta;
      if (way.is_fallback && way.why_not.empty()) way.why_not = objection_by_budget(way);
    }
    return all;
  }

  /// Of what `ways` take where the tracker is not believed.
  static Bytes most_by_word(const std::vector<Way>& ways) {
    std::optional<Bytes> least;
    for (const auto& way : ways) {
      if (way.why_not.empty()) least = std::min(least.value_or(way.bytes.origin), way.bytes.origin);
    }
    return Bytes{least.value_or(0_B).count * kMostByWord};
  }

  Way nothing() const {
    Way way{.kind = WayKind::nothing};
    if (facts_.is_here || facts_.installed == facts_.wanted.content) return way;
    way.why_not = facts_.here_damage.empty() ? facts_.wanted.version + " is not on disk" : facts_.here_damage;
    return way;
  }

  Way delta() const {
    Way way{.kind = WayKind::delta};
    if (!facts_.installed) {
      way.why_not = "nothing is installed that it could start from";
      return way;
    }
    const auto found = std::ranges::find(facts_.wanted.deltas, *facts_.installed, &trust::DeltaFile::from_content);
    if (found == facts_.wanted.deltas.end()) {
      way.why_not = facts_.wanted.version + " has no delta from " + facts_.installed_version;
      return way;
    }
    way.steps.push_back(step_of({&facts_.wanted, &*found}));
    way.why_not = facts_.base_damage.empty() ? objection_to(way.steps.front()) : facts_.base_damage;
    return way;
  }

  Way chain() const {
    Way way{.kind = WayKind::chain};
    const auto majors = majors_between(facts_.installed_version, facts_.wanted.version);
    if (!facts_.installed) {
      way.why_not = "nothing is installed that it could start from";
      return way;
    }
    way.steps = cheapest_chain();
    if (way.steps.empty()) {
      way.why_not = "no 2 to " + std::to_string(messages::kLongestChain) + " deltas lead from " +
                    facts_.installed_version + " to " + facts_.wanted.version;
    } else if (majors > 1 && !facts_.wanted.chain_across_majors) {
      way.why_not = facts_.wanted.version + " is " + std::to_string(majors) + " major versions from " +
                    facts_.installed_version + ", and its publisher allows no chain across them";
    } else {
      way.why_not = facts_.base_damage;
    }
    return way;
  }

  Way sparse() const {
    Way way{.kind = WayKind::sparse, .steps = {full_step()}};
    auto& step = way.steps.front();
    step.from = facts_.installed;
    step.from_version = facts_.installed_version;
    if (!facts_.sparse) {
      way.why_not = facts_.installed ? "what is on disk was not looked through for parts of it"
                                     : "nothing is installed that parts could come from";
    } else if (step.choice = facts_.sparse->choice; step.choice.is_empty()) {
      way.why_not = facts_.sparse->why_not;
    } else if (step.choice.all() >= step.file.length) {
      way.why_not = "none of it is on disk";
    } else {
      way.why_not = objection_to(full_step());
      if (way.why_not.empty()) way.why_not = objection_to(step);
    }
    return way;
  }

  Way full() const {
    Way way{.kind = WayKind::full, .steps = {full_step()}};
    way.why_not = objection_to(way.steps.front());
    return way;
  }

  Step full_step() const {
    const auto& wanted = facts_.wanted;
    return {wanted.full, std::nullopt, "", wanted.version, wanted.content, wanted.full.length};
  }

  static Step step_of(const Edge& edge) {
    return {edge.delta->file, edge.delta->from_content, edge.delta->from_version,
            edge.to->version, edge.to->content,         edge.to->full.length};
  }

  /// Empty: nothing is known against it.
  std::string objection_to(const Step& step) const {
    const auto aside = std::ranges::find_if(
        facts_.quarantine, [&](const auto& one) { return one.package == step.file.sha256 && one.base == step.from; });
    if (aside != facts_.quarantine.end()) return "it was put aside: " + aside->reason;
    if (facts_.useless.contains(step.file.sha256)) return "its bytes failed on this machine before";
    return "";
  }

  /// Empty: it is within the budget, or there is none.
  std::string objection_by_budget(const Way& way) const {
    if (!facts_.fallback_left || way.bytes.network() <= *facts_.fallback_left) return "";
    return std::string(kOverBudget) + to_string(way.bytes.network()) + " are more than the " +
           to_string(*facts_.fallback_left) + " that are left this month for what a failed delta costs on a metered " +
           "link (metered_fallback); `upswarm update` takes it all the same, and so does a line that is not metered";
  }

  /// Nothing: nobody knows.
  std::optional<int> seeds_of(const Step& step) const {
    const auto found = facts_.seeds.find(step.file.info_hash);
    return found == facts_.seeds.end() ? std::nullopt : std::optional(found->second);
  }

  ExpectedBytes bytes_of(const Step& step) const {
    if (facts_.cached.contains(step.file.sha256)) return {.disk = step.file.length, .site = {}, .origin = {}};
    const auto& choice = step.choice;
    if (!choice.is_empty()) return {.disk = choice.here, .site = choice.site, .origin = choice.origin};
    if (believes_tracker_ && seeds_of(step).value_or(0) > 0)
      return {.disk = {}, .site = step.file.length, .origin = {}};
    return {.disk = {}, .site = {}, .origin = step.file.length};
  }

  ExpectedBytes bytes_of(const Way& way) const {
    if (way.kind == WayKind::sparse && way.steps.front().choice.is_empty()) return {};
    ExpectedBytes all;
    for (const auto& step : way.steps) {
      const auto bytes = bytes_of(step);
      all.disk += bytes.disk;
      all.site += bytes.site;
      all.origin += bytes.origin;
    }
    return all;
  }

  static std::int64_t cost_of(const Way& way) {
    auto cost = weighed(way.bytes.origin, kOriginWeight) + weighed(way.bytes.site, kSiteWeight);
    for (const auto& step : way.steps) cost += weighed(step.rebuilds, kRebuildWeight);
    return cost;
  }

  bool saves_bytes() const { return facts_.link != Link::normal; }

  std::string link_words() const {
    const auto words = "a " + std::string(name_of(facts_.link)) + " link";
    return facts_.link_says.empty() ? words : words + " (" + facts_.link_says + ")";
  }

  /// What is compared first, and what decides where that is the same.
  std::tuple<std::int64_t, std::int64_t> rank_by_link(const Way& way) const {
    const auto network = weighed(way.bytes.network(), 1);
    return saves_bytes() ? std::tuple{network, way.cost} : std::tuple{way.cost, network};
  }

  std::tuple<bool, std::tuple<std::int64_t, std::int64_t>, WayKind> rank(const Way& way) const {
    return {!way.why_not.empty(), rank_by_link(way), way.kind};
  }

  /// Each content with the deltas that start from it. None leads back to where it all starts.
  std::multimap<Sha256, Edge> edges() const {
    std::multimap<Sha256, Edge> all;
    const auto add = [&](const trust::Entry& to) {
      if (to.content == facts_.installed) return;
      for (const auto& delta : to.deltas) {
        const Edge edge{&to, &delta};
        if (objection_to(step_of(edge)).empty()) all.emplace(delta.from_content, edge);
      }
    };
    for (const auto& release : facts_.releases) {
      if (release.content != facts_.wanted.content) add(release);
    }
    add(facts_.wanted);
    return all;
  }

  /// The fewest deltas that lead from a content to the wanted one; of what they do not lead from, nothing.
  std::map<Sha256, std::size_t> steps_to_wanted(const std::multimap<Sha256, Edge>& deltas) const {
    std::map<Sha256, std::size_t> all{{facts_.wanted.content, 0}};
    for (std::size_t length = 1; length < messages::kLongestChain; ++length) {
      for (const auto& [from, edge] : deltas) {
        const auto rest = all.find(edge.to->content);
        if (rest != all.end() && rest->second == length - 1) all.emplace(from, length);
      }
    }
    return all;
  }

  Reach extend(const Reach& reach, const Edge& edge) const {
    Way way{.kind = WayKind::chain, .steps = reach.steps};
    way.steps.push_back(step_of(edge));
    way.bytes = bytes_of(way);
    way.cost = cost_of(way);
    return {rank_by_link(way), std::move(way.steps)};
  }

  /// Bellman and Ford's: of each length the cheapest way to each release. Empty: there is none.
  std::vector<Step> cheapest_chain() const {
    const auto deltas = edges();
    std::optional<Reach> best;
    std::map<Sha256, Reach> reached{{*facts_.installed, Reach{}}};
    for (std::size_t length = 1; length <= messages::kLongestChain; ++length) {
      std::map<Sha256, Reach> next;
      for (const auto& [content, reach] : reached) {
        const auto [first, last] = deltas.equal_range(content);
        for (auto edge = first; edge != last; ++edge) {
          auto further = extend(reach, edge->second);
          const auto known = next.find(edge->second.to->content);
          if (known == next.end()) next.emplace(edge->second.to->content, std::move(further));
          else if (further.rank < known->second.rank) known->second = std::move(further);
        }
      }
      const auto end = next.find(facts_.wanted.content);
      if (length > 1 && end != next.end() && (!best || end->second.rank < best->rank)) best = end->second;
      next.erase(facts_.wanted.content);
      reached = std::move(next);
    }
    return best ? std::move(best->steps) : std::vector<Step>();
  }

  /// What the swarm offers of it, for people; empty: nothing of it has to come.
  std::string offer_of(const Way& way) const {
    const auto neighbours = [](int count) {
      return count == 0 ? std::string("no neighbour has")
                        : std::to_string(count) + (count == 1 ? " neighbour has" : " neighbours have");
    };
    if (way.bytes.network() == 0_B) return "";
    if (way.kind == WayKind::sparse) {
      const auto& choice = way.steps.front().choice;
      return choice.site == 0_B ? "no connected neighbour has any of it"
                                : "connected neighbours have " + to_string(choice.site) + " of it";
    }
    if (way.steps.size() == 1) {
      const auto seeds = seeds_of(way.steps.front());
      if (!seeds) return "who has it is not known";
      const bool is_doubted = *seeds > 0 && way.bytes.site == 0_B;
      return neighbours(*seeds) + " it" + (is_doubted ? ", by a word that is not relied on for so many bytes" : "");
    }
    const auto is_unknown = [&](const Step& step) { return !seeds_of(step); };
    if (std::ranges::any_of(way.steps, is_unknown)) return "who has them is not known";
    const auto there = std::ranges::count_if(way.steps, [&](const Step& step) { return seeds_of(step) > 0; });
    return "neighbours have " + std::to_string(there) + " of its " + std::to_string(way.steps.size()) + " deltas";
  }

  std::string with_offer(const Way& way) const {
    const auto offer = offer_of(way);
    return offer.empty() ? "" : "; " + offer;
  }

  /// Says of each way why it is taken or not.
  void judge(Plan& plan) const {
    const auto* const chosen = plan.chosen();
    if (chosen == nullptr) {
      plan.reason = "no way is left to " + facts_.wanted.version;
    } else {
      const auto usable = std::ranges::count_if(plan.ways, [](const Way& way) { return way.why_not.empty(); });
      plan.reason = words_of(*chosen) + ": ";
      if (usable == 1) plan.reason += "the only way there is";
      else plan.reason += saves_bytes() ? "the fewest bytes, on " + link_words() : "it costs least";
    }
    if (chosen != nullptr) plan.reason += with_offer(*chosen);
    for (auto& way : plan.ways) {
      if (&way == chosen) way.verdict = plan.reason;
      else if (!way.why_not.empty()) way.verdict = way.why_not;
      else way.verdict = (saves_bytes() ? "it takes more bytes" : "it costs more") + with_offer(way);
    }
  }

  const PlanFacts& facts_;
  bool believes_tracker_ = false;  ///< what neighbours have by its word comes from them
};

}  // namespace

std::string_view to_string(WayKind kind) { return kWayNames.at(static_cast<std::size_t>(kind)); }

Plan make_plan(const PlanFacts& facts) { return Planner(facts).make(); }

std::vector<trust::InfoHash> worth_asking_about(const PlanFacts& facts) { return Planner(facts).worth_asking_about(); }

bool is_worth_looking_for_parts(const Plan& plan, const PlanFacts& facts) {
  const auto* const chosen = plan.chosen();
  const auto& wanted = facts.wanted;
  const bool takes_all = chosen == nullptr ? is_over_budget(plan) : chosen->kind == WayKind::full;
  return takes_all && facts.installed && !facts.sparse && !facts.failed.contains(WayKind::sparse) &&
         !facts.cached.contains(wanted.full.sha256) && wanted.index_length <= kLongestFetchedIndex &&
         wanted.index_length <= facts.fallback_left.value_or(kLongestFetchedIndex) &&
         wanted.index_length.count <= wanted.full.length.count / 4;
}

bool is_over_budget(const Plan& plan) {
  const auto full = std::ranges::find(plan.ways, WayKind::full, &Way::kind);
  return plan.chosen() == nullptr && full != plan.ways.end() && full->why_not.starts_with(kOverBudget);
}

bool has_delta_from_installed(const PlanFacts& facts) {
  if (!facts.installed) return false;
  const auto has_one = [&](const trust::Entry& entry) {
    return std::ranges::find(entry.deltas, *facts.installed, &trust::DeltaFile::from_content) != entry.deltas.end();
  };
  return has_one(facts.wanted) || std::ranges::any_of(facts.releases, has_one);
}

bool is_major_upgrade(const std::string& from, const std::string& to) {
  const auto here = Version::parse(from);
  const auto there = Version::parse(to);
  return here && there && there->major() > here->major();
}

std::string words_of(const Way& way) {
  Bytes length;
  for (const auto& step : way.steps) length += step.file.length;
  const auto size = " (" + to_string(length) + ")";
  switch (way.kind) {
    case WayKind::nothing: return "nothing to fetch";
    case WayKind::delta: return way.steps.empty() ? "delta" : "delta from " + way.steps.front().from_version + size;
    case WayKind::chain: {
      if (way.steps.empty()) return "chain of deltas";
      auto words = "chain of deltas " + way.steps.front().from_version;
      for (const auto& step : way.steps) words += " -> " + step.to_version;
      return words + size;
    }
    case WayKind::sparse: {
      const auto& step = way.steps.front();
      const auto& choice = step.choice;
      if (choice.is_empty()) return "missing parts of the full package";
      const auto exact = choice.by_ranges == 0_B ? "" : ", " + to_string(choice.by_ranges) + " of it by HTTP ranges";
      return "missing parts of the full package (" + to_string(choice.all()) + " of " + to_string(step.file.length) +
             exact + ")";
    }
    case WayKind::full: return "full package" + size;
  }
  return "";
}

}  // namespace upswarm::agent
