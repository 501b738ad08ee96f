// The one way in which anything here fails.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace upswarm {

/// What the caller should do about a failure. Callers branch on this alone.
enum class ErrorKind {
  unreachable,  ///< the other side did not answer: try again later, or elsewhere
  not_found,    ///< what was asked for is not there
  invalid,      ///< the caller, a person or a configuration asked for something that has no meaning
  corrupt,      ///< bytes do not have the form or digest they must have: fetch them again elsewhere
  untrusted,    ///< well formed, but not signed, too old, expired or not meant for us: refuse and report
  no_space,     ///< the disk is full: free some, nothing was changed
  disk,         ///< the file system failed
  denied,       ///< the operating system or a policy does not allow it
  busy,         ///< somebody else holds it: try again soon
  cancelled,    ///< the caller asked to stop
  internal,     ///< a defect, or a library that failed without a reason
};

std::string_view to_string(ErrorKind kind);

/// One failure. `context` says what was being done to what, `cause` what the system said.
/// `reason` is a stable word for machines and tests (for example "rollback", "expired", "below_floor"); may be empty.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string context;
  std::string cause;
  std::string reason = {};

  /// "context: cause", fit for a log line or a terminal.
  std::string message() const;

  /// The same failure seen from one step further out: "outer: context".
  Error within(std::string_view outer) &&;
};

/// Success with a T, or an Error. Reads like std::expected<T, Error>.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T value_or(T otherwise) && { return has_value() ? std::move(value()) : std::move(otherwise); }

  const Error& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }

  const Error& error() const& {
    assert(error_);
    return *error_;
  }
  Error&& error() && {
    assert(error_);
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

/// For a failure that the caller knowingly lives without; `why` is for the reader.
template <typename T>
void ignore_failure(const Result<T>& /*result*/, [[maybe_unused]] const char* why) {}

}  // namespace upswarm

#define UPSWARM_JOIN_2(a, b) a##b
#define UPSWARM_JOIN(a, b) UPSWARM_JOIN_2(a, b)

/// UPSWARM_TRY(auto x, f()): x is the value of f(), or the function returns its error.
#define UPSWARM_TRY(declaration, expression) \
  UPSWARM_TRY_IMPL(UPSWARM_JOIN(upswarm_result_, __LINE__), declaration, expression)
#define UPSWARM_TRY_IMPL(name, declaration, expression) \
  auto name = (expression);                             \
  if (!name) return std::move(name).error();            \
  declaration = *std::move(name)

/// UPSWARM_CHECK(f()): goes on if f() succeeded, else the function returns its error.
#define UPSWARM_CHECK(expression) UPSWARM_CHECK_IMPL(UPSWARM_JOIN(upswarm_result_, __LINE__), expression)
#define UPSWARM_CHECK_IMPL(name, expression)                             \
  do {                                                                   \
    if (auto name = (expression); !name) return std::move(name).error(); \
  } while (false)
