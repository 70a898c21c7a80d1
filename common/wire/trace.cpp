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

// One byte as one character: ␠ is a space, ␍␊ are carriage return and line feed, · has no character.
std::string_view character(const std::uint8_t& byte) {
  switch (byte) {
    case ' ': return "␠";
    case '\t': return "␉";
    case '\r': return "␍";
    case '\n': return "␊";
    default: return byte > 0x20 && byte < 0x7f ? as_text({&byte, 1}) : "·";
  }
}

void append_walk(std::string& out, const Trace::Field& field, Bytes bytes, std::size_t base) {
  std::string right(2 * static_cast<std::size_t>(field.depth), ' ');
  right += field.name + (field.value.empty() ? "" : " = " + field.value);
  if (!field.meaning.empty()) right += ": " + field.meaning;
  if (!field.section.empty()) right = fmt::format("{:<56}  {}", right, field.section);
  const Bytes all = bytes.subspan(field.offset, field.size);
  for (std::size_t at = 0; at < all.size(); at += hex_per_row) {
    const Bytes part = all.subspan(at, std::min(all.size() - at, hex_per_row));
    std::string characters;
    for (const std::uint8_t& byte : part) characters += character(byte);
    characters.append(hex_per_row - part.size(), ' ');  // not by fmt: some have more bytes than columns
    std::string line = fmt::format("  {:04x}  {:<24} {}  {}", base + field.offset + at,
                                   fmt::format("{:02x}", fmt::join(part, " ")), characters, at == 0 ? right : "");
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

// Calls show() for all of bytes `begin` to `end`, in order; what no field covers is a field that says so.
template <class Show>
void for_each_field(const std::vector<Trace::Field>& fields, Bytes bytes, std::size_t begin, std::size_t end,
                    Show show) {
  const auto fill_up_to = [&](std::size_t to) {
    if (begin >= to) return;
    const bool text = is_text(bytes.subspan(begin, to - begin));
    show(Trace::Field{begin, to - begin, 0, text, "(not explained)", {}, {}, {}});
    begin = to;
  };
  for (const Trace::Field& field : fields) {
    fill_up_to(field.offset);
    show(field);
    begin = std::max(begin, field.offset + field.size);
  }
  fill_up_to(end);
}

}  // namespace

void Trace::add_flags(std::size_t offset, std::uint8_t byte, std::string_view name) {
  add(offset, 1, name, fmt::format("0x{:02x}", byte));
}

void Trace::add_part(std::size_t n, std::string_view name, std::string_view meaning, std::string_view section) {
  if (fields.empty()) return;
  Field& whole = fields.back();
  const std::size_t begin = whole.parts.empty() ? whole.offset : whole.parts.back().offset + whole.parts.back().size;
  n = std::min(n, whole.offset + whole.size - begin);
  if (n == 0) return;
  whole.parts.push_back(
      {begin, n, depth, whole.text, std::string(name), {}, std::string(meaning), std::string(section)});
}

std::string dump(const Trace& trace, Bytes bytes, std::size_t most) {
  std::string out;
  const auto show = [&](const Trace::Field& field) { append(out, field, bytes, most); };
  for_each_field(trace.fields, bytes, 0, bytes.size(), show);
  return out;
}

std::string walk(const Trace& trace, Bytes bytes, std::size_t base) {
  std::string out;
  const auto show = [&](const Trace::Field& field) { append_walk(out, field, bytes, base); };
  for_each_field(trace.fields, bytes, 0, bytes.size(), [&](const Trace::Field& field) {
    if (field.parts.empty()) show(field);
    else for_each_field(field.parts, bytes, field.offset, field.offset + field.size, show);
  });
  return out;
}

}  // namespace wire
