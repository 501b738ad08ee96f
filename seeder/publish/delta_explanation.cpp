#include "seeder/publish/delta_explanation.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "protocol/package/encode/compress.hpp"

namespace upswarm::publish {
namespace {

using package::Stream;
using How = FileOrigin::How;

constexpr std::size_t kLookedAt = 16 * 1024;  ///< of what is new in a file, to see whether it compresses
constexpr std::size_t kTooShortToTell = 256;
constexpr int kQuickLevel = 3;
constexpr int kQuickWindow = 17;
constexpr double kDense = 0.97;  ///< what compresses to more than that is compressed or encrypted already

const char* name_of(How how) {
  switch (how) {
    case How::kept: return "kept";
    case How::moved: return "moved";
    case How::patched: return "patched";
    case How::text: return "text";
    case How::made_anew: return "made anew";
  }
  return "?";
}

/// Formats of deflate streams.
bool is_named_as_archive(std::string_view path) {
  constexpr auto endings = std::to_array<std::string_view>({".gz",   ".tgz",   ".zip",  ".jar", ".war", ".ear", ".whl",
                                                            ".egg",  ".nupkg", ".vsix", ".apk", ".aar", ".xpi", ".docx",
                                                            ".xlsx", ".pptx",  ".odt",  ".ods", ".odp", ".epub"});
  return std::ranges::any_of(endings, [&](auto ending) { return path.ends_with(ending); });
}

/// A part of a made file that one group makes.
struct Part {
  std::size_t file = 0;     ///< among all made ones
  std::uint64_t begin = 0;  ///< in what the group makes
  std::uint64_t length = 0;
};

/// What the delta tells of a made file beside its origin.
struct Made {
  FileOrigin* origin = nullptr;
  std::uint64_t left = 0;                       ///< that no group has made yet
  std::map<std::uint32_t, std::uint64_t> from;  ///< entry of the base, bytes
  std::string start;                            ///< of what is new, while it is being read
  std::optional<double> density;                ///< to which part of its size that start compresses
  Bytes compared;                               ///< old content of its groups
  bool has_old_version = false;                 ///< the base has a file of its path
  bool is_compared_whole = false;               ///< with all of that
};

class Explainer {
 public:
  /// `base`: none where it is not known.
  Explainer(const package::DeltaReader& delta, const package::Tree* base) : delta_(delta), base_(base) {}

  Result<std::vector<FileOrigin>> run() {
    if (base_ != nullptr) {
      UPSWARM_TRY(const auto told, delta_.tree(*base_));
      list_files(told);
    } else {
      UPSWARM_TRY(const auto made, delta_.made_files());
      list_files(made);
    }
    for (std::size_t i = 0; i < delta_.info().groups.size(); ++i) UPSWARM_CHECK(explain_group(i));
    for (auto& made : made_) finish(made);
    return std::move(origins_);
  }

 private:
  void list_files(const package::ToldTree& told) {
    using Kind = package::ContentSource::Kind;
    for (std::size_t i = 0; i < told.sources.size(); ++i) {
      const auto& entry = told.tree.entries[i];
      if (entry.type != FileType::regular) continue;
      FileOrigin origin;
      origin.path = entry.path;
      origin.size = entry.size;
      const auto& source = told.sources[i];
      if (source.kind == Kind::copied) {
        const auto& old_path = base_->entries[source.from].path;
        origin.how = old_path == entry.path ? How::kept : How::moved;
        origin.copied = entry.size;
        origin.from.emplace_back(old_path, entry.size);
        origins_.push_back(std::move(origin));
      } else {
        list_made(static_cast<std::uint32_t>(i), std::move(origin), source.kind);
      }
    }
    list_in_order();
  }

  void list_files(const std::vector<package::MadeFile>& files) {
    for (const auto& file : files) {
      FileOrigin origin;
      origin.path = file.path;
      origin.old_entry = file.old_entry;
      origin.size = file.size;
      list_made(file.entry, std::move(origin), file.kind);
    }
    list_in_order();
  }

  void list_made(std::uint32_t entry, FileOrigin origin, package::ContentSource::Kind kind) {
    origin.how = kind == package::ContentSource::Kind::prefixed ? How::text : How::made_anew;
    const auto* const opened = delta_.info().opened.find_new(entry);
    origin.made = opened != nullptr ? opened->size : origin.size;
    origin.streams = opened != nullptr ? opened->streams.size() : 0;
    order_.push_back(origins_.size());
    origins_.push_back(std::move(origin));
  }

  /// As the groups make them: those with a prefix first.
  void list_in_order() {
    std::ranges::stable_partition(order_, [&](std::size_t i) { return origins_[i].how == How::text; });
    for (const auto number : order_) {
      Made made;
      made.origin = &origins_[number];
      made.left = made.origin->made.count;
      const auto* const old_version = base_ == nullptr ? nullptr : base_->find(made.origin->path);
      made.has_old_version = made.origin->old_entry || (old_version != nullptr && has_content(*old_version));
      made_.push_back(std::move(made));
    }
  }

  /// What of the made files the next `length` bytes are.
  Result<std::vector<Part>> take_parts(std::uint64_t length) {
    std::vector<Part> parts;
    for (std::uint64_t at = 0; at < length;) {
      while (next_ < made_.size() && made_[next_].left == 0) ++next_;
      if (next_ == made_.size()) return Error{ErrorKind::corrupt, "a delta", "it makes more than its tree holds"};
      const auto count = std::min(length - at, made_[next_].left);
      parts.push_back({next_, at, count});
      made_[next_].left -= count;
      at += count;
    }
    return parts;
  }

  Result<void> explain_group(std::size_t number) {
    const auto& group = delta_.info().groups[number];
    if (base_ != nullptr) {
      UPSWARM_TRY(pieces_, find_old_pieces(group, *base_, delta_.info().opened));
    }
    UPSWARM_TRY(parts_, take_parts(group.new_length.count));
    for (const auto& part : parts_) {
      auto& made = made_[part.file];
      made.compared += group.old_length;
      made.is_compared_whole |= std::any_of(pieces_.begin(), pieces_.end(), [&](const auto& piece) {
        const auto& old = base_->entries[piece.entry];
        const auto* const opened = delta_.info().opened.find_old(piece.entry);
        return old.path == made.origin->path && piece.length == (opened != nullptr ? opened->size : old.size);
      });
    }
    if (group.is_prefixed) {
      share(group.packed_length(), [](const Part& part) { return static_cast<double>(part.length); });
      return {};
    }
    UPSWARM_TRY(const auto copies, delta_.copies(number));
    counts_.assign(parts_.size(), {});
    tell_copies(copies);
    UPSWARM_CHECK(tell_differences(number, copies));
    UPSWARM_CHECK(tell_fresh(number, copies));
    share_streams(group);
    return {};
  }

  struct Counts {
    std::uint64_t copies = 0;
    std::uint64_t copied = 0;
    std::uint64_t differences = 0;
    std::uint64_t fresh = 0;
  };

  /// Calls `use(part's number, begin, length)` for each part of a file in [begin, begin + length).
  template <typename Use>
  void each_part(std::uint64_t begin, std::uint64_t length, Use use) const {
    auto part = std::partition_point(parts_.begin(), parts_.end(),
                                     [&](const Part& one) { return one.begin + one.length <= begin; });
    for (const auto end = begin + length; begin < end; ++part) {
      const auto count = std::min(end, part->begin + part->length) - begin;
      use(static_cast<std::size_t>(part - parts_.begin()), begin, count);
      begin += count;
    }
  }

  void tell_copies(const std::vector<package::CopyOperation>& copies) {
    std::vector<std::uint64_t> starts;
    std::uint64_t sum = 0;
    for (const auto& piece : pieces_) {
      starts.push_back(sum);
      sum += piece.length.count;
    }
    for (const auto& copy : copies) {
      each_part(copy.to, copy.length, [&](std::size_t part, std::uint64_t begin, std::uint64_t length) {
        ++counts_[part].copies;
        counts_[part].copied += length;
        if (base_ == nullptr) return;
        auto& made = made_[parts_[part].file];
        auto from = copy.from + (begin - copy.to);
        while (length > 0) {
          const auto piece =
              static_cast<std::size_t>(std::upper_bound(starts.begin(), starts.end(), from) - starts.begin() - 1);
          const auto count = std::min(length, starts[piece] + pieces_[piece].length.count - from);
          made.from[pieces_[piece].entry] += count;
          from += count;
          length -= count;
        }
      });
    }
  }

  /// Which bytes that are copied are altered: the gaps run over the row of all copies, cut into slices.
  Result<void> tell_differences(std::size_t number, const std::vector<package::CopyOperation>& copies) {
    auto gaps = delta_.stream(number, Stream::gaps);
    const auto next = [&] { return gaps.is_over() ? ~std::uint64_t{0} : gaps.varint(); };
    auto gap = next();
    for (const auto& copy : copies) {
      for (std::uint64_t done = 0; done < copy.length; done += package::kSlice) {
        const auto slice = std::min<std::uint64_t>(package::kSlice, copy.length - done);
        std::uint64_t at = 0;
        while (gap < slice - at) {
          at += gap;
          const auto width = std::min<std::uint64_t>(package::kDifferenceWidth, slice - at);
          each_part(copy.to + done + at, width,
                    [&](std::size_t part, auto, std::uint64_t length) { counts_[part].differences += length; });
          at += width;
          gap = next();
          UPSWARM_CHECK(gaps.check());
        }
        gap -= slice - at;
      }
    }
    return {};
  }

  Result<void> tell_fresh(std::size_t number, const std::vector<package::CopyOperation>& copies) {
    auto extra = delta_.stream(number, Stream::extra);
    ByteBuffer bytes(kLookedAt);
    std::size_t reading = 0;  // part
    std::uint64_t at = 0;
    Result<void> settled;
    const auto tell = [&](std::uint64_t end) -> Result<void> {
      each_part(at, end - at, [&](std::size_t part, auto, std::uint64_t length) {
        if (part != reading && settled) settled = settle(made_[parts_[reading].file]);
        reading = part;
        counts_[part].fresh += length;
        auto& start = made_[parts_[part].file].start;
        for (; length > 0;) {
          const auto some = std::span(bytes).first(std::min<std::uint64_t>(length, bytes.size()));
          extra.read(some);
          start += as_text(some).substr(0, kLookedAt - std::min(kLookedAt, start.size()));
          length -= some.size();
        }
      });
      return settled ? extra.check() : settled;
    };
    for (const auto& copy : copies) {
      UPSWARM_CHECK(tell(copy.to));
      at = std::uint64_t{copy.to} + copy.length;
    }
    UPSWARM_CHECK(tell(delta_.info().groups[number].new_length.count));
    return parts_.empty() ? Result<void>() : settle(made_[parts_[reading].file]);
  }

  /// Sees whether what is new in a file compresses, and lets go of it.
  static Result<void> settle(Made& made) {
    const auto start = std::move(made.start);
    made.start = {};
    if (start.size() < kTooShortToTell) return {};
    UPSWARM_TRY(const auto packed, package::compress_bare(as_bytes(start), kQuickLevel, kQuickWindow));
    made.density = std::min(1.0, static_cast<double>(packed.size()) / static_cast<double>(start.size()));
    return {};
  }

  void share_streams(const package::PatchGroup& group) {
    const auto count_of = [&](const Part& part) -> Counts& {
      return counts_[static_cast<std::size_t>(&part - parts_.data())];
    };
    const auto length_of = [&](std::initializer_list<Stream> streams) {
      Bytes length;
      for (const auto which : streams) length += group.streams.at(static_cast<std::size_t>(which)).length;
      return length;
    };
    const auto of = [&](std::initializer_list<Stream> streams, std::uint64_t Counts::*count) {
      share(length_of(streams), [&](const Part& part) { return static_cast<double>(count_of(part).*count); });
    };
    of({Stream::extra_lengths, Stream::copy_lengths, Stream::seeks}, &Counts::copies);
    of({Stream::tokens, Stream::references}, &Counts::copied);
    of({Stream::gaps, Stream::differences}, &Counts::differences);
    // What does not compress costs what it is; the others share the rest.
    auto rest = length_of({Stream::extra});
    for (const auto& part : parts_) {
      if (!is_dense(made_[part.file])) continue;
      const auto cost = std::min(Bytes{count_of(part).fresh}, rest);
      made_[part.file].origin->cost += cost;
      rest -= cost;
    }
    share(rest, [&](const Part& part) {
      const auto& made = made_[part.file];
      return is_dense(made) ? 0 : static_cast<double>(count_of(part).fresh) * made.density.value_or(1);
    });
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      auto& origin = *made_[parts_[i].file].origin;
      origin.copied += Bytes{counts_[i].copied};
      origin.altered += Bytes{counts_[i].differences};
      origin.fresh += Bytes{counts_[i].fresh};
    }
  }

  static bool is_dense(const Made& made) { return made.density.value_or(0) > kDense; }

  /// Gives each part its share of `length`.
  template <typename Weight>
  void share(Bytes length, Weight weight) {
    double all = 0;
    for (const auto& part : parts_) all += weight(part);
    if (all == 0) return;
    for (const auto& part : parts_) {
      const auto share = static_cast<double>(length.count) * weight(part) / all;
      made_[part.file].origin->cost += Bytes{static_cast<std::uint64_t>(share + 0.5)};
    }
  }

  void finish(Made& made) const {
    auto& origin = *made.origin;
    for (const auto& [entry, bytes] : made.from) origin.from.emplace_back(base_->entries[entry].path, Bytes{bytes});
    std::stable_sort(origin.from.begin(), origin.from.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (origin.how == How::text) return;
    if (origin.copied > Bytes{}) origin.how = How::patched;
    if (origin.copied.count * 2 >= origin.made.count) return;
    const auto where = base_ != nullptr ? "" : " (" + to_string(made.compared) + ")";
    if (made.compared == 0_B) origin.why = "the old tree has nothing to compare it with";
    else if (base_ != nullptr && made.has_old_version && !made.is_compared_whole)
      origin.why =
          "not all of its old version is in the part of the old tree that it was compared with (see diff --memory)";
    else if (is_dense(made) && origin.streams == 0 && is_named_as_archive(origin.path)) explain_closed(origin);
    else if (is_dense(made))
      origin.why = "what is new in it does not compress: compressed or encrypted content, nothing like it is old";
    else if (made.has_old_version)
      origin.why = "little of it is in its old version, or in what else it was compared with" + where;
    else if (base_ == nullptr) origin.why = "little of it is in the old files that it was compared with" + where;
    else origin.why = "it has no old version, and little of it is in the old files that it was compared with";
  }

  static void explain_closed(FileOrigin& origin) {
    origin.is_closed_archive = true;
    origin.why =
        "what is new in it does not compress: compressed or encrypted content; it was not opened, since "
        "neither zlib's nor gzip's deflate makes its streams again, or since that saves nothing";
  }

  const package::DeltaReader& delta_;
  const package::Tree* base_;
  std::vector<FileOrigin> origins_;
  std::vector<std::size_t> order_;  ///< of the made ones in origins_
  std::vector<Made> made_;          ///< in the order in which the groups make them
  std::size_t next_ = 0;            ///< in made_
  // Of the group at hand:
  std::vector<package::OldPiece> pieces_;
  std::vector<Part> parts_;
  std::vector<Counts> counts_;  ///< of each part
};

}  // namespace

Result<std::vector<FileOrigin>> explain_delta(const package::DeltaReader& delta, const package::Tree& base_tree) {
  return Explainer(delta, &base_tree).run();
}

Result<std::vector<FileOrigin>> explain_made_files(const package::DeltaReader& delta) {
  return Explainer(delta, nullptr).run();
}

void describe_origins(const std::vector<FileOrigin>& origins, bool has_base, Json& to) {
  constexpr std::size_t most_sources = 8;
  Json ways = Json::object();
  for (const auto how : {How::patched, How::text, How::made_anew, How::kept, How::moved}) {
    if (how == How::kept && !has_base) break;
    ways[name_of(how)] = {{"files", 0}, {"size", 0}, {"cost", 0}};
  }
  Json files = Json::array();
  for (const auto& origin : origins) {
    auto& way = ways[name_of(origin.how)];
    way["files"] = way["files"].get<std::uint64_t>() + 1;
    way["size"] = way["size"].get<std::uint64_t>() + origin.size.count;
    way["cost"] = way["cost"].get<std::uint64_t>() + origin.cost.count;
    if (origin.how == How::kept) continue;
    Json file{{"how", name_of(origin.how)}, {"size", origin.size.count}, {"cost", origin.cost.count}};
    if (origin.path.empty()) file["old_entry"] = *origin.old_entry;
    else file["path"] = origin.path;
    if (origin.how == How::patched || origin.how == How::made_anew) {
      file["copied"] = origin.copied.count;
      file["altered"] = origin.altered.count;
      file["new"] = origin.fresh.count;
    }
    for (std::size_t i = 0; i < origin.from.size() && i < most_sources; ++i)
      file["from"].push_back({{"path", origin.from[i].first}, {"bytes", origin.from[i].second.count}});
    if (origin.streams > 0) file["opened"] = {{"streams", origin.streams}, {"size", origin.made.count}};
    if (!origin.why.empty()) file["why"] = origin.why;
    files.push_back(std::move(file));
  }
  to["ways"] = std::move(ways);
  to["files"] = std::move(files);
}

namespace {

std::string name_of(const Json& file) {
  if (file.contains("path")) return file.at("path").get<std::string>();
  return "entry " + std::to_string(file.at("old_entry").get<std::uint64_t>()) + " of the old release (--base names it)";
}

}  // namespace

std::string origins_text(const Json& described) {
  std::vector<const Json*> files;
  for (const auto& file : described) files.push_back(&file);
  std::stable_sort(files.begin(), files.end(), [](const Json* a, const Json* b) {
    return a->at("cost").get<std::uint64_t>() > b->at("cost").get<std::uint64_t>();
  });
  std::string text;
  for (const auto* file : files) {
    const auto bytes = [&](const char* key) { return to_string(Bytes{file->at(key).get<std::uint64_t>()}); };
    text += name_of(*file) + "\n    " + file->at("how").get<std::string>() + ", " + bytes("size") + ", costs about " +
            bytes("cost");
    if (file->contains("copied"))
      text += "; copied " + bytes("copied") + " (altered " + bytes("altered") + "), new " + bytes("new");
    if (file->contains("opened")) {
      text += "; opened, " + std::to_string(file->at("opened").at("streams").get<std::uint64_t>()) + " streams, " +
              to_string(Bytes{file->at("opened").at("size").get<std::uint64_t>()});
    }
    if (file->contains("from")) {
      text += "; from " + file->at("from").front().at("path").get<std::string>();
      if (const auto more = file->at("from").size() - 1; more > 0) text += " and " + std::to_string(more) + " more";
    }
    if (file->contains("why")) text += "\n    why: " + file->at("why").get<std::string>();
    text += "\n";
  }
  return text;
}

}  // namespace upswarm::publish
