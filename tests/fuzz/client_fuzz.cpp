// The whole client workflow, fed by a repository that is the input: files one after another, each
//
//   == NAME\n  content  \n      "== next" begins a second repository, which a second refresh meets
//
// A signature counts when its text begins with "good", so that what is behind the signatures is reached.
#include <map>

#include "protocol/trust/client.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace upswarm;

constexpr std::string_view kMark = "== ";

class Archive final : public trust::RepositorySource {
 public:
  void add(std::string name, std::string content) { files_.insert_or_assign(std::move(name), std::move(content)); }
  bool served(const std::string& content) const {
    return std::any_of(files_.begin(), files_.end(), [&](const auto& file) { return file.second == content; });
  }
  Result<std::string> metadata(const std::string& name, Bytes longest) override { return get(name, longest); }
  Result<std::string> target(const std::string& name, Bytes longest) override { return get(name, longest); }
  bool has(const std::string& name) const { return files_.contains(name); }
  const std::string& at(const std::string& name) const { return files_.at(name); }

 private:
  Result<std::string> get(const std::string& name, Bytes longest) const {
    const auto found = files_.find(name);
    if (found == files_.end()) return Error{ErrorKind::not_found, name, "not there"};
    if (found->second.size() > longest.count) return Error{ErrorKind::corrupt, name, "too long", "too_long"};
    return found->second;
  }
  std::map<std::string, std::string> files_;
};

std::vector<Archive> read_archives(std::string_view bytes) {
  std::vector<Archive> archives(1);
  while (bytes.starts_with(kMark) && archives.size() <= 3) {
    const auto end_of_name = std::min(bytes.find('\n'), bytes.size());
    const std::string name(bytes.substr(kMark.size(), end_of_name - std::min(kMark.size(), end_of_name)));
    bytes.remove_prefix(std::min(end_of_name + 1, bytes.size()));
    const auto end = bytes.find("\n== ");
    if (name == "next") archives.push_back(archives.back());
    else archives.back().add(name, std::string(bytes.substr(0, end)));
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
  return archives;
}

class Trusting final : public trust::SignatureVerifier {
 public:
  bool is_good(const trust::PublicKey& /*key*/, std::string_view signature, ByteView /*message*/) const override {
    return signature.starts_with("good");
  }
};

std::int64_t version_of(const trust::TrustStore& store, const std::string& role) {
  const auto bytes = store.load(role);
  if (!bytes) return 0;
  const auto envelope = trust::parse_envelope(*bytes, role, trust::kLongestTargets);
  return envelope ? envelope->content.value("version", std::int64_t{0}) : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto archives = read_archives({reinterpret_cast<const char*>(data), size});
  if (!archives.front().has("1.root.json")) return 0;
  const tests::TemporaryFolder folder;
  const tests::FakeClock clock;
  const Trusting verifier;
  auto store = trust::TrustStore::open(system_files(), folder / "trust");
  fuzz::must(store.has_value());
  if (!store->place_first_root(archives.front().at("1.root.json"), verifier)) return 0;
  for (auto archive : archives) {
    const auto root_before = version_of(*store, "root");
    trust::TrustClient client(*store, archive, verifier, clock);
    const bool refreshed = client.refresh().has_value();
    fuzz::must(version_of(*store, "root") >= root_before);
    for (const char* path : {"index/app/stable/linux-x64.json", "a/b", "c"}) {
      const auto found = client.find(path);
      fuzz::must(refreshed || !found);
      if (found) static_cast<void>(client.fetch(path, 1_MiB));
    }
    if (refreshed) {
      fuzz::must(client.expires_first().time > clock.now());
      fuzz::must(version_of(*store, "timestamp") == client.timestamp_version());
      trust::TrustClient again(*store, archive, verifier, clock);
      fuzz::must(again.load().has_value() && again.timestamp_version() == client.timestamp_version());
    }
    const auto names = system_files().list(folder / "trust");
    fuzz::must(names.has_value());
    for (const auto& name : *names) {
      const auto content = folder.read("trust/" + name);
      fuzz::must(name == "lock" ||
                 std::any_of(archives.begin(), archives.end(), [&](const auto& one) { return one.served(content); }));
    }
  }
  return 0;
}
