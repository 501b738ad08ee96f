#include "tests/support/disk_model.hpp"

#include <algorithm>
#include <ranges>

namespace upswarm::tests {
namespace {

constexpr std::uint64_t kTop = 1;
constexpr int kMostLinks = 8;

Error wrong(ErrorKind kind, const char* doing, const Path& path, const char* why) {
  return {kind, std::string(doing) + " " + path.string(), why};
}

}  // namespace

class DiskModel::OpenInput final : public InputFile {
 public:
  OpenInput(DiskModel& disk, Id id) : disk_(disk), id_(id) {}

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    const std::lock_guard lock(disk_.mutex_);
    const auto& content = disk_.node(id_).content;
    const auto at = std::min<std::size_t>(offset.count, content.size());
    const auto count = std::min(buffer.size(), content.size() - at);
    std::ranges::copy(as_bytes(std::string_view(content).substr(at, count)), buffer.begin());
    return count;
  }
  Result<FileInfo> info() override {
    const std::lock_guard lock(disk_.mutex_);
    const auto& node = disk_.node(id_);
    return FileInfo{.type = node.type, .size = Bytes{node.content.size()}, .mode = node.mode};
  }

 private:
  DiskModel& disk_;
  Id id_;
};

class DiskModel::OpenOutput final : public OutputFile {
 public:
  OpenOutput(DiskModel& disk, Id id) : disk_(disk), id_(id) {}

  Result<void> write(ByteView bytes) override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.sum() + Bytes{bytes.size()} > disk_.state_.capacity)
      return Error{ErrorKind::no_space, "write", "the disk is full"};
    disk_.node(id_).content += as_text(bytes);
    return {};
  }
  Result<void> sync() override {
    const std::lock_guard lock(disk_.mutex_);
    disk_.sync_node(id_);
    return {};
  }

 private:
  DiskModel& disk_;
  Id id_;
};

DiskModel::DiskModel() { state_.nodes[kTop] = {.type = FileType::folder, .mode = 0755, .synced_mode = 0755}; }

Result<DiskModel::Id> DiskModel::step_into(Id folder, const std::string& name, int links, const Path& path,
                                           const char* doing) {
  const auto& names = node(folder).names;
  const auto found = names.find(name);
  if (found == names.end()) return wrong(ErrorKind::not_found, doing, path, "no such folder above it");
  const auto& next = node(found->second);
  if (next.type == FileType::folder) return found->second;
  if (next.type != FileType::symlink || links == 0 || Path(next.content).is_absolute())
    return wrong(ErrorKind::not_found, doing, path, "what is above it is no folder");
  auto at = folder;
  for (const auto& part : Path(next.content)) {
    UPSWARM_TRY(at, step_into(at, part.string(), links - 1, path, doing));
  }
  return at;
}

/// A slash at the end follows a link, as everywhere.
Result<DiskModel::Place> DiskModel::find(const Path& path, const char* doing) {
  Id at = kTop;
  std::vector<std::string> parts;
  for (const auto& part : path.relative_path()) parts.push_back(part.string());
  if (parts.empty()) return Place{{}, kTop};
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    UPSWARM_TRY(at, step_into(at, parts[i], kMostLinks, path, doing));
  }
  if (parts.back().empty()) return Place{{}, at};
  const auto& names = node(at).names;
  const auto found = names.find(parts.back());
  return Place{{at, parts.back()}, found == names.end() ? std::nullopt : std::optional(found->second)};
}

Result<DiskModel::Id> DiskModel::find_there(const Path& path, const char* doing) {
  UPSWARM_TRY(const auto place, find(path, doing));
  if (!place.node) return wrong(ErrorKind::not_found, doing, path, "it is not there");
  return *place.node;
}

void DiskModel::change(Change change) {
  for (const auto& edit : change) {
    auto& names = node(edit.where.folder).names;
    if (edit.node) names[edit.where.name] = *edit.node;
    else names.erase(edit.where.name);
  }
  state_.pending.push_back(std::move(change));
}

template <typename Chooses>
void DiskModel::settle(Chooses lasts) {
  std::set<Name> needed;
  std::vector<Change> chosen;
  std::vector<Change> rest;
  for (auto& change : std::views::reverse(state_.pending)) {
    const bool is_needed = std::ranges::any_of(change, [&](const auto& edit) { return needed.contains(edit.where); });
    if (!is_needed && !lasts(change)) {
      rest.push_back(std::move(change));
      continue;
    }
    for (const auto& edit : change) needed.insert(edit.where);
    chosen.push_back(std::move(change));
  }
  for (const auto& change : std::views::reverse(chosen)) {
    for (const auto& edit : change) {
      auto& names = node(edit.where.folder).synced_names;
      if (edit.node) names[edit.where.name] = *edit.node;
      else names.erase(edit.where.name);
    }
  }
  std::ranges::reverse(rest);
  state_.pending = std::move(rest);
}

void DiskModel::sync_node(Id id) {
  auto& synced = node(id);
  synced.synced = synced.content.size();
  synced.synced_mode = synced.mode;
}

void DiskModel::cut_power(Unsynced what, std::uint32_t seed) {
  const std::lock_guard lock(mutex_);
  std::minstd_rand dice(seed + 1);
  const auto falls = [&](int sides) { return static_cast<int>(dice() % static_cast<std::uint32_t>(sides)); };
  const bool keeps_names = what == Unsynced::everything || what == Unsynced::names;
  const bool keeps_content = what == Unsynced::everything || what == Unsynced::content;
  settle([&](const Change&) { return keeps_names || (what == Unsynced::some && falls(2) == 0); });
  state_.pending.clear();
  for (auto& [id, node] : state_.nodes) {
    node.names = node.synced_names;
    if (node.type == FileType::symlink) continue;
    const auto fate = what == Unsynced::some ? falls(4) : keeps_content ? 0 : 1;
    if (fate == 1) {
      node.content.resize(node.synced);
      node.mode = node.synced_mode;
    } else if (fate == 2) {
      node.content.resize(node.synced + (node.content.size() - node.synced) / 2);
    } else if (fate == 3) {
      std::fill(node.content.begin() + static_cast<std::ptrdiff_t>(node.synced), node.content.end(), '\0');
    }
    node.synced = node.content.size();
    node.synced_mode = node.mode;
  }
  forget_lost();
}

/// What no name leads to.
void DiskModel::forget_lost() {
  std::set<Id> found{kTop};
  std::vector<Id> open{kTop};
  while (!open.empty()) {
    const auto& names = node(open.back()).names;
    open.pop_back();
    for (const auto& [name, id] : names)
      if (found.insert(id).second) open.push_back(id);
  }
  std::erase_if(state_.nodes, [&](const auto& one) { return !found.contains(one.first); });
}

Result<DiskModel::Id> DiskModel::add(const Path& path, Node made, const char* doing) {
  UPSWARM_TRY(const auto place, find(path, doing));
  if (place.node) return wrong(ErrorKind::denied, doing, path, "something is there");
  const auto id = ++state_.last;
  made.synced_mode = made.mode;
  state_.nodes[id] = std::move(made);
  change({{place.where, id}});
  return id;
}

Result<std::unique_ptr<InputFile>> DiskModel::open(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(path, "open"));
  if (node(id).type != FileType::regular) return wrong(ErrorKind::denied, "open", path, "it is no regular file");
  return std::unique_ptr<InputFile>(std::make_unique<OpenInput>(*this, id));
}

Result<std::unique_ptr<OutputFile>> DiskModel::create(const Path& path, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, add(path, {.type = FileType::regular, .mode = mode}, "create"));
  return std::unique_ptr<OutputFile>(std::make_unique<OpenOutput>(*this, id));
}

Result<FileInfo> DiskModel::info(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(path, "look at"));
  std::uint64_t links = 0;
  for (const auto& [other, folder] : state_.nodes)
    links += static_cast<std::uint64_t>(
        std::ranges::count_if(folder.names, [&](const auto& name) { return name.second == id; }));
  const auto& found = node(id);
  return FileInfo{.type = found.type,
                  .size = Bytes{found.content.size()},
                  .mode = found.mode,
                  .owner = 0,
                  .link_count = found.type == FileType::folder ? 2 : links,
                  .id = id};
}

Result<std::vector<std::string>> DiskModel::list(const Path& folder) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(folder, "list"));
  std::vector<std::string> names;
  for (const auto& [name, inside] : node(id).names) names.push_back(name);
  return names;
}

Result<void> DiskModel::make_folder(const Path& path, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  UPSWARM_CHECK(add(path, {.type = FileType::folder, .mode = mode}, "make the folder"));
  return {};
}

Result<void> DiskModel::rename(const Path& from, const Path& to) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto source, find(from, "rename"));
  UPSWARM_TRY(const auto target, find(to, "rename to"));
  if (!source.node) return wrong(ErrorKind::not_found, "rename", from, "it is not there");
  if (target.node && (node(*target.node).type == FileType::folder || node(*source.node).type == FileType::folder))
    return wrong(ErrorKind::denied, "rename to", to, "something is there");
  if (target.node == source.node) return {};
  change({{source.where, std::nullopt}, {target.where, source.node}});
  return {};
}

Result<void> DiskModel::remove_file(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto place, find(path, "remove"));
  if (!place.node) return wrong(ErrorKind::not_found, "remove", path, "it is not there");
  if (node(*place.node).type == FileType::folder) return wrong(ErrorKind::denied, "remove", path, "it is a folder");
  change({{place.where, std::nullopt}});
  return {};
}

Result<void> DiskModel::remove_folder(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto place, find(path, "remove the folder"));
  if (!place.node) return wrong(ErrorKind::not_found, "remove the folder", path, "it is not there");
  if (node(*place.node).type != FileType::folder || !node(*place.node).names.empty())
    return wrong(ErrorKind::denied, "remove the folder", path, "it is no folder, or not empty");
  change({{place.where, std::nullopt}});
  return {};
}

Result<void> DiskModel::make_symlink(const std::string& target, const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_CHECK(add(path, {.type = FileType::symlink, .mode = 0777, .content = target}, "link"));
  return {};
}

Result<std::string> DiskModel::read_symlink(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(path, "read the link"));
  if (node(id).type != FileType::symlink) return wrong(ErrorKind::invalid, "read the link", path, "it is no link");
  return node(id).content;
}

Result<void> DiskModel::hard_link(const Path& existing, const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(existing, "link to"));
  UPSWARM_TRY(const auto place, find(path, "link"));
  if (place.node) return wrong(ErrorKind::denied, "link", path, "something is there");
  change({{place.where, id}});
  return {};
}

void DiskModel::set_clones(bool does) {
  const std::lock_guard lock(mutex_);
  state_.clones = does;
}

/// A copy that no write tells of: it lasts once it was synced, as any other.
Result<bool> DiskModel::clone_file(const Path& from, const Path& to, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  if (!state_.clones) return false;
  UPSWARM_TRY(const auto id, find_there(from, "clone"));
  UPSWARM_CHECK(add(to, {.type = FileType::regular, .mode = mode, .content = node(id).content}, "clone to"));
  return true;
}

Result<void> DiskModel::set_mode(const Path& path, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(path, "set the mode of"));
  node(id).mode = mode;
  return {};
}

Result<void> DiskModel::sync_file(const Path& path) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(path, "sync"));
  sync_node(id);
  return {};
}

Result<void> DiskModel::sync_folder(const Path& folder) {
  const std::lock_guard lock(mutex_);
  UPSWARM_TRY(const auto id, find_there(folder, "sync the folder"));
  settle([&](const Change& change) {
    return std::ranges::any_of(change, [&](const auto& edit) { return edit.where.folder == id; });
  });
  node(id).synced_mode = node(id).mode;
  return {};
}

/// What lost its name is free at once: nothing holds files open here.
Bytes DiskModel::sum() const {
  Bytes all;
  std::set<Id> found;
  for (const auto& [id, folder] : state_.nodes)
    for (const auto& [name, inside] : folder.names)
      if (found.insert(inside).second) all += Bytes{state_.nodes.at(inside).content.size()};
  return all;
}

Bytes DiskModel::used() {
  const std::lock_guard lock(mutex_);
  return sum();
}

void DiskModel::set_capacity(Bytes capacity) {
  const std::lock_guard lock(mutex_);
  state_.capacity = capacity;
}

Result<Bytes> DiskModel::free_space(const Path& /*path*/) {
  const std::lock_guard lock(mutex_);
  const auto taken = sum();
  return taken < state_.capacity ? state_.capacity - taken : 0_B;
}

Result<bool> DiskModel::can_sync_as_one(const Path& /*folder*/) { return true; }

Result<void> DiskModel::sync_as_one(const Path& /*folder*/) {
  const std::lock_guard lock(mutex_);
  settle([](const Change&) { return true; });
  for (const auto& [id, synced] : state_.nodes) sync_node(id);
  return {};
}

}  // namespace upswarm::tests
