#include "seeder/publish/hand_over.hpp"

#include "protocol/base/program.hpp"
#include "seeder/publish/bundle_folder.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr auto kLongestUpload = std::chrono::hours(24);
constexpr auto kLongestCommit = std::chrono::minutes(30);  ///< the seeder reads and hashes everything before it answers
constexpr const char* kPhase = "handing over";

Error cancelled(const std::string& name) { return {ErrorKind::cancelled, "hand over " + name, "asked to stop"}; }

Result<Bytes> total_of(Files& files, const Path& folder, const std::vector<std::string>& names) {
  Bytes total;
  for (const auto& name : names) {
    UPSWARM_TRY(const auto info, files.info(folder / name));
    total += info.size;
  }
  return total;
}

class FolderDestination final : public Destination {
 public:
  FolderDestination(Files& files, Path incoming) : files_(files), incoming_(std::move(incoming)) {}

  Result<void> give(const Path& folder, const std::string& name, const package::ProgressSink& progress,
                    std::stop_token stop) override {
    // It may be there from an attempt that ended before it was noted.
    UPSWARM_TRY(const auto there, exists(files_, incoming_ / name));
    if (there) return {};
    const Path part = incoming_ / (name + ".part");
    UPSWARM_CHECK(remove_tree(files_, part));
    auto copied = copy(folder, name, part, progress, stop);
    if (copied) copied = files_.rename(part, incoming_ / name);
    if (!copied) {
      ignore_failure(remove_tree(files_, part), "the next attempt removes it, and the seeder passes it over");
      return std::move(copied).error().within("hand over " + name);
    }
    return files_.sync_folder(incoming_);
  }

 private:
  Result<void> copy(const Path& folder, const std::string& name, const Path& part,
                    const package::ProgressSink& progress, const std::stop_token& stop) {
    UPSWARM_TRY(const auto names, list_bundle(files_, folder));
    UPSWARM_TRY(const auto total, total_of(files_, folder, names));
    Bytes done;
    for (const auto& file : names) {
      UPSWARM_CHECK(make_folders(files_, (part / file).parent_path()));
      UPSWARM_CHECK(copy_one(folder / file, part / file, [&](Bytes more) -> Result<void> {
        if (stop.stop_requested()) return cancelled(name);
        done += more;
        if (progress) progress({kPhase, done, total});
        return {};
      }));
      UPSWARM_CHECK(files_.sync_folder((part / file).parent_path()));
    }
    return files_.sync_folder(part);
  }

  Result<void> copy_one(const Path& from, const Path& to, const std::function<Result<void>(Bytes)>& copied) {
    UPSWARM_TRY(const auto in, files_.open(from));
    UPSWARM_TRY(const auto out, files_.create(to, 0644));
    ByteBuffer buffer(kBuffer);
    for (Bytes at;;) {
      UPSWARM_TRY(const auto count, in->read_at(at, buffer));
      if (count == 0) break;
      UPSWARM_CHECK(out->write(ByteView(buffer).first(count)));
      at += Bytes{count};
      UPSWARM_CHECK(copied(Bytes{count}));
    }
    return out->sync();
  }

  Files& files_;
  Path incoming_;
};

/// What the seeder said, or what its status means when it said nothing.
Error refused(const HttpResponse& response, const std::string& what) {
  if (const auto json = parse_json(response.body, "the seeder's answer");
      json && json->is_object() && json->contains("error")) {
    return read_error(json->at("error")).within(what);
  }
  const auto cause = "the seeder answered with HTTP " + std::to_string(response.status);
  if (response.status == 401 || response.status == 403)
    return {ErrorKind::denied, what, cause + ": is the API key right?", "api_key"};
  if (response.status == 404) return {ErrorKind::not_found, what, cause + ": is that a seeder's address?"};
  if (response.status == 507) return {ErrorKind::no_space, what, cause};
  if (response.status >= 500 || response.status == 429) return {ErrorKind::unreachable, what, cause};
  return {ErrorKind::internal, what, cause};
}

class HttpDestination final : public Destination {
 public:
  HttpDestination(Files& files, std::unique_ptr<HttpClient> http, std::string url, std::string api_key)
      : files_(files), http_(std::move(http)), url_(std::move(url)), api_key_(std::move(api_key)) {
    while (url_.ends_with('/')) url_.pop_back();
  }

  Result<void> give(const Path& folder, const std::string& name, const package::ProgressSink& progress,
                    std::stop_token stop) override {
    UPSWARM_TRY(const auto names, list_bundle(files_, folder));
    UPSWARM_TRY(const auto total, total_of(files_, folder, names));
    const auto base = url_ + "/v1/bundles/" + name + "/";
    Bytes done;
    for (const auto& file : names) {
      if (progress) progress({kPhase, done, total});
      UPSWARM_TRY(const auto info, files_.info(folder / file));
      auto request = start(base + file, "PUT");
      request.body_file = folder / file;
      request.time_limit = kLongestUpload;
      UPSWARM_CHECK(send(request, "hand over " + name + ": " + file, stop));
      done += info.size;
    }
    if (progress) progress({kPhase, done, total});
    auto request = start(base + "commit", "POST");
    request.time_limit = kLongestCommit;
    request.stall_limit = kLongestCommit;
    return send(request, "hand over " + name, stop);
  }

 private:
  HttpRequest start(std::string url, std::string method) const {
    HttpRequest request;
    request.url = std::move(url);
    request.method = std::move(method);
    request.headers.emplace_back("Authorization", "Bearer " + api_key_);
    return request;
  }

  Result<void> send(const HttpRequest& request, const std::string& what, const std::stop_token& stop) {
    auto response = http_->send(request, stop);
    if (!response) return std::move(response).error().within(what);
    if (response->status / 100 == 2) return {};
    return refused(*response, what);
  }

  Files& files_;
  std::unique_ptr<HttpClient> http_;
  std::string url_;
  std::string api_key_;
};

}  // namespace

bool is_url(const std::string& to) { return to.starts_with("https://") || to.starts_with("http://"); }

Result<std::unique_ptr<Destination>> open_folder_destination(Files& files, Path incoming) {
  std::error_code failed;  // a link to a folder is as good as the folder
  if (!std::filesystem::is_directory(incoming, failed)) {
    return Error{ErrorKind::not_found, "hand over to " + incoming.string(),
                 "there is no such folder; is it a seeder's incoming/?"};
  }
  return std::unique_ptr<Destination>(std::make_unique<FolderDestination>(files, std::move(incoming)));
}

std::unique_ptr<Destination> open_http_destination(Files& files, std::unique_ptr<HttpClient> http, std::string url,
                                                   std::string api_key) {
  return std::make_unique<HttpDestination>(files, std::move(http), std::move(url), std::move(api_key));
}

Result<std::vector<std::string>> hand_over_all(Repository& repository, Destination& destination,
                                               const package::ProgressSink& progress, std::stop_token stop) {
  UPSWARM_TRY(const auto names, repository.outgoing());
  std::vector<std::string> sent;
  for (const auto& name : names) {
    if (stop.stop_requested()) return cancelled(name);
    UPSWARM_CHECK(destination.give(repository.folder().outgoing() / name, name, progress, stop));
    UPSWARM_CHECK(repository.mark_handed_over(name));
    sent.push_back(name);
  }
  return sent;
}

}  // namespace upswarm::publish
