#include "wire/standard_input.hpp"

#include <unistd.h>
#include <asio/post.hpp>

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace wire {

struct StandardInput::State {
  explicit State(Executor executor) : arrived(std::in_place, executor, Time::max()) {}
  std::mutex mutex;  // for the three below
  std::condition_variable changed;
  bool wanted = false;
  bool abandoned = false;

  // Never expires: is cancelled. Gone when this is abandoned: the executor may be gone soon, and the thread never
  // knows. It and what follows are the program's own thread's.
  std::optional<Timer> arrived;
  std::string bytes;
  bool ended = false;
};

StandardInput::StandardInput(Executor executor) : state_(std::make_shared<State>(executor)) {
  std::thread(read_on, state_).detach();
}

StandardInput::~StandardInput() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
  state_->arrived.reset();
  state_->changed.notify_one();
}

// The thread: reads when it is asked to, and hands over what has come.
void StandardInput::read_on(const std::shared_ptr<State>& state) {
  std::array<char, 16 * 1024> chunk;
  for (;;) {
    std::unique_lock lock(state->mutex);
    state->changed.wait(lock, [&] { return state->wanted || state->abandoned; });
    if (state->abandoned) return;
    state->wanted = false;
    lock.unlock();
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    lock.lock();
    if (state->abandoned) return;
    std::string bytes(chunk.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    asio::post(state->arrived->get_executor(), [state, bytes = std::move(bytes)] {
      state->bytes = bytes;
      state->ended = bytes.empty();
      if (state->arrived) state->arrived->cancel();
    });
  }
}

awaitable<std::optional<std::string>> StandardInput::line() {
  for (;;) {
    const auto end = unread_.find('\n');
    if (end != unread_.npos || (state_->ended && !unread_.empty())) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end == unread_.npos ? end : end + 1);
      if (line.ends_with('\r')) line.pop_back();
      co_return line;
    }
    if (state_->ended) co_return std::nullopt;
    {
      const std::lock_guard lock(state_->mutex);
      state_->wanted = true;
      state_->changed.notify_one();
    }
    co_await state_->arrived->async_wait(nothrow);
    unread_ += std::exchange(state_->bytes, {});
  }
}

}  // namespace wire
