// What a refresh costs. Driven by trust.py; prints one line of JSON.
//   trust_bench make FOLDER PRODUCTS RELEASES   a signed repository as the seeder would serve it
//   trust_bench publish FOLDER PRODUCTS RELEASES  one more release of the last product: all versions on the way rise
//   trust_bench serve FOLDER                    by the seeder's HTTP server; prints its port, serves until standard
//   input ends trust_bench refresh URL FOLDER ROUNDS       a machine that follows the first two products: its first
//   refresh, then
//                                               that many by the same client ("again"), and by a new one each ("anew")
#include <ctime>
#include <iostream>
#include <map>

#include "agent/repository_view.hpp"
#include "protocol/base/program.hpp"
#include "protocol/trust/client.hpp"
#include "protocol/trust/release_index.hpp"
#include "seeder/compressed_metadata.hpp"
#include "seeder/http_server.hpp"
#include "seeder/names.hpp"

namespace upswarm {
namespace {

constexpr auto kLife = std::chrono::hours(24);

std::string product_name(int number) { return "product-" + std::to_string(number); }

/// All keys come from fixed seeds, so that a repository can be signed again by another run.
trust::SigningKey key_of(const std::string& role) {
  const auto seed = sha256("bench " + role);
  return std::move(*trust::SigningKey::from_seed(seed.bytes));
}

/// A signed repository in a folder.
class Maker {
 public:
  Maker(Path folder, int products, int releases)
      : folder_(std::move(folder)), products_(products), releases_(releases) {}

  Result<void> make(trust::RoleVersion version) {
    const auto expires = system_clock().now() + kLife;
    trust::Root root{.version = 1, .expires = expires, .consistent_snapshot = true, .keys = {}, .roles = {}};
    for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
      const auto key = key_of(role);
      root.keys[key.id()] = key.public_key();
      root.roles[role] = {{key.id()}, 1};
    }
    if (version == 1) UPSWARM_CHECK(write("1.root.json", trust::to_json(root), "root"));
    trust::Targets targets{.version = 1, .expires = expires, .targets = {}, .delegations = {}};
    for (int i = 0; i < products_; ++i) {
      const auto name = product_name(i);
      delegate(targets, "rel-" + name, {"pkg/" + name + "/*/*/*", "index/" + name + "/*/*"});
      const bool is_last = i == products_ - 1;
      if (version == 1 || is_last) UPSWARM_CHECK(release(name, is_last ? version : 1, expires));
    }
    delegate(targets, "rollout", {"rollout/*/*"});
    if (version == 1) UPSWARM_CHECK(tell("targets", 1, trust::to_json(targets)));
    UPSWARM_CHECK(roll_out(version, expires));
    return snapshot(version, expires);
  }

 private:
  void delegate(trust::Targets& targets, const std::string& role, std::vector<std::string> paths) {
    const auto key = key_of(role);
    targets.delegations.keys[key.id()] = key.public_key();
    targets.delegations.roles.push_back({role, {{key.id()}, 1}, true, std::move(paths), {}});
  }
  Result<void> write(const std::string& name, const Json& content, const std::string& role) {
    const auto key = key_of(role);
    return write_text("metadata/" + name, trust::seal(content, {&key}));
  }
  Result<void> write_text(const std::string& name, const std::string& bytes) {
    UPSWARM_CHECK(make_folders(system_files(), (folder_ / name).parent_path()));
    return write_file_atomically(system_files(), folder_ / name, bytes);
  }
  /// Signs a targets role and notes what the snapshot says of it.
  Result<void> tell(const std::string& role, trust::RoleVersion version, const Json& content) {
    return write(std::to_string(version) + "." + role + ".json", content, role);
  }
  Result<void> release(const std::string& name, trust::RoleVersion version, Time expires) {
    trust::Targets role{.version = version, .expires = expires, .targets = {}, .delegations = {}};
    for (int n = 0; n < releases_ + static_cast<int>(version) - 1; ++n) {
      const auto base =
          "pkg/" + name + "/linux-x64/1." + std::to_string(n) + ".0/" + name + "-1." + std::to_string(n) + ".0";
      for (const char* end : {".upk", ".upk.torrent", ".upd", ".upd.torrent"})
        role.targets[base + end] = {Bytes{1000}, sha256(base + end)};
    }
    UPSWARM_CHECK(add(role, trust::index_path(name, "stable", "linux-x64"), "the index of " + name));
    return tell("rel-" + name, version, trust::to_json(role));
  }
  Result<void> roll_out(trust::RoleVersion version, Time expires) {
    trust::Targets role{.version = version, .expires = expires, .targets = {}, .delegations = {}};
    for (int i = 0; i < products_; ++i) {
      const auto name = product_name(i);
      UPSWARM_CHECK(add(role, trust::rollout_path(name, "stable", "linux-x64"), "the rollout of " + name));
    }
    return tell("rollout", version, trust::to_json(role));
  }
  Result<void> add(trust::Targets& role, const std::string& path, const std::string& content) {
    role.targets[path] = {Bytes{content.size()}, sha256(content)};
    return write_text("targets/" + trust::TrustedTarget{path, role.targets[path], ""}.consistent_name(), content);
  }
  Result<void> snapshot(trust::RoleVersion version, Time expires) {
    trust::Snapshot snapshot{.version = version, .expires = expires, .meta = {}};
    std::map<std::string, trust::RoleVersion> roles{{"targets", 1}, {"rollout", version}};
    for (int i = 0; i < products_; ++i) roles["rel-" + product_name(i)] = i == products_ - 1 ? version : 1;
    for (const auto& [role, its_version] : roles) {
      UPSWARM_TRY(const auto bytes,
                  read_file(system_files(), folder_ / "metadata" / trust::metadata_name(role, its_version), 8_MiB));
      snapshot.meta[role + ".json"] = {its_version, Bytes{bytes.size()}, sha256(bytes)};
    }
    UPSWARM_CHECK(write(std::to_string(version) + ".snapshot.json", trust::to_json(snapshot), "snapshot"));
    UPSWARM_TRY(const auto bytes,
                read_file(system_files(), folder_ / "metadata" / trust::metadata_name("snapshot", version), 8_MiB));
    const trust::Timestamp timestamp{
        .version = version, .expires = expires, .snapshot = {version, Bytes{bytes.size()}, sha256(bytes)}};
    return write("timestamp.json", trust::to_json(timestamp), "timestamp");
  }

  Path folder_;
  int products_;
  int releases_;
};

/// The files of a folder, metadata as the seeder's interface gives it.
class FolderHandler final : public seeder::HttpHandler {
 public:
  explicit FolderHandler(const Path& folder) : folder_(folder), compressed_(system_files(), folder / "metadata") {}

  seeder::HttpAnswer answer(const seeder::HttpCall& call) override {
    const auto path = seeder::parse_relative_path(call.path.substr(1));
    if (!path) return failure(path.error());
    auto bytes = read_file(system_files(), folder_ / *path, trust::kLongestTargets);
    if (!bytes) return {.status = 404};
    const auto name = path->filename().string();
    if (!call.path.starts_with("/metadata/") || !seeder::parse_versioned_name(name)) return {.body = *std::move(bytes)};
    const auto form = compressed_.form_of(name, *bytes, sha256(*bytes), call.header("accept-encoding"),
                                          call.header("available-dictionary"));
    if (!form.bytes) return {.body = *std::move(bytes)};
    return {.headers = {{"Content-Encoding", std::string(to_string(form.coding))}}, .body = *form.bytes};
  }
  std::variant<std::unique_ptr<seeder::UploadSink>, seeder::HttpAnswer> begin_upload(const seeder::HttpCall&,
                                                                                     std::optional<Bytes>) override {
    return seeder::HttpAnswer{.status = 405};
  }
  seeder::HttpAnswer end_upload(seeder::UploadSink&) override { return {.status = 405}; }
  seeder::HttpAnswer failure(const Error& error) override { return {.status = 400, .body = error.message()}; }

 private:
  Path folder_;
  seeder::CompressedMetadata compressed_;
};

Result<void> serve(const Path& folder) {
  FolderHandler handler(folder);
  UPSWARM_TRY(const auto server, seeder::start_http_server({.listen = "127.0.0.1", .port = 0, .tls = false}, handler));
  std::cout << server->port() << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  return {};
}

/// Counts what a machine fetches: bodies as they come over the network.
class Counting final : public HttpClient {
 public:
  explicit Counting(HttpClient& http) : http_(http) {}
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    auto response = http_.send(request, std::move(stop));
    if (response && response->status == 200) bytes += response->body.size();
    return response;
  }
  std::size_t bytes = 0;

 private:
  HttpClient& http_;
};

double cpu_milliseconds() { return static_cast<double>(std::clock()) * 1e3 / CLOCKS_PER_SEC; }

/// What was spent since the last question.
class Meter {
 public:
  explicit Meter(Counting& counting) : counting_(counting) {}
  Json per_round(int rounds) {
    const auto spent = cpu_milliseconds() - from_;
    const auto bytes = counting_.bytes / static_cast<std::size_t>(rounds);
    counting_.bytes = 0;
    from_ = cpu_milliseconds();
    return {{"cpu_ms", spent / rounds}, {"bytes", bytes}};
  }

 private:
  Counting& counting_;
  double from_ = cpu_milliseconds();
};

Result<void> follow(trust::TrustClient& client) {
  for (int i = 0; i < 2; ++i) {
    UPSWARM_CHECK(client.find(trust::index_path(product_name(i), "stable", "linux-x64")));
    UPSWARM_CHECK(client.find(trust::rollout_path(product_name(i), "stable", "linux-x64")));
  }
  return {};
}

Result<void> refresh(const std::string& url, const Path& folder, int rounds) {
  const auto http = make_http_client({});
  Counting counting(*http);
  UPSWARM_TRY(auto store, trust::TrustStore::open(system_files(), folder));
  agent::HttpRepository source(counting, url, {},
                               [&](const std::string& name) { return agent::earlier_form(store, name); });
  UPSWARM_TRY(const auto root, source.metadata("1.root.json", trust::kLongestRoot));
  UPSWARM_CHECK(store.place_first_root(root, trust::ed25519_verifier()));
  trust::TrustClient client(store, source, trust::ed25519_verifier(), system_clock());
  const auto once = [](trust::TrustClient& one) -> Result<void> {
    UPSWARM_CHECK(one.refresh());
    return follow(one);
  };
  Meter meter(counting);
  UPSWARM_CHECK(once(client));
  const auto first = meter.per_round(1);
  for (int i = 0; i < rounds; ++i) UPSWARM_CHECK(once(client));
  const auto again = meter.per_round(rounds);
  for (int i = 0; i < rounds; ++i) {
    trust::TrustClient fresh(store, source, trust::ed25519_verifier(), system_clock());
    UPSWARM_CHECK(once(fresh));
  }
  std::cout << to_text({{"first", first}, {"again", again}, {"anew", meter.per_round(rounds)}}) << "\n";
  return {};
}

Result<void> run(const std::vector<std::string>& words) {
  if (words.size() == 4 && words[0] == "make") return Maker(words[1], std::stoi(words[2]), std::stoi(words[3])).make(1);
  if (words.size() == 4 && words[0] == "publish")
    return Maker(words[1], std::stoi(words[2]), std::stoi(words[3])).make(2);
  if (words.size() == 2 && words[0] == "serve") return serve(words[1]);
  if (words.size() == 4 && words[0] == "refresh") return refresh(words[1], words[2], std::stoi(words[3]));
  return Error{ErrorKind::invalid, "trust_bench", "see the head of trust_bench.cpp"};
}

}  // namespace
}  // namespace upswarm

int main(int count, char** words) {
  const auto done = upswarm::run({words + 1, words + count});
  return done ? 0 : upswarm::report_error(done.error(), false);
}
