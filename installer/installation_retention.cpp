// Of Installation: how long releases stay that do not run any more.
#include "installer/installation.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::size_t kMostInUse = 4;  // beyond those that are kept: anybody can make a process use one

}  // namespace

void Installation::retire(ProductRecord& record, const std::stop_token& stop) {
  const auto now = clock_.now();
  std::int64_t kept = 0;
  std::vector<std::string> doomed;
  for (auto one = record.releases.rbegin(); one != record.releases.rend(); ++one) {
    if (one->entry.version == record.current) continue;
    if (++kept > config_.keep_releases && now - one->installed_at > config_.keep_for)
      doomed.push_back(one->entry.version);
  }
  if (doomed.empty()) return;
  const auto used = runner_.in_use(layout_->folder_of(record.current).parent_path(), stop);
  if (!used && used.error().kind == ErrorKind::cancelled) return;
  std::size_t stay = 0;
  std::erase_if(doomed, [&](const auto& version) {
    if ((used && !used->contains(version)) || ++stay > kMostInUse) return false;
    log::info(
        "an old release stays: it is or may be in use",
        {{"product", record.product}, {"version", version}, {"by", used ? used->at(version) : used.error().message()}});
    return true;
  });
  for (const auto& version : doomed) {
    const auto content = record.find(version)->entry.content;
    std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == version; });
    const auto step = [&]() -> Result<void> {
      UPSWARM_CHECK(records_.save(record));
      UPSWARM_CHECK(layout_->remove(version));
      return drop_tree(content);
    };
    if (const auto removed = step(); !removed) {
      log::warning("an old release stays on disk", {{"version", version}, {"error", removed.error().message()}});
    }
  }
}

/// Unless a release that is here, of any product, has the same content.
Result<void> Installation::drop_tree(const Sha256& content) {
  for (const auto& product : config_.product_names()) {
    UPSWARM_TRY(const auto record, records_.load(product));
    if (std::ranges::any_of(record.releases, [&](const auto& one) { return one.entry.content == content; })) return {};
  }
  return remove_tree(files_, state_ / "trees" / (content.hex() + ".tree"));
}

}  // namespace upswarm::installer
