#include "protocol/messages/machine_request.hpp"

#include <algorithm>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/trust/canonical_json.hpp"

namespace upswarm::messages {
namespace {

constexpr const char* kType = "upswarm-machine-request-1";
constexpr std::size_t kLongestMachineId = 128;
constexpr std::size_t kPublicLength = 32;
constexpr std::size_t kSignatureLength = 64;

bool is_printable(char c) { return c > ' ' && c <= '~'; }

}  // namespace

Result<std::string> parse_machine_id(std::string_view text) {
  if (!text.empty() && text.size() <= kLongestMachineId && std::ranges::all_of(text, is_printable))
    return std::string(text);
  return Error{ErrorKind::invalid, "read a machine's id",
               "1 to 128 printable ASCII characters without blanks are wanted", "machine_id"};
}

Result<trust::PublicKey> parse_machine_key(std::string_view public_hex) {
  UPSWARM_TRY(const auto bytes, from_hex(public_hex));
  if (bytes.size() != kPublicLength) {
    return Error{ErrorKind::corrupt, "read a machine's public key",
                 "32 bytes are wanted, not " + std::to_string(bytes.size())};
  }
  return trust::PublicKey{.type = "ed25519", .scheme = "ed25519", .public_text = std::string(public_hex)};
}

std::string MachineRequest::bytes_to_sign() const {
  return trust::to_canonical(Json{{"_type", kType},
                                  {"machine", machine},
                                  {"time", to_string(time)},
                                  {"method", method},
                                  {"target", target},
                                  {"body", sha256(body).hex()}});
}

bool MachineClaim::is_signed_by(const trust::PublicKey& key, const std::string& method, const std::string& target,
                                std::string_view body) const {
  const MachineRequest request{machine, time, method, target, body};
  return trust::ed25519_verifier().is_good(key, signature, as_bytes(request.bytes_to_sign()));
}

Result<std::optional<MachineClaim>> read_claim(const MachineFields& fields) {
  if (fields.machine.empty() && fields.time.empty() && fields.signature.empty()) return std::optional<MachineClaim>();
  MachineClaim claim;
  const auto id = parse_machine_id(fields.machine);
  if (!id) return Error{ErrorKind::corrupt, kMachineField, id.error().cause};
  claim.machine = *id;
  UPSWARM_TRY(claim.time, parse_time(fields.time));
  UPSWARM_TRY(const auto signature, from_hex(fields.signature));
  if (signature.size() != kSignatureLength) return Error{ErrorKind::corrupt, kSignatureField, "64 bytes are wanted"};
  claim.signature = fields.signature;
  return std::optional(std::move(claim));
}

std::vector<std::pair<std::string, std::string>> sign_request(const trust::SigningKey& key,
                                                              const MachineRequest& request) {
  return {{kMachineField, request.machine},
          {kTimeField, to_string(request.time)},
          {kSignatureField, key.sign(as_bytes(request.bytes_to_sign()))}};
}

bool is_fresh(const MachineClaim& claim, Time now) {
  return claim.time >= now - kRequestFreshness && claim.time <= now + kRequestFreshness;
}

}  // namespace upswarm::messages
