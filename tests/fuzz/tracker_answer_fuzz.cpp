// What a tracker answers an agent.
#include "agent/announcer.hpp"
#include "agent/bencode.hpp"
#include "protocol/messages/announce.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = upswarm::agent::parse_announce_answer(bytes);
  const auto seeds = upswarm::agent::parse_scrape_answer(bytes);
  const auto value = upswarm::agent::parse_bencode(bytes, "fuzz");
  upswarm::fuzz::must(!seeds || (value.has_value() && seeds->size() <= upswarm::messages::kMostScraped));
  upswarm::fuzz::must(!answer || (value.has_value() && value->dictionary() != nullptr));
  return 0;
}
