#include "installer/survey.hpp"

#include <algorithm>
#include <set>

#include "installer/guard.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::installer {
namespace {

using messages::DamageKind;

constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr std::uint32_t kAllBits = 07777;
constexpr std::uint32_t kWritableByOthers = 0022;
constexpr std::size_t kMostInWords = 10;

std::string octal(std::uint32_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) text += static_cast<char>('0' + (mode >> shift & 7U));
  return text;
}

class Walk {
 public:
  Walk(Files& files, const package::Tree& tree, const package::ProgressSink& progress, const std::stop_token& stop)
      : files_(files),
        tree_(tree),
        progress_(progress),
        stop_(stop),
        buffer_(kReadBuffer),
        seen_(tree.entries.size()) {}

  Result<void> start(const Path& folder) {
    const auto info = files_.info(folder);
    // A tree that is gone as a whole is damaged, too.
    if (!info && info.error().kind == ErrorKind::not_found) return {};
    const std::string name(kTreeItself);
    const auto add_top = [&](DamageKind kind, std::string how) {
      survey_.found.push_back({kind, name, std::move(how)});
    };
    if (!info || info->type != FileType::folder) {
      add_top(DamageKind::altered, info ? "it is no folder" : "it cannot be read: " + info.error().message());
      return {};
    }
    device_ = info->device;
    if (is_foreign(*info)) add_top(DamageKind::mode, whose(*info));
    else if (mode_bits(*info, kWritableByOthers) != 0) add_top(DamageKind::mode, "others may write to it");
    UPSWARM_TRY(const auto listed, visit(folder, ""));
    if (!listed.empty()) add_top(DamageKind::altered, listed);
    return {};
  }

  Survey finish() && {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (!seen_[i]) add(DamageKind::missing, i, "it is missing");
    }
    std::ranges::sort(survey_.found, {}, &Survey::Finding::path);
    note_lost();
    return std::move(survey_);
  }

 private:
  /// Why it cannot be listed; empty: it was.
  Result<std::string> visit(const Path& folder, const std::string& prefix) {
    const auto names = files_.list(folder);
    if (!names) return "it cannot be read: " + names.error().message();
    for (const auto& name : *names) UPSWARM_CHECK(look_at(package::place_of(folder, name), prefix + name));
    return std::string();
  }

  static bool is_foreign(const FileInfo& info) { return info.owner != 0 && info.owner != own_user(); }
  static std::string whose(const FileInfo& info) { return "it belongs to user " + std::to_string(info.owner); }

  void add_extra(Survey::Finding one) {
    if (extras_++ < kMostExtras) survey_.found.push_back(std::move(one));
    else ++survey_.more;
  }

  /// What lies below is neither looked at nor missed.
  void pass_by_mounted(const std::string& name) {
    add_extra({DamageKind::extra, name, "a file system is mounted there; it is left alone", {}, true});
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const std::string_view path = tree_.entries[i].path;
      if (path == name || path.starts_with(name + "/")) seen_[i] = true;
    }
  }

  void add(DamageKind kind, std::size_t entry, std::string how) {
    survey_.found.push_back({kind, std::string(tree_.entries[entry].path), std::move(how), entry});
  }

  Result<void> look_at(const Path& path, const std::string& name) {
    const auto* const entry = tree_.find(name);
    const auto info = files_.info(path);
    if (info && info->device != device_) {
      pass_by_mounted(name);
      return {};
    }
    if (entry == nullptr) {
      add_extra({DamageKind::extra, name, "it does not belong there"});
      return {};
    }
    const auto number = static_cast<std::size_t>(entry - tree_.entries.data());
    if (!info && info.error().kind == ErrorKind::not_found) return {};  // it went meanwhile
    seen_[number] = true;
    if (!info) {
      add(DamageKind::altered, number, "it cannot be read: " + info.error().message());
      return {};
    }
    UPSWARM_TRY(auto wrong, content_of(*entry, path, *info));
    const bool is_folder = info->type == FileType::folder && entry->type == FileType::folder;
    if (is_folder) {
      UPSWARM_TRY(wrong, visit(path, name + "/"));
      if (!wrong.empty() && !exists(files_, path).value_or(true)) {
        seen_[number] = false;  // it went meanwhile
        return {};
      }
    }
    // Another user's file is one that he can change: it is replaced. Of a folder he is told.
    if (wrong.empty() && !is_folder && is_foreign(*info)) wrong = whose(*info);
    const FileInfo wanted{.type = info->type, .size = {}, .mode = entry->mode};
    if (!wrong.empty()) add(DamageKind::altered, number, wrong);
    else if (is_foreign(*info)) add(DamageKind::mode, number, whose(*info));
    else if (entry->type != FileType::symlink && mode_bits(*info, kAllBits) != mode_bits(wanted, kAllBits))
      add(DamageKind::mode, number, "its mode is " + octal(info->mode) + " instead of " + octal(entry->mode));
    return {};
  }

  /// What is wrong with it, but for its mode; empty: nothing.
  Result<std::string> content_of(const package::TreeEntry& entry, const Path& path, const FileInfo& info) {
    if (entry.type != info.type) return std::string("it is of another type");
    if (entry.type == FileType::folder) return std::string();
    if (entry.type == FileType::symlink) {
      const auto target = files_.read_symlink(path);
      if (!target) return "it cannot be read: " + target.error().message();
      return *target == entry.link_target ? std::string() : "it leads to " + *target;
    }
    if (info.size != entry.size)
      return "it has " + std::to_string(info.size.count) + " bytes instead of " + std::to_string(entry.size.count);
    const auto digest = digest_of(path);
    if (!digest && digest.error().kind == ErrorKind::cancelled) return digest.error();
    if (!digest) return "it cannot be read: " + digest.error().message();
    return *digest == entry.digest ? std::string() : std::string("its content was altered");
  }

  Result<Sha256> digest_of(const Path& path) {
    UPSWARM_TRY(const auto file, files_.open(path));
    Sha256Hasher hasher;
    for (Bytes at;;) {
      if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "verify " + path.string(), "stopped"};
      UPSWARM_TRY(const auto count, file->read_at(at, buffer_));
      hasher.update(ByteView(buffer_).first(count));
      survey_.read += Bytes{count};
      if (progress_) progress_({"verifying", survey_.read, total_});
      if (count < buffer_.size()) return hasher.finish();
      at += Bytes{count};
    }
  }

  void note_lost() {
    std::vector<bool> is_damaged(tree_.entries.size());
    std::set<Sha256> lost;
    for (const auto& one : survey_.found) {
      if (!one.entry || one.kind == DamageKind::mode) continue;
      const auto& entry = tree_.entries[*one.entry];
      if (entry.type != FileType::regular) continue;
      is_damaged[*one.entry] = true;
      survey_.needs_package = true;
      if (lost.insert(entry.digest).second) survey_.lost += entry.size;
    }
    for (std::size_t i = 0; i < is_damaged.size() && !lost.empty(); ++i) {
      const auto& entry = tree_.entries[i];
      if (entry.type != FileType::regular || is_damaged[i]) continue;
      if (lost.erase(entry.digest) != 0) survey_.lost -= entry.size;
    }
  }

  Files& files_;
  const package::Tree& tree_;
  const package::ProgressSink& progress_;
  const std::stop_token& stop_;
  ByteBuffer buffer_;
  std::vector<bool> seen_;
  std::uint32_t device_ = 0;
  std::size_t extras_ = 0;
  Bytes total_ = tree_.total_size();
  Survey survey_;
};

}  // namespace

bool Survey::wants_repair(bool is_asked) const {
  return !link.empty() || is_list_lost || std::ranges::any_of(found, [&](const auto& one) {
    return !one.is_mounted && (is_asked || one.kind != DamageKind::extra);
  });
}

bool Survey::is_under_services() const {
  return !link.empty() || std::ranges::any_of(found, [](const auto& one) {
    return one.kind == DamageKind::altered || one.kind == DamageKind::missing;
  });
}

std::string Survey::words() const {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  for (std::size_t i = 0; i < std::min(found.size(), kMostInWords); ++i) add(found[i].path + " (" + found[i].how + ")");
  const auto all = found.size() + more;
  if (all > kMostInWords) add("and " + std::to_string(all - kMostInWords) + " more");
  if (!link.empty()) add("current (" + link + ")");
  if (is_list_lost) add("the installer's list of its files is gone");
  return text;
}

Result<Survey> survey_tree(Files& files, const Path& folder, const package::Tree& tree,
                           const package::ProgressSink& progress, const std::stop_token& stop) {
  Walk walk(files, tree, progress, stop);
  UPSWARM_CHECK(walk.start(folder));
  return std::move(walk).finish();
}

messages::Verification told(const Survey& survey, const std::string& product, const std::string& version) {
  messages::Verification out;
  out.product = product;
  out.version = version;
  out.link = survey.link;
  out.is_list_lost = survey.is_list_lost;
  out.needs_package = survey.needs_package;
  out.read = survey.read;
  out.to_fetch = survey.lost;
  out.counts.at(static_cast<std::size_t>(messages::DamageKind::extra)) = static_cast<std::int64_t>(survey.more);
  for (const auto& one : survey.found) {
    ++out.counts.at(static_cast<std::size_t>(one.kind));
    if (out.damage.size() < messages::kMostToldDamage) out.damage.push_back({one.kind, one.path, one.how});
  }
  return out;
}

}  // namespace upswarm::installer
