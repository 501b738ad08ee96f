#include "seeder/api.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/machine_request.hpp"
#include "seeder/byte_range.hpp"
#include "seeder/http_priority.hpp"
#include "seeder/names.hpp"
#include "seeder/status.hpp"
#include "seeder/voucher.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::string_view kMetadata = "/metadata/";
constexpr std::string_view kTargets = "/targets/";
constexpr std::string_view kAnnounce = "/announce";
constexpr std::string_view kScrape = "/scrape";
constexpr std::string_view kTimestamp = "timestamp.json";
constexpr std::string_view kBundles = "/v1/bundles/";
constexpr std::string_view kCommit = "/commit";
// Not for ever: a role that began anew may have other bytes under a name that was served (new_beginning.hpp).
constexpr const char* kForAWhile = "public, max-age=600";
constexpr const char* kForever = "public, max-age=31536000, immutable";
constexpr const char* kShortly = "public, max-age=10";

HttpAnswer json_answer(int status, const Json& value) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          .body = upswarm::to_text(value)};
}

int status_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::not_found: return 404;
    case ErrorKind::invalid: return 400;
    case ErrorKind::corrupt: return error.reason == "too_long" ? 413 : 400;
    case ErrorKind::untrusted: return 422;
    case ErrorKind::denied: return error.reason == "api_key" ? 401 : 403;
    case ErrorKind::busy: return error.reason == "too_many_failures" || error.reason == "rationed" ? 429 : 409;
    case ErrorKind::no_space: return 507;
    case ErrorKind::unreachable: return 400;
    default: return 500;
  }
}

/// For everybody: without the paths of this machine.
Error not_here(const std::string& path) { return {ErrorKind::not_found, "GET " + path, "it is not here"}; }

bool has_tag(const HttpCall& call, const std::string& tag) {
  const auto wanted = call.header("if-none-match");
  return wanted == "*" || wanted.find(tag) != std::string::npos;
}

Error other_method(const HttpCall& call) {
  return {ErrorKind::invalid, call.method + " " + call.path, "this is not done here", "method"};
}

}  // namespace

HttpAnswer Api::failure(const Error& error) {
  auto answer = json_answer(error.reason == "method" ? 405 : status_of(error), Json{{"error", to_json(error)}});
  if (answer.status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (answer.status == 405) answer.headers.emplace_back("Allow", "GET, HEAD, POST, PUT");
  if (answer.status == 500) log::error("a request failed", {{"why", error.message()}});
  return answer;
}

/// An unchanged poll (the timestamp that the machine has, and the next root, which is not there), an announce, a
/// scrape.
std::optional<HttpAnswer> Api::answer_at_once(const HttpCall& call) {
  if (call.method != "GET") return std::nullopt;
  // Whether a machine has a key is in the database.
  if (call.path == kAnnounce && !parts_.enrolled_leaders) return announce(call);
  if (call.path == kScrape) return scrape(call);
  if (!call.path.starts_with(kMetadata)) return std::nullopt;
  const auto name = call.path.substr(kMetadata.size());
  const auto file = parts_.incoming.shelf().find(name);
  if (file == nullptr || (file->is_there && name != kTimestamp)) return std::nullopt;
  return metadata(call, name, *file);
}

HttpAnswer Api::answer(const HttpCall& call) {
  const auto path = percent_decoded(call.path);
  if (!path) return failure({ErrorKind::invalid, "read the path", "a percent sign without two hexadecimal digits"});
  if (call.method == "GET" || call.method == "HEAD") return get(call, *path);
  if (call.method == "POST") return post(call, *path);
  return failure(other_method(call));
}

HttpAnswer Api::get(const HttpCall& call, const std::string& path) {
  if (path.starts_with(kMetadata)) return metadata(call, path.substr(kMetadata.size()));
  if (path.starts_with(kTargets)) return target(call, path.substr(kTargets.size()));
  if (path == kAnnounce) return announce(call);
  if (path == kScrape) return scrape(call);
  if (path == "/v1/health") return health();
  if (path == "/v1/status") return status(call);
  if (path == messages::kReportsPath || path == messages::kEnrolPath || path.starts_with(kBundles))
    return failure(other_method(call));
  return failure(not_here(call.path));
}

HttpAnswer Api::post(const HttpCall& call, const std::string& path) {
  if (path == messages::kReportsPath) return report(call);
  if (path == messages::kEnrolPath) return enrol(call);
  if (path.starts_with(kBundles) && path.ends_with(kCommit) && path.size() > kBundles.size() + kCommit.size()) {
    return commit(call, path.substr(kBundles.size(), path.size() - kBundles.size() - kCommit.size()));
  }
  const bool known = path.starts_with(kMetadata) || path.starts_with(kTargets) || path == kAnnounce ||
                     path == kScrape || path == "/v1/health" || path == "/v1/status";
  return failure(known ? other_method(call) : not_here(call.path));
}

HttpAnswer Api::metadata(const HttpCall& call, const std::string& name) {
  if (name != kTimestamp && !parse_versioned_name(name)) return failure(not_here(call.path));
  const auto file = parts_.incoming.shelf().read(name);
  if (!file) return failure({ErrorKind::internal, file.error().context, file.error().cause});
  return metadata(call, name, **file);
}

HttpAnswer Api::metadata(const HttpCall& call, const std::string& name, const MetadataFile& file) {
  if (!file.is_there) return failure(not_here(call.path));
  const bool is_timestamp = name == kTimestamp;
  CompressedMetadata::Form form;
  if (!is_timestamp)
    form = compressed_.form_of(name, file.bytes, file.digest, call.header("accept-encoding"),
                               call.header("available-dictionary"));
  // Each form has a tag of its own (RFC 9110, 8.8.3.3).
  const auto coding = form.bytes ? std::string(to_string(form.coding)) : "";
  const auto tag = "\"" + file.digest.hex() + (coding.empty() ? "" : "-" + coding) + "\"";
  HttpAnswer answer{.headers = {{"Content-Type", "application/json"},
                                {"ETag", tag},
                                {"Cache-Control", is_timestamp ? kShortly : kForAWhile}}};
  if (!is_timestamp) answer.headers.emplace_back("Vary", "Accept-Encoding, Available-Dictionary");
  if (!coding.empty()) answer.headers.emplace_back("Content-Encoding", coding);
  if (has_tag(call, tag)) answer.status = 304;
  else answer.body = form.bytes ? *form.bytes : file.bytes;
  return answer;
}

HttpAnswer Api::target(const HttpCall& call, const std::string& name) {
  const auto path = parse_relative_path(name);
  const auto digest = digest_in(name);
  if (!path || !digest) return failure(not_here(call.path));
  auto file = parts_.files.open(parts_.folder.targets() / *path);
  if (!file) return failure(not_here(call.path));
  const auto info = (*file)->info();
  if (!info) return failure({ErrorKind::internal, info.error().context, info.error().cause});
  const auto tag = "\"" + digest->hex() + "\"";
  HttpAnswer answer{.headers = {{"Content-Type", "application/octet-stream"},
                                {"ETag", tag},
                                {"Cache-Control", kForever},
                                {"Accept-Ranges", "bytes"}}};
  if (has_tag(call, tag)) {
    answer.status = 304;
    return answer;
  }
  const auto condition = call.header("if-range");
  const bool may_range = condition.empty() || condition == tag;
  const auto range = parse_range(may_range ? call.header("range") : "", info->size);
  const auto size = std::to_string(info->size.count);
  if (range.kind == ByteRange::Kind::unsatisfiable) {
    return {.status = 416, .headers = {{"Content-Range", "bytes */" + size}, {"Accept-Ranges", "bytes"}}};
  }
  answer.file = std::move(*file);
  if (call.method == "GET") {
    auto verdict = parts_.gate.admit({*digest, range.length, call.header("upswarm-lease"), call.remote}, answer.file);
    if (const auto* wait = std::get_if<std::chrono::seconds>(&verdict)) return rationed(call, *wait);
    answer.file = std::get<std::shared_ptr<InputFile>>(std::move(verdict));
    parts_.use.note_http(*digest, range.length);
  }
  if (range.kind == ByteRange::Kind::part) {
    answer.status = 206;
    answer.is_background = is_background(call.header("priority"));
    answer.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.first.count) + "-" +
                                                     std::to_string((range.first + range.length).count - 1) + "/" +
                                                     size);
  }
  answer.first = range.first;
  answer.length = range.length;
  return answer;
}

HttpAnswer Api::rationed(const HttpCall& call, std::chrono::seconds wait) {
  auto answer = failure({ErrorKind::busy, "GET " + call.path, "others of the site are being served", "rationed"});
  answer.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return answer;
}

HttpAnswer Api::tracker_answer() {
  return {.headers = {{"Content-Type", "text/plain"}, {"Cache-Control", "no-store"}}};
}

HttpAnswer Api::announce(const HttpCall& call) {
  auto answer = tracker_answer();
  auto announce = parse_announce(call.query);
  if (announce && parts_.enrolled_leaders && announce->wants() && announce->may_lead)
    announce->may_lead = is_vouched_for(call);
  answer.body =
      announce ? parts_.tracker.answer(*announce, call.remote, call.local) : announce_failure(announce.error().cause);
  return answer;
}

HttpAnswer Api::scrape(const HttpCall& call) {
  auto answer = tracker_answer();
  const auto scrape = parse_scrape(call.query);
  answer.body = scrape ? parts_.tracker.answer(*scrape, call.remote) : announce_failure(scrape.error().cause);
  return answer;
}

bool Api::is_vouched_for(const HttpCall& call) {
  const auto voucher = find_voucher(call, machines_);
  if (!voucher || !voucher->is_trusted()) return false;
  const auto age = parts_.clock.now() - voucher->signed_at;
  return std::chrono::abs(age) <= messages::kRequestFreshness;
}

HttpAnswer Api::health() {
  const auto bytes = read_file(parts_.files, parts_.folder.metadata() / "timestamp.json", trust::kLongestTimestamp);
  if (!bytes) return json_answer(503, {{"status", "empty"}});
  const auto envelope = trust::parse_envelope(*bytes, "timestamp", trust::kLongestTimestamp);
  const auto timestamp = envelope ? trust::parse_timestamp(*envelope) : envelope.error();
  const auto now = parts_.clock.now();
  Json warnings = Json::array();
  for (const auto& life : parts_.incoming.lives()) {
    if (life.state_at(now) != RoleLife::State::ok) warnings.push_back(describe(life, now));
  }
  const bool expired = !timestamp || timestamp->expires <= now;
  return json_answer(expired ? 503 : 200, {{"status", expired ? "expired" : "ok"}, {"warnings", std::move(warnings)}});
}

HttpAnswer Api::status(const HttpCall& call) {
  if (const auto key = authorize(call, {Scope::read}); !key) return failure(key.error());
  auto described = describe_repository(parts_.files, parts_.folder, parts_.database, parts_.clock.now());
  if (!described) return failure({ErrorKind::internal, described.error().context, described.error().cause});
  const auto count = parts_.tracker.count();
  (*described)["peers"] = count.peers;
  (*described)["seeds"] = count.seeds;
  (*described)["leaders"] = count.leaders;
  (*described)["uploaded"] = parts_.seeding != nullptr ? parts_.seeding->stats().uploaded.count : 0;
  (*described)["connections"] = parts_.seeding != nullptr ? parts_.seeding->stats().peers : 0;
  return json_answer(200, *described);
}

HttpAnswer Api::report(const HttpCall& call) {
  const auto report = read_report(call.body);
  if (!report) return failure(report.error());
  const auto voucher = find_voucher(call, machines_);
  if (!voucher) return failure(voucher.error());
  if (voucher->kind != Voucher::Kind::nobody && voucher->machine != report->machine) {
    return failure({ErrorKind::denied, call.method + " " + call.path, "signed by another machine", "signature"});
  }
  const auto signer = voucher->is_trusted() ? voucher->public_key : "";
  const auto stored = reports_.store(*report, signer, parts_.clock.now());
  if (!stored) return failure(stored.error());
  return json_answer(200, messages::to_json(messages::ReportAnswer{*stored, voucher->is_trusted(), voucher->reason()}));
}

HttpAnswer Api::enrol(const HttpCall& call) {
  if (!enrolment_failures_.may_try(call.remote)) {
    auto answer = failure({ErrorKind::busy, "enrol", "too many wrong tokens came from here", "too_many_failures"});
    answer.headers.emplace_back("Retry-After", "60");
    return answer;
  }
  const auto wish = messages::read_enrolment(call.body);
  if (!wish) return failure(wish.error());
  const auto possession = check_possession(call, *wish);
  const auto is_new = possession ? machines_.enrol(*wish, parts_.clock.now()) : Result<bool>(possession.error());
  if (!is_new) {
    const auto& why = is_new.error();
    if (why.kind == ErrorKind::denied) {
      enrolment_failures_.count_failure(call.remote);
      log::warning("machine not enrolled",
                   {{"machine", wish->machine}, {"from", call.remote.to_string()}, {"why", why.message()}});
    }
    return failure(why);
  }
  if (*is_new) log::info("machine enrolled", {{"machine", wish->machine}, {"public_key", wish->public_key}});
  return json_answer(200, {{"enrolled", true}, {"new", *is_new}});
}

HttpAnswer Api::commit(const HttpCall& call, const std::string& name) {
  const auto key = authorize(call, {Scope::upload, Scope::rollout});
  if (!key) return failure(key.error());
  const auto verdict =
      parts_.uploads.commit(name, parts_.incoming, key->may(Scope::rollout) ? Steering::any : Steering::first_filter);
  if (verdict && !verdict->refused) return json_answer(200, {{"accepted", true}});
  const auto& why = verdict ? *verdict->refused : verdict.error();
  log::warning("bundle not taken in", {{"bundle", name}, {"key", key->name}, {"why", why.message()}});
  auto answer = failure(why);
  if (verdict) answer.status = 422;
  // Not the bundle's fault, nor the client's right to mend: the same commit may work later.
  else if (why.kind == ErrorKind::denied || answer.status == 500) answer.status = 503;
  return answer;
}

Result<ApiKey> Api::authorize(const HttpCall& call, std::initializer_list<Scope> scopes) {
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = call.header("authorization");
  if (!header.starts_with(kBearer)) return Error{ErrorKind::denied, call.path, "an API key is wanted", "api_key"};
  UPSWARM_TRY(auto key, keys_.check(header.substr(kBearer.size())));
  if (std::ranges::any_of(scopes, [&](Scope scope) { return key.may(scope); })) return key;
  return Error{ErrorKind::denied, call.path,
               "the API key " + key.name + " has not the scope " + std::string(name_of(*scopes.begin())), "scope"};
}

std::variant<std::unique_ptr<UploadSink>, HttpAnswer> Api::begin_upload(const HttpCall& call,
                                                                        std::optional<Bytes> length) {
  const auto path = percent_decoded(call.path).value_or("");
  const auto slash = path.find('/', kBundles.size());
  if (!path.starts_with(kBundles)) return failure(other_method(call));
  if (slash == std::string::npos) return failure(not_here(call.path));
  const auto file = path.substr(slash + 1);
  const auto key =
      file == "bundle.json" ? authorize(call, {Scope::upload, Scope::rollout}) : authorize(call, {Scope::upload});
  if (!key) return failure(key.error());
  if (!length)
    return json_answer(411, Json{{"error", to_json(Error{ErrorKind::invalid, call.path, "Content-Length is wanted"})}});
  auto sink = parts_.uploads.begin(path.substr(kBundles.size(), slash - kBundles.size()), file, *length);
  if (!sink) return failure(sink.error());
  return std::move(*sink);
}

HttpAnswer Api::end_upload(UploadSink& sink) {
  const auto done = sink.finish();
  if (!done) return failure(done.error());
  return json_answer(201, Json{{"stored", true}});
}

}  // namespace upswarm::seeder
