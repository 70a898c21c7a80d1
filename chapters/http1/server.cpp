#include "http1/server.hpp"

#include "http1/date.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace http1 {

namespace {

// The seconds change more rarely than the requests come.
const std::string& date_now() {
  static thread_local std::time_t formatted = 0;
  static thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != formatted) text = format_date(formatted = now);
  return text;
}

// RFC 9110 §9.3 and RFC 5789. Anything else is not "not allowed here" but "not implemented": 501. So is CONNECT: this
// is no proxy.
bool is_known_method(std::string_view method) {
  constexpr std::array<std::string_view, 8> known = {"GET",    "HEAD",    "POST",  "PUT",
                                                     "DELETE", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(known, method) != known.end();
}

bool path_matches(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with('*')) return pattern == path;
  return path.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

// ---- Exchange --------------------------------------------------------------------------------------------------

// region exchange-read
wire::awaitable<wire::Result<wire::Buffer>> Exchange::read() {
  if (received_all_ || finished_) co_return wire::Buffer();
  if (link_->must_continue() && !started_) link_->send(Response{100, {}, 1, {}});
  std::optional<Event> event = co_await link_.next();
  if (!event) co_return wire::failure(wire::Errc::truncated, "the peer is gone");
  if (auto* data = std::get_if<Data>(&*event)) co_return std::move(data->bytes);
  if (auto* failed = std::get_if<Failed>(&*event)) co_return std::unexpected(std::move(failed->error));
  received_all_ = true;
  co_return wire::Buffer();
}

wire::awaitable<wire::Result<std::string>> Exchange::read_all(std::size_t limit) {
  std::string content;
  for (;;) {
    wire::Result<wire::Buffer> piece = co_await read();
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (piece->empty()) co_return content;
    if (content.size() + piece->size() > limit) co_return wire::failure(wire::Errc::too_large, "content", 413);
    content.append(wire::as_text(*piece));
  }
}
// endregion

void Exchange::respond(Response response, std::string_view content) {
  if (gone()) return;
  if (response.status != 204 && response.status != 304)
    response.fields.set("Content-Length", std::to_string(content.size()));
  if (link_->too_much_left()) response.fields.add("Connection", "close");  // RFC 9112 §9.6: say so beforehand
  start(std::move(response));
  link_->send_data(wire::as_bytes(content));
  finish();
}

void Exchange::respond_error(int status, Fields fields) {
  fields.set("Content-Type", "text/plain");
  respond({status, {}, 1, std::move(fields)}, fmt::format("{} {}\n", status, reason_phrase(status)));
}

void Exchange::start(Response response) {
  if (gone()) return;
  if (!response.fields.has("Server")) response.fields.add("Server", "on-the-wire");
  started_ = true;
  link_->send(std::move(response));
}

wire::awaitable<bool> Exchange::write(wire::Bytes piece) {
  if (gone()) co_return false;
  link_->send_data(piece);
  co_await link_.flush();
  co_return !link_.over();
}

void Exchange::finish(const Fields& trailers) {
  finished_ = true;
  if (!gone()) link_->send_end(trailers);
}

void Exchange::upgrade(Response switching_protocols, wire::Server::Handler successor) {
  if (gone()) return;
  started_ = true;
  link_->send(std::move(switching_protocols));
  successor_ = std::move(successor);
}

// ---- Server ----------------------------------------------------------------------------------------------------

void Server::route(std::string method, std::string path, Handler handler) {
  routes_.push_back({std::move(method), std::move(path), std::move(handler)});
  // The first match is to be the best one: longer paths first, and of two equally long the exact one.
  const auto better = [](const Route& a, const Route& b) {
    const auto rank = [](const Route& route) { return std::pair(route.path.size(), !route.path.ends_with('*')); };
    return rank(a) != rank(b) ? rank(a) > rank(b) : a.path < b.path;
  };
  std::ranges::stable_sort(routes_, better);
}

wire::Server::Handler Server::handler() { return std::bind_front(&Server::serve, this); }

// region serve
wire::awaitable<std::unique_ptr<Server::Successor>> Server::serve_http(wire::Stream stream, wire::LinkOptions options) {
  const Origin origin{stream.secure(), date_now};
  Link link(std::move(stream), Connection(wire::Side::server, limits_, origin), options);
  for (;;) {
    std::optional<Event> event = co_await link.next();
    if (!event) break;
    auto* request = std::get_if<Request>(&*event);
    if (!request) continue;  // content that no handler read, or a failure that the machine has answered
    Exchange exchange(link, std::move(*request));
    const Handler* handler = find(exchange);
    if (!handler) continue;
    std::exception_ptr bug;
    try {
      co_await (*handler)(exchange);
    } catch (...) {
      bug = std::current_exception();
    }
    if (bug && exchange.answered()) std::rethrow_exception(bug);  // too late for a 500: the connection ends
    if (wire::Server::Handler successor = exchange.take_successor()) {
      wire::Stream released = co_await link.release();
      auto next = std::make_unique<Successor>(std::move(successor), std::move(released));
      co_return next;
    }
    if (bug || !exchange.answered()) exchange.respond_error(500);
    if (bug) wire::report_failure(bug);
  }
  co_return nullptr;
}
// endregion

wire::awaitable<void> Server::serve(wire::Stream stream, wire::LinkOptions options) {
  const std::unique_ptr<Successor> next = co_await serve_http(std::move(stream), options);
  if (next) co_await next->serve(std::move(next->stream), options);
}

// region find-route
const Server::Handler* Server::find(Exchange& exchange) const {
  const std::string& method = exchange.request().method;
  const bool everywhere = exchange.target().form == Target::Form::asterisk;
  std::string_view best;  // the pattern of the first match, and so the best
  std::vector<std::string_view> allowed;
  for (const Route& route : routes_) {
    if (!everywhere && !path_matches(route.path, exchange.target().path)) continue;
    if (!everywhere && !best.empty() && route.path != best) break;
    best = route.path;
    const bool wanted = route.method == method || (method == "HEAD" && route.method == "GET");
    if (wanted && !everywhere) return &route.handler;
    if (std::ranges::find(allowed, route.method) == allowed.end()) allowed.push_back(route.method);
    if (route.method == "GET") allowed.push_back("HEAD");
  }
  const Fields allow = {{"Allow", fmt::format("{}", fmt::join(allowed, ", ")) + ", OPTIONS"}};
  if (!is_known_method(method)) exchange.respond_error(501);
  else if (best.empty() && !everywhere) exchange.respond_error(404);
  else if (method == "OPTIONS") exchange.respond({204, {}, 1, allow});
  else exchange.respond_error(405, allow);
  return nullptr;
}
// endregion

}  // namespace http1
