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
    if (switched_) switched_->rest.push_back(said);
    else if (said.by_client) hear_client(said.bytes);
    else hear_server(said.bytes);
  }

  // Whoever knows a protocol to come next takes what a client said behind an Upgrade that nobody answered for that.
  std::string finish(std::optional<Switched>* switched) {
    if (upgrading_ && switched && !server_spoke_) switch_over({});
    if (upgrading_ && !switched_) decline_upgrade();
    if (switched_ && switched) *switched = std::move(switched_);
    else if (switched_)
      for (const Said& said : switched_->rest)
        (said.by_client ? from_client_ : from_server_).show("the next protocol", said.bytes);
    else show_waiting();
    return std::move(out_);
  }

 private:
  void hear_client(Bytes bytes) {
    client_spoke_ = true;
    if (server_.closed()) return from_client_.show("after the end", bytes);
    server_.observe(&from_client_);
    server_.receive(bytes, now_);
    poll_server();
  }

  // The machine that hears the client answers each request as soon as it has ended, to be told the next; but where the
  // client wants to switch protocols, it is for the server to say what comes next.
  void poll_server() {
    while (auto event = server_.poll(now_)) {
      if (const auto* request = std::get_if<Request>(&*event)) {
        asked_.push_back(*request);
        upgrading_ = request->fields.has("Upgrade");
        if (upgrading_) upgrade_request_ = *request;
      }
      if (const auto* failed = std::get_if<Failed>(&*event)) {
        from_client_.refuse(failed->error);
        upgrading_ = false;
      }
      if (std::holds_alternative<End>(*event) && !server_.closed() && !upgrading_) answer();
    }
    if (server_.closed() && !server_.unread().empty()) from_client_.show("after the end", server_.unread());
  }

  void answer() {
    server_.send(Response{204, {}, 1, {}});
    server_.send_end();
  }

  void decline_upgrade() {
    upgrading_ = false;
    if (server_.closed() || !server_.received_all()) return;  // it will be answered when it ends
    answer();
    poll_server();
  }

  // The machine that hears the server has to ask before it may hear an answer, and knows one answer at a time: what
  // comes at once behind it goes to the next machine.
  void hear_server(Bytes bytes) {
    server_spoke_ = true;
    Buffer rest(bytes.begin(), bytes.end());
    while (!rest.empty()) {
      if (!client_) ask();
      client_->receive(std::exchange(rest, {}), now_);
      bool refused = false;
      while (auto event = client_->poll(now_)) {
        const auto* failed = std::get_if<Failed>(&*event);
        if (failed) from_server_.refuse(failed->error);
        refused = refused || failed;
        const auto* response = std::get_if<Response>(&*event);
        if (response && response->status == 101) return switch_over(*response);
        if (response && upgrading_ && asked_.empty()) decline_upgrade();
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
    if (!client_spoke_) request.fields.add("Upgrade", "anything");  // who asked was not heard: 101 may be in order
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

  void switch_over(std::optional<Response> response) {
    switched_ = {std::move(upgrade_request_), std::move(response), {}};
    const auto unread = [&](const Connection& machine) {
      return Buffer(machine.unread().begin(), machine.unread().end());
    };
    if (!server_.unread().empty()) switched_->rest.push_back({true, unread(server_)});
    if (client_ && !client_->unread().empty()) switched_->rest.push_back({false, unread(*client_)});
  }

  void show_waiting() {
    if (!server_.closed() && !server_.unread().empty()) from_client_.show("not complete", server_.unread());
    if (client_ && !client_->closed() && !client_->unread().empty())
      from_server_.show("not complete", client_->unread());
  }

  const wire::Time now_{};
  std::string out_;
  Listener from_client_, from_server_;
  Connection server_{Side::server};
  std::optional<Connection> client_;
  std::deque<Request> asked_;
  bool client_spoke_ = false, server_spoke_ = false;
  bool upgrading_ = false;  // the last request wants to switch protocols, and is not answered yet
  std::optional<Request> upgrade_request_;
  std::optional<Switched> switched_;
};

std::string explained(std::span<const Said> conversation, Form form, std::optional<Switched>* switched) {
  Explainer explainer(form);
  for (const Said& said : conversation) explainer.hear(said);
  return explainer.finish(switched);
}

}  // namespace

std::string explain(std::span<const Said> conversation, Form form) { return explained(conversation, form, nullptr); }

std::string explain(std::span<const Said> conversation, Form form, std::optional<Switched>& switched) {
  return explained(conversation, form, &switched);
}

std::string explain(Bytes bytes, Form form) {
  const Said said{!wire::as_text(bytes).starts_with("HTTP/"), Buffer(bytes.begin(), bytes.end())};
  return explain(std::span(&said, 1), form);
}

}  // namespace http1
