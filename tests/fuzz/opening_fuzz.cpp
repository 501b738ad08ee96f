// Archives that nobody made, for the maker of a delta; and what a delta tells of opened files, for whoever applies it.
#include "protocol/package/decode/file_closing.hpp"
#include "protocol/package/decode/opened_base.hpp"
#include "protocol/package/encode/archive.hpp"
#include "protocol/package/encode/opening.hpp"
#include "tests/fuzz/support.hpp"

namespace {

using namespace upswarm;

constexpr Bytes kMost = 1_MiB;

void find(std::string_view file) {
  const auto found = package::find_streams(as_bytes(file), kMost);
  std::vector<Bytes> gaps;
  std::size_t end = 0;
  Bytes sum;
  for (const auto& stream : found) {
    fuzz::must(stream.begin >= end && stream.length <= file.size() - stream.begin);
    gaps.push_back(Bytes{stream.begin - end});
    end = stream.begin + stream.length;
    sum += Bytes{stream.content.size()};
  }
  fuzz::must(sum <= kMost);
  // What the maker sees and what the applier makes of it are the same.
  if (found.empty()) return;
  std::string seen;
  for (const auto& part : package::open_parts("", as_bytes(file), found, gaps)) seen += as_text(part.bytes);
  std::string made;
  fuzz::MemoryFile in(file);
  const auto opened = package::open_file(in, {0, Bytes{seen.size()}, gaps}, [&](ByteView bytes) -> Result<void> {
    made += as_text(bytes);
    return {};
  });
  fuzz::must(opened && made == seen);
}

void read(std::string_view bytes) {
  package::ByteReader in(bytes);
  std::size_t parts = 1000;
  const auto told = package::decode_opened(in, parts);
  if (!told) return;
  const auto content = bytes.substr(bytes.size() - in.left());
  const package::TreeEntry entry{"file", FileType::regular, 0644, Bytes{content.size()}, {}, ""};
  const package::Tree base{{entry}};
  const package::ToldTree made{base, {{package::ContentSource::Kind::patched, 0, {}}}};
  if (!package::check_opened(*told, base, made)) return;
  for (const auto& file : told->old_files) {
    Bytes sum;
    fuzz::MemoryFile closed(content);
    const auto opened = package::open_file(closed, file, [&](ByteView part) -> Result<void> {
      sum += Bytes{part.size()};
      return {};
    });
    fuzz::must(sum <= file.size && (!opened || sum == file.size));
  }
  for (const auto& file : told->new_files) {
    Bytes sum;
    package::FileClosing closing(file, entry.size, [&](ByteView part) -> Result<void> {
      sum += Bytes{part.size()};
      return {};
    });
    auto left = std::min(file.size, kMost);
    bool is_good = true;
    for (; is_good && left > Bytes{} && !content.empty();) {
      const auto part = content.substr(0, left.count);
      is_good = closing.write(as_bytes(part)).has_value();
      left -= Bytes{part.size()};
    }
    is_good = is_good && closing.finish();
    fuzz::must(sum <= entry.size && (!is_good || sum == entry.size));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  if (bytes.front() == 'o') read(bytes.substr(1));
  else find(bytes);
  return 0;
}
