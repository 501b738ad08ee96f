#include "installer/proc_file.hpp"

#include <array>

namespace upswarm::installer {

Result<std::string> read_proc_file(Files& files, const Path& path, Bytes longest) {
  UPSWARM_TRY(const auto file, files.open(path));
  std::string text;
  std::array<std::byte, 16 * 1024> buffer{};
  for (;;) {
    UPSWARM_TRY(const auto count, file->read_at(Bytes{text.size()}, buffer));
    if (count == 0) return text;
    if (text.size() + count > longest.count)
      return Error{ErrorKind::corrupt, "read " + path.string(), "longer than " + to_string(longest), "too_long"};
    text.append(reinterpret_cast<const char*>(buffer.data()), count);  // NOLINT: bytes are text here
  }
}

}  // namespace upswarm::installer
