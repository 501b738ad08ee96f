// How a machine's id is bound to its key, once: POST /v1/enrol, one JSON object, signed as machine_request.hpp says by
// the key that it names, which proves that the sender has it.
//
//   machine                                          seeder
//     {"machine", "public_key", "token"}        ->
//                                               <-   200 {"enrolled": true, "new": true | false}
//                                               <-   403, 429 {"error": {...}}, reason:
//
//   token_unknown, token_revoked, token_expired, token_used_up    the token binds nothing (any more)
//   machine_taken      the id has another key: `upswarm-seeder machines forget ID` lets it have a new one
//   machine_revoked    an administrator took the machine's word away; `machines forget ID` gives it another chance
//   too_many_machines  the seeder knows as many as it may
//   too_many_failures  (429) too many wrong tokens came from the sender's address: later
//   signature          the request is not signed by the key that it names
//
// A machine that is bound to this key already gets "new": false, whatever became of its token, which is not used again:
// so an answer that was lost does no harm.
#pragma once

#include <string>

#include "protocol/base/json.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::messages {

inline constexpr const char* kEnrolPath = "/v1/enrol";
inline constexpr Bytes kLongestEnrolment = 4_KiB;
inline constexpr Bytes kLongestEnrolmentAnswer = 16_KiB;
/// What the text of every token starts with: 64 hexadecimal digits follow. Lets secret scanners find one that leaked.
inline constexpr std::string_view kTokenPrefix = "upswarm_enrol_";

struct Enrolment {
  std::string machine;     ///< see parse_machine_id
  std::string public_key;  ///< 64 lower-case hexadecimal digits
  std::string token;
};

/// The form alone; whether a token is good the seeder knows. The text is never part of the error.
/// Errors: invalid  (reason "token_form").
Result<std::string> parse_token(std::string_view text);

Json to_json(const Enrolment& enrolment);
/// Errors: corrupt.
Result<Enrolment> read_enrolment(std::string_view text);

}  // namespace upswarm::messages
