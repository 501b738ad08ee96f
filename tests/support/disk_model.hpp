// A disk in memory that forgets at a power cut what was not synced, or keeps it out of order.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::tests {

/// What POSIX promises of a file system, and no more: content lasts once the file was synced, names once their folder
/// was. Until then a power cut may keep any of it, in any order, with two bounds that every journal keeps: a rename
/// happens as a whole, and after all that it built upon. Copies are disks of their own.
class DiskModel final : public Files {
 public:
  /// What a power cut leaves of that which was not synced.
  enum class Unsynced {
    nothing,
    everything,
    names,    ///< files have the content of their last sync: none, if there was none
    content,  ///< names are those of the last sync
    some,     ///< by the dice: names one by one; of content a beginning, or the right length of zeros
  };

  DiskModel();
  DiskModel(const DiskModel& other) : state_(other.state_) {}
  DiskModel& operator=(const DiskModel&) = delete;

  /// Afterwards the disk holds what the machine finds when it starts again. Files that are open must not be used then.
  void cut_power(Unsynced what, std::uint32_t seed = 0);

  /// Whether clone_file does it. At first it does not.
  void set_clones(bool does);
  /// All that files hold. Folders and names cost nothing.
  Bytes used();
  /// Writing beyond it fails: no_space.
  void set_capacity(Bytes capacity);

  Result<std::unique_ptr<InputFile>> open(const Path& path) override;
  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override;
  Result<FileInfo> info(const Path& path) override;
  Result<std::vector<std::string>> list(const Path& folder) override;
  Result<void> make_folder(const Path& path, std::uint32_t mode) override;
  Result<void> rename(const Path& from, const Path& to) override;
  Result<void> remove_file(const Path& path) override;
  Result<void> remove_folder(const Path& path) override;
  Result<void> make_symlink(const std::string& target, const Path& path) override;
  Result<std::string> read_symlink(const Path& path) override;
  Result<void> hard_link(const Path& existing, const Path& path) override;
  Result<bool> clone_file(const Path& from, const Path& to, std::uint32_t mode) override;
  Result<void> set_mode(const Path& path, std::uint32_t mode) override;
  Result<void> sync_file(const Path& path) override;
  Result<void> sync_folder(const Path& folder) override;
  Result<Bytes> free_space(const Path& path) override;
  Result<bool> can_sync_as_one(const Path& folder) override;
  Result<void> sync_as_one(const Path& folder) override;

 private:
  class OpenInput;
  class OpenOutput;
  using Id = std::uint64_t;
  using Names = std::map<std::string, Id>;

  struct Node {
    FileType type = FileType::regular;
    std::uint32_t mode = 0;
    std::string content = {};  ///< of a link: where it leads
    std::size_t synced = 0;    ///< bytes of it that last: files only grow
    std::uint32_t synced_mode = 0;
    Names names = {};
    Names synced_names = {};
  };
  struct Name {
    Id folder = 0;
    std::string name;
    auto operator<=>(const Name&) const = default;
  };
  struct Edit {
    Name where;
    std::optional<Id> node;  ///< nothing: the name goes
  };
  using Change = std::vector<Edit>;  ///< what is done as a whole

  /// Where a name is or would be.
  struct Place {
    Name where;
    std::optional<Id> node;
  };

  struct State {
    std::map<Id, Node> nodes;
    Id last = 1;
    std::vector<Change> pending;  ///< of names, oldest first
    Bytes capacity = 64_GiB;
    bool clones = false;
  };

  Result<Place> find(const Path& path, const char* doing);
  Result<Id> find_there(const Path& path, const char* doing);
  Result<Id> step_into(Id folder, const std::string& name, int links, const Path& path, const char* doing);
  Result<Id> add(const Path& path, Node node, const char* doing);
  void change(Change change);
  /// Makes the pending changes that `lasts` chooses last, with those that they build upon.
  template <typename Chooses>
  void settle(Chooses lasts);
  void sync_node(Id id);
  Bytes sum() const;
  void forget_lost();
  Node& node(Id id) { return state_.nodes.at(id); }

  std::mutex mutex_;  ///< guards all below
  State state_;
};

}  // namespace upswarm::tests
