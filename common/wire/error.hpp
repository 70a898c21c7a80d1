// What can go wrong while speaking a protocol, in one small type.
//
// Three kinds of failure, never mixed. The peer broke the rules: an Error, as a value. Our own program misused an
// object: UsageError, thrown. The socket failed: asio::error_code, and only the files that know sockets see it.
#pragma once
#include <cstdint>
#include <expected>
#include <stdexcept>
#include <string>
#include <utility>

namespace wire {

// region error
enum class Errc {
  truncated,    // the input ended inside a field
  malformed,    // the bytes break the grammar
  unexpected,   // well formed, but not allowed in this state
  unsupported,  // legal, but this implementation stops here (the chapter says so)
  too_large,    // over a limit that we set
  timeout,      // the peer stayed silent too long
};

constexpr const char* name(Errc code) {
  constexpr const char* names[] = {"truncated", "malformed", "unexpected", "unsupported", "too large", "timeout"};
  return names[static_cast<int>(code)];
}

struct Error {
  Errc code{};
  std::string detail;         // for a person: "Keep Alive needs 2 bytes, 1 left, at byte 10"
  std::uint32_t wire_code{};  // the protocol's own number, where it has one to send: 400, 1002, 0x81 ...
};
// endregion

// "malformed: Keep Alive needs ..."
inline std::string to_string(const Error& error) { return std::string(name(error.code)) + ": " + error.detail; }

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> failure(Errc code, std::string detail, std::uint32_t wire_code = 0) {
  return std::unexpected(Error{code, std::move(detail), wire_code});
}

// Our own program misused an object, for example by sending on a closed connection: a bug, never the peer's doing.
struct UsageError : std::logic_error {
  using std::logic_error::logic_error;
};

}  // namespace wire
