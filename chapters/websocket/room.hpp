// A chat room: whatever one says, all hear. Who enters says a name first.
#pragma once
#include "websocket/server.hpp"

#include <set>
#include <string>
#include <string_view>

namespace websocket {

class Room {
 public:
  // For Endpoint: the conversation with one of those in the room.
  wire::awaitable<void> enter(Link& link, const Agreement& agreement);

 private:
  class Guest;  // is in the room for as long as it exists
  void tell_all(std::string_view text);

  std::set<Link*> present_;
};

// The page that speaks with the room from a browser.
extern const std::string_view chat_page;

}  // namespace websocket
