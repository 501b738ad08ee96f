#include "seeder/voucher.hpp"

#include "protocol/messages/machine_request.hpp"

namespace upswarm::seeder {
namespace {

Error bad_signature(const HttpCall& call, std::string why) {
  return {ErrorKind::denied, call.method + " " + call.path, std::move(why), "signature"};
}

Result<std::optional<messages::MachineClaim>> claim_of(const HttpCall& call) {
  auto claim = messages::read_claim(
      {call.header("upswarm-machine"), call.header("upswarm-time"), call.header("upswarm-signature")});
  if (!claim) return bad_signature(call, claim.error().message());
  return claim;
}

bool is_signed(const HttpCall& call, const messages::MachineClaim& claim, const trust::PublicKey& key) {
  const auto target = call.query.empty() ? call.path : call.path + "?" + call.query;
  return claim.is_signed_by(key, call.method, target, call.body);
}

}  // namespace

std::string Voucher::reason() const {
  switch (kind) {
    case Kind::nobody: return "unsigned";
    case Kind::unknown_machine: return "unknown_machine";
    case Kind::revoked_machine: return "revoked_machine";
    case Kind::machine: break;
  }
  return "";
}

Result<Voucher> find_voucher(const HttpCall& call, Machines& machines) {
  UPSWARM_TRY(const auto claim, claim_of(call));
  if (!claim) return Voucher{};
  UPSWARM_TRY(const auto known, machines.find(claim->machine));
  Voucher voucher{Voucher::Kind::unknown_machine, claim->machine, "", claim->time};
  if (!known) return voucher;
  UPSWARM_TRY(const auto key, messages::parse_machine_key(known->public_key));
  if (!is_signed(call, *claim, key))
    return bad_signature(call, "not signed by the key that " + known->machine + " has");
  voucher.kind = known->revoked ? Voucher::Kind::revoked_machine : Voucher::Kind::machine;
  voucher.public_key = known->public_key;
  return voucher;
}

Result<void> check_possession(const HttpCall& call, const messages::Enrolment& wish) {
  UPSWARM_TRY(const auto claim, claim_of(call));
  UPSWARM_TRY(const auto key, messages::parse_machine_key(wish.public_key));
  if (claim && claim->machine == wish.machine && is_signed(call, *claim, key)) return {};
  return bad_signature(call, "not signed by the key that it names, in the name of the machine");
}

}  // namespace upswarm::seeder
