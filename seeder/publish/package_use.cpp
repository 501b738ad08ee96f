#include "seeder/publish/package_use.hpp"

#include <limits>

namespace upswarm::publish {
namespace {

constexpr std::chrono::seconds kLongestQuestion{20};
constexpr const char* kWhat = "ask the seeder how much packages are used";

void add_to(const PackageUses& uses, Json& package) {
  const auto found = uses.find(package.at("path").get<std::string>());
  if (found != uses.end())
    package["used"] = {{"machines", found->second.machines}, {"http_bytes", found->second.by_http.count}};
}

}  // namespace

Result<PackageUses> read_package_use(const std::string& answer) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  UPSWARM_TRY(const auto json, parse_json(answer, "the seeder's status"));
  ObjectReader in(json, "status");
  PackageUses uses;
  std::size_t number = 0;
  for (const auto& value : in.array("packages", kMostPackagesTold)) {
    auto one = in.inside(value, "packages", number++);
    auto& use = uses[one.text("path")];
    use.machines = one.integer("machines", 0, kMost);
    use.by_http = Bytes{static_cast<std::uint64_t>(one.integer("http_bytes", 0, kMost))};
    UPSWARM_CHECK(one.finish_open());
  }
  UPSWARM_CHECK(in.finish_open());
  return uses;
}

Result<PackageUses> ask_package_use(HttpClient& http, const std::string& seeder, const std::string& api_key,
                                    std::stop_token stop) {
  HttpRequest request{.url = seeder.substr(0, seeder.find_last_not_of('/') + 1) + "/v1/status"};
  request.headers.emplace_back("Authorization", "Bearer " + api_key);
  request.longest = kLongestSeederStatus;
  request.time_limit = kLongestQuestion;
  auto response = http.send(request, std::move(stop));
  if (!response) return std::move(response).error().within(kWhat);
  const auto cause = "HTTP " + std::to_string(response->status);
  if (response->status == 401 || response->status == 403)
    return Error{ErrorKind::denied, kWhat, cause + ": the API key has to have the scope read", "api_key"};
  if (response->status != 200) return Error{ErrorKind::unreachable, kWhat, cause};
  return read_package_use(response->body);
}

void add_package_use(const PackageUses& uses, Json& status) {
  for (auto& product : status.at("products")) {
    for (auto& index : product.at("indexes")) {
      for (auto& release : index.at("releases")) {
        add_to(uses, release);
        for (auto& delta : release.at("deltas")) add_to(uses, delta);
      }
    }
  }
}

}  // namespace upswarm::publish
