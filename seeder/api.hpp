// The seeder's HTTP interface.
//
//   GET  /metadata/NAME              timestamp.json, N.ROLE.json; ETag, If-None-Match; the latter by zstd or dcz, too
//                                    (Accept-Encoding, Available-Dictionary: protocol/base/http/content_coding.hpp)
//   GET  /targets/PATH               consistent names; ETag, If-None-Match, one Range, If-Range; of packages with
//                                    Upswarm-Lease, or rationed: 429 with Retry-After (package_gate.hpp)
//   GET  /announce?...               BitTorrent tracker (tracker.hpp, protocol/messages/announce.hpp), signed or not
//   GET  /scrape?...                 who has which torrents, by the same
//   POST /v1/reports                 one report (protocol/messages/report.hpp), signed by its machine or not
//   POST /v1/enrol                   protocol/messages/enrolment.hpp
//   GET  /v1/health                  {"status": "ok"}, or 503 {"status": "expired" | "empty"}
//   GET  /v1/status                  scope read: status.hpp with "peers", "seeds", "leaders", "uploaded"
//   PUT  /v1/bundles/NAME/PATH       scope upload (bundle.json: rollout, too): one file of a bundle, 201
//   POST /v1/bundles/NAME/commit     scope upload or rollout: {"accepted": true} once it was taken in, 422 when refused
//
// All others are for everybody. Keys come as "Authorization: Bearer KEY". Errors are {"error": {"kind", "context",
// "cause", "reason"}}.
#pragma once

#include "protocol/base/clock.hpp"
#include "seeder/api_keys.hpp"
#include "seeder/compressed_metadata.hpp"
#include "seeder/failure_limit.hpp"
#include "seeder/http_handler.hpp"
#include "seeder/incoming.hpp"
#include "seeder/machines.hpp"
#include "seeder/package_gate.hpp"
#include "seeder/package_use.hpp"
#include "seeder/reports.hpp"
#include "seeder/seeding.hpp"
#include "seeder/tracker.hpp"

namespace upswarm::seeder {

/// What the interface works on. All must outlive it.
struct ApiParts {
  Files& files;
  SeederFolder folder;
  Database& database;  ///< shared by its threads; no other transactions on it
  Tracker& tracker;
  Incoming& incoming;
  Uploads& uploads;
  const Seeding* seeding;  ///< nothing: no BitTorrent
  const Clock& clock;
  PackageUse& use;
  PackageGate& gate;
  bool enrolled_leaders = false;  ///< only machines whose key vouches for their announces may lead
};

class Api final : public HttpHandler {
 public:
  explicit Api(ApiParts parts)
      : parts_(std::move(parts)),
        keys_(parts_.database),
        machines_(parts_.database),
        reports_(parts_.database),
        compressed_(parts_.files, parts_.folder.metadata()),
        enrolment_failures_(parts_.clock) {}

  std::optional<HttpAnswer> answer_at_once(const HttpCall& call) override;
  HttpAnswer answer(const HttpCall& call) override;
  std::variant<std::unique_ptr<UploadSink>, HttpAnswer> begin_upload(const HttpCall& call,
                                                                     std::optional<Bytes> length) override;
  HttpAnswer end_upload(UploadSink& sink) override;
  HttpAnswer failure(const Error& error) override;

 private:
  HttpAnswer get(const HttpCall& call, const std::string& path);
  HttpAnswer post(const HttpCall& call, const std::string& path);
  HttpAnswer metadata(const HttpCall& call, const std::string& name);
  HttpAnswer metadata(const HttpCall& call, const std::string& name, const MetadataFile& file);
  HttpAnswer target(const HttpCall& call, const std::string& name);
  HttpAnswer rationed(const HttpCall& call, std::chrono::seconds wait);
  HttpAnswer announce(const HttpCall& call);
  static HttpAnswer tracker_answer();
  HttpAnswer scrape(const HttpCall& call);
  bool is_vouched_for(const HttpCall& call);
  HttpAnswer health();
  HttpAnswer status(const HttpCall& call);
  HttpAnswer report(const HttpCall& call);
  HttpAnswer enrol(const HttpCall& call);
  HttpAnswer commit(const HttpCall& call, const std::string& name);

  /// The caller's key, if it has one of `scopes`.   Errors: denied  (reason "api_key" or "scope").
  Result<ApiKey> authorize(const HttpCall& call, std::initializer_list<Scope> scopes);

  ApiParts parts_;
  ApiKeys keys_;
  Machines machines_;
  Reports reports_;
  CompressedMetadata compressed_;
  FailureLimit enrolment_failures_;
};

}  // namespace upswarm::seeder
