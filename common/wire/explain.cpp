#include "wire/explain.hpp"

#include <fmt/format.h>

namespace wire {

void Listener::show(std::string_view title, Bytes bytes, const Trace& trace) {
  const std::string rows = form_ == Form::dump ? dump(trace, bytes) : walk(trace, bytes, offset_);
  offset_ += bytes.size();
  const char* way = speaker_ == Side::client ? "→" : "←";
  out_ += fmt::format("client {} server  {}, {} bytes\n{}\n", way, title, bytes.size(), rows);
}

void Listener::refuse(const Error& error) { out_ += fmt::format("  !     {}\n\n", to_string(error)); }

}  // namespace wire
