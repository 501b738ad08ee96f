#include "protocol/package/decode/package_reader.hpp"

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/unpacking.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

constexpr const char* kWhat = "a full package";

Error corrupt(std::string why) { return corrupt_package(kWhat, std::move(why)); }

struct IndexArea {
  std::string bytes;  ///< decompressed
  Bytes length;       ///< in the file, header included
  Sha256 digest;      ///< of that
};

/// What the index is packed in is gone when it returns.
Result<IndexArea> read_index(InputFile& file, Bytes file_size, const Sha256* wanted) {
  UPSWARM_TRY(const auto header, read_header(file, kPackageHeader, kPackageMagic, kPackageVersion, kWhat));
  ByteReader in(std::string_view(header).substr(kCommonHeader));
  const Bytes compressed{in.u64()};
  const Bytes size{in.u64()};
  if (size > kLongestPackageIndex || compressed > kLongestPackageIndex || file_size < Bytes{kPackageHeader} ||
      compressed > file_size - Bytes{kPackageHeader})
    return corrupt("its index has an impossible length");
  UPSWARM_TRY(const auto packed, read_exactly(file, Bytes{kPackageHeader}, compressed, kWhat));
  Sha256Hasher hasher;
  hasher.update(as_bytes(header));
  hasher.update(as_bytes(packed));
  IndexArea area{.bytes = {}, .length = Bytes{kPackageHeader} + compressed, .digest = hasher.finish()};
  // Before anything is decompressed: what follows may trust the index as far as its signer.
  if (wanted != nullptr && *wanted != area.digest) return corrupt("its index is not the signed one");
  UPSWARM_TRY(area.bytes, decompress(as_bytes(packed), size, "the index of a package"));
  return area;
}

}  // namespace

struct PackageReader::State {
  std::unique_ptr<InputFile> file;
  PackageIndex index;
  Bytes index_length;
  Sha256 index_digest;
};

PackageReader::PackageReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
PackageReader::PackageReader(PackageReader&&) noexcept = default;
PackageReader& PackageReader::operator=(PackageReader&&) noexcept = default;
PackageReader::~PackageReader() = default;

const PackageIndex& PackageReader::index() const { return state_->index; }
Bytes PackageReader::index_length() const { return state_->index_length; }
Sha256 PackageReader::index_digest() const { return state_->index_digest; }

Result<PackageReader> PackageReader::open(std::unique_ptr<InputFile> file, const Sha256* index_digest,
                                          std::optional<Bytes> length) {
  auto state = std::make_unique<State>();
  UPSWARM_TRY(const auto info, file->info());
  const auto whole = length.value_or(info.size);
  UPSWARM_TRY(const auto area, read_index(*file, info.size, index_digest));
  state->index_length = area.length;
  state->index_digest = area.digest;
  UPSWARM_TRY(state->index, decode_package_index(area.bytes, area.length, whole));
  state->file = std::move(file);
  return PackageReader(std::move(state));
}

Result<void> PackageReader::unpack(Files& files, const Path& to, const ProgressSink& progress, std::stop_token stop,
                                   const OutputOptions& options) {
  return Unpacking(files, *state_->file, state_->index, to).run(progress, stop, options);
}

Result<void> PackageReader::unpack(Files& files, const Path& to, const SparsePlan& plan, const LocalChunks& local,
                                   const ProgressSink& progress, std::stop_token stop, const OutputOptions& options) {
  Unpacking unpacking(files, *state_->file, state_->index, to);
  unpacking.take_from(plan, local);
  return unpacking.run(progress, stop, options);
}

}  // namespace upswarm::package
