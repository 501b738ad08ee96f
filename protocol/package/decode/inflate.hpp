// Taking deflate streams apart (RFC 1951).
#pragma once

#include <memory>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// One stream after the other, each in parts. Memory: 48 KiB. Not for use by two threads at once.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool is_end = false;  ///< of the stream: what was not consumed lies behind it
  };

  /// Forgets the stream; the next one begins.
  void start();
  /// Takes what it can of `in` and fills what it can of `out`. Nothing of either: it needs more of one.
  /// Errors: corrupt  that is no deflate stream; internal.
  Result<Step> step(ByteView in, std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
