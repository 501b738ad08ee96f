#include "agent/installer_link.hpp"

#include "protocol/messages/conversation.hpp"

namespace upswarm::agent {
namespace {

constexpr std::chrono::milliseconds kAnswerLimit{std::chrono::minutes(2)};

class LocalInstallerLink final : public InstallerLink {
 public:
  explicit LocalInstallerLink(Path socket) : socket_(std::move(socket)) {}

  Result<messages::Hello> hello(std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask({{"ask", "hello"}}, std::move(stop)));
    return messages::parse_hello(answer);
  }

  Result<std::vector<messages::ProductDecision>> offer_metadata(const std::map<std::string, std::string>& files,
                                                                std::stop_token stop) override {
    UPSWARM_TRY(const auto answer, ask(messages::make_offer(files), std::move(stop)));
    return messages::parse_decisions(answer);
  }

  Result<void> offer_package(const std::string& product, const Sha256& sha256, const Path& file,
                             std::stop_token stop) override {
    UPSWARM_CHECK(
        ask({{"ask", "offer_package"}, {"product", product}, {"sha256", sha256.hex()}}, std::move(stop), &file));
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
  Result<Json> ask(const Json& question, std::stop_token stop, const Path* file = nullptr) {
    auto connection = connect_local(socket_);
    if (!connection) {
      auto error = std::move(connection).error().within("reach the installer");
      error.reason = "no_installer";
      return error;
    }
    return messages::ask(**connection, question, kAnswerLimit, std::move(stop), file);
  }

  Path socket_;
};

}  // namespace

std::unique_ptr<InstallerLink> make_local_installer_link(Path socket) {
  return std::make_unique<LocalInstallerLink>(std::move(socket));
}

}  // namespace upswarm::agent
