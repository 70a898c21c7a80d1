// Drives ANY datagram connection over one UDP socket: many peers, one machine, and the same linear next() as Link.
#pragma once
#include "wire/stream.hpp"

#include <asio/ip/udp.hpp>

namespace wire {

using Udp = asio::ip::udp;
using UdpSocket = asio::basic_datagram_socket<Udp, Executor>;

inline Udp::endpoint to_endpoint(const Peer& peer, bool v6_socket) {
  const asio::ip::address_v6 v6(peer.address);
  if (v6.is_v4_mapped() && !v6_socket) return {asio::ip::make_address_v4(asio::ip::v4_mapped, v6), peer.port};
  return {v6, peer.port};
}

template <DatagramConnection C>
class UdpLink {
 public:
  using Event = typename C::Event;

  // The socket is open, and bound where the protocol wants it. `tracer` must outlive the link.
  UdpLink(UdpSocket socket, C connection, Side we_are, Tracer* tracer = nullptr)
      : state_(std::make_shared<State>(std::move(socket), std::move(connection), tracer)) {
    if (!tracer) return;
    state_->observer = tracer->watch_datagrams(we_are);
    state_->connection.observe(state_->observer.get());
  }
  ~UdpLink() {
    if (state_) state_->end();
  }
  UdpLink(UdpLink&&) noexcept = default;
  UdpLink& operator=(UdpLink&&) = delete;

  C* operator->() { return &state_->connection; }
  Udp::endpoint local() const { return state_->socket.local_endpoint(); }

  // The next event; nothing when the machine is closed and all is sent. One coroutine at a time.
  awaitable<std::optional<Event>> next() {
    const auto state = state_;
    for (;;) {
      std::optional<Event> event = state->connection.poll(Clock::now());
      if (event) co_return event;
      state->send();
      if (state->over || (state->connection.closed() && state->unsent.empty())) co_return std::nullopt;
      state->receive();
      state->arm();
      co_await state->changed.async_wait(nothrow);
    }
  }

  // From outside: use verbs and send at once.
  template <class Verbs>
  void deliver(Verbs verbs) {
    verbs(state_->connection);
    state_->send();
    state_->changed.cancel();
  }

 private:
  static constexpr std::size_t max_datagram = 65'535;
  static constexpr std::size_t max_unsent = 1'000;  // datagrams may be lost, so the rest may be lost here

  struct State : std::enable_shared_from_this<State> {
    State(UdpSocket s, C c, Tracer* t)
        : socket(std::move(s)), connection(std::move(c)), tracer(t), changed(socket.get_executor(), Time::max()),
          alarm(socket.get_executor()), v6(socket.local_endpoint().address().is_v6()) {
      socket.non_blocking(true);
    }

    void receive() {
      if (receiving || over) return;
      receiving = true;
      socket.async_wait(UdpSocket::wait_read, [self = this->shared_from_this()](asio::error_code ec) {
        self->receiving = false;
        if (!ec) self->read_all();
        self->changed.cancel();
      });
    }
    // A batch, then the others' turn. An error here is an ICMP answer to something sent (nobody listens there): the
    // protocol's own time-outs deal with that.
    void read_all() {
      static thread_local std::array<std::uint8_t, max_datagram> chunk;
      for (int batch = 0; batch < 64 && !over; ++batch) {
        Udp::endpoint from;
        asio::error_code ec;
        const std::size_t n = socket.receive_from(asio::buffer(chunk), from, 0, ec);
        if (ec == asio::error::would_block) return;
        if (ec) continue;
        const Bytes datagram = Bytes(chunk).first(n);
        if (tracer) tracer->captured_datagram(to_peer(from), to_peer(socket.local_endpoint()), datagram);
        connection.receive(datagram, to_peer(from), Clock::now());
      }
    }

    void send() {
      for (Datagram& datagram : connection.take_output())
        if (unsent.size() < max_unsent) unsent.push_back(std::move(datagram));
      if (sending || over) return;
      while (!unsent.empty()) {
        const Datagram& next = unsent.front();
        asio::error_code ec;
        socket.send_to(asio::buffer(next.bytes), to_endpoint(next.peer, v6), 0, ec);
        if (ec == asio::error::would_block) return send_later();
        if (!ec && tracer) tracer->captured_datagram(to_peer(socket.local_endpoint()), next.peer, next.bytes);
        unsent.pop_front();
      }
    }
    void send_later() {
      sending = true;
      socket.async_wait(UdpSocket::wait_write, [self = this->shared_from_this()](asio::error_code) {
        self->sending = false;
        self->send();
        self->changed.cancel();
      });
    }

    void arm() {
      const auto due = connection.next_timeout();
      if (!due || due == alarm_at) return;
      alarm_at = due;
      alarm.expires_at(*due);
      alarm.async_wait([self = this->shared_from_this()](asio::error_code ec) {
        if (ec || self->over) return;
        self->alarm_at.reset();
        self->connection.handle_timeout(Clock::now());
        self->send();
        self->changed.cancel();
        self->arm();
      });
    }
    void end() {
      over = true;
      asio::error_code ignored;
      socket.close(ignored);
      alarm.cancel();
      changed.cancel();
    }

    UdpSocket socket;
    C connection;
    Tracer* tracer;
    std::unique_ptr<Observer> observer;
    Timer changed, alarm;
    std::optional<Time> alarm_at;
    std::deque<Datagram> unsent;
    bool v6;
    bool receiving = false, sending = false, over = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace wire
