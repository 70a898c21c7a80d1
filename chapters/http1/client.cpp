#include "http1/client.hpp"

#include <asio/co_spawn.hpp>

namespace http1 {

namespace {
// RFC 9110 §10.1.1: a client should not wait for ever; servers that do not know Expect never answer. curl waits as
// long.
constexpr auto patience_for_continue = std::chrono::seconds(1);

// An error: the content is not wanted. 307 and 308 (RFC 9110 §15.4.8, §15.4.9): it is wanted elsewhere.
bool declines_content(int status) { return status >= 400 || status == 307 || status == 308; }

// Nothing has arrived that was not read yet, not even the end: neither inside of TLS nor in the kernel.
bool is_quiet(wire::Stream& stream) {
  SSL* ssl = stream.ssl();
  if (ssl && (SSL_has_pending(ssl) || BIO_pending(SSL_get_rbio(ssl)) > 0)) return false;
  std::array<std::uint8_t, 1> byte{};
  asio::error_code ec;
  stream.socket().receive(asio::buffer(byte), asio::socket_base::message_peek, ec);
  return ec == asio::error::would_block;
}
}  // namespace

struct Client::State {
  State(wire::Stream stream, const wire::LinkOptions& options, const Limits& limits)
      : link(std::move(stream), Connection(wire::Side::client, limits), options), may_upload(link.stream().executor()),
        upload_ended(link.stream().executor(), wire::Time::max()) {}
  wire::Link<Connection> link;
  wire::Timer may_upload;    // expires, or is cancelled by 100 (Continue)
  wire::Timer upload_ended;  // never expires: is cancelled
  bool uploading = false;
  bool declined = false;  // by the final response: the content is not wanted any more
  bool answered = false;
};

Client::Client(wire::Stream stream, const wire::LinkOptions& options, const Limits& limits)
    : state_(std::make_shared<State>(std::move(stream), options, limits)) {}

Client::~Client() {
  if (!state_) return;
  state_->link.abort();  // an upload that still runs shares the state, and must not go on for ever
  state_->may_upload.cancel();
}

// region upload
// Runs beside the reading of the response: a server that echoes would otherwise wait for us to read, and we for it.
wire::awaitable<void> Client::upload(std::shared_ptr<State> state, Source source, bool wait) {
  wire::Link<Connection>& link = state->link;
  if (wait) co_await state->may_upload.async_wait(wire::nothrow);
  const auto wanted = [&] { return !state->declined && !link.over() && !link->closed(); };
  while (wanted()) {
    const wire::Buffer piece = source();
    if (piece.empty()) {
      link.deliver([](Connection& connection) { connection.send_end(); });
      co_return;
    }
    link->send_data(piece);
    co_await link.flush();
  }
}
// endregion

void Client::begin_upload(Source source, bool wait) {
  state_->uploading = true;
  const auto ended = [state = state_](std::exception_ptr failed) {
    wire::report_failure(failed);
    if (failed) state->link.abort();  // half a message cannot be mended
    state->uploading = false;
    state->upload_ended.cancel();
  };
  asio::co_spawn(state_->link.stream().executor(), upload(state_, std::move(source), wait), ended);
}

// region client-send
wire::awaitable<wire::Result<Response>> Client::send(const Request& request, Source source) {
  wire::Link<Connection>& link = state_->link;
  link->send(request);
  state_->declined = state_->answered = false;
  const bool wait = request.fields.list_has("Expect", "100-continue");
  state_->may_upload.expires_after(patience_for_continue);
  if (source && link->sending_content()) begin_upload(std::move(source), wait);
  for (;;) {
    wire::Result<Event> event = co_await next();
    if (!event) co_return std::unexpected(std::move(event.error()));
    const auto* interim = std::get_if<Informational>(&*event);
    if (interim && interim->response.status == 100) state_->may_upload.cancel();
    auto* response = std::get_if<Response>(&*event);
    if (!response) continue;
    state_->declined = declines_content(response->status);
    state_->may_upload.cancel();
    co_return std::move(*response);
  }
}
// endregion

wire::awaitable<wire::Result<wire::Buffer>> Client::read() {
  wire::Result<Event> event = co_await next();
  if (!event) co_return std::unexpected(std::move(event.error()));
  if (auto* data = std::get_if<Data>(&*event)) co_return std::move(data->bytes);
  if (auto* end = std::get_if<End>(&*event)) trailers_ = std::move(end->trailers);
  co_return wire::Buffer();
}

// The next event that is no failure.
wire::awaitable<wire::Result<Event>> Client::next() {
  std::optional<Event> event = co_await state_->link.next();
  if (!event) {
    const asio::error_code why = state_->link.why();
    co_return wire::failure(why == asio::error::timed_out ? wire::Errc::timeout : wire::Errc::truncated,
                            why ? why.message() : "the connection has ended");
  }
  if (auto* failed = std::get_if<Failed>(&*event)) co_return std::unexpected(std::move(failed->error));
  state_->answered = true;
  co_return std::move(*event);
}

bool Client::answered() const { return state_->answered || !state_->link->unread().empty(); }

// region client-sent
wire::awaitable<bool> Client::sent() {
  wire::Link<Connection>& link = state_->link;
  if (state_->declined || !link->keep_alive()) co_return true;  // RFC 9112 §9.6: nobody will read the rest
  while (state_->uploading) co_await state_->upload_ended.async_wait(wire::nothrow);
  co_await link.flush();
  co_return !link.over() && !link->sending_content();
}
// endregion

bool Client::reusable() {
  wire::Link<Connection>& link = state_->link;
  const bool idle = !link.over() && !link->closed() && link->idle();
  return idle && link->unread().empty() && is_quiet(link.stream());
}

wire::awaitable<void> Client::finish() { co_await state_->link.finish(); }

wire::awaitable<wire::Stream> Client::upgrade() {
  wire::Stream stream = co_await state_->link.release();
  co_return stream;
}

}  // namespace http1
