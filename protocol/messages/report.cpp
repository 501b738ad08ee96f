#include "protocol/messages/report.hpp"

namespace upswarm::messages {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

Bytes read_count(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, kMax))};
}

}  // namespace

std::string shortened(std::string text, std::size_t longest) {
  if (text.size() <= longest) return text;
  const auto is_inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; };
  while (longest > 0 && is_inside(longest)) --longest;
  text.resize(longest);
  return text;
}

Json to_json(const SourceBytes& bytes) {
  Json value{{"disk", bytes.disk.count},
             {"site", bytes.site.count},
             {"origin_bt", bytes.origin_bt.count},
             {"origin_http", bytes.origin_http.count},
             {"wasted", bytes.wasted.count}};
  if (bytes.other.count != 0) value["other"] = bytes.other.count;
  if (bytes.delta.count != 0) value["delta"] = bytes.delta.count;
  return value;
}

Json to_json(const Report& report) {
  auto outcome = report.outcome;
  outcome.reason = shortened(std::move(outcome.reason), kLongestReportedReason);
  auto value = to_json(outcome);
  value["machine"] = report.machine;
  value["bytes"] = to_json(report.bytes);
  return value;
}

Json to_json(const ReportAnswer& answer) {
  return {{"stored", answer.stored}, {"trusted", answer.trusted}, {"reason", answer.reason}};
}

Result<SourceBytes> parse_source_bytes(const Json& value) {
  ObjectReader in(value, "bytes");
  SourceBytes bytes;
  bytes.disk = read_count(in, "disk");
  bytes.site = read_count(in, "site");
  bytes.other = Bytes{static_cast<std::uint64_t>(in.integer_or("other", 0, 0, kMax))};
  bytes.delta = Bytes{static_cast<std::uint64_t>(in.integer_or("delta", 0, 0, kMax))};
  bytes.origin_bt = read_count(in, "origin_bt");
  bytes.origin_http = read_count(in, "origin_http");
  bytes.wasted = read_count(in, "wasted");
  UPSWARM_CHECK(in.finish_open());
  return bytes;
}

Result<Report> parse_report(const Json& value) {
  ObjectReader in(value, "report");
  Report report;
  report.machine = in.text("machine", 128);
  const auto& bytes = in.object("bytes");
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(report.bytes, parse_source_bytes(bytes));
  auto rest = value;
  rest.erase("machine");
  rest.erase("bytes");
  UPSWARM_TRY(auto outcomes, parse_outcomes(Json{{"outcomes", Json::array({std::move(rest)})}}));
  report.outcome = std::move(outcomes.front());
  return report;
}

Result<ReportAnswer> parse_report_answer(const Json& value) {
  ObjectReader in(value, "the answer to a report");
  ReportAnswer answer;
  answer.stored = in.boolean("stored");
  answer.trusted = in.boolean_or("trusted", false);
  answer.reason = in.text_or("reason", "", 64);
  UPSWARM_CHECK(in.finish_open());
  return answer;
}

}  // namespace upswarm::messages
