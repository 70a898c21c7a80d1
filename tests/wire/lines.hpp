// The smallest protocol imaginable, and the example of common/wire/connection.hpp: lines of text, each ended by LF;
// "bye" says goodbye. Client and server are the same.
#pragma once
#include "wire/connection.hpp"

namespace lines {

// region events
struct Line {
  std::string text;
};
struct Failed {
  wire::Error error;
};
using Event = std::variant<Line, Failed>;
// endregion

class Connection : public wire::ConnectionBase<Connection, Event> {
 public:
  static constexpr std::size_t max_line = 4096;  // a peer that never ends its line must not fill our memory

  // With `ping_every`, says "ping" when the peer was silent for so long.
  explicit Connection(std::optional<wire::Clock::duration> ping_every = {}) : ping_every_(ping_every) {}

  // region send
  void send(std::string_view text) {
    if (closed()) throw wire::UsageError("send after close");
    write_frame("line", [&](wire::Writer& out) { out.text(text), out.u8('\n'); }, decode);
  }
  // endregion

  // region step
  bool step(wire::Time now) {
    const auto newline = wire::as_text(input()).find('\n', searched_);
    const bool whole = newline != std::string_view::npos;
    searched_ = whole ? 0 : input().size();  // no quadratic rescans
    if ((whole ? newline : searched_) > max_line) return fail({wire::Errc::too_large, "line", 0}), false;
    if (!whole) return false;
    std::string text = read_frame("line", newline + 1, decode);
    if (ping_every_) next_ping_ = now + *ping_every_;
    if (text == "bye") hang_up();
    else emit(Line{std::move(text)});
    return true;
  }
  // endregion
  // region fail
  void fail(wire::Error error) {
    send("error: " + error.detail);
    emit(Failed{std::move(error)});
    hang_up();
  }
  // endregion

  // region time
  std::optional<wire::Time> next_timeout() const { return next_ping_; }
  void handle_timeout(wire::Time now) {
    if (!next_ping_ || now < *next_ping_ || closed()) return;
    send("ping");
    next_ping_ = now + *ping_every_;
  }
  // endregion
  void close(wire::Time) {
    if (closed()) return;
    send("bye");
    hang_up();
  }

 private:
  // region decode
  static std::string decode(wire::Reader& in) { return std::string(in.until("line", "\n")); }
  // endregion

  std::size_t searched_ = 0;
  std::optional<wire::Clock::duration> ping_every_;
  std::optional<wire::Time> next_ping_;
};
static_assert(wire::StreamConnection<Connection>);

}  // namespace lines
