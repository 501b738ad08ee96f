// The agent's side of the conversation with the installer.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/messages/installer_messages.hpp"

namespace upswarm::agent {

/// One question each (protocol/messages/installer_messages.hpp). Any thread.
/// Errors of all: unreachable (no_installer)  nobody listens; corrupt; cancelled; and what the installer answers.
class InstallerLink {
 public:
  virtual ~InstallerLink() = default;
  virtual Result<messages::Hello> hello(std::stop_token stop) = 0;
  virtual Result<std::vector<messages::ProductDecision>> offer_metadata(const std::map<std::string, std::string>& files,
                                                                        std::stop_token stop) = 0;
  /// Which of the trees are whole on disk. Every byte is read: it may take minutes.
  virtual Result<messages::Presence> present(const std::string& product, const std::vector<Sha256>& contents,
                                             std::stop_token stop) = 0;
  /// Hands the open file over. Returns when the installer has accepted it; the work goes on by itself, unless `more`
  /// of a chain are to follow.
  virtual Result<void> offer_package(const std::string& product, const Sha256& sha256, const Path& file, bool more,
                                     std::stop_token stop) = 0;
  /// Which parts of the full package of the wanted release must be fetched, given what is on disk. `file` holds at
  /// least its index. Every byte on disk is read: it may take minutes.
  virtual Result<messages::MissingParts> missing(const std::string& product, const Path& file,
                                                 std::stop_token stop) = 0;
  /// Hands the full package over of which `file` holds only those parts.
  virtual Result<void> offer_parts(const std::string& product, const Sha256& sha256, const Path& file,
                                   std::stop_token stop) = 0;
  /// As missing(), of what is installed, where ProductState.repair asks for it.
  virtual Result<messages::MissingParts> damaged(const std::string& product, const Path& file,
                                                 std::stop_token stop) = 0;
  /// Hands that package over of which `file` holds only those parts.
  virtual Result<void> offer_repair(const std::string& product, const Sha256& sha256, const Path& file,
                                    std::stop_token stop) = 0;
  /// The wanted release is on disk.
  virtual Result<void> install_kept(const std::string& product, std::stop_token stop) = 0;
  virtual Result<std::vector<messages::ProductProgress>> progress(std::stop_token stop) = 0;
  virtual Result<std::vector<messages::Outcome>> outcomes(std::stop_token stop) = 0;
  virtual Result<void> forget_outcomes(std::int64_t up_to, std::stop_token stop) = 0;
};

/// Over the installer's socket, a connection for each question: an installer that was restarted is found again.
std::unique_ptr<InstallerLink> make_local_installer_link(Path socket);

}  // namespace upswarm::agent
