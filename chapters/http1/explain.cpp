#include "http1/explain.hpp"

#include "http1/connection.hpp"

#include <deque>

namespace http1 {

using wire::Buffer;
using wire::Bytes;
using wire::Form;
using wire::Said;
using wire::Side;

namespace {

// What --trace leaves to its titles: where it is written what content and its chunks are made of.
wire::Trace with_sections(wire::Trace trace) {
  for (wire::Trace::Field& field : trace.fields)
    if (field.section.empty()) field.section = field.name == "content" ? "RFC 9110 §6.4" : "RFC 9112 §7.1";
  return trace;
}

class Listener : public wire::Listener {
 public:
  using wire::Listener::Listener;
  void frame(wire::Direction direction, std::string_view title, Bytes bytes, const wire::Trace& trace) override {
    if (title.ends_with("head")) begin_message();
    wire::Listener::frame(direction, title, bytes, form_ == Form::walk ? with_sections(trace) : trace);
  }
};

class Explainer {
 public:
  explicit Explainer(Form form) : from_client_(out_, Side::client, form), from_server_(out_, Side::server, form) {}

  void hear(const Said& said) {
    if (said.by_client) hear_client(said.bytes);
    else hear_server(said.bytes);
  }

  std::string finish() {
    end(server_, from_client_);
    if (client_) end(*client_, from_server_);
    return std::move(out_);
  }

 private:
  // The machine that hears the client answers each request as soon as it has ended, to be told the next.
  void hear_client(Bytes bytes) {
    if (server_.closed()) return from_client_.show("after the end", bytes);
    server_.observe(&from_client_);
    server_.receive(bytes, now_);
    while (auto event = server_.poll(now_)) {
      if (const auto* request = std::get_if<Request>(&*event)) asked_.push_back(*request);
      if (const auto* failed = std::get_if<Failed>(&*event)) from_client_.refuse(failed->error);
      if (std::holds_alternative<End>(*event) && !server_.closed()) {
        server_.send(Response{204, {}, 1, {}});
        server_.send_end();
      }
    }
    if (server_.closed() && !server_.unread().empty()) from_client_.show("after the end", server_.unread());
  }

  // The machine that hears the server has to ask before it may hear an answer, and knows one answer at a time: what
  // comes at once behind it goes to the next machine.
  void hear_server(Bytes bytes) {
    Buffer rest(bytes.begin(), bytes.end());
    while (!rest.empty()) {
      if (!client_) ask();
      client_->receive(std::exchange(rest, {}), now_);
      bool refused = false;
      while (auto event = client_->poll(now_)) {
        const auto* failed = std::get_if<Failed>(&*event);
        if (failed) from_server_.refuse(failed->error);
        refused = refused || failed;
      }
      if (!client_->closed() && !client_->idle()) return;
      rest.assign(client_->unread().begin(), client_->unread().end());
      client_.reset();
      if (!refused || rest.empty()) continue;
      return from_server_.show("after the end", rest);
    }
  }

  void ask() {
    Request request{"GET", "/", 1, {{"Host", "a"}}};
    if (!asked_.empty()) {
      const Request& asked = asked_.front();
      if (asked.method != "CONNECT") request.method = asked.method;
      if (const std::string* upgrade = asked.fields.find("Upgrade")) request.fields.add("Upgrade", *upgrade);
      asked_.pop_front();
    }
    client_.emplace(Side::client);
    client_->observe(&from_server_);
    client_->send(request);
  }

  void end(Connection& machine, Listener& listener) {
    if (machine.closed()) return;
    const Bytes waiting = machine.unread();
    if (!waiting.empty()) listener.show(machine.switched() ? "the next protocol" : "not complete", waiting);
  }

  const wire::Time now_{};
  std::string out_;
  Listener from_client_, from_server_;
  Connection server_{Side::server};
  std::optional<Connection> client_;
  std::deque<Request> asked_;
};

}  // namespace

std::string explain(std::span<const Said> conversation, Form form) {
  Explainer explainer(form);
  for (const Said& said : conversation) explainer.hear(said);
  return explainer.finish();
}

std::string explain(Bytes bytes, Form form) {
  const Said said{!wire::as_text(bytes).starts_with("HTTP/"), Buffer(bytes.begin(), bytes.end())};
  return explain(std::span(&said, 1), form);
}

}  // namespace http1
