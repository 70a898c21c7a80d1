#include "http1/connection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace http1 {

using wire::Bytes;
using wire::Errc;
using wire::Reader;
using wire::Result;
using wire::Side;
using wire::Time;
using wire::UsageError;
using wire::Writer;

// ---- what we send ----------------------------------------------------------------------------------------------

template <class Head>
void Connection::write_head(std::string_view title, const Head& head) {
  const auto explain = [](Reader& in) {
    if constexpr (std::is_same_v<Head, Request>) return decode_request(in).has_value();
    else return decode_response(in).has_value();
  };
  write_frame(title, [&](Writer& out) { encode(out, head); }, explain);
}

// region send-request
void Connection::send(const Request& request) {
  if (side_ != Side::client || !idle() || closed() || !keep_alive_) throw UsageError("this is no time for a request");
  if (request.method == "CONNECT") throw UsageError("tunnels are not for this connection");
  const Result<Framing> framing = framing_of(request);
  if (!framing) throw UsageError(framing.error().detail);
  // region begin-exchange
  write_head("request head", request);
  method_ = request.method;
  request_sent_ = true;
  upgrade_offered_ = request.fields.has("Upgrade");
  keep_alive_ = request.minor_version > 0 && !request.fields.list_has("Connection", "close");
  framing_ = *framing;
  unsent_content_ = framing_.length;
  hide_content_ = false;
  sending_ = Sending::content;
  if (framing_.kind == Framing::Kind::none) send_end();
  // endregion
}
// endregion

// region send-response
void Connection::send(Response response) {
  if (side_ != Side::server || closed() || switched() || method_.empty() || sending_ != Sending::head)
    throw UsageError("there is nothing to answer");
  if (response.status < 200) {
    if (response.status == 101 && (receiving_ != Receiving::nothing || peer_minor_version_ == 0))
      throw UsageError("the request has not ended, or is HTTP/1.0's, which knows no Upgrade");
    if (response.fields.has("Content-Length") || response.fields.has("Transfer-Encoding"))
      throw UsageError("an interim response has no content");  // RFC 9110 §8.6, RFC 9112 §6.1
    expects_continue_ = expects_continue_ && response.status != 100;
    if (peer_minor_version_ == 0) return;  // RFC 9110 §15.2: HTTP/1.0 knows no interim responses
    write_head("response head", response);
    if (response.status == 101) receiving_ = Receiving::switched;
    return;
  }

  hide_content_ = !may_have_content(response.status, method_);
  const auto length = content_length(response.fields);
  if (!length) throw UsageError(length.error().detail);
  // region response-framing
  if (*length) framing_ = {Framing::Kind::length, **length};
  else if (hide_content_) framing_ = {};
  else if (peer_minor_version_ == 0) framing_ = {Framing::Kind::until_close, 0};
  else framing_ = {Framing::Kind::chunked, 0};
  unsent_content_ = framing_.length;
  response.fields.remove("Transfer-Encoding");  // ours to set
  if (framing_.kind == Framing::Kind::chunked) response.fields.add("Transfer-Encoding", "chunked");
  if (response.status == 204) response.fields.remove("Content-Length");  // RFC 9110 §8.6
  // endregion

  // A client that waits for 100 may send its content after all, or not: RFC 9110 §10.1.1. Nobody can tell.
  const bool in_doubt = expects_continue_ || framing_.kind == Framing::Kind::until_close;
  if (closing_ || in_doubt || response.fields.list_has("Connection", "close")) keep_alive_ = false;
  expects_continue_ = false;
  add_own_fields(response);
  write_head("response head", response);
  sending_ = Sending::content;
}
// endregion

// Connection (RFC 9112 §9.3, §9.6), beside what it may say already, and Date (RFC 9110 §6.6.1).
void Connection::add_own_fields(Response& response) const {
  // region own-fields
  const bool says_close = response.fields.list_has("Connection", "close");
  if (!keep_alive_ && !says_close) response.fields.add("Connection", "close");
  if (keep_alive_ && peer_minor_version_ == 0) response.fields.add("Connection", "keep-alive");
  if (origin_.date && !response.fields.has("Date")) response.fields.add("Date", origin_.date());
  // endregion
}

// region send-data
void Connection::send_data(Bytes data) {
  if (sending_ != Sending::content || closed()) throw UsageError("content without a head before it");
  if (data.empty()) return;
  if (framing_.kind == Framing::Kind::none && !hide_content_) throw UsageError("this message has no content");
  if (framing_.kind == Framing::Kind::length) {
    if (data.size() > unsent_content_) throw UsageError("more content than Content-Length said");
    unsent_content_ -= data.size();
  }
  if (hide_content_) return;
  const bool chunked = framing_.kind == Framing::Kind::chunked;
  const auto write = [&](Writer& out) {
    if (chunked) encode_chunk(out, data);
    else out.bytes(data);
  };
  const auto explain = [&](Reader& in) {
    if (chunked) (void)decode_chunk_size(in);
    in.text(chunked ? "chunk-data" : "content", data.size());
    if (chunked) in.text("end of the chunk", 2);
  };
  write_frame(chunked ? "chunk" : "content", write, explain);
}

void Connection::send_end(const Fields& trailers) {
  if (sending_ != Sending::content || closed()) throw UsageError("there is no message to end");
  if (unsent_content_ > 0 && !hide_content_) throw UsageError("less content than Content-Length said");
  for (const std::string_view name : {"Content-Length", "Transfer-Encoding", "Host"})
    if (trailers.has(name)) throw UsageError("no trailer: what must be known beforehand");  // RFC 9110 §6.5.1
  if (framing_.kind == Framing::Kind::chunked && !hide_content_) {
    const auto explain = [](Reader& in) {
      (void)decode_chunk_size(in);
      return decode_trailers(in, false).has_value();
    };
    write_frame("last-chunk and trailer section", [&](Writer& out) { encode_last_chunk(out, trailers); }, explain);
  }
  sending_ = Sending::nothing;
  if (side_ == Side::server) drop_events();  // whoever has answered asks nothing further of the request
  if (receiving_ == Receiving::nothing) return next_exchange();
  if (side_ == Side::client) return;
  // The answer is complete, the request is not: skip the rest of it, if that is cheap and certain to end.
  if (!keep_alive_ || too_much_left()) return hang_up();
  discarding_ = true;
  received_content_ = 0;
}
// endregion

// ---- what the peer sends ---------------------------------------------------------------------------------------

// region step
bool Connection::step(Time now) {
  switch (receiving_) {
    case Receiving::head: return step_head(now);
    case Receiving::content:
    case Receiving::until_close:
    case Receiving::chunk_data: wait_for(Waiting::content, now); return step_content();
    case Receiving::chunk_size: wait_for(Waiting::content, now); return step_chunk_size();
    case Receiving::chunk_end: wait_for(Waiting::content, now); return step_chunk_end();
    case Receiving::trailers: wait_for(Waiting::content, now); return step_trailers();
    case Receiving::nothing:
    case Receiving::switched: wait_for(Waiting::nothing, now); return false;
  }
  return false;
}
// endregion

// region whole-head
// Looks for the empty line that ends a head. Every line ends in CRLF: RFC 9112 §2.2 lets a recipient accept a bare LF,
// but where two programs on a path disagree about line ends, requests can be smuggled. CR alone is never accepted.
std::optional<std::size_t> Connection::whole_head(std::size_t line_limit) {
  const std::string_view text = wire::as_text(input());
  for (;;) {
    const auto newline = text.find('\n', searched_);
    if (newline == text.npos || newline >= (line_start_ == 0 ? line_limit : limits_.head)) break;
    if (newline == 0 || text[newline - 1] != '\r') {
      fail({Errc::malformed, "a line that does not end in CRLF", 400});
      return std::nullopt;
    }
    const bool empty_line = newline - line_start_ == 1;
    searched_ = line_start_ = newline + 1;
    if (empty_line) {
      searched_ = line_start_ = 0;
      return newline + 1;
    }
  }
  searched_ = std::max(searched_, text.size());
  const bool first_line = line_start_ == 0 && receiving_ == Receiving::head;
  if (first_line && text.size() > line_limit) {  // RFC 9112 §3: what is too long, the method or the target?
    const bool target = text.substr(0, line_limit).contains(' ');  // however much more has come
    fail({Errc::too_large, target ? "request-target" : "method", target ? 414u : 501u});
  }
  if (!closed() && text.size() > limits_.head) fail({Errc::too_large, "the head", 431});
  return std::nullopt;
}
// endregion

bool Connection::step_head(Time now) {
  // RFC 9112 §2.2: a server should ignore at least one empty line before a request; old clients sent them.
  while (side_ == Side::server && input().size() >= 2 && wire::as_text(input()).starts_with("\r\n"))
    read_frame("empty line", 2, [](Reader& in) { return in.text("CRLF", 2); }), searched_ = 0;
  const bool begun = !input().empty() && wire::as_text(input()) != "\r";
  const bool asked = side_ == Side::server || (request_sent_ && sending_ == Sending::nothing);
  const Waiting silence = side_ == Side::server ? Waiting::idle : Waiting::answer;
  wait_for(begun ? Waiting::head : asked ? silence : Waiting::nothing, now);
  if (side_ == Side::client && !request_sent_) {
    if (begun) fail({Errc::unexpected, "a response that nobody asked for", 0});
    return false;
  }
  // RFC 9110 §9.3.2: even the refusal of a HEAD request has no content, and the rest of its head may be refused yet.
  hide_content_ = wire::as_text(input()).starts_with("HEAD ");
  const auto length = whole_head(side_ == Side::server ? limits_.request_line : limits_.head);
  if (!length || closed()) return false;
  wait_for(Waiting::nothing);  // until step() looks for more, whatever takes time is not the peer's fault

  if (side_ == Side::server) {
    Result<Request> request = read_frame("request head", *length, decode_request);
    if (request) received(std::move(*request));
    else fail(request.error());
  } else {
    Result<Response> response = read_frame("response head", *length, decode_response);
    if (response) received(std::move(*response));
    else fail(response.error());
  }
  return true;
}

// region received-request
void Connection::received(Request request) {
  method_ = request.method;
  peer_minor_version_ = request.minor_version;
  Result<Target> target = parse_target(request);
  if (!target) return fail(target.error());
  target_ = std::move(*target);
  if (target_.https && !origin_.secure)
    return fail({Errc::unexpected, "https, but not inside TLS", 421});  // RFC 9110 §7.4
  const Result<Framing> framing = framing_of(request);
  if (!framing) return fail(framing.error());
  if (framing->length > limits_.content) return fail({Errc::too_large, "Content-Length", 413});
  if (request.method == "POST" && request.minor_version == 0 && !request.fields.has("Content-Length"))
    return fail({Errc::malformed, "HTTP/1.0 has no other way to say how long a POST is", 411});  // RFC 9110 §15.5.12
  const std::string* expectation = request.fields.find("Expect");
  if (expectation && request.minor_version > 0 && !equal_ignoring_case(*expectation, "100-continue"))
    return fail({Errc::unsupported, "Expect", 417});

  expects_continue_ = expectation && request.minor_version > 0 && framing->kind != Framing::Kind::none;
  // RFC 9112 §9.3
  const auto connection = [&](std::string_view option) { return request.fields.list_has("Connection", option); };
  keep_alive_ = !connection("close") && (request.minor_version > 0 || connection("keep-alive"));
  emit(std::move(request));
  begin_content(*framing);
}
// endregion

// region received-response
void Connection::received(Response response) {
  if (response.status == 101) {
    // RFC 9110 §7.8: not unasked, and not before the request is completely sent.
    if (!upgrade_offered_ || sending_ == Sending::content) return fail({Errc::unexpected, "101 out of place", 0});
    receiving_ = Receiving::switched;
    return emit(std::move(response));
  }
  if (response.status < 200) {  // the head to wait for is the next
    if (++interim_responses_ > limits_.interim_responses) return fail({Errc::too_large, "interim responses", 0});
    return emit(Informational{std::move(response)});
  }
  peer_minor_version_ = response.minor_version;
  const Result<Framing> framing = framing_of(response, method_);
  if (!framing) return fail(framing.error());
  // region persistence
  const auto connection = [&](std::string_view option) { return response.fields.list_has("Connection", option); };
  const bool persistent = !connection("close") && (response.minor_version > 0 || connection("keep-alive"));
  // RFC 9112 §6.3, rule 3: both lengths at once may be an attempt to smuggle. Nothing behind this can be trusted.
  const bool suspicious = response.fields.has("Transfer-Encoding") && response.fields.has("Content-Length");
  if (!persistent || suspicious) keep_alive_ = false;
  // endregion
  if (framing->length > limits_.content) return fail({Errc::too_large, "Content-Length", 0});
  emit(std::move(response));
  begin_content(*framing);
}
// endregion

void Connection::begin_content(const Framing& framing) {
  received_content_ = 0;
  chunk_extensions_ = 0;
  remaining_ = framing.length;
  switch (framing.kind) {
    case Framing::Kind::none: return received_end({});
    case Framing::Kind::length: receiving_ = Receiving::content; return;
    case Framing::Kind::chunked: receiving_ = Receiving::chunk_size; return;
    case Framing::Kind::until_close:
      receiving_ = Receiving::until_close;
      keep_alive_ = false;
      return;
  }
}

// region step-content
// Content is passed on as it comes, in pieces of whatever size: only its sum is certain.
bool Connection::step_content() {
  const std::uint64_t here = input().size();
  const bool counted = receiving_ != Receiving::until_close;
  // region content-piece
  const auto n = static_cast<std::size_t>(counted ? std::min(here, remaining_) : here);
  if (n == 0) return false;
  if (!counted && !count_content(n)) return false;
  const char* name = receiving_ == Receiving::chunk_data ? "chunk-data" : "content";
  wire::Buffer bytes = read_frame(name, n, [&](Reader& in) {
    const std::string_view piece = in.text(name, n);
    return wire::Buffer(piece.begin(), piece.end());
  });
  deliver(std::move(bytes));
  if (!counted) return true;
  remaining_ -= n;
  if (remaining_ > 0) return true;
  if (receiving_ == Receiving::chunk_data) receiving_ = Receiving::chunk_end;
  else received_end({});
  return true;
  // endregion
}
// endregion

// The length of a line, once it is there.
std::optional<std::size_t> Connection::whole_line(std::size_t limit) {
  const auto newline = wire::as_text(input()).find('\n', searched_);
  const bool there = newline != std::string_view::npos;
  searched_ = there ? 0 : input().size();
  if ((there ? newline : input().size()) > limit) fail({Errc::too_large, "a line between chunks", 400});
  else if (there && (newline == 0 || input()[newline - 1] != '\r'))
    fail({Errc::malformed, "a line end in chunks", 400});
  else if (there) return newline + 1;
  return std::nullopt;
}

// region step-chunk
bool Connection::step_chunk_size() {
  const auto length = whole_line(max_chunk_line);
  if (!length) return false;
  const std::size_t digits = wire::as_text(input()).find_first_not_of("0123456789abcdefABCDEF");
  chunk_extensions_ += *length - 2 - std::min(digits, *length - 2);
  if (chunk_extensions_ > limits_.chunk_extensions) return fail({Errc::too_large, "chunk-ext", 400}), false;
  const Result<std::uint64_t> size = read_frame("chunk-size", *length, decode_chunk_size);
  if (!size) return fail(size.error()), false;
  if (!count_content(*size)) return false;
  remaining_ = *size;
  receiving_ = *size > 0 ? Receiving::chunk_data : Receiving::trailers;
  return true;
}

bool Connection::step_chunk_end() {
  if (input().size() < 2) return false;
  const bool right = read_frame("end of the chunk", 2, [](Reader& in) { return in.text("CRLF", 2) == "\r\n"; });
  if (!right) return fail({Errc::malformed, "the chunk is longer than its chunk-size", 400}), false;
  receiving_ = Receiving::chunk_size;
  return true;
}

bool Connection::step_trailers() {
  const auto length = whole_head(limits_.head);
  if (!length) return false;
  const auto decode = [&](Reader& in) { return decode_trailers(in, side_ == Side::client); };
  Result<Fields> trailers = read_frame("trailer section", *length, decode);
  if (!trailers) return fail(trailers.error()), false;
  received_end(std::move(*trailers));
  return true;
}
// endregion

// Adds up what cannot be known from Content-Length. False: over the limit.
bool Connection::count_content(std::uint64_t more) {
  const std::uint64_t limit = discarding_ ? limits_.discard : limits_.content;
  if (more <= limit && received_content_ <= limit - more) {
    received_content_ += more;
    return true;
  }
  if (discarding_) hang_up();
  else fail({Errc::too_large, "content", 413});
  return false;
}

void Connection::deliver(wire::Buffer bytes) {
  if (discarding_) return;     // a courtesy has one deadline in all: else it could be drawn out for months
  wait_for(Waiting::nothing);  // it has come: the time for the next piece begins anew
  emit(Data{std::move(bytes)});
}

void Connection::received_end(Fields trailers) {
  wait_for(Waiting::nothing);
  expects_continue_ = false;
  receiving_ = Receiving::nothing;
  if (!discarding_) emit(End{std::move(trailers)});
  if (sending_ == Sending::nothing) next_exchange();
}

// Both directions have ended.
void Connection::next_exchange() {
  // region next-exchange
  if (!keep_alive_ || closing_) return hang_up();
  // RFC 9112 §9.2: what came after a response that nobody asked for must not be taken for the next answer.
  if (side_ == Side::client && (!input().empty() || peer_is_done())) return hang_up();
  interim_responses_ = 0;
  receiving_ = Receiving::head;
  sending_ = Sending::head;
  method_.clear();
  request_sent_ = discarding_ = false;
  // endregion
}

// ---- how it ends -----------------------------------------------------------------------------------------------

// region fail
void Connection::fail(wire::Error error) {
  if (side_ == Side::server && sending_ == Sending::head && error.wire_code >= 400) {
    // region refusal
    const std::string text = fmt::format("{}\n", error.detail);
    Response response{static_cast<int>(error.wire_code), {}, 1, {}};
    response.fields.add("Content-Type", "text/plain");
    response.fields.add("Content-Length", std::to_string(text.size()));
    keep_alive_ = false;
    add_own_fields(response);
    write_head("response head", response);
    if (!hide_content_) {
      const auto write = [&](Writer& out) { out.text(text); };
      write_frame("content", write, [&](Reader& in) { in.text("content", text.size()); });
    }
    // endregion
  }
  keep_alive_ = false;
  emit(Failed{std::move(error)});
  hang_up();
}
// endregion

void Connection::end_of_input(Time) {
  const auto nothing_begun = [&] { return receiving_ == Receiving::head && input().empty(); };
  if (receiving_ == Receiving::switched) return hang_up();
  if (receiving_ == Receiving::nothing) {      // half closed: the answer can still be sent
    if (input().empty()) keep_alive_ = false;  // and is the last
  } else if (receiving_ == Receiving::until_close) {
    received_end({});
  } else if (discarding_ || (nothing_begun() && !request_sent_)) {
    hang_up();
  } else if (nothing_begun()) {
    fail({Errc::truncated, "the server hung up without an answer", 0});
  } else {
    fail({Errc::truncated, "the peer hung up in the middle of a message", 400});
  }
}

// region timeouts
void Connection::wait_for(Waiting what, Time now) {
  if (waiting_ == what) return;
  waiting_ = what;
  switch (what) {
    case Waiting::nothing: deadline_.reset(); break;
    case Waiting::idle: deadline_ = now + limits_.idle_time; break;
    case Waiting::answer: deadline_ = now + limits_.answer_time; break;
    case Waiting::head: deadline_ = now + limits_.head_time; break;
    case Waiting::content: deadline_ = now + limits_.content_time; break;
  }
}

void Connection::handle_timeout(Time now) {
  if (!deadline_ || now < *deadline_ || closed()) return;
  const bool owed_nothing = side_ == Side::server && waiting_ == Waiting::idle;
  if (owed_nothing || discarding_) hang_up();
  else fail({Errc::timeout, "waited too long for the peer", 408});
}
// endregion

void Connection::close(Time) {
  closing_ = true;
  const bool mid_exchange = side_ == Side::server ? !method_.empty() : request_sent_;
  if (!mid_exchange || (side_ == Side::client && receiving_ == Receiving::nothing)) hang_up();
}

}  // namespace http1
