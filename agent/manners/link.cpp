#include "agent/manners/link.hpp"

#include "protocol/base/log.hpp"

namespace upswarm::agent {

std::string_view name_of(Link link) {
  switch (link) {
    case Link::slow: return "slow";
    case Link::metered: return "metered";
    default: return "normal";
  }
}

LinkWord LinkWatch::look() {
  if (set_) return {*set_, "set by the administrator"};
  auto word = ask_();
  if (!word && was_answered_) {
    log::debug("whether the line is metered is not known", {{"why", word.error().message()}});
  }
  was_answered_ = word.has_value();
  return std::move(word).value_or({});
}

}  // namespace upswarm::agent
