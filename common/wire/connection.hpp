// The shape that every protocol in this project has. Bytes and time go in; events and bytes come out. Nothing here
// reads a socket or a clock: that is what makes a protocol testable at every byte and at any hour.
//
// To write a new protocol over a byte stream, write a class of this form; ConnectionBase below brings the plumbing.
//
//     struct Pinged { std::uint32_t id; };                            1. what can happen, as plain structs:
//     struct Failed { wire::Error error; };                              the events
//     using Event = std::variant<Pinged, Failed>;
//
//     class Connection : public wire::ConnectionBase<Connection, Event> {
//      public:
//       void ping(std::uint32_t id);                                  2. what we can say: the verbs. They append
//                                                                        to the output at once, or throw
//                                                                        UsageError where that makes no sense
//       bool step(wire::Time now);                                    3. what the peer's bytes mean: look at
//                                                                        input(); no whole frame yet? return false.
//                                                                        Else read_frame(), act, emit(), return true
//       void fail(wire::Error error);                                 4. the peer broke a rule: answer as the
//                                                                        protocol demands, emit(Failed), hang_up()
//       std::optional<wire::Time> next_timeout() const;               5. if time matters: when to be called again,
//       void handle_timeout(wire::Time now);                             and what happens then
//       void close(wire::Time now);                                   6. how to say goodbye politely
//     };
//
// The rules that make it work everywhere:
//   - Frame first, decode second. step() finds out from the length (or the delimiter) whether one whole frame is
//     there. A decoder then sees exactly one frame: "too short" inside it means malformed, never "wait for more".
//   - receive() only stores. poll() decodes, one frame at a time, and only while nobody has taken the last event: who
//     stops polling stops the protocol, and that is all there is to back-pressure.
//   - The output is taken away whole, by take_output(). What a verb appends during a write waits for the next one.
//   - close() starts the goodbye; hang_up() ends it. From then on closed() is true: nothing further will be read, and
//     whoever drives the machine writes what is left and hangs up.
//   - At a protocol switch (Upgrade, STARTTLS) unread() holds the bytes that belong to what follows.
#pragma once
#include "wire/bytes.hpp"

#include <array>
#include <compare>
#include <concepts>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace wire {

// region concept
// What the drivers and the tests ask of any protocol over a byte stream.
template <class C>
concept StreamConnection = requires(C c, const C k, Bytes in, Time now, Observer* observer) {
  typename C::Event;                                                  // a std::variant of plain structs
  c.receive(in, now);                                                 // bytes that the peer sent
  c.receive_eof(now);                                                 // the peer will send no more
  { c.poll(now) } -> std::same_as<std::optional<typename C::Event>>;  // what has happened, oldest first
  { c.take_output() } -> std::same_as<Buffer>;                        // what must be written; now yours
  { k.output_size() } -> std::same_as<std::size_t>;                   // how much that is
  { k.next_timeout() } -> std::same_as<std::optional<Time>>;          // call handle_timeout() then
  c.handle_timeout(now);                                              // early or repeated calls do nothing
  c.close(now);                                                       // say goodbye; again does nothing
  { k.closed() } -> std::same_as<bool>;                               // write what is left, then hang up
  { k.unread() } -> std::same_as<Bytes>;                              // input that was not consumed
  c.observe(observer);                                                // report every frame; nullptr: none
};
// endregion

// The plumbing that stream protocols share: the three queues (input, events, output) and the reporting of frames.
template <class Derived, class EventType>
class ConnectionBase {
 public:
  using Event = EventType;

  void receive(Bytes data, Time) {
    if (closed_ || eof_) return;
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
    input_.insert(input_.end(), data.begin(), data.end());
  }
  void receive_eof(Time) { eof_ = true; }

  // region poll
  std::optional<Event> poll(Time now) {
    while (events_.empty() && !closed_ && self().step(now)) {
    }
    if (events_.empty() && eof_ && !closed_) self().end_of_input(now);
    if (events_.empty()) {
      release_buffers();
      return std::nullopt;
    }
    std::optional<Event> event(std::move(events_[next_event_]));
    if (++next_event_ == events_.size()) {
      events_.clear();
      next_event_ = 0;
    }
    return event;
  }
  // endregion

  Buffer take_output() { return std::exchange(output_, {}); }
  std::size_t output_size() const { return output_.size(); }
  std::optional<Time> next_timeout() const { return std::nullopt; }
  void handle_timeout(Time) {}
  bool closed() const { return closed_; }
  Bytes unread() const { return Bytes(input_).subspan(consumed_); }
  void observe(Observer* observer) { observer_ = observer; }

 protected:
  // The bytes received and not yet consumed.
  Bytes input() const { return unread(); }

  // region read-frame
  // Consumes the next n bytes as one frame. decode(Reader&) returns what they mean; an observer is shown the fields
  // that it read. Views that the decoder returns live until the next receive() or poll().
  template <class Decode>
  auto read_frame(std::string_view title, std::size_t n, Decode decode) {
    Trace trace;
    const Bytes frame = input().first(n);
    Reader in(frame, observer_ ? &trace : nullptr);
    auto result = decode(in);
    consumed_ += n;
    if (observer_) observer_->frame(Direction::received, title, frame, trace);
    return result;
  }
  // endregion

  // The last n bytes that were read, to keep and to change: not copied if there is nothing else.
  Buffer keep_last(std::size_t n) {
    if (n == input_.size() && n == consumed_) {
      consumed_ = 0;
      return std::exchange(input_, {});
    }
    const Bytes last = Bytes(input_).first(consumed_).last(n);
    return {last.begin(), last.end()};
  }

  // Appends one frame to the output: write(Writer&) encodes it; if it throws, nothing is appended. An observer is shown
  // how decode(Reader&) reads it.
  template <class Write, class Decode>
  void write_frame(std::string_view title, Write write, Decode decode) {
    const std::size_t start = output_.size();
    if (start == 0) output_.reserve(first_output);
    Writer out(output_);
    try {
      write(out);
    } catch (...) {
      output_.resize(start);
      throw;
    }
    if (!observer_) return;
    Trace trace;
    const Bytes frame = Bytes(output_).subspan(start);
    Reader in(frame, &trace);
    decode(in);
    observer_->frame(Direction::sent, title, frame, trace);
  }

  void emit(Event event) { events_.push_back(std::move(event)); }
  void drop_events() {
    events_.clear();
    next_event_ = 0;
  }
  void hang_up() { closed_ = true; }
  bool peer_is_done() const { return eof_; }

  // The input has ended and holds no whole frame. Protocols for which that is no failure hide this.
  void end_of_input(Time) {
    if (!input().empty()) self().fail({Errc::truncated, "the peer hung up inside a frame", 0});
    hang_up();
  }

 private:
  friend Derived;
  Derived& self() { return static_cast<Derived&>(*this); }
  // A connection that waits owns no buffers: there may be thousands of them.
  void release_buffers() {
    events_ = std::vector<Event>();  // "= {}" would keep the memory
    if (consumed_ < input_.size()) return;
    input_ = Buffer();
    consumed_ = 0;
  }

  static constexpr std::size_t first_output =
      1024;  // room for most frames, so that a vector need not grow byte by byte

  Buffer input_;
  std::size_t consumed_ = 0;  // of input_, from its front
  Buffer output_;
  std::vector<Event> events_;
  std::size_t next_event_ = 0;
  Observer* observer_ = nullptr;
  bool eof_ = false;
  bool closed_ = false;
};

// Where a datagram comes from or goes to: an IPv6 address (IPv4 as ::ffff:a.b.c.d) and a port. To most protocols it is
// only a key.
struct Peer {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  auto operator<=>(const Peer&) const = default;
};

struct Datagram {
  Peer peer;
  Buffer bytes;
};

// The same shape over datagrams: one machine speaks to many peers on one socket, each datagram is whole, may be lost,
// doubled or late, and noise is ignored rather than answered.
template <class C>
concept DatagramConnection = requires(C c, const C k, Bytes in, const Peer& peer, Time now, Observer* observer) {
  typename C::Event;
  c.receive(in, peer, now);
  { c.poll(now) } -> std::same_as<std::optional<typename C::Event>>;
  { c.take_output() } -> std::same_as<std::vector<Datagram>>;
  { k.next_timeout() } -> std::same_as<std::optional<Time>>;
  c.handle_timeout(now);
  c.close(now);
  { k.closed() } -> std::same_as<bool>;
  c.observe(observer);
};

// The plumbing that datagram protocols share. The derived class writes receive(), which decodes at once.
template <class EventType>
class DatagramBase {
 public:
  using Event = EventType;

  std::optional<Event> poll(Time) {
    if (events_.empty()) return std::nullopt;
    std::optional<Event> event(std::move(events_.front()));
    events_.pop_front();
    return event;
  }
  std::vector<Datagram> take_output() { return std::exchange(output_, {}); }
  std::optional<Time> next_timeout() const { return std::nullopt; }
  void handle_timeout(Time) {}
  void close(Time) { closed_ = true; }
  bool closed() const { return closed_; }
  void observe(Observer* observer) { observer_ = observer; }

 protected:
  // Decodes one datagram; an observer is shown the fields that decode(Reader&) read.
  template <class Decode>
  auto read_datagram(std::string_view title, Bytes datagram, Decode decode) {
    return explained(Direction::received, title, datagram, decode);
  }
  template <class Decode>
  void send(std::string_view title, const Peer& to, Buffer datagram, Decode decode) {
    if (observer_) explained(Direction::sent, title, datagram, decode);
    output_.push_back({to, std::move(datagram)});
  }
  void emit(Event event) { events_.push_back(std::move(event)); }

 private:
  template <class Decode>
  auto explained(Direction direction, std::string_view title, Bytes datagram, Decode decode) {
    Trace trace;
    Reader in(datagram, observer_ ? &trace : nullptr);
    auto result = decode(in);
    if (observer_) observer_->frame(direction, title, datagram, trace);
    return result;
  }

  std::deque<Event> events_;
  std::vector<Datagram> output_;
  Observer* observer_ = nullptr;
  bool closed_ = false;
};

}  // namespace wire
