// What anybody on the LAN sends into the group of local service discovery.
#include "agent/local_announce.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm::agent;
  const auto read = read_local_announce({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  upswarm::fuzz::must(read->port != 0 && !read->ids.empty() && size <= kLongestLocalAnnounce);
  const auto again = read_local_announce(write_local_announce(*read, kLocalGroup));
  upswarm::fuzz::must(!again || *again == *read);
  return 0;
}
