// What the tests and the fuzzers of this chapter share: a connection's events written down as text, and the two
// simplest peers: a server that answers every request, a client that waits for the answer to one.
#pragma once
#include "http1/connection.hpp"

#include <fmt/format.h>

#include <ostream>
#include <span>
#include <string>

namespace heard {

inline std::string show(const http1::Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += fmt::format("  {}: {}\n", name, wire::visible(wire::as_bytes(value)));
  return out;
}
inline std::string show(const http1::Request& request) {
  return fmt::format("{} {} 1.{}\n{}", request.method, request.target, request.minor_version, show(request.fields));
}
inline std::string show(const http1::Response& response) {
  return fmt::format("{} {} 1.{}\n{}", response.status, response.reason, response.minor_version, show(response.fields));
}

// Events as text, a line for each and one more for each of its fields. Pieces of content become one line: how many
// there were depends on how TCP has cut the stream, and means nothing.
struct Log {
  std::string text;

  void operator()(const http1::Event& event) {
    if (const auto* data = std::get_if<http1::Data>(&event)) {
      if (!in_content_) text += "data ";
      text += wire::visible(data->bytes);
      in_content_ = true;
      return;
    }
    if (in_content_) text += "\n";
    in_content_ = false;
    if (const auto* request = std::get_if<http1::Request>(&event)) text += show(*request);
    if (const auto* response = std::get_if<http1::Response>(&event)) text += show(*response);
    if (const auto* interim = std::get_if<http1::Informational>(&event)) text += "interim " + show(interim->response);
    if (const auto* end = std::get_if<http1::End>(&event)) text += "end\n" + show(end->trailers);
    if (const auto* failed = std::get_if<http1::Failed>(&event))
      text += fmt::format("failed {} {}\n", failed->error.wire_code, to_string(failed->error));
  }

 private:
  bool in_content_ = false;
};

// All that can be seen of a connection from outside.
struct Heard {
  std::string events;
  wire::Buffer output;
  wire::Buffer unread;
  bool closed = false;
  bool keep_alive = false;

  bool operator==(const Heard&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Heard& heard) {
    return out << heard.events << "-> " << wire::visible(heard.output) << "\nunread: " << wire::visible(heard.unread)
               << (heard.closed ? "\nclosed" : "\nopen") << (heard.keep_alive ? ", keep-alive" : ", the last");
  }
};

enum class Then { wait, eof };

// Feeds the pieces to a connection; on_event(event, connection) may use its verbs.
template <class OnEvent>
Heard hear(http1::Connection& connection, std::span<const wire::Bytes> pieces, Then then, OnEvent on_event) {
  const wire::Time now{};
  Log log;
  Heard heard;
  const auto poll = [&] {
    while (auto event = connection.poll(now)) {
      log(*event);
      on_event(*event, connection);
    }
    const wire::Buffer output = connection.take_output();
    heard.output.insert(heard.output.end(), output.begin(), output.end());
  };
  poll();
  for (const wire::Bytes piece : pieces) {
    connection.receive(piece, now);
    poll();
  }
  if (then == Then::eof) {
    connection.receive_eof(now);
    poll();
  }
  heard.events = log.text;
  heard.unread.assign(connection.unread().begin(), connection.unread().end());
  if (connection.closed()) heard.unread.clear();  // whatever came after the end is of no interest
  heard.closed = connection.closed();
  heard.keep_alive = connection.keep_alive();
  return heard;
}

// A server that answers each request, once all of it is there, with an empty 200.
inline Heard by_server(std::span<const wire::Bytes> pieces, Then then = Then::wait, const http1::Limits& limits = {}) {
  http1::Connection server(wire::Side::server, limits);
  return hear(server, pieces, then, [](const http1::Event& event, http1::Connection& connection) {
    if (!std::holds_alternative<http1::End>(event) || connection.closed()) return;
    connection.send(http1::Response{200, {}, 1, {{"Content-Length", "0"}}});
    connection.send_end();
  });
}

// A client that has sent this request.
inline Heard by_client(std::span<const wire::Bytes> pieces, Then then = Then::wait,
                       const http1::Request& request = {"GET", "/", 1, {{"Host", "a"}}},
                       const http1::Limits& limits = {}) {
  http1::Connection client(wire::Side::client, limits);
  client.send(request);
  client.take_output();
  return hear(client, pieces, then, [](const http1::Event&, http1::Connection&) {});
}

// The status that a server has answered last, or 0.
inline int last_status(const Heard& heard) {
  const std::string_view text = wire::as_text(heard.output);
  const auto at = text.rfind("HTTP/1.1 ");
  return at == text.npos ? 0 : std::stoi(std::string(text.substr(at + 9, 3)));
}

}  // namespace heard
