#include "protocol/trust/layout.hpp"

#include <algorithm>
#include <array>

namespace upswarm::trust {
namespace {

constexpr std::array<std::string_view, 3> kMeanings{"done", "reboot", "retry"};
constexpr std::int64_t kHighestExitCode = 0xffffffff;  // on Windows they have 32 bits
constexpr std::size_t kLongestWord = 16;
constexpr std::size_t kLongestDetectedPath = 1024;

Result<Detection> read_detection(ObjectReader in) {
  Detection detection;
  const auto kind = in.text("kind", kLongestWord);
  UPSWARM_CHECK(in.finish_open());
  if (kind == "command") {
    const auto& command = in.object("command");
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_TRY(detection.command, read_command(in.inside(command, "command")));
    if (in.has("output")) detection.output = in.text("output", kLongestExpected);
  } else if (kind == "file") {
    detection.kind = Detection::Kind::file;
    detection.path = in.text("path", kLongestDetectedPath);
    // Of Windows, too, wherever this is read.
    const bool has_drive = detection.path.size() > 2 && detection.path[1] == ':';
    if (!detection.path.starts_with('/') && !has_drive) in.fail("path", "an absolute path is wanted");
    detection.sha256 = in.parsed("sha256", parse_sha256).value_or(Sha256{});
  } else {
    in.fail("kind", "command or file is wanted");
  }
  UPSWARM_CHECK(in.finish());
  return detection;
}

Result<std::pair<std::int64_t, ExitMeaning>> read_exit_code(ObjectReader in) {
  const auto code = in.integer("code", 0, kHighestExitCode);
  const auto word = in.text("means", kLongestWord);
  const auto* const found = std::ranges::find(kMeanings, word);
  if (found == kMeanings.end()) in.fail("means", "done, reboot or retry is wanted; every other code has failed");
  UPSWARM_CHECK(in.finish());
  return std::pair(code, static_cast<ExitMeaning>(found - kMeanings.begin()));
}

Json to_json(const Detection& detection) {
  if (detection.kind == Detection::Kind::file)
    return {{"kind", "file"}, {"path", detection.path}, {"sha256", detection.sha256.hex()}};
  Json json{{"kind", "command"}, {"command", to_json(detection.command)}};
  if (detection.output) json["output"] = *detection.output;
  return json;
}

}  // namespace

Result<Foreign> read_foreign(ObjectReader in) {
  Foreign foreign;
  const auto& install = in.object("install");
  const auto& detection = in.object("detection");
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(foreign.install, read_command(in.inside(install, "install")));
  UPSWARM_TRY(foreign.detection, read_detection(in.inside(detection, "detection")));
  std::size_t number = 0;
  for (const auto& value : in.array_or_none("exit_codes", kMostExitCodes)) {
    UPSWARM_TRY(const auto one, read_exit_code(in.inside(value, "exit_codes", number++)));
    if (!foreign.exit_codes.empty() && one.first <= foreign.exit_codes.rbegin()->first)
      in.fail("exit_codes", "the codes do not rise");
    foreign.exit_codes.insert(one);
  }
  UPSWARM_CHECK(in.finish());
  return foreign;
}

Json to_json(const Foreign& foreign) {
  auto codes = Json::array();
  for (const auto& [code, meaning] : foreign.exit_codes)
    codes.push_back({{"code", code}, {"means", kMeanings.at(static_cast<std::size_t>(meaning))}});
  return {{"install", to_json(foreign.install)},
          {"exit_codes", std::move(codes)},
          {"detection", to_json(foreign.detection)}};
}

}  // namespace upswarm::trust
