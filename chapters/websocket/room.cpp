#include "websocket/room.hpp"

#include <fmt/format.h>

namespace websocket {

namespace {

constexpr std::size_t longest_name = 40;

// The next text; nothing: the connection is over.
wire::awaitable<std::optional<std::string>> next_text(Link& link) {
  for (;;) {
    std::optional<Event> event = co_await link.next();
    if (!event) co_return std::nullopt;
    const auto* message = std::get_if<Message>(&*event);
    if (message && message->type == Opcode::text) co_return wire::as_string(message->payload);
  }
}

}  // namespace

class Room::Guest {
 public:
  Guest(Room& room, Link& link) : room_(room), link_(link) { room_.present_.insert(&link_); }
  ~Guest() { room_.present_.erase(&link_); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

 private:
  Room& room_;
  Link& link_;
};

// region enter
wire::awaitable<void> Room::enter(Link& link, const Agreement&) {
  link->send("What is your name?");
  const std::optional<std::string> name = co_await next_text(link);
  if (!name) co_return;
  if (name->empty() || name->size() > longest_name) {
    link->close(1008, "a name has 1 to 40 bytes");  // RFC 6455 §7.4.1: against the policy of this server
    co_return;
  }
  std::optional<Guest> guest(std::in_place, *this, link);
  tell_all(fmt::format("* {} has come", *name));
  for (;;) {
    const std::optional<std::string> text = co_await next_text(link);
    if (!text) break;
    tell_all(fmt::format("{}: {}", *name, *text));
  }
  guest.reset();
  tell_all(fmt::format("* {} has gone", *name));
}

// Nobody waits for anybody: what a slow listener has not taken yet waits in its link, which is cut off when that is too
// much.
void Room::tell_all(std::string_view text) {
  const auto tell = [&](Connection& connection) { connection.send(text); };
  for (Link* link : present_) link->deliver(tell);
}
// endregion

const std::string_view chat_page = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A chat room</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
  #heard { border: 1px solid #8888; padding: .5rem; height: 60vh; overflow: auto; white-space: pre-wrap; }
  form { display: flex; gap: .5rem; margin-top: .5rem; }
  input { flex: 1; font: inherit; }
</style>
<h1>A chat room</h1>
<div id="heard" role="log"></div>
<form>
  <input id="said" aria-label="Say something" autocomplete="off" autofocus>
  <button>Send</button>
</form>
<script>
  const heard = document.getElementById("heard"), said = document.getElementById("said");
  const show = (line) => { heard.textContent += line + "\n"; heard.scrollTop = heard.scrollHeight; };
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(scheme + "//" + location.host + "/chat");
  socket.onmessage = (event) => show(event.data);
  socket.onclose = (event) => show("* the connection has ended: " + event.code + " " + event.reason);
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(said.value);
    said.value = "";
  };
</script>
</html>
)html";

}  // namespace websocket
