#include "websocket/server.hpp"

#include "websocket/deflate.hpp"

namespace websocket {

http1::Server::Handler Endpoint::handler() { return std::bind_front(&Endpoint::shake_hands, this); }

// region shake-hands
wire::awaitable<void> Endpoint::shake_hands(http1::Exchange& exchange) {
  Answer answer = answer_request(exchange.request(), options_.policy);
  if (answer.agreement)
    exchange.upgrade(std::move(answer.response), std::bind_front(&Endpoint::converse, this, *answer.agreement));
  else exchange.respond(std::move(answer.response), answer.content);
  co_return;
}

wire::awaitable<void> Endpoint::converse(const Agreement& agreement, wire::Stream stream, wire::LinkOptions options) {
  Settings settings{.limits = options_.limits};
  if (agreement.deflate) settings.compression = std::make_unique<Deflate>(wire::Side::server, *agreement.deflate);
  options.output_max = options_.backlog;
  Link link(std::move(stream), Connection(wire::Side::server, std::move(settings)), options);
  std::exception_ptr bug;
  try {
    co_await handler_(link, agreement);
  } catch (...) {
    bug = std::current_exception();
  }
  link->close(bug ? 1011 : 1000);  // RFC 6455 §7.4.1
  co_await link.finish();
  if (bug) std::rethrow_exception(bug);
}
// endregion

}  // namespace websocket
