// What programs on one machine say to each other, and the installer's record: parsers that must survive anything.
#include "installer/product_record.hpp"
#include "protocol/messages/agent_messages.hpp"
#include "protocol/messages/plan_messages.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto record = installer::parse_record(text, "fuzz")) {
    const auto written = installer::to_json(*record);
    const auto again = installer::parse_record(written.dump(), "again");
    fuzz::must(again.has_value() && installer::to_json(*again) == written);
  }
  const auto json = parse_json(text, "fuzz", {});
  if (!json || !json->is_object()) return 0;
  static_cast<void>(messages::parse_hello(*json));
  static_cast<void>(messages::parse_decisions(*json));
  static_cast<void>(messages::parse_progress(*json));
  static_cast<void>(messages::parse_outcomes(*json));
  static_cast<void>(messages::parse_offer(*json));
  static_cast<void>(messages::parse_history(*json));
  static_cast<void>(messages::parse_presence(*json));
  if (const auto missing = messages::parse_missing(*json)) fuzz::must(messages::to_json(*missing) == *json);
  if (const auto why = messages::parse_why(*json)) {
    const auto written = messages::to_json(*why);
    const auto again = messages::parse_why(written);
    fuzz::must(again.has_value() && messages::to_json(*again) == written);
  }
  if (const auto status = messages::parse_agent_status(*json)) {
    const auto written = messages::to_json(*status);
    const auto again = messages::parse_agent_status(written);
    fuzz::must(again.has_value() && messages::to_json(*again) == written);
  }
  if (const auto report = messages::parse_report(*json)) {
    const auto written = messages::to_json(*report);
    const auto again = messages::parse_report(written);
    fuzz::must(again.has_value() && messages::to_json(*again) == written);
  }
  if (const auto answer = messages::parse_report_answer(*json)) {
    const auto written = messages::to_json(*answer);
    const auto again = messages::parse_report_answer(written);
    fuzz::must(again.has_value() && messages::to_json(*again) == written);
  }
  return 0;
}
