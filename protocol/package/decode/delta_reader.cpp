#include "protocol/package/decode/delta_reader.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

constexpr const char* kWhat = "a delta";
constexpr Bytes kLongestPlan = 512_MiB;
constexpr std::size_t kMostFilters = 16;
constexpr std::size_t kReadBuffer = 256 * 1024;

Error corrupt(std::string why) { return corrupt_package(kWhat, std::move(why)); }
Error wrong_base(std::string why) { return {ErrorKind::corrupt, "apply a delta", std::move(why), "wrong_base"}; }

struct Operation {
  DeltaOperation kind = DeltaOperation::add;
  std::string base;  ///< for copy and patch: a path of the old tree
  Bytes offset;      ///< for patch and add: of the compressed bytes in the file
  Bytes length;
  Sha256 sha256;
};

Result<void> read_filters(ByteReader& in) {
  const auto count = in.u32();
  if (count > kMostFilters) return corrupt("it names too many filters");
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = in.text(64);
    if (in.good() && name != kPatchFilter) {
      return Error{ErrorKind::invalid, kWhat,
                   "its filter \"" + std::string(name) + "\" is not known to this program; update Upswarm first"};
    }
  }
  return {};
}

Result<Operation> read_operation(ByteReader& in, Bytes& at, Bytes file_size) {
  Operation operation;
  const auto kind = in.u8();
  if (kind < 1 || kind > 3) return corrupt("operation " + std::to_string(kind) + " is not known");
  operation.kind = static_cast<DeltaOperation>(kind);
  if (operation.kind != DeltaOperation::add) operation.base = std::string(in.text(kLongestTreePath));
  if (operation.kind == DeltaOperation::copy) return operation;
  operation.offset = at;
  operation.length = Bytes{in.u64()};
  operation.sha256 = in.digest();
  if (operation.length > file_size - at) return corrupt("an operation lies outside the file");
  at += operation.length;
  return operation;
}

Result<void> check_blob(InputFile& file, const Operation& operation) {
  ByteBuffer buffer(kReadBuffer);
  Sha256Hasher hasher;
  for (Bytes at; at < operation.length;) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), (operation.length - at).count);
    UPSWARM_TRY(const auto count, file.read_at(operation.offset + at, std::span(buffer).first(wanted)));
    if (count == 0) return corrupt("it is cut off");
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
  if (hasher.finish() != operation.sha256) return corrupt("one of its parts was altered");
  return {};
}

}  // namespace

struct DeltaReader::State {
  std::unique_ptr<InputFile> file;
  DeltaInfo info;
  std::vector<Operation> operations;  ///< one for each entry of the tree; meaningless but for regular files

  Result<void> read_plan(std::string_view bytes, Bytes first, Bytes file_size);
  Result<void> check_bases(const Tree& base_tree) const;
  Result<void> write_file(Files& files, const Path& base, const Tree& base_tree, const Path& to, std::size_t number);
  Result<void> copy(Files& files, const Path& base, const Operation& operation, FileOutput& out);
  Result<void> patch(Files& files, const Path& base, const Tree& base_tree, const Operation& operation,
                     const TreeEntry& entry, FileOutput& out);
};

DeltaReader::DeltaReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeltaReader::DeltaReader(DeltaReader&&) noexcept = default;
DeltaReader& DeltaReader::operator=(DeltaReader&&) noexcept = default;
DeltaReader::~DeltaReader() = default;

const DeltaInfo& DeltaReader::info() const { return state_->info; }

Result<DeltaReader> DeltaReader::open(std::unique_ptr<InputFile> file) {
  auto state = std::make_unique<State>();
  UPSWARM_TRY(const auto file_info, file->info());
  UPSWARM_TRY(const auto header, read_header(*file, kDeltaHeader, kDeltaMagic, kDeltaVersion, kWhat));
  ByteReader in(std::string_view(header).substr(kCommonHeader));
  state->info.from_content = in.digest();
  state->info.to_content = in.digest();
  const Bytes compressed{in.u64()};
  const Bytes size{in.u64()};
  if (size > kLongestPlan || compressed > kLongestPlan || compressed > file_info.size - Bytes{kDeltaHeader})
    return corrupt("its plan has an impossible length");
  UPSWARM_TRY(const auto packed, read_exactly(*file, Bytes{kDeltaHeader}, compressed, kWhat));
  UPSWARM_TRY(const auto bytes, decompress(as_bytes(packed), size, "the plan of a delta"));
  UPSWARM_CHECK(state->read_plan(bytes, Bytes{kDeltaHeader} + compressed, file_info.size));
  state->file = std::move(file);
  return DeltaReader(std::move(state));
}

Result<void> DeltaReader::State::read_plan(std::string_view bytes, Bytes first, Bytes file_size) {
  ByteReader in(bytes);
  UPSWARM_CHECK(read_filters(in));
  const auto tree_bytes = in.raw(in.u64());
  UPSWARM_TRY(info.to_tree, decode_tree(tree_bytes, "the tree of a delta"));
  if (sha256(tree_bytes) != info.to_content) return corrupt("its tree does not have the digest that it names");
  auto at = first;
  operations.resize(info.to_tree.entries.size());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (info.to_tree.entries[i].type != FileType::regular) continue;
    UPSWARM_TRY(operations[i], read_operation(in, at, file_size));
    switch (operations[i].kind) {
      case DeltaOperation::copy: ++info.files_copied; break;
      case DeltaOperation::patch: ++info.files_patched; break;
      case DeltaOperation::add: ++info.files_added; break;
    }
  }
  if (!in.is_at_end()) return corrupt("its plan is cut off, or longer than it says");
  if (at != file_size) return corrupt("its length is not what the plan says");
  return {};
}

Result<void> DeltaReader::State::check_bases(const Tree& base_tree) const {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto& entry = info.to_tree.entries[i];
    if (entry.type != FileType::regular || operations[i].kind == DeltaOperation::add) continue;
    const auto* const base = base_tree.find(operations[i].base);
    if (base == nullptr || base->type != FileType::regular)
      return corrupt("it starts from a file that the base does not have");
    if (operations[i].kind == DeltaOperation::copy && base->digest != entry.digest)
      return corrupt("it copies a file with another content");
    if (operations[i].kind == DeltaOperation::patch && (base->size > kLargestPatched || entry.size > kLargestPatched)) {
      return corrupt("it patches a file larger than " + to_string(kLargestPatched));
    }
  }
  return {};
}

Result<void> DeltaReader::apply(Files& files, const Path& base, const Tree& base_tree, const Path& to,
                                const ProgressSink& progress, std::stop_token stop) {
  if (content_digest(base_tree) != state_->info.from_content)
    return wrong_base("it starts from another release than this one");
  UPSWARM_CHECK(state_->check_bases(base_tree));
  const auto& tree = state_->info.to_tree;
  UPSWARM_CHECK(make_skeleton(files, to, tree));
  const auto total = tree.total_size();
  Bytes done;
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    if (tree.entries[i].type != FileType::regular) continue;
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "apply a delta", "stopped"};
    UPSWARM_CHECK(state_->write_file(files, base, base_tree, to, i));
    done += tree.entries[i].size;
    if (progress) progress({"applying", done, total});
  }
  return sync_folders(files, to, tree);
}

Result<void> DeltaReader::State::write_file(Files& files, const Path& base, const Tree& base_tree, const Path& to,
                                            std::size_t number) {
  const auto& entry = info.to_tree.entries[number];
  const auto& operation = operations[number];
  UPSWARM_TRY(auto out, FileOutput::create(files, to, entry));
  switch (operation.kind) {
    case DeltaOperation::copy: UPSWARM_CHECK(copy(files, base, operation, out)); break;
    case DeltaOperation::patch: UPSWARM_CHECK(patch(files, base, base_tree, operation, entry, out)); break;
    case DeltaOperation::add:
      UPSWARM_CHECK(check_blob(*file, operation));
      UPSWARM_CHECK(decompress_stream(
          *file, operation.offset, operation.length, entry.size, {}, [&out](ByteView part) { return out.write(part); },
          entry.path));
      break;
  }
  auto finished = out.finish();
  // A copy is wrong only when the file it was made from is.
  if (!finished && operation.kind == DeltaOperation::copy && finished.error().kind == ErrorKind::corrupt) {
    return wrong_base("the installed file " + operation.base + " was altered");
  }
  return finished;
}

Result<void> DeltaReader::State::copy(Files& files, const Path& base, const Operation& operation, FileOutput& out) {
  UPSWARM_TRY(const auto from, files.open(place_of(base, operation.base)));
  ByteBuffer buffer(kReadBuffer);
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, from->read_at(at, buffer));
    if (count == 0) return {};
    auto written = out.write(ByteView(buffer).first(count));
    if (!written && written.error().kind == ErrorKind::corrupt)
      return wrong_base("the installed file " + operation.base + " was altered");
    UPSWARM_CHECK(std::move(written));
    at += Bytes{count};
  }
}

Result<void> DeltaReader::State::patch(Files& files, const Path& base, const Tree& base_tree,
                                       const Operation& operation, const TreeEntry& entry, FileOutput& out) {
  const auto old_bytes = read_file(files, place_of(base, operation.base), kLargestPatched);
  if (!old_bytes) return old_bytes.error();
  if (sha256(*old_bytes) != base_tree.find(operation.base)->digest)
    return wrong_base("the installed file " + operation.base + " was altered");
  UPSWARM_CHECK(check_blob(*file, operation));
  return decompress_stream(
      *file, operation.offset, operation.length, entry.size, as_bytes(*old_bytes),
      [&out](ByteView part) { return out.write(part); }, entry.path);
}

}  // namespace upswarm::package
