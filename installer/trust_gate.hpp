// The installer's own judgement over metadata that the agent offers.
#pragma once

#include <map>
#include <string>

#include "installer/config.hpp"
#include "protocol/trust/client.hpp"
#include "protocol/trust/decision.hpp"

namespace upswarm::installer {

/// What signed metadata says about one product, now.
struct Judgement {
  trust::Decision decision;
  trust::ReleaseCounter floor{1, 0};
  Time fresh_until;                         ///< the earliest expiry of the metadata that it rests on
  std::vector<trust::Entry> releases = {};  ///< of the signed index, and of nightly builds where they are followed
};

/// One thread at a time.
class TrustGate {
 public:
  /// `files` and `clock` must outlive the gate.   Errors: disk.
  static Result<TrustGate> open(Files& files, const Path& folder, const Clock& clock);

  /// See TrustStore::place_first_root.
  Result<void> place_first_root(std::string_view root_json);

  /// 0: there is no root yet.
  trust::RoleVersion root_version() const;

  /// Takes in an offer: "metadata/<name>" and "targets/<consistent name>" to content. Runs the whole client workflow.
  /// Errors: those of TrustClient::refresh; then nothing may be installed.
  Result<void> take_in(std::map<std::string, std::string> offer);

  /// The time that the last take_in went by: the clock's, or the later one that signed metadata proves.
  Time now() const;

  /// After take_in: which release `product` should run. A rollout filter that is
  /// missing, has expired, cannot be read or is of something else holds as decide() says. `facts.epoch` is set
  /// here, and `facts.now` is never before now().
  /// Errors: as TrustClient::fetch, of the index; untrusted  (reason mix_and_match) it speaks of another product.
  Result<Judgement> judge(const ProductConfig& product, trust::MachineFacts facts);

 private:
  std::optional<trust::Rollout> filter_of(const ProductConfig& product);
  struct State;
  explicit TrustGate(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace upswarm::installer
