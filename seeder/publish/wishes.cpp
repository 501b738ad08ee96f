#include "seeder/publish/wishes.hpp"

#include <algorithm>

#include "protocol/trust/canonical_json.hpp"

namespace upswarm::publish {
namespace {

constexpr const char* kType = "upswarm-wishes";

struct Kept {
  Sha256 change;
  std::vector<seeder::RolloutWish> rollouts;
};

Sha256 digest_of(const ChangeFile& change) {
  auto documents = Json::array();
  for (const auto& document : change.documents)
    documents.push_back({{"role", document.role}, {"signed", document.content}});
  return sha256(trust::to_canonical(documents));
}

Result<Kept> read_kept(Files& files, const Path& file) {
  const auto what = file.string();
  UPSWARM_TRY(const auto text, read_file(files, file, seeder::kLongestBundleFile));
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = seeder::kLongestBundleFile, .deepest = 8}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  if (in.text("type", 40) != kType) in.fail("type", std::string("\"") + kType + "\" is wanted here");
  Kept kept;
  kept.change = in.parsed("change", parse_sha256).value_or(Sha256{});
  const Json rollouts{{"format", 1}, {"rollouts", in.array("rollouts", kMostDocuments)}};
  UPSWARM_CHECK(in.finish());
  UPSWARM_TRY(auto bundle, seeder::parse_bundle(to_text(rollouts), what));
  kept.rollouts = std::move(bundle.rollouts);
  return kept;
}

Error refused(const std::string& why) {
  return {ErrorKind::untrusted, "check the rollouts that the change asks for", why, "rollouts"};
}

std::string name_of(const seeder::RolloutWish& wish) {
  return "release " + wish.item.counter.text() + " of " + wish.product + " (" + wish.channel + ", " + wish.platform +
         ")";
}

/// The indexes that the change signs, and those that the roles it touches have signed.
Result<std::vector<trust::Index>> signed_indexes(const Base& base, const ChangeFile& change) {
  std::vector<trust::Index> all;
  for (const auto& [name, text] : change.targets) {
    UPSWARM_TRY(auto index, trust::parse_index(text, name));
    all.push_back(std::move(index));
  }
  for (const auto& [path, index] : base.indexes) all.push_back(index);
  return all;
}

Result<void> check_signed(const Base& base, const ChangeFile& change) {
  UPSWARM_TRY(const auto indexes, signed_indexes(base, change));
  for (const auto& wish : change.rollouts) {
    const auto has_release = [&wish](const trust::Index& index) {
      if (index.product != wish.product || index.channel != wish.channel || index.platform != wish.platform)
        return false;
      const auto* const entry = index.find(wish.item.counter);
      return entry != nullptr && entry->digest() == wish.item.entry;
    };
    if (std::ranges::none_of(indexes, has_release))
      return refused("it asks for the rollout of " + name_of(wish) + ", which is none of the releases it signs");
  }
  return {};
}

/// The change files in `folder` with the same documents. What cannot be read is none of them.
Result<std::vector<std::pair<Path, ChangeFile>>> same_changes(Files& files, const Path& folder,
                                                              const std::vector<std::string>& names,
                                                              const Sha256& digest) {
  std::vector<std::pair<Path, ChangeFile>> found;
  for (const auto& name : names) {
    if (!name.ends_with(kChangeEnd)) continue;
    UPSWARM_TRY(const auto text, read_file(files, folder / name, kLongestChange));
    auto change = parse_change(text, name);
    if (change && digest_of(*change) == digest) found.emplace_back(folder / name, *std::move(change));
  }
  return found;
}

}  // namespace

Result<void> keep_wishes(Files& files, const Path& file, const ChangeFile& change) {
  const Json json{
      {"format", 1}, {"type", kType}, {"change", digest_of(change).hex()}, {"rollouts", wishes_json(change.rollouts)}};
  return write_file_atomically(files, file, to_text(json, 1) + "\n");
}

bool is_same(const std::vector<seeder::RolloutWish>& a, const std::vector<seeder::RolloutWish>& b) {
  return seeder::write_bundle({a}) == seeder::write_bundle({b});
}

Result<std::vector<Path>> check_wishes(Files& files, const Path& folder, const Base& base, const ChangeFile& change) {
  UPSWARM_CHECK(check_signed(base, change));
  auto names = files.list(folder);
  if (!names && names.error().kind == ErrorKind::not_found) return std::vector<Path>{};
  if (!names) return std::move(names).error();
  const auto digest = digest_of(change);
  std::vector<Path> own;
  for (const auto& name : *names) {
    if (!name.ends_with(kWishesEnd)) continue;
    UPSWARM_TRY(const auto kept, read_kept(files, folder / name));
    if (kept.change != digest) continue;
    if (!is_same(kept.rollouts, change.rollouts))
      return refused("they are not those of " + name + ", which this desk wrote when it made the change");
    own.push_back(folder / name);
  }
  const auto is_known = !own.empty();
  UPSWARM_TRY(const auto changes, same_changes(files, folder, *names, digest));
  for (const auto& [path, ours] : changes) {
    if (!is_known && !is_same(ours.rollouts, change.rollouts)) return refused("they are not those of " + path.string());
    own.push_back(path);
  }
  return own;
}

Json wishes_json(const std::vector<seeder::RolloutWish>& wishes) {
  // Wishes are written and read by the bundle's own code: one form of them.
  return Json::parse(seeder::write_bundle({wishes})).at("rollouts");
}

}  // namespace upswarm::publish
