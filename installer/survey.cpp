#include "installer/survey.hpp"

#include <algorithm>
#include <set>

#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::installer {
namespace {

using messages::DamageKind;

constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr std::uint32_t kAllBits = 07777;
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

  Result<void> visit(const Path& folder, const std::string& prefix) {
    UPSWARM_TRY(const auto names, files_.list(folder));
    for (const auto& name : names) UPSWARM_CHECK(look_at(package::place_of(folder, name), prefix + name));
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
  void add(DamageKind kind, std::size_t entry, std::string how) {
    survey_.found.push_back({kind, std::string(tree_.entries[entry].path), std::move(how), entry});
  }

  Result<void> look_at(const Path& path, const std::string& name) {
    const auto* const entry = tree_.find(name);
    if (entry == nullptr) {
      survey_.found.push_back({DamageKind::extra, name, "it does not belong there", {}});
      return {};
    }
    const auto number = static_cast<std::size_t>(entry - tree_.entries.data());
    const auto info = files_.info(path);
    if (!info && info.error().kind == ErrorKind::not_found) return {};  // it went meanwhile
    seen_[number] = true;
    if (!info) {
      add(DamageKind::altered, number, "it cannot be read: " + info.error().message());
      return {};
    }
    UPSWARM_TRY(const auto wrong, content_of(*entry, path, *info));
    const FileInfo wanted{.type = info->type, .size = {}, .mode = entry->mode};
    if (!wrong.empty()) add(DamageKind::altered, number, wrong);
    else if (entry->type != FileType::symlink && mode_bits(*info, kAllBits) != mode_bits(wanted, kAllBits))
      add(DamageKind::mode, number, "its mode is " + octal(info->mode) + " instead of " + octal(entry->mode));
    if (info->type == FileType::folder && entry->type == FileType::folder) return visit(path, name + "/");
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
  Bytes total_ = tree_.total_size();
  Survey survey_;
};

}  // namespace

bool Survey::is_under_services() const {
  return !link.empty() || std::ranges::any_of(found, [](const auto& one) {
    return one.kind == DamageKind::altered || one.kind == DamageKind::missing;
  });
}

std::string Survey::words() const {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  for (std::size_t i = 0; i < std::min(found.size(), kMostInWords); ++i) add(found[i].path + " (" + found[i].how + ")");
  if (found.size() > kMostInWords) add("and " + std::to_string(found.size() - kMostInWords) + " more");
  if (!link.empty()) add("current (" + link + ")");
  if (is_list_lost) add("the installer's list of its files is gone");
  return text;
}

Result<Survey> survey_tree(Files& files, const Path& folder, const package::Tree& tree,
                           const package::ProgressSink& progress, const std::stop_token& stop) {
  Walk walk(files, tree, progress, stop);
  const auto visited = walk.visit(folder, "");
  // A tree that is gone as a whole is damaged, too.
  if (!visited && visited.error().kind != ErrorKind::not_found) return visited.error();
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
  for (const auto& one : survey.found) {
    ++out.counts.at(static_cast<std::size_t>(one.kind));
    if (out.damage.size() < messages::kMostToldDamage) out.damage.push_back({one.kind, one.path, one.how});
  }
  return out;
}

}  // namespace upswarm::installer
