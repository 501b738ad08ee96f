#include "installer/trust_gate.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

/// A repository that holds just what was offered.
class OfferSource final : public trust::RepositorySource {
 public:
  void replace(std::map<std::string, std::string> offer) { offer_ = std::move(offer); }

  Result<std::string> metadata(const std::string& name, Bytes longest) override {
    return get("metadata/" + name, longest);
  }
  Result<std::string> target(const std::string& name, Bytes longest) override {
    return get("targets/" + name, longest);
  }

 private:
  Result<std::string> get(const std::string& name, Bytes longest) const {
    const auto found = offer_.find(name);
    if (found == offer_.end()) return Error{ErrorKind::not_found, "read " + name, "it was not offered"};
    if (found->second.size() > longest.count) return Error{ErrorKind::corrupt, "read " + name, "too long", "too_long"};
    return found->second;
  }

  std::map<std::string, std::string> offer_;
};

}  // namespace

struct TrustGate::State {
  State(trust::TrustStore opened, const Clock& clock)
      : store(std::move(opened)), client(store, source, trust::ed25519_verifier(), clock) {}

  /// An index, and the highest epoch that its signers may use.
  struct SignedIndex {
    trust::Index index;
    std::int64_t epoch = 1;
  };
  Result<SignedIndex> read_index(const ProductConfig& product, const std::string& path);
  Result<SignedIndex> read_releases(const ProductConfig& product);

  trust::TrustStore store;
  OfferSource source;
  trust::TrustClient client;
};

Result<TrustGate> TrustGate::open(Files& files, const Path& folder, const Clock& clock) {
  UPSWARM_TRY(auto store, trust::TrustStore::open(files, folder));
  return TrustGate(std::make_shared<State>(std::move(store), clock));
}

Result<void> TrustGate::place_first_root(std::string_view root_json) {
  return state_->store.place_first_root(root_json, trust::ed25519_verifier());
}

trust::RoleVersion TrustGate::root_version() const {
  const auto bytes = state_->store.load("root");
  if (!bytes) return 0;
  const auto envelope = trust::parse_envelope(*bytes, "root", trust::kLongestRoot);
  if (!envelope) return 0;
  const auto root = trust::parse_root(*envelope);
  return root ? root->version : 0;
}

Result<void> TrustGate::take_in(std::map<std::string, std::string> offer) {
  state_->source.replace(std::move(offer));
  return state_->client.refresh();
}

Time TrustGate::now() const { return state_->client.now(); }

Result<TrustGate::State::SignedIndex> TrustGate::State::read_index(const ProductConfig& product,
                                                                   const std::string& path) {
  UPSWARM_TRY(const auto target, client.find(path));
  UPSWARM_TRY(const auto bytes, client.fetch(path, trust::kLongestIndex));
  UPSWARM_TRY(auto index, trust::parse_index(bytes, path));
  if (index.product != product.product || index.channel != product.channel || index.platform != product.platform) {
    return Error{ErrorKind::untrusted, path, "it speaks of another product, channel or platform", "mix_and_match"};
  }
  // Floors are remembered here for good: one that the signers' epoch does not cover would outlive their keys.
  if (index.floor.epoch > target.epoch) {
    return Error{ErrorKind::untrusted, path,
                 "its floor " + index.floor.text() + " is of an epoch that its signers may not use", "epoch"};
  }
  return SignedIndex{std::move(index), target.epoch};
}

/// A channel that has nightly builds alone has no index of releases.
Result<TrustGate::State::SignedIndex> TrustGate::State::read_releases(const ProductConfig& product) {
  auto releases = read_index(product, trust::index_path(product.product, product.channel, product.platform));
  if (releases || !product.prerelease || releases.error().kind != ErrorKind::not_found) return releases;
  UPSWARM_TRY(const auto target, client.find(trust::preindex_path(product.product, product.channel, product.platform)));
  trust::Index none{.product = product.product,
                    .channel = product.channel,
                    .platform = product.platform,
                    .floor = {1, 0},
                    .entries = {}};
  return SignedIndex{std::move(none), target.epoch};
}

/// Whatever is wrong with a filter, it is as good as none: whoever has its key must not hold an urgent release for
/// longer than by leaving it away. decide() sees to its product, channel and platform.
std::optional<trust::Rollout> TrustGate::filter_of(const ProductConfig& product) {
  const auto path = trust::rollout_path(product.product, product.channel, product.platform);
  const auto bytes = state_->client.fetch(path, trust::kLongestRollout);
  const auto rollout = bytes ? trust::parse_rollout(*bytes, path) : bytes.error();
  if (rollout) return *rollout;
  log::info("no rollout filter", {{"product", product.product}, {"why", rollout.error().message()}});
  return std::nullopt;
}

Result<Judgement> TrustGate::judge(const ProductConfig& product, trust::MachineFacts facts) {
  UPSWARM_TRY(const auto releases, state_->read_releases(product));
  facts.epoch = releases.epoch;
  facts.now = std::max(facts.now, now());
  const auto rollout = filter_of(product);
  Judgement judgement{trust::decide(releases.index, rollout, facts), releases.index.floor,
                      state_->client.expires_first().time, releases.index.entries};
  if (!product.prerelease) return judgement;
  const auto nightlies =
      state_->read_index(product, trust::preindex_path(product.product, product.channel, product.platform));
  if (!nightlies) {
    // Their short-lived signature must not hold the releases.
    log::info("no nightly builds", {{"product", product.product}, {"why", nightlies.error().message()}});
    return judgement;
  }
  judgement.decision = trust::decide_with_nightlies(releases.index, nightlies->index, rollout, facts, nightlies->epoch);
  judgement.releases.insert(judgement.releases.end(), nightlies->index.entries.begin(), nightlies->index.entries.end());
  // A release rests on its own signatures alone, a nightly build on those that it came by, too.
  const auto& entry = judgement.decision.entry;
  const auto is_it = [&entry](const trust::Entry& one) { return one.counter == entry->counter; };
  if (entry && std::ranges::any_of(nightlies->index.entries, is_it))
    judgement.fresh_until = state_->client.expires_first().time;
  return judgement;
}

}  // namespace upswarm::installer
