// Where protocols meet sockets: drives ANY stream connection over TCP or TLS, and reads like the conversation it holds.
//
//     Link<Connection> link(std::move(stream), Connection(Side::client));
//     link->ping(7);                              a verb of the protocol: nothing to await
//     auto event = co_await link.next();          the next thing that happened; nothing: it is over, why() says how
//
// next() writes what the verbs appended, reads, and waits. It reads only when it is called and no event is waiting, so
// a slow consumer slows its peer down; and it stops reading while too much of our own output is unsent. Nor does one
// conversation keep the others waiting for long: now and then, next() lets them have their turn.
#pragma once
#include "wire/stream.hpp"

#include <asio/post.hpp>

#include <optional>
#include <set>

namespace wire {

class LinkBase;

// For co_spawn: a coroutine that runs by itself ends with an exception. Nobody else would ever hear of it.
void report_failure(std::exception_ptr failed);

// The links that a server must tell when it stops.
class Roster {
 public:
  void stop();   // each link: close(), as its protocol says goodbye
  void abort();  // each link: gone at once

 private:
  friend LinkBase;
  std::set<LinkBase*> links_;
  bool stopping_ = false;
};

struct LinkOptions {
  std::size_t output_high_water = 256 << 10;          // bytes unsent; above it, read nothing more
  std::size_t output_max = 16 << 20;                  // bytes unsent; a peer this far behind is cut off
  Clock::duration silence = std::chrono::minutes(5);  // no byte moved in either direction: hang up
  Clock::duration goodbye = std::chrono::seconds(2);  // how long to wait for the peer's FIN after ours
  Tracer* tracer = nullptr;                           // must outlive the link
  std::shared_ptr<Roster> roster;                     // whose stop() ends the link
};

// The part of Link that does not depend on the protocol. It sees the machine through ten virtual functions.
class LinkBase : public std::enable_shared_from_this<LinkBase> {
 public:
  LinkBase(Stream stream, const LinkOptions& options);
  virtual ~LinkBase() = default;
  LinkBase(const LinkBase&) = delete;
  LinkBase& operator=(const LinkBase&) = delete;

  void start();
  void read();          // if there is room and nothing else forbids it
  void hold_reading();  // until resume_reading(); reading() turns false soon
  void resume_reading() { held_ = false; }
  void write();                       // what can be written now; the rest goes by itself
  void write_soon();                  // once whoever is running now waits for something
  void arm();                         // for the next deadline
  void say_goodbye();                 // the machine is closed and all is written: end the connection politely
  void close();                       // ask the protocol to say goodbye
  void end(asio::error_code reason);  // at once
  void wake() { changed_.cancel(); }  // whoever waits looks again
  bool turn_is_over(Time now);        // true: the others first; a new turn begins
  void end_turn() { turn_began_.reset(); }

  auto changed() { return changed_.async_wait(nothrow); }
  std::size_t unsent() const { return writing_.size() + output_size(); }
  bool above_high_water() const { return unsent() > options_.output_high_water; }
  bool over() const { return phase_ == Phase::over; }
  bool reading() const { return reading_; }
  asio::error_code why() const { return why_; }
  Stream& stream() { return stream_; }

  virtual bool machine_closed() const = 0;

 protected:
  virtual void receive(Bytes bytes, Time now) = 0;
  virtual void receive_eof(Time now) = 0;
  virtual Buffer take_output() = 0;
  virtual std::size_t output_size() const = 0;
  virtual std::optional<Time> next_timeout() const = 0;
  virtual void handle_timeout(Time now) = 0;
  virtual void machine_close(Time now) = 0;
  virtual void observe(Observer* observer) = 0;

 private:
  enum class Phase { open, goodbye, over };

  void received(asio::error_code ec, Bytes bytes);
  void alarm();
  Time machine_timeout() const;

  Stream stream_;
  LinkOptions options_;
  Timer changed_;  // never expires: cancelling it is how waiting coroutines are woken
  Timer alarm_;
  Time alarm_at_ = Time::max();
  Time last_activity_ = Clock::now();
  Time goodbye_until_ = Time::max();
  std::optional<Time> turn_began_;  // whoever calls next() has not waited since
  Buffer writing_;
  asio::error_code why_;
  Phase phase_ = Phase::open;
  bool reading_ = false;
  bool held_ = false;
  bool eof_ = false;
  bool write_is_due_ = false;
};

template <StreamConnection C>
class Link {
 public:
  using Event = typename C::Event;

  Link(Stream stream, C connection, const LinkOptions& options = {})
      : state_(std::make_shared<State>(std::move(stream), options, std::move(connection))) {
    state_->start();
  }
  ~Link() {
    if (state_) state_->end(asio::error::operation_aborted);
  }
  Link(Link&&) noexcept = default;
  Link& operator=(Link&&) = delete;

  // The protocol itself. What its verbs append leaves with the next next() or flush().
  C* operator->() { return &state_->connection; }

  // region next
  // The next event; nothing when the connection is over. One coroutine at a time.
  awaitable<std::optional<Event>> next() {
    const auto state = state_;  // whoever destroys the link meanwhile ends it, no more
    for (;;) {
      if (state->above_high_water()) state->write();
      if (!state->above_high_water()) {
        const Time now = Clock::now();
        if (state->turn_is_over(now)) co_await asio::post(state->stream().executor(), use_awaitable);
        // As long as more input is at hand, its answers gather for one write: pipelining's whole gain.
        std::optional<Event> event = state->connection.poll(now);
        if (event) {
          state->write_soon();
          co_return event;
        }
      }
      state->write();
      if (state->machine_closed() && state->unsent() == 0) state->say_goodbye();
      if (state->over()) co_return std::nullopt;
      state->read();
      state->arm();
      state->end_turn();
      co_await state->changed();
    }
  }
  // endregion

  // The next event, which must be an E: anything else is an Error.
  template <class E>
  awaitable<Result<E>> expect() {
    std::optional<Event> event = co_await next();
    if (!event) co_return failure(Errc::truncated, "the connection ended: " + why().message());
    if (auto* expected = std::get_if<E>(&*event)) co_return std::move(*expected);
    co_return failure(Errc::unexpected, "another event came");
  }

  // Waits until everything is written, or the connection is over; and lets the others have their turn, even if the
  // peer takes everything at once: who sends gigabytes to a fast reader would else keep the whole server waiting.
  awaitable<void> flush() {
    const auto state = state_;
    state->write();
    co_await asio::post(state->stream().executor(), use_awaitable);
    while (!state->over() && state->unsent() > 0) {
      state->arm();
      co_await state->changed();
    }
  }

  // Says goodbye, and waits until it is over.
  awaitable<void> finish() {
    state_->close();
    for (;;) {
      const std::optional<Event> event = co_await next();
      if (!event) break;
    }
  }

  // At once, without a goodbye.
  void abort() { state_->end(asio::error::operation_aborted); }

  // From outside, by whoever holds this link: use verbs and send at once. How a broker passes a message on.
  template <class Verbs>
  void deliver(Verbs verbs) {
    verbs(state_->connection);
    state_->write();
    state_->wake();
  }

  // Everything so far in the clear, everything from here in TLS. Plaintext that was already read would be taken for
  // part of the protected conversation (CVE-2011-0411), so it is an error.
  awaitable<asio::error_code> start_tls(asio::ssl::context& context, std::string host, Clock::duration limit) {
    co_await quiesce();
    asio::error_code ec = asio::error::invalid_argument;
    if (!state_->connection.unread().empty() || state_->over()) co_return ec;
    ec = co_await state_->stream().start_tls(context, host, limit);
    state_->resume_reading();
    co_return ec;
  }

  // Another protocol takes the connection over: write what is left and hand out the stream, for the Link of that
  // protocol. What was read too far goes with it, and so does whoever watches. This link is over then.
  awaitable<Stream> release() {
    co_await quiesce();
    state_->stream().put_back(state_->connection.unread());
    state_->observe(nullptr);
    Stream stream = std::move(state_->stream());
    state_->end({});
    co_return stream;
  }

  asio::error_code why() const { return state_->why(); }
  bool over() const { return state_->over(); }
  Stream& stream() { return state_->stream(); }

 private:
  struct State final : LinkBase {
    State(Stream stream, const LinkOptions& options, C machine)
        : LinkBase(std::move(stream), options), connection(std::move(machine)) {}
    void receive(Bytes bytes, Time now) override { connection.receive(bytes, now); }
    void receive_eof(Time now) override { connection.receive_eof(now); }
    Buffer take_output() override { return connection.take_output(); }
    std::size_t output_size() const override { return connection.output_size(); }
    std::optional<Time> next_timeout() const override { return connection.next_timeout(); }
    void handle_timeout(Time now) override { connection.handle_timeout(now); }
    void machine_close(Time now) override { connection.close(now); }
    bool machine_closed() const override { return connection.closed(); }
    void observe(Observer* observer) override { connection.observe(observer); }
    C connection;
  };

  // Nothing is being written and nothing is being read.
  awaitable<void> quiesce() {
    co_await flush();
    state_->hold_reading();
    while (state_->reading() && !state_->over()) co_await state_->changed();
  }

  std::shared_ptr<State> state_;
};

}  // namespace wire
