// A request to the seeder that a machine's own key vouches for. Any request can be signed; nothing about its body
// changes. Three header fields carry it:
//
//   Upswarm-Machine    the machine's id
//   Upswarm-Time       when it was signed, by the machine's clock: "2026-11-21T04:20:00Z"
//   Upswarm-Signature  Ed25519 (RFC 8032), 128 lower-case hexadecimal digits, over the canonical JSON of
//
//   {"_type": "upswarm-machine-request-1", "machine", "time", "method", "target", "body"}
//
// `target` is the path and query as the API names them ("/v1/reports", without what a seeder_url may have in front of
// it), `body` the SHA-256 of the body in hexadecimal. "_type" keeps it apart from all that TUF signs, method and target
// keep one kind of request apart from another. docs/decisions/0005-signed-requests.md says why it is made so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::messages {

inline constexpr const char* kMachineField = "Upswarm-Machine";
inline constexpr const char* kTimeField = "Upswarm-Time";
inline constexpr const char* kSignatureField = "Upswarm-Signature";

/// A request whose replay does harm is refused when its time is further off than this.
inline constexpr std::chrono::minutes kRequestFreshness{5};

/// An id that can have a key: 1 to 128 printable ASCII characters, no blank among them.   Errors: invalid.
Result<std::string> parse_machine_id(std::string_view text);

/// An Ed25519 key as a machine has one. `public_hex` is 64 lower-case hexadecimal digits.   Errors: corrupt.
Result<trust::PublicKey> parse_machine_key(std::string_view public_hex);

/// What is signed of a request.
struct MachineRequest {
  std::string machine;
  Time time;
  std::string method;
  std::string target;
  std::string_view body;

  std::string bytes_to_sign() const;
};

/// The header fields of a request, as they came; a missing one is empty.
struct MachineFields {
  std::string machine;
  std::string time;
  std::string signature;
};

/// Who says to have sent a request. Nothing is proved yet.
struct MachineClaim {
  std::string machine;
  Time time;
  std::string signature;

  /// Whether `key` signed this request.
  bool is_signed_by(const trust::PublicKey& key, const std::string& method, const std::string& target,
                    std::string_view body) const;
};

/// Nothing when no field is there: an unsigned request.   Errors: corrupt  some are missing, or have no such form.
Result<std::optional<MachineClaim>> read_claim(const MachineFields& fields);

/// The header fields for a request.
std::vector<std::pair<std::string, std::string>> sign_request(const trust::SigningKey& key,
                                                              const MachineRequest& request);

/// For requests whose replay does harm. Reports and enrolments need it not: a second one is the same as the first, and
/// a machine whose clock is wrong must be heard.
bool is_fresh(const MachineClaim& claim, Time now);

}  // namespace upswarm::messages
