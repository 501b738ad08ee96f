#include "agent/installer_link.hpp"

#include "protocol/messages/conversation.hpp"

namespace upswarm::agent {
namespace {

constexpr std::chrono::milliseconds kAnswerLimit{std::chrono::minutes(2)};
constexpr std::chrono::milliseconds kVerifyLimit{std::chrono::hours(1)};  // 720 GB at 200 MB a second

class LocalInstallerLink final : public InstallerLink {
 public:
  explicit LocalInstallerLink(Path socket) : socket_(std::move(socket)) {}

  Result<messages::Hello> hello(std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "hello"}, {"repair", true}}, std::move(stop)));
    return messages::parse_hello(answer);
  }

  Result<std::vector<messages::ProductDecision>> offer_metadata(const std::map<std::string, std::string>& files,
                                                                std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask(messages::make_offer(files), std::move(stop)));
    return messages::parse_decisions(answer);
  }

  Result<messages::Presence> present(const std::string& product, const std::vector<Sha256>& contents,
                                     std::stop_token stop) override {
    Json digests = Json::array();
    for (const auto& content : contents) digests.push_back(content.hex());
    const Json question{{"ask", "present"}, {"product", product}, {"contents", std::move(digests)}};
    UPSWARM_TRY(const auto answer, ask(question, std::move(stop), nullptr, kVerifyLimit));
    return messages::parse_presence(answer);
  }

  Result<void> offer_package(const std::string& product, const Sha256& sha256, const Path& file, bool more,
                             std::stop_token stop) override {
    Json question{{"ask", "offer_package"}, {"product", product}, {"sha256", sha256.hex()}};
    if (more) question["more"] = true;
    UPSWARM_CHECK(ask(question, std::move(stop), &file));
    return {};
  }

  Result<messages::MissingParts> missing(const std::string& product, const Path& file, std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "missing"}, {"product", product}, {"frames", true}}, std::move(stop),
                                       &file, kVerifyLimit));
    return messages::parse_missing(answer);
  }

  Result<void> offer_parts(const std::string& product, const Sha256& sha256, const Path& file,
                           std::stop_token stop) override {
    const Json question{{"ask", "offer_package"}, {"product", product}, {"sha256", sha256.hex()}, {"sparse", true}};
    UPSWARM_CHECK(ask(question, std::move(stop), &file));
    return {};
  }

  Result<messages::MissingParts> damaged(const std::string& product, const Path& file, std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "damaged"}, {"product", product}, {"frames", true}}, std::move(stop),
                                       &file, kVerifyLimit));
    return messages::parse_missing(answer);
  }

  Result<void> offer_repair(const std::string& product, const Sha256& sha256, const Path& file,
                            std::stop_token stop) override {
    UPSWARM_CHECK(
        ask({{"ask", "offer_repair"}, {"product", product}, {"sha256", sha256.hex()}}, std::move(stop), &file));
    return {};
  }

  Result<void> install_kept(const std::string& product, std::stop_token stop) override {
    UPSWARM_CHECK(ask({{"ask", "install_kept"}, {"product", product}}, std::move(stop)));
    return {};
  }

  Result<std::vector<messages::ProductProgress>> progress(std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "progress"}}, std::move(stop)));
    return messages::parse_progress(answer);
  }

  Result<std::vector<messages::Outcome>> outcomes(std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "outcomes"}}, std::move(stop)));
    return messages::parse_outcomes(answer);
  }

  Result<void> forget_outcomes(std::int64_t up_to, std::stop_token stop) override {
    UPSWARM_CHECK(ask({{"ask", "forget_outcomes"}, {"up_to", up_to}}, std::move(stop)));
    return {};
  }

 private:
  Result<Json> ask(const Json& question, std::stop_token stop, const Path* file = nullptr,
                   std::chrono::milliseconds limit = kAnswerLimit) {
    auto connection = connect_local(socket_);
    if (!connection) {
      auto error = std::move(connection).error().within("reach the installer");
      error.reason = "no_installer";
      return error;
    }
    return messages::ask(**connection, question, limit, std::move(stop), file);
  }

  Path socket_;
};

}  // namespace

std::unique_ptr<InstallerLink> make_local_installer_link(Path socket) {
  return std::make_unique<LocalInstallerLink>(std::move(socket));
}

}  // namespace upswarm::agent
