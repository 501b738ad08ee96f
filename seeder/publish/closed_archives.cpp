#include "seeder/publish/closed_archives.hpp"

#include <algorithm>
#include <numeric>

#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/encode/opening.hpp"
#include "protocol/package/encode/recipe_search.hpp"

namespace upswarm::publish {
namespace {

Result<std::string> look_into(ByteView file) {
  const auto streams = package::find_streams(file, package::kLargestOpenedFile);
  if (streams.empty()) return std::string("no deflate stream of a zip or gzip file is found in its old version");
  std::vector<std::size_t> all(streams.size());
  std::iota(all.begin(), all.end(), 0U);
  UPSWARM_TRY(const auto recipes, package::find_recipes(file, streams, all, 1, [] { return Result<void>(); }));
  const auto known = std::ranges::count_if(recipes, [](const auto& one) { return one.has_value(); });
  if (known == 0) return std::string("neither zlib's nor gzip's deflate makes the streams of its old version again");
  return std::to_string(known) + " of " + std::to_string(streams.size()) +
         " streams of its old version can be made again: opening it saves nothing, unless another program made the new "
         "one";
}

}  // namespace

Result<void> explain_closed_archives(Files& files, const Path& base, std::vector<FileOrigin>& origins) {
  for (auto& origin : origins) {
    if (!origin.is_closed_archive) continue;
    const auto path = package::place_of(base, origin.path);
    const auto info = files.info(path);
    if (!info && info.error().kind == ErrorKind::not_found) continue;
    if (!info) return Error(info.error());
    if (info->type != FileType::regular || info->size > package::kLargestOpenedFile) continue;
    UPSWARM_TRY(const auto in, files.open(path));
    UPSWARM_TRY(const auto bytes, package::read_exactly(*in, {}, info->size, origin.path));
    UPSWARM_TRY(const auto found, look_into(as_bytes(bytes)));
    origin.why = "what is new in it does not compress; it was not opened: " + found;
  }
  return {};
}

}  // namespace upswarm::publish
