// A client and a server back to back, for whole conversations. What each of them hears is written down.
#pragma once
#include "heard.hpp"
#include "support/pair.hpp"

#include <functional>

namespace heard {

struct Conversation {
  explicit Conversation(std::size_t piece_size, const http1::Limits& limits = {})
      : pair(http1::Connection(wire::Side::client, limits), http1::Connection(wire::Side::server, limits), piece_size) {
  }

  using Handler = std::function<void(const http1::Event&, http1::Connection&)>;
  Handler on_client, on_server;  // what each does about an event
  support::Pair<http1::Connection, http1::Connection> pair;
  Log client_heard, server_heard;

  http1::Connection& client() { return pair.client; }
  http1::Connection& server() { return pair.server; }
  std::string client_said() const { return wire::as_string(pair.client_said); }
  std::string server_said() const { return wire::as_string(pair.server_said); }

  // Until nobody has more to say.
  void run() {
    pair.run([this](const http1::Event& event) {
      client_heard(event);
      if (on_client) on_client(event, pair.client);
    }, [this](const http1::Event& event) {
      server_heard(event);
      if (on_server) on_server(event, pair.server);
    });
  }
};

// A handler that gives this answer to every request, once all of it is there.
inline Conversation::Handler answering(http1::Response response, std::string content = {}) {
  return [response = std::move(response), content = std::move(content)](const http1::Event& event,
                                                                        http1::Connection& server) {
    if (!std::holds_alternative<http1::End>(event)) return;
    server.send(response);
    server.send_data(wire::as_bytes(content));
    server.send_end();
  };
}

}  // namespace heard
