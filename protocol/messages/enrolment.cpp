#include "protocol/messages/enrolment.hpp"

#include "protocol/base/hex.hpp"
#include "protocol/messages/machine_request.hpp"

namespace upswarm::messages {
namespace {

constexpr std::size_t kTokenDigits = 64;

}  // namespace

Result<std::string> parse_token(std::string_view text) {
  const bool has_form = text.starts_with(kTokenPrefix) && text.size() == kTokenPrefix.size() + kTokenDigits &&
                        from_hex(text.substr(kTokenPrefix.size()));
  if (has_form) return std::string(text);
  return Error{ErrorKind::invalid, "read an enrolment token",
               std::string(kTokenPrefix) + " and 64 hexadecimal digits are wanted", "token_form"};
}

Json to_json(const Enrolment& enrolment) {
  return {{"machine", enrolment.machine}, {"public_key", enrolment.public_key}, {"token", enrolment.token}};
}

Result<Enrolment> read_enrolment(std::string_view text) {
  UPSWARM_TRY(const auto json, parse_json(text, "enrolment", {.longest = kLongestEnrolment, .deepest = 2}));
  ObjectReader in(json, "enrolment");
  Enrolment enrolment;
  enrolment.machine = in.parsed("machine", parse_machine_id, 128).value_or("");
  const auto key = in.parsed("public_key", parse_machine_key, 64);
  enrolment.token = in.parsed("token", parse_token, 128).value_or("");
  UPSWARM_CHECK(in.finish());
  enrolment.public_key = key->public_text;
  return enrolment;
}

}  // namespace upswarm::messages
