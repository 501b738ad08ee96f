// The installer's whole conversation: questions one after another, a line each, to one installer.
//
//   WHO FILE QUESTION\n      WHO: 'a' the agent, 'r' root, any other a stranger; FILE: '+' one comes along, any other:
//   none
//
// The question {"ask": "honest"} is the offer of a signed repository in which a release is wanted, so that what is
// behind the signatures is reached: its package is the 7 bytes "package".
#include "installer/service.hpp"
#include "protocol/base/log.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/repository_simulator.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace {

using namespace upswarm;

constexpr std::uint32_t kAgent = 4711;
constexpr std::uint32_t kStranger = 54321;
constexpr std::size_t kMostQuestions = 20;

class Repository {
 public:
  Repository() {
    simulator_.delegate("rollout", {"rollout/*/*"}, true);
    trust::Entry entry;
    entry.counter = {1, 2};
    entry.version = "1.1.0";
    entry.content = sha256("tree");
    entry.full = {.path = "pkg/app/linux-x64/1.1.0/app.upk",
                  .length = 7_B,
                  .sha256 = sha256("package"),
                  .info_hash = std::string(40, 'a'),
                  .piece_length = 16_KiB};
    entry.index_length = 3_B;
    entry.index_digest = sha256("pac");
    entry.salt = "salt";
    const trust::Index index{
        .product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 1}, .entries = {entry}};
    trust::RolloutItem item;
    item.counter = entry.counter;
    item.entry = entry.digest();
    item.permille = 1000;
    simulator_.add_target("rel-app", trust::index_path("app", "stable", "linux-x64"), trust::to_json(index).dump());
    simulator_.add_target("rollout", trust::rollout_path("app", "stable", "linux-x64"),
                          trust::to_json(trust::Rollout{"app", "stable", "linux-x64", {item}}).dump());
    simulator_.publish({"targets", "rel-app", "rollout"});
    offer_ = messages::make_offer(simulator_.files);
  }
  const std::string& root() const { return simulator_.files.at("metadata/1.root.json"); }
  const Json& offer() const { return offer_; }
  const tests::FakeClock& clock() const { return clock_; }

 private:
  tests::FakeClock clock_;
  tests::RepositorySimulator simulator_{clock_};
  Json offer_;
};

void ask(installer::InstallerService& service, const Repository& repository, std::string_view line) {
  if (line.size() < 2) return;
  const auto user = line[0] == 'a' ? kAgent : line[0] == 'r' ? 0U : kStranger;
  std::unique_ptr<InputFile> file;
  if (line[1] == '+') file = std::make_unique<fuzz::MemoryFile>("package");
  auto question = parse_json(line.substr(2), "a question", {.longest = kLongestLocalFrame, .deepest = 32});
  if (!question || !question->is_object() || !question->contains("ask") || !(*question)["ask"].is_string()) return;
  auto word = (*question)["ask"].get<std::string>();
  const bool is_honest = word == "honest";
  if (is_honest) {
    question = repository.offer();
    word = "offer_metadata";
  }
  const auto answer = service.answer({.user = user, .process = 1}, word, *question, std::move(file));
  if (user == kStranger) fuzz::must(!answer);
  if (user == kAgent && (word == "rollback" || word == "clear_bad")) fuzz::must(!answer);
  if (user == kAgent && is_honest) {
    fuzz::must(answer.has_value());
    const auto& decision = answer->at("decisions")[0];
    // At work it holds what it would want.
    fuzz::must(decision["kind"] == "wanted" || decision["kind"] == "held");
  }
  if (answer) fuzz::must(answer->is_object() && to_text(*answer).size() <= kLongestLocalFrame.count);
  else fuzz::must(!answer.error().message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Repository repository;
  static const bool is_quiet = log::set_up({.level = log::Level::error}).has_value();
  fuzz::must(is_quiet);
  const tests::TemporaryFolder folder;
  folder.write("root.json", repository.root());
  folder.write("state/machine-id", "fuzz");
  tests::UnsyncedFiles files(system_files());
  installer::InstallerConfig config;
  config.state_folder = folder / "state";
  config.socket = folder / "run/installer.sock";
  config.root_file = folder / "root.json";
  config.agent_account = std::to_string(kAgent);
  config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"}};
  auto service = installer::InstallerService::open(config, files, repository.clock());
  fuzz::must(service.has_value());
  (*service)->recover({});
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t n = 0; n < kMostQuestions && !text.empty(); ++n) {
    const auto end = std::min(text.find('\n'), text.size());
    ask(**service, repository, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // Nobody works here: whatever was asked, nothing was installed.
  fuzz::must(!std::filesystem::exists(folder / "root"));
  return 0;
}
