// What the HTTP/1.1 lab's checks call. See labs/machinery/probe.hpp.
#include "../machinery/probe.hpp"

#include "http1/conditional.hpp"
#include "http1/connection.hpp"
#include "http1/explain.hpp"

#include <functional>

namespace {

using http1::Connection;
using http1::Request;
using http1::Response;
using probe::Answer;
using probe::Arguments;
using wire::Reader;
using wire::Side;

void show(Answer& out, const http1::Fields& fields) {
  for (const auto& [name, value] : fields) {
    out.value("field-name", name);
    out.value("field-value", value);
  }
}
void show(Answer& out, const Request& request) {
  out.value("method", request.method);
  out.value("request-target", request.target);
  out.value("minor-version", static_cast<std::uint64_t>(request.minor_version));
  show(out, request.fields);
}
void show(Answer& out, const http1::Framing& framing) {
  constexpr const char* kinds[] = {"none", "length", "chunked", "until close"};
  out.value("framing", kinds[static_cast<int>(framing.kind)]);
  out.value("length", framing.length);
}
void show(Answer& out, std::uint64_t number) { out.value("number", number); }

template <class T>
void show(Answer& out, const wire::Result<T>& result) {
  if (result) show(out, *result);
  else out.error(result.error());
}

http1::Fields fields(Arguments& in) {
  http1::Fields fields;
  while (in.more()) {
    std::string name = in.text();
    fields.add(std::move(name), in.text());
  }
  return fields;
}

void decode_request(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  show(out, http1::decode_request(reader));
}

void encode_request(Arguments& in, Answer& out) {
  Request request{in.text(), in.text(), 1, {}};
  request.fields = fields(in);
  out.bytes("bytes", probe::encoded([&](wire::Writer& writer) { http1::encode(writer, request); }));
}

// The length of a request, or of a response to a method: its head is given.
void request_length(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  const wire::Result<Request> request = http1::decode_request(reader);
  if (!request) return out.error(request.error());
  show(out, http1::framing_of(*request));
}
void response_length(Arguments& in, Answer& out) {
  const std::string method = in.text();
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  const wire::Result<Response> response = http1::decode_response(reader);
  if (!response) return out.error(response.error());
  show(out, http1::framing_of(*response, method));
}

void decode_chunk_size(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  show(out, http1::decode_chunk_size(reader));
}
void encode_chunk(Arguments& in, Answer& out) {
  const wire::Buffer data = in.bytes();
  out.bytes("bytes", probe::encoded([&](wire::Writer& writer) { http1::encode_chunk(writer, data); }));
}

void check_range(Arguments& in, Answer& out) {
  const http1::Fields request = {{"Range", in.text()}};
  const http1::RangeAnswer answer = http1::check_range(request, {}, in.number());
  out.value("answer", !answer.satisfiable ? "unsatisfiable" : answer.range ? "part" : "whole");
  if (!answer.range) return;
  out.value("first", answer.range->first);
  out.value("length", answer.range->length);
}

// What a machine has heard and said, when it was given bytes in pieces of one size.
class Listener {
 public:
  explicit Listener(Answer& out) : out_(out) {}
  using OnEvent = std::function<void(Connection&, const http1::Event&)>;

  void hear(Connection& machine, const wire::Buffer& bytes, std::size_t piece, const OnEvent& on_event) {
    machine.observe(nullptr);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      machine.receive(wire::Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)), now_);
      poll(machine, on_event);
    }
  }
  void end(Connection& machine, const OnEvent& on_event) {
    machine.receive_eof(now_);
    poll(machine, on_event);
  }
  void finish(const Connection& machine) {
    pass_content();
    out_.bytes("said", said_);
    out_.bytes("unread", machine.unread());
    out_.value("closed", machine.closed() ? "yes" : "no");
  }

 private:
  void poll(Connection& machine, const OnEvent& on_event) {
    // No message of these tests means so much: who goes on and on has lost count.
    for (int events = 0; auto event = machine.poll(now_); ++events) {
      if (events > 100'000)
        throw std::runtime_error("step() returns true without an end: false says that there is nothing to do yet");
      note(*event);
      on_event(machine, *event);
    }
    const wire::Buffer output = machine.take_output();
    said_.insert(said_.end(), output.begin(), output.end());
  }
  void note(const http1::Event& event) {
    if (const auto* data = std::get_if<http1::Data>(&event)) {
      content_.insert(content_.end(), data->bytes.begin(), data->bytes.end());
      return;
    }
    pass_content();
    if (const auto* request = std::get_if<Request>(&event))
      out_.value("request", request->method + " " + request->target);
    if (const auto* response = std::get_if<Response>(&event)) out_.value("response", std::to_string(response->status));
    if (const auto* interim = std::get_if<http1::Informational>(&event))
      out_.value("interim", std::to_string(interim->response.status));
    if (std::holds_alternative<http1::End>(event)) out_.value("end", "");
    if (const auto* failed = std::get_if<http1::Failed>(&event)) out_.value("failed", failed->error.detail);
  }
  void pass_content() {  // in one piece: how many there were means nothing
    if (!content_.empty()) out_.bytes("content", content_);
    content_.clear();
  }

  const wire::Time now_{};
  Answer& out_;
  wire::Buffer said_, content_;
};

// A server that answers each request with its own target as the content: once it has ended, or, if it is for /early,
// when its head has come. Arguments: what it hears, the size of the pieces, and fields for its answers.
void server(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  const auto piece = static_cast<std::size_t>(in.number());
  const http1::Fields more = fields(in);
  Connection machine(Side::server);
  Listener listener(out);
  std::string target;
  const auto answer = [&](Connection& connection, const http1::Event& event) {
    const auto* request = std::get_if<Request>(&event);
    if (request) target = request->target;
    const bool due = target == "/early" ? request != nullptr : std::holds_alternative<http1::End>(event);
    if (!due || connection.closed()) return;
    Response response{200, {}, 1, more};
    if (more.has("Content-Length")) response.fields.set("Content-Length", std::to_string(target.size()));
    connection.send(response);
    connection.send_data(wire::as_bytes(target));
    connection.send_end();
  };
  listener.hear(machine, bytes, piece, answer);
  listener.finish(machine);
}

// A client that asks for each of the targets in turn, all with one method, and hears the answers. Arguments: method,
// the number of requests, what it hears, the size of the pieces, whether the server then hangs up ("yes"), and more
// fields of the requests.
void client(Arguments& in, Answer& out) {
  const std::string method = in.text();
  auto requests = in.number();
  const wire::Buffer bytes = in.bytes();
  const auto piece = static_cast<std::size_t>(in.number());
  const bool hangs_up = in.more() && in.text() == "yes";
  Request request{method, "/", 1, {{"Host", "a"}}};
  for (const auto& [name, value] : fields(in)) request.fields.add(name, value);
  Connection machine(Side::client);
  Listener listener(out);
  const auto ask = [&](Connection& connection) {
    connection.send(request);
    --requests;
  };
  ask(machine);
  const auto go_on = [&](Connection& connection, const http1::Event& event) {
    if (std::holds_alternative<http1::End>(event) && requests > 0 && connection.idle() && !connection.closed())
      ask(connection);
  };
  listener.hear(machine, bytes, piece, go_on);
  if (hangs_up) listener.end(machine, go_on);
  listener.finish(machine);
  out.value("keep-alive", machine.keep_alive() ? "yes" : "no");
}

// What a client says first. Arguments: method, target, fields.
void ask(Arguments& in, Answer& out) {
  Connection machine(Side::client);
  Request request{in.text(), in.text(), 1, {}};
  request.fields = fields(in);
  machine.send(request);
  out.bytes("said", machine.take_output());
  out.value("keep-alive", machine.keep_alive() ? "yes" : "no");
  out.value("content may follow", machine.sending_content() ? "yes" : "no");
}

// One answer of a server. Arguments: the request's head, the status, the content, fields of the answer.
void answer(Arguments& in, Answer& out) {
  const wire::Time now{};
  const wire::Buffer request = in.bytes();
  Response response{static_cast<int>(in.number()), {}, 1, {}};
  const std::string content = in.text();
  response.fields = fields(in);
  Connection machine(Side::server);
  machine.receive(request, now);
  while (machine.poll(now)) {
  }
  machine.send(response);
  machine.send_data(wire::as_bytes(content));
  machine.send_end();
  out.bytes("said", machine.take_output());
  out.value("closed", machine.closed() ? "yes" : "no");
}

// What was said on a connection. Arguments in pairs: who ("client" or "server"), and the bytes; or the bytes alone.
void explain(Arguments& in, Answer& out) {
  const wire::Buffer first = in.bytes();
  if (!in.more()) return out.value("text", http1::explain(first));
  std::vector<wire::Said> conversation{{wire::as_text(first) == "client", in.bytes()}};
  while (in.more()) {
    const std::string who = in.text();
    conversation.push_back({who == "client", in.bytes()});
  }
  out.value("text", http1::explain(conversation));
}

// The same as a byte walk: every part of every line. Arguments in pairs: who, and the bytes.
void walk(Arguments& in, Answer& out) {
  std::vector<wire::Said> conversation;
  while (in.more()) {
    const std::string who = in.text();
    conversation.push_back({who == "client", in.bytes()});
  }
  out.value("text", http1::explain(conversation, wire::Form::walk));
}

}  // namespace

int main() {
  return probe::run({{"decode-request", decode_request},
                     {"encode-request", encode_request},
                     {"request-length", request_length},
                     {"response-length", response_length},
                     {"decode-chunk-size", decode_chunk_size},
                     {"encode-chunk", encode_chunk},
                     {"check-range", check_range},
                     {"server", server},
                     {"client", client},
                     {"ask", ask},
                     {"answer", answer},
                     {"explain", explain},
                     {"walk", walk}});
}
