#include "protocol/base/result.hpp"

namespace upswarm {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::unreachable: return "unreachable";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::corrupt: return "corrupt";
    case ErrorKind::untrusted: return "untrusted";
    case ErrorKind::no_space: return "no_space";
    case ErrorKind::disk: return "disk";
    case ErrorKind::denied: return "denied";
    case ErrorKind::busy: return "busy";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::internal: return "internal";
  }
  return "internal";
}

std::string Error::message() const {
  if (cause.empty()) return context;
  return context + ": " + cause;
}

Error Error::within(std::string_view outer) && {
  context = std::string(outer) + ": " + context;
  return std::move(*this);
}

}  // namespace upswarm
