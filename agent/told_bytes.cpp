#include "agent/told_bytes.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

void move_told(BytesBySource& bytes, const BytesBySource& told) {
  const auto take = [&](Bytes& from, Bytes most) {
    const auto part = std::min(from, most);
    from -= part;
    return part;
  };
  bytes.disk += take(bytes.site, told.site) + take(bytes.other, told.other) + take(bytes.origin_bt, told.origin_bt) +
                take(bytes.origin_http, told.origin_http);
  take(bytes.wasted, told.wasted);
}

BytesBySource difference(BytesBySource all, const BytesBySource& part) {
  all.disk -= part.disk;
  all.site -= part.site;
  all.other -= part.other;
  all.origin_bt -= part.origin_bt;
  all.origin_http -= part.origin_http;
  all.wasted -= part.wasted;
  return all;
}

}  // namespace

void ToldBytes::take(const Sha256& package, Downloaded& file) {
  fetched_[package] = difference(file.by_source, file.of_parts);
  if (const auto told = told_.find(package); told != told_.end()) move_told(file.by_source, told->second);
}

}  // namespace upswarm::agent
