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

Result<Judgement> TrustGate::judge(const ProductConfig& product, trust::MachineFacts facts) {
  const auto path = trust::index_path(product.product, product.channel, product.platform);
  UPSWARM_TRY(const auto target, state_->client.find(path));
  facts.epoch = target.epoch;
  facts.now = std::max(facts.now, now());
  UPSWARM_TRY(const auto index_bytes, state_->client.fetch(path, trust::kLongestIndex));
  UPSWARM_TRY(const auto index, trust::parse_index(index_bytes, path));
  if (index.product != product.product || index.channel != product.channel || index.platform != product.platform) {
    return Error{ErrorKind::untrusted, path, "it speaks of another product, channel or platform", "mix_and_match"};
  }
  std::optional<trust::Rollout> rollout;
  const auto rollout_path = trust::rollout_path(product.product, product.channel, product.platform);
  const auto rollout_bytes = state_->client.fetch(rollout_path, trust::kLongestRollout);
  if (rollout_bytes) {
    UPSWARM_TRY(rollout, trust::parse_rollout(*rollout_bytes, rollout_path));
    if (rollout->product != product.product || rollout->channel != product.channel ||
        rollout->platform != product.platform) {
      return Error{ErrorKind::untrusted, rollout_path, "it speaks of another product, channel or platform",
                   "mix_and_match"};
    }
  } else {
    log::info("no rollout filter", {{"product", product.product}, {"why", rollout_bytes.error().message()}});
  }
  return Judgement{trust::decide(index, rollout, facts), index.floor, state_->client.expires_first().time};
}

}  // namespace upswarm::installer
