#include "wire/link.hpp"

#include <fmt/format.h>
#include <asio/post.hpp>

#include <algorithm>

namespace wire {

namespace {
constexpr auto longest_turn = std::chrono::milliseconds(5);
}

void report_failure(std::exception_ptr failed) {
  if (!failed) return;
  try {
    std::rethrow_exception(failed);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
  }
}

void Roster::stop() {
  stopping_ = true;
  for (LinkBase* link : std::set(links_)) link->close();
}

void Roster::abort() {
  for (LinkBase* link : std::set(links_)) link->end(asio::error::operation_aborted);
}

LinkBase::LinkBase(Stream stream, const LinkOptions& options)
    : stream_(std::move(stream)), options_(options), changed_(stream_.executor(), Time::max()),
      alarm_(stream_.executor()) {}

void LinkBase::start() {
  if (options_.tracer && !stream_.observer()) {
    asio::error_code gone;  // the peer may have hung up already; then its address is zero
    const auto local = stream_.socket().local_endpoint(gone);
    const auto remote = stream_.socket().remote_endpoint(gone);
    stream_.watch(options_.tracer->watch_stream(stream_.we_are(), to_peer(local), to_peer(remote)));
  }
  observe(stream_.observer());
  const Buffer early = stream_.take_back();
  if (!early.empty()) receive(early, last_activity_);
  if (!options_.roster) return;
  options_.roster->links_.insert(this);
  if (options_.roster->stopping_) machine_close(Clock::now());
}

// Reads a little later, when those that are ready now have had their turn. On a busy server the peer's next message is
// there by then; to look at once would mostly be a wasted system call, a tenth of a small request's cost.
void LinkBase::read() {
  if (reading_ || held_ || over() || eof_ || above_high_water()) return;
  if (machine_closed() && phase_ == Phase::open) return;
  reading_ = true;
  asio::post(stream_.executor(), [self = shared_from_this()] {
    if (self->over()) return;
    if (self->held_) return self->received(asio::error::operation_aborted, {});
    self->stream_.async_receive([self](asio::error_code ec, Bytes bytes) { self->received(ec, bytes); });
  });
}

// Input that is small can be much work: compressed, a few bytes are megabytes.
bool LinkBase::turn_is_over(Time now) {
  if (!turn_began_) turn_began_ = now;
  if (now - *turn_began_ < longest_turn) return false;
  turn_began_.reset();
  return true;
}

void LinkBase::hold_reading() {
  held_ = true;
  asio::error_code ignored;
  stream_.socket().cancel(ignored);  // nothing is lost: what has arrived stays in the kernel, or in TLS's own buffer
}

void LinkBase::received(asio::error_code ec, Bytes bytes) {
  reading_ = false;
  wake();
  if (over() || ec == asio::error::operation_aborted) return;
  if (phase_ == Phase::goodbye) {  // too late to mean anything, but it must be read: see say_goodbye()
    if (ec) end({});
    else read();
    return;
  }
  last_activity_ = Clock::now();
  if (!bytes.empty()) {
    if (Observer* observer = stream_.observer()) observer->bytes(Direction::received, bytes);
    receive(bytes, last_activity_);
  }
  if (ec == asio::error::eof) {
    eof_ = true;
    if (Observer* observer = stream_.observer()) observer->ended(Direction::received);
    receive_eof(last_activity_);
  } else if (ec) {
    end(ec);
  }
}

// region write
void LinkBase::write() {
  if (over() || output_size() == 0) return;
  if (!writing_.empty()) {  // the peer has not taken the last batch yet
    if (output_size() > options_.output_max) end(asio::error::no_buffer_space);
    return;
  }
  writing_ = take_output();
  if (Observer* observer = stream_.observer()) observer->bytes(Direction::sent, writing_);
  asio::error_code ec;
  const Bytes left = stream_.send_some(writing_, ec);
  if (ec) return end(ec);
  if (left.size() < writing_.size()) last_activity_ = Clock::now();
  if (left.empty()) {
    writing_ = Buffer();
    return;
  }
  stream_.async_send(left, [self = shared_from_this()](asio::error_code failed) {
    self->writing_ = Buffer();
    self->last_activity_ = Clock::now();
    self->wake();
    if (failed) self->end(failed);
    else self->write();
  });
}
// endregion

void LinkBase::write_soon() {
  if (write_is_due_ || output_size() == 0) return;
  write_is_due_ = true;
  asio::post(stream_.executor(), [self = shared_from_this()] {
    self->write_is_due_ = false;
    self->write();
    self->arm();
  });
}

// region arm
// One timer for all deadlines of a connection. Racing a timer with every operation would halve the throughput, and a
// deadline that has moved away costs nothing here: the alarm looks again when it goes off too early.
void LinkBase::arm() {
  if (over()) return;
  const Time due = std::min({last_activity_ + options_.silence, goodbye_until_, machine_timeout()});
  if (alarm_at_ <= due) return;
  alarm_at_ = due;
  alarm_.expires_at(due);
  alarm_.async_wait([self = shared_from_this()](asio::error_code ec) {
    if (!ec) self->alarm();
  });
}
// endregion

// While we do not read, the machine must not think that it is the peer who says nothing. What ends a peer that takes
// nothing either is `silence`.
Time LinkBase::machine_timeout() const {
  return above_high_water() ? Time::max() : next_timeout().value_or(Time::max());
}

void LinkBase::alarm() {
  if (over()) return;
  alarm_at_ = Time::max();
  const Time now = Clock::now();
  if (now >= goodbye_until_) return end({});
  if (now >= last_activity_ + options_.silence) return end(asio::error::timed_out);
  if (now >= machine_timeout()) handle_timeout(now);
  write();
  wake();
  arm();
}

// region say-goodbye
// Closing a socket that still has unread input makes TCP send a reset, which can destroy what we wrote last (an error
// message, say) before the peer has read it: RFC 9112 §9.6. So: FIN first, then read on until the peer's FIN.
void LinkBase::say_goodbye() {
  if (phase_ != Phase::open) return;
  phase_ = Phase::goodbye;
  goodbye_until_ = Clock::now() + options_.goodbye;
  arm();
  stream_.async_goodbye([self = shared_from_this()] {
    if (self->over()) return;
    self->stream_.shutdown_send();
    if (Observer* observer = self->stream_.observer()) observer->ended(Direction::sent);
    if (self->eof_ || self->stream_.secure()) self->end({});
    else self->read();
  });
}
// endregion

void LinkBase::close() {
  if (over()) return;
  machine_close(Clock::now());
  write();
  wake();
}

void LinkBase::end(asio::error_code reason) {
  if (over()) return;
  phase_ = Phase::over;
  why_ = reason;
  if (options_.roster) options_.roster->links_.erase(this);
  stream_.close();
  alarm_.cancel();
  wake();
}

}  // namespace wire
