// The running installer: answers the agent and administrators, and does one piece of work at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "installer/confirmations.hpp"
#include "installer/installation.hpp"
#include "installer/launch.hpp"
#include "installer/trust_gate.hpp"
#include "protocol/base/local_socket.hpp"

namespace upswarm::installer {

/// In the state folder: the number up to which the agent has the outcomes, in decimal.
inline constexpr const char* kAcknowledged = "acknowledged";

class InstallerService {
 public:
  /// Checks folders, reads the machine id and the store. All must outlive the service.
  /// Errors: denied  a folder that others could exchange; corrupt, disk; not_found  the agent's account.
  static Result<std::unique_ptr<InstallerService>> open(const InstallerConfig& config, Files& files,
                                                        const Clock& clock);

  /// As Installation::settle(), of all products: afterwards their services may start. What cannot be settled is told,
  /// and left to recover(). One thread, before recover().
  void settle(const std::stop_token& stop);

  /// Finishes what a crash left, of all products. Until that is done, or when `stop` cut it short, nothing is taken
  /// and nothing changed: busy (reason "recovering"). One thread, once.
  void recover(const std::stop_token& stop);

  /// Recovers unless that is done, then works until `stop`, or until another release of this installer is to run:
  /// then the program must end.
  void work(std::stop_token stop);

  /// How many conversations at once, how long frames and how much patience `peer` is granted: an administrator and the
  /// agent have their own, which nobody else can take up. Any thread.
  LocalTerms admit(const PeerIdentity& peer) const;

  /// Answers one question (protocol/messages/installer_messages.hpp). Any thread. After `stop` a look through trees for
  /// what is missing ends: cancelled.
  Result<Json> answer(const PeerIdentity& peer, const std::string& word, const Json& question,
                      std::unique_ptr<InputFile> file, const std::stop_token& stop = {});

 private:
  struct Wanted {
    trust::Entry entry;
    std::optional<Sha256> installed;     ///< content that deltas must start from
    Time fresh_until;                    ///< staging must begin before
    std::vector<trust::Entry> releases;  ///< of the signed index: what a chain may lead through
    std::vector<PackageStep> steps;      ///< of a chain that is being offered
    std::vector<std::unique_ptr<InputFile>> files;
  };
  struct Job {
    const ProductConfig* product = nullptr;
    std::optional<trust::Entry> entry;  ///< nothing: a rollback
    std::vector<PackageStep> steps;     ///< none, with an entry: its tree is on disk
    std::vector<std::unique_ptr<InputFile>> files;
    std::string rollback_to;
    bool is_repair = false;  ///< of what runs, by the one file, or without any

    Bytes length() const;
    std::string kind() const;  ///< as Outcome::kind
  };

  InstallerService(const InstallerConfig& config, Files& files, const Clock& clock, TrustGate gate,
                   std::string machine_id, std::uint32_t agent_user, std::int64_t acknowledged);

  Result<Json> hello(const Json& question);
  Result<Json> offer_metadata(const Json& question);
  Result<messages::ProductDecision> judge(const ProductConfig& product);
  Result<Json> present(const Json& question, const std::stop_token& stop);
  Result<Json> missing(const Json& question, std::unique_ptr<InputFile> file, const std::stop_token& stop);
  Result<Wanted*> find_wanted(const std::string& product, const std::string& doing);
  using Reading = std::function<Result<void>(const std::stop_token&)>;
  Result<void> without_lock(std::unique_lock<std::mutex>& lock, const std::string& product, const std::stop_token& stop,
                            const Reading& work);
  static Result<void> check_length(InputFile& file, const trust::PackageFile& package, bool is_part);
  Result<PackageStep> find_step(Wanted& wanted, const std::string& product, const Sha256& digest, bool more,
                                bool is_sparse);
  Result<Json> offer_package(const Json& question, std::unique_ptr<InputFile> file);
  Result<Json> install_kept(const Json& question);
  Result<Json> progress();
  Result<Json> outcomes(const Json& question);
  Result<Json> forget_outcomes(const Json& question);
  Result<Json> rollback(const Json& question);
  Result<Json> clear_bad(const Json& question);
  Result<Json> confirm(const PeerIdentity& peer, const Json& question);

  // service_repair.cpp
  Result<Json> look_through(const std::string& word, const Json& question, const std::stop_token& stop);
  Result<Json> damaged(const Json& question, std::unique_ptr<InputFile> file, const std::stop_token& stop);
  Result<Json> offer_repair(const Json& question, std::unique_ptr<InputFile> file);
  Result<trust::Entry> find_damaged(const std::string& product, const std::string& doing);
  const DamageMark* repair_due(const ProductRecord& record) const;
  void note_unsaved_repair(const std::string& product, const Result<ProductRecord>& after);
  Result<void> note_survey(const std::string& product, const Survey& found, bool is_asked);
  void perform_repair(Job& job, const std::stop_token& stop);
  void check_at_rest(const ProductConfig& product, const std::stop_token& stop);
  void end_check();

  Result<const ProductConfig*> find_product(const std::string& name) const;
  void end_reading(std::unique_lock<std::mutex>& lock);
  void await_reading(std::unique_lock<std::mutex>& lock);
  Result<void> is_at_rest(const std::string& doing) const;
  Result<void> may_begin(const std::string& doing) const;
  Result<void> may_read(const std::string& doing) const;
  Result<void> start(Job job);
  struct NextWork {
    std::optional<Job> job;
    const ProductConfig* unfinished = nullptr;  ///< without a job: to be gone on with
    const ProductConfig* unchecked = nullptr;   ///< without both: to be looked through
  };
  std::optional<NextWork> look_around(std::unique_lock<std::mutex>& lock);
  std::chrono::milliseconds until_check(const ProductRecord& record) const;
  NextWork next_work(const std::stop_token& stop);
  void finish(const ProductConfig& product, const std::stop_token& stop, bool is_restart);
  void finish_before(const ProductConfig& product, const std::stop_token& stop);
  void leave_unfinished(const ProductConfig& product);
  void keep_reserve();
  void rest();
  void perform(Job& job, const std::stop_token& stop);
  Result<void> take_packages(Job& job, Installation& installation, const std::stop_token& stop);
  Result<void> take_package(const PackageStep& step, InputFile& from, const Path& to, const std::stop_token& stop);
  void note_failure(const Job& job, const Error& why, std::int64_t told_before);
  Installation installation_of(const ProductConfig& product);
  Result<void> find_self();
  bool is_another_to_run();
  package::ProgressSink sink_for(const std::string& product, const std::string& version);

  const InstallerConfig& config_;
  Files& files_;
  const Clock& clock_;
  TrustGate gate_;
  std::string machine_id_;
  std::uint32_t agent_user_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  int share_;  ///< 0 to 255, by the machine's id: what many machines do they do not do in step
  TokenConfirmations confirmations_;
  std::unique_ptr<ReleaseRunner> runner_;
  RecordStore records_;
  std::optional<SelfUpdate> self_;  ///< where a product is this installer
  const ProductConfig* self_product_ = nullptr;
  std::chrono::steady_clock::time_point watch_at_ =
      std::chrono::steady_clock::time_point::max();  ///< SelfUpdate::watch

  std::mutex mutex_;  ///< guards all below, the gate, and records of products that are not busy
  std::condition_variable_any wake_;
  bool is_recovering_ = true;
  std::condition_variable read_;                    ///< told when a question that only reads has ended
  std::optional<Job> job_;                          ///< the agent's, waiting to be done
  std::optional<Job> rollback_;                     ///< an administrator's: before job_
  std::optional<std::string> busy_;                 ///< product being worked on, waiting included
  std::optional<std::stop_source> reading_;         ///< ends the question that only reads, while there is one
  bool is_asked_ = false;                           ///< by an administrator
  int administrators_ = 0;                          ///< who wait for that end; those of this program count, too
  std::int64_t acknowledged_;                       ///< outcomes up to this number the agent has; on disk, too
  std::deque<const ProductConfig*> unfinished_;     ///< with a journal that nothing works on: gone on with by and by
  std::chrono::steady_clock::time_point retry_at_;  ///< of the first of them: from then on before job_
  std::optional<std::stop_source> checking_;        ///< ends what is read at rest, while it is read
  std::chrono::steady_clock::time_point look_around_at_ = std::chrono::steady_clock::now();
  std::map<std::string, Setback> unsaved_;  ///< by product: repairs whose failure its record could not be told
  std::map<std::string, Wanted> wanted_;
  messages::ProductProgress progress_;
};

}  // namespace upswarm::installer
