// Two machines back to back: what one writes, the other reads. There is no socket and no clock: the time is a number
// that the test moves, and the stream is cut wherever the test wants it.
//
//     Pair pair(Connection(Side::client), Connection(Side::server), 3);          in pieces of three bytes
//     pair.client.send(request);
//     pair.run([&](const Event& event) { ... }, [&](const Event& event) { ... });  until nobody has more to say
//     pair.wait(20s);                                                            time passes; then run() again
//
// Each side does what the drivers do: one event is handled before the next is asked for, and who is closed and has
// written everything hangs up.
#pragma once
#include "wire/connection.hpp"

#include <algorithm>

namespace support {

template <wire::StreamConnection Client, wire::StreamConnection Server>
class Pair {
 public:
  Pair(Client c, Server s, std::size_t piece_size)
      : client(std::move(c)), server(std::move(s)), piece_size_(piece_size) {}

  Client client;
  Server server;
  wire::Time now{};
  wire::Buffer client_said, server_said;  // everything that has crossed the wire
  bool client_hung_up = false, server_hung_up = false;

  template <class OnClient, class OnServer>
  void run(OnClient on_client, OnServer on_server) {
    const auto hear = [&](auto& machine, auto& handle) {
      while (auto event = machine.poll(now)) handle(*event);
    };
    bool moved = true;
    while (moved) {
      hear(client, on_client);
      hear(server, on_server);
      const bool up = carry(client, client_said, client_hung_up, server, [&] { hear(server, on_server); });
      const bool down = carry(server, server_said, server_hung_up, client, [&] { hear(client, on_client); });
      moved = up || down;
    }
  }

  // Time passes, and whoever has a deadline is told.
  void wait(wire::Clock::duration duration) {
    now += duration;
    client.handle_timeout(now);
    server.handle_timeout(now);
  }

  // The client will say no more, but still listens.
  void half_close() {
    client_hung_up = true;
    server.receive_eof(now);
  }

 private:
  template <class From, class To, class Hear>
  bool carry(From& from, wire::Buffer& said, bool& hung_up, To& to, Hear hear) {
    const wire::Buffer output = from.take_output();
    said.insert(said.end(), output.begin(), output.end());
    for (wire::Bytes rest = output; !rest.empty();) {
      const std::size_t n = std::min(piece_size_, rest.size());
      to.receive(rest.first(n), now);
      rest = rest.subspan(n);
      hear();
    }
    const bool hangs_up = from.closed() && from.output_size() == 0 && !hung_up;
    if (hangs_up) {
      hung_up = true;
      to.receive_eof(now);
      hear();
    }
    return !output.empty() || hangs_up;
  }

  std::size_t piece_size_;
};

}  // namespace support
