// One run of upswarm-publish: what all commands work with.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "seeder/publish/command_line.hpp"
#include "seeder/publish/hand_over.hpp"
#include "seeder/publish/signing.hpp"

namespace upswarm::publish {

class Session {
 public:
  /// `line` must outlive the session.
  Session(const CommandLine& line, std::stop_token stop)
      : line_(line), stop_(std::move(stop)), progress_line_(!line.common.json) {}

  // command_line.cpp
  Result<Answer> init();
  Result<Answer> add_product();
  Result<Answer> renew();
  Result<Answer> release();
  Result<Answer> rollout();
  Result<Answer> floor();
  Result<Answer> withdraw();
  Result<Answer> hand_over();
  Result<Answer> status();
  Result<Answer> packages();

  // key_session.cpp
  Result<Answer> new_key();
  Result<Answer> list_keys();
  Result<Answer> add_signer();
  Result<Answer> revoke();
  Result<Answer> rotate();
  Result<Answer> sign();
  Result<Answer> show();
  Result<Answer> publish_signed();
  Result<Answer> discard();

 private:
  Files& files() const { return system_files(); }
  Result<Repository> open(Repository::Access access) const {
    return Repository::open(files(), line_.common.repository, access);
  }
  KeyRing keys(const Repository& repository, bool is_new) const;
  package::ProgressSink progress() {
    return [this](const Progress& now) { progress_line_.show(now); };
  }
  PassphraseSource passphrase(bool is_new) const {
    return [this, is_new] { return obtain_passphrase(files(), line_.common.passphrase_file, is_new); };
  }
  Result<std::unique_ptr<Destination>> destination() const;
  Result<std::string> api_key(const std::string& what) const;
  Result<std::vector<std::string>> send_all(Destination& to);
  Result<Answer> made(const Signed& outcome, Answer answer, Destination* to);
  Answer pending(const Signed& outcome, Answer answer) const;
  Result<OpenedChange> opened_change() const;

  const CommandLine& line_;
  std::stop_token stop_;
  ProgressLine progress_line_;
};

}  // namespace upswarm::publish
