// What kind of line the machine has: whether what goes over it is paid for by the byte, and who says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace upswarm::agent {

/// Slow is what nobody but the administrator says, or the agent found (line_rate.hpp): there as on a metered one few
/// bytes should be fetched, and that is all.
enum class Link { normal, slow, metered };

std::string_view name_of(Link link);

struct LinkWord {
  Link link = Link::normal;
  std::string by = {};  ///< for people: "NetworkManager says so"; empty: nobody says anything
};

/// The administrator has the last word; without it the system is asked.
class LinkWatch {
 public:
  using Ask = std::function<Result<LinkWord>()>;

  /// `set`: the administrator's word; with it nobody is asked.
  LinkWatch(std::optional<Link> set, Ask ask) : set_(set), ask_(std::move(ask)) {}

  /// What holds just now. Asks each time, and takes as long as that does. An error is as if nobody said anything; the
  /// first of several in a row is logged, at debug. One thread at a time.
  LinkWord look();

 private:
  std::optional<Link> set_;
  Ask ask_;
  bool was_answered_ = true;
};

}  // namespace upswarm::agent
