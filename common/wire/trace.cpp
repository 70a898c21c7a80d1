#include "wire/trace.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wire {

std::string visible(Bytes bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    switch (byte) {
      case '\r': out += "\\r"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      default:
        if (byte >= 0x20 && byte < 0x7f) out += static_cast<char>(byte);
        else out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

bool is_text(Bytes bytes) {
  return std::ranges::all_of(
      bytes, [](std::uint8_t c) { return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n' || c == '\t'; });
}

namespace {

constexpr std::size_t hex_per_row = 8;    // 24 columns
constexpr std::size_t text_per_row = 40;  // the same left half serves both, so that explanations line up

// The part of `bytes` that fits in one row of the left half, and the row itself.
std::pair<std::size_t, std::string> row(Bytes bytes, bool text) {
  if (!text) {
    std::string cells;
    const Bytes part = bytes.first(std::min(bytes.size(), hex_per_row));
    for (const std::uint8_t byte : part) cells += fmt::format("{:02x} ", byte);
    return {part.size(), cells};
  }
  std::string shown;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string next = visible(bytes.subspan(taken, 1));
    const bool line_end = bytes[taken] == '\r' || bytes[taken] == '\n';  // stays with its line, if narrowly
    if (shown.size() + next.size() > text_per_row + (line_end ? 2 : 0)) break;
    shown += next;
    if (bytes[taken++] == '\n') break;
  }
  return {taken, shown};
}

std::string explanation(const Trace::Field& field) {
  std::string line = std::string(2 * static_cast<std::size_t>(field.depth), ' ') + field.name;
  if (!field.value.empty()) line += " = " + field.value;
  if (!field.meaning.empty()) line = fmt::format("{:<24}  {}", line, field.meaning);
  if (!field.section.empty()) line = fmt::format("{:<56}  {}", line, field.section);
  return line;
}

void append(std::string& out, const Trace::Field& field, Bytes bytes, std::size_t most) {
  const Bytes all = bytes.subspan(field.offset, field.size);
  const Bytes shown = all.first(std::min(most, all.size()));
  std::size_t at = 0;
  do {
    const auto [taken, cells] = row(shown.subspan(at), field.text);
    const std::string right = at == 0 ? explanation(field) : "";
    std::string line = fmt::format("  {:04x}  {:<{}}  {}", field.offset + at, cells, text_per_row, right);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
    at += taken;
  } while (at < shown.size());
  if (shown.size() < all.size()) out += fmt::format("        ... {} more bytes\n", all.size() - shown.size());
}

}  // namespace

std::string dump(const Trace& trace, Bytes bytes, std::size_t most) {
  std::string out;
  std::size_t covered = 0;
  const auto fill_up_to = [&](std::size_t end) {
    if (covered >= end) return;
    const Bytes gap = bytes.subspan(covered, end - covered);
    append(out, {covered, gap.size(), 0, is_text(gap), "(not explained)", {}, {}, {}}, bytes, most);
    covered = end;
  };
  for (const Trace::Field& field : trace.fields) {
    fill_up_to(field.offset);
    append(out, field, bytes, most);
    covered = std::max(covered, field.offset + field.size);
  }
  fill_up_to(bytes.size());
  return out;
}

}  // namespace wire
